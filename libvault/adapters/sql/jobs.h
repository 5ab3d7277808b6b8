/* Adding a job inside someone else's transaction. */
#ifndef VAULT__SQL_JOBS_H
#define VAULT__SQL_JOBS_H

#include "libvault/adapters/sql/tx.h"
#include "vault/ports/repository/jobs.h"

/* As the port's enqueue. USAGE for a kind of 64 or more, and for a payload or key that is
 * too long. */
vault_status vault__sql_job_add(vault__tx *tx, const vault_job_row *job, vault_err *err);

#endif
