/* A growing byte buffer that cannot grow past its maximum. Confined to one thread.
 * Errors stick: append freely, then look at `failed` once. */
#ifndef VAULT__BUF_H
#define VAULT__BUF_H

#include "vault/base.h"

typedef struct vault__buf {
  const vault_alloc *alloc;
  char *p; /* NUL-terminated when not NULL */
  uint64_t n, cap, max;
  int failed; /* out of memory, or above max */
} vault__buf;

void vault__buf_init(vault__buf *b, const vault_alloc *alloc, uint64_t max);
void vault__buf_add(vault__buf *b, const void *p, uint64_t n);
void vault__buf_text(vault__buf *b, const char *text);
void vault__buf_printf(vault__buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void vault__buf_free(vault__buf *b); /* wipes; may be called twice */

/* VAULT_OK, or why the buffer failed. */
vault_status vault__buf_check(const vault__buf *b, vault_err *err);

#endif
