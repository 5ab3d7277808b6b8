#include "modules/uploads/structured.h"
#include "tests/support/vt_main.h"

START_TEST(booleans) {
  bool b = false;
  ck_assert(vd_sf_boolean("?1", &b) && b);
  ck_assert(vd_sf_boolean("?0", &b) && !b);
  ck_assert(vd_sf_boolean("  ?1  ", &b) && b);
  ck_assert(vd_sf_boolean("?1;a", &b) &&
            vd_sf_boolean("?1; a=1;b=\"x\\\"y\"; *c-d=tok/en:*;e=:AA==:;f=?0;g=-1.5;h=@1", &b));
  static const char *const bad[] = {"",         "1",       "true",        "?2",           "?",
                                    "? 1",      "?1,",     "?1, ?0",      "?1 ;a",        "?1;",
                                    "?1;A",     "?1;a=",   "?1;a=\"x",    "?1;a=\"\\x\"", "?1;a=?2",
                                    "?1;a=:AA", "?1;a=1.", "?1;a=1.2345", "?1 x",         "\"?1\"",
                                    "?1?1"};
  b = true;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(!vd_sf_boolean(bad[i], &b) && b, "%s", bad[i]);
}
END_TEST

START_TEST(integers) {
  uint64_t n = 9;
  ck_assert(vd_sf_integer("0", &n) && n == 0);
  ck_assert(vd_sf_integer("-0", &n) && n == 0);
  ck_assert(vd_sf_integer(" 42 ", &n) && n == 42);
  ck_assert(vd_sf_integer("007;x=1", &n) && n == 7);
  ck_assert(vd_sf_integer("999999999999999", &n) && n == VD_SF_INTEGER_MAX);
  static const char *const bad[] = {"",      "1000000000000000",
                                    "-1",    "1.0",
                                    "1.",    "+1",
                                    "?1",    "a",
                                    "\"1\"", "1 2",
                                    "1,2",   "0x1",
                                    "1;",    "--1",
                                    "-",     ":MQ==:",
                                    "@1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(!vd_sf_integer(bad[i], &n) && n == VD_SF_INTEGER_MAX, "%s", bad[i]);
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {booleans, integers, NULL};
  return vt_suite("structured", all);
}

VT_MAIN(suite)
