/* Bodies that several processes may write, one after the other. The one that was there first may
 * not know yet that it has lost the body: a request on another node has taken it over. So the
 * file carries the newest lease's number, and whoever changes the file does so under its lock,
 * after looking at that number. Nothing that an older lease does can reach the newer one's
 * bytes, and nobody waits longer than a running call.
 *
 * The number is an extended attribute. On a file system without them the lock is held for the
 * writer's life instead, and another process gets BUSY until it ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fs.h"
#include "libvault/base/err.h"

#define FENCE_BYTES 8

/* 0 when there is none; -1 and errno. */
static int64_t read_fence(int fd) {
  uint8_t x[FENCE_BYTES];
  uint64_t fence = 0;
  ssize_t n = fgetxattr(fd, VAULT__FS_FENCE_XATTR, x, sizeof x);
  if (n < 0)
    return errno == ENODATA ? 0 : -1;
  for (ssize_t i = 0; i < n; i++)
    fence = fence << 8 | x[i];
  return (int64_t)(fence & INT64_MAX);
}

int vault__fs_can_fence(int fd) {
  return read_fence(fd) >= 0;
}

static vault_status lost(vault_err *err) {
  return vault__fail(err, VAULT_E_PREEMPTED, VAULT_ORIGIN_BLOB, 0, NULL);
}

vault_status vault__fs_enter(vault_blob_writer *w, vault_err *err) {
  if (!w->fenced)
    return VAULT_OK;
  while (flock(w->fd, LOCK_EX) != 0)
    if (errno != EINTR)
      return vault__fs_fail(err, errno, "locking a partial body");
  int64_t fence = read_fence(w->fd);
  if (fence >= 0 && fence <= w->fence)
    return VAULT_OK;
  int error = errno;
  vault__fs_leave(w);
  return fence < 0 ? vault__fs_fail(err, error, "reading the lease of a partial body") : lost(err);
}

void vault__fs_leave(vault_blob_writer *w) {
  if (w->fenced)
    (void)flock(w->fd, LOCK_UN);
}

/* The file was opened before the lock was there: meanwhile it may have been published, and then
 * it must never be written again, or removed. One that has both names was published by a
 * process that died before it took the partial one away. */
static vault_status check_partial(const vault__fs *s, const vault_blob_writer *w, vault_err *err) {
  struct stat mine, named;
  int dir = vault__fs_open_dir(s, VAULT__FS_INCOMING);
  if (dir < 0 || fstat(w->fd, &mine) != 0) {
    int error = errno;
    vault__fs_close(dir);
    return vault__fs_fail(err, error, "opening a partial body");
  }
  int found = fstatat(dir, w->part, &named, AT_SYMLINK_NOFOLLOW) == 0;
  int error = errno;
  vault__fs_close(dir);
  if (!found && error != ENOENT)
    return vault__fs_fail(err, error, "opening a partial body");
  if (found && mine.st_nlink == 1 && named.st_ino == mine.st_ino && named.st_dev == mine.st_dev)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_BLOB, 0,
                     "this body is published already, or removed");
}

vault_status vault__fs_raise_fence(const vault__fs *s, vault_blob_writer *w, vault_err *err) {
  uint8_t x[FENCE_BYTES];
  VAULT_TRY(check_partial(s, w, err));
  for (unsigned i = 0; i < FENCE_BYTES; i++)
    x[i] = (uint8_t)((uint64_t)w->fence >> (56 - 8 * i));
  if (fsetxattr(w->fd, VAULT__FS_FENCE_XATTR, x, sizeof x, 0) != 0)
    return vault__fs_fail(err, errno, "taking the lease of a partial body");
  return VAULT_OK;
}

/* ---- for concatenation ------------------------------------------------------------------- */

vault_status vault__fs_open_partial(void *self, const vault_blob_key *key, vault_blob_reader **out,
                                    uint64_t *size_bytes, vault_err *err) {
  char part[VAULT__FS_NAME_MAX], path[VAULT_BLOB_PATH_MAX];
  VAULT_TRY(vault__fs_attached(self, err));
  VAULT_TRY(vault__fs_part_name(key, part, err));
  (void)snprintf(path, sizeof path, "%s/%s", VAULT__FS_INCOMING, part);
  return vault__fs_open_reader(self, path, out, size_bytes, err);
}

/* Where the kernel cannot copy between these two files. */
static int cannot_copy(int error) {
  return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

#define COPY_BYTES (64u << 10)

/* The bytes come through memory, a little at a time. */
static vault_status copy_some(vault_blob_writer *w, vault_blob_reader *r, uint64_t offset,
                              uint64_t n, uint64_t *done, vault_err *err) {
  char buf[COPY_BYTES];
  int64_t got = vault__fs_pread_all(r->fd, buf, n < sizeof buf ? n : sizeof buf, offset);
  if (got < 0)
    return vault__fs_fail(err, errno, "reading a partial body");
  if (vault__fs_pwrite_all(w->fd, buf, (uint64_t)got, w->offset, done) != 0)
    return vault__fs_fail(err, errno, "writing a blob");
  return VAULT_OK;
}

static vault_status copy_step(vault_blob_writer *w, vault_blob_reader *r, uint64_t offset,
                              uint64_t n, int *by_hand, vault_err *err) {
  uint64_t done = 0;
  if (!*by_hand) {
    off64_t in = (off64_t)offset, out = (off64_t)w->offset;
    ssize_t got = copy_file_range(r->fd, &in, w->fd, &out, (size_t)n, 0);
    if (got < 0 && !cannot_copy(errno))
      return errno == EINTR ? VAULT_OK : vault__fs_fail(err, errno, "copying a partial body");
    *by_hand = got < 0;
    done = got < 0 ? 0 : (uint64_t)got;
    if (*by_hand)
      return VAULT_OK;
  } else {
    VAULT_TRY(copy_some(w, r, offset, n, &done, err));
  }
  if (done == 0)
    return vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_BLOB, 0,
                       "a partial body is shorter than it was");
  vault__fs_wrote(w, done);
  return VAULT_OK;
}

vault_status vault__fs_copy(void *self, vault_blob_writer *w, vault_blob_reader *r, uint64_t offset,
                            uint64_t n, vault_err *err) {
  int by_hand = 0;
  uint64_t from = w->offset;
  VAULT_TRY(vault__fs_live(self, w, err));
  if (w->sealed || n > (uint64_t)INT64_MAX - w->offset || offset > (uint64_t)INT64_MAX - n)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_BLOB, 0, "this writer takes no more bytes");
  VAULT_TRY(vault__fs_enter(w, err));
  vault_status st = VAULT_OK;
  while (st == VAULT_OK && w->offset - from < n) {
    uint64_t done = w->offset - from;
    st = copy_step(w, r, offset + done, n - done, &by_hand, err);
  }
  vault__fs_leave(w);
  w->broken = st != VAULT_OK;
  return st;
}
