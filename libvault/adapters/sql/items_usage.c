/* The usage ledger of a user, counting it anew, and forgetting old operation keys. */
#include "items_sql.h"

typedef struct usage_args {
  const vault_id *user;
  uint64_t quota_bytes;
  uint32_t repair, differs;
  vault_usage_row out;
  int64_t before_ms;
  uint64_t max, n;
} usage_args;

static vault_status get_work(vault__items_tx *t, void *arg) {
  usage_args *a = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_LEDGER_GET, VAULT__P(vault__p_id(a->user)), &rows));
  if (rows.n == 0)
    return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0, "there is no such user");
  vault__row r = vault__row_at(&rows, 0);
  vault__items_decode_usage(&r, &a->out, NULL);
  a->out.seq = vault__get_int(&r);
  a->out.user = *a->user;
  return vault__items_row_ok(t, &r);
}

vault_status vault__items_get_usage(void *self, const vault_id *user, vault_usage_row *out,
                                    vault_err *err) {
  usage_args a = {.user = user};
  VAULT_TRY(vault__items_read(self, get_work, &a, err));
  *out = a.out;
  return VAULT_OK;
}

static vault_status quota_work(vault__items_tx *t, void *arg) {
  const usage_args *a = arg;
  vault__rows rows = {0};
  VAULT_TRY(vault__items_run(t, VAULT__SQL_QUOTA_SET,
                             VAULT__P(vault__p_id(a->user), vault__p_u64(a->quota_bytes)), &rows));
  if (rows.affected == 1)
    return VAULT_OK;
  return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0, "there is no such user");
}

vault_status vault__items_set_quota(void *self, const vault_id *user, uint64_t quota_bytes,
                                    vault_err *err) {
  if (quota_bytes > VAULT__ITEMS_BYTES_MAX)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_ITEMS, 0,
                       "a quota is at most %llu bytes", (unsigned long long)VAULT__ITEMS_BYTES_MAX);
  usage_args a = {.user = user, .quota_bytes = quota_bytes};
  return vault__items_write(self, quota_work, &a, err);
}

/* ---- recount ------------------------------------------------------------------------- */

static vault_status count(vault__items_tx *t, const vault_id *user, vault_usage_row *out) {
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_COUNT_ITEMS, VAULT__P(vault__p_id(user)), &rows));
  vault__row r = vault__row_at(&rows, 0);
  out->live_bytes = vault__get_u64(&r);
  out->versions_bytes = vault__get_u64(&r);
  out->trash_bytes = vault__get_u64(&r);
  out->files = vault__get_u64(&r);
  VAULT_TRY(vault__items_row_ok(t, &r));
  VAULT_TRY(vault__items_run(t, VAULT__SQL_COUNT_PARTIAL, VAULT__P(vault__p_id(user)), &rows));
  r = vault__row_at(&rows, 0);
  out->partial_bytes = vault__get_u64(&r);
  return vault__items_row_ok(t, &r);
}

static int same(const vault_usage_row *a, const vault_usage_row *b) {
  return a->live_bytes == b->live_bytes && a->versions_bytes == b->versions_bytes &&
         a->trash_bytes == b->trash_bytes && a->partial_bytes == b->partial_bytes &&
         a->files == b->files;
}

/* Holds the user even when it only compares: the counts are several statements. */
static vault_status recount_work(vault__items_tx *t, void *arg) {
  usage_args *a = arg;
  vault__items_user u;
  VAULT_TRY(vault__items_lock(t, a->user, &u));
  a->out = u.usage;
  VAULT_TRY(count(t, a->user, &a->out));
  a->differs = same(&a->out, &u.usage) ? 0 : 1;
  t->tx->discard = !a->differs || !a->repair;
  if (t->tx->discard)
    return VAULT_OK;
  return vault__items_run1(t, VAULT__SQL_LEDGER_WRITE,
                           VAULT__P(vault__p_id(a->user), vault__p_u64(a->out.live_bytes),
                                    vault__p_u64(a->out.versions_bytes),
                                    vault__p_u64(a->out.trash_bytes),
                                    vault__p_u64(a->out.partial_bytes),
                                    vault__p_u64(a->out.files)));
}

vault_status vault__items_recount(void *self, const vault_id *user, uint32_t repair,
                                  vault_usage_row *out, uint32_t *differs, vault_err *err) {
  usage_args a = {.user = user, .repair = repair};
  VAULT_TRY(vault__items_write(self, recount_work, &a, err));
  *out = a.out;
  *differs = a.differs;
  return VAULT_OK;
}

/* ---- housekeeping ----------------------------------------------------------------------- */

static vault_status sweep_work(vault__items_tx *t, void *arg) {
  usage_args *a = arg;
  vault__rows rows = {0};
  VAULT_TRY(vault__items_run(t, VAULT__SQL_OP_SWEEP,
                             VAULT__P(vault__p_int(a->before_ms), vault__p_u64(a->max)), &rows));
  a->n = (uint64_t)rows.affected;
  return VAULT_OK;
}

vault_status vault__items_sweep_ops(void *self, int64_t before_ms, uint64_t max, uint64_t *n,
                                    vault_err *err) {
  VAULT_TRY(vault__items_check_page(max, err));
  usage_args a = {.before_ms = before_ms, .max = max};
  VAULT_TRY(vault__items_write(self, sweep_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}
