/* A blob is durable only if every directory above it is. A level that is there may have been
 * made by a process that died before its flush, so EEXIST is no proof: each level's parent is
 * flushed once per process, and what was flushed is remembered. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs.h"
#include "libvault/base/err.h"

#define LEVELS 4 /* user, space, year, month */

const char *vault__fs_leaf(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* FNV-1a, only to spread paths over the slots. */
static uint32_t slot_of(const char *path) {
  uint32_t h = 2166136261u;
  for (; *path; path++)
    h = (h ^ (unsigned char)*path) * 16777619u;
  return h % VAULT__FS_KNOWN_DIRS;
}

static int is_known(vault__fs *s, const char *path) {
  (void)pthread_mutex_lock(&s->lock);
  int known = strcmp(s->known[slot_of(path)], path) == 0;
  (void)pthread_mutex_unlock(&s->lock);
  return known;
}

static void set_known(vault__fs *s, const char *path, int known) {
  (void)pthread_mutex_lock(&s->lock);
  char *slot = s->known[slot_of(path)];
  if (known)
    memcpy(slot, path, strlen(path) + 1);
  else if (strcmp(slot, path) == 0)
    *slot = 0;
  (void)pthread_mutex_unlock(&s->lock);
}

vault_status vault__fs_make_dir(vault__fs *s, int parent, const char *name, vault_err *err) {
  if (mkdirat(parent, name, VAULT__FS_DIR_MODE) != 0 && errno != EEXIST)
    return vault__fs_fail(err, errno, "making a storage directory");
  return vault__fs_sync(s, parent, "making a storage directory", err);
}

/* Make one level and remember that it is durable. dir: "a/b/c", whose parent exists. */
static vault_status make_level(vault__fs *s, const char *dir, vault_err *err) {
  char parent[VAULT_BLOB_PATH_MAX] = ".";
  const char *leaf = vault__fs_leaf(dir);
  if (leaf != dir) {
    size_t n = (size_t)(leaf - dir) - 1;
    memcpy(parent, dir, n);
    parent[n] = 0;
  }
  int fd = vault__fs_open_dir(s, parent);
  if (fd < 0)
    return vault__fs_fail(err, errno, "opening a storage directory");
  vault_status st = vault__fs_make_dir(s, fd, leaf, err);
  vault__fs_close(fd);
  if (st == VAULT_OK)
    set_known(s, dir, 1);
  return st;
}

/* The first `level` components of dir; 0 when it has fewer. */
static int prefix_of(const char *dir, int level, char out[VAULT_BLOB_PATH_MAX]) {
  const char *end = dir - 1;
  while (level--) {
    if (!end)
      return 0;
    end = strchr(end + 1, '/');
  }
  size_t n = end ? (size_t)(end - dir) : strlen(dir);
  memcpy(out, dir, n);
  out[n] = 0;
  return 1;
}

static vault_status make_levels(vault__fs *s, const char *dir, vault_err *err) {
  char prefix[VAULT_BLOB_PATH_MAX];
  for (int level = 1; level <= LEVELS && prefix_of(dir, level, prefix); level++)
    if (!is_known(s, prefix))
      VAULT_TRY(make_level(s, prefix, err));
  return VAULT_OK;
}

/* Someone removed a directory behind our back: what is remembered of its levels is void. */
static void forget_levels(vault__fs *s, const char *dir) {
  char prefix[VAULT_BLOB_PATH_MAX];
  for (int level = 1; level <= LEVELS && prefix_of(dir, level, prefix); level++)
    set_known(s, prefix, 0);
}

vault_status vault__fs_blob_dir(vault__fs *s, const char *path, int make, int *fd, vault_err *err) {
  char dir[VAULT_BLOB_PATH_MAX];
  size_t n = (size_t)(vault__fs_leaf(path) - path) - 1;
  memcpy(dir, path, n);
  dir[n] = 0;
  if (make) {
    vault_status st = make_levels(s, dir, err);
    if (st != VAULT_OK) {
      forget_levels(s, dir);
      return st;
    }
  }
  int got = vault__fs_open_dir(s, dir);
  if (got < 0 && errno == ENOENT && make) {
    forget_levels(s, dir);
    VAULT_TRY(make_levels(s, dir, err));
    got = vault__fs_open_dir(s, dir);
  }
  if (got < 0 && errno == ENOENT)
    return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_BLOB, ENOENT,
                       "there is no blob under this key");
  if (got < 0)
    return vault__fs_fail(err, errno, "opening a storage directory");
  *fd = got;
  return VAULT_OK;
}
