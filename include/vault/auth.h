/* Signing in with a phone number and a code, access tokens, sessions.
 * Threads: any thread; everything may block, unless it says otherwise.
 * Ownership: inputs are borrowed for the call; results are owned by the caller and freed
 * by the function that each names. */
#ifndef VAULT_AUTH_H
#define VAULT_AUTH_H

#include "open.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_CHALLENGE_TEXT 44u /* 43 characters and a NUL */

/* Who is calling, for limits and for the list of sessions. NULL or empty: unknown. */
typedef struct vault_client {
  uint32_t size; /* sizeof(vault_client) */
  uint32_t flags; /* 0 */
  vault_str address;     /* "203.0.113.9" or "2001:db8::1"; not checked against anything */
  vault_str agent;       /* User-Agent; cut to 255 bytes */
  vault_str device_name; /* cut to 127 bytes */
} vault_client;

typedef struct vault_challenge {
  uint32_t size;          /* in: sizeof(vault_challenge) */
  uint32_t reserved;
  int64_t expires_in_ms;  /* the code's life */
  int64_t resend_in_ms;   /* when another code may be asked for */
  char token[VAULT_CHALLENGE_TEXT]; /* give it to the client only: it holds a secret */
} vault_challenge;

/* Ask for a code. The code is sent by a job: run vault_jobs_run soon. The answer is the
 * same whether the number is known or not. resend_of: a challenge of this number whose
 * code did not arrive (its earlier code stays valid), or n = 0.
 * OK | PHONE | PHONE_COUNTRY | CODE (resend_of is not a live challenge of this number) |
 * LIMIT (err.retry_after_ms) | USAGE (also: the vault was opened with sms "none:", so it
 * sends no codes) | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_auth_request_code(vault *v, const char *phone, uint64_t phone_len,
                                               const char *resend_of, uint64_t resend_of_len,
                                               const vault_client *client, vault_challenge *out,
                                               vault_err *err);

/* A new pair of tokens. Everything is borrowed from the grant and wiped when it is freed. */
typedef struct vault_grant vault_grant;

typedef struct vault_grant_view {
  uint32_t size; /* sizeof(vault_grant_view) of the library */
  uint32_t new_user;
  vault_id user;
  vault_id session;
  int64_t access_expires_ms;  /* time */
  int64_t refresh_expires_ms; /* time, if it is not used before */
  vault_str access_token;
  vault_str refresh_token;
  vault_str phone;            /* E.164 */
} vault_grant_view;

VAULT_API const vault_grant_view *vault_grant_get(const vault_grant *g); /* until vault_grant_free */
VAULT_API void vault_grant_free(vault_grant *g);                         /* takes NULL */

/* Check a code and open a session; an unknown number becomes a new user. The attempt is
 * counted before the code is looked at. A code works once.
 * OK | CODE | LIMIT | ACCOUNT_DISABLED | RETRY | UNCERTAIN | IO | NO_MEMORY */
VAULT_API vault_status vault_auth_verify_code(vault *v, const char *challenge,
                                              uint64_t challenge_len, const char *code,
                                              uint64_t code_len, const vault_client *client,
                                              vault_grant **out, vault_err *err);

/* Exchange a refresh token for new tokens. The same token may be presented again for 30 s
 * (an answer was lost, two tabs) and gives the same answer. Later it means that two people
 * have it: the session is revoked.
 * OK | REFRESH | SESSION_REVOKED | ACCOUNT_DISABLED | REFRESH_RACE | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_auth_refresh(vault *v, const char *refresh_token,
                                          uint64_t refresh_token_len, const vault_client *client,
                                          vault_grant **out, vault_err *err);

/* Who a call is made for: what vault_auth_authenticate gives. A host with its own sign-in
 * may fill user itself (session zero); the use cases trust it. */
typedef struct vault_principal {
  uint32_t size; /* sizeof(vault_principal) */
  uint32_t flags; /* 0 */
  vault_id user;
  vault_id session;
  int64_t epoch;
  int64_t expires_ms; /* of the token */
} vault_principal;

/* For event loops: never wait for a network or for a signature; RETRY if the answer is not at hand, and then ask
 * again without the flag where waiting is allowed. On a vault with VAULT_CAP_LOCAL_READS the session of a
 * known token is looked up in place, one point read. */
#define VAULT_AUTH_CACHED 1u

/* Check an access token, and that its session still lives (no older than revoke_lag_ms).
 * client: its address is limited for tokens that do not verify. out: set size.
 * OK | TOKEN | TOKEN_EXPIRED | SESSION_REVOKED | ACCOUNT_DISABLED | LIMIT |
 * RETRY (database not reachable, or CACHED and not at hand) | NO_MEMORY */
VAULT_API vault_status vault_auth_authenticate(vault *v, const char *access_token,
                                               uint64_t access_token_len,
                                               const vault_client *client, uint32_t flags,
                                               vault_principal *out, vault_err *err);

/* End the principal's own session. OK if it had ended already.
 * OK | NOT_FOUND | RETRY | IO */
VAULT_API vault_status vault_auth_logout(vault *v, const vault_principal *who, vault_err *err);

typedef struct vault_session_view {
  uint32_t size; /* stride: use vault_sessions_stride */
  uint32_t current; /* 1: the caller's own */
  vault_id id;
  int64_t created_ms;
  int64_t last_seen_ms;
  int64_t expires_ms;
  vault_str device_name;
  vault_str agent;
  vault_str address;
} vault_session_view;

typedef struct vault_sessions vault_sessions;

/* The live sessions of a user, oldest first, at most VAULT_SESSIONS_MAX.
 * OK | RETRY | IO | NO_MEMORY */
#define VAULT_SESSIONS_MAX 256u
VAULT_API vault_status vault_auth_sessions(vault *v, const vault_principal *who,
                                           vault_sessions **out, vault_err *err);
/* Row i starts at (char *)first + i * stride. All borrowed until vault_sessions_free. */
VAULT_API const vault_session_view *vault_sessions_rows(const vault_sessions *s, uint64_t *n,
                                                        uint32_t *stride);
VAULT_API void vault_sessions_free(vault_sessions *s); /* takes NULL */

/* End one session of the user. OK if it had ended already.
 * OK | NOT_FOUND | RETRY | IO */
VAULT_API vault_status vault_auth_revoke(vault *v, const vault_principal *who,
                                         const vault_id *session, vault_err *err);

/* The public keys that verify access tokens, as a JSON Web Key Set (RFC 7517, 8037).
 * buf: cap bytes; *len: what is needed, without a NUL. Does not block.
 * OK | TOO_LARGE (cap is less than *len; nothing was written) */
VAULT_API vault_status vault_auth_jwks(vault *v, char *buf, uint64_t cap, uint64_t *len,
                                       vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
