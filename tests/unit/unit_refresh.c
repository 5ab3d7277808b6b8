#include <stdio.h>
#include <string.h>

#include "libvault/base/id.h"
#include "libvault/domain/refresh.h"
#include "tests/support/vt_main.h"

static int decide(const vault__refresh_row *row, int64_t x, int64_t now_ms,
                  vault__refresh_row *next) {
  return vault__refresh_decide(row, x, VAULT__REFRESH_GRACE_MS, now_ms, next);
}

START_TEST(each_rule) {
  vault__refresh_row next, row = vault__refresh_first(1000);
  ck_assert_int_eq(row.a, 0);
  ck_assert_int_eq(row.c, 1);
  ck_assert_int_eq(decide(&row, 1, 100000, &next), VAULT__REFRESH_ROTATE);
  ck_assert_int_eq(next.a, 1);
  ck_assert_int_eq(next.c, 2);
  row = next;
  ck_assert_int_eq(decide(&row, 1, 130000, &next), VAULT__REFRESH_REPEAT);
  ck_assert_mem_eq(&row, &next, sizeof row);
  ck_assert_int_eq(decide(&row, 1, 130001, &next), VAULT__REFRESH_FORK);
  ck_assert_int_eq(next.a, 1);
  ck_assert_int_eq(next.c, 3);
  row = next;
  ck_assert_int_eq(decide(&row, 2, 130002, &next), VAULT__REFRESH_THEFT); /* superseded */
  ck_assert_mem_eq(&row, &next, sizeof row);
  ck_assert_int_eq(decide(&row, 3, 200000, &next), VAULT__REFRESH_ROTATE);
  row = next; /* a 3, c 4, prev_a 1 */
  ck_assert_int_eq(decide(&row, 1, 230000, &next), VAULT__REFRESH_RACE);
  ck_assert_mem_eq(&row, &next, sizeof row);
  ck_assert_int_eq(decide(&row, 1, 230001, &next), VAULT__REFRESH_THEFT);
  ck_assert_int_eq(decide(&row, 5, 200001, &next), VAULT__REFRESH_THEFT);
}
END_TEST

START_TEST(counters_out_of_range) {
  vault__refresh_row next, row = vault__refresh_first(0);
  ck_assert_int_eq(decide(&row, 0, 0, &next), VAULT__REFRESH_THEFT); /* never issued */
  ck_assert_int_eq(decide(&row, -1, 0, &next), VAULT__REFRESH_THEFT);
  row.c = INT64_MAX;
  ck_assert_int_eq(decide(&row, INT64_MAX, 0, &next), VAULT__REFRESH_THEFT);
}
END_TEST

START_TEST(clock_that_goes_back) {
  vault__refresh_row next,
    row = {.a = 5, .c = 6, .prev_a = 4, .moved_ms = 1000000, .issued_ms = 1000000};
  ck_assert_int_eq(decide(&row, 5, 970000, &next), VAULT__REFRESH_REPEAT);
  ck_assert_int_eq(decide(&row, 5, 969999, &next), VAULT__REFRESH_FORK);
  ck_assert_int_eq(decide(&row, 4, 969999, &next), VAULT__REFRESH_THEFT);
  row.issued_ms = INT64_MIN;
  ck_assert_int_eq(decide(&row, 5, INT64_MAX, &next), VAULT__REFRESH_FORK);
  row.issued_ms = INT64_MAX;
  ck_assert_int_eq(decide(&row, 5, INT64_MIN, &next), VAULT__REFRESH_FORK);
}
END_TEST

/* ---- an honest browser: one cookie jar, answers that get lost, a second tab ----
 * Every sequence of steps up to DEPTH. A request is answered, or its answer is lost, or two
 * tabs send the same token at once, where the answers come in either order or one is lost. Between
 * steps little or much time goes by. The session must never be revoked. */
#define DEPTH 7
enum {
  ANSWERED,
  LOST,
  TWO_TABS,
  TWO_TABS_FIRST_LOST,
  TWO_TABS_BOTH_LOST,
  TWO_TABS_REVERSED,
  STEPS
};

typedef struct {
  vault__refresh_row row;
  int64_t jar, now;
} browser;

/* Returns the counter that was issued, 0 for none, -1 when the session was revoked. */
static int64_t present(vault__refresh_row *row, int64_t x, int64_t now) {
  vault__refresh_row next;
  int action = decide(row, x, now, &next);
  *row = next;
  if (action == VAULT__REFRESH_THEFT)
    return -1;
  return action == VAULT__REFRESH_RACE ? 0 : next.c;
}

static void keep(browser *b, int64_t counter) {
  if (counter)
    b->jar = counter;
}

static unsigned honest(browser b, unsigned depth) {
  unsigned seen = 1;
  if (depth == DEPTH)
    return seen;
  for (int step = 0; step < STEPS; step++)
    for (int late = 0; late < 2; late++) {
      browser n = b;
      n.now += late ? 40000 : 10;
      int64_t sent = n.jar, first = present(&n.row, sent, n.now), second = 0;
      if (step >= TWO_TABS)
        second = present(&n.row, sent, n.now + 5);
      if (first < 0 || second < 0)
        ck_abort_msg("an honest browser was revoked: depth %u, step %d, late %d", depth, step,
                     late);
      if (step == ANSWERED || step == TWO_TABS)
        keep(&n, first);
      if (step == TWO_TABS || step == TWO_TABS_FIRST_LOST || step == TWO_TABS_REVERSED)
        keep(&n, second);
      if (step == TWO_TABS_REVERSED)
        keep(&n, first);
      seen += honest(n, depth + 1);
    }
  return seen;
}

START_TEST(honest_browser_is_never_revoked) {
  browser b = {vault__refresh_first(0), 1, 0};
  unsigned seen = honest(b, 0);
  ck_assert_uint_gt(seen, 1000000);
}
END_TEST

/* A copy is stolen, and owner and thief refresh in every order, more than 30 s apart. Once both
 * have refreshed after one another twice, the session must be gone. */
#define TURNS 11

START_TEST(thief_is_caught_within_two_alternations) {
  unsigned worst = 0;
  for (unsigned before = 0; before < 3; before++)
    for (unsigned order = 0; order < 1u << TURNS; order++) {
      vault__refresh_row row = vault__refresh_first(0);
      int64_t now = 0, held[2] = {1, 1};
      for (unsigned i = 0; i < before; i++)
        held[0] = present(&row, held[0], now += 40000);
      held[1] = held[0];
      unsigned alternations = 0, last = 2, caught = 0;
      for (unsigned turn = 0; turn < TURNS && !caught; turn++) {
        unsigned who = order >> turn & 1;
        alternations += last != 2 && who != last;
        last = who;
        int64_t got = present(&row, held[who], now += 40000);
        caught = got < 0;
        if (got > 0)
          held[who] = got;
      }
      if (caught && alternations > worst)
        worst = alternations;
      if (!caught && alternations >= 2)
        ck_abort_msg("order %x, before %u: not caught after %u alternations", order, before,
                     alternations);
    }
  ck_assert_uint_le(worst, 2);
}
END_TEST

START_TEST(text_both_ways) {
  vault__refresh_token token = {{{1, 2, 3}}, INT64_C(0x0102030405060708), {9, 8, 7}}, back;
  char text[VAULT__REFRESH_TEXT];
  vault__refresh_format(&token, text);
  ck_assert_uint_eq(strlen(text), VAULT__REFRESH_TEXT - 1);
  vt_ok(vault__refresh_parse(text, strlen(text), &back, NULL));
  ck_assert_int_eq(vault__id_eq(&token.sid, &back.sid), 1);
  ck_assert_int_eq(token.counter, back.counter);
  ck_assert_mem_eq(token.mac, back.mac, sizeof token.mac);
}
END_TEST

START_TEST(text_refuses) {
  vault__refresh_token token = {{{1}}, 1, {2}}, back = {.counter = 77};
  char text[VAULT__REFRESH_TEXT + 2];
  vault_err err = VAULT_ERR_INIT;
  vault__refresh_format(&token, text);
  vt_status(vault__refresh_parse(text, strlen(text) - 1, &back, &err), VAULT_E_REFRESH);
  vt_status(vault__refresh_parse("", 0, &back, &err), VAULT_E_REFRESH);
  text[75] = '=';
  vt_status(vault__refresh_parse(text, 76, &back, &err), VAULT_E_REFRESH);
  text[5] = '+';
  vt_status(vault__refresh_parse(text, 75, &back, &err), VAULT_E_REFRESH);
  vault__refresh_format(&token, text);
  text[74]++; /* unused bits of the last character */
  vt_status(vault__refresh_parse(text, 75, &back, &err), VAULT_E_REFRESH);
  token.counter = 0;
  vault__refresh_format(&token, text);
  vt_status(vault__refresh_parse(text, 75, &back, &err), VAULT_E_REFRESH);
  token.counter = -5;
  vault__refresh_format(&token, text);
  vt_status(vault__refresh_parse(text, 75, &back, &err), VAULT_E_REFRESH);
  ck_assert_int_eq(back.counter, 77);
}
END_TEST

START_TEST(mac_input) {
  const vault_id sid = {{0xaa}};
  uint8_t out[VAULT__REFRESH_MAC_INPUT];
  vault__refresh_mac_input(&sid, 0x0102, out);
  ck_assert_mem_eq(out, "rt1\xaa", 4);
  ck_assert_mem_eq(out + 19, "\0\0\0\0\0\0\1\2", 8);
}
END_TEST

static Suite *refresh(void) {
  const TTest *const all[] = {each_rule,
                              counters_out_of_range,
                              clock_that_goes_back,
                              honest_browser_is_never_revoked,
                              thief_is_caught_within_two_alternations,
                              text_both_ways,
                              text_refuses,
                              mac_input,
                              NULL};
  return vt_suite("refresh", all);
}

VT_MAIN(refresh)
