/* A preload library that makes a server of the "write a temporary file, rename it" kind durable in the plain
 * way: every rename is preceded by a flush of the file and followed by one of the directory. With it nginx
 * gives the promise that vaultd gives, and the comparison is between equals.
 *
 *   LD_PRELOAD=.../libflush_on_rename.so nginx ... */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int flush(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0)
    return -1;
  int rc = fsync(fd);
  (void)close(fd);
  return rc;
}

int rename(const char *from, const char *to) {
  static int (*real)(const char *, const char *);
  char directory[4096];
  const char *slash = strrchr(to, '/');
  if (!real)
    *(void **)&real = dlsym(RTLD_NEXT, "rename");
  if (flush(from, O_RDONLY) || real(from, to))
    return -1;
  (void)snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - to) : 1,
                 slash ? to : ".");
  return flush(directory, O_RDONLY | O_DIRECTORY);
}
