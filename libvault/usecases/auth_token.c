/* Access tokens: making, checking, and the keys that check them.
 *
 * Checking: cache -> (limit of the address -> shape -> key -> signature -> claims) -> session
 * no older than revoke_lag_ms. Nothing in a token is believed before its signature; a
 * database that does not answer means RETRY, never "still valid". */
#include <stdio.h>
#include <string.h>

#include "auth_shared.h"
#include "libvault/base/alloc.h"
#include "libvault/base/encode.h"
#include "libvault/base/id.h"
#include "libvault/crypto/sign.h"
#include "libvault/domain/claims.h"
#include "token_cache.h"

#define JWK_MAX 256u /* bytes of one key in the set */

_Static_assert(VAULT__SIGN_SEED == VAULT__KEY_BYTES, "a token key is a seed");

/* ---- making ---- */

vault_status vault__token_make(vault *v, const vault_session_row *session, const vault_id *jti,
                               int64_t now_ms, int64_t exp_ms, vault__buf *out, vault_err *err) {
  const vault__key *key = vault__keyring_newest(&v->keyring, VAULT__KEY_TOKEN);
  uint8_t public_key[VAULT__SIGN_PUBLIC], secret[VAULT__SIGN_SECRET], signature[VAULT__SIGN_BYTES];
  vault__claims claims;
  if (!key)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_CRYPTO, 0, "there is no token key");
  memset(&claims, 0, sizeof claims);
  claims.iss = claims.aud = v->public_url;
  claims.sub = session->user;
  claims.sid = session->id;
  claims.jti = *jti;
  claims.epoch = session->epoch;
  claims.iat_s = now_ms / 1000;
  claims.exp_s = exp_ms / 1000;
  claims.nbf_s = INT64_MIN;
  VAULT_TRY(vault__token_begin(&claims, (vault_str){key->kid, strlen(key->kid)}, out, err));
  vault__sign_keypair(key->bytes, public_key, secret);
  vault__sign(secret, out->p, out->n, signature);
  vault__wipe(secret, sizeof secret);
  return vault__token_finish(signature, out, err);
}

/* ---- checking ---- */

static vault_status verify(vault *v, vault_str text, vault__arena *scratch, int64_t now_ms,
                           vault__token_entry *out, vault_err *err) {
  vault__token token;
  uint8_t public_key[VAULT__SIGN_PUBLIC], secret[VAULT__SIGN_SECRET];
  VAULT_TRY(vault__token_parse(text.p, text.n, scratch, &token, err));
  const vault__key *key =
    vault__keyring_find(&v->keyring, VAULT__KEY_TOKEN, token.kid.p, token.kid.n);
  if (!key)
    return vault__fail(err, VAULT_E_TOKEN, VAULT_ORIGIN_CRYPTO, 0, NULL);
  vault__sign_keypair(key->bytes, public_key, secret);
  vault__wipe(secret, sizeof secret);
  if (!vault__sign_verify(public_key, token.signed_part.p, token.signed_part.n, token.signature))
    return vault__fail(err, VAULT_E_TOKEN, VAULT_ORIGIN_CRYPTO, 0, NULL);
  VAULT_TRY(vault__claims_check(&token.claims, v->public_url, v->public_url, now_ms, err));
  out->user = token.claims.sub;
  out->session = token.claims.sid;
  out->epoch = token.claims.epoch;
  out->expires_ms = token.claims.exp_s > INT64_MAX / 1000 ? INT64_MAX : token.claims.exp_s * 1000;
  return VAULT_OK;
}

static int gate_key(const vault *v, const vault_client *client, uint64_t *out) {
  uint8_t group[VAULT__ADDRESS_GROUP], mac[VAULT__MAC_BYTES];
  const vault__key *key = vault__keyring_newest(&v->keyring, VAULT__KEY_LIMIT);
  uint32_t n = vault__address_group(client, group);
  if (!n || !key)
    return 0;
  vault__mac(key->bytes, sizeof key->bytes, group, n, mac);
  memcpy(out, mac, sizeof *out);
  return 1;
}

static vault_status verify_limited(vault *v, vault_str text, const vault_client *client,
                                   int64_t now_ms, vault__token_entry *out, vault_err *err) {
  vault__token_gate *gate = vault__token_cache_gate(v->tokens);
  int64_t mono_ms = v->clock->mono_ms(v->clock_self);
  uint64_t key = 0;
  int known = gate_key(v, client, &key);
  if (known) {
    int64_t wait_ms =
      vault__token_gate_wait(gate, key, v->settings.bad_tokens_per_minute_address, mono_ms);
    if (wait_ms > 0)
      return vault__limited(err, wait_ms, "tokens from this address were not ours");
  }
  vault__arena scratch;
  vault__scratch(v, &scratch);
  vault_status s = verify(v, text, &scratch, now_ms, out, err);
  vault__arena_free(&scratch);
  if (s == VAULT_E_TOKEN && known)
    vault__token_gate_count(gate, key, mono_ms);
  return s;
}

static vault_status ended(vault_err *err) {
  return vault__fail(err, VAULT_E_SESSION_REVOKED, VAULT_ORIGIN_CORE, 0, NULL);
}

static vault_status check_session(vault *v, const vault__token_entry *e, int64_t now_ms,
                                  vault_err *err) {
  vault_session_row row;
  memset(&row, 0, sizeof row);
  vault_status s = v->identity->get_session(v->identity_self, &e->session, &row, err);
  if (s == VAULT_E_NOT_FOUND)
    return ended(err);
  if (s == VAULT_E_NO_MEMORY)
    return s;
  if (s != VAULT_OK)
    return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_IDENTITY, err ? err->native : 0,
                       "the database did not say whether the session still lives: try again");
  if (!vault__id_eq(&row.user, &e->user))
    return vault__fail(err, VAULT_E_TOKEN, VAULT_ORIGIN_CORE, 0, NULL);
  if (row.disabled_ms)
    return vault__fail(err, VAULT_E_ACCOUNT_DISABLED, VAULT_ORIGIN_CORE, 0, NULL);
  if (row.revoked_ms || row.expires_ms <= now_ms || row.epoch != e->epoch)
    return ended(err);
  return VAULT_OK;
}

static vault_status not_at_hand(vault_err *err) {
  return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_CORE, 0,
                     "the token is not in the cache: ask again where waiting is allowed");
}

/* Ask for the session again, and remember or forget the token accordingly. */
static vault_status recheck(vault *v, const uint8_t *hash, int64_t now_ms, int64_t mono_ms,
                            vault__token_entry *e, vault_err *err) {
  uint64_t mark = vault__token_cache_mark(v->tokens);
  vault_status s = check_session(v, e, now_ms, err);
  if (s == VAULT_E_SESSION_REVOKED || s == VAULT_E_ACCOUNT_DISABLED)
    vault__token_cache_drop_session(v->tokens, &e->session);
  if (s != VAULT_OK)
    return s;
  e->checked_ms = mono_ms;
  vault__token_cache_put(v->tokens, hash, e, mark);
  return VAULT_OK;
}

vault_status vault_auth_authenticate(vault *v, const char *access_token, uint64_t access_token_len,
                                     const vault_client *client, uint32_t flags,
                                     vault_principal *out, vault_err *err) {
  uint8_t hash[VAULT__SHA256_BYTES];
  vault__token_entry e;
  if (!v || !vault__size_ok(out, sizeof *out) || (flags & ~VAULT_AUTH_CACHED) != 0)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "checking a token needs a vault and a principal whose size is set");
  if (!access_token || access_token_len == 0 || access_token_len > VAULT__TOKEN_MAX)
    return vault__fail(err, VAULT_E_TOKEN, VAULT_ORIGIN_CORE, 0, NULL);
  memset(&e, 0, sizeof e);
  int64_t now_ms = vault__now_ms(v);
  vault__sha256_of(access_token, access_token_len, hash);
  int cached = vault__token_cache_get(v->tokens, hash, &e);
  if (!cached) {
    if (flags & VAULT_AUTH_CACHED)
      return not_at_hand(err);
    VAULT_TRY(
      verify_limited(v, vault__str(access_token, access_token_len), client, now_ms, &e, err));
  } else if (e.expires_ms <= now_ms) {
    return vault__fail(err, VAULT_E_TOKEN_EXPIRED, VAULT_ORIGIN_CORE, 0, NULL);
  }
  /* Before the session is read, so that the age is never taken for less than it is. */
  int64_t mono_ms = v->clock->mono_ms(v->clock_self);
  if (!cached || mono_ms - e.checked_ms > (int64_t)v->settings.revoke_lag_ms) {
    if ((flags & VAULT_AUTH_CACHED) && !(cached && (v->caps & VAULT_CAP_LOCAL_READS)))
      return not_at_hand(err);
    VAULT_TRY(recheck(v, hash, now_ms, mono_ms, &e, err));
  }
  out->flags = 0;
  out->user = e.user;
  out->session = e.session;
  out->epoch = e.epoch;
  out->expires_ms = e.expires_ms;
  return VAULT_OK;
}

/* ---- keys ---- */

static uint64_t format_jwk(const vault__key *key, int first, char out[JWK_MAX]) {
  uint8_t public_key[VAULT__SIGN_PUBLIC], secret[VAULT__SIGN_SECRET];
  char x[VAULT__B64URL_LEN(VAULT__SIGN_PUBLIC) + 1];
  vault__sign_keypair(key->bytes, public_key, secret);
  vault__wipe(secret, sizeof secret);
  vault__b64url(public_key, sizeof public_key, x);
  int n = snprintf(out, JWK_MAX,
                   "%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\","
                   "\"kid\":\"%s\",\"x\":\"%s\"}",
                   first ? "" : ",", key->kid, x);
  return (uint64_t)n;
}

static void append(char *buf, uint64_t cap, uint64_t *n, const char *p, uint64_t p_n) {
  if (buf && *n + p_n <= cap)
    memcpy(buf + *n, p, (size_t)p_n);
  *n += p_n;
}

static uint64_t format_keys(const vault *v, char *buf, uint64_t cap) {
  uint64_t n = 0;
  int first = 1;
  append(buf, cap, &n, "{\"keys\":[", 9);
  for (uint32_t i = 0; i < v->keyring.n; i++) {
    char text[JWK_MAX];
    if (strcmp(v->keyring.keys[i].name, VAULT__KEY_TOKEN) != 0)
      continue;
    uint64_t text_n = format_jwk(&v->keyring.keys[i], first, text);
    append(buf, cap, &n, text, text_n);
    first = 0;
  }
  append(buf, cap, &n, "]}", 2);
  return n;
}

vault_status vault_auth_jwks(vault *v, char *buf, uint64_t cap, uint64_t *len, vault_err *err) {
  if (!v || !len || (!buf && cap))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "the key set needs a vault, room and a place for its length");
  uint64_t need = format_keys(v, NULL, 0);
  *len = need;
  if (need > cap)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0, "the key set needs %llu bytes",
                       (unsigned long long)need);
  (void)format_keys(v, buf, cap);
  return VAULT_OK;
}
