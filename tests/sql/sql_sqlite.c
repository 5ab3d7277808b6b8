/* What is SQLite's own: the lock, whose file it is, the WAL. */
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/vt_dir.h"
#include "vt_sql.h"

static char dir[VT_DIR_MAX], path[VT_DIR_MAX + 16];

static void set_up(void) {
  vt_dir_make(dir);
  (void)snprintf(path, sizeof path, "%s/vault.db", dir);
}

static void tear_down(void) {
  vt_dir_remove(dir);
}

static vault_status open_at(const char *at, vault_repositories *r, vault_err *err) {
  memset(r, 0, sizeof *r);
  r->size = sizeof *r;
  vault_sqlite_opts o = {.size = sizeof o, .wait_ms = 200};
  return vault_sqlite_open(at, strlen(at), &o, r, err);
}

/* Another program's hand in the file. */
static void execute(const char *sql) {
  sqlite3 *h = NULL;
  ck_assert_int_eq(sqlite3_open(path, &h), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
  ck_assert_int_eq(sqlite3_close(h), SQLITE_OK);
}

static int64_t ask(const char *sql) {
  sqlite3 *h = NULL;
  sqlite3_stmt *stmt = NULL;
  ck_assert_int_eq(sqlite3_open(path, &h), SQLITE_OK);
  ck_assert_int_eq(sqlite3_prepare_v2(h, sql, -1, &stmt, NULL), SQLITE_OK);
  ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
  int64_t v = sqlite3_column_int64(stmt, 0);
  (void)sqlite3_finalize(stmt);
  (void)sqlite3_close(h);
  return v;
}

START_TEST(one_process_at_a_time) {
  set_up();
  vault_repositories r, other;
  vt_ok(open_at(path, &r, NULL));
  ck_assert_uint_eq(r.caps, VAULT_REPO_CAP_LOCAL | VAULT_REPO_CAP_EXCLUSIVE);
  pid_t child = fork();
  if (child == 0) {
    vault_err err = VAULT_ERR_INIT;
    vault_status s = open_at(path, &other, &err);
    _exit(s == VAULT_E_LOCKED && strstr(err.msg, "/lock") ? 0 : 1);
  }
  int status = 1;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  vt_status(open_at(path, &other, NULL), VAULT_E_LOCKED);
  vault_repositories_close(&r);
  vault_repositories_close(&r);
  vt_ok(open_at(path, &other, NULL));
  vault_repositories_close(&other);
  tear_down();
}
END_TEST

START_TEST(another_program_in_the_file) {
  set_up();
  sqlite3 *h = NULL;
  ck_assert_int_eq(sqlite3_open(path, &h), SQLITE_OK);
  ck_assert_int_eq(sqlite3_exec(h, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
  vault_repositories r;
  vault_err err = VAULT_ERR_INIT;
  vt_status(open_at(path, &r, &err), VAULT_E_LOCKED);
  ck_assert_ptr_nonnull(strstr(err.msg, "vault.db"));
  ck_assert_int_eq(sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  vt_ok(open_at(path, &r, NULL));
  ck_assert_int_eq(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  int64_t floor_ms;
  vt_status(r.identity->clock_floor(r.identity_self, 5, &floor_ms, NULL), VAULT_E_RETRY);
  ck_assert_int_eq(sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  vt_ok(r.identity->clock_floor(r.identity_self, 5, &floor_ms, NULL));
  (void)sqlite3_close(h);
  vault_repositories_close(&r);
  tear_down();
}
END_TEST

START_TEST(files_that_are_not_ours) {
  set_up();
  vault_repositories r;
  execute("CREATE TABLE t (x)");
  vt_status(open_at(path, &r, NULL), VAULT_E_FORMAT);
  ck_assert_int_eq(ask("SELECT count(*) FROM sqlite_schema"), 1);
  (void)unlink(path);
  FILE *f = fopen(path, "w");
  for (int i = 0; i < 500; i++)
    (void)fputs("not a database at all\n", f);
  (void)fclose(f);
  vt_status(open_at(path, &r, NULL), VAULT_E_FORMAT);
  char missing[VT_DIR_MAX + 32];
  (void)snprintf(missing, sizeof missing, "%s/none/vault.db", dir);
  vt_status(open_at(missing, &r, NULL), VAULT_E_IO);
  vt_status(vault_sqlite_open("a\0b", 3, NULL, &r, NULL), VAULT_E_USAGE);
  r.size = 8;
  vt_status(vault_sqlite_open(":memory:", 8, NULL, &r, NULL), VAULT_E_USAGE);
  tear_down();
}
END_TEST

START_TEST(newer_file_is_left_alone) {
  set_up();
  vault_repositories r;
  vt_ok(open_at(path, &r, NULL));
  vault_repositories_close(&r);
  execute("UPDATE vault_schema SET version = 7, min_writer = 7");
  vault_err err = VAULT_ERR_INIT;
  vt_status(open_at(path, &r, &err), VAULT_E_FORMAT);
  ck_assert_ptr_nonnull(strstr(err.msg, "update the program"));
  ck_assert_ptr_null(r.owner);
  tear_down();
}
END_TEST

START_TEST(file_is_made_as_it_should_be) {
  set_up();
  vault_repositories r;
  vt_ok(open_at(path, &r, NULL));
  struct stat st;
  ck_assert_int_eq(stat(path, &st), 0);
  ck_assert_uint_eq(st.st_mode & 0777, 0600);
  vault_repositories_close(&r);
  ck_assert_int_eq(ask("PRAGMA page_size"), 4096);
  ck_assert_int_eq(ask("PRAGMA auto_vacuum"), 2);
  ck_assert_int_eq(ask("PRAGMA application_id"), 0x564c5464);
  ck_assert_int_eq(ask("SELECT count(*) FROM pragma_table_list WHERE schema = 'main'"
                       " AND name NOT LIKE 'sqlite_%' AND strict = 0"),
                   0);
  tear_down();
}
END_TEST

/* A reader's old snapshot never stops a writer, and sees nothing half. */
static void *write_many(void *arg) {
  vault_repositories *r = arg;
  for (int64_t ms = 1; ms <= 300; ms++) {
    int64_t floor_ms;
    if (r->identity->clock_floor(r->identity_self, ms, &floor_ms, NULL) != VAULT_OK)
      return arg;
  }
  return NULL;
}

START_TEST(readers_and_the_writer) {
  set_up();
  vault_repositories r;
  vt_ok(open_at(path, &r, NULL));
  pthread_t writer;
  ck_assert_int_eq(pthread_create(&writer, NULL, write_many, &r), 0);
  vault_id none = {{0}};
  vault_account_row row;
  for (int i = 0; i < 300; i++)
    vt_status(r.identity->get_account(r.identity_self, &none, &row, NULL), VAULT_E_NOT_FOUND);
  void *failed = NULL;
  ck_assert_int_eq(pthread_join(writer, &failed), 0);
  ck_assert_ptr_null(failed);
  vault_repositories_close(&r);
  tear_down();
}
END_TEST

static Suite *sqlite(void) {
  const TTest *const tests[] = {one_process_at_a_time,
                                another_program_in_the_file,
                                files_that_are_not_ours,
                                newer_file_is_left_alone,
                                file_is_made_as_it_should_be,
                                readers_and_the_writer,
                                NULL};
  return vt_suite("sql_sqlite", tests);
}

VT_MAIN(sqlite)
