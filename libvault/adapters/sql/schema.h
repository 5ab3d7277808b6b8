/* The schema: made in an empty database, brought forward in an older one. Any thread, and
 * several processes at once: the first does the work. */
#ifndef VAULT__SCHEMA_H
#define VAULT__SCHEMA_H

#include "libvault/adapters/sql/tx.h"

/* What this library writes, and the oldest library that may read or write beside it. Newer
 * schemas that name a min_writer of at most this one are used as they are (migrations go
 * expand, backfill, contract). */
#define VAULT__SCHEMA_VERSION 1
#define VAULT__SCHEMA_MIN_READER 1
#define VAULT__SCHEMA_MIN_WRITER 1

/* migrations/{sqlite,postgres}/NNNN.sql, embedded by the build; [dialect][number - 1]. */
extern const char *const vault__migrations[VAULT__N_DIALECTS][VAULT__SCHEMA_VERSION];

/* OK | FORMAT (newer schema) | RETRY | READ_ONLY | NO_SPACE | IO | INTERNAL */
vault_status vault__schema_open(vault__repo *repo, vault_err *err);

#endif
