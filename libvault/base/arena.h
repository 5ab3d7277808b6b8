/* Scratch memory of one call: many small allocations, one free. Wiped when freed, so it
 * may hold secrets. Confined to one thread. */
#ifndef VAULT__ARENA_H
#define VAULT__ARENA_H

#include "vault/base.h"

typedef struct vault__arena_chunk vault__arena_chunk;

typedef struct vault__arena {
  const vault_alloc *alloc;
  vault__arena_chunk *chunks;
  uint64_t total, max; /* bytes taken so far, and the most that this arena may take */
} vault__arena;

void vault__arena_init(vault__arena *a, const vault_alloc *alloc, uint64_t max);

/* n zeroed bytes, aligned for any type; NULL when out of memory or above max. */
void *vault__arena_get(vault__arena *a, uint64_t n);

/* A copy of n bytes with a NUL behind it; NULL as above. */
char *vault__arena_dup(vault__arena *a, const void *p, uint64_t n);

void vault__arena_free(vault__arena *a); /* may be called twice; the arena is then empty */

#endif
