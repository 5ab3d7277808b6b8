/* The suites of the repository ports on PostgreSQL. VT_PG_CONNINFO names a server that may be
 * filled and emptied (tests/support/with_postgres makes one); each instance has a schema of
 * its own, so that programs can run at the same time. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql_ports.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/postgres.h"

#define WAIT_MS 60000 /* a busy machine is not a failure */
#define TEXT_MAX 1024

static const char *server(void) {
  const char *text = getenv("VT_PG_CONNINFO");
  ck_assert_msg(text != NULL, "run this below tests/support/with_postgres");
  return text;
}

static void execute(const char *sql) {
  PGconn *pg = PQconnectdb(server());
  ck_assert_msg(PQstatus(pg) == CONNECTION_OK, "%s", PQerrorMessage(pg));
  PQclear(PQexec(pg, "SET client_min_messages = warning"));
  PGresult *r = PQexec(pg, sql);
  ck_assert_msg(PQresultStatus(r) == PGRES_COMMAND_OK, "%s: %s", sql, PQerrorMessage(pg));
  PQclear(r);
  PQfinish(pg);
}

static void open_db(const vt_adapter *a, vt_sql_ctx *ctx) {
  char text[TEXT_MAX];
  (void)snprintf(text, sizeof text, "%s options='-c search_path=%s'", server(), ctx->where);
  vault_postgres_opts o = {.size = sizeof o, .wait_ms = WAIT_MS};
  o.unprepared = strcmp(a->name, "postgres-unprepared") == 0;
  vault_err err = VAULT_ERR_INIT;
  vault_status s = vault_postgres_open(text, strlen(text), &o, &ctx->r, &err);
  ck_assert_msg(s == VAULT_OK, "%s", err.msg);
}

static void make(const vt_adapter *a, vt_instance *out) {
  static unsigned n;
  char sql[TEXT_MAX];
  vt_sql_ctx *ctx = vt_sql_new();
  (void)snprintf(ctx->where, sizeof ctx->where, "vt_%ld_%u", (long)getpid(), n++);
  (void)snprintf(sql, sizeof sql, "CREATE SCHEMA %s", ctx->where);
  execute(sql);
  open_db(a, ctx);
  vt_sql_fill(a, ctx, out);
}

static void reopen(const vt_adapter *a, vt_instance *i) {
  vt_sql_ctx *ctx = i->ctx;
  vault_repositories_close(&ctx->r);
  open_db(a, ctx);
  vt_sql_fill(a, ctx, i);
}

static void destroy(const vt_adapter *a, vt_instance *i) {
  (void)a;
  char sql[TEXT_MAX];
  (void)snprintf(sql, sizeof sql, "DROP SCHEMA %s CASCADE", ((vt_sql_ctx *)i->ctx)->where);
  vt_sql_free(i->ctx);
  execute(sql);
}

static const vt_adapter *adapter(vt_sql_port port, int unprepared) {
  static vt_adapter all[4][2];
  vt_adapter *a = &all[port][unprepared];
  *a = (vt_adapter){.name = unprepared ? "postgres-unprepared" : "postgres",
                    .caps = VT_CAP_REOPEN | VT_CAP_CONCURRENT,
                    .user = &vt_sql_ports[port],
                    .make = make,
                    .destroy = destroy,
                    .reopen = reopen};
  return a;
}

static Suite *postgres(void) {
  Suite *s = suite_create("postgres");
  suite_add_tcase(s, vt_identity_contract(adapter(VT_SQL_IDENTITY, 0)));
  suite_add_tcase(s, vt_identity_contract(adapter(VT_SQL_IDENTITY, 1)));
  suite_add_tcase(s, vt_jobs_contract(adapter(VT_SQL_JOBS, 0)));
  suite_add_tcase(s, vt_items_contract(adapter(VT_SQL_ITEMS, 0)));
#ifdef VT_LIMITER_SQL
  suite_add_tcase(s, vt_limiter_contract(adapter(VT_SQL_LIMITER, 0)));
#endif
  return s;
}

VT_MAIN(postgres)
