/* Adapter: metadata in an embedded SQLite database. One process at a time.
 * Threads: any thread. Needs the meson feature `sqlite`. */
#ifndef VAULT_ADAPTERS_SQLITE_H
#define VAULT_ADAPTERS_SQLITE_H

#include "repositories.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vault_sqlite_opts {
  uint32_t size;              /* sizeof(vault_sqlite_opts) */
  uint32_t readers;           /* connections for reading; 0: VAULT_SQLITE_READERS */
  uint32_t wait_ms;           /* how long a caller waits for the writer; 0: VAULT_SQLITE_WAIT_MS */
  uint32_t wal_mib;           /* MiB that the log is written out to, in steps as it is used, and
                               * keeps; 0: VAULT_SQLITE_WAL_MIB */
  const vault_alloc *alloc;   /* NULL: malloc. Must outlive the repositories. */
} vault_sqlite_opts;

#define VAULT_SQLITE_READERS 4u
#define VAULT_SQLITE_WAIT_MS 10000u
#define VAULT_SQLITE_WAL_MIB 128u
#define VAULT_SQLITE_WAL_MIB_MAX 1024u

/* Open or create a database. path: a file whose directory exists, or ":memory:" (one
 * connection, gone at close). Takes the lock `lock` beside the file. out: owned by the
 * caller, release with vault_repositories_close; untouched on failure.
 * OK | LOCKED (another process) | FORMAT (newer schema) | NO_SPACE | IO | USAGE */
VAULT_API vault_status vault_sqlite_open(const char *path, uint64_t path_len,
                                         const vault_sqlite_opts *opts, vault_repositories *out,
                                         vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
