/* Port: accounts, one-time codes, sessions and devices.
 * Threads: any thread, several at once. May block.
 * Rows are plain values in the caller's memory; text is NUL-terminated UTF-8.
 * Every method is one transaction, durable before it returns OK, and changes nothing when
 * it returns anything else (UNCERTAIN: unknown). */
#ifndef VAULT_PORTS_REPOSITORY_IDENTITY_H
#define VAULT_PORTS_REPOSITORY_IDENTITY_H

#include "../../base.h"
#include "jobs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_IDENTITY_REPO_V1 1u

#define VAULT_PHONE_TEXT 20u        /* "+" and at most 15 digits, NUL included */
#define VAULT_KID_TEXT 20u          /* a key id, NUL included */
#define VAULT_DEVICE_NAME_TEXT 128u /* NUL included */
#define VAULT_AGENT_TEXT 256u       /* NUL included */
#define VAULT_ADDRESS_TEXT 48u      /* NUL included */
#define VAULT_LIVE_CODES 2u         /* codes of one challenge that are valid together */

#define VAULT_PURPOSE_SIGN_IN 1u

typedef struct vault_account_row {
  vault_id id;
  char phone[VAULT_PHONE_TEXT]; /* E.164, unique */
  uint32_t reserved;
  int64_t created_ms;
  int64_t disabled_ms; /* 0: not disabled */
  int64_t epoch;       /* grows when every token of the account must die */
} vault_account_row;

typedef struct vault_challenge_row {
  vault_id id;
  uint8_t secret_mac[32]; /* keyed hash of the secret that only the client holds */
  char phone[VAULT_PHONE_TEXT];
  uint32_t purpose;
  uint32_t attempts;
  uint32_t last_n;     /* number of the newest code, from 1 */
  int64_t created_ms;
  int64_t expires_ms;  /* of the newest code */
  int64_t consumed_ms; /* 0: not consumed */
} vault_challenge_row;

typedef struct vault_code_row {
  vault_id challenge;
  uint32_t n;
  uint32_t reserved;
  uint8_t mac[32];
  char kid[VAULT_KID_TEXT]; /* the key that made mac */
  uint32_t reserved2;
  int64_t created_ms;
  int64_t expires_ms;
  int64_t live_ms; /* when it became valid; 0: not yet accepted by the gateway */
} vault_code_row;

typedef struct vault_attempt_row {
  char phone[VAULT_PHONE_TEXT];
  uint32_t purpose;
  uint32_t attempts; /* this one included */
  uint32_t n_codes;  /* live, unexpired codes; at least one */
  vault_code_row codes[VAULT_LIVE_CODES];
} vault_attempt_row;

typedef struct vault_session_row {
  vault_id id;
  vault_id user;
  vault_id device;
  char device_name[VAULT_DEVICE_NAME_TEXT];
  char agent[VAULT_AGENT_TEXT];
  char address[VAULT_ADDRESS_TEXT];
  char kid[VAULT_KID_TEXT]; /* of the key that its refresh tokens are derived from */
  uint32_t revoke_reason;   /* VAULT_REVOKE_* */
  int64_t created_ms;
  int64_t last_seen_ms;
  int64_t expires_ms;       /* absolute end */
  int64_t revoked_ms;       /* 0: not revoked */
  /* Refresh counters (security-reliability rules R1 to R4): c is the newest token issued,
   * a the one that it replaced, prev_a the one before, moved_ms when a last moved,
   * issued_ms when c was first given out. After sign-in a = 0, c = 1. */
  int64_t a, c, prev_a, moved_ms, issued_ms;
  /* Of the account, joined in: */
  int64_t epoch;
  int64_t disabled_ms;
  char phone[VAULT_PHONE_TEXT];
  uint32_t reserved;
} vault_session_row;

#define VAULT_REVOKE_LOGOUT 1u
#define VAULT_REVOKE_BY_USER 2u  /* from another session */
#define VAULT_REVOKE_THEFT 3u    /* a used refresh token came back */
#define VAULT_REVOKE_BY_ADMIN 4u

/* What redeem writes, all in one transaction. */
typedef struct vault_redeem {
  vault_id challenge;
  vault_id new_user;        /* the account's id if the phone is unknown */
  uint64_t quota_bytes;     /* of a new account */
  vault_session_row session; /* id, device, names, kid, times and counters; not user */
  int64_t now_ms;
} vault_redeem;

typedef struct vault_refresh_state {
  int64_t a, c, prev_a, moved_ms, issued_ms;
} vault_refresh_state;

typedef struct vault_identity_repo_ops {
  uint32_t size;    /* sizeof(vault_identity_repo_ops) */
  uint32_t version; /* VAULT_IDENTITY_REPO_V1 */

  /* ---- codes ---- */

  /* Must provide. Write a challenge, its first code and the job that sends it. */
  vault_status (*create_challenge)(void *self, const vault_challenge_row *challenge,
                                   const vault_code_row *code, const vault_job_row *job,
                                   vault_err *err);

  /* Must provide. Read a challenge. VAULT_E_CODE: unknown id, or another secret. */
  vault_status (*get_challenge)(void *self, const vault_id *id, const uint8_t *secret_mac,
                                vault_challenge_row *out, vault_err *err);

  /* Must provide. Add code n = last_n + 1 to a challenge that is not consumed, with the job
   * that sends it; expires_ms becomes the code's. CONFLICT: last_n has moved, or it is
   * consumed. The code is not valid before code_accepted. */
  vault_status (*add_code)(void *self, const vault_code_row *code, const vault_job_row *job,
                           vault_err *err);

  /* Must provide. The gateway took code n: it is live from now on, and only the newest
   * VAULT_LIVE_CODES live codes of the challenge stay. OK if it was live already. */
  vault_status (*code_accepted)(void *self, const vault_id *challenge, uint32_t n, int64_t now_ms,
                                vault_err *err);

  /* Must provide. Count one attempt if the challenge is not consumed, fewer than
   * max_attempts were made, the secret fits and a live code has not expired; commit it;
   * then give the live unexpired codes, newest first. VAULT_E_CODE otherwise: it never
   * says why. Of N parallel calls at most max_attempts ever get OK. */
  vault_status (*count_attempt)(void *self, const vault_id *challenge, const uint8_t *secret_mac,
                                uint32_t max_attempts, int64_t now_ms, vault_attempt_row *out,
                                vault_err *err);

  /* Must provide. Consume the challenge (only one caller ever gets OK), find or make the
   * account of its phone with its usage and sequence rows, add device and session, and
   * delete the phone's other challenges. VAULT_E_CODE: consumed already.
   * ACCOUNT_DISABLED. *new_user: 1 if the account was made. */
  vault_status (*redeem)(void *self, const vault_redeem *in, vault_account_row *account,
                         uint32_t *new_user, vault_err *err);

  /* ---- sessions ---- */

  /* Must provide. One statement that joins session and account. NOT_FOUND. Gives revoked,
   * expired and disabled ones as well: the rules are the caller's. */
  vault_status (*get_session)(void *self, const vault_id *session, vault_session_row *out,
                              vault_err *err);

  /* Must provide. Compare and set: if the session is not revoked and still has
   * expect->a and expect->c, write `next` and last_seen_ms. CONFLICT otherwise. */
  vault_status (*move_refresh)(void *self, const vault_id *session,
                               const vault_refresh_state *expect, const vault_refresh_state *next,
                               int64_t now_ms, vault_err *err);

  /* Must provide. NOT_FOUND: no such session of this user. OK if it was revoked already. */
  vault_status (*revoke_session)(void *self, const vault_id *user, const vault_id *session,
                                 uint32_t reason, int64_t now_ms, vault_err *err);

  /* Must provide. Revoke every session of the user but `keep` (NULL: all, and the account's
   * epoch grows by one). *n: how many were revoked. */
  vault_status (*revoke_sessions)(void *self, const vault_id *user, const vault_id *keep,
                                  uint32_t reason, int64_t now_ms, uint64_t *n, vault_err *err);

  /* Must provide. Live (not revoked, not expired) sessions by id, after `after` (zero: the
   * first page). */
  vault_status (*list_sessions)(void *self, const vault_id *user, const vault_id *after,
                                int64_t now_ms, vault_session_row *rows, uint64_t max,
                                uint64_t *n, vault_err *err);

  /* ---- accounts ---- */

  /* Must provide. NOT_FOUND. */
  vault_status (*get_account)(void *self, const vault_id *user, vault_account_row *out,
                              vault_err *err);
  vault_status (*find_account)(void *self, vault_str phone, vault_account_row *out,
                               vault_err *err);
  /* Must provide. By id, after `after`. */
  vault_status (*list_accounts)(void *self, const vault_id *after, vault_account_row *rows,
                                uint64_t max, uint64_t *n, vault_err *err);
  /* Must provide. Disabling also revokes every session and moves the epoch. NOT_FOUND. */
  vault_status (*set_disabled)(void *self, const vault_id *user, uint32_t disabled,
                               int64_t now_ms, vault_err *err);

  /* ---- housekeeping ---- */

  /* Must provide. Remember the latest time ever seen and give it back: never earlier than
   * any earlier answer, so a clock that jumps back extends nothing. */
  vault_status (*clock_floor)(void *self, int64_t now_ms, int64_t *floor_ms, vault_err *err);

  /* Must provide. Remove up to `max` challenges and sessions that ended before before_ms. */
  vault_status (*sweep)(void *self, int64_t before_ms, uint64_t max, uint64_t *n, vault_err *err);

  /* May provide. Called once. */
  void (*destroy)(void *self);
} vault_identity_repo_ops;

#ifdef __cplusplus
}
#endif
#endif
