/* Uploads that are under way: what they reserve is in the account PARTIAL of the ledger,
 * from the row's first moment to its last. The path is stored as names joined by slashes
 * (a name has none). */
#include <string.h>

#include "items_sql.h"

typedef struct begin_args {
  const vault_upload_row *row;
  vault_str path;
} begin_args;

static vault_status insert_upload(vault__items_tx *t, const vault_upload_row *w, vault_str path) {
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
             vault__p_cstr(w->content_type), vault__p_cstr(w->op_key), vault__p_text(path)));
}

static vault_status begin_work(vault__items_tx *t, void *arg) {
  const begin_args *a = arg;
  vault__items_user u;
  VAULT_TRY(vault__items_lock(t, &a->row->blob.user, &u));
  vault__items_delta d = {.partial = (int64_t)a->row->reserved_bytes};
  VAULT_TRY(vault__items_move(t, &u, &d));
  return insert_upload(t, a->row, a->path);
}

static vault_status check_upload(const vault_upload_row *row, uint32_t n_path, vault_err *err) {
  if (n_path > VAULT_PATH_DEPTH_MAX)
    return vault__fail(err, VAULT_E_DEPTH, VAULT_ORIGIN_ITEMS, 0, NULL);
  if (row->sha_state_n > VAULT_SHA_STATE_MAX || (n_path == 0 && vault__id_is_zero(&row->item)))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0,
                       "an upload needs a path or an item, and a midstate of at most %u bytes",
                       VAULT_SHA_STATE_MAX);
  if (row->reserved_bytes > VAULT__ITEMS_BYTES_MAX ||
      (row->length > VAULT__ITEMS_BYTES_MAX && row->length != UINT64_MAX))
    return vault__fail(err, VAULT_E_QUOTA, VAULT_ORIGIN_ITEMS, 0, NULL);
  return VAULT_OK;
}

vault_status vault__items_begin_upload(void *self, const vault_upload_row *row,
                                       const vault_name *path, uint32_t n_path, vault_err *err) {
  char text[VAULT_PATH_DEPTH_MAX * VAULT_NAME_TEXT];
  uint64_t n = 0;
  VAULT_TRY(check_upload(row, n_path, err));
  for (uint32_t i = 0; i < n_path; i++) {
    VAULT_TRY(vault__items_check_name(&path[i], err));
    if (i)
      text[n++] = '/';
    memcpy(text + n, path[i].text.p, (size_t)path[i].text.n);
    n += path[i].text.n;
  }
  begin_args a = {row, {text, n}};
  return vault__items_write(self, begin_work, &a, err);
}

/* ---- while it runs ------------------------------------------------------------------- */

static vault_status no_upload(vault_err *err) {
  return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                     "there is no such upload: it ended, was aborted or expired");
}

typedef struct upload_args {
  const vault_id *user, *upload;
  uint64_t more_bytes, offset;
  const uint8_t *sha_state;
  uint32_t sha_state_n, names_n;
  int64_t expires_ms;
  vault_upload_row *out;
  char *names;
} upload_args;

static vault_status held_bytes(vault__items_tx *t, const upload_args *a, int64_t *held) {
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_UPLOAD_HELD,
                             VAULT__P(vault__p_id(a->user), vault__p_id(a->upload)), &rows));
  if (rows.n == 0)
    return no_upload(t->err);
  vault__row r = vault__row_at(&rows, 0);
  *held = vault__get_int(&r);
  return vault__items_row_ok(t, &r);
}

static vault_status grow_work(vault__items_tx *t, void *arg) {
  const upload_args *a = arg;
  vault__items_user u;
  int64_t held;
  VAULT_TRY(vault__items_lock(t, a->user, &u));
  VAULT_TRY(held_bytes(t, a, &held));
  vault__items_delta d = {.partial = (int64_t)a->more_bytes};
  VAULT_TRY(vault__items_move(t, &u, &d));
  return vault__items_run1(t, VAULT__SQL_UPLOAD_GROW,
                           VAULT__P(vault__p_id(a->user), vault__p_id(a->upload),
                                    vault__p_u64(a->more_bytes)));
}

vault_status vault__items_grow_upload(void *self, const vault_id *user, const vault_id *upload,
                                      uint64_t more_bytes, vault_err *err) {
  if (more_bytes > VAULT__ITEMS_BYTES_MAX)
    return vault__fail(err, VAULT_E_QUOTA, VAULT_ORIGIN_ITEMS, 0, NULL);
  upload_args a = {.user = user, .upload = upload, .more_bytes = more_bytes};
  return vault__items_write(self, grow_work, &a, err);
}

static vault_status offset_work(vault__items_tx *t, void *arg) {
  const upload_args *a = arg;
  vault__rows rows = {0};
  VAULT_TRY(
    vault__items_run(t, VAULT__SQL_UPLOAD_OFFSET,
                     VAULT__P(vault__p_id(a->user), vault__p_id(a->upload), vault__p_u64(a->offset),
                              vault__p_blob(a->sha_state, a->sha_state_n),
                              vault__p_int(a->expires_ms)),
                     &rows));
  return rows.affected == 1 ? VAULT_OK : no_upload(t->err);
}

vault_status vault__items_save_offset(void *self, const vault_id *user, const vault_id *upload,
                                      uint64_t offset, const uint8_t *sha_state,
                                      uint32_t sha_state_n, int64_t expires_ms, vault_err *err) {
  if (sha_state_n > VAULT_SHA_STATE_MAX || offset > VAULT__ITEMS_BYTES_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0,
                       "the offset or the midstate is larger than any upload's");
  upload_args a = {.user = user,
                   .upload = upload,
                   .offset = offset,
                   .sha_state = sha_state,
                   .sha_state_n = sha_state_n,
                   .expires_ms = expires_ms};
  return vault__items_write(self, offset_work, &a, err);
}

static vault_status abort_work(vault__items_tx *t, void *arg) {
  const upload_args *a = arg;
  vault__items_user u;
  int64_t held;
  VAULT_TRY(vault__items_lock(t, a->user, &u));
  VAULT_TRY(held_bytes(t, a, &held));
  VAULT_TRY(vault__items_run1(t, VAULT__SQL_UPLOAD_DROP,
                              VAULT__P(vault__p_id(a->user), vault__p_id(a->upload))));
  vault__items_delta d = {.partial = -held};
  return vault__items_move(t, &u, &d);
}

vault_status vault__items_abort_upload(void *self, const vault_id *user, const vault_id *upload,
                                       vault_err *err) {
  upload_args a = {.user = user, .upload = upload};
  return vault__items_write(self, abort_work, &a, err);
}

/* ---- reading --------------------------------------------------------------------------- */

static vault_str decode_upload(vault__row *r, vault_upload_row *out) {
  vault__get_id(r, &out->id);
  vault__get_id(r, &out->blob.user);
  vault__get_id(r, &out->blob.blob);
  out->blob.space = vault__get_u32(r);
  vault__get_text(r, out->blob.ext, sizeof out->blob.ext);
  vault__get_id(r, &out->parent);
  vault__get_id(r, &out->item);
  vault__get_id(r, &out->session);
  out->space = vault__get_u32(r);
  out->flags = vault__get_u32(r);
  int64_t length = vault__get_int(r);
  out->length = length < 0 ? UINT64_MAX : (uint64_t)length;
  out->reserved_bytes = vault__get_u64(r);
  out->offset = vault__get_u64(r);
  out->mtime_ns = vault__get_int(r);
  out->has_mtime = vault__get_u32(r);
  out->sha_state_n = (uint32_t)vault__get_blob(r, out->sha_state, sizeof out->sha_state);
  out->created_ms = vault__get_int(r);
  out->expires_ms = vault__get_int(r);
  vault__get_fixed(r, out->owner, sizeof out->owner);
  vault__get_id(r, &out->if_version);
  vault__get_fixed(r, out->sha256, sizeof out->sha256);
  vault__get_text(r, out->content_type, sizeof out->content_type);
  vault__get_text(r, out->op_key, sizeof out->op_key);
  return vault__get_str(r);
}

static vault_status get_work(vault__items_tx *t, void *arg) {
  upload_args *a = arg;
  vault__rows rows;
  vault_upload_row row = {0};
  VAULT_TRY(vault__items_run(t, VAULT__SQL_UPLOAD_GET,
                             VAULT__P(vault__p_id(a->user), vault__p_id(a->upload)), &rows));
  if (rows.n == 0)
    return no_upload(t->err);
  vault__row r = vault__row_at(&rows, 0);
  vault_str path = decode_upload(&r, &row);
  if (path.n >= (uint64_t)VAULT_PATH_DEPTH_MAX * VAULT_NAME_TEXT)
    r.bad = 1;
  VAULT_TRY(vault__items_row_ok(t, &r));
  for (uint64_t i = 0; i < path.n; i++)
    a->names[i] = path.p[i] == '/' ? '\0' : path.p[i];
  if (path.n)
    a->names[path.n++] = '\0';
  a->names_n = (uint32_t)path.n;
  *a->out = row;
  return VAULT_OK;
}

vault_status vault__items_get_upload(void *self, const vault_id *user, const vault_id *upload,
                                     vault_upload_row *out, char *names, uint32_t *names_n,
                                     vault_err *err) {
  upload_args a = {.user = user, .upload = upload, .out = out, .names = names};
  VAULT_TRY(vault__items_read(self, get_work, &a, err));
  *names_n = a.names_n;
  return VAULT_OK;
}

typedef struct list_args {
  const vault_id *after;
  int64_t expires_before_ms;
  const uint8_t *owner;
  vault_upload_row *rows;
  uint64_t max, n;
} list_args;

static vault_status list_work(vault__items_tx *t, void *arg) {
  list_args *a = arg;
  vault__rows rows;
  vault__val owner =
    a->owner ? vault__p_blob(a->owner, sizeof a->rows->owner) : vault__p_null(VAULT__BLOB);
  VAULT_TRY(vault__items_run(t, VAULT__SQL_UPLOAD_LIST,
                             VAULT__P(vault__p_id(a->after), vault__p_int(a->expires_before_ms),
                                      owner, vault__p_u64(a->max)),
                             &rows));
  for (int64_t i = 0; i < rows.n; i++) {
    vault_upload_row row = {0};
    vault__row r = vault__row_at(&rows, i);
    (void)decode_upload(&r, &row);
    VAULT_TRY(vault__items_row_ok(t, &r));
    a->rows[i] = row;
  }
  a->n = (uint64_t)rows.n;
  return VAULT_OK;
}

vault_status vault__items_list_uploads(void *self, const vault_id *after, int64_t expires_before_ms,
                                       const uint8_t *owner, vault_upload_row *rows, uint64_t max,
                                       uint64_t *n, vault_err *err) {
  VAULT_TRY(vault__items_check_page(max, err));
  list_args a = {.after = after,
                 .expires_before_ms = expires_before_ms,
                 .owner = owner,
                 .rows = rows,
                 .max = max};
  VAULT_TRY(vault__items_read(self, list_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}
