#include "vt_sql.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libvault/base/alloc.h"

static const char *server(void) {
  const char *text = getenv("VT_PG_CONNINFO");
  ck_assert_msg(text != NULL, "run this below tests/support/with_postgres");
  return text;
}

void vt_pg_execute(const char *sql) {
  PGconn *pg = PQconnectdb(server());
  ck_assert_msg(PQstatus(pg) == CONNECTION_OK, "%s", PQerrorMessage(pg));
  PQclear(PQexec(pg, "SET client_min_messages = warning"));
  PGresult *r = PQexec(pg, sql);
  ExecStatusType s = PQresultStatus(r);
  ck_assert_msg(s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK, "%s: %s", sql, PQerrorMessage(pg));
  PQclear(r);
  PQfinish(pg);
}

const char *vt_pg_text(const char *schema) {
  static char text[1024];
  (void)snprintf(text, sizeof text, "%s options='-c search_path=%s'", server(), schema);
  return text;
}

static void open_postgres(vt_sql *t, vault_err *err) {
  static unsigned n;
  char sql[128];
  (void)snprintf(t->schema, sizeof t->schema, "vts_%ld_%u", (long)getpid(), n++);
  (void)snprintf(sql, sizeof sql, "CREATE SCHEMA %s", t->schema);
  vt_pg_execute(sql);
  const char *text = vt_pg_text(t->schema);
  (void)vault_postgres_open(text, strlen(text), NULL, &t->r, err);
}

void vt_sql_open(vt_sql *t, int dialect) {
  memset(t, 0, sizeof *t);
  t->r.size = sizeof t->r;
  vault_err err = VAULT_ERR_INIT;
  if (dialect == VAULT__DIALECT_POSTGRES)
    open_postgres(t, &err);
  else
    (void)vault_sqlite_open(":memory:", 8, NULL, &t->r, &err);
  ck_assert_msg(t->r.owner != NULL, "%s", err.msg);
  t->db = vault__repositories_repo(&t->r)->db;
}

void vt_sql_close(vt_sql *t) {
  vault_repositories_close(&t->r);
  if (!t->schema[0])
    return;
  char sql[128];
  (void)snprintf(sql, sizeof sql, "DROP SCHEMA %s CASCADE", t->schema);
  vt_pg_execute(sql);
}

vault__conn *vt_sql_begin(vt_sql *t) {
  vault__conn *c = NULL;
  vt_ok(t->db.ops->acquire(t->db.self, VAULT__DB_WRITE, &c, NULL));
  vt_ok(t->db.ops->begin(c, NULL));
  return c;
}

vault_status vt_sql_run(vt_sql *t, vault__conn *c, const char *text, int n_params, int n_cols,
                        const vault__val *params, vault__arena *arena, vault__rows *rows) {
  const vault__sql sql = {.name = "TEST", .text = text, .n_params = n_params, .n_cols = n_cols};
  vault__arena own;
  vault__arena_init(&own, vault__alloc_default(), 1u << 20);
  vault_status s = t->db.ops->run(c, &sql, params, arena ? arena : &own, rows, NULL);
  vault__arena_free(&own);
  return s;
}

vault_status vt_sql_many(vt_sql *t, vault__conn *c, const char *text, int n_params,
                         const vault__val *params, int n_sets, int64_t *affected) {
  const vault__sql sql = {.name = "TEST", .text = text, .n_params = n_params};
  return t->db.ops->run_many(c, &sql, params, n_sets, affected, NULL);
}
