/* An empty database of each engine. Tests only; failures end the test. */
#ifndef VT_SQL_H
#define VT_SQL_H

#include "libvault/adapters/sql/repository.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/postgres.h"
#include "vault/adapters/sqlite.h"

#define VT_ENGINES 2 /* numbered as VAULT__DIALECT_* */

typedef struct vt_sql {
  vault_repositories r;
  vault__db db;
  char schema[64]; /* PostgreSQL */
} vt_sql;

void vt_sql_open(vt_sql *t, int dialect);
void vt_sql_close(vt_sql *t); /* also drops the schema */

/* conninfo of VT_PG_CONNINFO with that schema; static memory. */
const char *vt_pg_text(const char *schema);
/* A command, outside the library. */
void vt_pg_execute(const char *sql);

/* A connection in a transaction, and the statement of a test's own. */
vault__conn *vt_sql_begin(vt_sql *t);
vault_status vt_sql_run(vt_sql *t, vault__conn *c, const char *text, int n_params, int n_cols,
                        const vault__val *params, vault__arena *arena, vault__rows *rows);
vault_status vt_sql_many(vt_sql *t, vault__conn *c, const char *text, int n_params,
                         const vault__val *params, int n_sets, int64_t *affected);

#endif
