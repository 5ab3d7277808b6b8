/* The two engines have to be one: statements, schema, transactions, values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libvault/adapters/sql/schema.h"
#include "libvault/base/alloc.h"
#include "vt_sql.h"

START_TEST(every_statement_prepares) {
  vt_sql t;
  vt_sql_open(&t, _i);
  vault__conn *c = NULL;
  vt_ok(t.db.ops->acquire(t.db.self, VAULT__DB_WRITE, &c, NULL));
  for (int i = 0; i < VAULT__SQL_COUNT; i++) {
    const vault__sql *sql = &vault__statements[i];
    vault_err err = VAULT_ERR_INIT;
    vault_status s = t.db.ops->prepare(c, sql, &err);
    ck_assert_msg(s == VAULT_OK, "%s: %s", sql->name, err.msg);
  }
  t.db.ops->release(t.db.self, c);
  vt_sql_close(&t);
}
END_TEST

/* The parameters in a text are exactly $1..$n, for every text of every statement. */
START_TEST(parameters_are_numbered) {
  for (int i = 0; i < VAULT__SQL_COUNT; i++) {
    const vault__sql *sql = &vault__statements[i];
    for (int d = 0; d < VAULT__N_DIALECTS; d++) {
      uint64_t seen = 0;
      for (const char *p = vault__sql_text(sql, d); (p = strchr(p, '$')) != NULL;) {
        int number = 0;
        for (p++; *p >= '0' && *p <= '9'; p++)
          number = number * 10 + (*p - '0');
        ck_assert_msg(number >= 1 && number <= sql->n_params, "%s: $%d", sql->name, number);
        seen |= (uint64_t)1 << (number - 1);
      }
      ck_assert_msg(seen == ((uint64_t)1 << sql->n_params) - 1, "%s: some $n is not used",
                    sql->name);
    }
  }
}
END_TEST

/* One statement per engine would be a design in itself: at most one in twenty differs. */
START_TEST(few_statements_differ) {
  int differ = 0;
  for (int i = 0; i < VAULT__SQL_COUNT; i++)
    differ += vault__statements[i].text_of[0] || vault__statements[i].text_of[1];
  ck_assert_msg(differ * 20 <= VAULT__SQL_COUNT, "%d of %d statements differ", differ,
                VAULT__SQL_COUNT);
}
END_TEST

/* ---- the schema ---- */

static const char *const columns_sql[VAULT__N_DIALECTS] = {
  "SELECT m.name || '.' || c.name || ' ' || c.type || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0"
  " THEN ' not null' ELSE '' END || CASE WHEN c.pk > 0 THEN ' key ' || c.pk ELSE '' END"
  " FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
  " AND m.name NOT LIKE 'sqlite%' ORDER BY 1",
  "SELECT c.relname || '.' || a.attname || ' ' || CASE t.typname WHEN 'int8' THEN 'INTEGER'"
  " WHEN 'bytea' THEN 'BLOB' WHEN 'text' THEN 'TEXT' ELSE CAST(t.typname AS text) END ||"
  " CASE WHEN a.attnotnull THEN ' not null' ELSE '' END ||"
  " COALESCE((SELECT ' key ' || CAST(array_position(CAST(i.indkey AS int2[]), a.attnum) + 1 AS text)"
  " FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)), '')"
  " COLLATE \"C\" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
  " JOIN pg_type t ON t.oid = a.atttypid WHERE c.relkind = 'r' AND a.attnum > 0"
  " AND c.relnamespace = CAST(current_schema() AS regnamespace) ORDER BY 1",
};

/* Indexes that were named in the migrations; primary keys and UNIQUE have other names. */
static const char *const indexes_sql[VAULT__N_DIALECTS] = {
  "SELECT m.tbl_name || '.' || m.name || CASE WHEN l.\"unique\" = 1 THEN ' unique' ELSE '' END ||"
  " CASE WHEN l.partial = 1 THEN ' partial' ELSE '' END || ' ' ||"
  " (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(m.name) ORDER BY seqno))"
  " FROM sqlite_schema m JOIN pragma_index_list(m.tbl_name) l ON l.name = m.name"
  " WHERE m.type = 'index' AND m.sql IS NOT NULL ORDER BY 1",
  "SELECT t.relname || '.' || x.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END ||"
  " CASE WHEN i.indpred IS NOT NULL THEN ' partial' ELSE '' END || ' ' ||"
  " (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY k (at, n)"
  " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.at)"
  " COLLATE \"C\" FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid"
  " JOIN pg_class t ON t.oid = i.indrelid WHERE NOT i.indisprimary"
  " AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid"
  " AND k.contype = 'u')"
  " AND t.relnamespace = CAST(current_schema() AS regnamespace) ORDER BY 1",
};

static void same_answers(const char *const text[VAULT__N_DIALECTS]) {
  vt_sql t[VAULT__N_DIALECTS];
  vault__arena arena[VAULT__N_DIALECTS];
  vault__rows rows[VAULT__N_DIALECTS];
  for (int d = 0; d < VAULT__N_DIALECTS; d++) {
    vt_sql_open(&t[d], d);
    vault__arena_init(&arena[d], vault__alloc_default(), 1u << 20);
    vault__conn *c = vt_sql_begin(&t[d]);
    vt_ok(vt_sql_run(&t[d], c, text[d], 0, 1, NULL, &arena[d], &rows[d]));
    t[d].db.ops->release(t[d].db.self, c);
  }
  for (int64_t i = 0; i < rows[0].n && i < rows[1].n; i++)
    ck_assert_str_eq(rows[0].vals[i].s.p, rows[1].vals[i].s.p);
  ck_assert_int_eq(rows[0].n, rows[1].n);
  ck_assert_int_gt(rows[0].n, 10);
  for (int d = 0; d < VAULT__N_DIALECTS; d++) {
    vault__arena_free(&arena[d]);
    vt_sql_close(&t[d]);
  }
}

START_TEST(schemas_have_the_same_columns) {
  same_answers(columns_sql);
}
END_TEST

START_TEST(schemas_have_the_same_indexes) {
  same_answers(indexes_sql);
}
END_TEST

START_TEST(newer_schema_is_refused) {
  vt_sql t;
  vt_sql_open(&t, _i);
  vault__repo *repo = vault__repositories_repo(&t.r);
  vault_err err = VAULT_ERR_INIT;
  static const char *const changes[] = {
    "UPDATE vault_schema SET version = 9", /* it says that we may still write: fine */
    "UPDATE vault_schema SET min_writer = 9",
    "UPDATE vault_schema SET min_writer = 1, min_reader = 9"};
  static const vault_status want[] = {VAULT_OK, VAULT_E_FORMAT, VAULT_E_FORMAT};
  for (int k = 0; k < 3; k++) {
    vault__conn *c = vt_sql_begin(&t);
    vt_ok(vt_sql_run(&t, c, changes[k], 0, 0, NULL, NULL, NULL));
    vt_ok(t.db.ops->commit(c, NULL));
    t.db.ops->release(t.db.self, c);
    vt_status(vault__schema_open(repo, &err), want[k]);
  }
  ck_assert_ptr_nonnull(strstr(err.msg, "schema 9"));
  vt_sql_close(&t);
}
END_TEST

/* ---- transactions and values ---- */

static const char *const put =
  "INSERT INTO limiter (limit_key, state, expires_ms) VALUES ($1, $2, $3)";

static int64_t count(vt_sql *t) {
  vault__conn *c = NULL;
  vault__arena arena;
  vault__rows rows;
  vault__arena_init(&arena, vault__alloc_default(), 1u << 16);
  vt_ok(t->db.ops->acquire(t->db.self, VAULT__DB_READ, &c, NULL));
  vt_ok(vt_sql_run(t, c, "SELECT count(*) FROM limiter", 0, 1, NULL, &arena, &rows));
  int64_t n = rows.vals[0].i;
  t->db.ops->release(t->db.self, c);
  vault__arena_free(&arena);
  return n;
}

START_TEST(failure_ends_the_transaction) {
  vt_sql t;
  vt_sql_open(&t, _i);
  vault__val p[] = {vault__p_cstr("k"), vault__p_blob("x", 1), vault__p_int(1)};
  vault__conn *c = vt_sql_begin(&t);
  vt_ok(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL));
  vt_status(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL), VAULT_E_CONFLICT);
  p[0] = vault__p_cstr("other");
  vt_status(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL), VAULT_E_INTERNAL);
  vt_status(t.db.ops->commit(c, NULL), VAULT_E_INTERNAL);
  t.db.ops->release(t.db.self, c);
  ck_assert_int_eq(count(&t), 0);
  c = vt_sql_begin(&t); /* and the connection is good again */
  vt_ok(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL));
  vt_ok(t.db.ops->commit(c, NULL));
  t.db.ops->release(t.db.self, c);
  ck_assert_int_eq(count(&t), 1);
  vt_sql_close(&t);
}
END_TEST

START_TEST(open_transaction_is_rolled_back) {
  vt_sql t;
  vt_sql_open(&t, _i);
  vault__val p[] = {vault__p_cstr("k"), vault__p_blob("x", 1), vault__p_int(1)};
  vault__conn *c = vt_sql_begin(&t);
  vt_ok(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL));
  t.db.ops->release(t.db.self, c);
  ck_assert_int_eq(count(&t), 0);
  vt_sql_close(&t);
}
END_TEST

START_TEST(values_come_back) {
  vt_sql t;
  vt_sql_open(&t, _i);
  static const int64_t numbers[] = {0, 1, -1, 127, 128, -32769, INT64_MAX, INT64_MIN};
  vault__arena arena;
  vault__arena_init(&arena, vault__alloc_default(), 1u << 16);
  vault__conn *c = vt_sql_begin(&t);
  vault__rows rows;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    vault__val p[] = {vault__p_int(numbers[i]),  vault__p_cstr("ğü\xf0\x9f\x98\x80"),
                      vault__p_blob("a\0b", 3),  vault__p_blob(NULL, 0),
                      vault__p_null(VAULT__INT), vault__p_null(VAULT__BLOB)};
    vt_ok(vt_sql_run(&t, c,
                     "SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), $3, $4, CAST($5 AS BIGINT), $6",
                     6, 6, p, &arena, &rows));
    ck_assert_int_eq(rows.n, 1);
    ck_assert_int_eq(rows.affected, 0);
    vault__row r = vault__row_at(&rows, 0);
    ck_assert_int_eq(vault__get_int(&r), numbers[i]);
    char text[16], blob[8];
    vault__get_text(&r, text, sizeof text);
    ck_assert_str_eq(text, "ğü\xf0\x9f\x98\x80");
    ck_assert_uint_eq(vault__get_blob(&r, blob, sizeof blob), 3);
    ck_assert_mem_eq(blob, "a\0b", 3);
    ck_assert_uint_eq(vault__get_blob(&r, blob, sizeof blob), 0);
    ck_assert_int_eq(vault__get_null(&r), 1);
    ck_assert_int_eq(vault__get_null(&r), 1);
    vt_ok(vault__row_check(&r, NULL));
    (void)vault__get_int(&r);
    vt_status(vault__row_check(&r, NULL), VAULT_E_CORRUPT);
  }
  t.db.ops->release(t.db.self, c);
  vault__arena_free(&arena);
  vt_sql_close(&t);
}
END_TEST

START_TEST(bad_text_is_refused) {
  vt_sql t;
  vt_sql_open(&t, _i);
  static const vault_str bad[] = {{"\xff", 1}, {"a\0b", 3}, {"\xc0\x80", 2}, {"\xed\xa0\x80", 3}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    vault__val p[] = {vault__p_text(bad[i]), vault__p_blob("x", 1), vault__p_int(1)};
    vault__conn *c = vt_sql_begin(&t);
    vt_status(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL), VAULT_E_INPUT);
    t.db.ops->release(t.db.self, c);
  }
  ck_assert_int_eq(count(&t), 0);
  vt_sql_close(&t);
}
END_TEST

START_TEST(affected_rows_are_counted) {
  vt_sql t;
  vt_sql_open(&t, _i);
  vault__conn *c = vt_sql_begin(&t);
  vault__rows rows;
  for (int64_t i = 0; i < 3; i++) {
    char key[2] = {(char)('a' + i), 0};
    vault__val p[] = {vault__p_cstr(key), vault__p_blob("x", 1), vault__p_int(i)};
    vt_ok(vt_sql_run(&t, c, put, 3, 0, p, NULL, &rows));
    ck_assert_int_eq(rows.affected, 1);
  }
  vault__arena arena;
  vault__arena_init(&arena, vault__alloc_default(), 1u << 16);
  vault__val limit = vault__p_int(1);
  vt_ok(vt_sql_run(&t, c,
                   "UPDATE limiter SET expires_ms = 9 WHERE expires_ms >= $1 RETURNING limit_key",
                   1, 1, &limit, &arena, &rows));
  ck_assert_int_eq(rows.affected, 2);
  ck_assert_int_eq(rows.n, 2);
  vt_ok(vt_sql_run(&t, c, "DELETE FROM limiter WHERE expires_ms = $1", 1, 0,
                   (vault__val[]){vault__p_int(77)}, &arena, &rows));
  ck_assert_int_eq(rows.affected, 0);
  vault__arena_free(&arena);
  t.db.ops->release(t.db.self, c);
  vt_sql_close(&t);
}
END_TEST

/* ---- one statement many times ---- */

#define MANY 1500 /* several slices of a pipeline */
#define MANY_BYTES 1000

typedef struct many {
  char keys[MANY][8];
  char body[MANY_BYTES];
  vault__val params[3 * MANY];
  int64_t affected[MANY];
} many;

static many *make_many(void) {
  many *m = calloc(1, sizeof *m);
  ck_assert_ptr_nonnull(m);
  memset(m->body, 'x', sizeof m->body);
  for (int i = 0; i < MANY; i++) {
    (void)snprintf(m->keys[i], sizeof m->keys[i], "k%d", i);
    m->params[3 * i] = vault__p_cstr(m->keys[i]);
    m->params[3 * i + 1] = vault__p_blob(m->body, sizeof m->body);
    m->params[3 * i + 2] = vault__p_int(i);
  }
  return m;
}

static const char *const put_if_new =
  "INSERT INTO limiter (limit_key, state, expires_ms) VALUES ($1, $2, $3)"
  " ON CONFLICT (limit_key) DO NOTHING";

START_TEST(many_sets_count_one_by_one) {
  vt_sql t;
  vt_sql_open(&t, _i);
  many *m = make_many();
  vault__conn *c = vt_sql_begin(&t);
  vt_ok(vt_sql_many(&t, c, put, 3, NULL, 0, NULL));
  vt_ok(vt_sql_many(&t, c, put, 3, m->params + 3 * 7, 1, m->affected));
  ck_assert_int_eq(m->affected[0], 1);
  vt_ok(vt_sql_many(&t, c, put_if_new, 3, m->params, MANY, m->affected));
  for (int i = 0; i < MANY; i++)
    ck_assert_int_eq(m->affected[i], i != 7);
  vt_ok(t.db.ops->commit(c, NULL));
  t.db.ops->release(t.db.self, c);
  ck_assert_int_eq(count(&t), MANY);
  c = vt_sql_begin(&t);
  vt_ok(vt_sql_many(&t, c, "DELETE FROM limiter WHERE limit_key = $1", 1,
                    (vault__val[]){vault__p_cstr("k3"), vault__p_cstr("none")}, 2, NULL));
  vt_ok(t.db.ops->commit(c, NULL));
  t.db.ops->release(t.db.self, c);
  ck_assert_int_eq(count(&t), MANY - 1);
  free(m);
  vt_sql_close(&t);
}
END_TEST

/* The statement is a registered one, too: it is prepared once and then only run. */
START_TEST(many_of_a_registered_statement) {
  vt_sql t;
  vt_sql_open(&t, _i);
  const vault__sql *sql = &vault__statements[VAULT__SQL_LIMITER_FORGET];
  vault__val p[] = {vault__p_cstr("a"), vault__p_cstr("b"), vault__p_cstr("a")};
  int64_t affected[3] = {9, 9, 9};
  for (int round = 0; round < 2; round++) {
    vault__conn *c = vt_sql_begin(&t);
    vt_ok(vt_sql_many(&t, c, put, 3,
                      (vault__val[]){vault__p_cstr("a"), vault__p_blob("x", 1), vault__p_int(1)}, 1,
                      NULL));
    vt_ok(t.db.ops->run_many(c, sql, p, 3, affected, NULL));
    ck_assert_int_eq(affected[0], 1);
    ck_assert_int_eq(affected[1], 0);
    ck_assert_int_eq(affected[2], 0);
    t.db.ops->release(t.db.self, c);
  }
  vt_sql_close(&t);
}
END_TEST

/* Wherever it is among the sets, and whether slices went out before it. */
START_TEST(one_bad_set_ends_the_transaction) {
  vt_sql t;
  vt_sql_open(&t, _i);
  many *m = make_many();
  static const int at[] = {0, 1, 255, 256, 700, MANY - 1};
  for (size_t k = 0; k < sizeof at / sizeof at[0]; k++) {
    for (int bad_text = 0; bad_text < 2; bad_text++) {
      vault__val good = m->params[3 * at[k]];
      m->params[3 * at[k]] =
        bad_text ? vault__p_text((vault_str){"\xff", 1}) : vault__p_cstr(m->keys[at[k] ? 0 : 1]);
      vault__conn *c = vt_sql_begin(&t);
      vt_status(vt_sql_many(&t, c, put, 3, m->params, MANY, m->affected),
                bad_text ? VAULT_E_INPUT : VAULT_E_CONFLICT);
      vt_status(vt_sql_many(&t, c, put, 3, m->params, 1, NULL), VAULT_E_INTERNAL);
      vt_status(vt_sql_run(&t, c, put, 3, 0, m->params, NULL, NULL), VAULT_E_INTERNAL);
      t.db.ops->release(t.db.self, c);
      m->params[3 * at[k]] = good;
      ck_assert_int_eq(count(&t), 0);
    }
  }
  vault__conn *c = vt_sql_begin(&t); /* and the connection is good again */
  vt_ok(vt_sql_many(&t, c, put, 3, m->params, MANY, NULL));
  t.db.ops->release(t.db.self, c);
  free(m);
  vt_sql_close(&t);
}
END_TEST

START_TEST(many_sets_need_a_transaction) {
  vt_sql t;
  vt_sql_open(&t, _i);
  vault__val p[] = {vault__p_cstr("k"), vault__p_blob("x", 1), vault__p_int(1)};
  vault__conn *c = NULL;
  vt_ok(t.db.ops->acquire(t.db.self, VAULT__DB_WRITE, &c, NULL));
  vt_status(vt_sql_many(&t, c, put, 3, p, 1, NULL), VAULT_E_INTERNAL);
  t.db.ops->release(t.db.self, c);
  ck_assert_int_eq(count(&t), 0);
  ck_assert_int_eq(t.r.items->maintain(t.r.items_self, 1), 0);
  vt_sql_close(&t);
}
END_TEST

/* ---- savepoints ---- */

static vault_status put_key(vt_sql *t, vault__conn *c, const char *key) {
  vault__val p[] = {vault__p_cstr(key), vault__p_blob("x", 1), vault__p_int(1)};
  return vt_sql_run(t, c, put, 3, 0, p, NULL, NULL);
}

START_TEST(a_savepoint_is_kept_or_undone) {
  vt_sql t;
  vt_sql_open(&t, _i);
  const vault__db_ops *ops = t.db.ops;
  vault__conn *c = vt_sql_begin(&t);
  for (int round = 0; round < 3; round++) {
    char key[8];
    (void)snprintf(key, sizeof key, "r%d", round);
    vt_ok(ops->savepoint(c, NULL));
    vt_ok(put_key(&t, c, key));
    vt_ok(ops->keep(c, NULL));
    vt_ok(ops->savepoint(c, NULL)); /* nothing failed, and it is not wanted */
    vt_ok(put_key(&t, c, "not wanted"));
    vt_ok(ops->undo(c, NULL));
    vt_ok(ops->savepoint(c, NULL)); /* a statement fails */
    vt_ok(put_key(&t, c, "gone with it"));
    vt_status(put_key(&t, c, key), VAULT_E_CONFLICT);
    vt_status(put_key(&t, c, "later"), VAULT_E_INTERNAL);
    vt_status(ops->keep(c, NULL), VAULT_E_INTERNAL);
    vt_ok(ops->undo(c, NULL));
    vt_ok(ops->savepoint(c, NULL)); /* or never reaches the engine */
    vault__val bad[] = {vault__p_text((vault_str){"\xff", 1}), vault__p_blob("x", 1),
                        vault__p_int(1)};
    vt_status(vt_sql_run(&t, c, put, 3, 0, bad, NULL, NULL), VAULT_E_INPUT);
    vt_ok(ops->undo(c, NULL));
  }
  vt_ok(ops->commit(c, NULL));
  ops->release(t.db.self, c);
  ck_assert_int_eq(count(&t), 3);
  c = vt_sql_begin(&t); /* open at the end: nothing of it stays */
  vt_ok(ops->savepoint(c, NULL));
  vt_ok(put_key(&t, c, "open"));
  ops->release(t.db.self, c);
  ck_assert_int_eq(count(&t), 3);
  c = vt_sql_begin(&t);
  vt_ok(put_key(&t, c, "last"));
  vt_ok(ops->commit(c, NULL));
  ops->release(t.db.self, c);
  ck_assert_int_eq(count(&t), 4);
  vt_sql_close(&t);
}
END_TEST

/* A dead job is kept for the operator; what it carried is not: it may be a sealed code. */
START_TEST(a_buried_job_keeps_no_payload) {
  vt_sql t;
  vt_sql_open(&t, _i);
  vault_job_row job = {
    .kind = 1, .created_ms = 5, .run_ms = 5, .payload_n = 7, .payload = "secret"};
  job.id.b[0] = 1;
  vt_ok(t.r.jobs->enqueue(t.r.jobs_self, &job, NULL));
  vt_ok(t.r.jobs->lease(t.r.jobs_self, 2, 5, 1000, &job, NULL));
  vt_ok(t.r.jobs->bury(t.r.jobs_self, &job.id, job.fence, VAULT__STR("refused"), NULL));
  vault__conn *c = vt_sql_begin(&t);
  vault__arena arena;
  vault__arena_init(&arena, vault__alloc_default(), 1u << 16);
  vault__rows rows;
  vault__val state = vault__p_int(VAULT_JOB_DEAD);
  vt_ok(vt_sql_run(&t, c,
                   "SELECT CAST(length(payload) AS BIGINT), reason FROM job WHERE state = $1", 1, 2,
                   &state, &arena, &rows));
  ck_assert_int_eq(rows.n, 1);
  vault__row r = vault__row_at(&rows, 0);
  ck_assert_int_eq(vault__get_int(&r), 0);
  ck_assert(vault__str_eq(vault__get_str(&r), VAULT__STR("refused")));
  vault__arena_free(&arena);
  t.db.ops->release(t.db.self, c);
  vt_sql_close(&t);
}
END_TEST

static Suite *both(void) {
  Suite *s = suite_create("sql");
  TCase *each = tcase_create("each engine"), *together = tcase_create("both engines");
  tcase_add_loop_test(each, every_statement_prepares, 0, VT_ENGINES);
  tcase_add_loop_test(each, newer_schema_is_refused, 0, VT_ENGINES);
  tcase_add_loop_test(each, failure_ends_the_transaction, 0, VT_ENGINES);
  tcase_add_loop_test(each, open_transaction_is_rolled_back, 0, VT_ENGINES);
  tcase_add_loop_test(each, values_come_back, 0, VT_ENGINES);
  tcase_add_loop_test(each, bad_text_is_refused, 0, VT_ENGINES);
  tcase_add_loop_test(each, affected_rows_are_counted, 0, VT_ENGINES);
  tcase_add_loop_test(each, many_sets_count_one_by_one, 0, VT_ENGINES);
  tcase_add_loop_test(each, many_of_a_registered_statement, 0, VT_ENGINES);
  tcase_add_loop_test(each, one_bad_set_ends_the_transaction, 0, VT_ENGINES);
  tcase_add_loop_test(each, many_sets_need_a_transaction, 0, VT_ENGINES);
  tcase_add_loop_test(each, a_savepoint_is_kept_or_undone, 0, VT_ENGINES);
  tcase_add_loop_test(each, a_buried_job_keeps_no_payload, 0, VT_ENGINES);
  tcase_add_test(together, parameters_are_numbered);
  tcase_add_test(together, few_statements_differ);
  tcase_add_test(together, schemas_have_the_same_columns);
  tcase_add_test(together, schemas_have_the_same_indexes);
  suite_add_tcase(s, each);
  suite_add_tcase(s, together);
  return s;
}

VT_MAIN(both)
