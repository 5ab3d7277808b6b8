#include <stdlib.h>
#include <string.h>

#include "libvault/domain/otp.h"
#include "tests/support/vt_main.h"

START_TEST(code_edges) {
  char code[VAULT__OTP_TEXT];
  ck_assert_int_eq(vault__otp_code(0, code), 1);
  ck_assert_str_eq(code, "000000");
  ck_assert_int_eq(vault__otp_code(7, code), 1);
  ck_assert_str_eq(code, "000007");
  ck_assert_int_eq(vault__otp_code(999999, code), 1);
  ck_assert_str_eq(code, "999999");
  ck_assert_int_eq(vault__otp_code(1000000, code), 1);
  ck_assert_str_eq(code, "000000");
  ck_assert_int_eq(vault__otp_code(UINT32_C(4293999999), code), 1);
  ck_assert_str_eq(code, "999999");
  ck_assert_int_eq(vault__otp_code(UINT32_C(4294000000), code), 0);
  ck_assert_int_eq(vault__otp_code(UINT32_MAX, code), 0);
}
END_TEST

START_TEST(code_shape) {
  ck_assert_int_eq(vault__otp_shape("012345", 6), 1);
  ck_assert_int_eq(vault__otp_shape("000000", 6), 1);
  ck_assert_int_eq(vault__otp_shape("12345", 5), 0);
  ck_assert_int_eq(vault__otp_shape("1234567", 7), 0);
  ck_assert_int_eq(vault__otp_shape("12345a", 6), 0);
  ck_assert_int_eq(vault__otp_shape(" 12345", 6), 0);
  ck_assert_int_eq(vault__otp_shape("+12345", 6), 0);
  ck_assert_int_eq(vault__otp_shape("\xd9\xa1\xd9\xa2\xd9\xa3", 6), 0);
  ck_assert_int_eq(vault__otp_shape("", 0), 0);
}
END_TEST

static void fits(const char *lang, const char *host, const char *last_line) {
  char sms[VAULT__OTP_SMS_TEXT];
  vt_ok(vault__otp_sms(lang, host, "012345", sms, NULL));
  ck_assert_uint_le(strlen(sms), VAULT__OTP_SMS_MAX);
  for (const char *c = sms; *c; c++)
    ck_assert_msg((*c >= ' ' && *c <= '~') || *c == '\n', "not ASCII: %d", *c);
  ck_assert_ptr_nonnull(strstr(sms, "012345"));
  const char *line = strrchr(sms, '\n');
  if (last_line)
    ck_assert_str_eq(line, last_line);
  else
    ck_assert_ptr_null(line);
}

START_TEST(sms_ends_with_the_line_that_browsers_read) {
  fits("tr", "cloud.example.com.tr", "\n@cloud.example.com.tr #012345");
  fits("en", "localhost", "\n@localhost #012345");
  fits("de", "a.example", "\n@a.example #012345");
  fits(NULL, "a.example", "\n@a.example #012345");
  fits("tr", NULL, NULL);
  fits("en", "", NULL);
}
END_TEST

START_TEST(sms_shortens_for_a_long_host) {
  char host[200], line[256] = "\n@", sms[VAULT__OTP_SMS_TEXT] = "kept";
  for (unsigned n = 1; n < 150; n++) {
    memset(host, 'h', n);
    host[n] = 0;
    if (vault__otp_sms("tr", host, "012345", sms, NULL) != VAULT_OK) {
      ck_assert_uint_ge(n, 80);
      break;
    }
    memcpy(line + 2, host, n);
    memcpy(line + 2 + n, " #012345", 9);
    fits("tr", host, line);
  }
  vt_status(vault__otp_sms("tr", host, "012345", sms, NULL), VAULT_E_INPUT);
}
END_TEST

START_TEST(sms_refuses) {
  char sms[VAULT__OTP_SMS_TEXT] = "kept";
  vt_status(vault__otp_sms("tr", "a b", "012345", sms, NULL), VAULT_E_INPUT);
  vt_status(vault__otp_sms("tr", "a\n@evil", "012345", sms, NULL), VAULT_E_INPUT);
  vt_status(vault__otp_sms("tr", "ex\xc3\xa4mple", "012345", sms, NULL), VAULT_E_INPUT);
  vt_status(vault__otp_sms("tr", "a", "12345", sms, NULL), VAULT_E_INPUT);
  ck_assert_str_eq(sms, "kept");
}
END_TEST

START_TEST(mac_input_separates_its_parts) {
  const vault_id id = {{1, 2, 3}}, other = {{1, 2, 4}};
  uint8_t a[VAULT__OTP_MAC_INPUT], b[VAULT__OTP_MAC_INPUT];
  uint64_t n = vault__otp_mac_input(&id, "+905321234567", "login", "012345", a);
  ck_assert_uint_eq(n, 4 + 16 + 1 + 13 + 1 + 5 + 1 + 6);
  ck_assert_mem_eq(a, "otp1\x01\x02\x03", 7);
  ck_assert_mem_eq(a + 20,
                   "\x0d+905321234567\x05login\x06"
                   "012345",
                   14 + 6 + 7);
  ck_assert_uint_eq(vault__otp_mac_input(&other, "+905321234567", "login", "012345", b), n);
  ck_assert_mem_ne(a, b, n);
  /* The same letters, divided at another place. */
  (void)vault__otp_mac_input(&id, "+90532123456", "7login", "012345", b);
  ck_assert_mem_ne(a, b, n);
}
END_TEST

START_TEST(mac_input_refuses) {
  const vault_id id = {{0}};
  uint8_t out[VAULT__OTP_MAC_INPUT];
  ck_assert_uint_eq(vault__otp_mac_input(&id, "+9053212345678901", "login", "012345", out), 0);
  ck_assert_uint_eq(vault__otp_mac_input(&id, "", "login", "012345", out), 0);
  ck_assert_uint_eq(vault__otp_mac_input(&id, "+905321234567", "", "012345", out), 0);
  ck_assert_uint_eq(vault__otp_mac_input(&id, "+905321234567", "a-purpose-of-thirty-three-letters",
                                         "012345", out),
                    0);
  ck_assert_uint_eq(vault__otp_mac_input(&id, "+905321234567", "login", "01234", out), 0);
}
END_TEST

static Suite *otp(void) {
  const TTest *const all[] = {code_edges,
                              code_shape,
                              sms_ends_with_the_line_that_browsers_read,
                              sms_shortens_for_a_long_host,
                              sms_refuses,
                              mac_input_separates_its_parts,
                              mac_input_refuses,
                              NULL};
  return vt_suite("otp", all);
}

VT_MAIN(otp)
