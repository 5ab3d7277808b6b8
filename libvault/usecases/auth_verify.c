/* Checking a code.
 *
 * 1. count_attempt: one committed transaction; it gives the live codes at most
 *    code_attempts times per challenge, however many callers come at once.
 * 2. the limits: one wrong try of the number's day is taken before the compare, so that
 *    parallel guesses cannot pass it either; a success gives them all back.
 * 3. compare with every live code, in constant time.
 * 4. redeem: one transaction in which only one caller can win.
 *
 * Whatever is wrong with a code, the answer is the same: CODE with the same text. An attempt
 * stays counted whatever happens after step 1. */
#include <string.h>

#include "auth_shared.h"
#include "libvault/base/alloc.h"
#include "libvault/base/id.h"
#include "libvault/domain/otp.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS INT64_C(86400000)

typedef struct attempt {
  int64_t now_ms;
  vault__challenge_ref ref;
  char code[VAULT__OTP_TEXT];
  vault_attempt_row row;
  vault__limit_key phone_text, all_text;
  vault_str phone_key, all_key; /* limiter keys: wrong codes of the number, and in all */
  int counted_all;              /* the wrong try was already counted in all_key */
} attempt;

static vault_status wrong_code(vault_err *err) {
  return vault__fail(err, VAULT_E_CODE, VAULT_ORIGIN_CORE, 0, NULL);
}

static vault_status count_attempt(vault *v, attempt *a, vault_err *err) {
  uint8_t mac[VAULT__MAC_BYTES];
  vault_status s = VAULT_E_CODE;
  for (uint32_t i = 0; i < VAULT__CHALLENGE_KEYS && s == VAULT_E_CODE; i++) {
    if (!vault__challenge_mac(v, &a->ref, i, mac))
      break;
    s = v->identity->count_attempt(v->identity_self, &a->ref.id, mac, v->settings.code_attempts,
                                   a->now_ms, &a->row, err);
  }
  return s == VAULT_E_CODE ? wrong_code(err) : vault__repeatable(s, err);
}

static vault_status limited(vault *v, const vault_limit_verdict *verdict, int all, vault_err *err) {
  if (all)
    vault__log(v, VAULT_LOG_WARN, "wrong_codes_limited_for_all", NULL, 0);
  return vault__limited(err, verdict->retry_after_ms, "wrong codes were tried");
}

/* The number's count is taken now; the count of all is only looked at, because most codes are
 * right and it cannot be given back. */
static vault_status take_limits(vault *v, attempt *a, vault_err *err) {
  vault_limit_verdict verdict;
  memset(&verdict, 0, sizeof verdict);
  a->phone_key =
    vault__limit_key_make(v, "wrong/day", a->row.phone, strlen(a->row.phone), &a->phone_text);
  a->all_key = vault__limit_key_make(v, "wrong/all", "", 0, &a->all_text);
  const vault_limit_rule both[] = {
    {a->phone_key, v->settings.wrong_per_day_phone, 1, DAY_MS},
    {a->all_key, v->settings.wrong_per_hour_all, 0, HOUR_MS},
  };
  VAULT_TRY(
    vault__repeatable(v->limiter->take(v->limiter_self, both, 2, a->now_ms, &verdict, err), err));
  if (!verdict.allowed)
    return limited(v, &verdict, verdict.rule == 1, err);
  if (verdict.remaining > 0)
    return VAULT_OK;
  /* One of the two is used up. Looking costs nothing and so always fits: to be sure of the
   * count of all, take from it. */
  const vault_limit_rule one = {a->all_key, v->settings.wrong_per_hour_all, 1, HOUR_MS};
  VAULT_TRY(
    vault__repeatable(v->limiter->take(v->limiter_self, &one, 1, a->now_ms, &verdict, err), err));
  if (!verdict.allowed)
    return limited(v, &verdict, 1, err);
  a->counted_all = 1;
  return VAULT_OK;
}

/* Every live code is compared, whichever fits. */
static int is_right(const vault *v, const attempt *a) {
  int right = 0;
  for (uint32_t i = 0; i < a->row.n_codes && i < VAULT_LIVE_CODES; i++) {
    const vault_code_row *code = &a->row.codes[i];
    uint8_t mac[VAULT__MAC_BYTES];
    if (vault__code_mac(v, code->kid, &a->ref.id, a->row.phone, a->code, mac, NULL))
      right |= vault__equal(mac, code->mac, sizeof mac);
    vault__wipe(mac, sizeof mac);
  }
  return right && a->row.purpose == VAULT_PURPOSE_SIGN_IN;
}

static vault_status count_wrong(vault *v, attempt *a, vault_err *err) {
  const vault_limit_rule rule = {a->all_key, v->settings.wrong_per_hour_all, 1, HOUR_MS};
  vault_limit_verdict verdict;
  if (!a->counted_all &&
      v->limiter->take(v->limiter_self, &rule, 1, a->now_ms, &verdict, NULL) != VAULT_OK)
    vault__log(v, VAULT_LOG_WARN, "wrong_code_not_counted", NULL, 0);
  return wrong_code(err);
}

static vault_status prepare(vault *v, const attempt *a, const vault_client *client,
                            vault_redeem *in, vault_id *jti, vault_err *err) {
  const vault__key *key = vault__keyring_newest(&v->keyring, VAULT__KEY_REFRESH);
  vault_session_row *s = &in->session;
  vault__refresh_row first = vault__refresh_first(a->now_ms);
  if (!key)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_CRYPTO, 0,
                       "there is no key for sessions");
  VAULT_TRY(vault__new_id(v, &in->new_user, err));
  VAULT_TRY(vault__new_id(v, &s->id, err));
  VAULT_TRY(vault__new_id(v, &s->device, err));
  VAULT_TRY(vault__new_id(v, jti, err));
  in->challenge = a->ref.id;
  in->quota_bytes = v->settings.quota_bytes;
  in->now_ms = a->now_ms;
  if (client) {
    vault__keep_text(client->device_name, s->device_name, sizeof s->device_name);
    vault__keep_text(client->agent, s->agent, sizeof s->agent);
    vault__keep_text(client->address, s->address, sizeof s->address);
  }
  memcpy(s->kid, key->kid, sizeof s->kid);
  s->created_ms = s->last_seen_ms = a->now_ms;
  s->expires_ms = a->now_ms + v->settings.session_max_ms;
  s->a = first.a;
  s->c = first.c;
  s->prev_a = first.prev_a;
  s->moved_ms = first.moved_ms;
  s->issued_ms = first.issued_ms;
  return VAULT_OK;
}

/* The tokens are made before the transaction for the account that it will find, so that a
 * lack of memory is known while nothing has happened. If another sign-in makes the account
 * in between, they are made again. */
static vault_status predict(vault *v, const attempt *a, vault_redeem *in, const vault_id *jti,
                            vault_grant *g, vault_err *err) {
  vault_account_row account;
  vault_session_row *s = &in->session;
  vault_str phone = {a->row.phone, strlen(a->row.phone)};
  memset(&account, 0, sizeof account);
  vault_status st = v->identity->find_account(v->identity_self, phone, &account, err);
  if (st == VAULT_E_NOT_FOUND)
    account.id = in->new_user;
  else if (st != VAULT_OK)
    return vault__repeatable(st, err);
  s->user = account.id;
  s->epoch = account.epoch;
  memcpy(s->phone, a->row.phone, sizeof s->phone);
  return vault__grant_fill(v, s, s->c, jti, a->now_ms, g, err);
}

static vault_status redeem(vault *v, attempt *a, const vault_client *client, vault_grant **out,
                           vault_err *err) {
  vault_redeem in;
  vault_id jti;
  vault_account_row account;
  uint32_t new_user = 0;
  memset(&in, 0, sizeof in);
  memset(&account, 0, sizeof account);
  VAULT_TRY(prepare(v, a, client, &in, &jti, err));
  vault_grant *g = vault__grant_new(v);
  if (!g)
    return vault__no_memory(err);
  vault_status s = predict(v, a, &in, &jti, g, err);
  if (s != VAULT_OK)
    goto fail;
  s = v->identity->redeem(v->identity_self, &in, &account, &new_user, err);
  if (s == VAULT_E_CODE)
    s = wrong_code(err);
  if (s != VAULT_OK)
    goto fail;
  if (!vault__id_eq(&account.id, &in.session.user) || account.epoch != in.session.epoch) {
    in.session.user = account.id;
    in.session.epoch = account.epoch;
    s = vault__grant_fill(v, &in.session, in.session.c, &jti, a->now_ms, g, err);
    if (s != VAULT_OK)
      goto fail;
  }
  vault__grant_set_new_user(g, new_user);
  *out = g;
  vault__log_id(v, VAULT_LOG_INFO, new_user ? "sign_in_new_user" : "sign_in", "session",
                &in.session.id);
  vault__notify(v, VAULT_NOTICE_SESSION_NEW, &account.id, &in.session.id, 0);
  return VAULT_OK;
fail:
  vault_grant_free(g);
  return s;
}

vault_status vault_auth_verify_code(vault *v, const char *challenge, uint64_t challenge_len,
                                    const char *code, uint64_t code_len, const vault_client *client,
                                    vault_grant **out, vault_err *err) {
  attempt a;
  if (!v || !out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "checking a code needs a vault and a place for the grant");
  memset(&a, 0, sizeof a);
  if (!code || !vault__otp_shape(code, code_len) ||
      !vault__challenge_parse(challenge, challenge_len, &a.ref))
    return wrong_code(err);
  memcpy(a.code, code, VAULT__OTP_DIGITS);
  a.now_ms = vault__now_ms(v);
  vault_status s = count_attempt(v, &a, err);
  if (s == VAULT_OK)
    s = take_limits(v, &a, err);
  if (s == VAULT_OK)
    s = is_right(v, &a) ? redeem(v, &a, client, out, err) : count_wrong(v, &a, err);
  if (s == VAULT_OK && v->limiter->forget(v->limiter_self, a.phone_key, NULL) != VAULT_OK)
    vault__log(v, VAULT_LOG_WARN, "wrong_codes_not_forgotten", NULL, 0);
  vault__wipe(&a, sizeof a);
  return s;
}
