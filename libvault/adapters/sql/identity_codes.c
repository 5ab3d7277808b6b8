/* Challenges and their codes.
 *
 * Happy path: create_challenge (attempts 0, code 1 not live) -> the job runs, the gateway
 * accepts, code_accepted -> count_attempt (one UPDATE that counts and checks, committed
 * before anyone compares) -> redeem.
 * A resend adds code n + 1 by compare and set; the earlier one stays valid to its own end.
 * Every refusal to a caller with a wrong secret or code is VAULT_E_CODE, whatever the cause. */
#include <string.h>

#include "libvault/adapters/sql/identity.h"
#include "libvault/adapters/sql/jobs.h"
#include "libvault/base/err.h"

static vault_status no_code(vault_err *err) {
  return vault__fail(err, VAULT_E_CODE, VAULT_ORIGIN_IDENTITY, 0, NULL);
}

static vault_status add_code_row(vault__tx *tx, const vault_code_row *code, vault_err *err) {
  return vault__run(tx, VAULT__SQL_CODE_ADD,
                    VAULT__P(vault__p_id(&code->challenge), vault__p_int(code->n),
                             vault__p_blob(code->mac, sizeof code->mac), vault__p_cstr(code->kid),
                             vault__p_int(code->created_ms), vault__p_int(code->expires_ms)),
                    NULL, err);
}

typedef struct add_call {
  const vault_challenge_row *challenge; /* NULL: one more code of an old one */
  const vault_code_row *code;
  const vault_job_row *job;
} add_call;

static vault_status tx_create(vault__tx *tx, void *ctx, vault_err *err) {
  const add_call *c = ctx;
  const vault_challenge_row *ch = c->challenge;
  VAULT_TRY(
    vault__run(tx, VAULT__SQL_CHALLENGE_ADD,
               VAULT__P(vault__p_id(&ch->id), vault__p_blob(ch->secret_mac, sizeof ch->secret_mac),
                        vault__p_cstr(ch->phone), vault__p_int(ch->purpose),
                        vault__p_int(c->code->n), vault__p_int(ch->created_ms),
                        vault__p_int(c->code->expires_ms)),
               NULL, err));
  VAULT_TRY(add_code_row(tx, c->code, err));
  return vault__sql_job_add(tx, c->job, err);
}

vault_status vault__identity_create_challenge(void *self, const vault_challenge_row *challenge,
                                              const vault_code_row *code, const vault_job_row *job,
                                              vault_err *err) {
  add_call c = {challenge, code, job};
  return vault__sql_write(self, tx_create, &c, err);
}

static vault_status tx_add(vault__tx *tx, void *ctx, vault_err *err) {
  const add_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_CHALLENGE_NEXT_CODE,
                       VAULT__P(vault__p_id(&c->code->challenge), vault__p_int(c->code->n),
                                vault__p_int(c->code->expires_ms)),
                       &rows, err));
  if (rows.affected != 1)
    return vault__fail(err, VAULT_E_CONFLICT, VAULT_ORIGIN_IDENTITY, 0,
                       "another code was made for this challenge, or it was used");
  VAULT_TRY(add_code_row(tx, c->code, err));
  return vault__sql_job_add(tx, c->job, err);
}

vault_status vault__identity_add_code(void *self, const vault_code_row *code,
                                      const vault_job_row *job, vault_err *err) {
  add_call c = {NULL, code, job};
  return vault__sql_write(self, tx_add, &c, err);
}

typedef struct get_call {
  const vault_id *id;
  const uint8_t *secret_mac;
  vault_challenge_row row;
} get_call;

static vault_status tx_get(vault__tx *tx, void *ctx, vault_err *err) {
  get_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(
    vault__run(tx, VAULT__SQL_CHALLENGE_GET,
               VAULT__P(vault__p_id(c->id), vault__p_blob(c->secret_mac, sizeof c->row.secret_mac)),
               &rows, err));
  if (rows.n == 0)
    return no_code(err);
  vault__row r = vault__row_at(&rows, 0);
  vault_challenge_row *out = &c->row;
  vault__get_id(&r, &out->id);
  vault__get_fixed(&r, out->secret_mac, sizeof out->secret_mac);
  vault__get_text(&r, out->phone, sizeof out->phone);
  out->purpose = vault__get_u32(&r);
  out->attempts = vault__get_u32(&r);
  out->last_n = vault__get_u32(&r);
  out->created_ms = vault__get_int(&r);
  out->expires_ms = vault__get_int(&r);
  out->consumed_ms = vault__get_int(&r);
  return vault__row_check(&r, err);
}

vault_status vault__identity_get_challenge(void *self, const vault_id *id,
                                           const uint8_t *secret_mac, vault_challenge_row *out,
                                           vault_err *err) {
  get_call c = {.id = id, .secret_mac = secret_mac};
  VAULT_TRY(vault__sql_read(self, tx_get, &c, err));
  *out = c.row;
  return VAULT_OK;
}

typedef struct accept_call {
  const vault_id *challenge;
  uint32_t n;
  int64_t now_ms;
} accept_call;

static vault_status tx_accept(vault__tx *tx, void *ctx, vault_err *err) {
  const accept_call *c = ctx;
  vault__val id = vault__p_id(c->challenge);
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_CHALLENGE_LOCK, VAULT__P(id), NULL, err));
  VAULT_TRY(vault__run(tx, VAULT__SQL_CODE_LIVE,
                       VAULT__P(id, vault__p_int(c->n), vault__p_int(c->now_ms)), &rows, err));
  if (rows.affected != 1)
    return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_IDENTITY, 0,
                       "this code was replaced, used or swept");
  return vault__run(tx, VAULT__SQL_CODE_KEEP_NEWEST, VAULT__P(id, vault__p_int(VAULT_LIVE_CODES)),
                    NULL, err);
}

vault_status vault__identity_code_accepted(void *self, const vault_id *challenge, uint32_t n,
                                           int64_t now_ms, vault_err *err) {
  accept_call c = {challenge, n, now_ms > 0 ? now_ms : 1}; /* 0 would mean "not live" */
  return vault__sql_write(self, tx_accept, &c, err);
}

typedef struct attempt_call {
  const vault_id *challenge;
  const uint8_t *secret_mac;
  uint32_t max_attempts;
  int64_t now_ms;
  vault_attempt_row row;
} attempt_call;

static vault_status read_codes(vault__tx *tx, attempt_call *c, vault_err *err) {
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_CODE_LIST_LIVE,
                       VAULT__P(vault__p_id(c->challenge), vault__p_int(c->now_ms),
                                vault__p_int(VAULT_LIVE_CODES)),
                       &rows, err));
  if (rows.n == 0)
    return no_code(err);
  for (int64_t i = 0; i < rows.n && i < (int64_t)VAULT_LIVE_CODES; i++) {
    vault__row r = vault__row_at(&rows, i);
    vault_code_row *code = &c->row.codes[i];
    code->challenge = *c->challenge;
    code->n = vault__get_u32(&r);
    vault__get_fixed(&r, code->mac, sizeof code->mac);
    vault__get_text(&r, code->kid, sizeof code->kid);
    code->created_ms = vault__get_int(&r);
    code->expires_ms = vault__get_int(&r);
    code->live_ms = vault__get_int(&r);
    VAULT_TRY(vault__row_check(&r, err));
    c->row.n_codes = (uint32_t)i + 1;
  }
  return VAULT_OK;
}

static vault_status tx_attempt(vault__tx *tx, void *ctx, vault_err *err) {
  attempt_call *c = ctx;
  memset(&c->row, 0, sizeof c->row);
  vault__rows rows;
  VAULT_TRY(
    vault__run(tx, VAULT__SQL_CHALLENGE_ATTEMPT,
               VAULT__P(vault__p_id(c->challenge),
                        vault__p_blob(c->secret_mac, sizeof((vault_challenge_row *)0)->secret_mac),
                        vault__p_int(c->max_attempts), vault__p_int(c->now_ms)),
               &rows, err));
  if (rows.n == 0)
    return no_code(err);
  vault__row r = vault__row_at(&rows, 0);
  vault__get_text(&r, c->row.phone, sizeof c->row.phone);
  c->row.purpose = vault__get_u32(&r);
  c->row.attempts = vault__get_u32(&r);
  VAULT_TRY(vault__row_check(&r, err));
  return read_codes(tx, c, err);
}

vault_status vault__identity_count_attempt(void *self, const vault_id *challenge,
                                           const uint8_t *secret_mac, uint32_t max_attempts,
                                           int64_t now_ms, vault_attempt_row *out, vault_err *err) {
  attempt_call c = {.challenge = challenge,
                    .secret_mac = secret_mac,
                    .max_attempts = max_attempts,
                    .now_ms = now_ms};
  VAULT_TRY(vault__sql_write(self, tx_attempt, &c, err));
  *out = c.row;
  return VAULT_OK;
}
