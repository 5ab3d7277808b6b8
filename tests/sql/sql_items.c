/* What the items repository costs on SQLite: how its statements find their rows, how many
 * there are to a small upload, what they write into the log, and when fresh items are too
 * many. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "libvault/adapters/sql/items_sql.h"
#include "libvault/adapters/sql_sqlite/driver.h"
#include "tests/contract/items_fixture.h"
#include "tests/support/vt_dir.h"
#include "vt_sql.h"

/* ---- plans ---------------------------------------------------------------------------------- */

/* These look at a whole table, a whole partial index or all of a user's rows, because that is
 * what they are for. */
static const char *const scans[] = {
  "SCHEMA_EXISTS",   /* one row for each table */
  "INLINE_SUM",      /* what waits to be spilled: an index of just that */
  "COUNT_ITEMS",     /* a user's items, for the ledger */
  "CHALLENGE_SWEEP", /* once in a while, a bounded number */
  "SESSION_SWEEP",   "LIMITER_SWEEP", NULL,
};

static int may_scan(const char *name) {
  for (unsigned i = 0; scans[i]; i++)
    if (strcmp(scans[i], name) == 0)
      return 1;
  return 0;
}

/* By the user alone, in items and blobs, of which a user can have many. */
static int all_of_a_user(const char *detail) {
  static const char *const single[] = {" u ", " s ", " usage ", " user_seq "};
  const char *found = strstr(detail, "(user_id=?)");
  if (!found || found[11])
    return 0;
  if (!strstr(detail, "PRIMARY KEY"))
    return (strstr(detail, "item_") && !strstr(detail, "item_fresh")) || strstr(detail, "blob_");
  for (unsigned i = 0; i < sizeof single / sizeof *single; i++)
    if (strncmp(detail + 6, single[i], strlen(single[i])) == 0)
      return 0;
  return 1;
}

/* A line of the plan that reads a table or index from its start to its end; what a statement
 * makes for itself (a CTE, a subquery: t, up, q, w, c) is as long as it has to be. */
static int is_scan(const char *detail) {
  static const char *const own[] = {"SCAN t", "SCAN up", "SCAN q", "SCAN w", "SCAN CONSTANT ROW"};
  if (strncmp(detail, "BLOOM FILTER", 12) == 0) /* made by reading the whole table */
    return 1;
  if (strncmp(detail, "SEARCH ", 7) == 0)
    return all_of_a_user(detail);
  if (strncmp(detail, "SCAN ", 5) != 0)
    return 0;
  for (unsigned i = 0; i < sizeof own / sizeof *own; i++)
    if (strcmp(detail, own[i]) == 0)
      return 0;
  return strncmp(detail, "SCAN (", 6) != 0;
}

static unsigned check_plan(sqlite3 *h, const vault__sql *sql) {
  char text[8192];
  sqlite3_stmt *stmt = NULL;
  unsigned found = 0;
  (void)snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s",
                 vault__sql_text(sql, VAULT__DIALECT_SQLITE));
  ck_assert_int_eq(sqlite3_prepare_v2(h, text, -1, &stmt, NULL), SQLITE_OK);
  while (sqlite3_step(stmt) == SQLITE_ROW) {
    const char *detail = (const char *)sqlite3_column_text(stmt, 3);
    found += is_scan(detail) ? 1 : 0;
    ck_assert_msg(!is_scan(detail) || may_scan(sql->name), "%s: %s", sql->name, detail);
  }
  (void)sqlite3_finalize(stmt);
  return found;
}

START_TEST(no_statement_scans) {
  vt_sql t;
  vt_sql_open(&t, VAULT__DIALECT_SQLITE);
  const vault__sqlite *db = t.db.self;
  unsigned found = 0;
  for (int i = 0; i < VAULT__SQL_COUNT; i++)
    found += check_plan(db->writer->h, &vault__statements[i]);
  ck_assert_uint_ge(found, 2); /* the named ones: a scan is seen for what it is */
  vt_sql_close(&t);
}
END_TEST

/* ---- a repository on a file ------------------------------------------------------------------- */

#define BATCH 32

typedef struct ctx {
  vault_repositories r;
  char dir[VT_DIR_MAX];
} ctx;

static void make(const vt_adapter *a, vt_instance *out) {
  static ctx one;
  char path[VT_DIR_MAX + 16];
  vault_err err = VAULT_ERR_INIT;
  (void)a;
  memset(&one, 0, sizeof one);
  one.r.size = sizeof one.r;
  vt_dir_make(one.dir);
  (void)snprintf(path, sizeof path, "%s/vault.db", one.dir);
  vault_status s = vault_sqlite_open(path, strlen(path), NULL, &one.r, &err);
  ck_assert_msg(s == VAULT_OK, "%s", err.msg);
  *out = (vt_instance){&one.r, NULL, &one};
}

static void destroy(const vt_adapter *a, vt_instance *i) {
  ctx *c = i->ctx;
  (void)a;
  vault_repositories_close(&c->r);
  vt_dir_remove(c->dir);
}

static vault__repo *repo_of(const vt_items *f) {
  return vault__repositories_repo(&((ctx *)f->instance.ctx)->r);
}

static void open_file(vt_items *f) {
  static const vt_adapter file = {.name = "file", .make = make, .destroy = destroy};
  vt_items_open(f, vt_adapter_add(&file));
}

/* n new files of 4 KiB in the folder "d", with names in no order. */
static void put_many(vt_items *f, unsigned n, const vault_id *users, unsigned n_users) {
  static vt_path paths[VAULT_COMMIT_MAX];
  static vault_commit_item m[VAULT_COMMIT_MAX];
  static vault_commit_result r[VAULT_COMMIT_MAX];
  static uint64_t made;
  for (unsigned i = 0; i < n; i++) {
    char name[40];
    (void)snprintf(name, sizeof name, "d/%016llx.jpg",
                   (unsigned long long)(++made * 0x9e3779b97f4a7c15u));
    vt_path_set(&paths[i], name);
    vt_commit_item(f, &m[i], &paths[i], 4096, (unsigned)made);
    vt_inline_body(&m[i], (unsigned)made);
    m[i].blob.user = users[i % n_users];
  }
  vt_is(f->ops->commit(f->self, m, n, r, &f->err), VAULT_OK);
  for (unsigned i = 0; i < n; i++)
    vt_is(r[i].status, VAULT_OK);
}

static uint64_t n_blobs(vt_items *f) {
  static vault_blob_row rows[4000];
  uint64_t n;
  vt_is(f->ops->list_blobs(f->self, &vt_root, rows, 4000, &n, &f->err), VAULT_OK);
  return n;
}

/* ---- what a small upload costs ------------------------------------------------------------------ */

START_TEST(log_bytes_of_an_upload) {
  vt_items f;
  open_file(&f);
  const vault__sqlite *db = repo_of(&f)->db.self;
  (void)vt_folder(&f, NULL, "d");
  for (unsigned i = 0; i < 64; i++) {
    put_many(&f, BATCH, &f.user, 1);
    if (i % 8 == 7)
      (void)vt_index(&f);
  }
  int before = db->writer->wal_frames;
  uint64_t restarts = db->writer->wal_restarts;
  for (unsigned i = 0; i < 8; i++)
    put_many(&f, BATCH, &f.user, 1);
  ck_assert_uint_eq(db->writer->wal_restarts, restarts); /* else the count says nothing */
  int frames = db->writer->wal_frames - before;
  double bytes = frames * (double)(VAULT__SQLITE_PAGE_BYTES + 24) / (8 * BATCH);
  ck_assert_int_gt(frames, 8 * BATCH); /* the bodies are in it */
  ck_assert_msg(bytes <= 12 * 1024, "%.0f bytes of log for an upload of 4 KiB", bytes);
  vt_items_close(&f);
}
END_TEST

static const vault__db_ops *real;
static unsigned single, many, sets;

static vault_status count_run(vault__conn *c, const vault__sql *sql, const vault__val *params,
                              vault__arena *arena, vault__rows *out, vault_err *err) {
  single++;
  return real->run(c, sql, params, arena, out, err);
}

static vault_status count_many(vault__conn *c, const vault__sql *sql, const vault__val *params,
                               int n_sets, int64_t *affected, vault_err *err) {
  many++;
  sets += (unsigned)n_sets;
  return real->run_many(c, sql, params, n_sets, affected, err);
}

/* Two for each upload; for each batch one that locks and reads the users (up to 16 of them);
 * for each user the folder, the ledger and the sequence. */
START_TEST(statements_of_an_upload) {
  vt_items f;
  open_file(&f);
  vault__repo *repo = repo_of(&f);
  vault_id users[4], first = f.user;
  for (unsigned i = 0; i < 4; i++) {
    users[i] = f.user = i ? vt_items_user(&f, VT_QUOTA_BYTES) : first;
    (void)vt_folder(&f, NULL, "d");
  }
  vault__db_ops counting = *repo->db.ops;
  real = repo->db.ops;
  counting.run = count_run;
  counting.run_many = count_many;
  repo->db.ops = &counting;
  for (unsigned n_users = 1; n_users <= 4; n_users += 3) {
    single = many = sets = 0;
    put_many(&f, BATCH, users, n_users);
    ck_assert_uint_eq(single, 1 + n_users);
    ck_assert_uint_eq(many, 4);
    ck_assert_uint_eq(sets, 2 * BATCH + 2 * n_users);
  }
  repo->db.ops = real;
  f.user = first;
  vt_items_close(&f);
}
END_TEST

static void put_up_to(vt_items *f, uint64_t n) {
  uint64_t have = 0;
  for (; have + 200 <= n; have += 200)
    put_many(f, 200, &f->user, 1);
  if (have < n)
    put_many(f, (unsigned)(n - have), &f->user, 1);
}

START_TEST(fresh_at_most) {
  vt_items f;
  open_file(&f);
  (void)vt_folder(&f, NULL, "d");
  put_up_to(&f, VAULT__FRESH_MAX);
  ck_assert_uint_eq(n_blobs(&f), 0);
  put_many(&f, 1, &f.user, 1);
  ck_assert_uint_eq(n_blobs(&f), 1 + VAULT__FRESH_STEP);
  ck_assert_uint_eq(vt_index(&f), VAULT__FRESH_MAX - VAULT__FRESH_STEP);
  vt_items_close(&f);
}
END_TEST

/* A change of the user: in one transaction up to the step, else in several before it. */
START_TEST(a_change_catches_up) {
  for (uint64_t n = VAULT__CATCH_UP_STEP - 1; n <= VAULT__CATCH_UP_STEP * 2 + 1; n++) {
    if (n > VAULT__CATCH_UP_STEP + 1 && n < VAULT__CATCH_UP_STEP * 2)
      continue;
    vt_items f;
    open_file(&f);
    (void)vt_folder(&f, NULL, "d");
    put_up_to(&f, n);
    ck_assert_uint_eq(n_blobs(&f), 0);
    (void)vt_folder(&f, NULL, "e");
    ck_assert_uint_eq(n_blobs(&f), n);
    vt_items_close(&f);
  }
}
END_TEST

/* A batch may build on what it has just added itself: the second member makes the first one's rows. */
START_TEST(one_transaction_for_two_versions) {
  vt_items f;
  vt_path paths[2];
  vault_commit_item m[2];
  vault_commit_result r[2];
  open_file(&f);
  const vault__sqlite *db = repo_of(&f)->db.self;
  for (unsigned i = 0; i < 2; i++) {
    vt_path_set(&paths[i], "f");
    vt_commit_item(&f, &m[i], &paths[i], 10, i + 1);
    vt_inline_body(&m[i], i + 1);
  }
  uint64_t before = atomic_load(&db->wal.flushes), frames = (uint64_t)db->writer->wal_frames;
  vt_is(f.ops->commit(f.self, m, 2, r, &f.err), VAULT_OK);
  vt_is(r[0].status, VAULT_OK);
  vt_is(r[1].status, VAULT_OK);
  ck_assert_uint_eq(r[0].outcome, VAULT_OUTCOME_CREATED);
  ck_assert_uint_eq(r[1].outcome, VAULT_OUTCOME_VERSION);
  ck_assert_uint_gt((uint64_t)db->writer->wal_frames, frames);
  ck_assert_uint_eq(atomic_load(&db->wal.flushes) - before, 1);
  ck_assert_uint_eq(vt_index(&f), 0);
  vt_items_close(&f);
}
END_TEST

static Suite *items(void) {
  const TTest *const tests[] = {no_statement_scans,
                                log_bytes_of_an_upload,
                                statements_of_an_upload,
                                fresh_at_most,
                                one_transaction_for_two_versions,
                                a_change_catches_up,
                                NULL};
  return vt_suite("sql_items", tests);
}

VT_MAIN(items)
