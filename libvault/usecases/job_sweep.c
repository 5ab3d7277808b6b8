/* Housekeeping. "clock", each minute: the database remembers the latest time, so that a clock
 * that jumps back before the next start extends nothing. "sweep", each hour: challenges,
 * sessions, limits and op keys that have ended. */
#include "auth_shared.h"
#include "job_kinds.h"

#define CLOCK_EVERY_MS INT64_C(60000)
#define SWEEP_EVERY_MS INT64_C(3600000)
/* Ended sessions are kept this long, so that their tokens are told "signed out". */
#define KEEP_ENDED_MS (INT64_C(7) * 86400000)
#define SWEEP_ROWS 500u  /* in one transaction */
#define SWEEP_ROUNDS 40u /* of one run; the rest waits for the next */

typedef vault_status sweep_fn(vault *v, int64_t now_ms, uint64_t *n, vault_err *err);

static vault_status sweep_identity(vault *v, int64_t now_ms, uint64_t *n, vault_err *err) {
  return v->identity->sweep(v->identity_self, now_ms - KEEP_ENDED_MS, SWEEP_ROWS, n, err);
}

static vault_status sweep_limits(vault *v, int64_t now_ms, uint64_t *n, vault_err *err) {
  return v->limiter->sweep(v->limiter_self, now_ms, SWEEP_ROWS, n, err);
}

static vault_status sweep_ops(vault *v, int64_t now_ms, uint64_t *n, vault_err *err) {
  return v->items->sweep_ops(v->items_self, now_ms - v->settings.op_memory_ms, SWEEP_ROWS, n, err);
}

/* 1: there is more. A failure of one does not keep the others from running. */
static int sweep_some(vault *v, sweep_fn *sweep, int64_t now_ms, vault__job_end *end,
                      vault_err *err) {
  uint64_t n = SWEEP_ROWS;
  for (uint32_t i = 0; i < SWEEP_ROUNDS && n >= SWEEP_ROWS; i++) {
    n = 0;
    vault_status s = sweep(v, now_ms, &n, err);
    if (s != VAULT_OK) {
      end->failed = s;
      return 0;
    }
  }
  return n >= SWEEP_ROWS;
}

void vault__job_sweep(vault *v, const vault_job_row *job, vault__job_end *end, vault_err *err) {
  static sweep_fn *const all[] = {sweep_identity, sweep_limits, sweep_ops};
  int64_t now_ms = vault__now_ms(v), floor_ms = now_ms, every_ms = CLOCK_EVERY_MS;
  int more = 0;
  if (job->payload_n == 1 && job->payload[0] == VAULT__SWEEP_ALL) {
    every_ms = SWEEP_EVERY_MS;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
      more |= sweep_some(v, all[i], now_ms, end, err);
  } else {
    end->failed = v->identity->clock_floor(v->identity_self, now_ms, &floor_ms, err);
    if (end->failed == VAULT_OK)
      vault__raise_floor(v, floor_ms);
  }
  end->again_ms = more ? now_ms : now_ms + every_ms;
}
