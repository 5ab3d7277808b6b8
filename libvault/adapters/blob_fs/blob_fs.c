#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fs.h"
#include "libvault/base/alloc.h"
#include "libvault/base/err.h"

static uint32_t caps(void *self) {
  const vault__fs *s = self;
  return s->caps;
}

static void destroy(void *self) {
  vault__fs *s = self;
  if (!s)
    return;
  vault__fs_close(s->root);
  (void)pthread_mutex_destroy(&s->syncfs_lock);
  (void)pthread_mutex_destroy(&s->lock);
  vault__delete(s->alloc, s->known);
  vault__delete(s->alloc, s->root_path);
  vault__delete(s->alloc, s);
}

static const vault_blob_store_ops table = {
  .size = sizeof table,
  .version = VAULT_BLOB_STORE_V1,
  .caps = caps,
  .attach = vault__fs_attach,
  .begin = vault__fs_begin,
  .resume = vault__fs_resume,
  .write = vault__fs_write,
  .flush = vault__fs_flush,
  .seal = vault__fs_seal,
  .publish = vault__fs_publish,
  .publish_many = vault__fs_publish_many,
  .discard = vault__fs_discard,
  .open = vault__fs_open_blob,
  .read = vault__fs_read,
  .fd = vault__fs_fd,
  .close = vault__fs_close_blob,
  .stat = vault__fs_stat,
  .remove = vault__fs_remove,
  .confirm = vault__fs_confirm,
  .open_partial = vault__fs_open_partial,
  .copy = vault__fs_copy,
  .list = vault__fs_list,
  .destroy = destroy,
};

/* Half of the process's descriptors stay for connections and databases. */
static uint32_t open_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 > VAULT__FS_OPEN_MAX)
    return VAULT__FS_OPEN_MAX;
  return (uint32_t)(limit.rlim_cur / 2);
}

/* A copy of the path without slashes at its end, NUL-terminated. */
static char *copy_path(const vault_alloc *a, const char *root, uint64_t n) {
  while (n > 1 && root[n - 1] == '/')
    n--;
  char *path = vault__new(a, n + 1);
  if (path)
    memcpy(path, root, (size_t)n);
  return path;
}

vault_status vault_blob_fs_new(const char *root, uint64_t root_len, const vault_alloc *alloc,
                               const vault_blob_store_ops **ops, void **self, vault_err *err) {
  if (!root || !root_len || root_len >= VAULT__FS_ROOT_MAX || memchr(root, 0, (size_t)root_len) ||
      !ops || !self)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_BLOB, 0,
                       "the storage directory needs a path of 1 to %u bytes",
                       VAULT__FS_ROOT_MAX - 1u);
  const vault_alloc *a = alloc ? alloc : vault__alloc_default();
  vault__fs *s = vault__new(a, sizeof *s);
  if (!s)
    return vault__no_memory(err);
  s->alloc = a;
  s->root = -1;
  s->caps = VAULT_BLOB_CAP_FD | VAULT_BLOB_CAP_RESUME | VAULT_BLOB_CAP_DURABLE;
  s->sync_fd = fsync;
  s->datasync_fd = fdatasync;
  s->open_max = open_limit();
  (void)pthread_mutex_init(&s->syncfs_lock, NULL);
  (void)pthread_mutex_init(&s->lock, NULL); /* cannot fail with default attributes on Linux */
  s->root_path = copy_path(a, root, root_len);
  s->known = vault__new(a, VAULT__FS_KNOWN_DIRS * sizeof *s->known);
  if (!s->root_path || !s->known) {
    destroy(s);
    return vault__no_memory(err);
  }
  *ops = &table;
  *self = s;
  return VAULT_OK;
}
