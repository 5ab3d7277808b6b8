#include <stdio.h>
#include <string.h>

#include "libvault/base/alloc.h"
#include "libvault/base/encode.h"
#include "libvault/base/id.h"
#include "libvault/base/slice.h"
#include "libvault/domain/claims.h"
#include "tests/support/vt_main.h"

#define ID "018cc251-f400-7000-8000-00000000abcd"
#define HEADER "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}"
#define IDS "\"sub\":\"" ID "\",\"sid\":\"" ID "\",\"jti\":\"" ID "\""
#define PAYLOAD \
  "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\"," IDS ",\"epoch\":0,\"iat\":1,\"exp\":2}"

static vault__claims sample(void) {
  vault__claims c = {.iss = VAULT__STR("https://cloud.example"),
                     .aud = VAULT__STR("https://cloud.example"),
                     .sub = {{1}},
                     .sid = {{2}},
                     .jti = {{3}},
                     .epoch = 7,
                     .iat_s = 1000,
                     .exp_s = 1600,
                     .nbf_s = INT64_MIN};
  return c;
}

START_TEST(both_ways) {
  vault__claims c = sample();
  vault__buf b;
  vault__arena a;
  vault__token t;
  uint8_t signature[VAULT__TOKEN_SIGNATURE] = {5, 6, 7};
  vault__buf_init(&b, vault__alloc_default(), VAULT__TOKEN_MAX);
  vault__arena_init(&a, vault__alloc_default(), 1 << 20);
  vt_ok(vault__token_begin(&c, VAULT__STR("k1"), &b, NULL));
  uint64_t signed_n = b.n;
  vt_ok(vault__token_finish(signature, &b, NULL));
  vt_ok(vault__token_parse(b.p, b.n, &a, &t, NULL));
  ck_assert_ptr_eq(t.signed_part.p, b.p);
  ck_assert_uint_eq(t.signed_part.n, signed_n);
  ck_assert_mem_eq(t.signature, signature, sizeof signature);
  ck_assert_int_eq(vault__str_eq(t.kid, VAULT__STR("k1")), 1);
  ck_assert_int_eq(vault__str_eq(t.claims.iss, c.iss), 1);
  ck_assert_int_eq(vault__str_eq(t.claims.aud, c.aud), 1);
  ck_assert_int_eq(vault__id_eq(&t.claims.sub, &c.sub), 1);
  ck_assert_int_eq(vault__id_eq(&t.claims.sid, &c.sid), 1);
  ck_assert_int_eq(vault__id_eq(&t.claims.jti, &c.jti), 1);
  ck_assert_int_eq(t.claims.epoch, 7);
  ck_assert_int_eq(t.claims.iat_s, 1000);
  ck_assert_int_eq(t.claims.exp_s, 1600);
  ck_assert_int_eq(t.claims.nbf_s, INT64_MIN);
  for (uint64_t n = 0; n < b.n; n++) /* cut anywhere */
    if (vault__token_parse(b.p, n, &a, &t, NULL) != VAULT_E_TOKEN)
      ck_abort_msg("%d characters are enough", (int)n);
  vault__buf_free(&b);
  vault__arena_free(&a);
}
END_TEST

static vault_status parse_parts(const char *header, const char *payload, const char *signature) {
  char text[VAULT__TOKEN_MAX * 2], *end = text;
  vault__arena a;
  vault__token t = {.kid = {"kept", 4}};
  vault__b64url(header, strlen(header), end);
  end += strlen(end);
  *end++ = '.';
  vault__b64url(payload, strlen(payload), end);
  end += strlen(end);
  *end++ = '.';
  uint64_t n = (uint64_t)(end - text) + strlen(signature);
  memcpy(end, signature, strlen(signature));
  vault__arena_init(&a, vault__alloc_default(), 1 << 20);
  vault_status s = vault__token_parse(text, n, &a, &t, NULL);
  if (s != VAULT_OK)
    ck_assert_str_eq(t.kid.p, "kept");
  vault__arena_free(&a);
  return s;
}

static char good_signature[VAULT__B64URL_LEN(64) + 1];
static void setup(void) {
  uint8_t zero[64] = {0};
  vault__b64url(zero, 64, good_signature);
}

START_TEST(header_rules) {
  setup();
  vt_ok(parse_parts(HEADER, PAYLOAD, good_signature));
  static const char *const bad[] = {
    "",
    "{}",
    "[]",
    "null",
    "\"x\"",
    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}",
    "{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
    "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
    "{\"alg\":\"eddsa\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
    "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
    "{\"alg\":\"EdDSA\",\"kid\":\"k1\"}",
    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":1}",
    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"\"}",
    "{\"alg\":[\"EdDSA\"],\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
    "{\"alg\":\"none\",\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
    "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
    "{\"alg\":\"EdDSA\",\"\\u0061lg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k1\",\"crit\":[]}",
    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k1\",\"crit\":[\"exp\"],\"exp\":1}",
    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"k1\"} x",
    "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ck_assert_msg(parse_parts(bad[i], PAYLOAD, good_signature) == VAULT_E_TOKEN, "row %zu", i);
}
END_TEST

START_TEST(payload_rules) {
  setup();
  static const char *const bad[] = {
    "",
    "{}",
    "[]",
    "{\"iss\":\"i\",\"aud\":[\"a\"],\"client_id\":\"vault\"," IDS
    ",\"epoch\":0,\"iat\":1,\"exp\":2}",
    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"other\"," IDS ",\"epoch\":0,\"iat\":1,\"exp\":2}",
    "{\"iss\":\"i\",\"aud\":\"a\"," IDS ",\"epoch\":0,\"iat\":1,\"exp\":2}",
    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\"," IDS ",\"epoch\":0,\"iat\":1}",
    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\"," IDS
    ",\"epoch\":0,\"iat\":1,\"exp\":\"2\"}",
    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\"," IDS
    ",\"epoch\":0,\"iat\":1,\"exp\":2.5}",
    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\"," IDS
    ",\"epoch\":0,\"iat\":1,\"exp\":99999999999999999999}",
    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\"," IDS
    ",\"epoch\":0,\"iat\":1,\"exp\":2,\"exp\":9}",
    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\"," IDS
    ",\"epoch\":0,\"iat\":1,\"exp\":2,\"nbf\":\"1\"}",
    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\"," IDS ",\"iat\":1,\"exp\":2}",
    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\",\"sub\":\"x\",\"sid\":\"" ID
    "\",\"jti\":\"" ID "\",\"epoch\":0,\"iat\":1,\"exp\":2}",
    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\",\"sub\":\"" ID "\",\"jti\":\"" ID
    "\",\"epoch\":0,\"iat\":1,\"exp\":2}",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ck_assert_msg(parse_parts(HEADER, bad[i], good_signature) == VAULT_E_TOKEN, "row %zu", i);
  /* Unknown claims are for others. */
  vt_ok(parse_parts(HEADER,
                    "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\"," IDS
                    ",\"epoch\":0,\"iat\":1,\"exp\":2,\"nbf\":1,\"amr\":[\"otp\"]}",
                    good_signature));
}
END_TEST

START_TEST(form_rules) {
  setup();
  char padded[sizeof good_signature + 2], text[VAULT__TOKEN_MAX + 2];
  vault__arena a;
  vault__token t;
  vt_status(parse_parts(HEADER, PAYLOAD, ""), VAULT_E_TOKEN);
  vt_status(parse_parts(HEADER, PAYLOAD, "AAAA"), VAULT_E_TOKEN);
  (void)snprintf(padded, sizeof padded, "%s==", good_signature);
  vt_status(parse_parts(HEADER, PAYLOAD, padded), VAULT_E_TOKEN);
  (void)snprintf(padded, sizeof padded, "%s.", good_signature);
  vt_status(parse_parts(HEADER, PAYLOAD, padded), VAULT_E_TOKEN);
  (void)snprintf(padded, sizeof padded, "%.85sB", good_signature); /* unused bits set */
  vt_status(parse_parts(HEADER, PAYLOAD, padded), VAULT_E_TOKEN);
  (void)snprintf(padded, sizeof padded, "%.85s+", good_signature);
  vt_status(parse_parts(HEADER, PAYLOAD, padded), VAULT_E_TOKEN);
  vault__arena_init(&a, vault__alloc_default(), 1 << 20);
  static const char *const bad[] = {"",    ".",       "..",          "...",
                                    "a.b", "a.b.c.d", "e30=.e30.AA", "Bearer x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    vt_status(vault__token_parse(bad[i], strlen(bad[i]), &a, &t, NULL), VAULT_E_TOKEN);
  memset(text, 'a', sizeof text);
  vt_status(vault__token_parse(text, VAULT__TOKEN_MAX + 1, &a, &t, NULL), VAULT_E_TOKEN);
  vault__arena_free(&a);
}
END_TEST

START_TEST(longest_token) {
  setup();
  char payload[VAULT__TOKEN_MAX];
  for (int fill = 2700; fill < 2900; fill++) { /* around 4 KiB after encoding */
    (void)snprintf(payload, sizeof payload,
                   "{\"iss\":\"i\",\"aud\":\"a\",\"client_id\":\"vault\"," IDS
                   ",\"epoch\":0,\"iat\":1,\"exp\":2,\"x\":\"%0*d\"}",
                   fill - 300, 0);
    uint64_t n = VAULT__B64URL_LEN(strlen(HEADER)) + 1 + VAULT__B64URL_LEN(strlen(payload)) + 1 +
                 strlen(good_signature);
    if (parse_parts(HEADER, payload, good_signature) !=
        (n <= VAULT__TOKEN_MAX ? VAULT_OK : VAULT_E_TOKEN))
      ck_abort_msg("%d characters", (int)n);
  }
}
END_TEST

START_TEST(begin_refuses) {
  static char longer[2000];
  vault__claims c = sample();
  vault__buf b;
  memset(longer, 'k', sizeof longer);
  vault__buf_init(&b, vault__alloc_default(), VAULT__TOKEN_MAX);
  vt_status(vault__token_begin(&c, vault__str(longer, VAULT__TOKEN_KID_MAX + 1), &b, NULL),
            VAULT_E_INPUT);
  vt_status(vault__token_begin(&c, VAULT__STR(""), &b, NULL), VAULT_E_INPUT);
  c.iss = vault__str(longer, sizeof longer);
  vt_status(vault__token_begin(&c, VAULT__STR("k"), &b, NULL), VAULT_E_INPUT);
  c = sample();
  vault__buf_free(&b);
  vault__buf_init(&b, vault__alloc_default(), 100);
  vt_status(vault__token_begin(&c, VAULT__STR("k"), &b, NULL), VAULT_E_NO_MEMORY);
  vault__buf_free(&b);
}
END_TEST

#define CHECK(now_ms)                                          \
  vault__claims_check(&c, VAULT__STR("https://cloud.example"), \
                      VAULT__STR("https://cloud.example"), now_ms, NULL)

START_TEST(times) {
  vault__claims c = sample(); /* 1000 .. 1600 s */
  vt_ok(CHECK(1000000));
  vt_ok(CHECK(1599999));
  vt_status(CHECK(1600000), VAULT_E_TOKEN_EXPIRED);
  vt_status(CHECK(INT64_MAX), VAULT_E_TOKEN_EXPIRED);
  vt_ok(CHECK(940000)); /* 60 s of difference between clocks */
  vt_status(CHECK(939999), VAULT_E_TOKEN);
  c.nbf_s = 1100;
  vt_status(CHECK(1039999), VAULT_E_TOKEN);
  vt_ok(CHECK(1040000));
  c.nbf_s = INT64_MIN;
  c.exp_s = INT64_MAX;
  vt_ok(CHECK(1000000));
  c.exp_s = INT64_MIN + 1;
  vt_status(CHECK(1000000), VAULT_E_TOKEN_EXPIRED);
  c.iat_s = INT64_MAX;
  vt_status(CHECK(1000000), VAULT_E_TOKEN);
}
END_TEST

START_TEST(issuer_and_audience) {
  vault__claims c = sample();
  vt_status(vault__claims_check(&c, VAULT__STR("https://cloud.exampl"), c.aud, 1000000, NULL),
            VAULT_E_TOKEN);
  vt_status(vault__claims_check(&c, c.iss, VAULT__STR("https://cloud.example/"), 1000000, NULL),
            VAULT_E_TOKEN);
  vt_status(vault__claims_check(&c, c.iss, VAULT__STR(""), 1000000, NULL), VAULT_E_TOKEN);
}
END_TEST

static Suite *claims(void) {
  const TTest *const all[] = {both_ways,  header_rules,        payload_rules,
                              form_rules, longest_token,       begin_refuses,
                              times,      issuer_and_audience, NULL};
  return vt_suite("claims", all);
}

VT_MAIN(claims)
