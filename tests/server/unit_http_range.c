#include <stdio.h>
#include <string.h>

#include "http/range.h"
#include "tests/support/vt_main.h"

typedef struct row {
  const char *value;
  uint64_t size;
  const char *said; /* "first+len …", "whole", "none" */
} row;

static const row ROWS[] = {
  {NULL, 10, "whole"},
  {"bytes=0-0", 10, "0+1"},
  {"bytes=0-9", 10, "0+10"},
  {"bytes=2-", 10, "2+8"},
  {"bytes=-3", 10, "7+3"},
  {"bytes=-30", 10, "0+10"},
  {"BYTES=1-2", 10, "1+2"},
  {"bytes= 1-2 ", 10, "1+2"},
  {"bytes=9-99", 10, "9+1"},
  {"bytes=0-18446744073709551615", 10, "0+10"},
  {"bytes=0-99999999999999999999999999", 10, "0+10"},
  {"bytes=-99999999999999999999999999", 10, "0+10"},
  {"bytes=10-", 10, "none"},
  {"bytes=99999999999999999999999999-", 10, "none"},
  {"bytes=-0", 10, "none"},
  {"bytes=0-", 0, "none"},
  {"bytes=-1", 0, "none"},
  {"bytes=0-0", UINT64_MAX, "0+1"},
  {"bytes=0-", UINT64_MAX, "0+18446744073709551615"},
  {"bytes=5-4", 10, "whole"},
  {"bytes=", 10, "whole"},
  {"bytes=,", 10, "whole"},
  {"bytes=-", 10, "whole"},
  {"bytes=a-b", 10, "whole"},
  {"bytes=1", 10, "whole"},
  {"bytes=1-2x", 10, "whole"},
  {"bytes=1- 2", 10, "whole"},
  {"bytes=--1", 10, "whole"},
  {"items=0-1", 10, "whole"},
  {"", 10, "whole"},
  /* several */
  {"bytes=0-1,3-4", 10, "0+2 3+2"},
  {"bytes=8-9 ,\t0-1,,", 10, "8+2 0+2"},
  {"bytes=,0-1", 10, "0+2"},
  {"bytes=0-1,2-3", 10, "0+4"},
  {"bytes=2-3,0-1", 10, "0+4"},
  {"bytes=0-4,2-6", 10, "0+7"},
  {"bytes=0-9,2-3", 10, "0+10"},
  {"bytes=3-3,3-3,3-3", 10, "3+1"},
  {"bytes=0-1,4-5,8-9,2-3", 10, "0+6 8+2"},
  {"bytes=8-9,0-1,4-5,2-3", 10, "8+2 0+6"},
  {"bytes=8-9,0-1,4-5,1-8", 10, "0+10"},
  {"bytes=-1,0-0", 10, "9+1 0+1"},
  {"bytes=-5,5-", 10, "5+5"},
  {"bytes=0-1,20-30", 10, "0+2"},
  {"bytes=20-30,40-", 10, "none"},
  {"bytes=-0,1-1", 10, "1+1"},
  {"bytes=0-1,5-4", 10, "whole"},
  {"bytes=0-1,x", 10, "whole"},
  {"bytes=0-1;3-4", 10, "whole"},
  {"bytes=0-1 3-4", 10, "whole"},
  {"bytes=0-0,5-18446744073709551614", UINT64_MAX, "0+1 5+18446744073709551610"},
};

static const char *say(const char *value, uint64_t size) {
  static char text[1024];
  vd_range ranges[VD_RANGES_MAX];
  size_t n = 0, at = 0;
  switch (vd_ranges_parse(value, size, ranges, &n)) {
  case VD_RANGE_WHOLE: return "whole";
  case VD_RANGE_UNSATISFIABLE: return "none";
  case VD_RANGE_PART: break;
  }
  for (size_t i = 0; i < n; i++)
    at += (size_t)snprintf(text + at, sizeof text - at, "%s%llu+%llu", i ? " " : "",
                           (unsigned long long)ranges[i].first, (unsigned long long)ranges[i].len);
  return text;
}

START_TEST(table) {
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    const char *said = say(ROWS[i].value, ROWS[i].size);
    ck_assert_msg(strcmp(said, ROWS[i].said) == 0, "row %zu (%s): %s instead of %s", i,
                  ROWS[i].value ? ROWS[i].value : "NULL", said, ROWS[i].said);
  }
}
END_TEST

/* n ranges of one byte, `step` apart. */
static const char *many(size_t n, size_t step) {
  static char value[4096];
  size_t at = (size_t)snprintf(value, sizeof value, "bytes=");
  for (size_t i = 0; i < n; i++)
    at += (size_t)snprintf(value + at, sizeof value - at, "%zu-%zu,", i * step, i * step);
  return value;
}

START_TEST(limits) {
  ck_assert_str_eq(say(many(VD_RANGES_MAX + 1, 2), 1000), "whole");
  ck_assert_str_ne(say(many(VD_RANGES_MAX, 2), 1000), "whole");
  ck_assert_str_eq(say(many(VD_RANGES_ASKED_MAX, 1), 1000), "0+128");
  ck_assert_str_eq(say(many(VD_RANGES_ASKED_MAX + 1, 1), 1000), "whole");
}
END_TEST

/* What is asked for is given, nothing else, and no two parts touch. */
START_TEST(random_sets) {
  uint32_t seed = 1;
  for (unsigned round = 0; round < 3000; round++) {
    char value[512], asked[64] = {0};
    vd_range ranges[VD_RANGES_MAX];
    size_t n = 0, at = (size_t)snprintf(value, sizeof value, "bytes=");
    for (unsigned k = 1 + round % 12; k > 0; k--) {
      seed = seed * 1664525u + 1013904223u;
      unsigned first = seed >> 20 & 63, len = 1 + (seed >> 26) % 6;
      at += (size_t)snprintf(value + at, sizeof value - at, "%u-%u,", first, first + len - 1);
      for (unsigned i = first; i < first + len && i < 64; i++)
        asked[i] = 1;
    }
    ck_assert_int_eq(vd_ranges_parse(value, 64, ranges, &n), VD_RANGE_PART);
    for (size_t r = 0; r < n; r++) {
      uint64_t end = ranges[r].first + ranges[r].len;
      ck_assert(ranges[r].len > 0 && end <= 64);
      ck_assert(ranges[r].first == 0 || !asked[ranges[r].first - 1]);
      ck_assert(end == 64 || asked[end] != 1);
      for (uint64_t i = ranges[r].first; i < end; i++) {
        ck_assert_int_eq(asked[i], 1);
        asked[i] = 2;
      }
    }
    ck_assert_ptr_null(memchr(asked, 1, sizeof asked));
  }
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {table, limits, random_sets, NULL};
  return vt_suite("range", all);
}

VT_MAIN(suite)
