/* Refresh tokens: what to do when one is presented (rules R1-R4).
 *
 * A session keeps c, the counter of the newest token issued, and a, the one that it replaced.
 * Happy path: the client presents c, gets c+1, and a becomes c.
 * R1 x == c                    ROTATE  the client has the newest one: issue the next
 * R2 x == a, within 30 s       REPEAT  the answer was lost, or two tabs: issue the same c again
 * R3 x == a, later             FORK    nobody ever used c: issue c+1, the old c is dead
 *    x == prev_a, within 30 s  RACE    a late tab: no token, no harm (REFRESH_RACE)
 * R4 anything else             THEFT   revoke the session
 * The caller stores the new row by compare-and-set on (a, c), and starts again when that fails.
 * Pure functions, any thread. */
#ifndef VAULT__REFRESH_H
#define VAULT__REFRESH_H

#include "vault/base.h"

#define VAULT__REFRESH_GRACE_MS INT64_C(30000)
#define VAULT__REFRESH_IDLE_MS INT64_C(2592000000)      /* 30 days without use */
#define VAULT__REFRESH_ABSOLUTE_MS INT64_C(15552000000) /* 180 days after sign-in */

typedef struct vault__refresh_row {
  int64_t a, c, prev_a;
  int64_t moved_ms;  /* when a last changed */
  int64_t issued_ms; /* when c was first issued */
} vault__refresh_row;

enum {
  VAULT__REFRESH_ROTATE = 1,
  VAULT__REFRESH_REPEAT,
  VAULT__REFRESH_FORK,
  VAULT__REFRESH_RACE,
  VAULT__REFRESH_THEFT,
};

/* The row after sign-in: a = 0, c = 1. The first token has counter 1. */
vault__refresh_row vault__refresh_first(int64_t now_ms);

/* x: the counter of a token whose MAC is good. *next is the row to store (the same one for REPEAT,
 * RACE and THEFT); the token to issue has counter next->c for ROTATE, REPEAT and FORK.
 * grace_ms: how long "within 30 s" is; VAULT__REFRESH_GRACE_MS unless a host sets another.
 * Returns VAULT__REFRESH_*. */
int vault__refresh_decide(const vault__refresh_row *row, int64_t x, int64_t grace_ms,
                          int64_t now_ms, vault__refresh_row *next);

#define VAULT__REFRESH_MAC 32
#define VAULT__REFRESH_TEXT 76 /* base64url of sid, counter and MAC, and a NUL */
#define VAULT__REFRESH_MAC_INPUT 27

typedef struct vault__refresh_token {
  vault_id sid;
  int64_t counter; /* from 1 */
  uint8_t mac[VAULT__REFRESH_MAC];
} vault__refresh_token;

/* What the HMAC (with the session's own key) is computed over: "rt1", sid, counter. */
void vault__refresh_mac_input(const vault_id *sid, int64_t counter,
                              uint8_t out[VAULT__REFRESH_MAC_INPUT]);

void vault__refresh_format(const vault__refresh_token *token, char out[VAULT__REFRESH_TEXT]);

/* OK | REFRESH (not of this shape). out untouched on failure. */
vault_status vault__refresh_parse(const char *p, uint64_t n, vault__refresh_token *out,
                                  vault_err *err);

#endif
