/* Blob rows: finding one to share, and collecting those that nothing refers to. A blob dies
 * in two passes with a wait between them; a new reference in between (items_commit_member.c)
 * brings it back, and from DELETING on it cannot come back. */
#include "items_sql.h"

#define SHA256_BYTES 32u

typedef struct blob_args {
  const vault_id *user, *blob;
  const uint8_t *sha256;
  uint64_t size_bytes;
  int64_t dead_before_ms, now_ms;
  vault_blob_row *rows;
  uint64_t max, n;
} blob_args;

static vault_status take_rows(vault__items_tx *t, const vault__rows *rows, blob_args *a) {
  for (int64_t i = 0; i < rows->n; i++) {
    vault_blob_row row = {0};
    vault__row r = vault__row_at(rows, i);
    vault__items_decode_blob(&r, &row);
    VAULT_TRY(vault__items_row_ok(t, &r));
    a->rows[i] = row;
  }
  a->n = (uint64_t)rows->n;
  return VAULT_OK;
}

static vault_status no_blob(vault_err *err) {
  return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0, "there is no such blob");
}

static vault_status find_work(vault__items_tx *t, void *arg) {
  blob_args *a = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_BLOB_FIND,
                             VAULT__P(vault__p_id(a->user), vault__p_blob(a->sha256, SHA256_BYTES),
                                      vault__p_u64(a->size_bytes)),
                             &rows));
  if (rows.n == 0)
    VAULT_TRY(
      vault__items_run(t, VAULT__SQL_FRESH_FIND,
                       VAULT__P(vault__p_id(a->user), vault__p_blob(a->sha256, SHA256_BYTES),
                                vault__p_u64(a->size_bytes)),
                       &rows));
  return rows.n ? take_rows(t, &rows, a) : no_blob(t->err);
}

vault_status vault__items_find_blob(void *self, const vault_id *user, const uint8_t *sha256,
                                    uint64_t size_bytes, vault_blob_row *out, vault_err *err) {
  blob_args a = {.user = user, .sha256 = sha256, .size_bytes = size_bytes, .rows = out};
  return vault__items_read(self, find_work, &a, err);
}

static vault_status get_work(vault__items_tx *t, void *arg) {
  blob_args *a = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_BLOB_GET, VAULT__P(vault__p_id(a->blob)), &rows));
  return rows.n ? take_rows(t, &rows, a) : no_blob(t->err);
}

vault_status vault__items_get_blob(void *self, const vault_id *blob, vault_blob_row *out,
                                   vault_err *err) {
  blob_args a = {.blob = blob, .rows = out};
  return vault__items_read(self, get_work, &a, err);
}

static vault_status list_work(vault__items_tx *t, void *arg) {
  blob_args *a = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_BLOB_LIST,
                             VAULT__P(vault__p_id(a->blob), vault__p_u64(a->max)), &rows));
  return take_rows(t, &rows, a);
}

vault_status vault__items_list_blobs(void *self, const vault_id *after, vault_blob_row *rows,
                                     uint64_t max, uint64_t *n, vault_err *err) {
  VAULT_TRY(vault__items_check_page(max, err));
  blob_args a = {.blob = after, .rows = rows, .max = max};
  VAULT_TRY(vault__items_read(self, list_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}

/* ---- collection ---------------------------------------------------------------------- */

static vault_status mark_work(vault__items_tx *t, void *arg) {
  blob_args *a = arg;
  vault__rows rows = {0};
  VAULT_TRY(vault__items_run(t, VAULT__SQL_BLOB_MARK,
                             VAULT__P(vault__p_int(a->dead_before_ms), vault__p_int(a->now_ms),
                                      vault__p_u64(a->max)),
                             &rows));
  a->n = (uint64_t)rows.affected;
  return VAULT_OK;
}

vault_status vault__items_mark_blobs(void *self, int64_t dead_before_ms, int64_t now_ms,
                                     uint64_t max, uint64_t *n, vault_err *err) {
  VAULT_TRY(vault__items_check_page(max, err));
  blob_args a = {.dead_before_ms = dead_before_ms, .now_ms = now_ms, .max = max};
  VAULT_TRY(vault__items_write(self, mark_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}

static vault_status take_work(vault__items_tx *t, void *arg) {
  blob_args *a = arg;
  vault__rows rows = {0};
  VAULT_TRY(vault__items_run(t, VAULT__SQL_BLOB_TAKE,
                             VAULT__P(vault__p_int(a->dead_before_ms), vault__p_u64(a->max)),
                             &rows));
  VAULT_TRY(vault__items_run(t, VAULT__SQL_BLOB_TAKEN, VAULT__P(vault__p_u64(a->max)), &rows));
  return take_rows(t, &rows, a);
}

vault_status vault__items_take_blobs(void *self, int64_t dead_before_ms, vault_blob_row *rows,
                                     uint64_t max, uint64_t *n, vault_err *err) {
  VAULT_TRY(vault__items_check_page(max, err));
  blob_args a = {.dead_before_ms = dead_before_ms, .rows = rows, .max = max};
  VAULT_TRY(vault__items_write(self, take_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}

static vault_status drop_work(vault__items_tx *t, void *arg) {
  const blob_args *a = arg;
  vault__rows rows = {0};
  VAULT_TRY(vault__items_run(t, VAULT__SQL_BLOB_DROP, VAULT__P(vault__p_id(a->blob)), &rows));
  if (rows.affected == 1) {
    VAULT_TRY(vault__items_run(t, VAULT__SQL_INLINE_DROP, VAULT__P(vault__p_id(a->blob)), NULL));
    return vault__items_drop_chain(t, a->blob);
  }
  VAULT_TRY(vault__items_run(t, VAULT__SQL_BLOB_GET, VAULT__P(vault__p_id(a->blob)), &rows));
  if (rows.n == 0)
    return VAULT_OK;
  return vault__fail(t->err, VAULT_E_CONFLICT, VAULT_ORIGIN_ITEMS, 0,
                     "the blob is not being deleted; only what take_blobs gave can be dropped");
}

vault_status vault__items_drop_blob(void *self, const vault_id *blob, vault_err *err) {
  blob_args a = {.blob = blob};
  return vault__items_write(self, drop_work, &a, err);
}
