/* For whoever runs the vault. Nobody's rights are checked here. */
#include "vault/admin.h"

#include <string.h>

#include "auth_shared.h"
#include "libvault/base/alloc.h"
#include "libvault/domain/phone.h"
#include "token_cache.h"

struct vault_users {
  vault_alloc alloc;
  uint64_t n;
  vault_user_view *views;
  vault_account_row rows[]; /* then the views */
};

static vault_status users_new(vault *v, uint64_t cap, vault_users **out, vault_err *err) {
  vault_users *u =
    vault__new(&v->alloc, sizeof *u + cap * (sizeof(vault_account_row) + sizeof(vault_user_view)));
  if (!u)
    return vault__no_memory(err);
  u->alloc = v->alloc;
  u->views = (vault_user_view *)(void *)&u->rows[cap];
  *out = u;
  return VAULT_OK;
}

static void users_show(vault_users *u, uint64_t n) {
  u->n = n;
  for (uint64_t i = 0; i < n; i++)
    u->views[i] = (vault_user_view){
      .size = sizeof u->views[i],
      .disabled = u->rows[i].disabled_ms != 0,
      .id = u->rows[i].id,
      .created_ms = u->rows[i].created_ms,
      .phone = {u->rows[i].phone, strlen(u->rows[i].phone)},
    };
}

static vault_status fail_usage(vault_err *err) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                     "no vault, no user, or no place for the result");
}

vault_status vault_admin_users(vault *v, const vault_id *after, uint32_t limit, vault_users **out,
                               vault_err *err) {
  const vault_id start = {{0}};
  vault_users *u = NULL;
  uint64_t n = 0;
  if (!v || !out)
    return fail_usage(err);
  if (limit > VAULT_USERS_MAX)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0, "a page has at most %u users",
                       VAULT_USERS_MAX);
  if (limit == 0)
    limit = VAULT_USERS_MAX;
  VAULT_TRY(users_new(v, limit, &u, err));
  vault_status s =
    v->identity->list_accounts(v->identity_self, after ? after : &start, u->rows, limit, &n, err);
  if (s != VAULT_OK) {
    vault_users_free(u);
    return s;
  }
  users_show(u, n);
  *out = u;
  return VAULT_OK;
}

vault_status vault_admin_find_user(vault *v, const char *phone, uint64_t phone_len,
                                   vault_users **out, vault_err *err) {
  char e164[VAULT__PHONE_TEXT];
  vault_users *u = NULL;
  if (!v || !phone || !out)
    return fail_usage(err);
  VAULT_TRY(vault__phone_normalise(phone, phone_len, VAULT__HOME_DIAL_CODE, e164, err));
  VAULT_TRY(users_new(v, 1, &u, err));
  vault_status s =
    v->identity->find_account(v->identity_self, vault__str(e164, strlen(e164)), &u->rows[0], err);
  if (s != VAULT_OK) {
    vault_users_free(u);
    return s;
  }
  users_show(u, 1);
  *out = u;
  return VAULT_OK;
}

vault_status vault_admin_get_user(vault *v, const vault_id *user, vault_users **out,
                                  vault_err *err) {
  vault_users *u = NULL;
  if (!v || !user || !out)
    return fail_usage(err);
  VAULT_TRY(users_new(v, 1, &u, err));
  vault_status s = v->identity->get_account(v->identity_self, user, &u->rows[0], err);
  if (s != VAULT_OK) {
    vault_users_free(u);
    return s;
  }
  users_show(u, 1);
  *out = u;
  return VAULT_OK;
}

const vault_user_view *vault_users_rows(const vault_users *u, uint64_t *n, uint32_t *stride) {
  if (n)
    *n = u ? u->n : 0;
  if (stride)
    *stride = sizeof(vault_user_view);
  return u ? u->views : NULL;
}

void vault_users_free(vault_users *u) {
  if (!u)
    return;
  vault_alloc alloc = u->alloc;
  vault__delete(&alloc, u);
}

vault_status vault_admin_set_quota(vault *v, const vault_id *user, uint64_t quota_bytes,
                                   vault_err *err) {
  if (!v || !user)
    return fail_usage(err);
  if (quota_bytes > INT64_MAX)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0,
                       "a quota has at most 2^63 - 1 bytes");
  return v->items->set_quota(v->items_self, user, quota_bytes, err);
}

vault_status vault_admin_inline(vault *v, vault_inline_report *out, vault_err *err) {
  uint64_t bytes = 0, count = 0;
  int64_t oldest_ms = 0;
  if (!v || !out || out->size < sizeof *out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "no vault, or no report whose size is set");
  VAULT_TRY(v->items->inline_usage(v->items_self, &bytes, &count, &oldest_ms, err));
  int64_t age_ms = count ? vault__now_ms(v) - oldest_ms : 0;
  *out = (vault_inline_report){
    .size = out->size,
    .bytes = bytes,
    .count = count,
    .oldest_age_ms = age_ms > 0 ? age_ms : 0,
    .spilled = atomic_load(&v->spilled),
    .stops = atomic_load(&v->spill_stops),
    .refused = atomic_load(&v->spill_refused),
  };
  return VAULT_OK;
}

/* Cached tokens go also when nobody knows whether it was committed: one too many is read again. */
static vault_status signed_out(vault *v, const vault_id *user, vault_status s, vault_err *err) {
  if (s == VAULT_OK || s == VAULT_E_UNCERTAIN)
    vault__token_cache_drop_user(v->tokens, user);
  return vault__repeatable(s, err);
}

vault_status vault_admin_set_disabled(vault *v, const vault_id *user, uint32_t disabled,
                                      vault_err *err) {
  if (!v || !user)
    return fail_usage(err);
  return signed_out(v, user,
                    v->identity->set_disabled(v->identity_self, user, disabled, vault__now_ms(v),
                                              err),
                    err);
}

vault_status vault_admin_revoke_sessions(vault *v, const vault_id *user, uint64_t *n,
                                         vault_err *err) {
  vault_account_row account;
  uint64_t revoked = 0;
  if (!v || !user)
    return fail_usage(err);
  VAULT_TRY(v->identity->get_account(v->identity_self, user, &account, err));
  VAULT_TRY(
    signed_out(v, user,
               v->identity->revoke_sessions(v->identity_self, user, NULL, VAULT_REVOKE_BY_ADMIN,
                                            vault__now_ms(v), &revoked, err),
               err));
  if (n)
    *n = revoked;
  return VAULT_OK;
}

uint64_t vault_admin_damaged_reads(const vault *v) {
  return v ? atomic_load(&v->reads_damaged) : 0;
}
