#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fs.h"
#include "libvault/base/alloc.h"
#include "libvault/base/err.h"

/* A descriptor of a body. Only regular files are bodies. */
static vault_status open_path(const vault__fs *s, const char *path, int *fd, uint64_t *size_bytes,
                              vault_err *err) {
  struct stat info;
  int got = vault__fs_open(s, path, O_RDONLY | O_NONBLOCK);
  if (got < 0 && errno == ENOENT)
    return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_BLOB, ENOENT,
                       "there is no blob under this key");
  if (got < 0)
    return vault__fs_fail(err, errno, "opening a blob");
  if (fstat(got, &info) != 0 || !S_ISREG(info.st_mode)) {
    vault__fs_close(got);
    return vault__fail(err, VAULT_E_IO, VAULT_ORIGIN_BLOB, 0,
                       "what is stored under this key is not a file");
  }
  *fd = got;
  *size_bytes = (uint64_t)info.st_size;
  return VAULT_OK;
}

vault_status vault__fs_open_reader(vault__fs *s, const char *path, vault_blob_reader **out,
                                   uint64_t *size_bytes, vault_err *err) {
  vault_status st = VAULT_OK;
  vault_blob_reader *r = NULL;
  uint64_t size = 0;
  VAULT_TRY(vault__fs_hold(s, err));
  r = vault__new(s->alloc, sizeof *r);
  if (!r) {
    st = vault__no_memory(err);
    goto fail;
  }
  st = open_path(s, path, &r->fd, &size, err);
  if (st != VAULT_OK)
    goto fail;
  *out = r;
  *size_bytes = size;
  return VAULT_OK;
fail:
  vault__delete(s->alloc, r);
  vault__fs_unhold(s);
  return st;
}

vault_status vault__fs_open_blob(void *self, const vault_blob_key *key, vault_blob_reader **out,
                                 uint64_t *size_bytes, vault_err *err) {
  char path[VAULT_BLOB_PATH_MAX];
  VAULT_TRY(vault__fs_attached(self, err));
  VAULT_TRY(vault_blob_key_path(key, path, err));
  return vault__fs_open_reader(self, path, out, size_bytes, err);
}

vault_status vault__fs_read(void *self, vault_blob_reader *r, uint64_t offset, void *p, uint64_t n,
                            uint64_t *got, vault_err *err) {
  (void)self;
  int64_t done = offset > (uint64_t)INT64_MAX ? 0 : vault__fs_pread_all(r->fd, p, n, offset);
  if (done < 0)
    return vault__fs_fail(err, errno, "reading a blob");
  *got = (uint64_t)done;
  return VAULT_OK;
}

int32_t vault__fs_fd(void *self, vault_blob_reader *r) {
  (void)self;
  return r->fd;
}

void vault__fs_close_blob(void *self, vault_blob_reader *r) {
  vault__fs *s = self;
  if (!r)
    return;
  vault__fs_close(r->fd);
  vault__delete(s->alloc, r);
  vault__fs_unhold(s);
}

vault_status vault__fs_stat(void *self, const vault_blob_key *key, uint64_t *size_bytes,
                            vault_blob_meta *meta, vault_err *err) {
  int fd = -1;
  uint64_t size = 0;
  char path[VAULT_BLOB_PATH_MAX];
  VAULT_TRY(vault__fs_attached(self, err));
  VAULT_TRY(vault_blob_key_path(key, path, err));
  VAULT_TRY(open_path(self, path, &fd, &size, err));
  if (meta)
    vault__fs_get_meta(fd, meta);
  vault__fs_close(fd);
  *size_bytes = size;
  return VAULT_OK;
}
