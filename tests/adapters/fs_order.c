/* What a power cut leaves follows from the order of the system calls: the bytes are flushed before the
 * name is made, every new directory's parent before that, and the directory after it. The
 * program runs itself under strace for one put and one batch, and reads what strace saw. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs_rig.h"

#define TRACE_BYTES (1 << 20)
#define ROLE "--put"
#define LEAF "01020304-0506-7000-8000-000000000001/files/2026/11"

static char trace[TRACE_BYTES];
static char traced_dir[VT_DIR_MAX];

#define MANY_MONTH "/files/2026/11"
#define MANY_USER "01020304-0506-7000-8000-00000000000"

/* Eight bodies in the folders of users 2 and 3. */
static void put_many(vt_fs *f) {
  vault_blob_key key[VAULT__FS_SYNCFS_FROM];
  vault_blob_writer *w[VAULT__FS_SYNCFS_FROM] = {NULL};
  vault_blob_meta meta[VAULT__FS_SYNCFS_FROM];
  vault_status got[VAULT__FS_SYNCFS_FROM];
  for (unsigned i = 0; i < VAULT__FS_SYNCFS_FROM; i++) {
    key[i] = vt_blob_key(2 + i % 2, 10 + i, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
    meta[i] = vt_blob_meta(vt_sha_hello);
    vt_ok(f->b.ops->begin(f->b.self, &key[i], 0, &w[i], NULL));
    vt_ok(f->b.ops->write(f->b.self, w[i], "hello", 5, NULL));
  }
  f->b.ops->publish_many(f->b.self, w, meta, VAULT__FS_SYNCFS_FROM, got, NULL);
  for (unsigned i = 0; i < VAULT__FS_SYNCFS_FROM; i++) {
    vt_ok(got[i]);
    f->b.ops->discard(f->b.self, w[i], 0);
  }
}

/* The traced process: one put into an empty store, a remove, a batch. A test only because what
 * it calls asserts. */
START_TEST(put_and_remove) {
  vt_fs f;
  vault_blob_key key = vt_blob_key(1, 1, VAULT_SPACE_FILES, VT_NOV_2026_MS, ".jpg");
  memset(&f, 0, sizeof f);
  memcpy(f.dir, traced_dir, sizeof f.dir);
  vt_fs_open(&f);
  vt_blob_put(&f.b, &key, "hello", 5, vt_sha_hello);
  vt_ok(f.b.ops->remove(f.b.self, &key, NULL));
  put_many(&f);
  vt_fs_close(&f);
}
END_TEST

static Suite *traced(void) {
  const TTest *const all[] = {put_and_remove, NULL};
  return vt_suite("traced", all);
}

static int run_traced(const char *exe, const char *dir, const char *out) {
  int status = 0;
  pid_t pid = fork();
  if (pid == 0) {
    if (!freopen("/dev/null", "w", stdout)) /* its TAP lines are not ours */
      _exit(126);
    (void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* cannot work while traced */
    (void)execlp("strace", "strace", "-f", "-y", "-o", out, "-e",
                 "trace=fsync,fdatasync,syncfs,linkat,mkdirat,renameat,unlinkat", exe, ROLE, dir,
                 (char *)NULL);
    _exit(127);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid)
    return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The first line behind `from` that holds both texts; NULL when there is none. */
static const char *line_with(const char *from, const char *a, const char *b) {
  for (const char *at = from; (at = strstr(at, a)) != NULL; at++) {
    const char *end = strchr(at, '\n');
    const char *hit = strstr(at, b);
    if (hit && (!end || hit < end))
      return at;
  }
  return NULL;
}

/* strace shows a descriptor as fd</path>: a flush of the directory `name` below the store. */
static const char *flush_of(const char *from, const char *name) {
  char text[VT_FS_PATH];
  (void)snprintf(text, sizeof text, "%s%s%s>)", traced_dir, *name ? "/" : "", name);
  return line_with(from, "fsync(", text);
}

static const char *link_line(void) {
  return line_with(trace, "linkat(", LEAF ">");
}

START_TEST(bytes_before_name_before_directory) {
  const char *link = link_line();
  const char *bytes = line_with(trace, "fsync(", "/#"); /* a file without a name */
  ck_assert_msg(link && bytes, "no linkat or no flush of the body in:\n%s", trace);
  ck_assert(bytes < link);
  const char *flushed = flush_of(link, LEAF), *gone = line_with(link, "unlinkat(", LEAF ">");
  ck_assert_ptr_nonnull(gone); /* the remove that follows the put flushes as well */
  ck_assert_msg(flushed && flushed < gone, "no flush of the directory after linkat");
}
END_TEST

START_TEST(every_new_level_is_flushed_before_the_name) {
  static const struct {
    const char *parent, *made;
  } rows[] = {
    {"", "\"01020304-0506-7000-8000-000000000001\""},
    {"01020304-0506-7000-8000-000000000001", "\"files\""},
    {"01020304-0506-7000-8000-000000000001/files", "\"2026\""},
    {"01020304-0506-7000-8000-000000000001/files/2026", "\"11\""},
  };
  const char *link = link_line(), *last = trace;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *made = line_with(last, "mkdirat(", rows[i].made);
    ck_assert_msg(made != NULL, "no mkdirat of %s", rows[i].made);
    const char *flushed = flush_of(made, rows[i].parent);
    ck_assert_msg(flushed && flushed < link, "no flush of the parent of %s", rows[i].made);
    last = flushed;
  }
}
END_TEST

START_TEST(mark_is_flushed_renamed_flushed) {
  const char *bytes = line_with(trace, "fsync(", "/store.new>");
  const char *name = line_with(trace, "renameat(", "store.new");
  ck_assert(bytes && name && bytes < name);
  const char *dir = flush_of(name, ".vault");
  ck_assert(dir && dir < link_line());
}
END_TEST

START_TEST(removal_is_flushed) {
  const char *gone = line_with(link_line(), "unlinkat(", LEAF ">");
  ck_assert_ptr_nonnull(gone);
  ck_assert_ptr_nonnull(flush_of(gone, LEAF));
}
END_TEST

/* All bytes (by one syncfs where the file system has it), then all names, then both folders. */
START_TEST(batch_is_flushed_named_and_flushed) {
  static const char *const folder[] = {MANY_USER "2" MANY_MONTH, MANY_USER "3" MANY_MONTH};
  const char *removed = line_with(link_line(), "unlinkat(", LEAF ">");
  ck_assert_ptr_nonnull(removed);
  const char *start = strchr(removed, '\n'), *last = start, *at = start;
  unsigned names = 0, bodies = 0;
  ck_assert_ptr_nonnull(start);
  const char *first = line_with(start, "linkat(", MANY_USER);
  ck_assert_ptr_nonnull(first);
  for (; (at = line_with(at, "linkat(", MANY_USER)) != NULL; at++) {
    last = at;
    names++;
  }
  ck_assert_uint_eq(names, VAULT__FS_SYNCFS_FROM);
  const char *all = line_with(start, "syncfs(", traced_dir);
  for (at = start; (at = line_with(at, "fsync(", "/#")) != NULL && at < first; at++)
    bodies++;
  ck_assert_msg(all ? all < first && bodies == 0 : bodies == VAULT__FS_SYNCFS_FROM,
                "names before bytes, or more flushes than needed:\n%s", start);
  for (size_t i = 0; i < 2; i++) {
    at = flush_of(last, folder[i]);
    ck_assert_msg(at != NULL, "no flush of %s after the last name", folder[i]);
    ck_assert_msg(flush_of(at + 1, folder[i]) == NULL, "%s was flushed twice", folder[i]);
  }
}
END_TEST

static Suite *order(void) {
  const TTest *const all[] = {bytes_before_name_before_directory,
                              every_new_level_is_flushed_before_the_name,
                              mark_is_flushed_renamed_flushed, removal_is_flushed,
                              batch_is_flushed_named_and_flushed, NULL};
  return vt_suite("fs_order", all);
}

static size_t read_trace(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f)
    return 0;
  size_t n = fread(trace, 1, sizeof trace - 1, f);
  (void)fclose(f);
  return n;
}

int main(int argc, char **argv) {
  static const vt_suite_fn all[] = {order};
  char exe[VT_FS_PATH] = "", dir[VT_DIR_MAX], out[VT_DIR_MAX + 16];
  static const vt_suite_fn role[] = {traced};
  if (argc == 3 && strcmp(argv[1], ROLE) == 0) {
    (void)snprintf(traced_dir, sizeof traced_dir, "%s", argv[2]);
    return vt_run(role, 1);
  }
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  if (n <= 0)
    return vt_skip("/proc is not mounted");
  vt_dir_make(dir);
  (void)snprintf(traced_dir, sizeof traced_dir, "%.*s/s", VT_DIR_MAX - 3, dir);
  (void)snprintf(out, sizeof out, "%s/trace", dir);
  int unnamed = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (unnamed >= 0)
    (void)close(unnamed);
  int code = run_traced(exe, traced_dir, out);
  size_t got = read_trace(out);
  vt_dir_remove(dir);
  if (code == 127)
    return vt_skip("strace is not installed");
  if (!got || !strstr(trace, "fsync("))
    return vt_skip("this sandbox allows no tracing");
  if (unnamed < 0)
    return vt_skip("this file system has no O_TMPFILE");
  return vt_run(all, 1);
}
