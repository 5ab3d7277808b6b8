/* Uploads that are under way: what they reserve is in the account PARTIAL of the ledger,
 * from the row's first moment to its last. The path is stored as names joined by slashes
 * (a name has none). */
#include <string.h>

#include "items_sql.h"

typedef struct begin_args {
  const vault_upload_row *row;
  vault_str path, client_meta;
  const vault_id *parts;
  vault_id existing;
} begin_args;

static vault_status insert_upload(vault__items_tx *t, const begin_args *a) {
  const vault_upload_row *w = a->row;
  return vault__items_run1(
    t, VAULT__SQL_UPLOAD_ADD,
    VAULT__P(vault__p_id(&w->id), vault__p_id(&w->blob.user), vault__p_id(&w->blob.blob),
             vault__p_int(w->blob.space), vault__p_cstr(w->blob.ext), vault__p_id(&w->parent),
             vault__p_id(&w->item), vault__p_id(&w->session), vault__p_int(w->space),
             vault__p_int(w->flags), vault__p_u64(w->length), vault__p_u64(w->reserved_bytes),
             vault__p_u64(w->offset), vault__p_int(w->mtime_ns), vault__p_int(w->has_mtime),
             vault__p_blob(w->sha_state, w->sha_state_n), vault__p_int(w->created_ms),
             vault__p_int(w->expires_ms), vault__p_blob(w->owner, sizeof w->owner),
             vault__p_id(&w->if_version), vault__p_blob(w->sha256, sizeof w->sha256),
             vault__p_cstr(w->content_type), vault__p_cstr(w->op_key), vault__p_int(w->state),
             vault__p_blob(a->client_meta.p, a->client_meta.n),
             vault__p_blob(a->parts, w->n_parts * sizeof *a->parts), vault__p_text(a->path)));
}

/* A creation that was not heard is asked again. Under the user's lock, so that of two at a time
 * one finds the other. */
static vault_status begun_before(vault__items_tx *t, begin_args *a) {
  const vault_upload_row *w = a->row;
  vault__rows rows;
  if (!w->op_key[0] || !(w->flags & VAULT_UPLOAD_RESUMABLE))
    return VAULT_OK;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_UPLOAD_BY_KEY,
                             VAULT__P(vault__p_id(&w->blob.user), vault__p_cstr(w->op_key)),
                             &rows));
  if (rows.n == 0)
    return VAULT_OK;
  vault__row r = vault__row_at(&rows, 0);
  vault__get_id(&r, &a->existing);
  VAULT_TRY(vault__items_row_ok(t, &r));
  return vault__fail(t->err, VAULT_E_CONFLICT, VAULT_ORIGIN_ITEMS, 0,
                     "this key began an upload that is still there");
}

static vault_status begin_work(vault__items_tx *t, void *arg) {
  begin_args *a = arg;
  vault__items_user u;
  VAULT_TRY(vault__items_hold(t, &a->row->blob.user, &u));
  VAULT_TRY(begun_before(t, a));
  vault__items_delta d = {.partial = (int64_t)a->row->reserved_bytes};
  VAULT_TRY(vault__items_move(t, &u, &d));
  return insert_upload(t, a);
}

static vault_status check_upload(const vault_upload_row *row, uint32_t n_path, vault_err *err) {
  int aimed = n_path != 0 || !vault__id_is_zero(&row->item);
  if (n_path > VAULT_PATH_DEPTH_MAX)
    return vault__fail(err, VAULT_E_DEPTH, VAULT_ORIGIN_ITEMS, 0, NULL);
  if (row->sha_state_n > VAULT_SHA_STATE_MAX ||
      aimed == ((row->flags & VAULT_UPLOAD_PARTIAL) != 0) || row->n_parts > VAULT_UPLOAD_PARTS_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0,
                       "an upload needs a path or an item, a piece has neither; a midstate has "
                       "at most %u bytes, a concatenation %u pieces",
                       VAULT_SHA_STATE_MAX, VAULT_UPLOAD_PARTS_MAX);
  if (row->reserved_bytes > VAULT__ITEMS_BYTES_MAX ||
      (row->length > VAULT__ITEMS_BYTES_MAX && row->length != UINT64_MAX))
    return vault__fail(err, VAULT_E_QUOTA, VAULT_ORIGIN_ITEMS, 0, NULL);
  return VAULT_OK;
}

vault_status vault__items_begin_upload(void *self, const vault_upload_row *row,
                                       const vault_name *path, uint32_t n_path,
                                       vault_str client_meta, const vault_id *parts,
                                       vault_id *existing, vault_err *err) {
  char text[VAULT_PATH_DEPTH_MAX * VAULT_NAME_TEXT];
  uint64_t n = 0;
  VAULT_TRY(check_upload(row, n_path, err));
  if (client_meta.n > VAULT_UPLOAD_CLIENT_META_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0, "client_meta is too long");
  for (uint32_t i = 0; i < n_path; i++) {
    VAULT_TRY(vault__items_check_name(&path[i], err));
    if (i)
      text[n++] = '/';
    memcpy(text + n, path[i].text.p, (size_t)path[i].text.n);
    n += path[i].text.n;
  }
  begin_args a = {.row = row, .path = {text, n}, .client_meta = client_meta, .parts = parts};
  vault_status s = vault__items_write(self, begin_work, &a, err);
  if (s == VAULT_E_CONFLICT)
    *existing = a.existing;
  return s;
}

/* ---- while it runs ------------------------------------------------------------------- */

vault_status vault__items_no_upload(vault_err *err) {
  return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                     "there is no such upload: it ended, was aborted or expired");
}

vault_status vault__items_held(vault__items_tx *t, const vault_id *user, const vault_id *upload,
                               vault__upload_held *out) {
  vault__rows rows;
  memset(out, 0, sizeof *out);
  VAULT_TRY(vault__items_run(t, VAULT__SQL_UPLOAD_HELD,
                             VAULT__P(vault__p_id(user), vault__p_id(upload)), &rows));
  if (rows.n == 0)
    return VAULT_OK;
  vault__row r = vault__row_at(&rows, 0);
  out->yes = 1;
  out->reserved = vault__get_int(&r);
  vault__get_id(&r, &out->blob);
  out->fence = vault__get_int(&r);
  out->state = vault__get_u32(&r);
  vault__get_id(&r, &out->done_item);
  return vault__items_row_ok(t, &r);
}

vault_status vault__items_held_by(const vault__upload_held *h, int64_t fence, vault_err *err) {
  if (!h->yes)
    return vault__items_no_upload(err);
  if (fence != VAULT_FENCE_ANY && h->fence != fence)
    return vault__fail(err, VAULT_E_PREEMPTED, VAULT_ORIGIN_ITEMS, 0, NULL);
  return VAULT_OK;
}

vault_status vault__items_add_chain(vault__items_tx *t, const vault_id *blob,
                                    const vault_chain *chain) {
  for (uint64_t at = 0; at < chain->n; at += VAULT__CHAIN_ROW) {
    uint64_t n = chain->n - at < VAULT__CHAIN_ROW ? chain->n - at : VAULT__CHAIN_ROW;
    VAULT_TRY(vault__items_run1(
      t, VAULT__SQL_CHAIN_ADD,
      VAULT__P(vault__p_id(blob), vault__p_u64(chain->first + at), vault__p_u64(n),
               vault__p_blob(chain->states + at * VAULT_CHAIN_STATE, n * VAULT_CHAIN_STATE))));
  }
  return VAULT_OK;
}

vault_status vault__items_drop_chain(vault__items_tx *t, const vault_id *blob) {
  vault__rows rows = {0};
  return vault__items_run(t, VAULT__SQL_CHAIN_DROP, VAULT__P(vault__p_id(blob)), &rows);
}

typedef struct upload_args {
  const vault_id *user, *upload;
  int64_t fence;
  uint64_t bytes;
} upload_args;

static vault_status grow_work(vault__items_tx *t, void *arg) {
  const upload_args *a = arg;
  vault__items_user u;
  vault__upload_held held;
  VAULT_TRY(vault__items_hold(t, a->user, &u));
  VAULT_TRY(vault__items_held(t, a->user, a->upload, &held));
  VAULT_TRY(vault__items_held_by(&held, a->fence, t->err));
  vault__items_delta d = {.partial = (int64_t)a->bytes};
  VAULT_TRY(vault__items_move(t, &u, &d));
  return vault__items_run1(t, VAULT__SQL_UPLOAD_GROW,
                           VAULT__P(vault__p_id(a->user), vault__p_id(a->upload),
                                    vault__p_u64(a->bytes)));
}

vault_status vault__items_grow_upload(void *self, const vault_id *user, const vault_id *upload,
                                      int64_t fence, uint64_t more_bytes, vault_err *err) {
  if (more_bytes > VAULT__ITEMS_BYTES_MAX)
    return vault__fail(err, VAULT_E_QUOTA, VAULT_ORIGIN_ITEMS, 0, NULL);
  upload_args a = {user, upload, fence, more_bytes};
  return vault__items_write(self, grow_work, &a, err);
}

static vault_status length_work(vault__items_tx *t, void *arg) {
  const upload_args *a = arg;
  vault__items_user u;
  vault__upload_held held;
  VAULT_TRY(vault__items_hold(t, a->user, &u));
  VAULT_TRY(vault__items_held(t, a->user, a->upload, &held));
  VAULT_TRY(vault__items_held_by(&held, a->fence, t->err));
  vault__items_delta d = {.partial = (int64_t)a->bytes - held.reserved};
  VAULT_TRY(vault__items_move(t, &u, &d));
  return vault__items_run1(t, VAULT__SQL_UPLOAD_LENGTH,
                           VAULT__P(vault__p_id(a->user), vault__p_id(a->upload),
                                    vault__p_u64(a->bytes)));
}

vault_status vault__items_set_length(void *self, const vault_id *user, const vault_id *upload,
                                     int64_t fence, uint64_t length, vault_err *err) {
  if (length > VAULT__ITEMS_BYTES_MAX)
    return vault__fail(err, VAULT_E_QUOTA, VAULT_ORIGIN_ITEMS, 0, NULL);
  upload_args a = {user, upload, fence, length};
  return vault__items_write(self, length_work, &a, err);
}

/* Why a conditional statement changed nothing. */
static vault_status why_not_saved(vault__items_tx *t, const vault_upload_save *a) {
  vault__upload_held held;
  VAULT_TRY(vault__items_held(t, &a->user, &a->upload, &held));
  if (!held.yes)
    return vault__items_no_upload(t->err);
  return vault__fail(t->err, VAULT_E_PREEMPTED, VAULT_ORIGIN_ITEMS, 0, NULL);
}

static vault_status save_work(vault__items_tx *t, void *arg) {
  const vault_upload_save *a = arg;
  vault__rows rows = {0};
  VAULT_TRY(vault__items_run(t, VAULT__SQL_UPLOAD_OFFSET,
                             VAULT__P(vault__p_id(&a->user), vault__p_id(&a->upload),
                                      vault__p_int(a->fence), vault__p_u64(a->offset),
                                      vault__p_blob(a->sha_state, a->sha_state_n),
                                      vault__p_int(a->expires_ms), vault__p_int(a->state),
                                      vault__p_int(a->has_sha256 ? VAULT_UPLOAD_SHA256 : 0),
                                      vault__p_blob(a->sha256, sizeof a->sha256)),
                             &rows));
  if (rows.affected != 1)
    return why_not_saved(t, a);
  return vault__items_add_chain(t, &a->blob, &a->chain);
}

vault_status vault__items_save_offset(void *self, const vault_upload_save *save, vault_err *err) {
  vault_upload_save a = *save;
  if (a.size < sizeof a || a.sha_state_n > VAULT_SHA_STATE_MAX ||
      a.offset > VAULT__ITEMS_BYTES_MAX || a.state > VAULT_UPLOAD_DONE ||
      a.chain.n > a.offset / VAULT_CHAIN_STEP)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0,
                       "the offset, the midstate or the chain is larger than any upload's");
  return vault__items_write(self, save_work, &a, err);
}

static vault_status abort_work(vault__items_tx *t, void *arg) {
  const upload_args *a = arg;
  vault__items_user u;
  vault__upload_held held;
  VAULT_TRY(vault__items_hold(t, a->user, &u));
  VAULT_TRY(vault__items_held(t, a->user, a->upload, &held));
  VAULT_TRY(vault__items_held_by(&held, a->fence, t->err));
  VAULT_TRY(vault__items_run1(t, VAULT__SQL_UPLOAD_DROP,
                              VAULT__P(vault__p_id(a->user), vault__p_id(a->upload))));
  VAULT_TRY(vault__items_drop_chain(t, &held.blob));
  vault__items_delta d = {.partial = -held.reserved};
  return held.reserved ? vault__items_move(t, &u, &d) : VAULT_OK;
}

vault_status vault__items_abort_upload(void *self, const vault_id *user, const vault_id *upload,
                                       int64_t fence, vault_err *err) {
  upload_args a = {user, upload, fence, 0};
  return vault__items_write(self, abort_work, &a, err);
}
