#include "http/conditional.h"
#include "tests/support/vt_main.h"

#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */
#define AT "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

static const vd_resource_state HERE = {.exists = true,
                                       .etag = "\"a\"",
                                       .has_modified = true,
                                       .modified_s = NOW};
static const vd_resource_state WEAK = {.exists = true,
                                       .etag = "W/\"a\"",
                                       .has_modified = true,
                                       .modified_s = NOW};
static const vd_resource_state GONE = {.exists = false};

typedef struct row {
  vd_preconditions pre;
  const vd_resource_state *state;
  bool read;
  vd_precondition result;
} row;

static const row ROWS[] = {
  {{0}, &HERE, true, VD_PROCEED},
  {{0}, &GONE, false, VD_PROCEED},
  {{.if_match = "\"a\""}, &HERE, false, VD_PROCEED},
  {{.if_match = "\"b\", \"a\""}, &HERE, false, VD_PROCEED},
  {{.if_match = "\"b\""}, &HERE, false, VD_PRECONDITION_FAILED},
  {{.if_match = "\"b\""}, &HERE, true, VD_PRECONDITION_FAILED},
  {{.if_match = "W/\"a\""}, &HERE, false, VD_PRECONDITION_FAILED},
  {{.if_match = "\"a\""}, &WEAK, false, VD_PRECONDITION_FAILED},
  {{.if_match = "*"}, &HERE, false, VD_PROCEED},
  {{.if_match = "*"}, &GONE, false, VD_PRECONDITION_FAILED},
  {{.if_match = "a"}, &HERE, false, VD_PRECONDITION_FAILED},
  {{.if_match = ""}, &HERE, false, VD_PRECONDITION_FAILED},
  {{.if_none_match = "\"a\""}, &HERE, true, VD_NOT_MODIFIED},
  {{.if_none_match = "W/\"a\""}, &HERE, true, VD_NOT_MODIFIED},
  {{.if_none_match = "\"a\""}, &HERE, false, VD_PRECONDITION_FAILED},
  {{.if_none_match = "\"b\""}, &HERE, true, VD_PROCEED},
  {{.if_none_match = "*"}, &HERE, false, VD_PRECONDITION_FAILED},
  {{.if_none_match = "*"}, &GONE, false, VD_PROCEED},
  {{.if_none_match = "*"}, &HERE, true, VD_NOT_MODIFIED},
  /* If-None-Match wins over If-Modified-Since, both ways */
  {{.if_none_match = "\"b\"", .if_modified_since = AFTER}, &HERE, true, VD_PROCEED},
  {{.if_none_match = "\"a\"", .if_modified_since = BEFORE}, &HERE, true, VD_NOT_MODIFIED},
  {{.if_modified_since = AT}, &HERE, true, VD_NOT_MODIFIED},
  {{.if_modified_since = AFTER}, &HERE, true, VD_NOT_MODIFIED},
  {{.if_modified_since = BEFORE}, &HERE, true, VD_PROCEED},
  {{.if_modified_since = "yesterday"}, &HERE, true, VD_PROCEED},
  {{.if_modified_since = AT}, &HERE, false, VD_PROCEED},
  {{.if_unmodified_since = BEFORE}, &HERE, false, VD_PRECONDITION_FAILED},
  {{.if_unmodified_since = AT}, &HERE, false, VD_PROCEED},
  {{.if_match = "\"a\"", .if_unmodified_since = BEFORE}, &HERE, false, VD_PROCEED},
  {{.if_match = "\"b\"", .if_none_match = "\"a\""}, &HERE, true, VD_PRECONDITION_FAILED},
};

START_TEST(table) {
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    vd_precondition r = vd_precondition_check(&ROWS[i].pre, ROWS[i].state, ROWS[i].read);
    ck_assert_msg(r == ROWS[i].result, "row %zu gave %d", i, (int)r);
  }
}
END_TEST

static bool holds(const char *if_range, const vd_resource_state *st) {
  vd_preconditions pre = {.if_range = if_range, .range = "bytes=0-0"};
  return vd_if_range_holds(&pre, st);
}

START_TEST(if_range) {
  ck_assert(holds(NULL, &HERE));
  ck_assert(holds("\"a\"", &HERE));
  ck_assert(!holds("\"b\"", &HERE));
  ck_assert(!holds("W/\"a\"", &HERE));
  ck_assert(!holds("\"a\"", &WEAK));
  ck_assert(!holds("\"b\", \"a\"", &HERE));
  ck_assert(!holds(AT, &HERE)); /* two versions may have one date */
  ck_assert(!holds("\"a", &HERE));
  ck_assert(!holds(AFTER, &HERE));
  ck_assert(!holds("nonsense", &HERE));
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {table, if_range, NULL};
  return vt_suite("conditional", all);
}

VT_MAIN(suite)
