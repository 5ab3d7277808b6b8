#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "err.h"

#define FIRST_CAP 128u

void vault__buf_init(vault__buf *b, const vault_alloc *alloc, uint64_t max) {
  *b = (vault__buf){alloc, NULL, 0, 0, max, 0};
}

/* Not realloc: the old bytes may be secret and must be wiped, not left behind. */
static int reserve(vault__buf *b, uint64_t more) {
  if (b->failed || more > b->max - b->n) {
    b->failed = 1;
    return 0;
  }
  if (b->cap - b->n > more)
    return 1;
  uint64_t cap = b->cap ? b->cap : FIRST_CAP;
  while (cap - b->n <= more)
    cap *= 2;
  char *p = vault__new(b->alloc, cap);
  if (!p) {
    b->failed = 1;
    return 0;
  }
  if (b->n)
    memcpy(p, b->p, (size_t)b->n);
  if (b->p)
    vault__wipe(b->p, b->n);
  vault__delete(b->alloc, b->p);
  b->p = p;
  b->cap = cap;
  return 1;
}

void vault__buf_add(vault__buf *b, const void *p, uint64_t n) {
  if (!reserve(b, n))
    return;
  if (n)
    memcpy(b->p + b->n, p, (size_t)n);
  b->n += n;
  b->p[b->n] = 0;
}

void vault__buf_text(vault__buf *b, const char *text) {
  vault__buf_add(b, text, strlen(text));
}

void vault__buf_printf(vault__buf *b, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  if (n < 0 || !reserve(b, (uint64_t)n)) {
    b->failed = 1;
    return;
  }
  va_start(ap, fmt);
  (void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
  va_end(ap);
  b->n += (uint64_t)n;
}

void vault__buf_free(vault__buf *b) {
  if (b->p)
    vault__wipe(b->p, b->n);
  vault__delete(b->alloc, b->p);
  vault__buf_init(b, b->alloc, b->max);
}

vault_status vault__buf_check(const vault__buf *b, vault_err *err) {
  if (!b->failed)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_NO_MEMORY, VAULT_ORIGIN_CORE, 0,
                     "a buffer reached its limit of %llu bytes, or memory ran out",
                     (unsigned long long)b->max);
}
