/* What is PostgreSQL's own: lost connections, several nodes, servers that do not flush. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/contract/parallel.h"
#include "vt_sql.h"

static const char *const kill_all =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
  " AND pid <> pg_backend_pid()";

START_TEST(lost_connections_are_made_anew) {
  vt_sql t;
  vt_sql_open(&t, VAULT__DIALECT_POSTGRES);
  int64_t floor_ms = 0;
  for (int64_t i = 1; i <= 3; i++) {
    vt_ok(t.r.identity->clock_floor(t.r.identity_self, i, &floor_ms, NULL));
    ck_assert_int_eq(floor_ms, i);
    vt_pg_execute(kill_all);
  }
  vt_sql_close(&t);
}
END_TEST

static const char *const put =
  "INSERT INTO limiter (limit_key, state, expires_ms) VALUES ($1, $2, $3)";

START_TEST(lost_in_a_transaction) {
  vt_sql t;
  vt_sql_open(&t, VAULT__DIALECT_POSTGRES);
  vault__val p[] = {vault__p_cstr("k"), vault__p_blob("x", 1), vault__p_int(1)};
  vault__conn *c = vt_sql_begin(&t);
  vt_pg_execute(kill_all);
  vt_status(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL), VAULT_E_RETRY);
  t.db.ops->release(t.db.self, c);
  c = vt_sql_begin(&t);
  vt_ok(t.db.ops->savepoint(c, NULL));
  vt_ok(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL));
  vt_pg_execute(kill_all);
  vt_status(t.db.ops->keep(c, NULL), VAULT_E_RETRY);
  vt_status(t.db.ops->undo(c, NULL), VAULT_E_RETRY); /* all of it is gone, not only that */
  t.db.ops->release(t.db.self, c);
  c = vt_sql_begin(&t);
  vt_ok(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL));
  vt_pg_execute(kill_all);
  vt_status(t.db.ops->commit(c, NULL), VAULT_E_UNCERTAIN);
  t.db.ops->release(t.db.self, c);
  c = vt_sql_begin(&t);
  vt_ok(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL)); /* this one had not been kept */
  vt_ok(t.db.ops->commit(c, NULL));
  t.db.ops->release(t.db.self, c);
  vt_sql_close(&t);
}
END_TEST

/* Many sets in one round trip: the same statuses as one by one. */
static void many_and_lost(int unprepared) {
  vt_sql t;
  vt_sql_open(&t, VAULT__DIALECT_POSTGRES);
  const char *text = vt_pg_text(t.schema);
  vault_postgres_opts o = {.size = sizeof o, .connections = 1, .unprepared = (uint32_t)unprepared};
  vault_repositories r = {.size = sizeof r};
  vt_ok(vault_postgres_open(text, strlen(text), &o, &r, NULL));
  vt_sql u = {.r = r, .db = vault__repositories_repo(&r)->db};
  vault__val p[] = {vault__p_cstr("k"), vault__p_blob("x", 1), vault__p_int(1),
                    vault__p_cstr("l"), vault__p_blob("x", 1), vault__p_int(1)};
  vault__val mixed[] = {vault__p_cstr("k"), vault__p_blob("x", 1), vault__p_int(1),
                        vault__p_cstr("l"), vault__p_blob("x", 1), vault__p_cstr("1")};
  const vault__sql *limit = &vault__statements[VAULT__SQL_LIMITER_FORGET];
  vault__val types[] = {vault__p_cstr("k"), vault__p_int(1)};
  for (int round = 0; round < 3; round++) {
    vault__conn *c = vt_sql_begin(&u);
    vt_pg_execute(kill_all);
    vt_status(vt_sql_many(&u, c, put, 3, p, 2, NULL), VAULT_E_RETRY);
    u.db.ops->release(u.db.self, c);
    c = vt_sql_begin(&u);
    vt_ok(vt_sql_many(&u, c, put, 3, p, 2, NULL));
    u.db.ops->release(u.db.self, c);
    c = vt_sql_begin(&u); /* a registered one has fixed types: the second set breaks them */
    vt_status(u.db.ops->run_many(c, limit, types, 2, NULL, NULL), VAULT_E_INTERNAL);
    u.db.ops->release(u.db.self, c);
    c = vt_sql_begin(&u);
    vt_status(vt_sql_many(&u, c, put, 3, mixed, 2, NULL), VAULT_E_INTERNAL);
    u.db.ops->release(u.db.self, c);
  }
  vault_repositories_close(&u.r);
  vt_sql_close(&t);
}

START_TEST(many_on_a_lost_connection) {
  many_and_lost(0);
}
END_TEST

START_TEST(many_behind_a_pooler) {
  many_and_lost(1);
}
END_TEST

START_TEST(types_of_a_statement_are_fixed) {
  vt_sql t;
  vt_sql_open(&t, VAULT__DIALECT_POSTGRES);
  vault__conn *c = vt_sql_begin(&t);
  vault__arena arena;
  vault__rows rows;
  vault__arena_init(&arena, vault__repositories_repo(&t.r)->alloc, 1u << 16);
  vault__val id = vault__p_id(NULL), text = vault__p_cstr("x");
  const vault__sql *sql = &vault__statements[VAULT__SQL_ACCOUNT_GET];
  vt_ok(t.db.ops->run(c, sql, &id, &arena, &rows, NULL));
  vt_status(t.db.ops->run(c, sql, &text, &arena, &rows, NULL), VAULT_E_INTERNAL);
  vault__arena_free(&arena);
  t.db.ops->release(t.db.self, c);
  vt_sql_close(&t);
}
END_TEST

#define NODES 8

typedef struct start {
  const char *text;
  vault_status got[NODES];
  vault_err err[NODES];
  vault_repositories r[NODES];
} start;

static void open_node(void *ctx, uint32_t i) {
  start *s = ctx;
  vault_postgres_opts o = {.size = sizeof o, .connections = 2};
  s->r[i].size = sizeof s->r[i];
  s->err[i].size = sizeof s->err[i];
  s->got[i] = vault_postgres_open(s->text, strlen(s->text), &o, &s->r[i], &s->err[i]);
}

START_TEST(nodes_start_together) {
  static start s;
  vt_pg_execute("CREATE SCHEMA vts_nodes");
  s.text = vt_pg_text("vts_nodes");
  vt_parallel(NODES, open_node, &s);
  for (uint32_t i = 0; i < NODES; i++) {
    ck_assert_msg(s.got[i] == VAULT_OK, "%s", s.err[i].msg);
    vault_repositories_close(&s.r[i]);
  }
  vt_pg_execute("DROP SCHEMA vts_nodes CASCADE");
}
END_TEST

START_TEST(pool_is_bounded) {
  vt_sql t;
  vt_sql_open(&t, VAULT__DIALECT_POSTGRES);
  const char *text = vt_pg_text(t.schema);
  vault_postgres_opts o = {.size = sizeof o, .connections = 1, .wait_ms = 20};
  vault_repositories r = {.size = sizeof r};
  vt_ok(vault_postgres_open(text, strlen(text), &o, &r, NULL));
  vault__db db = vault__repositories_repo(&r)->db;
  vault__conn *one = NULL, *two = NULL;
  vault_err err = VAULT_ERR_INIT;
  vt_ok(db.ops->acquire(db.self, VAULT__DB_READ, &one, NULL));
  vt_status(db.ops->acquire(db.self, VAULT__DB_READ, &two, &err), VAULT_E_RETRY);
  ck_assert_ptr_null(two);
  db.ops->release(db.self, one);
  vt_ok(db.ops->acquire(db.self, VAULT__DB_READ, &two, NULL));
  db.ops->release(db.self, two);
  vault_repositories_close(&r);
  vt_sql_close(&t);
}
END_TEST

static vault_status open_text(const char *text, vault_err *err) {
  vault_repositories r = {.size = sizeof r};
  vault_status s = vault_postgres_open(text, strlen(text), NULL, &r, err);
  vault_repositories_close(&r);
  return s;
}

START_TEST(servers_that_are_refused) {
  vault_err err = VAULT_ERR_INIT;
  char text[1024];
  /* The test server runs without fsync: good only for those who say that they test. */
  (void)snprintf(text, sizeof text, "%s application_name=mine", getenv("VT_PG_CONNINFO"));
  vt_status(open_text(text, &err), VAULT_E_USAGE);
  ck_assert_ptr_nonnull(strstr(err.msg, "fsync"));
  vt_status(open_text("host=/nowhere-at-all user=u password=hunter2", &err), VAULT_E_RETRY);
  ck_assert_ptr_null(strstr(err.msg, "hunter2"));
  vt_status(vault_postgres_open("a\0b", 3, NULL, NULL, NULL), VAULT_E_USAGE);
}
END_TEST

static Suite *postgres(void) {
  const TTest *const tests[] = {lost_connections_are_made_anew,
                                lost_in_a_transaction,
                                many_on_a_lost_connection,
                                many_behind_a_pooler,
                                types_of_a_statement_are_fixed,
                                nodes_start_together,
                                pool_is_bounded,
                                servers_that_are_refused,
                                NULL};
  return vt_suite("sql_postgres", tests);
}

VT_MAIN(postgres)
