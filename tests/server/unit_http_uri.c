#include <string.h>

#include "http/uri.h"
#include "tests/support/vt_main.h"

START_TEST(percent) {
  char out[64];
  size_t n = 0;
  ck_assert(vd_percent_decode("a%20b%C3%a9+", 12, false, out, &n));
  ck_assert_str_eq(out, "a b\xC3\xA9+");
  ck_assert_uint_eq(n, 6);
  ck_assert(vd_percent_decode("a+b", 3, true, out, &n));
  ck_assert_str_eq(out, "a b");
  ck_assert(!vd_percent_decode("%", 1, false, out, &n));
  ck_assert(!vd_percent_decode("%4", 2, false, out, &n));
  ck_assert(!vd_percent_decode("%4g", 3, false, out, &n));
  ck_assert(!vd_percent_decode("%00", 3, false, out, &n));
  ck_assert(!vd_percent_decode("a\0b", 3, false, out, &n));
  ck_assert(vd_percent_encode_path("/a b\xC3\xA9~", 7, out, sizeof out));
  ck_assert_str_eq(out, "/a%20b%C3%A9~");
  ck_assert(!vd_percent_encode_path("   ", 3, out, 9));
  ck_assert(vd_percent_encode_path("   ", 3, out, 10));
}
END_TEST

static vd_query_result parse(const char *text, vd_pair *out, size_t max, size_t *n) {
  static char copy[256];
  strncpy(copy, text, sizeof copy - 1);
  return vd_query_parse(copy, out, max, n);
}

START_TEST(queries) {
  vd_pair p[3];
  size_t n = 9;
  ck_assert_int_eq(parse("", p, 3, &n), VD_QUERY_OK);
  ck_assert_uint_eq(n, 0);
  ck_assert_int_eq(parse("a=1&&b=x%3Dy&c", p, 3, &n), VD_QUERY_OK);
  ck_assert_uint_eq(n, 3);
  ck_assert_str_eq(p[1].value, "x=y");
  ck_assert_str_eq(p[2].name, "c");
  ck_assert_str_eq(p[2].value, "");
  ck_assert_int_eq(parse("a=b=c", p, 3, &n), VD_QUERY_OK);
  ck_assert_str_eq(p[0].value, "b=c");
  ck_assert_int_eq(parse("a=1&a=2", p, 3, &n), VD_QUERY_DUPLICATE);
  ck_assert_int_eq(parse("a=1&%61=2", p, 3, &n), VD_QUERY_DUPLICATE);
  ck_assert_int_eq(parse("a=1&b=2&c=3&d=4", p, 3, &n), VD_QUERY_TOO_MANY);
  ck_assert_int_eq(parse("a=%zz", p, 3, &n), VD_QUERY_BAD_ENCODING);
  ck_assert_int_eq(parse("a%00=1", p, 3, &n), VD_QUERY_BAD_ENCODING);
}
END_TEST

START_TEST(hosts) {
  static const char *const good[] = {"a",       "localhost:8080", "example.org", "127.0.0.1:1",
                                     "[::1]",   "[::1]:80",       "a:",          "a_b.c",
                                     "a:65535", "EXAMPLE.org."};
  static const char *const bad[] = {"",        "a@b", "u:p@b",    "a,b",     "a b",  "a:0",
                                    "a:65536", "a:x", "a:1:2",    "[::1",    "[x]",  "[::1]80",
                                    ":80",     "a/b", "a?b",      "a#b",     "a:-1", "[::1]:x",
                                    "a\\b",    "[]",  "a:000080", "\xC3\xA9"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    ck_assert_msg(vd_host_valid(good[i], strlen(good[i])), "%s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(!vd_host_valid(bad[i], strlen(bad[i])), "%s", bad[i]);
}
END_TEST

START_TEST(targets) {
  vd_target t;
  const char *s = "/a/b?c=d?e";
  ck_assert(vd_target_parse(s, strlen(s), &t));
  ck_assert_uint_eq(t.path_len, 4);
  ck_assert_uint_eq(t.query_len, 5);
  ck_assert_ptr_null(t.host);
  s = "http://h:1/x";
  ck_assert(vd_target_parse(s, strlen(s), &t));
  ck_assert_uint_eq(t.host_len, 3);
  ck_assert_uint_eq(t.path_len, 2);
  s = "HTTPS://h?q";
  ck_assert(vd_target_parse(s, strlen(s), &t));
  ck_assert_uint_eq(t.path_len, 1);
  ck_assert_int_eq(t.path[0], '/');
  ck_assert_uint_eq(t.query_len, 1);
  ck_assert(vd_target_parse("*", 1, &t));
  ck_assert(t.asterisk);
  static const char *const bad[] = {"",        "a",           "/a#b",      "ftp://h/",
                                    "http://", "http://u@h/", "http:///x", "**"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(!vd_target_parse(bad[i], strlen(bad[i]), &t), "%s", bad[i]);
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {percent, queries, hosts, targets, NULL};
  return vt_suite("uri", all);
}

VT_MAIN(suite)
