/* The one place that calls malloc. */
#ifndef VAULT__ALLOC_H
#define VAULT__ALLOC_H

#include "vault/base.h"

/* The process's allocator. Static. */
const vault_alloc *vault__alloc_default(void);

void *vault__new(const vault_alloc *a, uint64_t n); /* zeroed; NULL when out of memory */
void *vault__resize(const vault_alloc *a, void *p, uint64_t n);
void vault__delete(const vault_alloc *a, void *p); /* takes NULL */

/* Overwrite n bytes with zeros in a way that a compiler does not remove. */
void vault__wipe(void *p, uint64_t n);

#endif
