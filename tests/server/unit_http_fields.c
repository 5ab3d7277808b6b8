#include <string.h>

#include "http/fields.h"
#include "tests/support/vt_main.h"

START_TEST(dates_round_trip) {
  static const int64_t all[] = {0,          -1,           784111777,   951782400 /* 29 Feb 2000 */,
                                4102444799, -62167219200, 253402300799};
  char text[VD_DATE_SIZE];
  vd_date_format(784111777, text);
  ck_assert_str_eq(text, "Sun, 06 Nov 1994 08:49:37 GMT");
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    int64_t back = 1;
    vd_date_format(all[i], text);
    ck_assert_msg(vd_date_parse(text, &back) && back == all[i], "%s gave %lld", text,
                  (long long)back);
  }
  vd_date_format(INT64_MAX, text);
  ck_assert_str_eq(text, "Fri, 31 Dec 9999 23:59:59 GMT");
  vd_date_format(INT64_MIN, text);
  ck_assert_str_eq(text + 5, "01 Jan 0000 00:00:00 GMT");
}
END_TEST

START_TEST(dates_in_old_forms) {
  int64_t t = 0;
  ck_assert(vd_date_parse("Sunday, 06-Nov-94 08:49:37 GMT", &t));
  ck_assert_int_eq(t, 784111777);
  ck_assert(vd_date_parse("Sun Nov  6 08:49:37 1994", &t));
  ck_assert_int_eq(t, 784111777);
}
END_TEST

START_TEST(dates_refused) {
  static const char *const bad[] = {"",
                                    "now",
                                    "Sun, 6 Nov 1994 08:49:37 GMT",
                                    "Sun, 06 Nov 1994 08:49:37 UTC",
                                    "Sun, 31 Feb 1994 08:49:37 GMT",
                                    "Sun, 06 Nov 1994 24:00:00 GMT",
                                    "Sun, 00 Nov 1994 08:49:37 GMT",
                                    "Sun, 06 Nov 1994 08:49:37 GMT ",
                                    "Sun, 29 Feb 1900 00:00:00 GMT",
                                    "06 Nov 1994 08:49:37 GMT"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    int64_t t = 7;
    ck_assert_msg(!vd_date_parse(bad[i], &t) && t == 7, "%s", bad[i]);
  }
}
END_TEST

static const char *disposition(const char *name) {
  static char out[VD_DISPOSITION_SIZE];
  ck_assert(vd_disposition_format(false, name, strlen(name), out, sizeof out));
  return out;
}

START_TEST(dispositions) {
  char big[255 * 1 + 1], out[VD_DISPOSITION_SIZE];
  ck_assert_str_eq(disposition("a.txt"), "attachment; filename=\"a.txt\"");
  ck_assert_str_eq(disposition("a b;c.txt"), "attachment; filename=\"a b;c.txt\"");
  ck_assert_str_eq(disposition("\xC4\x9F.txt"),
                   "attachment; filename=\"_.txt\"; filename*=UTF-8''%C4%9F.txt");
  ck_assert_str_eq(disposition("a\"\\\r\n%41"),
                   "attachment; filename=\"a_____41\"; filename*=UTF-8''a%22%5C%0D%0A%2541");
  ck_assert_str_eq(disposition("x\xFFy\xC3"),
                   "attachment; filename=\"x_y_\"; filename*=UTF-8''x_y_");
  ck_assert_str_eq(disposition("\xED\xA0\x80"),
                   "attachment; filename=\"___\"; filename*=UTF-8''___");
  ck_assert_str_eq(disposition("'*'"), "attachment; filename=\"'*'\"");
  memset(big, 0x01, sizeof big);
  ck_assert(vd_disposition_format(true, big, 255, out, sizeof out));
  ck_assert_int_eq(strncmp(out, "inline; ", 8), 0);
  ck_assert(!vd_disposition_format(true, big, 255, out, 100));
}
END_TEST

START_TEST(digests) {
  uint8_t in[VD_SHA256_BYTES], out[VD_SHA256_BYTES];
  char text[VD_SHA256_FIELD_SIZE];
  ck_assert_uint_eq(vt_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", in,
                           sizeof in),
                    32);
  vd_digest_format(in, text);
  ck_assert_str_eq(text, "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:");
  ck_assert_int_eq(vd_digest_parse(text, out), VD_DIGEST_FOUND);
  ck_assert_mem_eq(in, out, sizeof in);
  memset(out, 0, sizeof out);
  ck_assert_int_eq(
    vd_digest_parse("sha-512=:AAAA:, sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=: ", out),
    VD_DIGEST_FOUND);
  ck_assert_mem_eq(in, out, sizeof in);
  ck_assert_int_eq(vd_digest_parse("md5=:AAAA:", out), VD_DIGEST_NONE);
}
END_TEST

START_TEST(digests_refused) {
  static const char *const bad[] = {"",
                                    "sha-256",
                                    "sha-256=abc",
                                    "sha-256=:abc:",
                                    "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
                                    "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa1=:",
                                    "sha-256=:ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=:",
                                    "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:,",
                                    "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=: x"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    uint8_t out[VD_SHA256_BYTES] = {9};
    ck_assert_msg(vd_digest_parse(bad[i], out) == VD_DIGEST_BAD && out[0] == 9, "%s", bad[i]);
  }
}
END_TEST

START_TEST(cookies) {
  char out[8];
  ck_assert(vd_cookie_find("a=1; b=2;c=\"3\"", "b", out, sizeof out));
  ck_assert_str_eq(out, "2");
  ck_assert(vd_cookie_find("a=1; b=2;c=\"3\"", "c", out, sizeof out));
  ck_assert_str_eq(out, "3");
  ck_assert(!vd_cookie_find("a=1; b=2", "A", out, sizeof out));
  ck_assert(!vd_cookie_find("aa=1", "a", out, sizeof out));
  ck_assert(!vd_cookie_find("a=12345678", "a", out, sizeof out));
  ck_assert(vd_cookie_find("a=", "a", out, sizeof out));
  ck_assert_str_eq(out, "");
  ck_assert(!vd_cookie_find("", "a", out, sizeof out));
}
END_TEST

START_TEST(lists) {
  ck_assert(vd_list_has("a, Close ,b", "close"));
  ck_assert(!vd_list_has("closed", "close"));
  ck_assert(!vd_list_has(NULL, "close"));
  ck_assert(vd_same_word("ChunKed", "chunked"));
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {dates_round_trip,
                              dates_in_old_forms,
                              dates_refused,
                              dispositions,
                              digests,
                              digests_refused,
                              cookies,
                              lists,
                              NULL};
  return vt_suite("fields", all);
}

VT_MAIN(suite)
