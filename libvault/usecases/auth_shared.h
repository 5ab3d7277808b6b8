/* What the parts of signing in share: challenge tokens and their MACs, limiter keys, what is
 * kept of a client, session keys, tokens. Any thread, unless it says otherwise. */
#ifndef VAULT__AUTH_SHARED_H
#define VAULT__AUTH_SHARED_H

#include "handle.h"
#include "libvault/base/buf.h"
#include "libvault/crypto/mac.h"
#include "libvault/domain/refresh.h"
#include "vault/auth.h"

#define VAULT__CHALLENGE_SECRET 16u
#define VAULT__ADDRESS_GROUP 17u     /* a kind and at most 16 bytes */
#define VAULT__PURPOSE_LOGIN "login" /* VAULT_PURPOSE_SIGN_IN in the MAC of a code */

/* A key in the ring may be one older than the newest for as long as a challenge lives. */
#define VAULT__CHALLENGE_KEYS 2u

typedef struct vault__challenge_ref {
  vault_id id;
  uint8_t secret[VAULT__CHALLENGE_SECRET];
} vault__challenge_ref;

typedef struct vault__limit_key {
  char text[VAULT_LIMIT_KEY_MAX];
} vault__limit_key;

/* base64url(id, secret). parse: 1 if it has that shape. */
void vault__challenge_format(const vault__challenge_ref *ref, char out[VAULT_CHALLENGE_TEXT]);
int vault__challenge_parse(const char *p, uint64_t n, vault__challenge_ref *out);

/* What the database keeps of a challenge's secret, made with the i-th newest key (0: the one
 * to make with). 0: there is no such key. */
int vault__challenge_mac(const vault *v, const vault__challenge_ref *ref, uint32_t i,
                         uint8_t out[VAULT__MAC_BYTES]);

/* What the database keeps of a code. kid: of the key; NULL: the newest, whose id is given in
 * *used. 0: no such key, or the code has not the shape of one. */
int vault__code_mac(const vault *v, const char *kid, const vault_id *challenge, const char *phone,
                    const char *code, uint8_t out[VAULT__MAC_BYTES], const char **used);

/* "KIND/<keyed hash>": a limiter key that does not show whom it is about. */
vault_str vault__limit_key_make(const vault *v, const char *kind, const void *p, uint64_t n,
                                vault__limit_key *out);

/* Addresses that count as one: an IPv4 /24, an IPv6 /56; a text that is neither is itself.
 * Returns the bytes written; 0 when the address is not known. */
uint32_t vault__address_group(const vault_client *client, uint8_t out[VAULT__ADDRESS_GROUP]);

/* LIMIT with the time to wait. */
vault_status vault__limited(vault_err *err, int64_t retry_after_ms, const char *what);

/* Copy at most room - 1 bytes without cutting a character; what is not UTF-8, or a control
 * character, becomes '?'. */
void vault__keep_text(vault_str text, char *out, uint64_t room);

/* UNCERTAIN becomes RETRY, where doing the same again is safe. */
vault_status vault__repeatable(vault_status s, vault_err *err);

/* The key of one session's refresh tokens. 0: the ring has no such key. */
int vault__session_key(const vault *v, const char *kid, const vault_id *session,
                       uint8_t out[VAULT__KEY_BYTES]);

void vault__log_id(vault *v, uint32_t level, const char *event, const char *key,
                   const vault_id *id);

/* The caller's struct is as large as this library's. */
int vault__size_ok(const void *sized, uint64_t need);

/* ---- grant.c ---- */

/* Empty; free it with vault_grant_free. NULL: no memory. */
vault_grant *vault__grant_new(vault *v);

/* Fill in both tokens for a session (id, user, phone, epoch, kid, expires_ms, last_seen_ms are
 * read). jti: a new id, made by the caller so that nothing can fail after its commit but memory. */
vault_status vault__grant_fill(vault *v, const vault_session_row *session, int64_t counter,
                               const vault_id *jti, int64_t now_ms, vault_grant *g, vault_err *err);
void vault__grant_set_new_user(vault_grant *g, uint32_t new_user);

/* ---- auth_token.c ---- */

/* Append an access token. exp_ms: cut to whole seconds. */
vault_status vault__token_make(vault *v, const vault_session_row *session, const vault_id *jti,
                               int64_t now_ms, int64_t exp_ms, vault__buf *out, vault_err *err);

#endif
