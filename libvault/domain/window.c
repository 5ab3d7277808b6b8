#include "window.h"

#include <string.h>

#include "libvault/base/err.h"

#define VERSION 1u
#define PAIR 12u
#define BUCKETS 60 /* per window; with the open one and the one just leaving still below 64 */

typedef struct {
  int64_t at_ms[VAULT__WINDOW_EVENTS]; /* rising */
  uint32_t count[VAULT__WINDOW_EVENTS];
  uint32_t n;
} window_log;

static uint64_t get(const uint8_t *p, unsigned n) {
  uint64_t v = 0;
  while (n-- > 0)
    v = v << 8 | p[n];
  return v;
}

static void put(uint8_t *p, unsigned n, uint64_t v) {
  for (unsigned i = 0; i < n; i++)
    p[i] = (uint8_t)(v >> (8 * i));
}

static int load(const uint8_t *p, uint64_t n, window_log *log) {
  log->n = 0;
  if (!n)
    return 1;
  if (n < 2 || p[0] != VERSION || p[1] > VAULT__WINDOW_EVENTS || n != 2 + (uint64_t)p[1] * PAIR)
    return 0;
  log->n = p[1];
  for (uint32_t i = 0; i < log->n; i++) {
    log->at_ms[i] = (int64_t)get(p + 2 + i * PAIR, 8);
    log->count[i] = (uint32_t)get(p + 2 + i * PAIR + 8, 4);
    if (!log->count[i] || (i && log->at_ms[i] < log->at_ms[i - 1]))
      return 0;
  }
  return 1;
}

static void store(const window_log *log, vault__window_result *out) {
  memset(out->state, 0, sizeof out->state);
  out->state_n = log->n ? 2 + log->n * PAIR : 0;
  if (!log->n)
    return;
  out->state[0] = VERSION;
  out->state[1] = (uint8_t)log->n;
  for (uint32_t i = 0; i < log->n; i++) {
    put(out->state + 2 + i * PAIR, 8, (uint64_t)log->at_ms[i]);
    put(out->state + 2 + i * PAIR + 8, 4, log->count[i]);
  }
}

/* a + b for b >= 0, stopping at the end of the range: clocks may say anything. */
static int64_t later(int64_t a, int64_t b) {
  return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* The stamp of an event that happens now. */
static int64_t stamp(uint32_t limit, int64_t window_ms, int64_t now_ms) {
  if (limit <= VAULT__WINDOW_EVENTS)
    return now_ms;
  int64_t width = (window_ms - 1) / BUCKETS + 1;
  int64_t into = now_ms % width;
  if (into < 0) /* before 1970 */
    into += width;
  return later(now_ms, width - into);
}

static uint32_t sum32(uint32_t a, uint32_t b) {
  return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* Drop what is past, pull what lies in the future back to `newest`, join equal stamps. */
static void tidy(window_log *log, int64_t newest, int64_t now_ms, int64_t window_ms) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < log->n; i++) {
    int64_t at = log->at_ms[i] > newest ? newest : log->at_ms[i];
    uint32_t count = log->count[i];
    if (later(at, window_ms) <= now_ms)
      continue;
    if (kept && log->at_ms[kept - 1] == at) {
      log->count[kept - 1] = sum32(log->count[kept - 1], count);
      continue;
    }
    log->at_ms[kept] = at;
    log->count[kept++] = count;
  }
  log->n = kept;
}

static void add(window_log *log, int64_t at_ms, uint32_t count) {
  if (log->n && log->at_ms[log->n - 1] == at_ms) {
    log->count[log->n - 1] = sum32(log->count[log->n - 1], count);
    return;
  }
  if (log->n == VAULT__WINDOW_EVENTS) {
    /* Only after a change of settings: the two oldest become one at the later of their stamps,
     * which forgets nothing early. */
    log->count[1] = sum32(log->count[0], log->count[1]);
    memmove(log->at_ms, log->at_ms + 1, (VAULT__WINDOW_EVENTS - 1) * sizeof *log->at_ms);
    memmove(log->count, log->count + 1, (VAULT__WINDOW_EVENTS - 1) * sizeof *log->count);
    log->n--;
  }
  log->at_ms[log->n] = at_ms;
  log->count[log->n++] = count;
}

/* How long until `over` events more have left the window. */
static int64_t wait_for(const window_log *log, uint64_t over, int64_t window_ms, int64_t now_ms) {
  uint64_t gone = 0;
  for (uint32_t i = 0; i < log->n; i++) {
    gone += log->count[i];
    if (gone >= over)
      return later(log->at_ms[i], window_ms) - now_ms; /* above 0: what is left is live */
  }
  return window_ms;
}

static vault_status decide(const void *state, uint64_t state_n, uint32_t limit, int64_t window_ms,
                           int64_t now_ms, uint32_t cost, int taking, vault__window_result *out,
                           vault_err *err) {
  window_log log;
  uint64_t used = 0;
  if (window_ms < 1)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_LIMITER, 0,
                       "a limit's window must be at least 1 ms");
  if (!load(state, state_n, &log))
    return vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_LIMITER, 0,
                       "the stored state of a rate limit is damaged; delete it");
  int64_t newest = stamp(limit, window_ms, now_ms);
  tidy(&log, newest, now_ms, window_ms);
  for (uint32_t i = 0; i < log.n; i++)
    used += log.count[i];
  int allowed = used <= limit && cost <= limit - used;
  int64_t retry_ms = 0;
  if (!allowed) {
    retry_ms = cost > limit ? window_ms : wait_for(&log, used + cost - limit, window_ms, now_ms);
    if (retry_ms > window_ms) /* by less than one bucket */
      retry_ms = window_ms;
  }
  if (allowed && taking && cost) {
    add(&log, newest, cost);
    used += cost;
  }
  out->allowed = allowed;
  out->remaining = used < limit ? limit - used : 0;
  out->retry_after_ms = retry_ms;
  out->expires_ms = log.n ? later(log.at_ms[log.n - 1], window_ms) : 0;
  store(&log, out);
  out->changed =
    out->state_n != state_n || (state_n && memcmp(out->state, state, (size_t)state_n) != 0);
  return VAULT_OK;
}

vault_status vault__window_take(const void *state, uint64_t state_n, uint32_t limit,
                                int64_t window_ms, int64_t now_ms, uint32_t cost,
                                vault__window_result *out, vault_err *err) {
  return decide(state, state_n, limit, window_ms, now_ms, cost, 1, out, err);
}

vault_status vault__window_peek(const void *state, uint64_t state_n, uint32_t limit,
                                int64_t window_ms, int64_t now_ms, uint32_t cost,
                                vault__window_result *out, vault_err *err) {
  return decide(state, state_n, limit, window_ms, now_ms, cost, 0, out, err);
}
