/* Inline bodies, seen by who spills them to the blob store: which wait, their bytes, and the
 * last step, after which the blob store has them. */
#include <string.h>

#include "items_sql.h"

typedef struct inline_args {
  int64_t born_before_ms;
  vault_blob_row *rows;
  uint64_t max, n;
  const vault_id *blob;
  void *body;
  uint64_t room;
  uint64_t bytes;
  int64_t oldest_ms;
} inline_args;

static vault_status list_work(vault__items_tx *t, void *arg) {
  inline_args *a = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_INLINE_LIST,
                             VAULT__P(vault__p_int(a->born_before_ms), vault__p_u64(a->max)),
                             &rows));
  for (int64_t i = 0; i < rows.n; i++) {
    vault_blob_row row = {0};
    vault__row r = vault__row_at(&rows, i);
    vault__items_decode_blob(&r, &row);
    vault__get_id(&r, &row.item);
    VAULT_TRY(vault__items_row_ok(t, &r));
    a->rows[i] = row;
  }
  a->n = (uint64_t)rows.n;
  return VAULT_OK;
}

vault_status vault__items_list_inline(void *self, int64_t born_before_ms, vault_blob_row *rows,
                                      uint64_t max, uint64_t *n, vault_err *err) {
  VAULT_TRY(vault__items_check_page(max, err));
  inline_args a = {.born_before_ms = born_before_ms, .rows = rows, .max = max};
  VAULT_TRY(vault__items_read(self, list_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}

static vault_status get_work(vault__items_tx *t, void *arg) {
  inline_args *a = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_INLINE_GET,
                             VAULT__P(vault__p_id(a->blob), vault__p_limit(a->room)), &rows));
  if (rows.n == 0)
    return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                       "there is no such inline body");
  vault__row r = vault__row_at(&rows, 0);
  a->n = vault__get_u64(&r);
  if (a->n <= a->room) {
    vault_str bytes = vault__get_str(&r);
    if (bytes.n != a->n)
      r.bad = 1;
    else if (bytes.n)
      memcpy(a->body, bytes.p, (size_t)bytes.n);
  }
  return vault__items_row_ok(t, &r);
}

vault_status vault__items_get_inline(void *self, const vault_id *blob, void *body, uint64_t room,
                                     uint64_t *n, vault_err *err) {
  inline_args a = {.blob = blob, .body = body, .room = room};
  VAULT_TRY(vault__items_read(self, get_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}

static vault_status usage_work(vault__items_tx *t, void *arg) {
  inline_args *a = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_INLINE_SUM, VAULT__P0, &rows));
  vault__row r = vault__row_at(&rows, 0);
  a->bytes = vault__get_u64(&r);
  a->n = vault__get_u64(&r);
  a->oldest_ms = vault__get_int(&r);
  return vault__items_row_ok(t, &r);
}

vault_status vault__items_inline_usage(void *self, uint64_t *bytes, uint64_t *count,
                                       int64_t *oldest_ms, vault_err *err) {
  inline_args a = {0};
  VAULT_TRY(vault__items_read(self, usage_work, &a, err));
  *bytes = a.bytes;
  *count = a.n;
  *oldest_ms = a.oldest_ms;
  return VAULT_OK;
}

/* ---- the last step of spilling ---------------------------------------------------------- */

typedef struct spill_args {
  const vault_id *job, *blobs;
  int64_t fence;
  uint64_t n;
  uint8_t *done;
} spill_args;

/* The lease is held to the end of the transaction: nobody takes the job over before. */
static vault_status hold_job(vault__items_tx *t, const spill_args *a) {
  vault__rows rows = {0};
  VAULT_TRY(vault__items_run(t, VAULT__SQL_SPILL_HOLD,
                             VAULT__P(vault__p_id(a->job), vault__p_int(a->fence)), &rows));
  if (rows.affected == 1)
    return VAULT_OK;
  return vault__fail(
    t->err, VAULT_E_CONFLICT, VAULT_ORIGIN_ITEMS, 0,
    "another worker has this job now and goes on with it; leave what was made in the blob store");
}

static vault_status spill_work(vault__items_tx *t, void *arg) {
  spill_args *a = arg;
  uint64_t turned = 0;
  vault__val *ids = vault__arena_get(&t->tx->arena, a->n * sizeof *ids);
  int64_t *affected = vault__arena_get(&t->tx->arena, a->n * sizeof *affected);
  if (!ids || !affected)
    return vault__no_memory(t->err);
  VAULT_TRY(hold_job(t, a));
  for (uint64_t i = 0; i < a->n; i++)
    ids[i] = vault__p_id(&a->blobs[i]);
  VAULT_TRY(vault__items_run_many(t, VAULT__SQL_SPILL_BLOB, ids, a->n, affected));
  for (uint64_t i = 0; i < a->n; i++) {
    a->done[i] = affected[i] == 1;
    if (a->done[i])
      ids[turned++] = vault__p_id(&a->blobs[i]);
  }
  t->tx->discard = turned == 0;
  if (turned == 0)
    return VAULT_OK;
  return vault__items_run_many(t, VAULT__SQL_INLINE_DROP, ids, turned, NULL);
}

vault_status vault__items_finish_spill(void *self, const vault_id *job, int64_t fence,
                                       const vault_id *blobs, uint64_t n, uint8_t *done,
                                       vault_err *err) {
  uint8_t turned[VAULT_SPILL_MAX] = {0};
  if (n == 0 || n > VAULT_SPILL_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0, "a spill has 1 to %u blobs",
                       VAULT_SPILL_MAX);
  spill_args a = {.job = job, .fence = fence, .blobs = blobs, .n = n, .done = turned};
  VAULT_TRY(vault__items_write(self, spill_work, &a, err));
  memcpy(done, turned, (size_t)n);
  return VAULT_OK;
}
