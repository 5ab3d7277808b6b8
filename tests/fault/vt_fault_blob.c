#include <stddef.h>

#include "vt_fault.h"

/* What most methods are: count, then fail, or perform and perhaps lose the answer. */
#define STEP(name, call)                                                          \
  do {                                                                            \
    vt_fault_blob *w_ = self;                                                     \
    vt_fault_act act_ = vt_fault_enter(w_->fault, name, 1);                       \
    if (act_ == VT_ACT_FAIL)                                                      \
      return vt_fault_fail(w_->fault, name, err);                                 \
    vault_status st_ = (call);                                                    \
    return vt_fault_leave(act_, st_) ? vt_fault_fail(w_->fault, name, err) : st_; \
  } while (0)

static const vault_blob_store_ops *real(void *self) {
  return ((vt_fault_blob *)self)->ops;
}

static void *inner(void *self) {
  return ((vt_fault_blob *)self)->self;
}

static uint32_t caps(void *self) {
  return real(self)->caps(inner(self));
}

static vault_status attach(void *self, const vault_id *id, uint32_t create, vault_err *err) {
  STEP("blob.attach", real(self)->attach(inner(self), id, create, err));
}

static vault_status begin(void *self, const vault_blob_key *key, uint32_t flags,
                          vault_blob_writer **out, vault_err *err) {
  vt_fault_blob *w = self;
  vault_blob_writer *got = NULL;
  vt_fault_act act = vt_fault_enter(w->fault, "blob.begin", 1);
  if (act == VT_ACT_FAIL)
    return vt_fault_fail(w->fault, "blob.begin", err);
  vault_status st = w->ops->begin(w->self, key, flags, &got, err);
  if (vt_fault_leave(act, st)) {
    w->ops->discard(w->self, got, 1);
    return vt_fault_fail(w->fault, "blob.begin", err);
  }
  if (st == VAULT_OK)
    *out = got;
  return st;
}

static vault_status resume(void *self, const vault_blob_key *key, uint64_t offset, int64_t fence,
                           vault_blob_writer **out, vault_err *err) {
  vt_fault_blob *w = self;
  vault_blob_writer *got = NULL;
  vt_fault_act act = vt_fault_enter(w->fault, "blob.resume", 1);
  if (act == VT_ACT_FAIL)
    return vt_fault_fail(w->fault, "blob.resume", err);
  vault_status st = w->ops->resume(w->self, key, offset, fence, &got, err);
  if (vt_fault_leave(act, st)) {
    w->ops->discard(w->self, got, 1);
    return vt_fault_fail(w->fault, "blob.resume", err);
  }
  if (st == VAULT_OK)
    *out = got;
  return st;
}

static vault_status write_some(void *self, vault_blob_writer *b, const void *p, uint64_t n,
                               vault_err *err) {
  STEP("blob.write", real(self)->write(inner(self), b, p, n, err));
}

/* Outputs stay untouched when an answer is lost, so methods with one use a copy. */
static vault_status flush(void *self, vault_blob_writer *b, uint64_t *offset, vault_err *err) {
  vt_fault_blob *w = self;
  uint64_t got = 0;
  vt_fault_act act = vt_fault_enter(w->fault, "blob.flush", 1);
  if (act == VT_ACT_FAIL)
    return vt_fault_fail(w->fault, "blob.flush", err);
  vault_status st = w->ops->flush(w->self, b, &got, err);
  if (vt_fault_leave(act, st))
    return vt_fault_fail(w->fault, "blob.flush", err);
  if (st == VAULT_OK)
    *offset = got;
  return st;
}

static vault_status seal(void *self, vault_blob_writer *b, const vault_blob_meta *meta,
                         vault_err *err) {
  STEP("blob.seal", real(self)->seal(inner(self), b, meta, err));
}

static vault_status publish(void *self, vault_blob_writer *b, vault_err *err) {
  STEP("blob.publish", real(self)->publish(inner(self), b, err));
}

/* The real one in one step, or, where there is none, the single calls in theirs. */
static void publish_many(void *self, vault_blob_writer *const *b, const vault_blob_meta *metas,
                         uint64_t n, vault_status *statuses, vault_err *err) {
  vt_fault_blob *w = self;
  if (!w->ops->publish_many) {
    for (uint64_t i = 0; i < n; i++) {
      statuses[i] = seal(self, b[i], &metas[i], err);
      if (statuses[i] == VAULT_OK)
        statuses[i] = publish(self, b[i], err);
    }
    return;
  }
  vt_fault_act act = vt_fault_enter(w->fault, "blob.publish_many", 1);
  if (act != VT_ACT_FAIL)
    w->ops->publish_many(w->self, b, metas, n, statuses, err);
  if (act == VT_ACT_FAIL || vt_fault_leave(act, VAULT_OK))
    for (uint64_t i = 0; i < n; i++)
      statuses[i] = vt_fault_fail(w->fault, "blob.publish_many", err);
}

static void discard(void *self, vault_blob_writer *b, uint32_t keep) {
  vt_fault_blob *w = self;
  vt_fault_act act = vt_fault_enter(w->fault, "blob.discard", 0);
  w->ops->discard(w->self, b, keep);
  (void)vt_fault_leave(act, VAULT_OK);
}

static vault_status open_partial(void *self, const vault_blob_key *key, vault_blob_reader **out,
                                 uint64_t *size_bytes, vault_err *err) {
  vt_fault_blob *w = self;
  vault_blob_reader *got = NULL;
  uint64_t size = 0;
  vt_fault_act act = vt_fault_enter(w->fault, "blob.open_partial", 1);
  if (act == VT_ACT_FAIL)
    return vt_fault_fail(w->fault, "blob.open_partial", err);
  vault_status st = w->ops->open_partial(w->self, key, &got, &size, err);
  if (vt_fault_leave(act, st)) {
    w->ops->close(w->self, got);
    return vt_fault_fail(w->fault, "blob.open_partial", err);
  }
  if (st == VAULT_OK) {
    *out = got;
    *size_bytes = size;
  }
  return st;
}

static vault_status open_blob(void *self, const vault_blob_key *key, vault_blob_reader **out,
                              uint64_t *size_bytes, vault_err *err) {
  vt_fault_blob *w = self;
  vault_blob_reader *got = NULL;
  uint64_t size = 0;
  vt_fault_act act = vt_fault_enter(w->fault, "blob.open", 1);
  if (act == VT_ACT_FAIL)
    return vt_fault_fail(w->fault, "blob.open", err);
  vault_status st = w->ops->open(w->self, key, &got, &size, err);
  if (vt_fault_leave(act, st)) {
    w->ops->close(w->self, got);
    return vt_fault_fail(w->fault, "blob.open", err);
  }
  if (st == VAULT_OK) {
    *out = got;
    *size_bytes = size;
  }
  return st;
}

static vault_status read_some(void *self, vault_blob_reader *r, uint64_t offset, void *p,
                              uint64_t n, uint64_t *got, vault_err *err) {
  vt_fault_blob *w = self;
  uint64_t done = 0;
  vt_fault_act act = vt_fault_enter(w->fault, "blob.read", 1);
  if (act == VT_ACT_FAIL)
    return vt_fault_fail(w->fault, "blob.read", err);
  vault_status st = w->ops->read(w->self, r, offset, p, n, &done, err);
  if (vt_fault_leave(act, st))
    return vt_fault_fail(w->fault, "blob.read", err);
  if (st == VAULT_OK)
    *got = done;
  return st;
}

static int32_t reader_fd(void *self, vault_blob_reader *r) {
  return real(self)->fd ? real(self)->fd(inner(self), r) : -1;
}

static void close_blob(void *self, vault_blob_reader *r) {
  real(self)->close(inner(self), r);
}

static vault_status stat_blob(void *self, const vault_blob_key *key, uint64_t *size_bytes,
                              vault_blob_meta *meta, vault_err *err) {
  STEP("blob.stat", real(self)->stat(inner(self), key, size_bytes, meta, err));
}

static vault_status remove_blob(void *self, const vault_blob_key *key, vault_err *err) {
  STEP("blob.remove", real(self)->remove(inner(self), key, err));
}

static vault_status confirm(void *self, const vault_blob_key *key, vault_err *err) {
  if (!real(self)->confirm)
    return VAULT_OK;
  STEP("blob.confirm", real(self)->confirm(inner(self), key, err));
}

/* A store that does not copy by itself is helped, so that one table fits all. */
static vault_status copy_by_hand(void *self, vault_blob_writer *b, vault_blob_reader *r,
                                 uint64_t offset, uint64_t n, vault_err *err) {
  char buf[4096];
  uint64_t got = 0;
  while (n) {
    vault_status st =
      real(self)->read(inner(self), r, offset, buf, n < sizeof buf ? n : sizeof buf, &got, err);
    if (st == VAULT_OK)
      st = real(self)->write(inner(self), b, buf, got, err);
    if (st != VAULT_OK || got == 0)
      return st != VAULT_OK ? st : VAULT_E_CORRUPT;
    offset += got;
    n -= got;
  }
  return VAULT_OK;
}

static vault_status copy(void *self, vault_blob_writer *b, vault_blob_reader *r, uint64_t offset,
                         uint64_t n, vault_err *err) {
  if (!real(self)->copy)
    STEP("blob.copy", copy_by_hand(self, b, r, offset, n, err));
  STEP("blob.copy", real(self)->copy(inner(self), b, r, offset, n, err));
}

static vault_status list(void *self, char *cursor, vault_blob_entry *entries, uint64_t max,
                         uint64_t *n, vault_err *err) {
  vt_fault_blob *w = self;
  /* Losing the answer of a listing would move the cursor: it is failed before. */
  if (vt_fault_enter(w->fault, "blob.list", 1) != VT_ACT_DO)
    return vt_fault_fail(w->fault, "blob.list", err);
  return w->ops->list(w->self, cursor, entries, max, n, err);
}

static void destroy(void *self) {
  if (real(self)->destroy)
    real(self)->destroy(inner(self));
}

const vault_blob_store_ops *vt_fault_blob_wrap(vt_fault_blob *w, vt_fault *f,
                                               const vault_blob_store_ops *ops, void *self) {
  static const vault_blob_store_ops table = {.size = sizeof table,
                                             .version = VAULT_BLOB_STORE_V1,
                                             .caps = caps,
                                             .attach = attach,
                                             .begin = begin,
                                             .resume = resume,
                                             .write = write_some,
                                             .flush = flush,
                                             .seal = seal,
                                             .publish = publish,
                                             .publish_many = publish_many,
                                             .discard = discard,
                                             .open = open_blob,
                                             .read = read_some,
                                             .fd = reader_fd,
                                             .close = close_blob,
                                             .stat = stat_blob,
                                             .remove = remove_blob,
                                             .list = list,
                                             .destroy = destroy,
                                             .confirm = confirm,
                                             .open_partial = open_partial,
                                             .copy = copy};
  *w = (vt_fault_blob){f, ops, self};
  return &table;
}
