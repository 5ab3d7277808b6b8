/* What is left when the process ends between two steps, and when the disk does not flush. A process
 * that ends leaves what the kernel knows; what a power cut leaves follows from the order of
 * the flushes, which fs_order.c checks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs_rig.h"

enum { AFTER_BEGIN, AFTER_WRITE, AFTER_FLUSH, AFTER_SEAL, AFTER_PUBLISH, N_STEPS };

static vault_blob_key some_key(void) {
  return vt_blob_key(1, 1, VAULT_SPACE_PHOTOS, VT_NOV_2026_MS, ".heic");
}

/* The child's life: up to `last`, then gone without a word. */
static void live_until(vt_fs *f, int last, uint32_t flags) {
  vault_blob_key key = some_key();
  vault_blob_writer *w = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  uint64_t offset = 0;
  int bad = f->b.ops->begin(f->b.self, &key, flags, &w, NULL);
  if (!bad && last >= AFTER_WRITE)
    bad = f->b.ops->write(f->b.self, w, "hello", 5, NULL);
  if (!bad && last >= AFTER_FLUSH)
    bad = f->b.ops->flush(f->b.self, w, &offset, NULL);
  if (!bad && last >= AFTER_SEAL)
    bad = f->b.ops->seal(f->b.self, w, &meta, NULL);
  if (!bad && last >= AFTER_PUBLISH)
    bad = f->b.ops->publish(f->b.self, w, NULL);
  _exit(bad ? 1 : 0);
}

static void crash_after(vt_fs *f, int last, uint32_t flags) {
  int status = 0;
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    vt_fs_open(f);
    live_until(f, last, flags);
  }
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(plain_body_is_there_or_nothing_is) {
  for (int last = AFTER_BEGIN; last < N_STEPS; last++) {
    vt_fs f;
    vault_blob_key key = some_key();
    vault_blob_entry e[2];
    unsigned published = last == AFTER_PUBLISH;
    vt_fs_make(&f);
    vt_fs_close(&f);
    crash_after(&f, last, 0);
    vt_fs_open(&f);
    ck_assert_int_eq(vt_fs_incoming(&f), 0);
    ck_assert_uint_eq(vt_blob_list(&f.b, e, 2, 2), published);
    vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello); /* the client tries again */
    vt_blob_expect(&f.b, &key, "hello", 5);
    ck_assert_uint_eq(vt_blob_list(&f.b, e, 2, 2), 1);
    vt_fs_remove(&f);
  }
}
END_TEST

START_TEST(resumable_body_is_found_again) {
  for (int last = AFTER_BEGIN; last < N_STEPS; last++) {
    vt_fs f;
    vault_blob_key key = some_key();
    vault_blob_entry e[2];
    vault_blob_writer *w = NULL;
    vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
    unsigned published = last == AFTER_PUBLISH;
    vt_fs_make(&f);
    vt_fs_close(&f);
    crash_after(&f, last, VAULT_BLOB_RESUMABLE);
    vt_fs_open(&f);
    ck_assert_uint_eq(vt_blob_list(&f.b, e, 2, 2), 1);
    ck_assert_uint_eq(e[0].partial, !published);
    if (!published) {
      uint64_t offset = last >= AFTER_WRITE ? 3 : 0;
      vt_ok(f.b.ops->resume(f.b.self, &key, offset, 1, &w, NULL));
      vt_ok(f.b.ops->write(f.b.self, w, &"hello"[offset], 5 - offset, NULL));
      vt_ok(f.b.ops->seal(f.b.self, w, &meta, NULL));
      vt_ok(f.b.ops->publish(f.b.self, w, NULL));
      f.b.ops->discard(f.b.self, w, 0);
    }
    vt_blob_expect(&f.b, &key, "hello", 5);
    ck_assert_int_eq(vt_fs_incoming(&f), 0);
    vt_fs_remove(&f);
  }
}
END_TEST

/* Between linkat and the unlink of the .part both names are there. */
START_TEST(linked_and_partial_becomes_one) {
  vt_fs f;
  vault_blob_key key = some_key(),
                 other = vt_blob_key(1, 2, VAULT_SPACE_PHOTOS, VT_NOV_2026_MS, "");
  vault_blob_entry e[4];
  vault_blob_writer *w = NULL;
  char part[VAULT__FS_NAME_MAX], name[VT_FS_PATH], from[VT_FS_PATH], to[VT_FS_PATH];
  vt_fs_make(&f);
  vt_blob_put(&f.b, &other, "jello", 5, vt_sha_jello); /* makes the directories */
  vt_ok(f.b.ops->begin(f.b.self, &key, VAULT_BLOB_RESUMABLE, &w, NULL));
  vt_ok(f.b.ops->write(f.b.self, w, "hello", 5, NULL));
  f.b.ops->discard(f.b.self, w, 1);
  vt_ok(vault__fs_part_name(&key, part, NULL));
  (void)snprintf(name, sizeof name, "%s/%s", VAULT__FS_INCOMING, part);
  ck_assert_int_eq(link(vt_fs_path(&f, name, from), vt_fs_key_path(&f, &key, to)), 0);
  ck_assert_uint_eq(vt_blob_list(&f.b, e, 4, 1), 3);
  w = NULL;
  vt_status(f.b.ops->resume(f.b.self, &key, 5, 1, &w, NULL), VAULT_E_NOT_FOUND);
  ck_assert_ptr_null(w);
  vt_ok(f.b.ops->confirm(f.b.self, &key, NULL));
  vt_blob_expect(&f.b, &key, "hello", 5);
  ck_assert_uint_eq(vt_blob_list(&f.b, e, 4, 4), 2);
  vt_fs_remove(&f);
}
END_TEST

/* ---- flushes that fail ---- */

static int sync_calls, sync_fails_at; /* from 1; 0: never */

static int failing_sync(int fd) {
  if (++sync_calls == sync_fails_at || sync_fails_at < 0) {
    errno = EIO;
    return -1;
  }
  return fsync(fd);
}

static vault_blob_writer *sealed_or_not(vt_fs *f, unsigned n, vault_status want) {
  vault_blob_key key = vt_blob_key(1, n, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vault_blob_writer *w = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  vt_ok(f->b.ops->begin(f->b.self, &key, 0, &w, NULL));
  vt_ok(f->b.ops->write(f->b.self, w, "hello", 5, NULL));
  vt_status(f->b.ops->seal(f->b.self, w, &meta, NULL), want);
  return w;
}

START_TEST(failed_flush_is_never_repeated) {
  vt_fs f;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  vault_blob_entry e;
  vt_fs_make(&f);
  vt_fs_self(&f)->sync_fd = failing_sync;
  sync_calls = 0;
  sync_fails_at = 1;
  vault_blob_writer *w = sealed_or_not(&f, 1, VAULT_E_IO);
  vt_status(f.b.ops->seal(f.b.self, w, &meta, NULL), VAULT_E_USAGE);
  vt_status(f.b.ops->publish(f.b.self, w, NULL), VAULT_E_USAGE);
  vt_status(f.b.ops->write(f.b.self, w, "x", 1, NULL), VAULT_E_USAGE);
  ck_assert_int_eq(sync_calls, 1);
  f.b.ops->discard(f.b.self, w, 0);
  ck_assert_uint_eq(vt_blob_list(&f.b, &e, 1, 1), 0);
  vt_fs_remove(&f);
}
END_TEST

START_TEST(failed_flush_of_a_partial_is_never_repeated) {
  vt_fs f;
  vault_blob_key key = some_key();
  vault_blob_writer *w = NULL;
  uint64_t offset = 42;
  vt_fs_make(&f);
  vt_fs_self(&f)->datasync_fd = failing_sync;
  sync_calls = 0;
  sync_fails_at = 1;
  vt_ok(f.b.ops->begin(f.b.self, &key, VAULT_BLOB_RESUMABLE, &w, NULL));
  vt_ok(f.b.ops->write(f.b.self, w, "hello", 5, NULL));
  vt_status(f.b.ops->flush(f.b.self, w, &offset, NULL), VAULT_E_IO);
  vt_status(f.b.ops->flush(f.b.self, w, &offset, NULL), VAULT_E_USAGE);
  ck_assert_uint_eq(offset, 42);
  ck_assert_int_eq(sync_calls, 1);
  f.b.ops->discard(f.b.self, w, 0);
  vt_fs_remove(&f);
}
END_TEST

/* The name was linked but not flushed: it is taken back, and a new try links again. */
START_TEST(unflushed_name_is_taken_back) {
  vt_fs f;
  vault_blob_key warm = vt_blob_key(1, 1, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vault_blob_key key = vt_blob_key(1, 2, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vt_fs_make(&f);
  vt_blob_put(&f.b, &warm, "hello", 5, vt_sha_hello); /* so that no directory is made below */
  vt_fs_self(&f)->sync_fd = failing_sync;
  sync_calls = 0;
  sync_fails_at = 2; /* the file, then the directory */
  vault_blob_writer *w = sealed_or_not(&f, 2, VAULT_OK);
  vt_status(f.b.ops->publish(f.b.self, w, NULL), VAULT_E_IO);
  f.b.ops->discard(f.b.self, w, 0);
  vt_blob_expect_none(&f.b, &key);
  vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello);
  vt_blob_expect(&f.b, &key, "hello", 5);
  vt_fs_remove(&f);
}
END_TEST

/* A process that finds the name cannot know whether it was flushed: confirm does it, and the
 * names above it, and never says that it did when it did not. */
START_TEST(a_name_that_was_found_is_confirmed) {
  vt_fs f;
  vault_blob_key key = vt_blob_key(1, 1, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vault_blob_key none = vt_blob_key(1, 2, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vt_fs_make(&f);
  vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello);
  vt_fs_close(&f);
  vt_fs_open(&f); /* a new process: it has flushed nothing yet */
  vt_fs_self(&f)->sync_fd = failing_sync;
  for (int step = 1; step <= 5; step++) { /* user, space, year, month, blob */
    vt_fs_self(&f)->n_bad = 0;
    vt_fs_self(&f)->read_only = 0;
    memset(vt_fs_self(&f)->known, 0, VAULT__FS_KNOWN_DIRS * sizeof *vt_fs_self(&f)->known);
    sync_calls = 0;
    sync_fails_at = step;
    vt_status(f.b.ops->confirm(f.b.self, &key, NULL), VAULT_E_IO);
    ck_assert_int_eq(sync_calls, step);
  }
  sync_calls = 0;
  sync_fails_at = 0;
  vt_fs_self(&f)->read_only = 0;
  vt_ok(f.b.ops->confirm(f.b.self, &key, NULL));
  vt_status(f.b.ops->confirm(f.b.self, &none, NULL), VAULT_E_NOT_FOUND);
  vt_fs_remove(&f);
}
END_TEST

static void fail_flushes(vt_fs *f, unsigned n) {
  vt_fs_self(f)->sync_fd = failing_sync;
  sync_fails_at = -1;
  for (unsigned i = 0; i < n; i++)
    f->b.ops->discard(f->b.self, sealed_or_not(f, 10 + i, VAULT_E_IO), 0);
  vt_fs_self(f)->sync_fd = fsync;
}

START_TEST(three_failed_flushes_end_all_writing) {
  vt_fs f;
  vault_blob_key key = some_key();
  vault_blob_writer *w = NULL;
  vault_err err = VAULT_ERR_INIT;
  vt_fs_make(&f);
  vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello);
  fail_flushes(&f, 3);
  vt_status(f.b.ops->begin(f.b.self, &key, 0, &w, &err), VAULT_E_READ_ONLY);
  vt_status(f.b.ops->remove(f.b.self, &key, NULL), VAULT_E_READ_ONLY);
  vt_blob_expect(&f.b, &key, "hello", 5); /* reading goes on */
  vt_fs_close(&f);
  vt_fs_open(&f); /* a restart is the way back */
  vt_ok(f.b.ops->remove(f.b.self, &key, NULL));
  vt_fs_remove(&f);
}
END_TEST

START_TEST(failed_flushes_far_apart_do_not) {
  vt_fs f;
  vault_blob_key key = some_key();
  vt_fs_make(&f);
  fail_flushes(&f, 2);
  for (unsigned i = 0; i < VAULT__FS_BAD_FLUSHES; i++) /* as if a minute had passed */
    vt_fs_self(&f)->bad_ms[i] -= VAULT__FS_BAD_WINDOW_MS + 1;
  fail_flushes(&f, 2);
  vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello);
  fail_flushes(&f, 1);
  ck_assert_int_eq(vt_fs_self(&f)->read_only, 1);
  vt_fs_remove(&f);
}
END_TEST

static Suite *crash(void) {
  const TTest *const all[] = {plain_body_is_there_or_nothing_is,
                              resumable_body_is_found_again,
                              linked_and_partial_becomes_one,
                              failed_flush_is_never_repeated,
                              failed_flush_of_a_partial_is_never_repeated,
                              unflushed_name_is_taken_back,
                              a_name_that_was_found_is_confirmed,
                              three_failed_flushes_end_all_writing,
                              failed_flushes_far_apart_do_not,
                              NULL};
  return vt_suite("fs_crash", all);
}

VT_MAIN(crash)
