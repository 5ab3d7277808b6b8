#include "fs_rig.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

vault__fs *vt_fs_self(vt_fs *f) {
  return f->b.self;
}

void vt_fs_open(vt_fs *f) {
  vault_id owner = vt_blob_owner(0);
  const vault_blob_store_ops *ops = NULL;
  vt_ok(vault_blob_fs_new(f->dir, strlen(f->dir), NULL, &ops, &f->b.self, NULL));
  f->b.ops = ops;
  vt_ok(ops->attach(f->b.self, &owner, 1, NULL));
  f->b.caps = ops->caps(f->b.self);
}

void vt_fs_make(vt_fs *f) {
  memset(f, 0, sizeof *f);
  vt_dir_make(f->dir);
  vt_fs_open(f);
}

void vt_fs_close(vt_fs *f) {
  f->b.ops->destroy(f->b.self);
  f->b.self = NULL;
}

void vt_fs_remove(vt_fs *f) {
  if (f->b.self)
    vt_fs_close(f);
  vt_dir_remove(f->dir);
}

const char *vt_fs_path(const vt_fs *f, const char *name, char *out) {
  int n = snprintf(out, VT_FS_PATH, "%s/%s", f->dir, name);
  ck_assert_int_lt(n, VT_FS_PATH);
  return out;
}

const char *vt_fs_key_path(const vt_fs *f, const vault_blob_key *key, char *out) {
  char path[VAULT_BLOB_PATH_MAX];
  vt_ok(vault_blob_key_path(key, path, NULL));
  return vt_fs_path(f, path, out);
}

void vt_fs_plant(const vt_fs *f, const char *name, const char *text) {
  char path[VT_FS_PATH];
  (void)vt_fs_path(f, name, path);
  for (char *p = path + strlen(f->dir) + 1; (p = strchr(p, '/')) != NULL; p++) {
    *p = 0;
    (void)mkdir(path, 0700);
    *p = '/';
  }
  FILE *file = fopen(path, "w");
  ck_assert_msg(file != NULL, "cannot write %s", path);
  (void)fputs(text, file);
  ck_assert_int_eq(fclose(file), 0);
}

int vt_fs_exists(const vt_fs *f, const char *name) {
  char path[VT_FS_PATH];
  struct stat info;
  return lstat(vt_fs_path(f, name, path), &info) == 0;
}

int vt_fs_incoming(const vt_fs *f) {
  char path[VT_FS_PATH];
  int n = 0;
  DIR *dir = opendir(vt_fs_path(f, VAULT__FS_INCOMING, path));
  ck_assert_ptr_nonnull(dir);
  for (struct dirent *e; (e = readdir(dir)) != NULL;)
    n += e->d_name[0] != '.';
  (void)closedir(dir);
  return n;
}
