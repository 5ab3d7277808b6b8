/* Attach: open the root, and check or make the mark that says which vault it belongs to. The
 * mark is written aside, flushed and renamed, so it is there whole or not at all; a
 * directory that holds other things and no mark is never taken over, because it may be the
 * mount point of a disk that is not there, or somebody's files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "libvault/base/err.h"
#include "libvault/base/id.h"

#define MARK_NEW ".vault/store.new"
#define MARK_BYTES 512
#define MARK_FORMAT 1
#define MARK_FIRST "libvault blob store\n"
#define MARK_FORMAT_KEY "format "
#define MARK_ID_KEY "\nid "

static vault_status bad_mark(vault_err *err, const char *text) {
  return vault__fail(err, VAULT_E_FORMAT, VAULT_ORIGIN_BLOB, 0, "%s", text);
}

static vault_status parse_mark(const char *text, vault_id *id, vault_err *err) {
  unsigned long format = 0;
  const char *p = text;
  if (strncmp(p, MARK_FIRST, strlen(MARK_FIRST)) != 0)
    return bad_mark(err, "the file .vault/store in the storage directory is not a store's mark");
  p += strlen(MARK_FIRST);
  if (strncmp(p, MARK_FORMAT_KEY, strlen(MARK_FORMAT_KEY)) != 0)
    return bad_mark(err, "the store's mark names no format");
  for (p += strlen(MARK_FORMAT_KEY); *p >= '0' && *p <= '9' && format < 1000000; p++)
    format = format * 10 + (unsigned long)(*p - '0');
  if (format != MARK_FORMAT)
    return vault__fail(err, VAULT_E_FORMAT, VAULT_ORIGIN_BLOB, 0,
                       "the storage directory has format %lu, this program knows %d", format,
                       MARK_FORMAT);
  if (strncmp(p, MARK_ID_KEY, strlen(MARK_ID_KEY)) != 0)
    return bad_mark(err, "the store's mark names no vault");
  p += strlen(MARK_ID_KEY);
  if (strlen(p) != VAULT_ID_TEXT || p[VAULT_ID_TEXT - 1] != '\n' ||
      vault_id_parse(p, VAULT_ID_TEXT - 1, id) != VAULT_OK)
    return bad_mark(err, "the id in the store's mark is damaged");
  return VAULT_OK;
}

/* OK | STORE_MISSING | FORMAT | IO */
static vault_status read_mark(vault__fs *s, vault_id *id, vault_err *err) {
  char text[MARK_BYTES];
  int fd = vault__fs_open(s, VAULT__FS_MARK, O_RDONLY | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT)
    return vault__fail(err, VAULT_E_STORE_MISSING, VAULT_ORIGIN_BLOB, ENOENT,
                       "the storage directory has no mark: is its disk mounted?");
  if (fd < 0)
    return vault__fs_fail(err, errno, "opening the store's mark");
  int64_t got = vault__fs_pread_all(fd, text, sizeof text - 1, 0);
  vault_status st = got < 0 ? vault__fs_fail(err, errno, "reading the store's mark") : VAULT_OK;
  int keeps_meta = vault__fs_has_meta(fd);
  vault__fs_close(fd);
  if (st != VAULT_OK)
    return st;
  text[got] = 0;
  VAULT_TRY(parse_mark(text, id, err));
  s->caps = VAULT_BLOB_CAP_FD | VAULT_BLOB_CAP_RESUME | VAULT_BLOB_CAP_DURABLE |
            (keeps_meta ? VAULT_BLOB_CAP_META : 0u);
  return VAULT_OK;
}

/* What mkfs and an attach that was cut short leave behind does not count. */
static int is_nothing(const char *name) {
  static const char *const names[] = {".", "..", VAULT__FS_HOME, "lost+found"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(name, names[i]) == 0)
      return 1;
  return 0;
}

static vault_status check_empty(const vault__fs *s, vault_err *err) {
  int foreign = 0;
  int fd = vault__fs_open_dir(s, ".");
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  if (!dir) {
    vault__fs_close(fd);
    return vault__fs_fail(err, errno, "reading the storage directory");
  }
  errno = 0;
  for (struct dirent *e; !foreign && (e = readdir(dir)) != NULL;)
    foreign = !is_nothing(e->d_name);
  int error = foreign ? 0 : errno;
  (void)closedir(dir);
  if (error)
    return vault__fs_fail(err, error, "reading the storage directory");
  if (foreign)
    return vault__fail(err, VAULT_E_STORE_FOREIGN, VAULT_ORIGIN_BLOB, 0,
                       "the storage directory holds other files and no mark of a vault; choose an "
                       "empty directory");
  return VAULT_OK;
}

static vault_status fill_mark(vault__fs *s, const vault_id *id, vault_err *err) {
  char text[MARK_BYTES], id_text[VAULT_ID_TEXT];
  uint64_t done = 0;
  vault_status st = VAULT_OK;
  vault_id_format(id, id_text);
  int n = snprintf(text, sizeof text, "%s%s%d%s%s\n", MARK_FIRST, MARK_FORMAT_KEY, MARK_FORMAT,
                   MARK_ID_KEY, id_text);
  int fd = vault__fs_open(s, MARK_NEW, O_WRONLY | O_CREAT | O_TRUNC);
  if (fd < 0)
    return vault__fs_fail(err, errno, "making the store's mark");
  if (vault__fs_pwrite_all(fd, text, (uint64_t)n, 0, &done) != 0)
    st = vault__fs_fail(err, errno, "writing the store's mark");
  if (st == VAULT_OK)
    st = vault__fs_sync(s, fd, "writing the store's mark", err);
  vault__fs_close(fd);
  return st;
}

static vault_status make_mark(vault__fs *s, const vault_id *id, vault_err *err) {
  VAULT_TRY(vault__fs_make_dir(s, s->root, VAULT__FS_HOME, err));
  VAULT_TRY(fill_mark(s, id, err));
  int home = vault__fs_open_dir(s, VAULT__FS_HOME);
  if (home < 0)
    return vault__fs_fail(err, errno, "opening the directory .vault");
  vault_status st = VAULT_OK;
  if (renameat(home, vault__fs_leaf(MARK_NEW), home, vault__fs_leaf(VAULT__FS_MARK)) != 0)
    st = vault__fs_fail(err, errno, "naming the store's mark");
  if (st == VAULT_OK)
    st = vault__fs_sync(s, home, "naming the store's mark", err);
  vault__fs_close(home);
  return st;
}

/* Make the last level only: more could paper over a disk that is not mounted. */
static vault_status make_root(vault__fs *s, vault_err *err) {
  const char *slash = strrchr(s->root_path, '/');
  int parent = AT_FDCWD;
  if (slash) {
    char *cut = s->root_path + (slash - s->root_path);
    *cut = 0;
    parent = open(slash == s->root_path ? "/" : s->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *cut = '/';
  } else {
    parent = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  if (parent < 0)
    return vault__fs_fail(err, errno, "opening the directory above the storage directory");
  vault_status st = vault__fs_make_dir(s, parent, vault__fs_leaf(s->root_path), err);
  vault__fs_close(parent);
  return st;
}

static vault_status open_root(vault__fs *s, uint32_t create, vault_err *err) {
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  int fd = open(s->root_path, flags);
  if (fd < 0 && errno == ENOENT && create) {
    VAULT_TRY(make_root(s, err));
    fd = open(s->root_path, flags);
  }
  if (fd < 0 && errno == ENOENT)
    return vault__fail(err, VAULT_E_STORE_MISSING, VAULT_ORIGIN_BLOB, ENOENT,
                       "the storage directory does not exist: is its disk mounted?");
  if (fd < 0)
    return vault__fs_fail(err, errno, "opening the storage directory");
  s->root = fd;
  return VAULT_OK;
}

static vault_status make_incoming(vault__fs *s, vault_err *err) {
  int home = vault__fs_open_dir(s, VAULT__FS_HOME);
  if (home < 0)
    return vault__fs_fail(err, errno, "opening the directory .vault");
  vault_status st = vault__fs_make_dir(s, home, vault__fs_leaf(VAULT__FS_INCOMING), err);
  vault__fs_close(home);
  return st;
}

static vault_status check_mark(vault__fs *s, const vault_id *id, uint32_t create, vault_err *err) {
  vault_id found;
  vault_status st = read_mark(s, &found, err);
  if (st == VAULT_E_STORE_MISSING && create) {
    VAULT_TRY(check_empty(s, err));
    VAULT_TRY(make_mark(s, id, err));
    st = read_mark(s, &found, err);
  }
  VAULT_TRY(st);
  if (!vault__id_eq(&found, id))
    return vault__fail(err, VAULT_E_STORE_FOREIGN, VAULT_ORIGIN_BLOB, 0,
                       "the storage directory belongs to another vault; check the configuration");
  return make_incoming(s, err);
}

vault_status vault__fs_attach(void *self, const vault_id *id, uint32_t create, vault_err *err) {
  vault__fs *s = self;
  if (s->root >= 0 || !id || vault__id_is_zero(id))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_BLOB, 0,
                       "attach a store once, with the id of its vault");
  VAULT_TRY(open_root(s, create, err));
  vault_status st = check_mark(s, id, create, err);
  if (st != VAULT_OK) {
    vault__fs_close(s->root);
    s->root = -1;
  } else {
    s->syncfs_fd = vault__fs_choose_syncfs(s->root);
  }
  return st;
}
