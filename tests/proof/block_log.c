/* block_log IMAGE LOG MOUNTPOINT [fuse options]
 *
 * A file system of two files that remembers the order of what reaches a disk. `disk` is IMAGE: a loop
 * device stands on it. `mark` is write-only: what is written to it is a mark between the writes and
 * flushes of `disk`, so that "the client had its answer" and "this was flushed" have one order.
 *
 * LOG is a row of records {kind, 3 bytes 0, length, offset}, little-endian, 16 bytes, each followed by
 * `length` bytes: 'W' a write, 'F' a flush (no bytes), 'M' a mark. It is whole once the process has
 * ended. Requests are handled by one thread (-s): the log's order is the order of completion. */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct record {
  uint8_t kind, zero[3];
  uint32_t length;
  uint64_t offset;
};

static int image = -1;
static FILE *out;
static off_t image_bytes;

static int is_disk(const char *path) {
  return strcmp(path, "/disk") == 0;
}

/* A log that lost a record proves nothing: the request fails, and with it the run. */
static int note(char kind, const void *p, size_t n, off_t at) {
  struct record r = {.kind = (uint8_t)kind, .length = (uint32_t)n, .offset = (uint64_t)at};
  if (fwrite(&r, sizeof r, 1, out) != 1 || (n && fwrite(p, 1, n, out) != n))
    return -EIO;
  return 0;
}

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *fi) {
  (void)fi;
  memset(st, 0, sizeof *st);
  if (strcmp(path, "/") == 0) {
    st->st_mode = S_IFDIR | 0700;
    st->st_nlink = 2;
    return 0;
  }
  if (!is_disk(path) && strcmp(path, "/mark") != 0)
    return -ENOENT;
  st->st_mode = S_IFREG | 0600;
  st->st_nlink = 1;
  st->st_size = is_disk(path) ? image_bytes : 0;
  return 0;
}

static int on_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t at,
                      struct fuse_file_info *fi, enum fuse_readdir_flags flags) {
  (void)path;
  (void)at;
  (void)fi;
  (void)flags;
  fill(buf, "disk", NULL, 0, 0);
  fill(buf, "mark", NULL, 0, 0);
  return 0;
}

static int on_open(const char *path, struct fuse_file_info *fi) {
  fi->direct_io = !is_disk(path); /* one write is one request */
  return 0;
}

static int on_truncate(const char *path, off_t size, struct fuse_file_info *fi) {
  (void)fi;
  return is_disk(path) && size != image_bytes ? -EPERM : 0;
}

static int on_read(const char *path, char *buf, size_t n, off_t at, struct fuse_file_info *fi) {
  (void)fi;
  if (!is_disk(path))
    return 0;
  ssize_t got = pread(image, buf, n, at);
  return got < 0 ? -errno : (int)got;
}

static int on_write(const char *path, const char *buf, size_t n, off_t at,
                    struct fuse_file_info *fi) {
  (void)fi;
  int failed = 0;
  if (!is_disk(path)) {
    failed = note('M', buf, n, 0);
    return failed ? failed : (int)n;
  }
  if (at < 0 || at > image_bytes || n > (size_t)(image_bytes - at))
    return -ENOSPC;
  ssize_t put = pwrite(image, buf, n, at);
  if (put < 0)
    return -errno;
  failed = note('W', buf, (size_t)put, at);
  return failed ? failed : (int)put;
}

static int on_fsync(const char *path, int data_only, struct fuse_file_info *fi) {
  (void)data_only;
  (void)fi;
  return is_disk(path) ? note('F', NULL, 0, 0) : 0;
}

static void on_destroy(void *unused) {
  (void)unused;
  if (fclose(out) != 0)
    perror("block_log: the log");
}

static const struct fuse_operations operations = {
  .getattr = on_getattr,
  .readdir = on_readdir,
  .open = on_open,
  .truncate = on_truncate,
  .read = on_read,
  .write = on_write,
  .fsync = on_fsync,
  .destroy = on_destroy,
};

int main(int argc, char **argv) {
  struct stat st;
  if (argc < 4) {
    (void)fprintf(stderr, "usage: block_log IMAGE LOG MOUNTPOINT [fuse options]\n");
    return 2;
  }
  image = open(argv[1], O_RDWR | O_CLOEXEC);
  out = fopen(argv[2], "wbe");
  if (image < 0 || !out || fstat(image, &st) != 0) {
    perror("block_log");
    return 1;
  }
  image_bytes = st.st_size;
  argv[2] = argv[0];
  return fuse_main(argc - 2, argv + 2, &operations, NULL);
}
