/* begin -> write ... -> seal; publish is in publish.c. A plain writer has a file without a
 * name, which the kernel frees when the process dies; a resumable one, or a file system
 * without O_TMPFILE, has a .part whose name holds the whole key. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "fs.h"
#include "libvault/base/alloc.h"
#include "libvault/base/err.h"

#define PART_END ".part"
#define ID_CHARS (VAULT_ID_TEXT - 1)

/* "{user}/{space}/{yyyy}/{mm}/{blob}{ext}" -> "{user}.{space}.{blob}{ext}.part" */
vault_status vault__fs_part_name(const vault_blob_key *key, char out[VAULT__FS_NAME_MAX],
                                 vault_err *err) {
  char path[VAULT_BLOB_PATH_MAX];
  VAULT_TRY(vault_blob_key_path(key, path, err));
  const char *space = path + ID_CHARS + 1;
  int n = (int)strcspn(space, "/");
  (void)snprintf(out, VAULT__FS_NAME_MAX, "%.*s.%.*s.%s" PART_END, (int)ID_CHARS, path, n, space,
                 vault__fs_leaf(path));
  return VAULT_OK;
}

static uint32_t space_named(const char *p, size_t n) {
  static const struct {
    const char *name;
    uint32_t space;
  } rows[] = {{"files", VAULT_SPACE_FILES},
              {"photos", VAULT_SPACE_PHOTOS},
              {"notes", VAULT_SPACE_NOTES}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (strlen(rows[i].name) == n && memcmp(rows[i].name, p, n) == 0)
      return rows[i].space;
  return 0;
}

int vault__fs_part_parse(const char *name, vault_blob_key *out) {
  char again[VAULT__FS_NAME_MAX];
  vault_blob_key key;
  size_t n = strlen(name);
  memset(&key, 0, sizeof key);
  if (n >= VAULT__FS_NAME_MAX || n < ID_CHARS + 2)
    return 0;
  const char *space = name + ID_CHARS + 1;
  size_t space_n = strcspn(space, ".");
  const char *blob = space + space_n + 1;
  size_t fixed = (size_t)(blob - name) + ID_CHARS + strlen(PART_END);
  if (fixed > n || n - fixed >= sizeof key.ext)
    return 0;
  key.space = space_named(space, space_n);
  memcpy(key.ext, blob + ID_CHARS, n - fixed);
  if (vault_id_parse(name, ID_CHARS, &key.user) != VAULT_OK ||
      vault_id_parse(blob, ID_CHARS, &key.blob) != VAULT_OK ||
      vault__fs_part_name(&key, again, NULL) != VAULT_OK || strcmp(again, name) != 0)
    return 0;
  *out = key;
  return 1;
}

void vault__fs_part_remove(const vault__fs *s, const char *name) {
  int dir = vault__fs_open_dir(s, VAULT__FS_INCOMING);
  if (dir < 0)
    return;
  (void)unlinkat(dir, name, 0);
  vault__fs_close(dir);
}

static void part_path(const vault_blob_writer *w, char out[VAULT_BLOB_PATH_MAX]) {
  (void)snprintf(out, VAULT_BLOB_PATH_MAX, "%s/%s", VAULT__FS_INCOMING, w->part);
}

/* One writer at a time; the lock goes with the descriptor. */
static vault_status lock_part(int fd, vault_err *err) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0)
    return VAULT_OK;
  if (errno == EWOULDBLOCK)
    return vault__fail(err, VAULT_E_BUSY, VAULT_ORIGIN_BLOB, 0,
                       "another request is writing this body");
  return vault__fs_fail(err, errno, "locking a partial body");
}

/* Whoever can be fenced off need not be kept out. */
static vault_status claim_part(vault_blob_writer *w, vault_err *err) {
  w->fenced = w->resumable && vault__fs_can_fence(w->fd);
  return w->fenced ? VAULT_OK : lock_part(w->fd, err);
}

static vault_status new_part(vault__fs *s, vault_blob_writer *w, vault_err *err) {
  char path[VAULT_BLOB_PATH_MAX];
  VAULT_TRY(vault__fs_part_name(&w->key, w->part, err));
  part_path(w, path);
  w->fd = vault__fs_open(s, path, O_RDWR | O_CREAT | O_EXCL);
  if (w->fd >= 0)
    return claim_part(w, err);
  int error = errno;
  w->part[0] = 0; /* not ours to remove */
  if (error == EEXIST)
    return vault__fail(err, VAULT_E_CONFLICT, VAULT_ORIGIN_BLOB, EEXIST,
                       "a body was begun for this blob already: resume it");
  return vault__fs_fail(err, error, "making a partial body");
}

static vault_status new_file(vault__fs *s, vault_blob_writer *w, vault_err *err) {
  if (!w->resumable) {
    w->fd = vault__fs_open(s, VAULT__FS_INCOMING, O_RDWR | O_TMPFILE);
    if (w->fd >= 0)
      return VAULT_OK;
    if (errno != EOPNOTSUPP && errno != EISDIR)
      return vault__fs_fail(err, errno, "beginning a blob");
  }
  return new_part(s, w, err);
}

static void drop(vault__fs *s, vault_blob_writer *w) {
  vault__fs_close(w->fd);
  vault__delete(s->alloc, w);
  vault__fs_unhold(s);
}

/* A counted writer for a valid key, without a file yet. */
static vault_status new_writer(vault__fs *s, const vault_blob_key *key, vault_blob_writer **out,
                               vault_err *err) {
  char path[VAULT_BLOB_PATH_MAX];
  VAULT_TRY(vault__fs_writable(s, err));
  VAULT_TRY(vault_blob_key_path(key, path, err));
  VAULT_TRY(vault__fs_hold(s, err));
  vault_blob_writer *w = vault__new(s->alloc, sizeof *w);
  if (!w) {
    vault__fs_unhold(s);
    return vault__no_memory(err);
  }
  w->key = *key;
  memcpy(w->path, path, strlen(path) + 1);
  w->fd = -1;
  w->n_bad_syncfs = atomic_load(&s->n_bad_syncfs);
  *out = w;
  return VAULT_OK;
}

vault_status vault__fs_begin(void *self, const vault_blob_key *key, uint32_t flags,
                             vault_blob_writer **out, vault_err *err) {
  vault__fs *s = self;
  vault_blob_writer *w = NULL;
  VAULT_TRY(new_writer(s, key, &w, err));
  w->resumable = (flags & VAULT_BLOB_RESUMABLE) != 0;
  vault_status st = new_file(s, w, err);
  if (st != VAULT_OK) {
    if (w->fd >= 0 && w->part[0])
      vault__fs_part_remove(s, w->part);
    drop(s, w);
    return st;
  }
  *out = w;
  return VAULT_OK;
}

/* Under the lock, whichever kind it is. */
static vault_status cut_part(const vault__fs *s, vault_blob_writer *w, uint64_t offset,
                             vault_err *err) {
  struct stat info;
  if (w->fenced)
    VAULT_TRY(vault__fs_raise_fence(s, w, err));
  if (fstat(w->fd, &info) != 0)
    return vault__fs_fail(err, errno, "opening a partial body");
  if (!S_ISREG(info.st_mode) || (uint64_t)info.st_size < offset)
    return vault__fail(err, VAULT_E_OFFSET, VAULT_ORIGIN_BLOB, 0,
                       "the stored part of this body is shorter than the offset");
  if ((uint64_t)info.st_size > offset && ftruncate(w->fd, (off_t)offset) != 0)
    return vault__fs_fail(err, errno, "cutting a partial body");
  w->offset = w->started = offset;
  return VAULT_OK;
}

static vault_status open_part(vault__fs *s, vault_blob_writer *w, uint64_t offset, vault_err *err) {
  char path[VAULT_BLOB_PATH_MAX];
  part_path(w, path);
  w->fd = vault__fs_open(s, path, O_RDWR | O_NONBLOCK);
  if (w->fd < 0 && errno == ENOENT)
    return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_BLOB, ENOENT,
                       "no body was begun for this blob");
  if (w->fd < 0)
    return vault__fs_fail(err, errno, "opening a partial body");
  VAULT_TRY(claim_part(w, err));
  VAULT_TRY(vault__fs_enter(w, err));
  vault_status st = cut_part(s, w, offset, err);
  vault__fs_leave(w);
  return st;
}

vault_status vault__fs_resume(void *self, const vault_blob_key *key, uint64_t offset, int64_t fence,
                              vault_blob_writer **out, vault_err *err) {
  vault__fs *s = self;
  vault_blob_writer *w = NULL;
  VAULT_TRY(new_writer(s, key, &w, err));
  w->resumable = 1;
  w->fence = fence;
  vault_status st = vault__fs_part_name(key, w->part, err);
  if (st == VAULT_OK)
    st = open_part(s, w, offset, err);
  if (st != VAULT_OK) {
    drop(s, w);
    return st;
  }
  *out = w;
  return VAULT_OK;
}

vault_status vault__fs_live(vault__fs *s, const vault_blob_writer *w, vault_err *err) {
  if (w->broken)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_BLOB, 0,
                       "this writer failed before: discard it");
  return vault__fs_writable(s, err);
}

static vault_status broke(vault_blob_writer *w, vault_status st) {
  if (st != VAULT_OK)
    w->broken = 1;
  return st;
}

/* So that the flush at the end finds little left to do. Only starts the transfer and waits
 * for none; its own failure shows in that flush. */
static void start_writeback(vault_blob_writer *w) {
  uint64_t ready = w->offset - w->started;
  if (ready < VAULT__FS_WRITEBACK_BYTES)
    return;
  (void)sync_file_range(w->fd, (off64_t)w->started, (off64_t)ready, SYNC_FILE_RANGE_WRITE);
  w->started = w->offset;
}

void vault__fs_wrote(vault_blob_writer *w, uint64_t n) {
  w->offset += n;
  start_writeback(w);
}

vault_status vault__fs_write(void *self, vault_blob_writer *w, const void *p, uint64_t n,
                             vault_err *err) {
  uint64_t done = 0;
  VAULT_TRY(vault__fs_live(self, w, err));
  if (w->sealed || n > (uint64_t)INT64_MAX - w->offset)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_BLOB, 0, "this writer takes no more bytes");
  VAULT_TRY(broke(w, vault__fs_enter(w, err)));
  int bad = vault__fs_pwrite_all(w->fd, p, n, w->offset, &done);
  int error = errno;
  vault__fs_leave(w);
  vault__fs_wrote(w, done);
  return bad ? broke(w, vault__fs_fail(err, error, "writing a blob")) : VAULT_OK;
}

/* The name of a .part counts as well: without it the bytes could not be found. */
static vault_status flush_name(vault__fs *s, vault_blob_writer *w, vault_err *err) {
  if (w->named || !w->part[0])
    return VAULT_OK;
  int dir = vault__fs_open_dir(s, VAULT__FS_INCOMING);
  if (dir < 0)
    return vault__fs_fail(err, errno, "opening the directory .vault/incoming");
  vault_status st = vault__fs_sync(s, dir, "naming a partial body", err);
  vault__fs_close(dir);
  w->named = st == VAULT_OK;
  return st;
}

vault_status vault__fs_flush(void *self, vault_blob_writer *w, uint64_t *offset, vault_err *err) {
  VAULT_TRY(vault__fs_live(self, w, err));
  vault_status st = vault__fs_datasync(self, w->fd, "flushing a partial body", err);
  if (st == VAULT_OK)
    st = flush_name(self, w, err);
  if (st == VAULT_OK)
    *offset = w->offset;
  return broke(w, st);
}

vault_status vault__fs_seal(void *self, vault_blob_writer *w, const vault_blob_meta *meta,
                            vault_err *err) {
  VAULT_TRY(vault__fs_live(self, w, err));
  if (!meta)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_BLOB, 0, "seal needs the blob's meta");
  if (w->sealed)
    return VAULT_OK;
  VAULT_TRY(broke(w, vault__fs_enter(w, err)));
  vault__fs_put_meta(w->fd, meta);
  vault__fs_leave(w);
  vault_status st = vault__fs_sync(self, w->fd, "flushing a blob", err);
  if (st == VAULT_OK) {
    w->meta = *meta;
    w->sealed = 1;
  }
  return broke(w, st);
}

void vault__fs_discard(void *self, vault_blob_writer *w, uint32_t keep) {
  vault__fs *s = self;
  if (!w)
    return;
  /* Publishing took the partial name away: one that is there now is somebody else's. */
  int gone = w->part[0] && !w->published && (!keep || !w->resumable);
  if (gone && vault__fs_enter(w, NULL) == VAULT_OK) {
    vault__fs_part_remove(s, w->part);
    vault__fs_leave(w);
  }
  drop(s, w);
}
