/* Sliding-window limits: at most `limit` in any `window_ms`, never more.
 *
 * The state is a small blob that the caller stores. Up to a limit of 64 it is the exact log of
 * events; above, events share buckets of a sixtieth of the window, stamped with the END of the
 * bucket, so that an event is at worst remembered a little too long.
 *
 * The clock may jump. An event stamped later than now happened at the latest now: it is moved
 * to now, so that a clock that went back neither frees budget nor locks for longer than one
 * window. Pure functions, any thread. */
#ifndef VAULT__WINDOW_H
#define VAULT__WINDOW_H

#include "vault/base.h"

#define VAULT__WINDOW_EVENTS 64
#define VAULT__WINDOW_STATE \
  (2 + VAULT__WINDOW_EVENTS * 12) /* version, count, (at_ms, count) each */

typedef struct vault__window_result {
  int allowed;
  int changed;            /* the state differs from the one given: store it, also when refused */
  uint64_t remaining;     /* of the limit, after this call */
  int64_t retry_after_ms; /* refused: when this cost fits (at most one window); else 0 */
  int64_t expires_ms;     /* from then on the state means the same as none; 0 when empty */
  uint32_t state_n;
  uint8_t state[VAULT__WINDOW_STATE];
} vault__window_result;

/* Take `cost` from the budget when it fits. state of 0 bytes: nothing happened yet. A cost above
 * the limit never fits. out is untouched on failure.
 * OK (look at allowed) | USAGE (window_ms below 1) | CORRUPT (not a state of ours) */
vault_status vault__window_take(const void *state, uint64_t state_n, uint32_t limit,
                                int64_t window_ms, int64_t now_ms, uint32_t cost,
                                vault__window_result *out, vault_err *err);

/* What take would answer, without taking: remaining is before the cost. */
vault_status vault__window_peek(const void *state, uint64_t state_n, uint32_t limit,
                                int64_t window_ms, int64_t now_ms, uint32_t cost,
                                vault__window_result *out, vault_err *err);

#endif
