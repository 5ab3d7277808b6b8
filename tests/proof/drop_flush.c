/* LD_PRELOAD=drop_flush.so DROP_FLUSH=blobs|directories|log|all DROP_FLUSH_FROM=FILE: a program that forgets
 * some of its flushes as soon as FILE is there. The mutants of the power-loss proof: a checker that does
 * not find them proves nothing.
 *
 *   blobs        the bodies in the store
 *   directories  the names
 *   log          the database and its log
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *kind_of(int fd) {
  char name[64], path[PATH_MAX];
  struct stat st;
  (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(name, path, sizeof path - 1);
  if (n < 0 || fstat(fd, &st) != 0)
    return "";
  path[n] = '\0';
  if (S_ISDIR(st.st_mode))
    return "directories";
  return strstr(path, "vault.db") ? "log" : "blobs";
}

static int dropped(const char *kind) {
  const char *drop = getenv("DROP_FLUSH"), *from = getenv("DROP_FLUSH_FROM");
  return drop && from && access(from, F_OK) == 0 &&
         (strcmp(drop, "all") == 0 || strcmp(drop, kind) == 0);
}

int fsync(int fd) {
  return dropped(kind_of(fd)) ? 0 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  return dropped(kind_of(fd)) ? 0 : (int)syscall(SYS_fdatasync, fd);
}

/* Of the whole file system, in place of a flush for each body. */
int syncfs(int fd) {
  return dropped("blobs") ? 0 : (int)syscall(SYS_syncfs, fd);
}
