/* The bodies of a memory store, sorted by (key, partial). The caller holds the store's mutex.
 * A body is freed when the index, its writer and its readers have all let go of it. */
#ifndef VAULT__BLOB_MEMORY_INDEX_H
#define VAULT__BLOB_MEMORY_INDEX_H

#include "vault/ports/blob_store.h"

typedef struct vault__mem_body {
  vault_blob_key key;
  vault_blob_meta meta; /* format UINT32_MAX: none */
  unsigned char *p;
  uint64_t n, cap;
  uint64_t refs;
  int64_t modified_ms;
  uint32_t partial;
} vault__mem_body;

typedef struct vault__mem_index {
  vault__mem_body **rows;
  uint64_t n, cap;
} vault__mem_index;

/* Where a body with this key is, or would be; *found says which. */
uint64_t vault__mem_find(const vault__mem_index *x, const vault_blob_key *key, uint32_t partial,
                         int *found);

/* Insert at `at`, which vault__mem_find gave. 0 when out of memory. */
int vault__mem_insert(vault__mem_index *x, const vault_alloc *a, uint64_t at,
                      vault__mem_body *body);

/* Take out the row at `at` and give it to the caller. */
vault__mem_body *vault__mem_take(vault__mem_index *x, uint64_t at);

#endif
