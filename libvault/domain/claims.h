/* Access tokens (RFC 9068 JWT access tokens, RFC 8725 practices): text <-> claims. One algorithm,
 * one type; who signs and verifies is the caller's business, and so is an unknown kid.
 * Confined to one thread (the arena). */
#ifndef VAULT__CLAIMS_H
#define VAULT__CLAIMS_H

#include "libvault/base/arena.h"
#include "libvault/base/buf.h"
#include "vault/base.h"

#define VAULT__TOKEN_MAX 4096 /* characters of a whole token */
#define VAULT__TOKEN_KID_MAX 64
#define VAULT__TOKEN_SIGNATURE 64 /* Ed25519 */
#define VAULT__TOKEN_CLIENT "vault"
#define VAULT__TOKEN_TTL_MS INT64_C(600000)
#define VAULT__TOKEN_SKEW_MS INT64_C(60000) /* how far in the future iat may lie */

typedef struct vault__claims {
  vault_str iss, aud;     /* borrowed */
  vault_id sub, sid, jti; /* user, session, token */
  int64_t epoch;          /* the user's sign-out-everywhere counter */
  int64_t iat_s, exp_s;   /* seconds since 1970, as in the token */
  int64_t nbf_s;          /* INT64_MIN: not in the token */
} vault__claims;

typedef struct vault__token {
  vault_str signed_part; /* header.payload, what the signature covers; borrowed from the input */
  vault_str kid;         /* as vault__claims */
  uint8_t signature[VAULT__TOKEN_SIGNATURE];
  vault__claims claims;
} vault__token;

/* Append header.payload to out. Sign what was appended, then call vault__token_finish.
 * OK | INPUT (kid or texts too long) | NO_MEMORY | TOO_LARGE (the token would pass VAULT__TOKEN_MAX) */
vault_status vault__token_begin(const vault__claims *claims, vault_str kid, vault__buf *out,
                                vault_err *err);
vault_status vault__token_finish(const uint8_t signature[VAULT__TOKEN_SIGNATURE], vault__buf *out,
                                 vault_err *err);

/* Take a token apart. Nothing in it may be believed before the signature over signed_part was
 * verified with the key named kid. Strings live as long as the text and the arena.
 * OK | TOKEN (not one of ours: length, padding, alg, typ, crit, duplicate or missing members)
 * | NO_MEMORY */
vault_status vault__token_parse(const char *p, uint64_t n, vault__arena *a, vault__token *out,
                                vault_err *err);

/* Issuer, audience and times of claims whose signature is good.
 * OK | TOKEN_EXPIRED | TOKEN (of another issuer or audience, not yet valid, made in the future) */
vault_status vault__claims_check(const vault__claims *claims, vault_str issuer, vault_str audience,
                                 int64_t now_ms, vault_err *err);

#endif
