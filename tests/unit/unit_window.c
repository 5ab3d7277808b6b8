#include <string.h>

#include "libvault/domain/window.h"
#include "tests/support/vt_main.h"

/* A small generator with a fixed seed: every run is the same. */
static uint64_t state64;
static uint32_t draw(uint32_t below) {
  state64 = state64 * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(state64 >> 33) % below;
}

typedef struct {
  uint8_t state[VAULT__WINDOW_STATE];
  uint64_t n;
} stored;

static vault__window_result take(stored *s, uint32_t limit, int64_t window_ms, int64_t now_ms,
                                 uint32_t cost) {
  vault__window_result r;
  if (vault__window_take(s->state, s->n, limit, window_ms, now_ms, cost, &r, NULL) != VAULT_OK)
    ck_abort_msg("take failed");
  int differs = s->n != r.state_n || memcmp(s->state, r.state, s->n) != 0;
  if (differs != r.changed)
    ck_abort_msg("changed is %d, not %d", r.changed, differs);
  s->n = r.state_n;
  memcpy(s->state, r.state, sizeof s->state);
  return r;
}

START_TEST(three_in_an_hour) {
  stored s = {{0}, 0};
  vault__window_result r = take(&s, 3, 3600000, 1000, 1);
  ck_assert_int_eq(r.allowed, 1);
  ck_assert_uint_eq(r.remaining, 2);
  ck_assert_int_eq(r.expires_ms, 3601000);
  ck_assert_int_eq(take(&s, 3, 3600000, 2000, 1).allowed, 1);
  ck_assert_int_eq(take(&s, 3, 3600000, 3000, 1).allowed, 1);
  r = take(&s, 3, 3600000, 4000, 1);
  ck_assert_int_eq(r.allowed, 0);
  ck_assert_int_eq(r.changed, 0);
  ck_assert_uint_eq(r.remaining, 0);
  ck_assert_int_eq(r.retry_after_ms, 3597000);
  ck_assert_int_eq(take(&s, 3, 3600000, 3600999, 1).allowed, 0);
  ck_assert_int_eq(take(&s, 3, 3600000, 3601000, 1).allowed, 1);
}
END_TEST

START_TEST(peek_takes_nothing) {
  stored s = {{0}, 0};
  vault__window_result r;
  take(&s, 2, 1000, 10, 1);
  vt_ok(vault__window_peek(s.state, s.n, 2, 1000, 20, 1, &r, NULL));
  ck_assert_int_eq(r.allowed, 1);
  ck_assert_int_eq(r.changed, 0);
  ck_assert_uint_eq(r.remaining, 1);
  vt_ok(vault__window_peek(s.state, s.n, 2, 1000, 20, 2, &r, NULL));
  ck_assert_int_eq(r.allowed, 0);
  ck_assert_int_eq(r.retry_after_ms, 990);
  vt_ok(vault__window_peek(NULL, 0, 2, 1000, 20, 3, &r, NULL)); /* can never fit */
  ck_assert_int_eq(r.allowed, 0);
  ck_assert_int_eq(r.retry_after_ms, 1000);
  vt_ok(vault__window_peek(NULL, 0, 0, 1000, 20, 1, &r, NULL)); /* nothing is ever allowed */
  ck_assert_int_eq(r.allowed, 0);
}
END_TEST

START_TEST(refuses) {
  uint8_t bad[VAULT__WINDOW_STATE] = {1, 2};
  vault__window_result r;
  r.allowed = 42;
  vt_status(vault__window_take(NULL, 0, 1, 0, 0, 1, &r, NULL), VAULT_E_USAGE);
  vt_status(vault__window_take(bad, 1, 1, 10, 0, 1, &r, NULL), VAULT_E_CORRUPT);
  vt_status(vault__window_take(bad, 2 + 12, 1, 10, 0, 1, &r, NULL),
            VAULT_E_CORRUPT); /* too short */
  vt_status(vault__window_take(bad, 2 + 24, 1, 10, 0, 1, &r, NULL),
            VAULT_E_CORRUPT); /* counts of 0 */
  bad[2 + 8] = bad[2 + 12 + 8] = 1;
  vt_ok(vault__window_take(bad, 2 + 24, 1, 10, 0, 1, &r, NULL));
  r.allowed = 42;
  bad[2] = 9; /* not rising */
  vt_status(vault__window_take(bad, 2 + 24, 1, 10, 0, 1, &r, NULL), VAULT_E_CORRUPT);
  bad[0] = 2, bad[2] = 0;
  vt_status(vault__window_take(bad, 2 + 24, 1, 10, 0, 1, &r, NULL), VAULT_E_CORRUPT);
  bad[0] = 1, bad[1] = 65;
  vt_status(vault__window_take(bad, sizeof bad, 1, 10, 0, 1, &r, NULL), VAULT_E_CORRUPT);
  ck_assert_int_eq(r.allowed, 42);
}
END_TEST

#define EVENTS 4000

/* Every accepted event, kept for ever; the answer is computed by counting. */
static struct {
  int64_t at[EVENTS];
  uint32_t cost[EVENTS];
  unsigned n;
} reference;

static uint64_t counted(int64_t now, int64_t window) {
  uint64_t used = 0;
  for (unsigned i = reference.n; i-- > 0 && reference.at[i] + window > now;)
    used += reference.cost[i];
  return used;
}

static void remember(int64_t now, uint32_t cost) {
  reference.at[reference.n] = now;
  reference.cost[reference.n++] = cost;
}

START_TEST(small_limits_equal_a_reference_log) {
  for (unsigned round = 0; round < 60; round++) {
    stored s = {{0}, 0};
    uint32_t limit = 1 + draw(64);
    int64_t window = 1 + draw(5000), now = draw(1000);
    reference.n = 0;
    for (unsigned i = 0; i < 300; i++) {
      now += draw(9) ? draw((uint32_t)(window / limit + 2)) : draw((uint32_t)window * 2);
      uint32_t cost = 1 + draw(draw(4) ? 1 : limit + 1);
      uint64_t used = counted(now, window);
      vault__window_result r = take(&s, limit, window, now, cost);
      if (r.allowed != (used + cost <= limit))
        ck_abort_msg("limit %u, window %d, used %d, cost %u: answered %d", limit, (int)window,
                     (int)used, cost, r.allowed);
      if (r.allowed) {
        remember(now, cost);
      } else if (cost <= limit) {
        /* The time that it names is the first at which it fits. */
        int64_t then = now + r.retry_after_ms;
        if (counted(then, window) + cost > limit || counted(then - 1, window) + cost <= limit)
          ck_abort_msg("retry_after %d is wrong", (int)r.retry_after_ms);
      }
      if (r.remaining != limit - counted(now, window))
        ck_abort_msg("remaining is wrong");
    }
  }
}
END_TEST

START_TEST(large_limits_never_pass_the_limit) {
  unsigned refused = 0;
  for (unsigned round = 0; round < 40; round++) {
    stored s = {{0}, 0};
    uint32_t limit = 65 + draw(500);
    int64_t window = 1 + draw(100000), width = (window - 1) / 60 + 1, now = draw(1000);
    reference.n = 0;
    for (unsigned i = 0; i < 3000; i++) {
      now += draw((uint32_t)(2 * window / limit) + 2);
      uint32_t cost = 1 + draw(3);
      uint64_t used = counted(now, window);
      vault__window_result next, r = take(&s, limit, window, now, cost);
      if (r.allowed && used + cost > limit)
        ck_abort_msg("limit %u, window %d: %d used, %u more", limit, (int)window, (int)used, cost);
      if (r.allowed) {
        remember(now, cost);
        continue;
      }
      /* Refused only for events that are younger than the window and one bucket. */
      refused++;
      if (counted(now, window + width) + cost <= limit)
        ck_abort_msg("refused without need");
      if (vault__window_peek(s.state, s.n, limit, window, now + r.retry_after_ms + width, cost,
                             &next, NULL) != VAULT_OK ||
          !next.allowed)
        ck_abort_msg("does not fit at the time that was named");
    }
  }
  ck_assert_uint_gt(refused, 1000);
}
END_TEST

START_TEST(clock_back_frees_nothing) {
  stored s = {{0}, 0};
  int64_t hour = 3600000, now = 100 * hour;
  for (unsigned i = 0; i < 5; i++)
    ck_assert_int_eq(take(&s, 5, hour, now + i, 1).allowed, 1);
  /* A day back: still full, and not for longer than a window from now. */
  vault__window_result r = take(&s, 5, hour, now - 24 * hour, 1);
  ck_assert_int_eq(r.allowed, 0);
  ck_assert_int_eq(r.changed, 1);
  ck_assert_int_eq(r.retry_after_ms, hour);
  ck_assert_int_eq(take(&s, 5, hour, now - 23 * hour - 1, 1).allowed, 0);
  ck_assert_int_eq(take(&s, 5, hour, now - 23 * hour, 1).allowed, 1);
}
END_TEST

START_TEST(jumping_clock_never_gives_more) {
  /* Readings of a clock that all lie within one window, in any order. */
  for (unsigned round = 0; round < 200; round++) {
    stored s = {{0}, 0};
    uint32_t limit = draw(2) ? 1 + draw(64) : 65 + draw(50), allowed = 0;
    for (unsigned i = 0; i < 300; i++)
      allowed += (uint32_t)take(&s, limit, 600, 1000000 + draw(600), 1).allowed;
    if (allowed != limit)
      ck_abort_msg("%u allowed of %u", allowed, limit);
  }
}
END_TEST

START_TEST(extreme_clocks) {
  static const int64_t clocks[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
  for (unsigned i = 0; i < 7; i++)
    for (unsigned j = 0; j < 7; j++)
      for (unsigned k = 0; k < 2; k++) {
        stored s = {{0}, 0};
        take(&s, k ? 5 : 500, INT64_C(86400000), clocks[i], 3);
        vault__window_result r = take(&s, k ? 5 : 500, INT64_C(86400000), clocks[j], 3);
        ck_assert_int_ge(r.retry_after_ms, 0);
        ck_assert_int_le(r.retry_after_ms, INT64_C(86400000));
      }
}
END_TEST

START_TEST(changed_settings_overflow_nothing) {
  stored s = {{0}, 0};
  for (unsigned i = 0; i < 64; i++)
    take(&s, 64, 1000, i, 1);
  ck_assert_uint_eq(s.n, VAULT__WINDOW_STATE);
  vault__window_result r = take(&s, 1000, 1000, 64, 10);
  ck_assert_int_eq(r.allowed, 1);
  ck_assert_uint_eq(r.remaining, 1000 - 74);
  ck_assert_uint_le(s.n, VAULT__WINDOW_STATE);
  ck_assert_int_eq(take(&s, 5, 1000, 65, 1).allowed, 0); /* lowered: full until they leave */
  ck_assert_int_eq(take(&s, UINT32_MAX, 1000, 66, UINT32_MAX - 100).allowed, 1);
  ck_assert_int_eq(take(&s, UINT32_MAX, 1000, 66, 100).allowed, 0);
}
END_TEST

static Suite *window(void) {
  const TTest *const all[] = {three_in_an_hour,
                              peek_takes_nothing,
                              refuses,
                              small_limits_equal_a_reference_log,
                              large_limits_never_pass_the_limit,
                              clock_back_frees_nothing,
                              jumping_clock_never_gives_more,
                              extreme_clocks,
                              changed_settings_overflow_nothing,
                              NULL};
  return vt_suite("window", all);
}

VT_MAIN(window)
