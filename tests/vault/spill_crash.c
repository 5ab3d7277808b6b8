/* Small bodies become files, and the process ends before or after one of the six steps
 * (docs/durability.md); or somebody copies the database, and then the folder, in mid-spill. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libvault/adapters/blob_fs/fs.h"
#include "libvault/usecases/handle.h"
#include "tests/support/vt_dir.h"
#include "tests/support/vt_files.h"

#define BODIES 12u /* enough for one syncfs */
#define EXIT_CODE 86
#define LEASE_MS INT64_C(400000) /* longer than a job is leased */

typedef enum step {
  BEFORE_READ,    /* (1) */
  AFTER_READ,     /* of the last body */
  BEFORE_WRITE,   /* (2) */
  AFTER_WRITE,    /* of the last body */
  BEFORE_FLUSH,   /* (3) */
  AFTER_FLUSH,    /* and before (4) */
  AFTER_LINK,     /* (4) of all, and before (5) */
  AFTER_FOLDER,   /* (5) */
  BEFORE_TURN,    /* (6) */
  AFTER_TURN,
  N_STEPS,
} step;

static const char *const step_names[N_STEPS] = {
  "before reading", "after reading",  "before writing",        "after writing",   "before syncfs",
  "after syncfs",   "after the link", "after the folder's flush", "before the turn", "after the turn"};

/* What happens at which step. */
static step wanted;
static void (*at_step)(void);
static unsigned reads, writes;

static void reach(step s) {
  if (s == wanted)
    at_step();
}

/* ---- the ports, with an ear at each step ---- */

static const vault_items_repo_ops *real_items;
static const vault_blob_store_ops *real_blobs;
static vault_items_repo_ops items;
static vault_blob_store_ops blobs;

static vault_status get_inline(void *self, const vault_id *blob, void *p, uint64_t room, uint64_t *n,
                               vault_err *err) {
  if (++reads == 1)
    reach(BEFORE_READ);
  vault_status s = real_items->get_inline(self, blob, p, room, n, err);
  if (reads == BODIES)
    reach(AFTER_READ);
  return s;
}

static vault_status write_blob(void *self, vault_blob_writer *b, const void *p, uint64_t n,
                               vault_err *err) {
  if (++writes == 1)
    reach(BEFORE_WRITE);
  vault_status s = real_blobs->write(self, b, p, n, err);
  if (writes == BODIES)
    reach(AFTER_WRITE);
  return s;
}

static int flush_all(int fd) {
  reach(BEFORE_FLUSH);
  int rc = syncfs(fd);
  reach(AFTER_FLUSH);
  return rc;
}

/* The folder of a month: ".../files/yyyy/mm"; those above it are flushed when they are made. */
static int is_month(int fd) {
  char link[64], path[1024] = "";
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  const char *files = n > 0 ? strstr(path, "/files/") : NULL;
  return files && strlen(files) == strlen("/files/yyyy/mm");
}

static int flush_one(int fd) {
  int month = is_month(fd);
  if (month)
    reach(AFTER_LINK);
  int rc = fsync(fd);
  if (month)
    reach(AFTER_FOLDER);
  return rc;
}

static vault_status finish_spill(void *self, const vault_id *job, int64_t fence, const vault_id *ids,
                                 uint64_t n, uint8_t *done, vault_err *err) {
  reach(BEFORE_TURN);
  vault_status s = real_items->finish_spill(self, job, fence, ids, n, done, err);
  reach(AFTER_TURN);
  return s;
}

static void listen_to(vt_world *w) {
  vault__fs *fs = w->v->blobs_self;
  real_items = w->v->items;
  items = *real_items;
  items.size = sizeof items;
  items.get_inline = get_inline;
  items.finish_spill = finish_spill;
  w->v->items = &items;
  real_blobs = w->v->blobs;
  blobs = *real_blobs;
  blobs.size = sizeof blobs;
  blobs.write = write_blob;
  w->v->blobs = &blobs;
  fs->sync_fd = flush_one;
  fs->syncfs_fd = flush_all;
  reads = writes = 0;
}

static void listen_no_more(vt_world *w) {
  w->v->items = real_items;
  w->v->blobs = real_blobs;
}

/* ---- what is stored ---- */

static void name_of(unsigned i, char out[16]) {
  (void)snprintf(out, 16, "body%u", i);
}

static vault_principal fill(vt_world *w) {
  char name[16];
  vault_principal me = vt_who(w, VT_PHONE);
  vt_run_jobs(w); /* what is due since the start */
  for (unsigned i = 0; i < BODIES; i++) {
    name_of(i, name);
    vt_ok(vt_put(w->v, &me, name, name, NULL));
  }
  return me;
}

static void expect_all(vt_world *w, const vault_principal *me) {
  char name[16];
  for (unsigned i = 0; i < BODIES; i++) {
    name_of(i, name);
    vt_content(w->v, me, name, name);
  }
}

static void spill(vt_world *w) {
  vt_pass(w, VAULT_DEFAULT_SPILL_IDLE_MS);
  vt_run_jobs(w);
}

/* Whatever was left, the next run finishes it: nothing lost, nothing left over. */
static void recover(vt_world *w, const vault_principal *me) {
  vault_inline_report left = {.size = sizeof left};
  vault_check_report check = {.size = sizeof check};
  vault_blob_entry entries[BODIES + 1];
  char cursor[VAULT_BLOB_PATH_MAX] = "";
  uint64_t n = 0;
  expect_all(w, me); /* before anything is mended */
  vt_clean(w->v);
  vt_pass(w, LEASE_MS);
  vt_run_jobs(w);
  spill(w);
  vt_ok(vault_admin_inline(w->v, &left, NULL));
  ck_assert_uint_eq(left.count, 0);
  expect_all(w, me);
  vt_clean(w->v);
  vt_ok(vault_admin_check(w->v, 0, &check, NULL));
  ck_assert_uint_eq(check.blobs, BODIES);
  ck_assert_uint_eq(check.inline_blobs + check.half_spilled, 0);
  vt_ok(w->v->blobs->list(w->v->blobs_self, cursor, entries, BODIES + 1, &n, NULL));
  ck_assert_uint_eq(n, BODIES);
}

/* ---- a crash ---- */

typedef struct left_behind {
  vault_principal me;
  char schema[VT_SCHEMA_TEXT];
} left_behind;

static void end_here(void) {
  _exit(EXIT_CODE);
}

static void child(const char *dir, int out) {
  left_behind l;
  memset(&l, 0, sizeof l);
  vt_world *w = vt_vault_open_in(dir, NULL);
  l.me = fill(w);
  memcpy(l.schema, w->schema, sizeof l.schema);
  ck_assert_int_eq(write(out, &l, sizeof l), sizeof l);
  at_step = end_here;
  listen_to(w);
  spill(w);
  _exit(1); /* the step was never reached */
}

START_TEST(ends_at_a_step) {
  char dir[VT_DIR_MAX];
  left_behind l;
  int ends[2], status = 0;
  wanted = (step)_i;
  vt_dir_make(dir);
  ck_assert_int_eq(pipe(ends), 0);
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0)
    child(dir, ends[1]);
  (void)close(ends[1]);
  ck_assert_int_eq(read(ends[0], &l, sizeof l), sizeof l);
  (void)close(ends[0]);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CODE,
                "%s: the process ended with %d", step_names[_i], status);
  if (l.schema[0])
    ck_assert_int_eq(setenv(VT_PG_SCHEMA_THERE, l.schema, 1), 0);
  vt_world *w = vt_vault_open_in(dir, NULL);
  recover(w, &l.me);
  vt_vault_close(w);
  vt_dir_remove(dir);
}
END_TEST

/* ---- a copy ---- */

static char from[VT_DIR_MAX], to[VT_DIR_MAX];
static int folder_too;

static void run(const char *format) {
  char command[4 * VT_DIR_MAX];
  (void)snprintf(command, sizeof command, "from='%s' to='%s'; %s", from, to, format);
  ck_assert_int_eq(system(command), 0);
}

static void copy_folder(void) {
  run("cp -a \"$from/storage\" \"$from/keys\" \"$to/\"");
}

static void copy_database(void) {
  run("cp -a \"$from\"/vault.db* \"$to/\"");
  if (folder_too)
    copy_folder();
}

/* The database at one step, the folder right after it or when all is done. */
START_TEST(copied_at_a_step) {
  wanted = (step)(_i / 2);
  folder_too = _i % 2;
  vt_dir_make(from);
  vt_dir_make(to);
  vt_world *w = vt_vault_open_in(from, NULL);
  vault_principal me = fill(w);
  at_step = copy_database;
  listen_to(w);
  spill(w);
  listen_no_more(w);
  if (!folder_too)
    copy_folder();
  vt_vault_close(w);
  w = vt_vault_open_in(to, NULL);
  recover(w, &me);
  vt_vault_close(w);
  vt_dir_remove(from);
  vt_dir_remove(to);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("spill_crash");
  TCase *t = tcase_create("spill_crash");
  const char *database = getenv("VT_VAULT_DATABASE");
  tcase_set_timeout(t, 120);
  tcase_add_loop_test(t, ends_at_a_step, 0, N_STEPS);
  if (!database || strcmp(database, "postgres") != 0) /* whose files are not ours to copy */
    tcase_add_loop_test(t, copied_at_a_step, 0, 2 * N_STEPS);
  suite_add_tcase(s, t);
  return s;
}

VT_MAIN(suite)
