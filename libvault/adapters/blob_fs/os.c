#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "libvault/base/err.h"

#define AGAIN_MAX 16                    /* openat2 gives EAGAIN when a rename raced with it */
#define PIECE_BYTES (UINT64_C(1) << 30) /* Linux moves at most 2 GiB - 4 KiB in one call */
#define RETRY_AFTER_MS 1000

int vault__fs_open(const vault__fs *s, const char *path, int flags) {
  struct open_how how;
  memset(&how, 0, sizeof how);
  how.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW);
  if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
    how.mode = VAULT__FS_FILE_MODE;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int i = 0;; i++) {
    long fd = syscall(SYS_openat2, s->root, path, &how, sizeof how);
    if (fd >= 0)
      return (int)fd;
    if (errno != EINTR && (errno != EAGAIN || i >= AGAIN_MAX))
      return -1;
  }
}

int vault__fs_open_dir(const vault__fs *s, const char *path) {
  return vault__fs_open(s, path, O_RDONLY | O_DIRECTORY);
}

void vault__fs_close(int fd) {
  int kept = errno;
  if (fd >= 0)
    (void)close(fd);
  errno = kept;
}

static const char *reason(int error) {
  switch (error) {
  case ENOSYS: return "this kernel or sandbox has no openat2; Linux 5.6 or newer is needed";
  case ELOOP: return "a symbolic link is in the way; remove it from the storage directory";
  case EXDEV: return "another file system is mounted inside the storage directory";
  case ENOTDIR: return "a file is where a directory should be";
  case EACCES:
  case EPERM: return "permission denied; check the owner and mode of the storage directory";
  default: return strerrordesc_np(error);
  }
}

static vault_status status_of(int error) {
  switch (error) {
  case ENOSPC:
  case EDQUOT: return VAULT_E_NO_SPACE;
  case EMFILE:
  case ENFILE:
  case EAGAIN: return VAULT_E_RETRY;
  case ENOMEM: return VAULT_E_NO_MEMORY;
  case EROFS: return VAULT_E_READ_ONLY;
  default: return VAULT_E_IO;
  }
}

vault_status vault__fs_fail(vault_err *err, int error, const char *doing) {
  const char *why = reason(error);
  return vault__fail(err, status_of(error), VAULT_ORIGIN_BLOB, error, "%s: %s", doing,
                     why ? why : "unknown error");
}

static int64_t mono_ms(void) {
  struct timespec t = {0, 0};
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void count_bad_flush(vault__fs *s) {
  int64_t now = mono_ms();
  (void)pthread_mutex_lock(&s->lock);
  s->bad_ms[s->n_bad++ % VAULT__FS_BAD_FLUSHES] = now;
  /* The slot that comes next holds the oldest of the last three. */
  if (s->n_bad >= VAULT__FS_BAD_FLUSHES &&
      now - s->bad_ms[s->n_bad % VAULT__FS_BAD_FLUSHES] <= VAULT__FS_BAD_WINDOW_MS)
    s->read_only = 1;
  (void)pthread_mutex_unlock(&s->lock);
}

/* No second try, not even after EINTR: a repeated fsync may report success for pages that
 * the first one lost. */
static vault_status sync_with(vault__fs *s, int (*sync_fd)(int), int fd, const char *doing,
                              vault_err *err) {
  if (sync_fd(fd) == 0)
    return VAULT_OK;
  int error = errno;
  vault_status st = status_of(error);
  if (st == VAULT_E_NO_SPACE) /* delayed allocation met a full disk, which is not a bad disk */
    return vault__fs_fail(err, error, doing);
  count_bad_flush(s);
  return vault__fail(err, VAULT_E_IO, VAULT_ORIGIN_BLOB, error,
                     "%s: the disk did not confirm a flush; check it", doing);
}

vault_status vault__fs_sync(vault__fs *s, int fd, const char *doing, vault_err *err) {
  return sync_with(s, s->sync_fd, fd, doing, err);
}

vault_status vault__fs_datasync(vault__fs *s, int fd, const char *doing, vault_err *err) {
  return sync_with(s, s->datasync_fd, fd, doing, err);
}

vault_status vault__fs_syncfs(vault__fs *s, const char *doing, vault_err *err) {
  return sync_with(s, s->syncfs_fd, s->root, doing, err);
}

/* Before Linux 5.8 syncfs says 0 whatever happened to the data. Of the file systems only those
 * are taken that are known to write all of it and to tell: FUSE, for one, does neither. */
int (*vault__fs_choose_syncfs(int fd))(int) {
  static const unsigned long tells[] = {0xef53 /* ext4 */, 0x58465342 /* XFS */,
                                        0x9123683e /* Btrfs */, 0xf2f52010 /* F2FS */,
                                        0x01021994 /* tmpfs */};
  struct utsname name;
  struct statfs info;
  unsigned major = 0, minor = 0;
  if (uname(&name) != 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2 || major < 5 ||
      (major == 5 && minor < 8) || fstatfs(fd, &info) != 0)
    return NULL;
  for (size_t i = 0; i < sizeof tells / sizeof tells[0]; i++)
    if ((unsigned long)info.f_type == tells[i])
      return syncfs;
  return NULL;
}

vault_status vault__fs_attached(const vault__fs *s, vault_err *err) {
  if (s->root >= 0)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_BLOB, 0, "attach the blob store first");
}

vault_status vault__fs_writable(vault__fs *s, vault_err *err) {
  VAULT_TRY(vault__fs_attached(s, err));
  (void)pthread_mutex_lock(&s->lock);
  int refuse = s->read_only;
  (void)pthread_mutex_unlock(&s->lock);
  if (!refuse)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_READ_ONLY, VAULT_ORIGIN_BLOB, 0,
                     "the disk failed to flush several times: nothing more is written; check "
                     "the disk and restart");
}

vault_status vault__fs_hold(vault__fs *s, vault_err *err) {
  (void)pthread_mutex_lock(&s->lock);
  int full = s->n_open >= s->open_max;
  if (!full)
    s->n_open++;
  (void)pthread_mutex_unlock(&s->lock);
  if (!full)
    return VAULT_OK;
  return vault__fail_until(err, VAULT_E_RETRY, VAULT_ORIGIN_BLOB, RETRY_AFTER_MS,
                           "%u blobs are open at once, which is the limit; try again soon",
                           (unsigned)s->open_max);
}

void vault__fs_unhold(vault__fs *s) {
  (void)pthread_mutex_lock(&s->lock);
  s->n_open--;
  (void)pthread_mutex_unlock(&s->lock);
}

int vault__fs_pwrite_all(int fd, const void *p, uint64_t n, uint64_t offset, uint64_t *done) {
  const char *from = p;
  *done = 0;
  while (*done < n) {
    uint64_t left = n - *done;
    ssize_t put = pwrite(fd, from + *done, (size_t)(left < PIECE_BYTES ? left : PIECE_BYTES),
                         (off_t)(offset + *done));
    if (put < 0 && errno == EINTR)
      continue;
    if (put == 0)
      errno = EIO; /* a regular file never does this; do not spin */
    if (put <= 0)
      return -1;
    *done += (uint64_t)put;
  }
  return 0;
}

int64_t vault__fs_pread_all(int fd, void *p, uint64_t n, uint64_t offset) {
  char *to = p;
  uint64_t done = 0;
  while (done < n) {
    uint64_t left = n - done;
    ssize_t got = pread(fd, to + done, (size_t)(left < PIECE_BYTES ? left : PIECE_BYTES),
                        (off_t)(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -1;
    if (got == 0)
      break;
    done += (uint64_t)got;
  }
  return (int64_t)done;
}
