/* Adapter: metadata in PostgreSQL 13 or newer, shared by several processes.
 * Threads: any thread. Needs the meson feature `postgres`. */
#ifndef VAULT_ADAPTERS_POSTGRES_H
#define VAULT_ADAPTERS_POSTGRES_H

#include "repositories.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vault_postgres_opts {
  uint32_t size;            /* sizeof(vault_postgres_opts) */
  uint32_t connections;     /* at most; 0: VAULT_POSTGRES_CONNECTIONS */
  uint32_t wait_ms;         /* how long a caller waits for one; 0: VAULT_POSTGRES_WAIT_MS */
  uint32_t unprepared;      /* 1: no named statements (pgbouncer in transaction mode) */
  const vault_alloc *alloc; /* NULL: malloc. Must outlive the repositories. */
} vault_postgres_opts;

#define VAULT_POSTGRES_CONNECTIONS 16u
#define VAULT_POSTGRES_WAIT_MS 10000u

/* Connect, and create the schema in an empty database. conninfo: what libpq takes, a
 * postgresql:// URL or key=value text. Refuses a server with fsync or synchronous_commit
 * off unless conninfo's application_name is "vault-test". out: owned by the caller, release
 * with vault_repositories_close; untouched on failure.
 * OK | RETRY (cannot connect) | FORMAT (newer schema) | IO | USAGE */
VAULT_API vault_status vault_postgres_open(const char *conninfo, uint64_t conninfo_len,
                                           const vault_postgres_opts *opts,
                                           vault_repositories *out, vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
