#include "http/cors.h"
#include "tests/support/vt_main.h"

START_TEST(lists) {
  static const char *const good[] = {"",
                                     "*",
                                     "https://a.example",
                                     "http://localhost:3000",
                                     " https://a.example,  http://[::1]:80 , https://b.example:1 ",
                                     ","};
  static const char *const bad[] = {"a.example",
                                    "https://",
                                    "https://a.example/",
                                    "https://a.example/x",
                                    "https://A.example",
                                    "ftp://a.example",
                                    "https://u@a.example",
                                    "https://a.example:0",
                                    "https://a.example *",
                                    "* ",
                                    "null",
                                    "https://a.example;https://b.example",
                                    "https://a.example?x"};
  ck_assert(vd_cors_valid(NULL));
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    ck_assert_msg(vd_cors_valid(good[i]), "%s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(!vd_cors_valid(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(members) {
  static const char list[] = "https://a.example, http://localhost:3000";
  ck_assert(vd_cors_allows(list, "https://a.example"));
  ck_assert(vd_cors_allows(list, "http://localhost:3000"));
  ck_assert(vd_cors_allows("*", "https://anything") && vd_cors_allows("*", "null"));
  static const char *const others[] = {"",
                                       "null",
                                       "http://a.example",
                                       "https://a.example:443",
                                       "https://a.example.org",
                                       "https://a.exampl",
                                       "https://b.a.example",
                                       "http://localhost",
                                       "http://localhost:30000",
                                       "*",
                                       list};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    ck_assert_msg(!vd_cors_allows(list, others[i]), "%s", others[i]);
  ck_assert(!vd_cors_allows(NULL, "https://a.example") && !vd_cors_allows("", "https://a.example"));
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {lists, members, NULL};
  return vt_suite("cors", all);
}

VT_MAIN(suite)
