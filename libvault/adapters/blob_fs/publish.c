/* What changes names: publish and remove. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "libvault/base/alloc.h"
#include "libvault/base/err.h"
#include "libvault/crypto/sha256.h"

#define FD_PATH_BYTES 32
#define COMPARE_BYTES (256u << 10)

/* Give the open file its name. /proc is the way that needs no privilege; where it is not
 * mounted the other way may be allowed. 0, or -1 and errno; never replaces anything. */
static int link_file(int fd, int dir, const char *name) {
  char from[FD_PATH_BYTES];
  (void)snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
  if (linkat(AT_FDCWD, from, dir, name, AT_SYMLINK_FOLLOW) == 0)
    return 0;
  if (errno != ENOENT)
    return -1;
  return linkat(fd, "", dir, name, AT_EMPTY_PATH);
}

static vault_status hash_file(vault__fs *s, int fd, uint64_t n, uint8_t out[VAULT__SHA256_BYTES],
                              vault_err *err) {
  vault__sha256 sha;
  uint64_t at = 0;
  void *p = vault__new(s->alloc, COMPARE_BYTES);
  if (!p)
    return vault__no_memory(err);
  vault__sha256_init(&sha);
  while (at < n) {
    int64_t got = vault__fs_pread_all(fd, p, COMPARE_BYTES, at);
    if (got <= 0) {
      int error = got < 0 ? errno : EIO;
      vault__delete(s->alloc, p);
      return vault__fs_fail(err, error, "comparing with the stored blob");
    }
    vault__sha256_add(&sha, p, (uint64_t)got);
    at += (uint64_t)got;
  }
  vault__delete(s->alloc, p);
  vault__sha256_end(&sha, out);
  return VAULT_OK;
}

/* Something has the name. If it is the same body, an earlier try got this far. */
static vault_status compare_stored(vault__fs *s, const vault_blob_writer *w, vault_err *err) {
  uint8_t digest[VAULT__SHA256_BYTES];
  struct stat info;
  int fd = vault__fs_open(s, w->path, O_RDONLY | O_NONBLOCK);
  if (fd < 0)
    return vault__fs_fail(err, errno, "opening the stored blob");
  int same = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (uint64_t)info.st_size == w->offset;
  vault_status st = VAULT_OK;
  if (same)
    st = hash_file(s, fd, w->offset, digest, err);
  vault__fs_close(fd);
  VAULT_TRY(st);
  if (same && memcmp(digest, w->meta.sha256, sizeof digest) == 0)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_CONFLICT, VAULT_ORIGIN_BLOB, EEXIST,
                     "another body is stored under this key");
}

vault_status vault__fs_link(vault__fs *s, vault_blob_writer *w, int dir, vault_err *err) {
  w->mine = link_file(w->fd, dir, vault__fs_leaf(w->path)) == 0;
  if (w->mine)
    return VAULT_OK;
  if (errno != EEXIST)
    return vault__fs_fail(err, errno, "naming a blob");
  return compare_stored(s, w, err);
}

/* Link and make the name durable. When that cannot be confirmed the name is taken back, so that
 * a later try links anew and does not trust a flush that follows a failed one. */
static vault_status name_blob(vault__fs *s, vault_blob_writer *w, int dir, vault_err *err) {
  VAULT_TRY(vault__fs_link(s, w, dir, err));
  vault_status st = vault__fs_sync(s, dir, "naming a blob", err);
  if (st != VAULT_OK && w->mine)
    (void)unlinkat(dir, vault__fs_leaf(w->path), 0);
  return st;
}

vault_status vault__fs_publish(void *self, vault_blob_writer *w, vault_err *err) {
  vault__fs *s = self;
  int dir = -1;
  VAULT_TRY(vault__fs_writable(s, err));
  if (w->broken || !w->sealed)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_BLOB, 0,
                       "seal the writer before publishing it");
  if (w->published)
    return VAULT_OK;
  VAULT_TRY(vault__fs_blob_dir(s, w->path, 1, &dir, err));
  vault_status st = vault__fs_enter(w, err);
  if (st == VAULT_OK) {
    st = name_blob(s, w, dir, err);
    w->published = st == VAULT_OK;
    if (w->published && w->part[0])
      vault__fs_part_remove(s, w->part);
    vault__fs_leave(w);
  }
  vault__fs_close(dir);
  return st;
}

/* The bytes were flushed before they got their name (seal), so only names are left to flush. */
vault_status vault__fs_confirm(void *self, const vault_blob_key *key, vault_err *err) {
  vault__fs *s = self;
  char path[VAULT_BLOB_PATH_MAX], part[VAULT__FS_NAME_MAX];
  int dir = -1;
  VAULT_TRY(vault__fs_writable(s, err));
  VAULT_TRY(vault_blob_key_path(key, path, err));
  VAULT_TRY(vault__fs_blob_dir(s, path, 1, &dir, err));
  vault_status st = VAULT_OK;
  if (faccessat(dir, vault__fs_leaf(path), F_OK, AT_SYMLINK_NOFOLLOW) != 0)
    st = vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_BLOB, errno,
                     "there is no blob under this key");
  if (st == VAULT_OK)
    st = vault__fs_sync(s, dir, "confirming the name of a blob", err);
  vault__fs_close(dir);
  if (st == VAULT_OK && vault__fs_part_name(key, part, NULL) == VAULT_OK)
    vault__fs_part_remove(s, part); /* its other name, if that is still there */
  return st;
}

/* Unlink and flush. The flush also follows ENOENT: an earlier remove may have been cut off
 * between the two. */
static vault_status remove_in(vault__fs *s, int dir, const char *name, vault_err *err) {
  if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
    return vault__fs_fail(err, errno, "removing a blob");
  return vault__fs_sync(s, dir, "removing a blob", err);
}

static vault_status remove_part(vault__fs *s, const vault_blob_key *key, vault_err *err) {
  char part[VAULT__FS_NAME_MAX];
  VAULT_TRY(vault__fs_part_name(key, part, err));
  int dir = vault__fs_open_dir(s, VAULT__FS_INCOMING);
  if (dir < 0)
    return vault__fs_fail(err, errno, "opening the directory .vault/incoming");
  vault_status st = VAULT_OK;
  /* A name that is gone needs no flush: a partial body that comes back is swept again. */
  if (faccessat(dir, part, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    st = remove_in(s, dir, part, err);
  vault__fs_close(dir);
  return st;
}

vault_status vault__fs_remove(void *self, const vault_blob_key *key, vault_err *err) {
  vault__fs *s = self;
  char path[VAULT_BLOB_PATH_MAX];
  int dir = -1;
  VAULT_TRY(vault__fs_writable(s, err));
  VAULT_TRY(vault_blob_key_path(key, path, err));
  vault_status st = vault__fs_blob_dir(s, path, 0, &dir, err);
  if (st == VAULT_OK) {
    st = remove_in(s, dir, vault__fs_leaf(path), err);
    vault__fs_close(dir);
  } else if (st == VAULT_E_NOT_FOUND) {
    st = VAULT_OK;
  }
  if (st == VAULT_OK)
    st = remove_part(s, key, err);
  return st;
}
