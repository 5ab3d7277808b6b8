/* A second delivery layer on the same public headers: a vault as a command line, with no
 * server anywhere. Codes appear on the terminal.
 *
 *   vault_cli DATA login PHONE        ask for a code, type it in
 *   vault_cli DATA ls [PATH]          list a folder
 *   vault_cli DATA put LOCAL [PATH]   back up a file or a directory tree
 *   vault_cli DATA get PATH LOCAL     restore a file or a folder
 *   vault_cli DATA mv PATH NEW_PATH   rename or move
 *   vault_cli DATA rm PATH            move to the trash
 *
 * DATA holds the database, the storage, the keys and the session of who is logged in. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vault/vault.h>

#define CHUNK 262144
#define PATH_BYTES 8192

static vault *v;
static vault_principal who = {.size = sizeof who};
static vault_err err = VAULT_ERR_INIT;
static const char *data;

static int failed(const char *what) {
  (void)fprintf(stderr, "%s: %s (%s)\n", what, err.msg, vault_status_code(err.status));
  return 1;
}

static int failed_here(const char *what) {
  (void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
  return 1;
}

/* out: PATH_BYTES. */
static int join(char *out, const char *a, const char *b) {
  int n = snprintf(out, PATH_BYTES, "%s%s%s", a, *a && a[strlen(a) - 1] != '/' ? "/" : "", b);
  if (n > 0 && n < PATH_BYTES)
    return 0;
  (void)fprintf(stderr, "%s/%s: the path is too long\n", a, b);
  return 1;
}

static const char *last_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* ---- opening and signing in ------------------------------------------------------------ */

static int open_vault(void) {
  char database[PATH_BYTES], storage[PATH_BYTES], keys[PATH_BYTES];
  (void)snprintf(database, sizeof database, "sqlite:%s/vault.db", data);
  (void)snprintf(storage, sizeof storage, "file:%s/storage", data);
  (void)snprintf(keys, sizeof keys, "dir:%s/keys", data);
  vault_config config = {
    .size = sizeof config,
    .console_fd = STDERR_FILENO,
    .database = {database, strlen(database)},
    .storage = {storage, strlen(storage)},
    .sms = {"console:", 8},
    .keys = {keys, strlen(keys)},
    .public_url = {"http://localhost", 16},
  };
  if (mkdir(data, 0700) && errno != EEXIST)
    return failed_here(data);
  return vault_open(&config, &v, &err) ? failed("open") : 0;
}

static int session_path(char *out, const char *suffix) {
  char name[32];
  (void)snprintf(name, sizeof name, "session%s", suffix);
  return join(out, data, name);
}

/* The refresh token is single use: keep each new one before it is needed. */
static int keep_session(const vault_grant *grant) {
  char path[PATH_BYTES], fresh[PATH_BYTES];
  vault_str token = vault_grant_get(grant)->refresh_token;
  if (session_path(path, "") || session_path(fresh, ".new"))
    return 1;
  mode_t before = umask(077);
  FILE *f = fopen(fresh, "w");
  (void)umask(before);
  if (!f)
    return failed_here(fresh);
  int broken = fwrite(token.p, 1, token.n, f) != token.n;
  broken |= fflush(f) != 0 || fsync(fileno(f)) != 0;
  broken |= fclose(f) != 0;
  return broken || rename(fresh, path) ? failed_here(fresh) : 0;
}

static int enter(vault_grant *grant) {
  vault_str token = vault_grant_get(grant)->access_token;
  int rc = keep_session(grant);
  if (!rc && vault_auth_authenticate(v, token.p, token.n, NULL, 0, &who, &err))
    rc = failed("authenticate");
  vault_grant_free(grant);
  return rc;
}

static int resume_session(void) {
  char path[PATH_BYTES], token[1024];
  vault_grant *grant = NULL;
  if (session_path(path, ""))
    return 1;
  FILE *f = fopen(path, "r");
  if (!f) {
    (void)fprintf(stderr, "nobody is logged in: vault_cli %s login PHONE\n", data);
    return 1;
  }
  size_t n = fread(token, 1, sizeof token, f);
  (void)fclose(f);
  if (vault_auth_refresh(v, token, n, NULL, &grant, &err))
    return failed("log in again");
  return enter(grant);
}

static int login(const char *phone) {
  char code[32];
  vault_challenge challenge = {.size = sizeof challenge};
  vault_grant *grant = NULL;
  if (vault_auth_request_code(v, phone, strlen(phone), NULL, 0, NULL, &challenge, &err))
    return failed("ask for a code");
  if (vault_jobs_run(v, 1000, NULL, &err))
    return failed("send the code");
  (void)fprintf(stderr, "code: ");
  if (!fgets(code, sizeof code, stdin))
    return 1;
  code[strcspn(code, "\r\n")] = 0;
  if (vault_auth_verify_code(v, challenge.token, strlen(challenge.token), code, strlen(code), NULL,
                             &grant, &err))
    return failed("log in");
  int rc = enter(grant);
  if (!rc)
    (void)fprintf(stderr, "logged in as %s\n", phone);
  return rc;
}

/* ---- looking ------------------------------------------------------------------------------ */

static int is_root(const char *path) {
  return path[strspn(path, "/")] == 0;
}

/* *id and *kind of what stands at a path; the root is a folder with a zero id. */
static int find(const char *path, vault_id *id, uint32_t *kind) {
  vault_items *found = NULL;
  *id = (vault_id){{0}};
  *kind = VAULT_KIND_FOLDER;
  if (is_root(path))
    return 0;
  if (vault_item_lookup(v, &who, VAULT_SPACE_FILES, path, strlen(path), &found, &err))
    return failed(path);
  *id = vault_items_rows(found, NULL, NULL)->id;
  *kind = vault_items_rows(found, NULL, NULL)->kind;
  vault_items_free(found);
  return 0;
}

typedef int row_fn(const vault_item_view *row, void *arg);

/* Call fn for everything in a folder, page by page. */
static int each(const vault_id *folder, row_fn *fn, void *arg) {
  vault_items *page = NULL;
  int rc = 0;
  do {
    vault_str cursor = vault_items_cursor(page);
    vault_items *next = NULL;
    vault_status s =
      vault_item_list(v, &who, VAULT_SPACE_FILES, folder, cursor.p, cursor.n, 0, &next, &err);
    vault_items_free(page);
    page = next;
    if (s)
      return failed("list");
    uint64_t n = 0;
    uint32_t stride = 0;
    const char *row = (const char *)vault_items_rows(page, &n, &stride);
    for (uint64_t i = 0; i < n && !rc; i++, row += stride)
      rc = fn((const vault_item_view *)(const void *)row, arg);
  } while (!rc && vault_items_cursor(page).n);
  vault_items_free(page);
  return rc;
}

static int print_row(const vault_item_view *row, void *arg) {
  (void)arg;
  (void)printf("%14llu  %.*s%s\n", (unsigned long long)row->size_bytes, (int)row->name.n,
               row->name.p, row->kind == VAULT_KIND_FOLDER ? "/" : "");
  return 0;
}

static int list(const char *path) {
  vault_id id;
  uint32_t kind = 0;
  if (find(path, &id, &kind))
    return 1;
  if (kind == VAULT_KIND_FOLDER)
    return each(&id, print_row, NULL);
  (void)printf("%s\n", path);
  return 0;
}

/* ---- put ------------------------------------------------------------------------------------ */

static int send_bytes(FILE *f, vault_upload *up, const char *name) {
  static char buf[CHUNK];
  for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;)
    if (vault_upload_append(up, buf, n, &err))
      return failed(name);
  return ferror(f) ? failed_here(name) : 0;
}

static int put_file(const char *local, const char *path, const struct stat *st) {
  vault_upload *up = NULL;
  vault_upload_opts opts = {
    .size = sizeof opts,
    .flags = VAULT_UP_MTIME,
    .space = VAULT_SPACE_FILES,
    .path = {path, strlen(path)},
    .length = (uint64_t)st->st_size,
    .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
  };
  FILE *f = fopen(local, "rb");
  if (!f)
    return failed_here(local);
  int rc = vault_upload_begin(v, &who, &opts, &up, &err) ? failed(path) : send_bytes(f, up, local);
  (void)fclose(f);
  if (rc) {
    vault_upload_abort(up);
    return rc;
  }
  return vault_upload_finish(up, NULL, NULL, &err) ? failed(path) : 0;
}

static int make_folder(const char *path) {
  char parent[PATH_BYTES];
  const char *name = last_name(path);
  vault_items *made = NULL;
  vault_id id;
  uint32_t kind = 0;
  (void)snprintf(parent, sizeof parent, "%.*s", (int)(name - path), path);
  if (find(parent, &id, &kind))
    return 1;
  vault_status s =
    vault_folder_create(v, &who, VAULT_SPACE_FILES, &id, name, strlen(name), NULL, &made, &err);
  vault_items_free(made);
  return s == VAULT_OK || s == VAULT_E_NAME_TAKEN ? 0 : failed(path);
}

static int put(const char *local, const char *path);

static int put_tree(const char *local, const char *path) {
  char from[PATH_BYTES], to[PATH_BYTES];
  int rc = is_root(path) ? 0 : make_folder(path);
  DIR *d = rc ? NULL : opendir(local);
  if (!d)
    return rc ? rc : failed_here(local);
  for (const struct dirent *e; !rc && (e = readdir(d));)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
      rc = join(from, local, e->d_name) || join(to, path, e->d_name) || put(from, to);
  (void)closedir(d);
  return rc;
}

static int put(const char *local, const char *path) {
  struct stat st;
  if (lstat(local, &st))
    return failed_here(local);
  if (S_ISDIR(st.st_mode))
    return put_tree(local, path);
  if (S_ISREG(st.st_mode))
    return put_file(local, path, &st);
  (void)fprintf(stderr, "%s: skipped, neither a file nor a directory\n", local);
  return 0;
}

/* ---- get ------------------------------------------------------------------------------------ */

static int set_time(FILE *f, const vault_reader_view *r) {
  int64_t sub = (r->mtime_ns % 1000000000 + 1000000000) % 1000000000;
  struct timespec t[2] = {{0, UTIME_OMIT}, {(r->mtime_ns - sub) / 1000000000, sub}};
  return r->has_mtime ? futimens(fileno(f), t) : 0;
}

static int get_file(const vault_id *id, const char *local) {
  static char buf[CHUNK];
  vault_reader *r = NULL;
  uint64_t n = 0;
  FILE *f = fopen(local, "wbx"); /* never over something that is there */
  if (!f)
    return failed_here(local);
  vault_status s = vault_read_open(v, &who, id, NULL, 0, VAULT_TO_END, &r, &err);
  int broken = 0;
  while (!s && !broken && !(s = vault_read_next(r, buf, sizeof buf, &n, &err)) && n)
    broken = fwrite(buf, 1, n, f) != n;
  if (!s && !broken)
    broken = fflush(f) != 0 || set_time(f, vault_reader_get(r)) != 0;
  vault_reader_free(r);
  broken |= fclose(f) != 0;
  int rc = s ? failed(local) : broken ? failed_here(local) : 0;
  if (rc)
    (void)unlink(local); /* half a file helps nobody, and would be in the way of the next try */
  return rc;
}

static int get(const vault_id *id, uint32_t kind, const char *local);

static int get_row(const vault_item_view *row, void *arg) {
  char name[VAULT_NAME_TEXT], local[PATH_BYTES];
  (void)snprintf(name, sizeof name, "%.*s", (int)row->name.n, row->name.p);
  return join(local, arg, name) || get(&row->id, row->kind, local);
}

static int get(const vault_id *id, uint32_t kind, const char *local) {
  char dir[PATH_BYTES];
  if (kind == VAULT_KIND_FILE)
    return get_file(id, local);
  (void)snprintf(dir, sizeof dir, "%s", local);
  if (mkdir(dir, 0777) && errno != EEXIST)
    return failed_here(dir);
  return each(id, get_row, dir);
}

static int get_path(const char *path, const char *local) {
  vault_id id;
  uint32_t kind = 0;
  return find(path, &id, &kind) || get(&id, kind, local);
}

/* ---- mv, rm ---------------------------------------------------------------------------------- */

static int move(const char *path, const char *to) {
  char parent[PATH_BYTES];
  const char *name = last_name(to);
  vault_items *moved = NULL;
  vault_id id;
  uint32_t kind = 0;
  vault_item_patch patch = {.size = sizeof patch,
                            .flags = VAULT_UPDATE_PARENT | VAULT_UPDATE_NAME,
                            .name = {name, strlen(name)}};
  (void)snprintf(parent, sizeof parent, "%.*s", (int)(name - to), to);
  if (find(parent, &patch.parent, &kind) || find(path, &id, &kind))
    return 1;
  vault_status s = vault_item_update(v, &who, &id, &patch, NULL, &moved, &err);
  vault_items_free(moved);
  return s ? failed(to) : 0;
}

static int throw_away(const char *path) {
  vault_items *gone = NULL;
  vault_id id;
  uint32_t kind = 0;
  if (find(path, &id, &kind))
    return 1;
  vault_status s = vault_trash_move(v, &who, &id, NULL, &gone, &err);
  vault_items_free(gone);
  return s ? failed(path) : 0;
}

/* ---- commands ------------------------------------------------------------------------------- */

static const struct {
  const char *name, *arguments;
  int least, most;
} commands[] = {
  {"login", "PHONE", 1, 1},    {"ls", "[PATH]", 0, 1},        {"put", "LOCAL [PATH]", 1, 2},
  {"get", "PATH LOCAL", 2, 2}, {"mv", "PATH NEW_PATH", 2, 2}, {"rm", "PATH", 1, 1},
};

static int usage(const char *program) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    (void)fprintf(stderr, "%s %s DATA %s %s\n", i ? "      " : "usage:", program, commands[i].name,
                  commands[i].arguments);
  return 2;
}

/* n: words after DATA, the command first. */
static int understood(int n, char **a) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    if (n > 0 && strcmp(a[0], commands[i].name) == 0)
      return n - 1 >= commands[i].least && n - 1 <= commands[i].most;
  return 0;
}

static int run(int n, char **a) {
  const char *command = a[0];
  if (strcmp(command, "login") == 0)
    return login(a[1]);
  if (resume_session())
    return 1;
  if (strcmp(command, "ls") == 0)
    return list(n == 2 ? a[1] : "/");
  if (strcmp(command, "put") == 0)
    return put(a[1], n == 3 ? a[2] : last_name(a[1]));
  if (strcmp(command, "get") == 0)
    return get_path(a[1], a[2]);
  return strcmp(command, "mv") == 0 ? move(a[1], a[2]) : throw_away(a[1]);
}

int main(int argc, char **argv) {
  if (!understood(argc - 2, argv + 2))
    return usage(argv[0]);
  data = argv[1];
  int rc = open_vault() || run(argc - 2, argv + 2);
  if (v && vault_close(v, &err))
    rc = failed("close");
  return rc;
}
