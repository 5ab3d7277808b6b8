#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libvault/base/slice.h"
#include "libvault/base/utf8.h"
#include "libvault/domain/phone.h"
#include "tests/support/vt_main.h"

#define CORPUS_ROWS_MIN 480

/* Undo \uXXXX, in place. */
static uint64_t unescape(char *s) {
  char *from = s, *to = s;
  while (*from) {
    if (from[0] == '\\' && from[1] == 'u') {
      char digits[5] = {from[2], from[3], from[4], from[5], 0};
      uint32_t bytes = vault__utf8_put((uint32_t)strtoul(digits, NULL, 16), to);
      to += bytes;
      from += 6;
    } else {
      *to++ = *from++;
    }
  }
  return (uint64_t)(to - s);
}

START_TEST(corpus) {
  char *text = vt_data("phones.tsv", NULL), *next = text;
  unsigned rows = 0, wrong = 0;
  while (*next) {
    char shown[512], out[VAULT__PHONE_TEXT] = "untouched", *line = next;
    char *end = strchr(line, '\n'), *tab = strchr(line, '\t');
    ck_assert_ptr_nonnull(end);
    ck_assert_ptr_nonnull(tab);
    *end = *tab = 0;
    next = end + 1;
    (void)snprintf(shown, sizeof shown, "%s", line);
    vault_status s = vault__phone_normalise(line, unescape(line), "90", out, NULL);
    const char *got = s == VAULT_OK ? out : vault_status_code(s);
    rows++;
    if (strcmp(got, tab + 1) == 0 && (s == VAULT_OK || strcmp(out, "untouched") == 0))
      continue;
    wrong++;
    printf("# row %u: %s gave %s, not %s\n", rows, shown, got, tab + 1);
  }
  free(text);
  ck_assert_uint_eq(wrong, 0);
  ck_assert_uint_ge(rows, CORPUS_ROWS_MIN);
}
END_TEST

START_TEST(normal_form_is_stable) {
  char *text = vt_data("phones.tsv", NULL), *next = text;
  while (*next) {
    char out[VAULT__PHONE_TEXT], *tab = strchr(next, '\t'), *end = strchr(next, '\n');
    *end = 0;
    next = end + 1;
    if (tab[1] != '+')
      continue;
    if (vault__phone_normalise(tab + 1, strlen(tab + 1), "90", out, NULL) != VAULT_OK ||
        strcmp(out, tab + 1) != 0)
      ck_abort_msg("%s is not its own normal form", tab + 1);
  }
  free(text);
}
END_TEST

START_TEST(another_home_needs_the_country_code) {
  char out[VAULT__PHONE_TEXT];
  vt_status(vault__phone_normalise("05321234567", 11, "49", out, NULL), VAULT_E_PHONE);
  vt_ok(vault__phone_normalise("+905321234567", 13, "49", out, NULL));
  ck_assert_str_eq(out, "+905321234567");
  vt_ok(vault__phone_normalise("004915123456789", 15, "49", out, NULL));
  ck_assert_str_eq(out, "+4915123456789");
}
END_TEST

START_TEST(invalid_utf8_and_nul) {
  char out[VAULT__PHONE_TEXT];
  vt_status(vault__phone_normalise("0532123456\xff", 11, "90", out, NULL), VAULT_E_PHONE);
  vt_status(vault__phone_normalise("05321234567\xe2\x80", 13, "90", out, NULL), VAULT_E_PHONE);
  vt_status(vault__phone_normalise("05321\0"
                                   "234567",
                                   12, "90", out, NULL),
            VAULT_E_PHONE);
}
END_TEST

START_TEST(errors_hold_no_number) {
  char out[VAULT__PHONE_TEXT];
  vault_err err = VAULT_ERR_INIT;
  vt_status(vault__phone_normalise("02121234567", 11, "90", out, &err), VAULT_E_PHONE_COUNTRY);
  ck_assert_ptr_null(strstr(err.msg, "212"));
  vt_status(vault__phone_normalise("0543987654", 10, "90", out, &err), VAULT_E_PHONE);
  ck_assert_ptr_null(strstr(err.msg, "543987"));
  vt_status(vault__phone_normalise("", 0, "90", out, NULL), VAULT_E_PHONE);
}
END_TEST

START_TEST(dial_codes) {
#define ALLOWED(number, list) vault__phone_dial_code_allowed(number, VAULT__STR(list))
  ck_assert_int_eq(ALLOWED("+905321234567", "90"), 1);
  ck_assert_int_eq(ALLOWED("+905321234567", "49,90"), 1);
  ck_assert_int_eq(ALLOWED("+905321234567", "49, +90 ,1"), 1);
  ck_assert_int_eq(ALLOWED("+905321234567", "*"), 1);
  ck_assert_int_eq(ALLOWED("+905321234567", ""), 0);
  ck_assert_int_eq(ALLOWED("+905321234567", "9"), 0);
  ck_assert_int_eq(ALLOWED("+905321234567", "49"), 0);
  ck_assert_int_eq(ALLOWED("+905321234567", ","), 0);
  ck_assert_int_eq(ALLOWED("+4915123456789", "90,4"), 0);
  ck_assert_int_eq(ALLOWED("+4915123456789", "49"), 1);
  ck_assert_int_eq(ALLOWED("+12125550123", "1"), 1);
  ck_assert_int_eq(ALLOWED("+12425550123", "1242"), 1);
  ck_assert_int_eq(ALLOWED("+12125550123", "1242"), 0);
  ck_assert_int_eq(ALLOWED("+994501234567", "99"), 0);
  ck_assert_int_eq(ALLOWED("+994501234567", "994"), 1);
  ck_assert_int_eq(ALLOWED("905321234567", "90"), 0);
}
END_TEST

START_TEST(mask_and_prefix) {
  char out[VAULT__PHONE_TEXT];
  vault__phone_mask("+905321234567", out);
  ck_assert_str_eq(out, "+90********67");
  vault__phone_mask("+12125550123", out);
  ck_assert_str_eq(out, "+1********23");
  vault__phone_mask("+994501234567", out);
  ck_assert_str_eq(out, "+994*******67");
  vault__phone_mask("hello", out);
  ck_assert_str_eq(out, "+?");
  vault__phone_mask("+90532123456789012345", out);
  ck_assert_str_eq(out, "+?");
  vault__phone_prefix("+905321234567", out);
  ck_assert_str_eq(out, "+90532123");
  vault__phone_prefix("+90", out);
  ck_assert_str_eq(out, "");
}
END_TEST

static Suite *phone(void) {
  const TTest *const all[] = {corpus,
                              normal_form_is_stable,
                              another_home_needs_the_country_code,
                              invalid_utf8_and_nul,
                              errors_hold_no_number,
                              dial_codes,
                              mask_and_prefix,
                              NULL};
  return vt_suite("phone", all);
}

VT_MAIN(phone)
