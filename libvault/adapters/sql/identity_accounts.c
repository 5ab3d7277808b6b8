/* Accounts, the clock that never goes back, and sweeping. */
#include <string.h>

#include "libvault/adapters/sql/identity.h"
#include "libvault/base/err.h"

static vault_status not_found(vault_err *err) {
  return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_IDENTITY, 0,
                     "no account has this number or id");
}

void vault__account_read(vault__row *r, vault_account_row *out) {
  memset(out, 0, sizeof *out);
  vault__get_id(r, &out->id);
  vault__get_text(r, out->phone, sizeof out->phone);
  out->created_ms = vault__get_int(r);
  out->disabled_ms = vault__get_int(r);
  out->epoch = vault__get_int(r);
}

typedef struct get_call {
  vault__sql_id sql;
  vault__val key;
  vault_account_row row;
} get_call;

static vault_status tx_get(vault__tx *tx, void *ctx, vault_err *err) {
  get_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, c->sql, VAULT__P(c->key), &rows, err));
  if (rows.n == 0)
    return not_found(err);
  vault__row r = vault__row_at(&rows, 0);
  vault__account_read(&r, &c->row);
  return vault__row_check(&r, err);
}

static vault_status get_by(void *self, vault__sql_id sql, vault__val key, vault_account_row *out,
                           vault_err *err) {
  get_call c = {.sql = sql, .key = key};
  VAULT_TRY(vault__sql_read(self, tx_get, &c, err));
  *out = c.row;
  return VAULT_OK;
}

vault_status vault__identity_get_account(void *self, const vault_id *user, vault_account_row *out,
                                         vault_err *err) {
  return get_by(self, VAULT__SQL_ACCOUNT_GET, vault__p_id(user), out, err);
}

vault_status vault__identity_find_account(void *self, vault_str phone, vault_account_row *out,
                                          vault_err *err) {
  return get_by(self, VAULT__SQL_ACCOUNT_FIND, vault__p_text(phone), out, err);
}

typedef struct list_call {
  const vault_id *after;
  vault_account_row *rows;
  uint64_t max, n;
} list_call;

static vault_status tx_list(vault__tx *tx, void *ctx, vault_err *err) {
  list_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_ACCOUNT_LIST,
                       VAULT__P(vault__p_id(c->after), vault__p_limit(c->max)), &rows, err));
  for (int64_t i = 0; i < rows.n; i++) {
    vault__row r = vault__row_at(&rows, i);
    vault__account_read(&r, &c->rows[i]);
    VAULT_TRY(vault__row_check(&r, err));
  }
  c->n = (uint64_t)rows.n;
  return VAULT_OK;
}

vault_status vault__identity_list_accounts(void *self, const vault_id *after,
                                           vault_account_row *rows, uint64_t max, uint64_t *n,
                                           vault_err *err) {
  list_call c = {after, rows, max, 0};
  VAULT_TRY(vault__sql_read(self, tx_list, &c, err));
  *n = c.n;
  return VAULT_OK;
}

typedef struct disable_call {
  const vault_id *user;
  uint32_t disabled;
  int64_t now_ms;
} disable_call;

static vault_status tx_set_disabled(vault__tx *tx, void *ctx, vault_err *err) {
  const disable_call *c = ctx;
  vault__val user = vault__p_id(c->user), now = vault__p_int(c->now_ms);
  vault__rows rows;
  vault_status s = c->disabled
                     ? vault__run(tx, VAULT__SQL_ACCOUNT_DISABLE, VAULT__P(user, now), &rows, err)
                     : vault__run(tx, VAULT__SQL_ACCOUNT_ENABLE, VAULT__P(user), &rows, err);
  if (s != VAULT_OK)
    return s;
  if (rows.affected != 1)
    return not_found(err);
  if (!c->disabled)
    return VAULT_OK;
  vault__val none = vault__p_id(NULL), reason = vault__p_int(VAULT_REVOKE_BY_ADMIN);
  return vault__run(tx, VAULT__SQL_SESSION_REVOKE_ALL, VAULT__P(user, none, reason, now), NULL,
                    err);
}

vault_status vault__identity_set_disabled(void *self, const vault_id *user, uint32_t disabled,
                                          int64_t now_ms, vault_err *err) {
  disable_call c = {user, disabled, now_ms > 0 ? now_ms : 1};
  return vault__sql_write(self, tx_set_disabled, &c, err);
}

/* A clock that stands or went back is answered by reading; one that moved on is written
 * before it is answered, so that no later answer is earlier, also after a crash. */
typedef struct clock_call {
  int64_t now_ms, floor_ms;
} clock_call;

static vault_status tx_clock_get(vault__tx *tx, void *ctx, vault_err *err) {
  clock_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_CLOCK_GET, VAULT__P0, &rows, err));
  vault__row r = vault__row_at(&rows, 0);
  c->floor_ms = vault__get_int(&r);
  return vault__row_check(&r, err);
}

static vault_status tx_clock_move(vault__tx *tx, void *ctx, vault_err *err) {
  clock_call *c = ctx;
  VAULT_TRY(vault__run(tx, VAULT__SQL_CLOCK_MOVE, VAULT__P(vault__p_int(c->now_ms)), NULL, err));
  return tx_clock_get(tx, c, err);
}

vault_status vault__identity_clock_floor(void *self, int64_t now_ms, int64_t *floor_ms,
                                         vault_err *err) {
  clock_call c = {now_ms, 0};
  VAULT_TRY(vault__sql_read(self, tx_clock_get, &c, err));
  if (c.floor_ms < now_ms)
    VAULT_TRY(vault__sql_write(self, tx_clock_move, &c, err));
  *floor_ms = c.floor_ms;
  return VAULT_OK;
}

typedef struct sweep_call {
  int64_t before_ms;
  uint64_t max, n;
} sweep_call;

static vault_status tx_sweep(vault__tx *tx, void *ctx, vault_err *err) {
  sweep_call *c = ctx;
  static const vault__sql_id sweeps[] = {VAULT__SQL_CHALLENGE_SWEEP, VAULT__SQL_SESSION_SWEEP};
  c->n = 0;
  for (size_t i = 0; i < sizeof sweeps / sizeof sweeps[0] && c->n < c->max; i++) {
    vault__rows rows;
    VAULT_TRY(vault__run(tx, sweeps[i],
                         VAULT__P(vault__p_int(c->before_ms), vault__p_limit(c->max - c->n)), &rows,
                         err));
    c->n += (uint64_t)rows.affected;
  }
  tx->discard = c->n == 0;
  return VAULT_OK;
}

vault_status vault__identity_sweep(void *self, int64_t before_ms, uint64_t max, uint64_t *n,
                                   vault_err *err) {
  sweep_call c = {before_ms, max, 0};
  VAULT_TRY(vault__sql_write(self, tx_sweep, &c, err));
  *n = c.n;
  return VAULT_OK;
}
