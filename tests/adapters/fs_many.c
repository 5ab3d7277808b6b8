/* publish_many on a disk that does not flush, and with a process that ends in its middle. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs_rig.h"

#define MANY 24
#define ALL VAULT__FS_SYNCFS_FROM /* enough for one syncfs */

/* Flushes are counted; call `fails_at` of them fails, call `ends_at` ends the process. */
static int calls, n_fsync, n_syncfs, fails_at, ends_at, fails_syncfs;

static int count_call(void) {
  calls++;
  if (calls == ends_at)
    _exit(0);
  if (calls != fails_at)
    return 0;
  errno = EIO;
  return -1;
}

static int counted_fsync(int fd) {
  n_fsync++;
  return count_call() ? -1 : fsync(fd);
}

static int counted_syncfs(int fd) {
  n_syncfs++;
  if (fails_syncfs) {
    errno = EIO;
    return -1;
  }
  return count_call() ? -1 : syncfs(fd);
}

typedef struct many {
  vt_fs f;
  uint64_t n;
  vault_blob_key keys[MANY];
  vault_blob_writer *w[MANY];
  vault_blob_meta metas[MANY];
  vault_status got[MANY];
} many;

static void count_from_zero(many *m, int fail, int end) {
  calls = n_fsync = n_syncfs = 0;
  fails_at = fail;
  ends_at = end;
  fails_syncfs = 0;
  vt_fs_self(&m->f)->sync_fd = counted_fsync;
  vt_fs_self(&m->f)->syncfs_fd = counted_syncfs;
}

static void begin_one(many *m, unsigned k) {
  m->metas[k] = vt_blob_meta(vt_sha_hello);
  vt_ok(m->f.b.ops->begin(m->f.b.self, &m->keys[k], 0, &m->w[k], NULL));
  vt_ok(m->f.b.ops->write(m->f.b.self, m->w[k], "hello", 5, NULL));
}

/* n bodies in the folders of `users` users, which are there and known. */
static void begin_many(many *m, unsigned n, unsigned users) {
  memset(m, 0, sizeof *m);
  vt_fs_make(&m->f);
  for (unsigned u = 0; u < users; u++) {
    vault_blob_key warm = vt_blob_key(1 + u, 1000, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
    vt_blob_put(&m->f.b, &warm, "hello", 5, vt_sha_hello);
    vt_ok(m->f.b.ops->remove(m->f.b.self, &warm, NULL));
  }
  m->n = n;
  for (unsigned k = 0; k < n; k++) {
    m->keys[k] = vt_blob_key(1 + k % users, k, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
    begin_one(m, k);
  }
  count_from_zero(m, 0, 0);
}

static void publish_all(many *m) {
  m->f.b.ops->publish_many(m->f.b.self, m->w, m->metas, m->n, m->got, NULL);
}

static void discard_all(many *m) {
  for (uint64_t k = 0; k < m->n; k++) {
    m->f.b.ops->discard(m->f.b.self, m->w[k], 0);
    m->w[k] = NULL;
  }
}

static void end_many(many *m) {
  discard_all(m);
  vt_fs_remove(&m->f);
}

/* ---- how many flushes ---- */

START_TEST(eight_bodies_need_one_flush_and_one_for_each_folder) {
  static const struct {
    unsigned n, users;
    int fsyncs, syncfss;
  } rows[] = {{1, 1, 2, 0},   {ALL - 1, 1, ALL - 1 + 1, 0}, {ALL - 1, 3, ALL - 1 + 3, 0},
              {ALL, 1, 1, 1}, {ALL, 3, 3, 1},               {MANY, 5, 5, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    many m;
    begin_many(&m, rows[i].n, rows[i].users);
    publish_all(&m);
    ck_assert_int_eq(n_fsync, rows[i].fsyncs);
    ck_assert_int_eq(n_syncfs, rows[i].syncfss);
    for (uint64_t k = 0; k < m.n; k++)
      vt_ok(m.got[k]);
    end_many(&m);
  }
}
END_TEST

START_TEST(without_syncfs_each_body_is_flushed) {
  many m;
  begin_many(&m, ALL, 1);
  vt_fs_self(&m.f)->syncfs_fd = NULL;
  publish_all(&m);
  ck_assert_int_eq(n_fsync, ALL + 1);
  ck_assert_int_eq(n_syncfs, 0);
  end_many(&m);
}
END_TEST

/* Those that were sealed before need none, and do not count towards the eight. */
START_TEST(sealed_bodies_are_not_flushed_again) {
  many m;
  begin_many(&m, ALL, 1);
  vt_ok(m.f.b.ops->seal(m.f.b.self, m.w[2], &m.metas[2], NULL));
  count_from_zero(&m, 0, 0);
  publish_all(&m);
  ck_assert_int_eq(n_fsync, ALL - 1 + 1);
  ck_assert_int_eq(n_syncfs, 0);
  end_many(&m);
}
END_TEST

/* ---- flushes that fail ---- */

START_TEST(failed_syncfs_fails_every_member) {
  many m;
  begin_many(&m, ALL, 2);
  count_from_zero(&m, 1, 0);
  publish_all(&m);
  for (uint64_t k = 0; k < m.n; k++) {
    vt_status(m.got[k], VAULT_E_IO);
    vt_blob_expect_none(&m.f.b, &m.keys[k]);
  }
  ck_assert_int_eq(calls, 1);
  ck_assert_uint_eq(vt_fs_self(&m.f)->n_bad, 1); /* one flush, however many bodies */
  publish_all(&m);
  ck_assert_int_eq(calls, 1); /* never again for these files */
  for (uint64_t k = 0; k < m.n; k++)
    vt_status(m.got[k], VAULT_E_USAGE);
  end_many(&m);
}
END_TEST

START_TEST(failed_fsync_fails_its_member_only) {
  many m;
  begin_many(&m, 5, 1);
  count_from_zero(&m, 3, 0);
  publish_all(&m);
  for (uint64_t k = 0; k < m.n; k++) {
    vt_status(m.got[k], k == 2 ? VAULT_E_IO : VAULT_OK);
    if (k == 2)
      vt_blob_expect_none(&m.f.b, &m.keys[k]);
    else
      vt_blob_expect(&m.f.b, &m.keys[k], "hello", 5);
  }
  end_many(&m);
}
END_TEST

/* The first folder is not confirmed: its names are taken back, the other folder's stay. */
START_TEST(failed_flush_of_a_folder_fails_that_folder) {
  many m;
  begin_many(&m, ALL, 2);
  count_from_zero(&m, 2, 0); /* syncfs, then the folder of user 1 */
  publish_all(&m);
  for (uint64_t k = 0; k < m.n; k++) {
    vt_status(m.got[k], k % 2 ? VAULT_OK : VAULT_E_IO);
    if (k % 2)
      vt_blob_expect(&m.f.b, &m.keys[k], "hello", 5);
    else
      vt_blob_expect_none(&m.f.b, &m.keys[k]);
  }
  end_many(&m);
}
END_TEST

/* Another batch's syncfs failed while this body was written: what it lost may be of this
 * body, and the kernel says so only once for the file system. */
START_TEST(older_body_is_flushed_by_itself_after_a_failed_syncfs) {
  many m;
  begin_many(&m, MANY, 1);
  m.n = ALL;
  fails_syncfs = 1;
  publish_all(&m);
  for (uint64_t k = 0; k < m.n; k++)
    vt_status(m.got[k], VAULT_E_IO);
  discard_all(&m);
  /* ALL bodies that are older than the failure, and the rest begun after it. */
  memmove(m.w, m.w + ALL, ALL * sizeof *m.w);
  memmove(m.keys, m.keys + ALL, ALL * sizeof *m.keys);
  for (unsigned k = ALL; k < 2 * ALL; k++)
    m.f.b.ops->discard(m.f.b.self, m.w[ALL + k], 0);
  for (unsigned k = ALL; k < 2 * ALL; k++)
    begin_one(&m, k);
  m.n = 2 * ALL;
  count_from_zero(&m, 0, 0);
  publish_all(&m);
  ck_assert_int_eq(n_syncfs, 1);
  ck_assert_int_eq(n_fsync, ALL + 1);
  for (uint64_t k = 0; k < m.n; k++)
    vt_ok(m.got[k]);
  end_many(&m);
}
END_TEST

START_TEST(failed_syncfs_counts_towards_read_only) {
  many m;
  vault_blob_writer *w = NULL;
  begin_many(&m, 3 * ALL, 1);
  fails_syncfs = 1;
  for (uint64_t from = 0; from < 3 * ALL; from += ALL)
    m.f.b.ops->publish_many(m.f.b.self, m.w + from, m.metas + from, ALL, m.got + from, NULL);
  vt_status(m.f.b.ops->begin(m.f.b.self, &m.keys[0], 0, &w, NULL), VAULT_E_READ_ONLY);
  publish_all(&m);
  vt_status(m.got[0], VAULT_E_READ_ONLY);
  end_many(&m);
}
END_TEST

/* ---- the process ends ---- */

static void child(many *m, int end) {
  vt_fs_open(&m->f);
  for (unsigned k = 0; k < m->n; k++)
    begin_one(m, k);
  count_from_zero(m, 0, end);
  publish_all(m);
  _exit(1); /* there is no such call */
}

/* At each flush, the directories' among them: every body is whole or not there, and the same
 * batch again makes all of them. */
START_TEST(ends_at_each_flush) {
  int left = 0;
  for (int end = 1; !left; end++) {
    many m;
    int status = 0;
    vault_blob_entry e[MANY];
    memset(&m, 0, sizeof m);
    vt_fs_make(&m.f);
    vt_fs_close(&m.f);
    m.n = ALL;
    for (unsigned k = 0; k < m.n; k++)
      m.keys[k] = vt_blob_key(1 + k % 2, k, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
      child(&m, end);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    left = WEXITSTATUS(status) == 1;
    vt_fs_open(&m.f);
    uint64_t n = vt_blob_list(&m.f.b, e, MANY, MANY);
    for (uint64_t i = 0; i < n; i++)
      vt_blob_expect(&m.f.b, &e[i].key, "hello", 5);
    if (left)
      ck_assert_uint_eq(n, m.n);
    for (unsigned k = 0; k < m.n; k++)
      begin_one(&m, k);
    publish_all(&m);
    for (uint64_t k = 0; k < m.n; k++)
      vt_ok(m.got[k]);
    ck_assert_uint_eq(vt_blob_list(&m.f.b, e, MANY, MANY), m.n);
    end_many(&m);
    ck_assert_int_lt(end, 40);
  }
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {eight_bodies_need_one_flush_and_one_for_each_folder,
                              without_syncfs_each_body_is_flushed,
                              sealed_bodies_are_not_flushed_again,
                              failed_syncfs_fails_every_member,
                              failed_fsync_fails_its_member_only,
                              failed_flush_of_a_folder_fails_that_folder,
                              older_body_is_flushed_by_itself_after_a_failed_syncfs,
                              failed_syncfs_counts_towards_read_only,
                              ends_at_each_flush,
                              NULL};
  return vt_suite("fs_many", all);
}

VT_MAIN(suite)
