/* A disk that is full: a tmpfs of 1 MiB and few inodes, in a mount namespace of its own. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs_rig.h"

#define SMALL "size=1m,nr_inodes=64,mode=0700"
#define PIECE_BYTES 65536u
#define PIECES_MAX 64
#define FILES_MAX 128

static char mount_dir[VT_DIR_MAX];

static void small_store(vt_fs *f) {
  memset(f, 0, sizeof *f);
  (void)snprintf(f->dir, sizeof f->dir, "%.*s/s", VT_DIR_MAX - 3, mount_dir);
  vt_fs_open(f);
}

/* Write until it is full. */
static vault_blob_writer *fill(vt_fs *f, const vault_blob_key *key, uint32_t flags) {
  static char piece[PIECE_BYTES];
  vault_blob_writer *w = NULL;
  vault_status st = VAULT_OK;
  vt_ok(f->b.ops->begin(f->b.self, key, flags, &w, NULL));
  for (int i = 0; i < PIECES_MAX && st == VAULT_OK; i++)
    st = f->b.ops->write(f->b.self, w, piece, sizeof piece, NULL);
  vt_status(st, VAULT_E_NO_SPACE);
  return w;
}

START_TEST(full_disk_is_no_space_and_leaves_nothing) {
  vt_fs f;
  vault_blob_entry e;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  vault_blob_key key = vt_blob_key(1, 1, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  small_store(&f);
  for (uint32_t flags = 0; flags <= VAULT_BLOB_RESUMABLE; flags++) {
    vault_blob_writer *w = fill(&f, &key, flags);
    vt_status(f.b.ops->seal(f.b.self, w, &meta, NULL), VAULT_E_USAGE);
    f.b.ops->discard(f.b.self, w, 0);
    ck_assert_int_eq(vt_fs_incoming(&f), 0);
    ck_assert_uint_eq(vt_blob_list(&f.b, &e, 1, 1), 0);
  }
  vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello); /* there is space again */
  vt_blob_expect(&f.b, &key, "hello", 5);
  ck_assert_int_eq(vt_fs_self(&f)->read_only, 0);
  vt_fs_remove(&f);
}
END_TEST

START_TEST(no_inode_for_a_directory_is_no_space) {
  vt_fs f;
  vault_blob_writer *w = NULL, *other = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  vault_blob_key key = vt_blob_key(2, 1, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  char name[32], path[VT_FS_PATH];
  int n = 0, fd;
  small_store(&f);
  vt_ok(f.b.ops->begin(f.b.self, &key, 0, &w, NULL));
  vt_ok(f.b.ops->write(f.b.self, w, "hello", 5, NULL));
  vt_ok(f.b.ops->seal(f.b.self, w, &meta, NULL));
  for (; n < FILES_MAX; n++) {
    (void)snprintf(name, sizeof name, "filler%d", n);
    fd = open(vt_fs_path(&f, name, path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
      break;
    (void)close(fd);
  }
  vt_status(f.b.ops->publish(f.b.self, w, NULL), VAULT_E_NO_SPACE);
  vt_status(f.b.ops->begin(f.b.self, &key, 0, &other, NULL), VAULT_E_NO_SPACE);
  vt_status(f.b.ops->begin(f.b.self, &key, VAULT_BLOB_RESUMABLE, &other, NULL), VAULT_E_NO_SPACE);
  vt_blob_expect_none(&f.b, &key);
  while (n--) {
    (void)snprintf(name, sizeof name, "filler%d", n);
    ck_assert_int_eq(unlink(vt_fs_path(&f, name, path)), 0);
  }
  vt_ok(f.b.ops->publish(f.b.self, w, NULL));
  f.b.ops->discard(f.b.self, w, 0);
  vt_blob_expect(&f.b, &key, "hello", 5);
  vt_fs_remove(&f);
}
END_TEST

/* Several files must fit before a mark can be written: it is there whole or not at all. */
START_TEST(no_space_for_the_mark) {
  static char zeros[PIECE_BYTES];
  const vault_blob_store_ops *ops = NULL;
  void *self = NULL;
  vault_id owner = vt_blob_owner(0);
  char filler[VT_DIR_MAX + 16], dir[VT_DIR_MAX + 16];
  (void)snprintf(filler, sizeof filler, "%s/filler", mount_dir);
  (void)snprintf(dir, sizeof dir, "%s/t", mount_dir);
  int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ck_assert_int_ge(fd, 0);
  while (write(fd, zeros, sizeof zeros) > 0) {
  }
  (void)close(fd);
  vt_ok(vault_blob_fs_new(dir, strlen(dir), NULL, &ops, &self, NULL));
  vt_status(ops->attach(self, &owner, 1, NULL), VAULT_E_NO_SPACE);
  ck_assert_int_eq(unlink(filler), 0);
  vt_ok(ops->attach(self, &owner, 1, NULL));
  ops->destroy(self);
  vt_dir_remove(dir);
}
END_TEST

static Suite *full(void) {
  const TTest *const all[] = {full_disk_is_no_space_and_leaves_nothing,
                              no_inode_for_a_directory_is_no_space, no_space_for_the_mark, NULL};
  return vt_suite("fs_full", all);
}

int main(void) {
  static const vt_suite_fn all[] = {full};
  if (geteuid() != 0)
    return vt_skip("a small tmpfs can only be mounted by root");
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return vt_skip("this sandbox allows no mount namespace");
  vt_dir_make(mount_dir);
  if (mount("vt", mount_dir, "tmpfs", MS_NODEV | MS_NOSUID, SMALL) != 0) {
    vt_dir_remove(mount_dir);
    return vt_skip("this sandbox allows no tmpfs");
  }
  int result = vt_run(all, 1);
  (void)umount(mount_dir);
  vt_dir_remove(mount_dir);
  return result;
}
