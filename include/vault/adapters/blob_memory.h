/* Adapter: blobs in memory, for tests and hosts that keep nothing.
 * Threads: any thread. Needs the meson feature `blob_memory`. */
#ifndef VAULT_ADAPTERS_BLOB_MEMORY_H
#define VAULT_ADAPTERS_BLOB_MEMORY_H

#include "../ports/blob_store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* max_bytes: NO_SPACE above it; 0: no limit. Ownership as vault_blob_fs_new. */
VAULT_API vault_status vault_blob_memory_new(uint64_t max_bytes, const vault_alloc *alloc,
                                             const vault_blob_store_ops **ops, void **self,
                                             vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
