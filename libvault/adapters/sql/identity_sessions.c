/* Sessions: what is read is the session joined with its account and device. */
#include <string.h>

#include "libvault/adapters/sql/identity.h"
#include "libvault/base/err.h"

static vault_status not_found(vault_err *err) {
  return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_IDENTITY, 0, "no such session");
}

static vault_status read_session(const vault__rows *rows, int64_t i, vault_session_row *out,
                                 vault_err *err) {
  memset(out, 0, sizeof *out);
  vault__row r = vault__row_at(rows, i);
  vault__get_id(&r, &out->id);
  vault__get_id(&r, &out->user);
  vault__get_id(&r, &out->device);
  vault__get_text(&r, out->device_name, sizeof out->device_name);
  vault__get_text(&r, out->agent, sizeof out->agent);
  vault__get_text(&r, out->address, sizeof out->address);
  vault__get_text(&r, out->kid, sizeof out->kid);
  out->revoke_reason = vault__get_u32(&r);
  out->created_ms = vault__get_int(&r);
  out->last_seen_ms = vault__get_int(&r);
  out->expires_ms = vault__get_int(&r);
  out->revoked_ms = vault__get_int(&r);
  out->a = vault__get_int(&r);
  out->c = vault__get_int(&r);
  out->prev_a = vault__get_int(&r);
  out->moved_ms = vault__get_int(&r);
  out->issued_ms = vault__get_int(&r);
  out->epoch = vault__get_int(&r);
  out->disabled_ms = vault__get_int(&r);
  vault__get_text(&r, out->phone, sizeof out->phone);
  return vault__row_check(&r, err);
}

typedef struct get_call {
  const vault_id *id;
  vault_session_row row;
} get_call;

static vault_status tx_get(vault__tx *tx, void *ctx, vault_err *err) {
  get_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_SESSION_GET, VAULT__P(vault__p_id(c->id)), &rows, err));
  return rows.n ? read_session(&rows, 0, &c->row, err) : not_found(err);
}

vault_status vault__identity_get_session(void *self, const vault_id *session,
                                         vault_session_row *out, vault_err *err) {
  get_call c = {.id = session};
  VAULT_TRY(vault__sql_read(self, tx_get, &c, err));
  *out = c.row;
  return VAULT_OK;
}

typedef struct move_call {
  const vault_id *id;
  const vault_refresh_state *expect, *next;
  int64_t now_ms;
} move_call;

static vault_status tx_move(vault__tx *tx, void *ctx, vault_err *err) {
  const move_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(
    vault__run(tx, VAULT__SQL_SESSION_MOVE,
               VAULT__P(vault__p_id(c->id), vault__p_int(c->expect->a), vault__p_int(c->expect->c),
                        vault__p_int(c->next->a), vault__p_int(c->next->c),
                        vault__p_int(c->next->prev_a), vault__p_int(c->next->moved_ms),
                        vault__p_int(c->next->issued_ms), vault__p_int(c->now_ms)),
               &rows, err));
  if (rows.affected == 1)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_CONFLICT, VAULT_ORIGIN_IDENTITY, 0,
                     "the session was refreshed by someone else, or it was revoked");
}

vault_status vault__identity_move_refresh(void *self, const vault_id *session,
                                          const vault_refresh_state *expect,
                                          const vault_refresh_state *next, int64_t now_ms,
                                          vault_err *err) {
  move_call c = {session, expect, next, now_ms};
  return vault__sql_write(self, tx_move, &c, err);
}

typedef struct revoke_call {
  const vault_id *user, *session; /* session: the one to revoke, or of all the one to keep */
  uint32_t reason;
  int64_t now_ms;
  uint64_t n;
} revoke_call;

static vault_status tx_revoke(vault__tx *tx, void *ctx, vault_err *err) {
  const revoke_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_SESSION_REVOKE,
                       VAULT__P(vault__p_id(c->session), vault__p_id(c->user),
                                vault__p_int(c->reason), vault__p_int(c->now_ms)),
                       &rows, err));
  return rows.affected == 1 ? VAULT_OK : not_found(err);
}

/* The account first: everything that changes an account and its sessions locks in this
 * order. */
static vault_status tx_revoke_all(vault__tx *tx, void *ctx, vault_err *err) {
  revoke_call *c = ctx;
  vault__rows rows;
  vault__val user = vault__p_id(c->user);
  if (!c->session)
    VAULT_TRY(vault__run(tx, VAULT__SQL_ACCOUNT_EPOCH, VAULT__P(user), NULL, err));
  VAULT_TRY(vault__run(tx, VAULT__SQL_SESSION_REVOKE_ALL,
                       VAULT__P(user, vault__p_id(c->session), vault__p_int(c->reason),
                                vault__p_int(c->now_ms)),
                       &rows, err));
  c->n = (uint64_t)rows.affected;
  return VAULT_OK;
}

static int64_t moment(int64_t now_ms) {
  return now_ms > 0 ? now_ms : 1; /* 0 would mean "not revoked" */
}

vault_status vault__identity_revoke_session(void *self, const vault_id *user,
                                            const vault_id *session, uint32_t reason,
                                            int64_t now_ms, vault_err *err) {
  revoke_call c = {user, session, reason, moment(now_ms), 0};
  return vault__sql_write(self, tx_revoke, &c, err);
}

vault_status vault__identity_revoke_sessions(void *self, const vault_id *user, const vault_id *keep,
                                             uint32_t reason, int64_t now_ms, uint64_t *n,
                                             vault_err *err) {
  revoke_call c = {user, keep, reason, moment(now_ms), 0};
  VAULT_TRY(vault__sql_write(self, tx_revoke_all, &c, err));
  *n = c.n;
  return VAULT_OK;
}

typedef struct list_call {
  const vault_id *user, *after;
  int64_t now_ms;
  vault_session_row *rows;
  uint64_t max, n;
} list_call;

static vault_status tx_list(vault__tx *tx, void *ctx, vault_err *err) {
  list_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_SESSION_LIST,
                       VAULT__P(vault__p_id(c->user), vault__p_id(c->after),
                                vault__p_int(c->now_ms), vault__p_limit(c->max)),
                       &rows, err));
  for (int64_t i = 0; i < rows.n; i++)
    VAULT_TRY(read_session(&rows, i, &c->rows[i], err));
  c->n = (uint64_t)rows.n;
  return VAULT_OK;
}

vault_status vault__identity_list_sessions(void *self, const vault_id *user, const vault_id *after,
                                           int64_t now_ms, vault_session_row *rows, uint64_t max,
                                           uint64_t *n, vault_err *err) {
  list_call c = {user, after, now_ms, rows, max, 0};
  VAULT_TRY(vault__sql_read(self, tx_list, &c, err));
  *n = c.n;
  return VAULT_OK;
}
