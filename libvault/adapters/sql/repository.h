/* The repository ports over a database that a driver opened. */
#ifndef VAULT__REPOSITORY_H
#define VAULT__REPOSITORY_H

#include "libvault/adapters/sql/tx.h"
#include "vault/adapters/repositories.h"

extern const vault_identity_repo_ops vault__sql_identity_ops;
extern const vault_items_repo_ops vault__sql_items_ops;
extern const vault_jobs_repo_ops vault__sql_jobs_ops;
extern const vault_limiter_ops vault__sql_limiter_ops; /* feature limiter_sql */

/* Bring the schema forward and fill `out`, whose size the caller has set. On OK the
 * repositories own db; on failure it still is the caller's, and out is untouched.
 * alloc outlives the repositories. */
vault_status vault__repositories_make(vault__db db, const vault_alloc *alloc,
                                      vault_repositories *out, vault_err *err);

/* The database behind a port's self: for the tests of the drivers. */
vault__repo *vault__repositories_repo(const vault_repositories *r);

#endif
