#include "http/range.h"
#include "tests/support/vt_main.h"

typedef struct row {
  const char *value;
  uint64_t size;
  vd_range_result result;
  uint64_t first, len;
} row;

static const row ROWS[] = {
  {NULL, 10, VD_RANGE_WHOLE, 0, 0},
  {"bytes=0-0", 10, VD_RANGE_PART, 0, 1},
  {"bytes=0-9", 10, VD_RANGE_PART, 0, 10},
  {"bytes=2-", 10, VD_RANGE_PART, 2, 8},
  {"bytes=-3", 10, VD_RANGE_PART, 7, 3},
  {"bytes=-30", 10, VD_RANGE_PART, 0, 10},
  {"BYTES=1-2", 10, VD_RANGE_PART, 1, 2},
  {"bytes= 1-2 ", 10, VD_RANGE_PART, 1, 2},
  {"bytes=9-99", 10, VD_RANGE_PART, 9, 1},
  {"bytes=0-18446744073709551615", 10, VD_RANGE_PART, 0, 10},
  {"bytes=0-99999999999999999999999999", 10, VD_RANGE_PART, 0, 10},
  {"bytes=-99999999999999999999999999", 10, VD_RANGE_PART, 0, 10},
  {"bytes=10-", 10, VD_RANGE_UNSATISFIABLE, 0, 0},
  {"bytes=99999999999999999999999999-", 10, VD_RANGE_UNSATISFIABLE, 0, 0},
  {"bytes=-0", 10, VD_RANGE_UNSATISFIABLE, 0, 0},
  {"bytes=0-", 0, VD_RANGE_UNSATISFIABLE, 0, 0},
  {"bytes=-1", 0, VD_RANGE_UNSATISFIABLE, 0, 0},
  {"bytes=0-0", UINT64_MAX, VD_RANGE_PART, 0, 1},
  {"bytes=5-4", 10, VD_RANGE_WHOLE, 0, 0},
  {"bytes=0-1,3-4", 10, VD_RANGE_WHOLE, 0, 0},
  {"bytes=", 10, VD_RANGE_WHOLE, 0, 0},
  {"bytes=-", 10, VD_RANGE_WHOLE, 0, 0},
  {"bytes=a-b", 10, VD_RANGE_WHOLE, 0, 0},
  {"bytes=1", 10, VD_RANGE_WHOLE, 0, 0},
  {"bytes=1-2x", 10, VD_RANGE_WHOLE, 0, 0},
  {"items=0-1", 10, VD_RANGE_WHOLE, 0, 0},
  {"", 10, VD_RANGE_WHOLE, 0, 0},
};

START_TEST(table) {
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    uint64_t first = 0, len = 0;
    vd_range_result r = vd_range_parse(ROWS[i].value, ROWS[i].size, &first, &len);
    ck_assert_msg(r == ROWS[i].result && first == ROWS[i].first && len == ROWS[i].len,
                  "row %zu (%s): %d %llu %llu", i, ROWS[i].value ? ROWS[i].value : "NULL", (int)r,
                  (unsigned long long)first, (unsigned long long)len);
  }
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {table, NULL};
  return vt_suite("range", all);
}

VT_MAIN(suite)
