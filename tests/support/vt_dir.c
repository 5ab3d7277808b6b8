#include "vt_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WALK_FDS 16

void vt_dir_make(char *path) {
  const char *base = getenv("TMPDIR");
  (void)snprintf(path, VT_DIR_MAX, "%s/vt-XXXXXX", base && *base ? base : "/tmp");
  if (!mkdtemp(path)) { /* not an assertion: also called by a main() before its tests */
    (void)fprintf(stderr, "cannot make a directory like %s\n", path);
    abort();
  }
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at) {
  (void)info;
  (void)kind;
  (void)at;
  return remove(path);
}

void vt_dir_remove(const char *path) {
  (void)nftw(path, remove_one, WALK_FDS, FTW_DEPTH | FTW_PHYS);
}
