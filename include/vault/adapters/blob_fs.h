/* Adapter: blobs as plain files below one directory, durable at every acknowledgement.
 * Threads: any thread. Needs the meson feature `blob_fs` and Linux 5.6 or newer. */
#ifndef VAULT_ADAPTERS_BLOB_FS_H
#define VAULT_ADAPTERS_BLOB_FS_H

#include "../ports/blob_store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* root: the storage directory; it is made at attach(create = 1). alloc: NULL for malloc.
 * ops and self: owned by the caller, who calls ops->destroy(self) once.
 * OK | USAGE | NO_MEMORY */
VAULT_API vault_status vault_blob_fs_new(const char *root, uint64_t root_len,
                                         const vault_alloc *alloc,
                                         const vault_blob_store_ops **ops, void **self,
                                         vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
