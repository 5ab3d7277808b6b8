/* The suites of the repository ports on SQLite: a file, and a database in memory. */
#include <stdio.h>
#include <string.h>

#include "sql_ports.h"
#include "tests/support/vt_dir.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/sqlite.h"

#define WAIT_MS 60000 /* a busy machine is not a failure */

static void open_db(vt_sql_ctx *ctx, const char *path) {
  vault_sqlite_opts o = {.size = sizeof o, .wait_ms = WAIT_MS};
  vault_err err = VAULT_ERR_INIT;
  vault_status s = vault_sqlite_open(path, strlen(path), &o, &ctx->r, &err);
  ck_assert_msg(s == VAULT_OK, "%s: %s", path, err.msg);
}

static void make_memory(const vt_adapter *a, vt_instance *out) {
  vt_sql_ctx *ctx = vt_sql_new();
  open_db(ctx, ":memory:");
  vt_sql_fill(a, ctx, out);
}

static void destroy_memory(const vt_adapter *a, vt_instance *i) {
  (void)a;
  vt_sql_free(i->ctx);
}

static void open_file(vt_sql_ctx *ctx) {
  char path[VT_DIR_MAX + 16];
  (void)snprintf(path, sizeof path, "%s/vault.db", ctx->where);
  open_db(ctx, path);
}

static void make_file(const vt_adapter *a, vt_instance *out) {
  vt_sql_ctx *ctx = vt_sql_new();
  vt_dir_make(ctx->where);
  open_file(ctx);
  vt_sql_fill(a, ctx, out);
}

static void reopen_file(const vt_adapter *a, vt_instance *i) {
  vt_sql_ctx *ctx = i->ctx;
  vault_repositories_close(&ctx->r);
  open_file(ctx);
  vt_sql_fill(a, ctx, i);
}

static void destroy_file(const vt_adapter *a, vt_instance *i) {
  (void)a;
  char where[VT_DIR_MAX];
  memcpy(where, ((vt_sql_ctx *)i->ctx)->where, sizeof where);
  vt_sql_free(i->ctx);
  vt_dir_remove(where);
}

static const vt_adapter *memory(vt_sql_port port) {
  static vt_adapter all[4];
  all[port] = (vt_adapter){.name = "sqlite-memory",
                           .user = &vt_sql_ports[port],
                           .make = make_memory,
                           .destroy = destroy_memory};
  return &all[port];
}

static const vt_adapter *file(vt_sql_port port) {
  static vt_adapter all[4];
  all[port] = (vt_adapter){.name = "sqlite-file",
                           .caps = VT_CAP_REOPEN,
                           .user = &vt_sql_ports[port],
                           .make = make_file,
                           .destroy = destroy_file,
                           .reopen = reopen_file};
  return &all[port];
}

static Suite *sqlite(void) {
  Suite *s = suite_create("sqlite");
  suite_add_tcase(s, vt_identity_contract(memory(VT_SQL_IDENTITY)));
  suite_add_tcase(s, vt_identity_contract(file(VT_SQL_IDENTITY)));
  suite_add_tcase(s, vt_jobs_contract(memory(VT_SQL_JOBS)));
  suite_add_tcase(s, vt_jobs_contract(file(VT_SQL_JOBS)));
  suite_add_tcase(s, vt_items_contract(memory(VT_SQL_ITEMS)));
  suite_add_tcase(s, vt_items_contract(file(VT_SQL_ITEMS)));
#ifdef VT_LIMITER_SQL
  suite_add_tcase(s, vt_limiter_contract(memory(VT_SQL_LIMITER)));
  suite_add_tcase(s, vt_limiter_contract(file(VT_SQL_LIMITER)));
#endif
  return s;
}

VT_MAIN(sqlite)
