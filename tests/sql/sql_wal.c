/* The write-ahead log of SQLite as this library keeps it: gathered, written out ahead, copied
 * when it should be; and what a crash, a torn write, a failed flush and a full disk leave. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libvault/adapters/sql_sqlite/driver.h"
#include "tests/support/vt_dir.h"
#include "vt_sql.h"

#define KIB 1024
#define MIB (1024 * 1024)

static char dir[VT_DIR_MAX], path[VT_DIR_MAX + 16], wal[VT_DIR_MAX + 32];

static void set_up(void) {
  vt_dir_make(dir);
  (void)snprintf(path, sizeof path, "%s/vault.db", dir);
  (void)snprintf(wal, sizeof wal, "%s-wal", path);
}

static vault__sqlite *open_log(vt_sql *t, uint32_t mib) {
  memset(t, 0, sizeof *t);
  t->r.size = sizeof t->r;
  vault_err err = VAULT_ERR_INIT;
  vault_sqlite_opts o = {.size = sizeof o, .wait_ms = 500, .readers = 1, .wal_mib = mib};
  vault_status s = vault_sqlite_open(path, strlen(path), &o, &t->r, &err);
  ck_assert_msg(s == VAULT_OK, "%s", err.msg);
  t->db = vault__repositories_repo(&t->r)->db;
  vault__sqlite *db = t->db.self;
  db->checkpoint_pause_ms = 0;
  return db;
}

static void close_all(vt_sql *t) {
  vault__wal_set_hook(NULL, NULL);
  vault_repositories_close(&t->r);
  vt_dir_remove(dir);
}

static off_t size_of(const char *file) {
  struct stat st;
  return stat(file, &st) == 0 ? st.st_size : -1;
}

static const char *const put =
  "INSERT INTO limiter (limit_key, state, expires_ms) VALUES ($1, $2, $3)"
  " ON CONFLICT (limit_key) DO UPDATE SET state = excluded.state";

/* One transaction with a body of n bytes under this key. The status of the first failure. */
static vault_status commit_one(vt_sql *t, int key, uint64_t n) {
  static char body[4 * MIB];
  static int fill;
  char name[32];
  vault__conn *c = NULL;
  memset(body, ++fill, (size_t)n); /* SQLite does not write what is the same */
  (void)snprintf(name, sizeof name, "k%d", key);
  vault__val p[] = {vault__p_cstr(name), vault__p_blob(body, n), vault__p_int(key)};
  vault_status s = t->db.ops->acquire(t->db.self, VAULT__DB_WRITE, &c, NULL);
  if (s != VAULT_OK)
    return s;
  s = t->db.ops->begin(c, NULL);
  if (s == VAULT_OK)
    s = vt_sql_run(t, c, put, 3, 0, p, NULL, NULL);
  if (s == VAULT_OK)
    s = t->db.ops->commit(c, NULL);
  t->db.ops->release(t->db.self, c);
  return s;
}

static int64_t rows_of(vt_sql *t) {
  vault__conn *c = NULL;
  vault__arena arena;
  vault__rows rows;
  vault__arena_init(&arena, vault__repositories_repo(&t->r)->alloc, 1u << 16);
  vt_ok(t->db.ops->acquire(t->db.self, VAULT__DB_READ, &c, NULL));
  vt_ok(vt_sql_run(t, c, "SELECT count(*) FROM limiter", 0, 1, NULL, &arena, &rows));
  int64_t n = rows.vals[0].i;
  t->db.ops->release(t->db.self, c);
  vault__arena_free(&arena);
  return n;
}

/* What SQLite without our layer finds: whole, and how many rows. */
static int64_t plain_rows(const char *file) {
  sqlite3 *h = NULL;
  sqlite3_stmt *stmt = NULL;
  ck_assert_int_eq(sqlite3_open(file, &h), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(h, "PRAGMA synchronous = OFF", NULL, NULL, NULL), SQLITE_OK);
  ck_assert_int_eq(sqlite3_prepare_v2(h, "PRAGMA integrity_check", -1, &stmt, NULL), SQLITE_OK);
  ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
  ck_assert_str_eq((const char *)sqlite3_column_text(stmt, 0), "ok");
  (void)sqlite3_finalize(stmt);
  int rc = sqlite3_prepare_v2(h, "SELECT count(*) FROM limiter", -1, &stmt, NULL);
  int64_t n = -1; /* not even the schema is there */
  if (rc == SQLITE_OK) {
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    n = sqlite3_column_int64(stmt, 0);
  }
  (void)sqlite3_finalize(stmt);
  ck_assert_int_eq(sqlite3_close(h), SQLITE_OK);
  return n;
}

static void copy(const char *from, const char *to, off_t at_most) {
  static char buf[64 * KIB];
  int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ck_assert_int_ge(in, 0);
  ck_assert_int_ge(out, 0);
  ssize_t n;
  for (off_t done = 0; (n = read(in, buf, sizeof buf)) > 0 && done < at_most; done += n)
    ck_assert_int_eq(write(out, buf, (size_t)(done + n > at_most ? at_most - done : (off_t)n)) > 0,
                     1);
  (void)close(in);
  (void)close(out);
}

/* ---- the shape of the log ---- */

START_TEST(frames_go_out_in_few_writes_and_one_flush) {
  vt_sql t;
  set_up();
  vault__sqlite *db = open_log(&t, 0);
  vt_ok(commit_one(&t, 0, 10));
  uint64_t flushes = atomic_load(&db->wal.flushes), writes = atomic_load(&db->wal.writes);
  uint64_t bytes = atomic_load(&db->wal.frame_bytes);
  vt_ok(commit_one(&t, 1, MIB));
  bytes = atomic_load(&db->wal.frame_bytes) - bytes;
  writes = atomic_load(&db->wal.writes) - writes;
  ck_assert_uint_eq(atomic_load(&db->wal.flushes) - flushes, 1);
  ck_assert_uint_ge(bytes, MIB);
  ck_assert_uint_lt(bytes, MIB + MIB / 8);
  ck_assert_uint_le(writes, bytes / (100 * KIB) + 2);
  ck_assert_uint_ge(writes, bytes / VAULT__WAL_GATHER_BYTES);
  ck_assert_int_eq(rows_of(&t), 2); /* another connection sees them */
  close_all(&t);
}
END_TEST

/* A transaction that is larger than SQLite's cache: frames are read back, and written twice. */
START_TEST(a_spilled_transaction_is_whole) {
  vt_sql t;
  set_up();
  (void)open_log(&t, 0);
  vt_ok(commit_one(&t, 0, 10));
  static char body[300 * KIB];
  for (int round = 0; round < 3; round++) {
    vault__conn *c = vt_sql_begin(&t);
    for (int i = 0; i < 2 * 60; i++) { /* 18 MiB, each row twice */
      char name[32];
      memset(body, 'a' + i % 20 + round, sizeof body);
      (void)snprintf(name, sizeof name, "s%d", i % 60);
      vault__val p[] = {vault__p_cstr(name), vault__p_blob(body, sizeof body), vault__p_int(i)};
      vt_ok(vt_sql_run(&t, c, put, 3, 0, p, NULL, NULL));
    }
    if (round != 1)
      vt_ok(t.db.ops->commit(c, NULL));
    t.db.ops->release(t.db.self, c);
    vt_ok(commit_one(&t, 0, 10));
    ck_assert_int_eq(rows_of(&t), 61);
  }
  vault_repositories_close(&t.r);
  ck_assert_int_eq(plain_rows(path), 61);
  vt_dir_remove(dir);
}
END_TEST

START_TEST(the_log_is_written_out_and_never_shorter) {
  vt_sql t;
  set_up();
  vault__sqlite *db = open_log(&t, 2);
  db->checkpoint_bytes = 256 * KIB;
  vt_ok(commit_one(&t, 0, 10));
  ck_assert_int_eq(size_of(wal) % VAULT__WAL_STEP_MIN_BYTES, 0);
  ck_assert_int_ge(size_of(wal), VAULT__WAL_STEP_MIN_BYTES);
  off_t before = size_of(wal);
  int changes = 0;
  for (int i = 0; i < 400; i++) {
    vt_ok(commit_one(&t, i % 3, 20 * KIB));
    off_t now = size_of(wal);
    ck_assert_int_ge(now, before);
    changes += now != before;
    before = now;
  }
  ck_assert_int_le(changes, 4); /* not with each flush */
  ck_assert_int_le(before, 2 * MIB);
  ck_assert_uint_ge(atomic_load(&db->wal.restarts), 10);
  vt_ok(commit_one(&t, 9, 3 * MIB)); /* more than the setting: it grows as it must */
  before = size_of(wal);
  ck_assert_int_gt(before, 3 * MIB);
  vault_repositories_close(&t.r);
  ck_assert_int_eq(size_of(wal), before);
  (void)open_log(&t, 2);
  ck_assert_int_eq(size_of(wal), before);
  ck_assert_int_eq(rows_of(&t), 4);
  vt_ok(commit_one(&t, 10, 10));
  close_all(&t);
}
END_TEST

START_TEST(a_small_log_has_limits) {
  vault_repositories r = {.size = sizeof r};
  vault_err err = VAULT_ERR_INIT;
  set_up();
  vault_sqlite_opts o = {.size = sizeof o, .wal_mib = VAULT_SQLITE_WAL_MIB_MAX + 1};
  vt_status(vault_sqlite_open(path, strlen(path), &o, &r, &err), VAULT_E_USAGE);
  ck_assert_ptr_nonnull(strstr(err.msg, "1024 MiB"));
  o.wal_mib = VAULT_SQLITE_WAL_MIB_MAX;
  vt_ok(vault_sqlite_open(path, strlen(path), &o, &r, &err));
  vault_repositories_close(&r);
  vt_dir_remove(dir);
}
END_TEST

/* ---- crashes ---- */

/* The files as a kill would leave them, with the log cut or damaged from some place on. */
START_TEST(a_torn_log_gives_a_whole_past) {
  vt_sql t;
  char db2[VT_DIR_MAX + 32], wal2[VT_DIR_MAX + 40];
  set_up();
  vault__sqlite *db = open_log(&t, 2);
  for (int i = 0; i < 20; i++)
    vt_ok(commit_one(&t, i, 3000));
  (void)snprintf(db2, sizeof db2, "%s/copy.db", dir);
  (void)snprintf(wal2, sizeof wal2, "%s-wal", db2);
  off_t used = (off_t)atomic_load(&db->wal.frame_bytes), all = size_of(wal);
  ck_assert_int_lt(used, all);
  int64_t last = -1;
  for (off_t cut = 0; cut <= used + 8000; cut += 4999) {
    for (int damage = 0; damage < 2; damage++) {
      copy(path, db2, INT64_MAX);
      copy(wal, wal2, damage ? all : cut + 1);
      if (damage) { /* the blocks are there, their content is not */
        static char junk[9000];
        memset(junk, 0x5a, sizeof junk);
        int fd = open(wal2, O_WRONLY | O_CLOEXEC);
        ck_assert_int_eq(pwrite(fd, junk, sizeof junk, cut + 1), (ssize_t)sizeof junk);
        (void)close(fd);
      }
      int64_t rows = plain_rows(db2);
      ck_assert_int_ge(rows, last);
      last = rows;
      (void)unlink(wal2);
    }
  }
  ck_assert_int_eq(last, 20);
  close_all(&t);
}
END_TEST

/* The child writes and says so; it is killed at some moment. What it said is there. */
static void write_until_killed(int fd) {
  vt_sql t;
  vault__sqlite *db = open_log(&t, 2);
  db->checkpoint_bytes = 128 * KIB;
  for (int i = (int)rows_of(&t);; i++) {
    if (commit_one(&t, i, 500 + (uint64_t)(i % 7) * 3000) != VAULT_OK)
      _exit(1);
    if (write(fd, &i, sizeof i) != sizeof i)
      _exit(2);
    if (i % 5 == 0)
      (void)t.db.ops->maintain(t.db.self, 1);
  }
}

START_TEST(killed_while_writing) {
  set_up();
  int64_t rows = 0;
  for (int round = 0; round < 12; round++) {
    int said[2], status = 0, acknowledged = -1;
    ck_assert_int_eq(pipe(said), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
      (void)close(said[0]);
      write_until_killed(said[1]);
    }
    (void)close(said[1]);
    int enough = 5 + round * 17 % 60;
    for (int i = 0; i < enough; i++)
      ck_assert_int_eq(read(said[0], &acknowledged, sizeof acknowledged), sizeof acknowledged);
    (void)usleep((useconds_t)(round * 137 % 900));
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    while (read(said[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    (void)close(said[0]);
    if (round % 2 == 0) { /* with and without our layer */
      rows = plain_rows(path);
    } else {
      vt_sql t;
      (void)open_log(&t, 2);
      rows = rows_of(&t);
      vault_repositories_close(&t.r);
    }
    ck_assert_int_ge(rows, acknowledged + 1);
    ck_assert_int_le(rows, acknowledged + 2); /* one may be kept and not yet said */
  }
  vt_dir_remove(dir);
}
END_TEST

/* ---- when the log is copied ---- */

START_TEST(checkpoints_at_their_limits) {
  vt_sql t;
  set_up();
  vault__sqlite *db = open_log(&t, 0);
  ck_assert_uint_eq(db->checkpoint_idle_bytes, 4 * MIB);
  ck_assert_uint_eq(db->checkpoint_bytes, 64 * MIB);
  ck_assert_uint_eq(db->outstanding_max_bytes, 1024 * MIB);
  ck_assert_uint_eq(db->read_max_ms, 5000);
  vt_ok(commit_one(&t, 0, 10));
  uint64_t out = vault__sqlite_outstanding(db->writer);
  ck_assert_uint_gt(out, 0);
  db->checkpoint_idle_bytes = out + 1;
  ck_assert_int_eq(t.r.items->maintain(t.r.items_self, 1), 0);
  db->checkpoint_idle_bytes = out;
  ck_assert_int_eq(t.r.items->maintain(t.r.items_self, 0), 0); /* there is work: not now */
  ck_assert_int_eq(t.r.items->maintain(t.r.items_self, 1), 1);
  ck_assert_uint_eq(vault__sqlite_outstanding(db->writer), 0);
  ck_assert_int_eq(t.r.items->maintain(t.r.items_self, 1), 0);
  db->checkpoint_bytes = 100 * KIB;
  uint64_t before = atomic_load(&db->checkpoints);
  while (vault__sqlite_outstanding(db->writer) < 80 * KIB)
    vt_ok(commit_one(&t, 1, 10));
  ck_assert_uint_eq(atomic_load(&db->checkpoints), before);
  for (int i = 0; i < 10; i++)
    vt_ok(commit_one(&t, 1, 10)); /* the commit itself does it, for hosts that never maintain */
  ck_assert_uint_eq(atomic_load(&db->checkpoints), before + 1);
  vault__conn *c = vt_sql_begin(&t); /* the writer is busy: nobody waits for it */
  ck_assert_int_eq(t.r.items->maintain(t.r.items_self, 1), 0);
  t.db.ops->release(t.db.self, c);
  close_all(&t);
}
END_TEST

/* Somebody's old snapshot: the log grows up to its limit, then commits are refused. */
START_TEST(a_log_that_cannot_be_copied_refuses_commits) {
  vt_sql t;
  vault_err err = VAULT_ERR_INIT;
  sqlite3 *h = NULL;
  set_up();
  vault__sqlite *db = open_log(&t, 0);
  db->checkpoint_idle_bytes = db->checkpoint_bytes = 64 * KIB;
  db->outstanding_max_bytes = 512 * KIB;
  vt_ok(commit_one(&t, 0, 10));
  ck_assert_int_eq(sqlite3_open(path, &h), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(h, "BEGIN; SELECT count(*) FROM limiter", NULL, NULL, NULL),
                   SQLITE_OK);
  int n = 0;
  vault_status s;
  while ((s = commit_one(&t, 1, 20 * KIB)) == VAULT_OK && n < 1000)
    n++;
  vt_status(s, VAULT_E_RETRY);
  ck_assert_int_gt(n, 10);
  ck_assert_int_lt(n, 40);
  vault__conn *c = NULL;
  vt_ok(t.db.ops->acquire(t.db.self, VAULT__DB_WRITE, &c, NULL));
  vt_status(t.db.ops->begin(c, &err), VAULT_E_RETRY);
  ck_assert_ptr_nonnull(strstr(err.msg, "overloaded"));
  t.db.ops->release(t.db.self, c);
  ck_assert_int_eq(rows_of(&t), 2); /* reading goes on */
  ck_assert_int_eq(sqlite3_exec(h, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
  ck_assert_int_eq(sqlite3_close(h), SQLITE_OK);
  vt_ok(commit_one(&t, 1, 20 * KIB));
  ck_assert_uint_lt(vault__sqlite_outstanding(db->writer), 128 * KIB);
  close_all(&t);
}
END_TEST

START_TEST(a_read_that_takes_too_long_is_ended) {
  vt_sql t;
  set_up();
  vault__sqlite *db = open_log(&t, 0);
  db->read_max_ms = 30;
  vault__conn *c = NULL;
  vault__arena arena;
  vault__rows rows;
  vault__arena_init(&arena, db->alloc, 1u << 16);
  vt_ok(t.db.ops->acquire(t.db.self, VAULT__DB_READ, &c, NULL));
  vt_status(vt_sql_run(&t, c,
                       "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                       " SELECT count(*) FROM n",
                       0, 1, NULL, &arena, &rows),
            VAULT_E_RETRY);
  t.db.ops->release(t.db.self, c);
  ck_assert_uint_eq(atomic_load(&db->reads_aborted), 1);
  ck_assert_int_eq(rows_of(&t), 0); /* the connection is good again */
  ck_assert_uint_eq(atomic_load(&db->reads_aborted), 1);
  vault__arena_free(&arena);
  close_all(&t);
}
END_TEST

/* ---- failures ---- */

typedef struct failing {
  vault__wal_step step;
  int error;
  int after; /* calls of this step that still work; -1: none fails */
  int seen;
} failing;

static int fail_step(void *user, vault__wal_step step, uint64_t at, uint64_t n) {
  failing *f = user;
  (void)at;
  (void)n;
  if (step != f->step)
    return 0;
  f->seen++;
  return f->after >= 0 && f->seen > f->after ? f->error : 0;
}

/* A flush, or a write, that fails for another reason than room: from then on nothing is
 * written, what was acknowledged is there, and after a restart all is well. */
START_TEST(a_failed_write_or_flush_ends_writing) {
  static const struct {
    vault__wal_step step;
    int commit_is_unknown;
  } cases[] = {{VAULT__WAL_FLUSH, 1},
               {VAULT__WAL_WRITE, 1},
               {VAULT__WAL_EXTEND, 1},
               {VAULT__FILE_WRITE, 0},
               {VAULT__FILE_FLUSH, 0}};
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    vt_sql t;
    set_up();
    vault__sqlite *db = open_log(&t, 0);
    vt_ok(commit_one(&t, 0, 10));
    failing f = {.step = cases[k].step, .error = EIO};
    vault__wal_set_hook(fail_step, &f);
    db->checkpoint_bytes = db->checkpoint_idle_bytes = cases[k].commit_is_unknown ? 64 * MIB : 1;
    vt_status(commit_one(&t, 1, MIB), cases[k].commit_is_unknown ? VAULT_E_UNCERTAIN : VAULT_OK);
    ck_assert_int_gt(f.seen, 0);
    vault__wal_set_hook(NULL, NULL); /* the disk is well again; what was lost is lost */
    vt_status(commit_one(&t, 2, 10), VAULT_E_READ_ONLY);
    ck_assert_int_eq(t.r.items->maintain(t.r.items_self, 1), 0);
    int64_t rows = rows_of(&t);
    ck_assert_int_eq(rows, cases[k].commit_is_unknown ? 1 : 2);
    vault_repositories_close(&t.r);
    (void)open_log(&t, 0);
    ck_assert_int_ge(rows_of(&t), rows);
    vt_ok(commit_one(&t, 3, 10));
    vault_repositories_close(&t.r);
    ck_assert_int_ge(plain_rows(path), rows + 1);
    vt_dir_remove(dir);
  }
}
END_TEST

/* No room is no reason to stop for good: nothing was kept, and later it works. */
START_TEST(no_room_is_not_for_ever) {
  static const vault__wal_step steps[] = {VAULT__WAL_EXTEND, VAULT__WAL_WRITE};
  static const int errors[] = {ENOSPC, EDQUOT};
  for (size_t k = 0; k < 4; k++) {
    for (int after = 0; after < 4; after++) {
      vt_sql t;
      set_up();
      vault__sqlite *db = open_log(&t, 0);
      vt_ok(commit_one(&t, 0, 10));
      failing f = {.step = steps[k % 2], .error = errors[k / 2], .after = after};
      vault__wal_set_hook(fail_step, &f);
      vt_status(commit_one(&t, 1, MIB), VAULT_E_NO_SPACE);
      ck_assert_int_eq(rows_of(&t), 1);
      vault__wal_set_hook(NULL, NULL);
      vt_ok(commit_one(&t, 2, MIB));
      ck_assert_int_eq(rows_of(&t), 2);
      ck_assert_int_eq(db->read_only, 0);
      vault_repositories_close(&t.r);
      ck_assert_int_eq(plain_rows(path), 2);
      vt_dir_remove(dir);
    }
  }
}
END_TEST

/* A full disk under the database file: the log holds what was acknowledged, and copies later. */
START_TEST(no_room_for_a_checkpoint) {
  vt_sql t;
  set_up();
  vault__sqlite *db = open_log(&t, 0);
  vt_ok(commit_one(&t, 0, 10));
  failing f = {.step = VAULT__FILE_WRITE, .error = ENOSPC};
  vault__wal_set_hook(fail_step, &f);
  db->checkpoint_bytes = db->checkpoint_idle_bytes = 1;
  for (int i = 1; i < 10; i++)
    vt_ok(commit_one(&t, i, 10 * KIB));
  ck_assert_int_gt(f.seen, 5);
  ck_assert_int_eq(t.r.items->maintain(t.r.items_self, 1), 0);
  ck_assert_uint_gt(vault__sqlite_outstanding(db->writer), 100 * KIB);
  vault__wal_set_hook(NULL, NULL);
  ck_assert_int_eq(t.r.items->maintain(t.r.items_self, 1), 1);
  ck_assert_uint_eq(vault__sqlite_outstanding(db->writer), 0);
  ck_assert_int_eq(rows_of(&t), 10);
  close_all(&t);
}
END_TEST

static Suite *log_suite(void) {
  const TTest *const tests[] = {frames_go_out_in_few_writes_and_one_flush,
                                a_spilled_transaction_is_whole,
                                the_log_is_written_out_and_never_shorter,
                                a_small_log_has_limits,
                                a_torn_log_gives_a_whole_past,
                                killed_while_writing,
                                checkpoints_at_their_limits,
                                a_log_that_cannot_be_copied_refuses_commits,
                                a_read_that_takes_too_long_is_ended,
                                a_failed_write_or_flush_ends_writing,
                                no_room_is_not_for_ever,
                                no_room_for_a_checkpoint,
                                NULL};
  return vt_suite("sql_wal", tests);
}

VT_MAIN(log_suite)
