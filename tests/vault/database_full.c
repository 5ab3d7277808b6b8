/* Database and store on a disk that is full: a tmpfs in a mount namespace of its own. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/support/vt_dir.h"
#include "tests/support/vt_files.h"

#define SMALL "size=4m,mode=0700"

static char dir[VT_DIR_MAX];

#define FOLDERS_MAX 5000 /* more than the log has room for */

/* The log has room that it took from the disk while there was some: changes are accepted
 * until that is used, and not one longer. */
static unsigned folders_until_full(vt_world *w, const vault_principal *me, int round) {
  char name[32];
  for (unsigned n = 0; n < FOLDERS_MAX; n++) {
    (void)snprintf(name, sizeof name, "d%d.%u", round, n);
    vault_status s = vt_folder(w->v, me, NULL, name, NULL);
    if (s == VAULT_E_NO_SPACE)
      return n;
    vt_ok(s);
  }
  ck_abort_msg("the disk is full and %d folders were made", FOLDERS_MAX);
  return 0;
}

START_TEST(no_space_and_space_again) {
  static char zeros[65536];
  char filler[VT_DIR_MAX + 16];
  vt_world *w = vt_vault_open_in(dir, NULL);
  vault_principal me = vt_who(w, VT_PHONE);
  vt_ok(vt_put(w->v, &me, "before", "acknowledged", NULL));
  (void)snprintf(filler, sizeof filler, "%s/filler", dir);
  for (int round = 0; round < 2; round++) {
    int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    while (write(fd, zeros, sizeof zeros) > 0 || write(fd, zeros, 1) > 0) {
    }
    (void)close(fd);
    vt_status(vt_put(w->v, &me, "during", "no", NULL), VAULT_E_NO_SPACE);
    unsigned made = folders_until_full(w, &me, round);
    vt_status(vt_folder(w->v, &me, NULL, "no", NULL), VAULT_E_NO_SPACE);
    vt_status(vault_ping(w->v, NULL), VAULT_OK); /* full, but not read-only */
    vt_content(w->v, &me, "before", "acknowledged");
    ck_assert_int_eq(unlink(filler), 0);
    vt_ok(vt_put(w->v, &me, "after", round ? "two" : "one", NULL)); /* without a restart */
    vt_status(vt_lookup(w->v, &me, "during", NULL), VAULT_E_NOT_FOUND);
    vt_status(vt_lookup(w->v, &me, "no", NULL), VAULT_E_NOT_FOUND);
    char last[32];
    (void)snprintf(last, sizeof last, "d%d.%u", round, made - 1);
    if (made)
      vt_ok(vt_lookup(w->v, &me, last, NULL));
    ck_assert_uint_eq(vt_usage(w->v, &me).partial_bytes, 0);
    vt_clean(w->v);
  }
  vt_vault_close(w);
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {no_space_and_space_again, NULL};
  return vt_suite("database_full", all);
}

int main(void) {
  static const vt_suite_fn all[] = {suite};
  if (geteuid() != 0)
    return vt_skip("a small tmpfs can only be mounted by root");
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return vt_skip("this sandbox allows no mount namespace");
  vt_dir_make(dir);
  if (mount("vt", dir, "tmpfs", MS_NODEV | MS_NOSUID, SMALL) != 0) {
    vt_dir_remove(dir);
    return vt_skip("this sandbox allows no tmpfs");
  }
  int result = vt_run(all, 1);
  (void)umount(dir);
  vt_dir_remove(dir);
  return result;
}
