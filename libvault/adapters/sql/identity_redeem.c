/* Turning a right code into a session, in one transaction:
 *   1. read the challenge's phone; no challenge: E_CODE
 *   2. claim the account (made if new). Its row lock orders all redeems of one phone, so that
 *      two of them never wait for each other's challenge
 *   3. consume the challenge: exactly one caller changes the row, the others get E_CODE
 *   4. ledger and sequence rows of a new account, device, session, drop the other challenges
 * Whatever fails, nothing stays. */
#include "libvault/adapters/sql/identity.h"
#include "libvault/base/err.h"
#include "libvault/base/id.h"

typedef struct redeem_call {
  const vault_redeem *in;
  vault_account_row account;
  uint32_t new_user;
} redeem_call;

static vault_status no_code(vault_err *err) {
  return vault__fail(err, VAULT_E_CODE, VAULT_ORIGIN_IDENTITY, 0, NULL);
}

static vault_status claim_account(vault__tx *tx, redeem_call *c, vault_err *err) {
  const vault_redeem *in = c->in;
  vault__rows rows;
  VAULT_TRY(
    vault__run(tx, VAULT__SQL_CHALLENGE_PHONE, VAULT__P(vault__p_id(&in->challenge)), &rows, err));
  if (rows.n == 0)
    return no_code(err);
  vault__row r = vault__row_at(&rows, 0);
  vault_str phone = vault__get_str(&r);
  VAULT_TRY(vault__row_check(&r, err));
  VAULT_TRY(
    vault__run(tx, VAULT__SQL_ACCOUNT_CLAIM,
               VAULT__P(vault__p_id(&in->new_user), vault__p_text(phone), vault__p_int(in->now_ms)),
               &rows, err));
  r = vault__row_at(&rows, 0);
  vault__account_read(&r, &c->account);
  VAULT_TRY(vault__row_check(&r, err));
  c->new_user = vault__id_eq(&c->account.id, &in->new_user) ? 1 : 0;
  return VAULT_OK;
}

static vault_status consume(vault__tx *tx, const redeem_call *c, vault_err *err) {
  vault__rows rows;
  int64_t now_ms = c->in->now_ms > 0 ? c->in->now_ms : 1; /* 0 would mean "not consumed" */
  VAULT_TRY(vault__run(tx, VAULT__SQL_CHALLENGE_CONSUME,
                       VAULT__P(vault__p_id(&c->in->challenge), vault__p_int(now_ms)), &rows, err));
  if (rows.affected != 1)
    return no_code(err);
  if (c->account.disabled_ms != 0)
    return vault__fail(err, VAULT_E_ACCOUNT_DISABLED, VAULT_ORIGIN_IDENTITY, 0, NULL);
  return vault__run(tx, VAULT__SQL_CHALLENGE_DROP_OTHERS,
                    VAULT__P(vault__p_cstr(c->account.phone), vault__p_id(&c->in->challenge)), NULL,
                    err);
}

static vault_status add_books(vault__tx *tx, const redeem_call *c, vault_err *err) {
  vault__val user = vault__p_id(&c->account.id);
  if (c->in->quota_bytes > INT64_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_IDENTITY, 0,
                       "a quota has at most 2^63 - 1 bytes");
  VAULT_TRY(vault__run(tx, VAULT__SQL_USAGE_ADD, VAULT__P(user, vault__p_u64(c->in->quota_bytes)),
                       NULL, err));
  return vault__run(tx, VAULT__SQL_SEQ_ADD, VAULT__P(user), NULL, err);
}

static vault_status add_session(vault__tx *tx, const redeem_call *c, vault_err *err) {
  const vault_session_row *s = &c->in->session;
  vault__val user = vault__p_id(&c->account.id), device = vault__p_id(&s->device);
  vault__rows rows;
  VAULT_TRY(
    vault__run(tx, VAULT__SQL_DEVICE_PUT,
               VAULT__P(device, user, vault__p_cstr(s->device_name), vault__p_int(s->created_ms)),
               &rows, err));
  if (rows.affected != 1)
    return vault__fail(err, VAULT_E_CONFLICT, VAULT_ORIGIN_IDENTITY, 0,
                       "this device id belongs to another account");
  return vault__run(tx, VAULT__SQL_SESSION_ADD,
                    VAULT__P(vault__p_id(&s->id), user, device, vault__p_cstr(s->agent),
                             vault__p_cstr(s->address), vault__p_cstr(s->kid),
                             vault__p_int(s->created_ms), vault__p_int(s->last_seen_ms),
                             vault__p_int(s->expires_ms), vault__p_int(s->a), vault__p_int(s->c),
                             vault__p_int(s->prev_a), vault__p_int(s->moved_ms),
                             vault__p_int(s->issued_ms)),
                    NULL, err);
}

static vault_status tx_redeem(vault__tx *tx, void *ctx, vault_err *err) {
  redeem_call *c = ctx;
  VAULT_TRY(claim_account(tx, c, err));
  VAULT_TRY(consume(tx, c, err));
  if (c->new_user)
    VAULT_TRY(add_books(tx, c, err));
  return add_session(tx, c, err);
}

vault_status vault__identity_redeem(void *self, const vault_redeem *in, vault_account_row *account,
                                    uint32_t *new_user, vault_err *err) {
  redeem_call c = {.in = in};
  VAULT_TRY(vault__sql_write(self, tx_redeem, &c, err));
  *account = c.account;
  *new_user = c.new_user;
  return VAULT_OK;
}
