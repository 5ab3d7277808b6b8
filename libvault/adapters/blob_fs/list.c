/* The walk over everything that is ours, in byte order of each path component, partial bodies
 * last. Memory is bounded whatever the directories hold: of each level only the next BATCH
 * names after the position are kept, and a directory is read again for the following ones.
 * Nothing is held between two calls, so blobs may come and go; one that is there all the
 * time is seen once. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "libvault/base/alloc.h"
#include "libvault/base/err.h"

#define BATCH 256
#define INCOMING_PREFIX VAULT__FS_INCOMING "/"

enum { AT_USER, AT_SPACE, AT_YEAR, AT_MONTH, AT_BLOB, AT_PART, LEVELS };

typedef char name_text[VAULT__FS_NAME_MAX];

typedef struct batch {
  uint32_t n;
  name_text names[BATCH];
} batch;

typedef struct walk {
  vault__fs *s;
  vault_blob_entry *entries;
  uint64_t n, max;
  char last[VAULT_BLOB_PATH_MAX]; /* the path of entries[n - 1] */
  name_text after[LEVELS];        /* the components of the cursor */
  name_text pile[2 * BATCH];      /* candidates while a directory is read */
  batch level[LEVELS];
} walk;

static int all_digits(const char *p, size_t n) {
  return strlen(p) == n && strspn(p, "0123456789") == n;
}

/* Could this name be ours at this level? Whole paths are checked again by their parser. */
static int is_candidate(int level, const char *name) {
  vault_id id;
  vault_blob_key key;
  size_t n = strlen(name);
  if (n >= VAULT__FS_NAME_MAX)
    return 0;
  switch (level) {
  case AT_USER: return vault_id_parse(name, n, &id) == VAULT_OK;
  case AT_SPACE: return !strcmp(name, "files") || !strcmp(name, "photos") || !strcmp(name, "notes");
  case AT_YEAR: return all_digits(name, 4);
  case AT_MONTH: return all_digits(name, 2);
  case AT_BLOB: return n >= VAULT_ID_TEXT - 1;
  default: return vault__fs_part_parse(name, &key);
  }
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(a, b);
}

/* Sort the pile and keep its smallest BATCH names. */
static uint32_t trim(name_text *pile, uint32_t n) {
  qsort(pile, n, sizeof *pile, by_bytes);
  return n < BATCH ? n : BATCH;
}

/* The smallest BATCH candidates of an open directory that come after `from` (or are it).
 * 0, or -1 and errno. */
static int collect(walk *k, DIR *dir, int level, const char *from, int inclusive) {
  uint32_t n = 0;
  int full = 0; /* pile[BATCH - 1] is then the largest that is still wanted */
  errno = 0;
  for (struct dirent *e; (e = readdir(dir)) != NULL; errno = 0) {
    int d = strcmp(e->d_name, from);
    if (d < 0 || (d == 0 && !inclusive) || !is_candidate(level, e->d_name))
      continue;
    if (full && strcmp(e->d_name, k->pile[BATCH - 1]) > 0)
      continue;
    memcpy(k->pile[n++], e->d_name, strlen(e->d_name) + 1);
    if (n == 2 * BATCH) {
      n = trim(k->pile, n);
      full = 1;
    }
  }
  if (errno)
    return -1;
  n = trim(k->pile, n);
  memcpy(k->level[level].names, k->pile, n * sizeof *k->pile);
  k->level[level].n = n;
  return 0;
}

/* What someone put into our directories is left out, whatever it is. */
static int is_foreign(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

static vault_status load(walk *k, int level, const char *path, const char *from, int inclusive,
                         vault_err *err) {
  k->level[level].n = 0;
  int fd = vault__fs_open_dir(k->s, path);
  if (fd < 0 && is_foreign(errno))
    return VAULT_OK;
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  if (!dir) {
    vault__fs_close(fd);
    return vault__fs_fail(err, errno, "listing blobs");
  }
  int error = collect(k, dir, level, from, inclusive) != 0 ? errno : 0;
  (void)closedir(dir);
  return error ? vault__fs_fail(err, error, "listing blobs") : VAULT_OK;
}

static int parse_entry(int level, const char *path, vault_blob_key *key) {
  if (level == AT_PART)
    return vault__fs_part_parse(vault__fs_leaf(path), key);
  return vault_blob_key_parse(path, strlen(path), key, NULL) == VAULT_OK;
}

static void add_entry(walk *k, int level, int dir, const char *path) {
  struct stat info;
  vault_blob_key key;
  if (!parse_entry(level, path, &key) ||
      fstatat(dir, vault__fs_leaf(path), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
    return;
  vault_blob_entry *e = &k->entries[k->n++];
  *e = (vault_blob_entry){.key = key,
                          .size_bytes = (uint64_t)info.st_size,
                          .modified_ms =
                            (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000,
                          .partial = level == AT_PART};
  memcpy(k->last, path, strlen(path) + 1);
}

static vault_status add_files(walk *k, int level, const char *path, vault_err *err) {
  const batch *b = &k->level[level];
  int dir = vault__fs_open_dir(k->s, path);
  if (dir < 0)
    return is_foreign(errno) ? VAULT_OK : vault__fs_fail(err, errno, "listing blobs");
  for (uint32_t i = 0; i < b->n && k->n < k->max; i++) {
    char file[VAULT_BLOB_PATH_MAX];
    int n = snprintf(file, sizeof file, "%s/%s", path, b->names[i]);
    if (n > 0 && (size_t)n < sizeof file)
      add_entry(k, level, dir, file);
  }
  vault__fs_close(dir);
  return VAULT_OK;
}

static vault_status walk_dir(walk *k, int level, const char *path, int bounded, vault_err *err);

static vault_status add_dirs(walk *k, int level, const char *path, int bounded, vault_err *err) {
  const batch *b = &k->level[level];
  for (uint32_t i = 0; i < b->n && k->n < k->max; i++) {
    char dir[VAULT_BLOB_PATH_MAX];
    const char *slash = *path == '.' ? "" : "/";
    int n = snprintf(dir, sizeof dir, "%s%s%s", *path == '.' ? "" : path, slash, b->names[i]);
    int here = bounded && strcmp(b->names[i], k->after[level]) == 0;
    if (n > 0 && (size_t)n < sizeof dir)
      VAULT_TRY(walk_dir(k, level + 1, dir, here, err));
  }
  return VAULT_OK;
}

/* bounded: this directory is on the cursor's path, so start at its component. Five levels
 * deep at most. */
static vault_status walk_dir(walk *k, int level, const char *path, int bounded, vault_err *err) {
  int files = level == AT_BLOB || level == AT_PART;
  name_text from = "";
  int inclusive = bounded && !files; /* the cursor's directory may hold more, its file not */
  if (bounded)
    memcpy(from, k->after[level], sizeof from);
  for (uint32_t got = BATCH; got == BATCH && k->n < k->max; inclusive = 0) {
    VAULT_TRY(load(k, level, path, from, inclusive, err));
    got = k->level[level].n;
    if (!got)
      break;
    memcpy(from, k->level[level].names[got - 1], sizeof from);
    VAULT_TRY(files ? add_files(k, level, path, err) : add_dirs(k, level, path, bounded, err));
  }
  return VAULT_OK;
}

/* Take the cursor apart. *partial: it stands among the partial bodies. */
static vault_status start_at(walk *k, const char *cursor, int *partial, vault_err *err) {
  vault_blob_key key;
  size_t n = strnlen(cursor, VAULT_BLOB_PATH_MAX);
  size_t prefix = strlen(INCOMING_PREFIX);
  *partial = n < VAULT_BLOB_PATH_MAX && strncmp(cursor, INCOMING_PREFIX, prefix) == 0 &&
             vault__fs_part_parse(cursor + prefix, &key);
  if (*partial) {
    memcpy(k->after[AT_PART], cursor + prefix, n - prefix + 1);
    return VAULT_OK;
  }
  if (n == VAULT_BLOB_PATH_MAX || vault_blob_key_parse(cursor, n, &key, NULL) != VAULT_OK)
    return vault__fail(err, VAULT_E_CURSOR, VAULT_ORIGIN_BLOB, 0,
                       "this is not a position that list gave");
  for (int level = AT_USER; level <= AT_BLOB; level++) {
    size_t part = strcspn(cursor, "/");
    memcpy(k->after[level], cursor, part);
    cursor += part + 1;
  }
  return VAULT_OK;
}

vault_status vault__fs_list(void *self, char *cursor, vault_blob_entry *entries, uint64_t max,
                            uint64_t *n, vault_err *err) {
  vault__fs *s = self;
  int partial = 0;
  vault_status st = VAULT_OK;
  VAULT_TRY(vault__fs_attached(s, err));
  walk *k = vault__new(s->alloc, sizeof *k);
  if (!k)
    return vault__no_memory(err);
  k->s = s;
  k->entries = entries;
  k->max = max;
  if (*cursor)
    st = start_at(k, cursor, &partial, err);
  if (st == VAULT_OK && !partial)
    st = walk_dir(k, AT_USER, ".", *cursor != 0, err);
  if (st == VAULT_OK && k->n < max)
    st = walk_dir(k, AT_PART, VAULT__FS_INCOMING, partial, err);
  if (st == VAULT_OK) {
    if (k->n)
      memcpy(cursor, k->last, strlen(k->last) + 1);
    *n = k->n;
  }
  vault__delete(s->alloc, k);
  return st;
}
