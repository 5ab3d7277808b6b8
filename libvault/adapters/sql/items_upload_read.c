/* Uploads, looked at: rows, leases, chains. */
#include <string.h>

#include "items_sql.h"

/* What a row has beside vault_upload_row; borrowed from the arena. */
typedef struct texts {
  vault_str client_meta, parts, path;
} texts;

static texts decode_upload(vault__row *r, vault_upload_row *out) {
  texts x;
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
  out->fence = vault__get_int(r);
  out->state = vault__get_u32(r);
  vault__get_id(r, &out->done_item);
  x.client_meta = vault__get_str(r);
  x.parts = vault__get_str(r);
  x.path = vault__get_str(r);
  out->n_parts = (uint32_t)(x.parts.n / sizeof(vault_id));
  if (x.client_meta.n > VAULT_UPLOAD_CLIENT_META_MAX || x.parts.n % sizeof(vault_id) != 0 ||
      out->n_parts > VAULT_UPLOAD_PARTS_MAX ||
      x.path.n >= (uint64_t)VAULT_PATH_DEPTH_MAX * VAULT_NAME_TEXT)
    r->bad = 1;
  return x;
}

typedef struct get_args {
  const vault_id *user, *upload;
  int64_t fence;
  const uint8_t *owner;
  vault_upload_row *out;
  vault_upload_more *more;
} get_args;

static void give_more(const texts *x, vault_upload_more *more) {
  uint32_t n = (uint32_t)x->path.n;
  for (uint32_t i = 0; i < n; i++)
    more->names[i] = x->path.p[i] == '/' ? '\0' : x->path.p[i];
  if (n)
    more->names[n++] = '\0';
  more->names_n = n;
  more->client_meta_n = (uint32_t)x->client_meta.n;
  if (x->client_meta.n)
    memcpy(more->client_meta, x->client_meta.p, (size_t)x->client_meta.n);
  if (x->parts.n)
    memcpy(more->parts, x->parts.p, (size_t)x->parts.n);
}

static vault_status give_row(vault__items_tx *t, const vault__rows *rows, const get_args *a) {
  vault_upload_row row = {0};
  vault__row r = vault__row_at(rows, 0);
  texts x = decode_upload(&r, &row);
  VAULT_TRY(vault__items_row_ok(t, &r));
  if (a->more)
    give_more(&x, a->more);
  *a->out = row;
  return VAULT_OK;
}

static vault_status get_work(vault__items_tx *t, void *arg) {
  const get_args *a = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_UPLOAD_GET,
                             VAULT__P(vault__p_id(a->user), vault__p_id(a->upload)), &rows));
  return rows.n ? give_row(t, &rows, a) : vault__items_no_upload(t->err);
}

vault_status vault__items_get_upload(void *self, const vault_id *user, const vault_id *upload,
                                     vault_upload_row *out, vault_upload_more *more,
                                     vault_err *err) {
  get_args a = {.user = user, .upload = upload, .out = out, .more = more};
  return vault__items_read(self, get_work, &a, err);
}

/* Under the user's lock: a commit that has looked at the lease keeps it to its end. */
static vault_status lease_work(vault__items_tx *t, void *arg) {
  const get_args *a = arg;
  vault__items_user u;
  vault__rows rows;
  vault__upload_held held;
  VAULT_TRY(vault__items_hold(t, a->user, &u));
  VAULT_TRY(
    vault__items_run(t, VAULT__SQL_UPLOAD_LEASE,
                     VAULT__P(vault__p_id(a->user), vault__p_id(a->upload), vault__p_int(a->fence),
                              vault__p_blob(a->owner, sizeof a->out->owner)),
                     &rows));
  if (rows.n)
    return give_row(t, &rows, a);
  VAULT_TRY(vault__items_held(t, a->user, a->upload, &held));
  VAULT_TRY(vault__items_held_by(&held, a->fence, t->err));
  return vault__items_no_upload(t->err);
}

vault_status vault__items_lease_upload(void *self, const vault_id *user, const vault_id *upload,
                                       int64_t fence, const uint8_t *owner, vault_upload_row *out,
                                       vault_upload_more *more, vault_err *err) {
  vault_upload_row row;
  get_args a = {user, upload, fence, owner, &row, more};
  VAULT_TRY(vault__items_write(self, lease_work, &a, err));
  *out = row;
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

/* ---- waiting concatenations, chains ------------------------------------------------------- */

typedef struct ids_args {
  const vault_id *user, *after;
  vault_id *ids;
  uint64_t max, n;
} ids_args;

static vault_status waiting_work(vault__items_tx *t, void *arg) {
  ids_args *a = arg;
  vault__rows rows;
  VAULT_TRY(
    vault__items_run(t, VAULT__SQL_UPLOAD_WAITING,
                     VAULT__P(vault__p_id(a->user), vault__p_id(a->after), vault__p_u64(a->max)),
                     &rows));
  for (int64_t i = 0; i < rows.n; i++) {
    vault__row r = vault__row_at(&rows, i);
    vault__get_id(&r, &a->ids[i]);
    VAULT_TRY(vault__items_row_ok(t, &r));
  }
  a->n = (uint64_t)rows.n;
  return VAULT_OK;
}

vault_status vault__items_list_waiting(void *self, const vault_id *user, const vault_id *after,
                                       vault_id *ids, uint64_t max, uint64_t *n, vault_err *err) {
  VAULT_TRY(vault__items_check_page(max, err));
  ids_args a = {.user = user, .after = after, .ids = ids, .max = max};
  VAULT_TRY(vault__items_read(self, waiting_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}

typedef struct chain_args {
  const vault_id *blob;
  uint64_t first, max, n;
  uint8_t *states;
} chain_args;

/* A row holds at most VAULT__CHAIN_ROW states, so the first that is wanted is in one that
 * starts less than that before it. A gap ends the answer. */
static vault_status chain_work(vault__items_tx *t, void *arg) {
  chain_args *a = arg;
  vault__rows rows;
  a->n = 0;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_CHAIN_GET,
                             VAULT__P(vault__p_id(a->blob),
                                      vault__p_int((int64_t)a->first - (int64_t)VAULT__CHAIN_ROW),
                                      vault__p_int((int64_t)(a->first + a->max))),
                             &rows));
  for (int64_t i = 0; i < rows.n && a->n < a->max; i++) {
    vault__row r = vault__row_at(&rows, i);
    uint64_t at = vault__get_u64(&r), want = a->first + a->n;
    vault_str states = vault__get_str(&r);
    VAULT_TRY(vault__items_row_ok(t, &r));
    uint64_t n = states.n / VAULT_CHAIN_STATE;
    if (at > want)
      break;
    if (at + n <= want)
      continue;
    uint64_t take = at + n - want < a->max - a->n ? at + n - want : a->max - a->n;
    memcpy(a->states + a->n * VAULT_CHAIN_STATE, states.p + (want - at) * VAULT_CHAIN_STATE,
           (size_t)(take * VAULT_CHAIN_STATE));
    a->n += take;
  }
  return VAULT_OK;
}

vault_status vault__items_get_chain(void *self, const vault_id *blob, uint64_t first,
                                    uint8_t *states, uint64_t max, uint64_t *n, vault_err *err) {
  if (first == 0 || first > VAULT__ITEMS_BYTES_MAX / VAULT_CHAIN_STEP || max == 0 ||
      max > VAULT_CHAIN_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0,
                       "a chain starts at state 1, and %u states are given at once",
                       VAULT_CHAIN_MAX);
  chain_args a = {.blob = blob, .first = first, .max = max, .states = states};
  VAULT_TRY(vault__items_read(self, chain_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}
