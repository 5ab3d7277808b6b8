#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs_rig.h"

#define MANY 700 /* more than the walk keeps of one directory, twice over */

static vault_blob_key key_n(unsigned n) {
  return vt_blob_key(1, n, VAULT_SPACE_FILES, VT_NOV_2026_MS, ".jpg");
}

static vault_status attach_dir(const char *dir, uint32_t create, vault_err *err) {
  vault_id owner = vt_blob_owner(0);
  const vault_blob_store_ops *ops = NULL;
  void *self = NULL;
  vt_ok(vault_blob_fs_new(dir, strlen(dir), NULL, &ops, &self, NULL));
  vault_status st = ops->attach(self, &owner, create, err);
  ops->destroy(self);
  return st;
}

START_TEST(root_is_made_one_level_deep) {
  char dir[VT_DIR_MAX], path[VT_FS_PATH];
  vault_err err = VAULT_ERR_INIT;
  vt_dir_make(dir);
  (void)snprintf(path, sizeof path, "%s/storage/", dir);
  vt_status(attach_dir(path, 0, &err), VAULT_E_STORE_MISSING);
  vt_ok(attach_dir(path, 1, NULL));
  vt_ok(attach_dir(path, 0, NULL));
  (void)snprintf(path, sizeof path, "%s/no/storage", dir);
  vt_status(attach_dir(path, 1, &err), VAULT_E_IO);
  ck_assert_int_eq(err.native, ENOENT);
  vt_dir_remove(dir);
}
END_TEST

START_TEST(directory_of_someone_else_is_refused) {
  vt_fs f;
  char path[VT_FS_PATH];
  vt_fs_make(&f);
  vt_fs_close(&f);
  ck_assert_int_eq(unlink(vt_fs_path(&f, VAULT__FS_MARK, path)), 0);
  vt_ok(attach_dir(f.dir, 1, NULL)); /* an attach that was cut short is finished */
  ck_assert_int_eq(unlink(path), 0);
  vt_fs_plant(&f, "holiday.jpg", "x");
  vt_status(attach_dir(f.dir, 1, NULL), VAULT_E_STORE_FOREIGN);
  vt_status(attach_dir(f.dir, 0, NULL), VAULT_E_STORE_MISSING);
  ck_assert_int_eq(vt_fs_exists(&f, VAULT__FS_MARK), 0);
  vt_fs_remove(&f);
}
END_TEST

START_TEST(mark_that_is_not_ours_is_refused) {
  static const char *const marks[] = {
    "",
    "x",
    "libvault blob store\n",
    "libvault blob store\nformat 2\nid ",
    "libvault blob store\nformat 1\nid 01020304-0506-7000-8000-00000000000\n",
    "libvault blob store\nformat 1\nid 01020304-0506-7000-8000-000000000000"};
  vt_fs f;
  vt_fs_make(&f);
  vt_fs_close(&f);
  for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
    vt_fs_plant(&f, VAULT__FS_MARK, marks[i]);
    vt_status(attach_dir(f.dir, 1, NULL), VAULT_E_FORMAT);
  }
  vt_fs_plant(&f, VAULT__FS_MARK,
              "libvault blob store\nformat 1\nid 01020304-0506-7000-8000-000000000000\n");
  vt_ok(attach_dir(f.dir, 0, NULL));
  vt_fs_remove(&f);
}
END_TEST

START_TEST(store_is_private) {
  static const char *const dirs[] = {".vault", ".vault/incoming",
                                     "01020304-0506-7000-8000-000000000001",
                                     "01020304-0506-7000-8000-000000000001/files/2026/11"};
  vt_fs f;
  vault_blob_key key = key_n(1);
  char path[VT_FS_PATH];
  struct stat info;
  (void)umask(0);
  vt_fs_make(&f);
  vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello);
  for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
    ck_assert_int_eq(stat(vt_fs_path(&f, dirs[i], path), &info), 0);
    ck_assert_uint_eq(info.st_mode & 07777, 0700);
  }
  ck_assert_int_eq(stat(vt_fs_key_path(&f, &key, path), &info), 0);
  ck_assert_uint_eq(info.st_mode & 07777, 0600);
  ck_assert_int_eq(stat(vt_fs_path(&f, VAULT__FS_MARK, path), &info), 0);
  ck_assert_uint_eq(info.st_mode & 07777, 0600);
  vt_fs_remove(&f);
}
END_TEST

static vault_status try_put(vt_fs *f, const vault_blob_key *key, vault_err *err) {
  vault_blob_writer *w = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  vt_ok(f->b.ops->begin(f->b.self, key, 0, &w, NULL));
  vt_ok(f->b.ops->write(f->b.self, w, "hello", 5, NULL));
  vt_ok(f->b.ops->seal(f->b.self, w, &meta, NULL));
  vault_status st = f->b.ops->publish(f->b.self, w, err);
  f->b.ops->discard(f->b.self, w, 0);
  return st;
}

/* A link at each level of the path, to a directory outside that holds what would fit. */
START_TEST(links_inside_are_never_followed) {
  static const char *const at[] = {"01020304-0506-7000-8000-000000000001",
                                   "01020304-0506-7000-8000-000000000001/files",
                                   "01020304-0506-7000-8000-000000000001/files/2026",
                                   "01020304-0506-7000-8000-000000000001/files/2026/11"};
  for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
    vt_fs f, outside;
    vault_blob_key key = key_n(1);
    vault_blob_entry e;
    vault_blob_reader *r = NULL;
    uint64_t size = 0;
    vault_err err = VAULT_ERR_INIT;
    char from[VT_FS_PATH], to[VT_FS_PATH];
    vt_fs_make(&f);
    vt_fs_make(&outside);
    vt_blob_put(&outside.b, &key, "hello", 5, vt_sha_hello);
    vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello);
    (void)snprintf(from, sizeof from, "%s/%s.old", f.dir, at[i]);
    ck_assert_int_eq(rename(vt_fs_path(&f, at[i], to), from), 0);
    ck_assert_int_eq(symlink(vt_fs_path(&outside, at[i], from), to), 0);
    vt_status(f.b.ops->open(f.b.self, &key, &r, &size, &err), VAULT_E_IO);
    ck_assert(err.native == ELOOP || err.native == ENOTDIR);
    vault_blob_key next = key_n(2);
    vt_status(try_put(&f, &next, &err), VAULT_E_IO);
    vt_status(f.b.ops->remove(f.b.self, &key, NULL), VAULT_E_IO);
    ck_assert_uint_eq(vt_blob_list(&f.b, &e, 1, 1), 0);
    vt_blob_expect(&outside.b, &key, "hello", 5);
    vt_blob_expect_none(&outside.b, &next);
    vt_fs_remove(&f);
    vt_fs_remove(&outside);
  }
}
END_TEST

START_TEST(a_link_as_a_blob_is_never_followed) {
  vt_fs f;
  vault_blob_key key = key_n(1), other = key_n(2);
  vault_blob_reader *r = NULL;
  uint64_t size = 0;
  vault_err err = VAULT_ERR_INIT;
  char path[VT_FS_PATH];
  vt_fs_make(&f);
  vt_blob_put(&f.b, &other, "hello", 5, vt_sha_hello);
  ck_assert_int_eq(symlink("/etc/passwd", vt_fs_key_path(&f, &key, path)), 0);
  vt_status(f.b.ops->open(f.b.self, &key, &r, &size, &err), VAULT_E_IO);
  ck_assert_int_eq(err.native, ELOOP);
  vt_status(try_put(&f, &key, &err), VAULT_E_IO);
  ck_assert_int_eq(access("/etc/passwd", F_OK), 0);
  vt_fs_remove(&f);
}
END_TEST

START_TEST(strange_files_are_not_listed) {
  static const char *const names[] = {
    "README",
    "01020304-0506-7000-8000-000000000001/x",
    "01020304-0506-7000-8000-000000000001/files/2026/11/notes.txt",
    "01020304-0506-7000-8000-000000000001/files/2026/12/019a0000-0000-7000-8000-000000000001.jpg",
    "01020304-0506-7000-8000-000000000001/files/2026/11/019A0000-0000-7000-8000-000000000001.jpg",
    "01020304-0506-7000-8000-000000000001/other/2026/11/019a0000-0000-7000-8000-000000000001",
    ".vault/incoming/x.part",
    ".vault/incoming/01020304-0506-7000-8000-000000000001.files.part",
    ".vault/incoming/01020304-0506-7000-8000-000000000001.files.01020304-0506-7000-8000-000000000001"};
  vt_fs f;
  vault_blob_key key = key_n(1), folder = key_n(2);
  vault_blob_entry e[4];
  char path[VT_FS_PATH];
  vt_fs_make(&f);
  vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    vt_fs_plant(&f, names[i], "x");
  ck_assert_int_eq(mkdir(vt_fs_key_path(&f, &folder, path), 0700), 0);
  ck_assert_uint_eq(vt_blob_list(&f.b, e, 4, 4), 1);
  ck_assert_mem_eq(&e[0].key, &key, sizeof key);
  vt_fs_remove(&f);
}
END_TEST

START_TEST(long_directories_are_listed_whole) {
  static vault_blob_entry a[MANY + 1], b[MANY + 1];
  vt_fs f;
  char path[VT_FS_PATH];
  vt_fs_make(&f);
  vault_blob_key first = key_n(0);
  vt_blob_put(&f.b, &first, "hello", 5, vt_sha_hello);
  for (unsigned i = 1; i < MANY; i++) {
    vault_blob_key key = key_n(i * 211 % MANY);
    int fd = open(vt_fs_key_path(&f, &key, path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
  }
  ck_assert_uint_eq(vt_blob_list(&f.b, a, MANY + 1, MANY + 1), MANY);
  ck_assert_uint_eq(vt_blob_list(&f.b, b, MANY + 1, 99), MANY);
  for (unsigned i = 0; i < MANY; i++) {
    vault_blob_key key = key_n(i);
    ck_assert_mem_eq(&a[i].key, &key, sizeof key);
    ck_assert_mem_eq(&b[i].key, &key, sizeof key);
  }
  vt_fs_remove(&f);
}
END_TEST

START_TEST(large_bodies_pass_the_write_back_mark) {
  static unsigned char piece[1 << 20];
  vt_fs f;
  vault_blob_key key = key_n(1);
  vault_blob_writer *w = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  uint64_t size = 0;
  vt_fs_make(&f);
  vt_ok(f.b.ops->begin(f.b.self, &key, 0, &w, NULL));
  for (int i = 0; i < 11; i++)
    vt_ok(f.b.ops->write(f.b.self, w, piece, sizeof piece, NULL));
  ck_assert_uint_eq(w->started, 5 * VAULT__FS_WRITEBACK_BYTES);
  vt_ok(f.b.ops->seal(f.b.self, w, &meta, NULL));
  vt_ok(f.b.ops->publish(f.b.self, w, NULL));
  f.b.ops->discard(f.b.self, w, 0);
  vt_ok(f.b.ops->stat(f.b.self, &key, &size, NULL, NULL));
  ck_assert_uint_eq(size, 11 * sizeof piece);
  vt_fs_remove(&f);
}
END_TEST

START_TEST(open_files_are_limited) {
  vt_fs f;
  vault_blob_key key = key_n(1);
  vault_blob_writer *a = NULL, *b = NULL, *c = NULL;
  vault_err err = VAULT_ERR_INIT;
  vt_fs_make(&f);
  vt_fs_self(&f)->open_max = 2;
  vt_ok(f.b.ops->begin(f.b.self, &key, 0, &a, NULL));
  vt_ok(f.b.ops->begin(f.b.self, &key, 0, &b, NULL));
  vt_status(f.b.ops->begin(f.b.self, &key, 0, &c, &err), VAULT_E_RETRY);
  ck_assert_int_gt(err.retry_after_ms, 0);
  f.b.ops->discard(f.b.self, a, 0);
  vt_ok(f.b.ops->begin(f.b.self, &key, 0, &c, NULL));
  f.b.ops->discard(f.b.self, b, 0);
  f.b.ops->discard(f.b.self, c, 0);
  ck_assert_uint_eq(vt_fs_self(&f)->n_open, 0);
  vt_fs_remove(&f);
}
END_TEST

/* The newer lease wins: the older writer changes nothing any more, not even the name. */
START_TEST(the_newest_writer_has_the_partial_body) {
  vt_fs f;
  vault_blob_key key = key_n(1);
  vault_blob_writer *a = NULL, *b = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  uint64_t offset = 0;
  vt_fs_make(&f);
  vt_ok(f.b.ops->begin(f.b.self, &key, VAULT_BLOB_RESUMABLE, &a, NULL));
  vt_status(f.b.ops->resume(f.b.self, &key, 1, 1, &b, NULL), VAULT_E_OFFSET);
  vt_status(f.b.ops->begin(f.b.self, &key, VAULT_BLOB_RESUMABLE, &b, NULL), VAULT_E_CONFLICT);
  vt_ok(f.b.ops->resume(f.b.self, &key, 0, 2, &b, NULL));
  vt_ok(f.b.ops->write(f.b.self, b, "hel", 3, NULL));
  vt_status(f.b.ops->write(f.b.self, a, "x", 1, NULL), VAULT_E_PREEMPTED);
  f.b.ops->discard(f.b.self, a, 0);
  ck_assert_int_eq(vt_fs_incoming(&f), 1);
  vt_status(f.b.ops->resume(f.b.self, &key, 0, 1, &a, NULL), VAULT_E_PREEMPTED);
  vt_ok(f.b.ops->flush(f.b.self, b, &offset, NULL));
  vt_ok(f.b.ops->resume(f.b.self, &key, 3, 3, &a, NULL));
  vt_ok(f.b.ops->write(f.b.self, a, "lo", 2, NULL));
  vt_status(f.b.ops->seal(f.b.self, b, &meta, NULL), VAULT_E_PREEMPTED);
  f.b.ops->discard(f.b.self, b, 0);
  vt_ok(f.b.ops->seal(f.b.self, a, &meta, NULL));
  vt_ok(f.b.ops->publish(f.b.self, a, NULL));
  f.b.ops->discard(f.b.self, a, 0);
  vt_blob_expect(&f.b, &key, "hello", 5);
  ck_assert_int_eq(vt_fs_incoming(&f), 0);
  vt_fs_remove(&f);
}
END_TEST

/* What was published has no partial name any more: one that is there is somebody else's, who makes
 * the same body anew (a concatenation that another process took over). */
START_TEST(a_published_writer_takes_no_name_along) {
  vt_fs f;
  vault_blob_key key = key_n(1);
  vault_blob_writer *a = NULL, *b = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  vt_fs_make(&f);
  for (uint32_t keep = 0; keep < 2; keep++) {
    vault_blob_writer **w[] = {&a, &b};
    for (int i = 0; i < 2; i++) {
      vt_ok(f.b.ops->begin(f.b.self, &key, VAULT_BLOB_RESUMABLE, w[i], NULL));
      vt_ok(f.b.ops->write(f.b.self, *w[i], "hello", 5, NULL));
      vt_ok(f.b.ops->seal(f.b.self, *w[i], &meta, NULL));
      if (*w[i] == a)
        vt_ok(f.b.ops->publish(f.b.self, a, NULL));
    }
    f.b.ops->discard(f.b.self, a, keep);
    ck_assert_int_eq(vt_fs_incoming(&f), 1);
    vt_ok(f.b.ops->publish(f.b.self, b, NULL));
    f.b.ops->discard(f.b.self, b, keep);
    vt_blob_expect(&f.b, &key, "hello", 5);
    ck_assert_int_eq(vt_fs_incoming(&f), 0);
    vt_ok(f.b.ops->remove(f.b.self, &key, NULL));
  }
  vt_fs_remove(&f);
}
END_TEST

/* Whether this process waits for a flock: /proc/locks shows who is blocked with an arrow. */
static int waits_for_lock(pid_t pid) {
  char line[256], wanted[32];
  int found = 0;
  FILE *f = fopen("/proc/locks", "r");
  ck_assert_ptr_nonnull(f);
  (void)snprintf(wanted, sizeof wanted, " %d ", (int)pid);
  while (!found && fgets(line, sizeof line, f))
    found = strstr(line, "->") != NULL && strstr(line, wanted) != NULL;
  (void)fclose(f);
  return found;
}

/* A resume that waited while the body was published must not write to it, nor cut it: it has the
 * published file open by then. */
START_TEST(a_body_that_is_published_meanwhile_is_left_alone) {
  vt_fs f;
  vault_blob_key key = key_n(1);
  vault_blob_writer *w = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  int status = 0;
  vt_fs_make(&f);
  vt_ok(f.b.ops->begin(f.b.self, &key, VAULT_BLOB_RESUMABLE, &w, NULL));
  vt_ok(f.b.ops->write(f.b.self, w, "hello", 5, NULL));
  vt_ok(f.b.ops->seal(f.b.self, w, &meta, NULL));
  vault__fs *s = vt_fs_self(&f);
  if (!(s->caps & VAULT_BLOB_CAP_META)) {
    f.b.ops->discard(f.b.self, w, 0);
    vt_fs_remove(&f);
    return; /* no fences on this file system */
  }
  ck_assert_int_eq(flock(w->fd, LOCK_EX), 0); /* as within a call */
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    vault_blob_writer *b = NULL;
    _exit(f.b.ops->resume(f.b.self, &key, 0, 1, &b, NULL) == VAULT_E_NOT_FOUND ? 0 : 1);
  }
  while (!waits_for_lock(pid) && waitpid(pid, &status, WNOHANG) == 0)
    (void)sched_yield();
  vt_ok(f.b.ops->publish(f.b.self, w, NULL)); /* its own lock is taken again, and let go */
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_int_eq(WIFEXITED(status) && WEXITSTATUS(status) == 0, 1);
  f.b.ops->discard(f.b.self, w, 0);
  vt_blob_expect(&f.b, &key, "hello", 5);
  vt_fs_remove(&f);
}
END_TEST

START_TEST(use_before_attach_is_refused) {
  const vault_blob_store_ops *ops = NULL;
  void *self = NULL;
  vault_blob_key key = key_n(1);
  vault_blob_writer *w = NULL;
  vault_blob_entry e;
  char cursor[VAULT_BLOB_PATH_MAX] = "";
  uint64_t n = 0;
  vt_ok(vault_blob_fs_new("/nowhere", 8, NULL, &ops, &self, NULL));
  vt_status(ops->begin(self, &key, 0, &w, NULL), VAULT_E_USAGE);
  vt_status(ops->stat(self, &key, &n, NULL, NULL), VAULT_E_USAGE);
  vt_status(ops->remove(self, &key, NULL), VAULT_E_USAGE);
  vt_status(ops->list(self, cursor, &e, 1, &n, NULL), VAULT_E_USAGE);
  ops->destroy(self);
  vt_status(vault_blob_fs_new("", 0, NULL, &ops, &self, NULL), VAULT_E_USAGE);
  vt_status(vault_blob_fs_new("a\0b", 3, NULL, &ops, &self, NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(removed_directories_are_made_again) {
  vt_fs f;
  vault_blob_key key = key_n(1), next = key_n(2);
  char path[VT_FS_PATH];
  vt_fs_make(&f);
  vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello);
  vt_dir_remove(vt_fs_path(&f, "01020304-0506-7000-8000-000000000001/files/2026/11", path));
  vt_blob_put(&f.b, &next, "jello", 5, vt_sha_jello);
  vt_blob_expect(&f.b, &next, "jello", 5);
  vt_fs_remove(&f);
}
END_TEST

static Suite *store(void) {
  const TTest *const all[] = {root_is_made_one_level_deep,
                              directory_of_someone_else_is_refused,
                              mark_that_is_not_ours_is_refused,
                              store_is_private,
                              links_inside_are_never_followed,
                              a_link_as_a_blob_is_never_followed,
                              strange_files_are_not_listed,
                              long_directories_are_listed_whole,
                              large_bodies_pass_the_write_back_mark,
                              open_files_are_limited,
                              the_newest_writer_has_the_partial_body,
                              a_published_writer_takes_no_name_along,
                              a_body_that_is_published_meanwhile_is_left_alone,
                              use_before_attach_is_refused,
                              removed_directories_are_made_again,
                              NULL};
  return vt_suite("fs_store", all);
}

VT_MAIN(store)
