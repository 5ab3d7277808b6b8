#include "claims.h"

#include <string.h>

#include "libvault/base/encode.h"
#include "libvault/base/err.h"
#include "libvault/base/json.h"
#include "libvault/base/slice.h"

#define ALG "EdDSA"
#define TYP "at+jwt"
#define SIGNATURE_CHARS VAULT__B64URL_LEN((uint64_t)VAULT__TOKEN_SIGNATURE)
#define MS_PER_S INT64_C(1000)

/* ---- writing ---- */

static vault_status append_b64url(vault__buf *out, const vault__buf *json, vault_err *err) {
  char text[VAULT__B64URL_LEN(VAULT__TOKEN_MAX) + 1];
  VAULT_TRY(vault__buf_check(json, err));
  vault__b64url(json->p, json->n, text);
  vault__buf_text(out, text);
  return vault__buf_check(out, err);
}

static vault_status write_header(vault_str kid, vault__buf *json, vault__buf *out, vault_err *err) {
  vault__json_out w;
  vault__json_start(&w, json);
  vault__json_open(&w, NULL, '{');
  vault__json_text(&w, "alg", VAULT__STR(ALG));
  vault__json_text(&w, "typ", VAULT__STR(TYP));
  vault__json_text(&w, "kid", kid);
  vault__json_close(&w, '}');
  return append_b64url(out, json, err);
}

static void write_id(vault__json_out *w, const char *key, const vault_id *id) {
  char text[VAULT_ID_TEXT];
  vault_id_format(id, text);
  vault__json_text(w, key, vault__str(text, VAULT_ID_TEXT - 1));
}

static vault_status write_claims(const vault__claims *c, vault__buf *json, vault__buf *out,
                                 vault_err *err) {
  vault__json_out w;
  vault__json_start(&w, json);
  vault__json_open(&w, NULL, '{');
  vault__json_text(&w, "iss", c->iss);
  vault__json_text(&w, "aud", c->aud);
  write_id(&w, "sub", &c->sub);
  vault__json_text(&w, "client_id", VAULT__STR(VAULT__TOKEN_CLIENT));
  write_id(&w, "sid", &c->sid);
  vault__json_int(&w, "epoch", c->epoch);
  vault__json_int(&w, "iat", c->iat_s);
  if (c->nbf_s != INT64_MIN)
    vault__json_int(&w, "nbf", c->nbf_s);
  vault__json_int(&w, "exp", c->exp_s);
  write_id(&w, "jti", &c->jti);
  vault__json_close(&w, '}');
  return append_b64url(out, json, err);
}

vault_status vault__token_begin(const vault__claims *claims, vault_str kid, vault__buf *out,
                                vault_err *err) {
  vault__buf header, payload;
  vault_status s;
  uint64_t start = out->n;
  /* Bounded before anything is built; escaping can make a text six times longer. */
  if (!kid.n || kid.n > VAULT__TOKEN_KID_MAX ||
      claims->iss.n + claims->aud.n > VAULT__TOKEN_MAX / 8)
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                       "the issuer, audience or key id is too long for a token");
  vault__buf_init(&header, out->alloc, VAULT__TOKEN_MAX);
  vault__buf_init(&payload, out->alloc, VAULT__TOKEN_MAX);
  s = write_header(kid, &header, out, err);
  if (s != VAULT_OK)
    goto done;
  vault__buf_text(out, ".");
  s = write_claims(claims, &payload, out, err);
  if (s != VAULT_OK)
    goto done;
  if (out->n - start + 1 + SIGNATURE_CHARS > VAULT__TOKEN_MAX)
    s = vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0, "the token would be too long");
done:
  vault__buf_free(&header);
  vault__buf_free(&payload);
  return s;
}

vault_status vault__token_finish(const uint8_t signature[VAULT__TOKEN_SIGNATURE], vault__buf *out,
                                 vault_err *err) {
  char text[SIGNATURE_CHARS + 1];
  vault__b64url(signature, VAULT__TOKEN_SIGNATURE, text);
  vault__buf_text(out, ".");
  vault__buf_text(out, text);
  return vault__buf_check(out, err);
}

/* ---- reading ---- */

static vault_status refuse(vault_err *err) {
  return vault__fail(err, VAULT_E_TOKEN, VAULT_ORIGIN_CORE, 0, NULL);
}

/* One base64url part that holds a JSON object. */
static vault_status object(vault_str part, vault__arena *a, const vault__json **out,
                           vault_err *err) {
  const vault__json *json;
  uint64_t n = 0, room = part.n / 4 * 3 + 3;
  char *bytes = vault__arena_get(a, room);
  if (!bytes)
    return vault__no_memory(err);
  if (vault__b64url_decode(part.p, part.n, bytes, room, &n) != VAULT_OK)
    return refuse(err);
  vault_status s = vault__json_parse(bytes, n, VAULT__TOKEN_MAX, a, &json, err);
  if (s == VAULT_E_NO_MEMORY)
    return s;
  if (s != VAULT_OK || json->type != VAULT__JSON_OBJECT)
    return refuse(err);
  *out = json;
  return VAULT_OK;
}

static int is_text(const vault__json *json, const char *key, const char *want) {
  vault_str got;
  return vault__json_get_text(json, key, &got) &&
         vault__str_eq(got, vault__str(want, strlen(want)));
}

static int read_id(const vault__json *json, const char *key, vault_id *out) {
  vault_str text;
  return vault__json_get_text(json, key, &text) && vault_id_parse(text.p, text.n, out) == VAULT_OK;
}

static int read_header(const vault__json *h, vault_str *kid) {
  return !vault__json_get(h, "crit") && is_text(h, "alg", ALG) && is_text(h, "typ", TYP) &&
         vault__json_get_text(h, "kid", kid) && kid->n && kid->n <= VAULT__TOKEN_KID_MAX;
}

static int read_claims(const vault__json *json, vault__claims *c) {
  c->nbf_s = INT64_MIN;
  if (vault__json_get(json, "nbf") && !vault__json_get_int(json, "nbf", &c->nbf_s))
    return 0;
  return vault__json_get_text(json, "iss", &c->iss) && vault__json_get_text(json, "aud", &c->aud) &&
         is_text(json, "client_id", VAULT__TOKEN_CLIENT) && read_id(json, "sub", &c->sub) &&
         read_id(json, "sid", &c->sid) && read_id(json, "jti", &c->jti) &&
         vault__json_get_int(json, "epoch", &c->epoch) &&
         vault__json_get_int(json, "iat", &c->iat_s) && vault__json_get_int(json, "exp", &c->exp_s);
}

/* Three parts and no more. */
static int split(const char *p, uint64_t n, vault_str part[3]) {
  for (unsigned i = 0; i < 3; i++) {
    const char *dot = n ? memchr(p, '.', (size_t)n) : NULL;
    if ((dot != NULL) != (i < 2))
      return 0;
    part[i] = vault__str(p, dot ? (uint64_t)(dot - p) : n);
    p += part[i].n + (dot != NULL);
    n -= part[i].n + (dot != NULL);
  }
  return 1;
}

vault_status vault__token_parse(const char *p, uint64_t n, vault__arena *a, vault__token *out,
                                vault_err *err) {
  vault__token token = {0};
  vault_str part[3];
  const vault__json *header, *payload;
  uint64_t signature_n = 0;
  if (n > VAULT__TOKEN_MAX || !split(p, n, part))
    return refuse(err);
  if (part[2].n != SIGNATURE_CHARS ||
      vault__b64url_decode(part[2].p, part[2].n, token.signature, sizeof token.signature,
                           &signature_n) != VAULT_OK)
    return refuse(err);
  VAULT_TRY(object(part[0], a, &header, err));
  if (!read_header(header, &token.kid))
    return refuse(err);
  VAULT_TRY(object(part[1], a, &payload, err));
  if (!read_claims(payload, &token.claims))
    return refuse(err);
  token.signed_part = vault__str(p, part[0].n + 1 + part[1].n);
  *out = token;
  return VAULT_OK;
}

/* Seconds to milliseconds, stopping at the ends: a token may claim any number. */
static int64_t to_ms(int64_t s) {
  if (s > INT64_MAX / MS_PER_S)
    return INT64_MAX;
  return s < INT64_MIN / MS_PER_S ? INT64_MIN : s * MS_PER_S;
}

vault_status vault__claims_check(const vault__claims *claims, vault_str issuer, vault_str audience,
                                 int64_t now_ms, vault_err *err) {
  if (!vault__str_eq(claims->iss, issuer) || !vault__str_eq(claims->aud, audience))
    return vault__fail(err, VAULT_E_TOKEN, VAULT_ORIGIN_CORE, 0,
                       "the access token was made by or for another service; sign in here");
  int64_t newest_ms =
    now_ms > INT64_MAX - VAULT__TOKEN_SKEW_MS ? INT64_MAX : now_ms + VAULT__TOKEN_SKEW_MS;
  if (to_ms(claims->iat_s) > newest_ms ||
      (claims->nbf_s != INT64_MIN && to_ms(claims->nbf_s) > newest_ms))
    return vault__fail(err, VAULT_E_TOKEN, VAULT_ORIGIN_CORE, 0,
                       "the access token is from the future; check the clocks, then sign in again");
  if (to_ms(claims->exp_s) <= now_ms)
    return vault__fail(err, VAULT_E_TOKEN_EXPIRED, VAULT_ORIGIN_CORE, 0, NULL);
  return VAULT_OK;
}
