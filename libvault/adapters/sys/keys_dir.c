/* Start: open (or make) the directory, lock it, read every key, make those that are missing.
 *
 * What may go wrong: a crash between the temporary file and the rename leaves ".new.*", which
 * the next start removes (the lock says that nobody else is writing it). A crash after the
 * rename leaves a whole key. A full disk leaves nothing. */
#include "keys_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libvault/base/alloc.h"
#include "libvault/base/encode.h"
#include "libvault/base/err.h"

#define SUFFIX ".key"
#define TEMPORARY ".new."
#define KEY_TEXT VAULT__B64_LEN(VAULT__KEY_BYTES)
#define FILE_MAX (KEY_TEXT + 1u) /* a last newline is allowed */
#define FILE_NAME_TEXT (VAULT__KEY_NAME_TEXT + VAULT__KEY_ID_TEXT + 16u)
#define OTHERS 077u

static const char *const needed[] = {VAULT__KEY_OTP, VAULT__KEY_OUTBOX, VAULT__KEY_REFRESH,
                                     VAULT__KEY_TOKEN, VAULT__KEY_LIMIT};
#define N_NEEDED (sizeof needed / sizeof *needed)

static vault_status failed(vault_err *err, const char *what, const char *name) {
  int e = errno;
  return vault__fail(err, e == ENOSPC || e == EDQUOT ? VAULT_E_NO_SPACE : VAULT_E_IO,
                     VAULT_ORIGIN_SYS, e, "the keys could not be %s: %.80s: %.60s", what, name,
                     strerror(e));
}

static vault_status refuse(vault_err *err, const char *name, const char *why) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_SYS, 0, "the key %.80s %s", name, why);
}

/* ---- the ring ---- */

static int by_name_and_id(const void *a, const void *b) {
  const vault__key *x = a, *y = b;
  int c = strcmp(x->name, y->name);
  return c ? c : strcmp(x->kid, y->kid);
}

static vault_status add(vault__keyring *ring, const vault__key *key, vault_err *err) {
  if (ring->n == VAULT__KEYS_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_SYS, 0,
                       "there are more than %u keys: move old ones away", VAULT__KEYS_MAX);
  ring->keys[ring->n++] = *key;
  qsort(ring->keys, ring->n, sizeof *ring->keys, by_name_and_id);
  return VAULT_OK;
}

static vault_status make(const char *name, int64_t now_ms, const vault_random_ops *random,
                         void *random_self, vault__key *out, vault_err *err) {
  vault__key key;
  memset(&key, 0, sizeof key);
  (void)snprintf(key.name, sizeof key.name, "%s", name);
  (void)snprintf(key.kid, sizeof key.kid, "%012" PRIx64,
                 (uint64_t)(now_ms < 0 ? 0 : now_ms) & UINT64_C(0xffffffffffff));
  vault_status s = random->bytes(random_self, key.bytes, sizeof key.bytes, err);
  if (s == VAULT_OK)
    *out = key;
  vault__wipe(&key, sizeof key);
  return s;
}

/* ---- reading ---- */

/* "otp.0193a5b0c1d2.key": a name of small letters and an id of hex digits. */
static int split(const char *file, vault__key *key) {
  size_t n = strlen(file), suffix = sizeof SUFFIX - 1;
  size_t name_n = strspn(file, "abcdefghijklmnopqrstuvwxyz");
  if (n < suffix || name_n == 0 || name_n >= VAULT__KEY_NAME_TEXT || file[name_n] != '.')
    return 0;
  const char *kid = file + name_n + 1;
  size_t kid_n = strspn(kid, "0123456789abcdef");
  if (kid_n == 0 || kid_n >= VAULT__KEY_ID_TEXT || strcmp(kid + kid_n, SUFFIX) != 0)
    return 0;
  memcpy(key->name, file, name_n);
  memcpy(key->kid, kid, kid_n);
  return 1;
}

static int ends_with_suffix(const char *file) {
  size_t n = strlen(file), suffix = sizeof SUFFIX - 1;
  return n >= suffix && strcmp(file + n - suffix, SUFFIX) == 0;
}

static vault_status read_all(int fd, const char *file, char *text, size_t room, size_t *n,
                             vault_err *err) {
  size_t got = 0;
  while (got < room) {
    ssize_t r = read(fd, text + got, room - got);
    if (r < 0 && errno == EINTR)
      continue;
    if (r < 0)
      return failed(err, "read", file);
    if (r == 0)
      break;
    got += (size_t)r;
  }
  *n = got;
  return VAULT_OK;
}

static vault_status read_key(int dir, const char *file, vault__keyring *ring, vault_err *err) {
  vault__key key;
  struct stat st;
  char text[FILE_MAX + 1];
  size_t n = 0;
  uint64_t bytes = 0;
  vault_status s;
  memset(&key, 0, sizeof key);
  if (!split(file, &key))
    return refuse(err, file, "has no name like otp.0123456789ab.key: rename it or move it away");
  int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 && errno == ELOOP)
    return refuse(err, file, "is a symbolic link: put the file itself there");
  if (fd < 0 || fstat(fd, &st) != 0) {
    s = failed(err, "opened", file);
    goto done;
  }
  if (!S_ISREG(st.st_mode)) {
    s = refuse(err, file, "is not a file");
    goto done;
  }
  if (st.st_mode & OTHERS) {
    s = refuse(err, file, "can be read by others: chmod 600, and make a new one if it leaked");
    goto done;
  }
  s = read_all(fd, file, text, sizeof text, &n, err);
  if (s != VAULT_OK)
    goto done;
  if (n == FILE_MAX && text[n - 1] == '\n')
    n--;
  if (n != KEY_TEXT ||
      vault__b64_decode(text, n, key.bytes, sizeof key.bytes, &bytes) != VAULT_OK ||
      bytes != sizeof key.bytes) {
    s = refuse(err, file, "is damaged: it must be 32 bytes in base64; restore it from a backup");
    goto done;
  }
  s = add(ring, &key, err);
done:
  if (fd >= 0)
    (void)close(fd);
  vault__wipe(text, sizeof text);
  vault__wipe(&key, sizeof key);
  return s;
}

static vault_status read_dir(int dir, vault__keyring *ring, vault_err *err) {
  vault_status s = VAULT_OK;
  int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
  DIR *d = copy < 0 ? NULL : fdopendir(copy);
  if (!d) {
    s = failed(err, "listed", "directory");
    if (copy >= 0)
      (void)close(copy);
    return s;
  }
  for (;;) {
    errno = 0;
    const struct dirent *e = readdir(d);
    if (!e) {
      if (errno)
        s = failed(err, "listed", "directory");
      break;
    }
    if (strncmp(e->d_name, TEMPORARY, sizeof TEMPORARY - 1) == 0) {
      (void)unlinkat(dir, e->d_name, 0); /* of a start that was killed: see the top */
      continue;
    }
    if (e->d_name[0] == '.' || !ends_with_suffix(e->d_name))
      continue;
    s = read_key(dir, e->d_name, ring, err);
    if (s != VAULT_OK)
      break;
  }
  (void)closedir(d);
  return s;
}

/* ---- making ---- */

static vault_status write_all(int fd, const char *file, const char *p, size_t n, vault_err *err) {
  while (n) {
    ssize_t r = write(fd, p, n);
    if (r < 0 && errno == EINTR)
      continue;
    if (r < 0)
      return failed(err, "written", file);
    p += r;
    n -= (size_t)r;
  }
  return VAULT_OK;
}

static vault_status write_key(int dir, const vault__key *key, vault_err *err) {
  char file[FILE_NAME_TEXT], temporary[FILE_NAME_TEXT + sizeof TEMPORARY], text[KEY_TEXT + 2];
  vault_status s;
  (void)snprintf(file, sizeof file, "%s.%s" SUFFIX, key->name, key->kid);
  (void)snprintf(temporary, sizeof temporary, TEMPORARY "%s", file);
  int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return failed(err, "written", file);
  vault__b64(key->bytes, sizeof key->bytes, text);
  text[KEY_TEXT] = '\n';
  s = write_all(fd, file, text, KEY_TEXT + 1, err);
  if (s == VAULT_OK && fsync(fd) != 0)
    s = failed(err, "flushed", file);
  if (close(fd) != 0 && s == VAULT_OK)
    s = failed(err, "written", file);
  if (s == VAULT_OK && renameat(dir, temporary, dir, file) != 0)
    s = failed(err, "renamed", file);
  if (s != VAULT_OK)
    (void)unlinkat(dir, temporary, 0);
  if (s == VAULT_OK && fsync(dir) != 0)
    s = failed(err, "flushed", "directory");
  vault__wipe(text, sizeof text);
  return s;
}

static vault_status make_missing(int dir, int64_t now_ms, const vault_random_ops *random,
                                 void *random_self, vault__keyring *ring, vault_err *err) {
  for (size_t i = 0; i < N_NEEDED; i++) {
    vault__key key;
    if (vault__keyring_newest(ring, needed[i]))
      continue;
    vault_status s = make(needed[i], now_ms, random, random_self, &key, err);
    if (s == VAULT_OK && dir >= 0)
      s = write_key(dir, &key, err);
    if (s == VAULT_OK)
      s = add(ring, &key, err);
    vault__wipe(&key, sizeof key);
    if (s != VAULT_OK)
      return s;
  }
  return VAULT_OK;
}

/* A new directory is only there after a crash when its parent was flushed. */
static vault_status flush_parent(int dir, vault_err *err) {
  int parent = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  vault_status s = VAULT_OK;
  if (parent < 0 || fsync(parent) != 0)
    s = failed(err, "flushed", "parent directory");
  if (parent >= 0)
    (void)close(parent);
  return s;
}

static vault_status open_dir(const char *path, int *out, vault_err *err) {
  struct stat st;
  vault_status s = VAULT_OK;
  int made = mkdir(path, 0700) == 0;
  if (!made && errno != EEXIST)
    return failed(err, "stored: the directory could not be made", path);
  int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0)
    return failed(err, "read: the directory could not be opened", path);
  if (flock(dir, LOCK_EX) != 0 || fstat(dir, &st) != 0)
    s = failed(err, "locked", path);
  else if (st.st_mode & OTHERS)
    s = vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_SYS, 0,
                    "others can look into the key directory %.80s: chmod 700", path);
  else if (made)
    s = flush_parent(dir, err);
  if (s != VAULT_OK) {
    (void)close(dir);
    return s;
  }
  *out = dir;
  return VAULT_OK;
}

vault_status vault__keys_dir_load(const char *path, int64_t now_ms, const vault_random_ops *random,
                                  void *random_self, vault__keyring *out, vault_err *err) {
  vault__keyring ring;
  int dir = -1;
  if (!path || !*path || strlen(path) > VAULT__KEYS_PATH_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_SYS, 0,
                       "the key directory needs a path of at most %u bytes", VAULT__KEYS_PATH_MAX);
  VAULT_TRY(open_dir(path, &dir, err));
  memset(&ring, 0, sizeof ring);
  vault_status s = read_dir(dir, &ring, err);
  if (s == VAULT_OK)
    s = make_missing(dir, now_ms, random, random_self, &ring, err);
  if (s == VAULT_OK)
    *out = ring;
  (void)close(dir); /* and with it the lock */
  vault__wipe(&ring, sizeof ring);
  return s;
}

vault_status vault__keys_memory(int64_t now_ms, const vault_random_ops *random, void *random_self,
                                vault__keyring *out, vault_err *err) {
  vault__keyring ring;
  memset(&ring, 0, sizeof ring);
  vault_status s = make_missing(-1, now_ms, random, random_self, &ring, err);
  if (s == VAULT_OK)
    *out = ring;
  vault__wipe(&ring, sizeof ring);
  return s;
}
