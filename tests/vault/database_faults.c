/* The database cannot flush its log; the vault is opened and closed. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/vt_dir.h"
#include "tests/support/vt_files.h"

#define WAL_END "vault.db-wal"

static int wal_syncs, wal_fails_at; /* -1: all from now on */

/* SQLite calls this one: a flush of its log fails when the test says so. */
int fdatasync(int fd) {
  char link[64], path[600] = "";
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  size_t end = strlen(WAL_END);
  int wal = n > (ssize_t)end && strcmp(path + (size_t)n - end, WAL_END) == 0;
  if (wal && (++wal_syncs == wal_fails_at || wal_fails_at < 0)) {
    errno = EIO;
    return -1;
  }
  return (int)syscall(SYS_fdatasync, fd);
}

static unsigned open_fds(void) {
  unsigned n = 0;
  DIR *d = opendir("/proc/self/fd");
  ck_assert_ptr_nonnull(d);
  while (readdir(d))
    n++;
  (void)closedir(d);
  return n;
}

/* Each transaction of a put: one when the body goes with its row, two when it is a file. */
static void fail_flushes(uint32_t inline_max_bytes, unsigned transactions) {
  char dir[VT_DIR_MAX];
  unsigned failures = 0;
  const vault_settings settings = {.size = sizeof settings, .inline_max_bytes = inline_max_bytes};
  vt_dir_make(dir);
  vt_world *w = vt_vault_open_in(dir, &settings);
  vault_principal me = vt_who(w, VT_PHONE);
  vt_ok(vt_put(w->v, &me, "before", "acknowledged", NULL));
  for (int at = 1; at <= 4; at++) {
    wal_syncs = 0;
    wal_fails_at = at;
    vault_status s = vt_put(w->v, &me, "during", "perhaps", NULL);
    wal_fails_at = 0; /* the disk is well again; what was lost is lost */
    if (s != VAULT_OK) {
      failures++;
      vt_status(vt_put(w->v, &me, "after", "no", NULL), VAULT_E_READ_ONLY);
      vt_status(vt_folder(w->v, &me, NULL, "d", NULL), VAULT_E_READ_ONLY);
      vt_status(vault_ping(w->v, NULL), VAULT_E_READ_ONLY);
      vt_content(w->v, &me, "before", "acknowledged");
    }
    vt_vault_stop(w);
    vt_ok(vt_vault_start(w, NULL));
    vt_run_jobs(w);
    vt_content(w->v, &me, "before", "acknowledged");
    if (s == VAULT_OK)
      vt_content(w->v, &me, "during", "perhaps");
    vt_status(vt_lookup(w->v, &me, "after", NULL), VAULT_E_NOT_FOUND);
    ck_assert_uint_eq(vt_usage(w->v, &me).partial_bytes, 0);
    vt_clean(w->v);
  }
  ck_assert_uint_ge(failures, transactions);
  vt_vault_close(w);
  vt_dir_remove(dir);
}

START_TEST(a_failed_flush_ends_all_writing_until_a_restart) {
  fail_flushes(0, 1);
  fail_flushes(VAULT_INLINE_OFF, 2);
}
END_TEST

START_TEST(opening_and_closing_leaves_nothing_open) {
  char dir[VT_DIR_MAX];
  vault_upload *u = NULL;
  vault_cq *q = NULL;
  vault *second = NULL;
  vt_dir_make(dir);
  vt_world *w = vt_vault_open_in(dir, NULL);
  vault_principal me = vt_who(w, VT_PHONE);
  vt_vault_stop(w);
  unsigned fds = open_fds();
  for (int i = 0; i < 5; i++) {
    vt_ok(vt_vault_start(w, NULL));
    vt_status(vault_open(&w->config, &second, NULL), VAULT_E_LOCKED);
    vault_upload_opts opts = vt_at("f", 1, 0);
    vt_ok(vault_upload_begin(w->v, &me, &opts, &u, NULL));
    vt_status(vault_close(w->v, NULL), VAULT_E_BUSY);
    vault_upload_abort(u);
    vt_ok(vault_cq_open(w->v, &q, NULL));
    vt_status(vault_close(w->v, NULL), VAULT_E_BUSY);
    vt_ok(vault_cq_close(q, NULL));
    vt_vault_stop(w);
    ck_assert_uint_eq(open_fds(), fds);
  }
  ck_assert_ptr_null(second);
  vt_ok(vt_vault_start(w, NULL));
  vt_vault_close(w);
  vt_dir_remove(dir);
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {a_failed_flush_ends_all_writing_until_a_restart,
                              opening_and_closing_leaves_nothing_open, NULL};
  return vt_suite("database_faults", all);
}

VT_MAIN(suite)
