/* Access tokens: what is accepted, every way in which one can be wrong, the cache, the keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libvault/base/encode.h"
#include "libvault/crypto/mac.h"
#include "libvault/crypto/sign.h"
#include "libvault/usecases/handle.h"
#include "libvault/usecases/token_cache.h"
#include "tests/contract/parallel.h"
#include "tests/support/vt_vault.h"

static vt_world *w;
static vault_grant *grant;
static char token[4200]; /* a good one, of grant */

static void setup(void) {
  w = vt_vault_open(NULL);
  grant = vt_sign_in(w, VT_PHONE);
  vault_str t = vault_grant_get(grant)->access_token;
  memcpy(token, t.p, (size_t)t.n);
  token[t.n] = 0;
}

static void teardown(void) {
  vault_grant_free(grant);
  vt_vault_close(w);
}

static vault_status check_from(const char *text, uint64_t n, const char *address, vault_err *err) {
  vault_principal who = {.size = sizeof who};
  vault_client client = {.size = sizeof client};
  client.address = (vault_str){address, address ? strlen(address) : 0};
  return vault_auth_authenticate(w->v, text, n, &client, 0, &who, err);
}

static vault_status check(const char *text) {
  return check_from(text, strlen(text), NULL, NULL);
}

/* ---- forging, with the vault's own key unless said otherwise ---- */

static const vault__key *token_key(void) {
  return vault__keyring_newest(&w->v->keyring, VAULT__KEY_TOKEN);
}

static char *forge(const char *header, const char *payload, const uint8_t *seed) {
  size_t room = strlen(header) * 2 + strlen(payload) * 2 + 200;
  uint8_t public_key[VAULT__SIGN_PUBLIC], secret[VAULT__SIGN_SECRET], signature[VAULT__SIGN_BYTES];
  char *out = calloc(1, room);
  ck_assert_ptr_nonnull(out);
  vault__b64url(header, strlen(header), out);
  size_t n = strlen(out);
  out[n++] = '.';
  vault__b64url(payload, strlen(payload), out + n);
  n += strlen(out + n);
  vault__sign_keypair(seed ? seed : token_key()->bytes, public_key, secret);
  vault__sign(secret, out, n, signature);
  out[n++] = '.';
  vault__b64url(signature, sizeof signature, out + n);
  return out;
}

static const char *header(void) {
  static char text[200];
  (void)snprintf(text, sizeof text, "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
                 token_key()->kid);
  return text;
}

/* The claims of a good token for the signed-in session; `more` is put in front of the brace. */
static const char *claims(const char *iss, const char *aud, int64_t iat_s, int64_t exp_s,
                          int64_t epoch, const char *more) {
  static char text[8000];
  char user[VAULT_ID_TEXT], session[VAULT_ID_TEXT];
  vault_id_format(&vault_grant_get(grant)->user, user);
  vault_id_format(&vault_grant_get(grant)->session, session);
  (void)snprintf(text, sizeof text,
                 "{\"iss\":\"%s\",\"aud\":\"%s\",\"sub\":\"%s\",\"client_id\":\"vault\","
                 "\"sid\":\"%s\",\"epoch\":%lld,\"iat\":%lld,\"exp\":%lld,\"jti\":\"%s\"%s}",
                 iss, aud, user, session, (long long)epoch, (long long)iat_s, (long long)exp_s,
                 session, more);
  return text;
}

#define NOW_S (VT_START_MS / 1000)

static int64_t epoch(void) {
  vault_principal who;
  vt_ok(vt_authenticate(w, vault_grant_get(grant)->access_token, &who));
  return who.epoch;
}

static const char *good_claims(void) {
  return claims(VT_URL, VT_URL, NOW_S, NOW_S + 600, epoch(), "");
}

static void expect_header(const char *text, vault_status want) {
  char *t = forge(text, good_claims(), NULL);
  vault_status s = check(t);
  ck_assert_msg(s == want, "%s gave %s", text, vault_status_code(s));
  free(t);
}

static void expect_claims(const char *text, vault_status want) {
  char *t = forge(header(), text, NULL);
  vault_status s = check(t);
  ck_assert_msg(s == want, "%s gave %s", text, vault_status_code(s));
  free(t);
}

START_TEST(forged_well_is_accepted) { /* or the refusals below would prove nothing */
  expect_claims(good_claims(), VAULT_OK);
}
END_TEST

START_TEST(algorithms_are_not_negotiable) {
  static const char *const bad[] = {
    "{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":\"eddsa\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":\"EdDSA \",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":null,\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":[\"EdDSA\"],\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":\"none\",\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":\"EdDSA\",\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":\"EdDSA\",\"\\u0061lg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
    "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
    "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}",
    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"crit\":[\"exp\"]}",
    "[\"EdDSA\",\"%s\"]",
  };
  char text[300];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(strstr(bad[i], "%s") - bad[i]), bad[i],
                   token_key()->kid, strstr(bad[i], "%s") + 2);
    expect_header(text, VAULT_E_TOKEN);
  }
}
END_TEST

/* HS256 with the public key as the secret: what a library that trusts alg falls for. */
START_TEST(a_mac_with_the_public_key) {
  uint8_t public_key[VAULT__SIGN_PUBLIC], secret[VAULT__SIGN_SECRET], mac[VAULT__MAC_BYTES];
  char h[200], signature[64];
  (void)snprintf(h, sizeof h, "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}",
                 token_key()->kid);
  char *t = forge(h, good_claims(), NULL);
  char *last = strrchr(t, '.');
  vault__sign_keypair(token_key()->bytes, public_key, secret);
  vault__mac(public_key, sizeof public_key, t, (uint64_t)(last - t), mac);
  vault__b64url(mac, sizeof mac, signature);
  memcpy(last + 1, signature, strlen(signature) + 1);
  vt_status(check(t), VAULT_E_TOKEN);
  free(t);
}
END_TEST

START_TEST(keys_are_ours) {
  uint8_t seed[VAULT__SIGN_SEED] = {1, 2, 3};
  char *t = forge(header(), good_claims(), seed); /* our kid, another's key */
  vt_status(check(t), VAULT_E_TOKEN);
  free(t);
  expect_header("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"ffffffffffff\"}", VAULT_E_TOKEN);
  expect_header("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"\"}", VAULT_E_TOKEN);
  expect_header("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}", VAULT_E_TOKEN);
  expect_header("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"../otp\"}", VAULT_E_TOKEN);
}
END_TEST

/* A key of another purpose must not verify a token, though it is in the same ring. */
START_TEST(a_key_of_another_purpose) {
  const vault__key *otp = vault__keyring_newest(&w->v->keyring, VAULT__KEY_OTP);
  vault__keyring *ring = &w->v->keyring;
  for (uint32_t i = 0; i < ring->n; i++)
    if (&ring->keys[i] == otp)
      (void)snprintf(ring->keys[i].kid, sizeof ring->keys[i].kid, "aaaaaaaaaaaa");
  char *t = forge("{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"aaaaaaaaaaaa\"}", good_claims(),
                  otp->bytes);
  vt_status(check(t), VAULT_E_TOKEN);
  free(t);
}
END_TEST

START_TEST(an_older_key_still_checks) {
  vault__keyring *ring = &w->v->keyring;
  vault__key more = *token_key();
  (void)snprintf(more.kid, sizeof more.kid, "ffffffffffff");
  more.bytes[0] ^= 1;
  ring->keys[ring->n++] = more; /* token is the last name, ffffffffffff the newest id */
  vt_ok(check(token));
  vault_grant *g = NULL;
  vault_str r = vault_grant_get(grant)->refresh_token;
  vt_ok(vault_auth_refresh(w->v, r.p, r.n, NULL, &g, NULL));
  vault_str t = vault_grant_get(g)->access_token;
  vt_ok(check_from(t.p, t.n, NULL, NULL));
  ck_assert_int_ne(memcmp(t.p, token, 60), 0); /* another kid in the header */
  vault_grant_free(g);
}
END_TEST

START_TEST(claims_are_checked) {
  int64_t e = epoch();
  expect_claims(claims("https://other.example", VT_URL, NOW_S, NOW_S + 600, e, ""), VAULT_E_TOKEN);
  expect_claims(claims(VT_URL, "https://other.example", NOW_S, NOW_S + 600, e, ""), VAULT_E_TOKEN);
  expect_claims(claims(VT_URL, VT_URL "/", NOW_S, NOW_S + 600, e, ""), VAULT_E_TOKEN);
  expect_claims(claims(VT_URL, VT_URL, NOW_S - 700, NOW_S, e, ""), VAULT_E_TOKEN_EXPIRED);
  expect_claims(claims(VT_URL, VT_URL, NOW_S + 3600, NOW_S + 4200, e, ""), VAULT_E_TOKEN);
  expect_claims(claims(VT_URL, VT_URL, NOW_S, NOW_S + 600, e, ",\"nbf\":9999999999"),
                VAULT_E_TOKEN);
  expect_claims(claims(VT_URL, VT_URL, NOW_S, NOW_S + 600, e + 1, ""), VAULT_E_SESSION_REVOKED);
  expect_claims(claims(VT_URL, VT_URL, NOW_S, NOW_S + 600, e, ",\"epoch\":1"), VAULT_E_TOKEN);
  expect_claims("{}", VAULT_E_TOKEN);
  expect_claims("[]", VAULT_E_TOKEN);
  expect_claims("", VAULT_E_TOKEN);
}
END_TEST

START_TEST(a_session_that_is_not_there) {
  vault_grant *other = vt_sign_in(w, "+905321234568"), *mine = grant;
  char user[VAULT_ID_TEXT], session[VAULT_ID_TEXT], text[1000];
  vault_id_format(&vault_grant_get(other)->user, user);
  vault_id_format(&vault_grant_get(mine)->session, session);
  for (int known = 0; known < 2; known++) { /* unknown session; the session of someone else */
    if (!known)
      session[35] = session[35] == '0' ? '1' : '0';
    else
      vault_id_format(&vault_grant_get(mine)->session, session);
    (void)snprintf(text, sizeof text,
                   "{\"iss\":\"" VT_URL "\",\"aud\":\"" VT_URL "\",\"sub\":\"%s\","
                   "\"client_id\":\"vault\",\"sid\":\"%s\",\"epoch\":%lld,\"iat\":%lld,"
                   "\"exp\":%lld,\"jti\":\"%s\"}",
                   user, session, (long long)epoch(), (long long)NOW_S, (long long)NOW_S + 600,
                   session);
    expect_claims(text, known ? VAULT_E_TOKEN : VAULT_E_SESSION_REVOKED);
  }
  vault_grant_free(other);
}
END_TEST

START_TEST(every_flipped_bit) {
  size_t n = strlen(token);
  for (size_t i = 0; i < n; i++)
    for (int bit = 0; bit < 8; bit++) {
      char bad[sizeof token];
      memcpy(bad, token, n + 1);
      bad[i] = (char)(bad[i] ^ 1 << bit);
      vault_status s = check_from(bad, n, NULL, NULL);
      ck_assert_msg(s == VAULT_E_TOKEN, "byte %zu bit %d gave %s", i, bit, vault_status_code(s));
    }
}
END_TEST

START_TEST(pieces_and_padding) {
  size_t n = strlen(token);
  char text[sizeof token];
  static const char *const bad[] = {".", "..", "...", "a.b.c", " ", "Bearer x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    vt_status(check(bad[i]), VAULT_E_TOKEN);
  for (size_t i = 0; i < n; i++)
    vt_status(check_from(token, i, NULL, NULL), VAULT_E_TOKEN); /* cut off */
  static const char *const after[] = {"=", "==", ".", "\n", " ", "A", ".e30"};
  for (size_t i = 0; i < sizeof after / sizeof *after; i++) {
    (void)snprintf(text, sizeof text, "%s%s", token, after[i]);
    vt_status(check(text), VAULT_E_TOKEN);
  }
  (void)snprintf(text, sizeof text, "%.*s", (int)(strrchr(token, '.') - token + 1), token);
  vt_status(check(text), VAULT_E_TOKEN); /* no signature */
  vt_status(check_from(NULL, 5, NULL, NULL), VAULT_E_TOKEN);
  vt_ok(check(token));
}
END_TEST

/* Exactly VAULT__TOKEN_MAX characters is a token; one more is not, whatever it says. */
START_TEST(as_long_as_allowed) {
  char more[4000], h[300];
  for (uint64_t length = 4094; length <= 4100; length++) {
    int made = 0;
    for (int spaces = 0; spaces < 4 && !made; spaces++) /* base64 has no length 4k + 1 */
      for (size_t pad = 2500; pad < 3000 && !made; pad++) {
        (void)snprintf(more, sizeof more, ",\"x\":\"%0*d\"", (int)pad, 0);
        (void)snprintf(h, sizeof h, "%s%.*s", header(), spaces, "    ");
        uint64_t n =
          VAULT__B64URL_LEN((uint64_t)strlen(h)) + 88 +
          VAULT__B64URL_LEN((uint64_t)strlen(claims(VT_URL, VT_URL, NOW_S, NOW_S + 600, 0, more)));
        if (n != length)
          continue;
        made = 1;
        char *t = forge(h, claims(VT_URL, VT_URL, NOW_S, NOW_S + 600, epoch(), more), NULL);
        ck_assert_uint_eq(strlen(t), length);
        vt_status(check(t), length <= 4096 ? VAULT_OK : VAULT_E_TOKEN);
        free(t);
      }
    ck_assert_msg(made, "no token of %d characters", (int)length);
  }
}
END_TEST

START_TEST(ends_at_its_time) {
  vt_pass(w, 599999);
  vt_ok(check(token));
  vt_pass(w, 1);
  vt_status(check(token), VAULT_E_TOKEN_EXPIRED); /* out of the cache */
  vt_pass(w, -300000);
  vt_status(check(token), VAULT_E_TOKEN_EXPIRED); /* and stays so when the clock goes back */
}
END_TEST

START_TEST(ends_at_its_time_unseen) {
  vt_pass(w, 600000);
  vt_status(check(token), VAULT_E_TOKEN_EXPIRED);
}
END_TEST

/* ---- the session behind it ---- */

static const vault_identity_repo_ops *real;
static vault_identity_repo_ops broken;
static uint32_t reads;
static vault_status answer;

static vault_status counted_read(void *self, const vault_id *session, vault_session_row *out,
                                 vault_err *err) {
  reads++;
  return answer == VAULT_OK ? real->get_session(self, session, out, err) : answer;
}

static void watch_reads(void) {
  real = w->v->identity;
  broken = *real;
  broken.get_session = counted_read;
  w->v->identity = &broken;
  reads = 0;
  answer = VAULT_OK;
}

START_TEST(the_session_is_read_every_two_seconds) {
  watch_reads();
  vt_ok(check(token));
  vt_pass(w, 2000);
  vt_ok(check(token));
  ck_assert_uint_eq(reads, 1);
  vt_pass(w, 1);
  vt_ok(check(token));
  ck_assert_uint_eq(reads, 2);
}
END_TEST

START_TEST(a_wall_clock_that_goes_back_keeps_no_check_young) {
  watch_reads();
  vt_ok(check(token));
  atomic_fetch_sub(&w->clock.now_ms, 3600000);
  atomic_fetch_add(&w->clock.mono_ms, 2001);
  vt_ok(check(token));
  ck_assert_uint_eq(reads, 2);
}
END_TEST

START_TEST(no_database_no_answer) {
  vt_ok(check(token));
  watch_reads();
  static const vault_status bad[] = {VAULT_E_RETRY, VAULT_E_IO, VAULT_E_READ_ONLY};
  vt_pass(w, 2001);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    answer = bad[i];
    vt_status(check(token), VAULT_E_RETRY);
  }
  answer = VAULT_E_NO_MEMORY;
  vt_status(check(token), VAULT_E_NO_MEMORY);
  answer = VAULT_OK;
  vt_ok(check(token));
}
END_TEST

/* Another process revoked it: this one sees it within revoke_lag_ms. */
START_TEST(revoked_elsewhere) {
  const vault_grant_view *view = vault_grant_get(grant);
  vt_ok(check(token));
  vt_ok(w->v->identity->revoke_session(w->v->identity_self, &view->user, &view->session,
                                       VAULT_REVOKE_BY_USER, VT_START_MS, NULL));
  vt_pass(w, 2001);
  vt_status(check(token), VAULT_E_SESSION_REVOKED);
  vt_status(check(token), VAULT_E_SESSION_REVOKED);
}
END_TEST

START_TEST(revoked_here) {
  const vault_grant_view *view = vault_grant_get(grant);
  vt_ok(check(token));
  vt_ok(vault_admin_revoke_sessions(w->v, &view->user, NULL, NULL));
  vt_status(check(token), VAULT_E_SESSION_REVOKED);
}
END_TEST

START_TEST(without_blocking) {
  vault_principal who = {.size = sizeof who};
  uint64_t n = strlen(token);
  watch_reads();
  vt_status(vault_auth_authenticate(w->v, token, n, NULL, VAULT_AUTH_CACHED, &who, NULL),
            VAULT_E_RETRY);
  ck_assert_uint_eq(reads, 0);
  vt_ok(check(token));
  vt_ok(vault_auth_authenticate(w->v, token, n, NULL, VAULT_AUTH_CACHED, &who, NULL));
  vt_pass(w, 2001);
  if (vault_caps(w->v) & VAULT_CAP_LOCAL_READS) {
    vt_ok(vault_auth_authenticate(w->v, token, n, NULL, VAULT_AUTH_CACHED, &who, NULL));
    ck_assert_uint_eq(reads, 2);
  } else {
    vt_status(vault_auth_authenticate(w->v, token, n, NULL, VAULT_AUTH_CACHED, &who, NULL),
              VAULT_E_RETRY);
    ck_assert_uint_eq(reads, 1);
  }
  vt_status(vault_auth_authenticate(w->v, token, n, NULL, 2, &who, NULL), VAULT_E_USAGE);
  vt_status(vault_auth_authenticate(w->v, token, n, NULL, 0, NULL, NULL), VAULT_E_USAGE);
  who.size = 4;
  vt_status(vault_auth_authenticate(w->v, token, n, NULL, 0, &who, NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(bad_tokens_of_an_address) {
  vault_err err = VAULT_ERR_INIT;
  for (int i = 0; i < 60; i++)
    vt_status(check_from("a.b.c", 5, "203.0.113.9", &err), VAULT_E_TOKEN);
  vt_limit(check_from("a.b.c", 5, "203.0.113.77", &err), err, 60000);
  vt_limit(check_from(token, strlen(token), "203.0.113.9", &err), err, 60000);
  vt_ok(check_from(token, strlen(token), "203.0.114.9", &err));
  vt_ok(check_from(token, strlen(token), "203.0.113.9", &err)); /* known now: not limited */
  vt_pass(w, 60000);
  vt_status(check_from("a.b.c", 5, "203.0.113.9", &err), VAULT_E_TOKEN);
  for (int i = 0; i < 100; i++)
    vt_status(check_from("a.b.c", 5, NULL, &err), VAULT_E_TOKEN); /* nobody knows who */
}
END_TEST

START_TEST(expired_tokens_are_not_bad) {
  vt_pass(w, 600000);
  for (int i = 0; i < 100; i++)
    vt_status(check_from(token, strlen(token), "203.0.113.9", NULL), VAULT_E_TOKEN_EXPIRED);
}
END_TEST

/* ---- the cache by itself ---- */

static void hash_of(uint32_t i, uint8_t out[VAULT__SHA256_BYTES]) {
  vault__sha256_of(&i, sizeof i, out);
}

START_TEST(the_cache_is_bounded) {
  vault__token_cache *c = w->v->tokens;
  vault__token_entry e = {.expires_ms = INT64_MAX}, got;
  uint8_t hash[VAULT__SHA256_BYTES];
  uint32_t n = 0;
  uint64_t mark = vault__token_cache_mark(c);
  for (uint32_t i = 0; i < 3 * VAULT__TOKEN_CACHE_ENTRIES; i++) {
    hash_of(i, hash);
    memcpy(e.session.b, &i, sizeof i);
    vault__token_cache_put(c, hash, &e, mark);
    ck_assert_int_eq(vault__token_cache_get(c, hash, &got), 1);
  }
  for (uint32_t i = 0; i < 3 * VAULT__TOKEN_CACHE_ENTRIES; i++) {
    hash_of(i, hash);
    if (!vault__token_cache_get(c, hash, &got))
      continue;
    n++;
    ck_assert_int_eq(memcmp(got.session.b, &i, sizeof i), 0);
  }
  ck_assert_uint_le(n, VAULT__TOKEN_CACHE_ENTRIES);
  ck_assert_uint_gt(n, VAULT__TOKEN_CACHE_ENTRIES / 2);
}
END_TEST

START_TEST(a_drop_voids_what_was_read_before_it) {
  vault__token_cache *c = w->v->tokens;
  vault__token_entry e = {.expires_ms = INT64_MAX}, got;
  vault_id other = {{9}};
  uint8_t hash[VAULT__SHA256_BYTES];
  hash_of(1, hash);
  e.user.b[0] = 1;
  e.session.b[0] = 2;
  uint64_t mark = vault__token_cache_mark(c);
  vault__token_cache_drop_session(c, &e.session);
  vault__token_cache_put(c, hash, &e, mark);
  ck_assert_int_eq(vault__token_cache_get(c, hash, &got), 0);
  vault__token_cache_put(c, hash, &e, vault__token_cache_mark(c));
  vault__token_cache_drop_user(c, &other);
  vault__token_cache_drop_session(c, &other);
  ck_assert_int_eq(vault__token_cache_get(c, hash, &got), 1);
  vault__token_cache_drop_user(c, &e.user);
  ck_assert_int_eq(vault__token_cache_get(c, hash, &got), 0);
}
END_TEST

typedef struct crowd {
  _Atomic uint32_t ok, revoked, other;
} crowd;

/* Thread 0 revokes; nobody may be let in who asks after it returned. */
static _Atomic int revoked;
static _Atomic uint32_t late;

static void use_or_revoke(void *ctx, uint32_t i) {
  crowd *c = ctx;
  const vault_grant_view *view = vault_grant_get(grant);
  if (i == 0) {
    (void)vault_admin_revoke_sessions(w->v, &view->user, NULL, NULL);
    atomic_store(&revoked, 1);
    return;
  }
  for (int k = 0; k < 200; k++) {
    int after = atomic_load(&revoked);
    vault_status s = check(token);
    (void)atomic_fetch_add(s == VAULT_OK                  ? &c->ok
                           : s == VAULT_E_SESSION_REVOKED ? &c->revoked
                                                          : &c->other,
                           1);
    if (after && s == VAULT_OK)
      (void)atomic_fetch_add(&late, 1);
  }
}

START_TEST(revoking_under_load_holds_at_once) {
  crowd c = {0};
  vt_parallel(16, use_or_revoke, &c);
  ck_assert_uint_eq(atomic_load(&c.other), 0);
  ck_assert_uint_eq(atomic_load(&late), 0);
  vt_status(check(token), VAULT_E_SESSION_REVOKED);
}
END_TEST

/* ---- the key set ---- */

START_TEST(publishes_its_keys) {
  char text[1000], small[4] = "abc", x[64];
  uint8_t public_key[VAULT__SIGN_PUBLIC], secret[VAULT__SIGN_SECRET];
  uint64_t need = 0, n = 0;
  vt_status(vault_auth_jwks(w->v, small, sizeof small, &need, NULL), VAULT_E_TOO_LARGE);
  ck_assert_str_eq(small, "abc");
  vt_status(vault_auth_jwks(w->v, NULL, 0, &n, NULL), VAULT_E_TOO_LARGE);
  ck_assert_uint_eq(n, need);
  vt_status(vault_auth_jwks(w->v, text, need - 1, &n, NULL), VAULT_E_TOO_LARGE);
  memset(text, '#', sizeof text);
  vt_ok(vault_auth_jwks(w->v, text, need, &n, NULL));
  ck_assert_int_eq(text[need], '#');
  text[n] = 0;
  vault__sign_keypair(token_key()->bytes, public_key, secret);
  vault__b64url(public_key, sizeof public_key, x);
  ck_assert_ptr_nonnull(strstr(text, x));
  ck_assert_ptr_nonnull(strstr(text, token_key()->kid));
  ck_assert_ptr_eq(strstr(text, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","), text);
  vault__b64url(token_key()->bytes, VAULT__KEY_BYTES, x);
  ck_assert_ptr_null(strstr(text, x)); /* the seed */
  ck_assert_ptr_null(strstr(text, "\"d\""));
  vt_status(vault_auth_jwks(w->v, text, sizeof text, NULL, NULL), VAULT_E_USAGE);
  vt_status(vault_auth_jwks(NULL, text, sizeof text, &n, NULL), VAULT_E_USAGE);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {forged_well_is_accepted,
                                algorithms_are_not_negotiable,
                                a_mac_with_the_public_key,
                                keys_are_ours,
                                a_key_of_another_purpose,
                                an_older_key_still_checks,
                                claims_are_checked,
                                a_session_that_is_not_there,
                                every_flipped_bit,
                                pieces_and_padding,
                                as_long_as_allowed,
                                ends_at_its_time,
                                ends_at_its_time_unseen,
                                the_session_is_read_every_two_seconds,
                                a_wall_clock_that_goes_back_keeps_no_check_young,
                                no_database_no_answer,
                                revoked_elsewhere,
                                revoked_here,
                                without_blocking,
                                bad_tokens_of_an_address,
                                expired_tokens_are_not_bad,
                                the_cache_is_bounded,
                                a_drop_voids_what_was_read_before_it,
                                revoking_under_load_holds_at_once,
                                publishes_its_keys,
                                NULL};
  return vt_suite_with("auth_token", tests, setup, teardown);
}

VT_MAIN(suite)
