/* A file system store in a directory of its own, and what the fs_ programs do with it. */
#ifndef VT_FS_RIG_H
#define VT_FS_RIG_H

#include "libvault/adapters/blob_fs/fs.h"
#include "tests/contract/blob_support.h"
#include "tests/support/vt_dir.h"
#include "tests/support/vt_main.h"

#define VT_FS_PATH 1024

typedef struct vt_fs {
  vt_blob b; /* b.self is a vault__fs */
  char dir[VT_DIR_MAX];
} vt_fs;

void vt_fs_make(vt_fs *f);   /* new directory, new store, attached */
void vt_fs_open(vt_fs *f);   /* open and attach the store in f->dir */
void vt_fs_close(vt_fs *f);  /* close the store, keep the directory */
void vt_fs_remove(vt_fs *f); /* close and remove */
vault__fs *vt_fs_self(vt_fs *f);

/* {dir}/{name}; out: VT_FS_PATH bytes. */
const char *vt_fs_path(const vt_fs *f, const char *name, char *out);
const char *vt_fs_key_path(const vt_fs *f, const vault_blob_key *key, char *out);
/* Write a small file by hand, making missing directories. */
void vt_fs_plant(const vt_fs *f, const char *name, const char *text);
int vt_fs_exists(const vt_fs *f, const char *name);
/* Files in {dir}/.vault/incoming. */
int vt_fs_incoming(const vt_fs *f);

#endif
