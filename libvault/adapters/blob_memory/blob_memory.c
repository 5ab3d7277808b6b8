/* A body is counted against max_bytes from the moment that its bytes arrive until nobody
 * holds it any more. Publishing moves a pointer, so it needs memory only for the index. */
#include "vault/adapters/blob_memory.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "index.h"
#include "libvault/base/alloc.h"
#include "libvault/base/err.h"
#include "libvault/base/id.h"

#define FIRST_BYTES 4096u
#define NO_META UINT32_MAX

typedef struct store {
  const vault_alloc *alloc;
  pthread_mutex_t lock;
  vault__mem_index index;
  vault_id owner;     /* zero: not attached */
  uint64_t used, max; /* bytes; max 0: no limit */
} store;

struct vault_blob_writer {
  vault__mem_body *body;
  int resumable, broken, sealed, published;
};

struct vault_blob_reader {
  vault__mem_body *body;
};

static vault_status fail(vault_err *err, vault_status s, const char *text) {
  return vault__fail(err, s, VAULT_ORIGIN_BLOB, 0, "%s", text);
}

static int64_t now_ms(void) {
  struct timespec t = {0, 0};
  (void)clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void drop(store *s, vault__mem_body *b) {
  if (--b->refs)
    return;
  s->used -= b->n;
  vault__delete(s->alloc, b->p);
  vault__delete(s->alloc, b);
}

static uint32_t caps(void *self) {
  (void)self;
  return VAULT_BLOB_CAP_META | VAULT_BLOB_CAP_RESUME;
}

static vault_status attach(void *self, const vault_id *id, uint32_t create, vault_err *err) {
  store *s = self;
  vault_status result = VAULT_OK;
  (void)pthread_mutex_lock(&s->lock);
  if (vault__id_is_zero(&s->owner)) {
    if (create)
      s->owner = *id;
    else
      result = fail(err, VAULT_E_STORE_MISSING, "a store in memory is empty at every start");
  } else if (!vault__id_eq(&s->owner, id)) {
    result = fail(err, VAULT_E_STORE_FOREIGN, "this store in memory belongs to another vault");
  }
  (void)pthread_mutex_unlock(&s->lock);
  return result;
}

/* Only keys that have a path are taken, as in every other store. */
static vault_status check_key(const vault_blob_key *key, vault_err *err) {
  char path[VAULT_BLOB_PATH_MAX];
  return vault_blob_key_path(key, path, err);
}

static vault_status begin(void *self, const vault_blob_key *key, uint32_t flags,
                          vault_blob_writer **out, vault_err *err) {
  store *s = self;
  int found = 0;
  vault_status result = VAULT_OK;
  VAULT_TRY(check_key(key, err));
  vault_blob_writer *w = vault__new(s->alloc, sizeof *w);
  vault__mem_body *b = vault__new(s->alloc, sizeof *b);
  if (!w || !b) {
    vault__delete(s->alloc, w);
    vault__delete(s->alloc, b);
    return vault__no_memory(err);
  }
  *b = (vault__mem_body){.key = *key, .refs = 1, .partial = 1, .modified_ms = now_ms()};
  b->meta.format = NO_META;
  w->body = b;
  w->resumable = (flags & VAULT_BLOB_RESUMABLE) != 0;
  (void)pthread_mutex_lock(&s->lock);
  if (w->resumable) {
    uint64_t at = vault__mem_find(&s->index, key, 1, &found);
    if (found)
      result = fail(err, VAULT_E_CONFLICT, "a body was begun for this blob already: resume it");
    else if (!vault__mem_insert(&s->index, s->alloc, at, b))
      result = vault__no_memory(err);
    else
      b->refs++;
  }
  if (result != VAULT_OK) {
    drop(s, b);
    vault__delete(s->alloc, w);
  } else {
    *out = w;
  }
  (void)pthread_mutex_unlock(&s->lock);
  return result;
}

/* Nobody outside this process has the body, so nobody has to be fenced off. */
static vault_status resume(void *self, const vault_blob_key *key, uint64_t offset, int64_t fence,
                           vault_blob_writer **out, vault_err *err) {
  store *s = self;
  (void)fence;
  int found = 0;
  vault_status result = VAULT_OK;
  VAULT_TRY(check_key(key, err));
  vault_blob_writer *w = vault__new(s->alloc, sizeof *w);
  if (!w)
    return vault__no_memory(err);
  (void)pthread_mutex_lock(&s->lock);
  uint64_t at = vault__mem_find(&s->index, key, 1, &found);
  vault__mem_body *b = found ? s->index.rows[at] : NULL;
  if (!b) {
    result = fail(err, VAULT_E_NOT_FOUND, "no body was begun for this blob");
  } else if (b->refs > 1) {
    result = fail(err, VAULT_E_BUSY, "another request is writing this body");
  } else if (b->n < offset) {
    result = fail(err, VAULT_E_OFFSET, "the stored part of this body is shorter than the offset");
  } else {
    s->used -= b->n - offset;
    b->n = offset;
    b->refs++;
    w->body = b;
    w->resumable = 1;
    *out = w;
  }
  (void)pthread_mutex_unlock(&s->lock);
  if (result != VAULT_OK)
    vault__delete(s->alloc, w);
  return result;
}

static int make_room(const vault_alloc *a, vault__mem_body *b, uint64_t n) {
  if (n <= b->cap)
    return 1;
  uint64_t cap = b->cap ? b->cap : FIRST_BYTES;
  while (cap < n)
    cap = cap > UINT64_MAX / 2 ? n : 2 * cap;
  unsigned char *p = vault__resize(a, b->p, cap);
  if (!p)
    return 0;
  b->p = p;
  b->cap = cap;
  return 1;
}

static vault_status write_some(void *self, vault_blob_writer *w, const void *p, uint64_t n,
                               vault_err *err) {
  store *s = self;
  vault_status result = VAULT_OK;
  if (w->broken || w->sealed)
    return fail(err, VAULT_E_USAGE, "this writer takes no more bytes");
  (void)pthread_mutex_lock(&s->lock);
  if (s->max && (s->used > s->max || n > s->max - s->used))
    result = fail(err, VAULT_E_NO_SPACE, "the store in memory has reached its limit");
  else if (n > UINT64_MAX - w->body->n || !make_room(s->alloc, w->body, w->body->n + n))
    result = vault__no_memory(err);
  if (result == VAULT_OK && n) {
    memcpy(w->body->p + w->body->n, p, (size_t)n);
    w->body->n += n;
    s->used += n;
    w->body->modified_ms = now_ms();
  }
  w->broken = result != VAULT_OK;
  (void)pthread_mutex_unlock(&s->lock);
  return result;
}

static vault_status flush(void *self, vault_blob_writer *w, uint64_t *offset, vault_err *err) {
  (void)self;
  if (w->broken)
    return fail(err, VAULT_E_USAGE, "this writer failed: discard it");
  *offset = w->body->n;
  return VAULT_OK;
}

static vault_status seal(void *self, vault_blob_writer *w, const vault_blob_meta *meta,
                         vault_err *err) {
  (void)self;
  if (w->broken || !meta)
    return fail(err, VAULT_E_USAGE, "seal needs a writer that has not failed, and its meta");
  if (!w->sealed)
    w->body->meta = *meta;
  w->sealed = 1;
  return VAULT_OK;
}

static int same_bytes(const vault__mem_body *a, const vault__mem_body *b) {
  return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, (size_t)a->n) == 0);
}

/* The body of a non-resumable writer is not in the index yet; a resumable one moves. */
static vault_status place(store *s, vault_blob_writer *w, uint64_t at, vault_err *err) {
  vault__mem_body *b = w->body;
  if (!vault__mem_insert(&s->index, s->alloc, at, b))
    return vault__no_memory(err);
  b->refs++;
  return VAULT_OK;
}

static void forget_partial(store *s, const vault_blob_key *key) {
  int found = 0;
  uint64_t at = vault__mem_find(&s->index, key, 1, &found);
  if (found)
    drop(s, vault__mem_take(&s->index, at));
}

static vault_status publish(void *self, vault_blob_writer *w, vault_err *err) {
  store *s = self;
  int found = 0;
  vault_status result = VAULT_OK;
  if (!w->sealed || w->broken)
    return fail(err, VAULT_E_USAGE, "seal the writer before publishing it");
  if (w->published)
    return VAULT_OK;
  (void)pthread_mutex_lock(&s->lock);
  uint64_t at = vault__mem_find(&s->index, &w->body->key, 0, &found);
  if (found && !same_bytes(s->index.rows[at], w->body))
    result = fail(err, VAULT_E_CONFLICT, "another body is stored under this key");
  else if (!found)
    result = place(s, w, at, err);
  if (result == VAULT_OK) {
    if (w->resumable)
      forget_partial(s, &w->body->key);
    if (!found)
      w->body->partial = 0;
    w->published = 1;
  }
  (void)pthread_mutex_unlock(&s->lock);
  return result;
}

static void discard(void *self, vault_blob_writer *w, uint32_t keep) {
  store *s = self;
  if (!w)
    return;
  (void)pthread_mutex_lock(&s->lock);
  if (w->resumable && !w->published && !keep)
    forget_partial(s, &w->body->key);
  drop(s, w->body);
  (void)pthread_mutex_unlock(&s->lock);
  vault__delete(s->alloc, w);
}

static vault_status missing(vault_err *err) {
  return fail(err, VAULT_E_NOT_FOUND, "there is no blob under this key");
}

static vault_status open_any(store *s, const vault_blob_key *key, uint32_t partial,
                             vault_blob_reader **out, uint64_t *size_bytes, vault_err *err) {
  int found = 0;
  VAULT_TRY(check_key(key, err));
  vault_blob_reader *r = vault__new(s->alloc, sizeof *r);
  if (!r)
    return vault__no_memory(err);
  (void)pthread_mutex_lock(&s->lock);
  uint64_t at = vault__mem_find(&s->index, key, partial, &found);
  if (found) {
    r->body = s->index.rows[at];
    r->body->refs++;
    *size_bytes = r->body->n;
    *out = r;
  }
  (void)pthread_mutex_unlock(&s->lock);
  if (found)
    return VAULT_OK;
  vault__delete(s->alloc, r);
  return missing(err);
}

static vault_status open_blob(void *self, const vault_blob_key *key, vault_blob_reader **out,
                              uint64_t *size_bytes, vault_err *err) {
  return open_any(self, key, 0, out, size_bytes, err);
}

/* Read by concatenations only, when nobody writes it any more. */
static vault_status open_partial(void *self, const vault_blob_key *key, vault_blob_reader **out,
                                 uint64_t *size_bytes, vault_err *err) {
  return open_any(self, key, 1, out, size_bytes, err);
}

/* A published body never changes, so reading it needs no lock. */
static vault_status read_some(void *self, vault_blob_reader *r, uint64_t offset, void *p,
                              uint64_t n, uint64_t *got, vault_err *err) {
  (void)self;
  (void)err;
  uint64_t left = offset < r->body->n ? r->body->n - offset : 0;
  uint64_t take = n < left ? n : left;
  if (take)
    memcpy(p, r->body->p + offset, (size_t)take);
  *got = take;
  return VAULT_OK;
}

static int32_t no_fd(void *self, vault_blob_reader *r) {
  (void)self;
  (void)r;
  return -1;
}

static void close_blob(void *self, vault_blob_reader *r) {
  store *s = self;
  if (!r)
    return;
  (void)pthread_mutex_lock(&s->lock);
  drop(s, r->body);
  (void)pthread_mutex_unlock(&s->lock);
  vault__delete(s->alloc, r);
}

static vault_status stat_blob(void *self, const vault_blob_key *key, uint64_t *size_bytes,
                              vault_blob_meta *meta, vault_err *err) {
  store *s = self;
  int found = 0;
  VAULT_TRY(check_key(key, err));
  (void)pthread_mutex_lock(&s->lock);
  uint64_t at = vault__mem_find(&s->index, key, 0, &found);
  if (found) {
    *size_bytes = s->index.rows[at]->n;
    if (meta)
      *meta = s->index.rows[at]->meta;
  }
  (void)pthread_mutex_unlock(&s->lock);
  return found ? VAULT_OK : missing(err);
}

static vault_status remove_blob(void *self, const vault_blob_key *key, vault_err *err) {
  store *s = self;
  int found = 0;
  VAULT_TRY(check_key(key, err));
  (void)pthread_mutex_lock(&s->lock);
  uint64_t at = vault__mem_find(&s->index, key, 0, &found);
  if (found)
    drop(s, vault__mem_take(&s->index, at));
  forget_partial(s, key);
  (void)pthread_mutex_unlock(&s->lock);
  return VAULT_OK;
}

/* The cursor is the path of the last entry, with a "~" behind it when that was a partial
 * body, which sorts after a published one of the same key. */
static vault_status start_of(const store *s, const char *cursor, uint64_t *at, vault_err *err) {
  vault_blob_key key;
  int found = 0;
  uint64_t n = strnlen(cursor, VAULT_BLOB_PATH_MAX);
  *at = 0;
  if (!n)
    return VAULT_OK;
  uint32_t partial = cursor[n - 1] == '~';
  VAULT_TRY(vault_blob_key_parse(cursor, n - partial, &key, err));
  *at = vault__mem_find(&s->index, &key, partial, &found);
  *at += (uint64_t)found;
  return VAULT_OK;
}

static vault_status list(void *self, char *cursor, vault_blob_entry *entries, uint64_t max,
                         uint64_t *n, vault_err *err) {
  store *s = self;
  uint64_t at = 0, count = 0;
  char last[VAULT_BLOB_PATH_MAX] = "";
  vault_status result = VAULT_OK;
  (void)pthread_mutex_lock(&s->lock);
  result = start_of(s, cursor, &at, err);
  for (; result == VAULT_OK && count < max && at < s->index.n; at++, count++) {
    const vault__mem_body *b = s->index.rows[at];
    entries[count] = (vault_blob_entry){b->key, b->n, b->modified_ms, b->partial, 0};
  }
  if (result == VAULT_OK && count) {
    const vault_blob_entry *e = &entries[count - 1];
    result = vault_blob_key_path(&e->key, last, err);
    if (result == VAULT_OK && e->partial)
      last[strlen(last)] = '~'; /* the rest of `last` is zero, and a path is shorter */
  }
  (void)pthread_mutex_unlock(&s->lock);
  if (result != VAULT_OK)
    return result;
  if (count)
    memcpy(cursor, last, sizeof last);
  *n = count;
  return VAULT_OK;
}

static void destroy(void *self) {
  store *s = self;
  if (!s)
    return;
  while (s->index.n)
    drop(s, vault__mem_take(&s->index, s->index.n - 1));
  vault__delete(s->alloc, s->index.rows);
  (void)pthread_mutex_destroy(&s->lock);
  vault__delete(s->alloc, s);
}

static const vault_blob_store_ops table = {
  .size = sizeof table,
  .version = VAULT_BLOB_STORE_V1,
  .caps = caps,
  .attach = attach,
  .begin = begin,
  .resume = resume,
  .write = write_some,
  .flush = flush,
  .seal = seal,
  .publish = publish,
  .discard = discard,
  .open = open_blob,
  .read = read_some,
  .fd = no_fd,
  .close = close_blob,
  .stat = stat_blob,
  .remove = remove_blob,
  .list = list,
  .open_partial = open_partial,
  .destroy = destroy,
};

vault_status vault_blob_memory_new(uint64_t max_bytes, const vault_alloc *alloc,
                                   const vault_blob_store_ops **ops, void **self, vault_err *err) {
  if (!ops || !self)
    return fail(err, VAULT_E_USAGE, "ops and self must not be NULL");
  const vault_alloc *a = alloc ? alloc : vault__alloc_default();
  store *s = vault__new(a, sizeof *s);
  if (!s)
    return vault__no_memory(err);
  s->alloc = a;
  s->max = max_bytes;
  (void)pthread_mutex_init(&s->lock, NULL); /* cannot fail with default attributes on Linux */
  *ops = &table;
  *self = s;
  return VAULT_OK;
}
