#include "vt_dir.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WALK_FDS 16

void vt_dir_make(char *path) {
  const char *base = getenv("TMPDIR");
  (void)snprintf(path, VT_DIR_MAX, "%s/vt-XXXXXX", base && *base ? base : "/tmp");
  ck_assert_msg(mkdtemp(path) != NULL, "cannot make a directory %s", path);
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
