/* publish_many: what seal and publish do, for a batch, with few flushes. Bodies first, then all
 * names, then each folder once: the flush of the first folder also writes the names in the
 * others, because they are in the journal by then. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "libvault/base/err.h"

/* The members in the order of their paths, so that those of one folder stand together. */
typedef struct many {
  vault__fs *s;
  uint64_t n;
  vault_err *err; /* NULL once it has told of the first failure */
  vault_blob_writer *at[VAULT_BLOB_MANY_MAX];
} many;

static void fail(many *m, vault_blob_writer *w, vault_status st) {
  w->status = st;
  m->err = NULL;
}

static int is_ready(const vault_blob_writer *w) {
  return w->status == VAULT_OK && !w->published;
}

/* ---- the bytes --------------------------------------------------------------------------- */

static void check(many *m, vault_blob_writer *w) {
  w->status = VAULT_OK;
  vault_status st = vault__fs_writable(m->s, m->err);
  if (st == VAULT_OK && w->broken)
    st = vault__fail(m->err, VAULT_E_USAGE, VAULT_ORIGIN_BLOB, 0,
                     "this writer failed before: discard it");
  if (st != VAULT_OK)
    fail(m, w, st);
}

static int needs_flush(const vault_blob_writer *w) {
  return w->status == VAULT_OK && !w->sealed;
}

static void flushed(many *m, vault_blob_writer *w, vault_status st) {
  w->sealed = st == VAULT_OK;
  w->broken = st != VAULT_OK;
  if (st != VAULT_OK)
    fail(m, w, st);
}

static void flush_one(many *m, vault_blob_writer *w) {
  flushed(m, w, vault__fs_sync(m->s, w->fd, "flushing a blob", m->err));
}

/* Two threads that ask at the same time would share one report of the kernel between them, and
 * one of them would not see it: so one asks after the other. */
static vault_status flush_file_system(many *m) {
  vault__fs *s = m->s;
  (void)pthread_mutex_lock(&s->syncfs_lock);
  vault_status st = vault__fs_syncfs(s, "flushing a batch of blobs", m->err);
  if (st != VAULT_OK)
    (void)atomic_fetch_add(&s->n_bad_syncfs, 1);
  (void)pthread_mutex_unlock(&s->syncfs_lock);
  return st;
}

/* A body that was begun before another batch's syncfs failed may be what that one lost, and
 * this syncfs would not say so again. Its own descriptor still would. */
static void flush_together(many *m) {
  vault_status st = flush_file_system(m);
  uint64_t n_bad = atomic_load(&m->s->n_bad_syncfs);
  for (uint64_t i = 0; i < m->n; i++) {
    vault_blob_writer *w = m->at[i];
    if (!needs_flush(w))
      continue;
    if (st == VAULT_OK && w->n_bad_syncfs != n_bad)
      flush_one(m, w);
    else
      flushed(m, w, st);
  }
}

static void flush_bodies(many *m) {
  uint64_t todo = 0;
  for (uint64_t i = 0; i < m->n; i++)
    todo += (uint64_t)needs_flush(m->at[i]);
  if (m->s->syncfs_fd && todo >= VAULT__FS_SYNCFS_FROM) {
    flush_together(m);
    return;
  }
  for (uint64_t i = 0; i < m->n; i++)
    if (needs_flush(m->at[i]))
      flush_one(m, m->at[i]);
}

/* ---- the names --------------------------------------------------------------------------- */

static size_t dir_bytes(const vault_blob_writer *w) {
  return (size_t)(vault__fs_leaf(w->path) - w->path);
}

/* The end of the members that are in the folder of m->at[from]. */
static uint64_t folder_end(const many *m, uint64_t from) {
  size_t n = dir_bytes(m->at[from]);
  uint64_t to = from + 1;
  while (to < m->n && dir_bytes(m->at[to]) == n &&
         memcmp(m->at[to]->path, m->at[from]->path, n) == 0)
    to++;
  return to;
}

static int any_ready(const many *m, uint64_t from, uint64_t to) {
  for (; from < to; from++)
    if (is_ready(m->at[from]))
      return 1;
  return 0;
}

static void fail_folder(many *m, uint64_t from, uint64_t to, vault_status st) {
  for (; from < to; from++)
    if (is_ready(m->at[from]))
      fail(m, m->at[from], st);
}

static void link_folder(many *m, uint64_t from, uint64_t to) {
  int dir = -1;
  if (!any_ready(m, from, to))
    return;
  vault_status st = vault__fs_blob_dir(m->s, m->at[from]->path, 1, &dir, m->err);
  if (st != VAULT_OK) {
    fail_folder(m, from, to, st);
    return;
  }
  for (; from < to; from++) {
    vault_blob_writer *w = m->at[from];
    if (!is_ready(w))
      continue;
    st = vault__fs_link(m->s, w, dir, m->err);
    if (st != VAULT_OK)
      fail(m, w, st);
  }
  vault__fs_close(dir);
}

/* As after a single publish: a name that cannot be confirmed is taken back. */
static void flush_folder(many *m, uint64_t from, uint64_t to) {
  int dir = -1;
  if (!any_ready(m, from, to))
    return;
  vault_status st = vault__fs_blob_dir(m->s, m->at[from]->path, 0, &dir, m->err);
  if (st == VAULT_OK)
    st = vault__fs_sync(m->s, dir, "naming blobs", m->err);
  for (uint64_t i = from; i < to; i++) {
    vault_blob_writer *w = m->at[i];
    if (!is_ready(w))
      continue;
    w->published = st == VAULT_OK;
    if (st == VAULT_OK && w->part[0])
      vault__fs_part_remove(m->s, w->part);
    if (st != VAULT_OK && w->mine && dir >= 0)
      (void)unlinkat(dir, vault__fs_leaf(w->path), 0);
  }
  vault__fs_close(dir);
  if (st != VAULT_OK)
    fail_folder(m, from, to, st);
}

static int by_path(const void *a, const void *b) {
  const vault_blob_writer *const *x = a, *const *y = b;
  return strcmp((*x)->path, (*y)->path);
}

static void name_bodies(many *m) {
  qsort(m->at, (size_t)m->n, sizeof m->at[0], by_path);
  for (uint64_t from = 0, to; from < m->n; from = to) {
    to = folder_end(m, from);
    link_folder(m, from, to);
  }
  for (uint64_t from = 0, to; from < m->n; from = to) {
    to = folder_end(m, from);
    flush_folder(m, from, to);
  }
}

/* Under its lock for every step; two batches that held several of them could wait for each other. */
static void publish_alone(many *m, vault_blob_writer *w, const vault_blob_meta *meta) {
  w->status = vault__fs_seal(m->s, w, meta, m->err);
  if (w->status == VAULT_OK)
    w->status = vault__fs_publish(m->s, w, m->err);
  if (w->status != VAULT_OK)
    m->err = NULL;
}

void vault__fs_publish_many(void *self, vault_blob_writer *const *w, const vault_blob_meta *metas,
                            uint64_t n, vault_status *statuses, vault_err *err) {
  many m = {.s = self, .err = err};
  if (n > VAULT_BLOB_MANY_MAX) {
    vault_status st = vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_BLOB, 0,
                                  "at most %u blobs are published together", VAULT_BLOB_MANY_MAX);
    for (uint64_t i = 0; i < n; i++)
      statuses[i] = st;
    return;
  }
  for (uint64_t i = 0; i < n; i++) {
    if (w[i]->fenced) {
      publish_alone(&m, w[i], &metas[i]);
      continue;
    }
    m.at[m.n++] = w[i];
    check(&m, w[i]);
    if (!needs_flush(w[i]))
      continue;
    vault__fs_put_meta(w[i]->fd, &metas[i]);
    w[i]->meta = metas[i];
  }
  flush_bodies(&m);
  name_bodies(&m);
  for (uint64_t i = 0; i < n; i++)
    statuses[i] = w[i]->status;
}
