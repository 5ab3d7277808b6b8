#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/uploads/metadata.h"
#include "tests/support/vt_main.h"

#define UPLOADS "/api/v1/uploads/"

static vd_metadata m;

static bool is(const vault_str *s, const char *text) {
  return s != NULL && s->n == strlen(text) && memcmp(s->p, text, (size_t)s->n) == 0;
}

START_TEST(base64) {
  static const struct {
    const char *text, *bytes;
  } good[] = {{"", ""},        {"Zg==", "f"},        {"Zm8=", "fo"},
              {"Zm9v", "foo"}, {"Zm9vYg==", "foob"}, {"+/+/", "\xfb\xff\xbf"}};
  static const char *const bad[] = {"Z",        "Zg",   "Zg=",  "Zh==", "Zm9=",
                                    "Zg==Zg==", "Z===", "====", "Zm-_", "Zm9v "};
  uint8_t out[8];
  size_t n;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    ck_assert(vd_base64_decode(good[i].text, strlen(good[i].text), out, sizeof out, &n));
    ck_assert(n == strlen(good[i].bytes) && memcmp(out, good[i].bytes, n) == 0);
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(!vd_base64_decode(bad[i], strlen(bad[i]), out, sizeof out, &n), "%s", bad[i]);
  ck_assert(vd_base64_decode("Zm9v", 4, out, 3, &n));
  ck_assert(!vd_base64_decode("Zm9v", 4, out, 2, &n));
}
END_TEST

START_TEST(pairs) {
  /* The example of the specification. */
  ck_assert_int_eq(
    vd_metadata_parse("filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential", &m),
    VD_METADATA_OK);
  ck_assert_uint_eq(m.n, 2);
  ck_assert(is(vd_metadata_find(&m, "filename"), "world_domination_plan.pdf"));
  ck_assert_ptr_null(vd_metadata_find(&m, "is_confidential"));
  ck_assert(is(&m.pairs[1].key, "is_confidential"));
  ck_assert_ptr_null(vd_metadata_find(&m, "file"));
  ck_assert_int_eq(vd_metadata_parse("  a Zm9v , b , c YmFy", &m), VD_METADATA_OK);
  ck_assert(is(vd_metadata_find(&m, "a"), "foo") && is(vd_metadata_find(&m, "c"), "bar"));
  ck_assert_ptr_null(vd_metadata_find(&m, "b"));
  ck_assert_int_eq(vd_metadata_parse("", &m), VD_METADATA_OK);
  ck_assert_uint_eq(m.n, 0);
}
END_TEST

START_TEST(words_for_nothing) {
  ck_assert_int_eq(vd_metadata_parse("a bnVsbA==,b dW5kZWZpbmVk,c bnVsbHM=", &m), VD_METADATA_OK);
  ck_assert_ptr_null(vd_metadata_find(&m, "a"));
  ck_assert_ptr_null(vd_metadata_find(&m, "b"));
  ck_assert(is(vd_metadata_find(&m, "c"), "nulls"));
}
END_TEST

START_TEST(bad_pairs) {
  static const char *const bad[] = {",",         "a Zm9v,", ",a Zm9v", "a Zm9v,a Zm9v",
                                    "a Zm9",     " ",       "a  Zm9v", "a Zm9v x",
                                    "a Zm9v,,b", "a \x01",  "a,a Zg==", "a Zm9v,\tb", "\xc3\xb6 Zm9v"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(vd_metadata_parse(bad[i], &m) == VD_METADATA_BAD, "%s", bad[i]);
}
END_TEST

START_TEST(limits) {
  char *field = malloc(VD_METADATA_BYTES_MAX + 8);
  size_t n = 0;
  ck_assert_ptr_nonnull(field);
  /* n keys: k0,k1,... */
  for (unsigned i = 0; i <= VD_METADATA_PAIRS_MAX; i++) {
    n += (size_t)snprintf(field + n, 16, "%sk%u", i > 0 ? "," : "", i);
    ck_assert_int_eq(vd_metadata_parse(field, &m),
                     i < VD_METADATA_PAIRS_MAX ? VD_METADATA_OK : VD_METADATA_LONG);
  }
  memset(field, 'k', VD_METADATA_BYTES_MAX + 1);
  field[VD_METADATA_BYTES_MAX + 1] = '\0';
  ck_assert_int_eq(vd_metadata_parse(field, &m), VD_METADATA_LONG);
  field[VD_METADATA_BYTES_MAX] = '\0';
  ck_assert_int_eq(vd_metadata_parse(field, &m), VD_METADATA_OK);
  memset(field, 'A', VD_METADATA_BYTES_MAX); /* and a value as long as can be */
  field[1] = ' ';
  field[VD_METADATA_BYTES_MAX - 2] = '\0';
  ck_assert_int_eq(vd_metadata_parse(field, &m), VD_METADATA_OK);
  ck_assert_uint_eq(m.pairs[0].value.n, (VD_METADATA_BYTES_MAX - 4) / 4 * 3);
  free(field);
}
END_TEST

START_TEST(concat) {
  vd_concat c;
  ck_assert(vd_concat_parse("partial", &c) && c.kind == VD_CONCAT_PARTIAL);
  ck_assert(
    vd_concat_parse("final;" UPLOADS "a http://h:1" UPLOADS "b https://h" UPLOADS "a c", &c));
  ck_assert(c.kind == VD_CONCAT_FINAL && c.n == 4);
  ck_assert(is(&c.parts[0], "a") && is(&c.parts[1], "b") && is(&c.parts[2], "a") &&
            is(&c.parts[3], "c"));
}
END_TEST

START_TEST(bad_concat) {
  static const char *const bad[] = {"",
                                    "Partial",
                                    "partial;",
                                    "final",
                                    "final;",
                                    "final; ",
                                    "final;/",
                                    "final;" UPLOADS,
                                    "final;/api/v1/files/a",
                                    "final;http://h",
                                    "final;http://h/a",
                                    "final;" UPLOADS "a/b",
                                    "final;" UPLOADS "a?b",
                                    "final;" UPLOADS "a#b",
                                    "final;" UPLOADS "%61",
                                    "final;a\tb", "final;" UPLOADS "\xc3\xb6"};
  vd_concat c;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(!vd_concat_parse(bad[i], &c) && c.kind == VD_CONCAT_BAD, "%s", bad[i]);
}
END_TEST

START_TEST(concat_limit) {
  char field[8 + 2 * (VD_CONCAT_PARTS_MAX + 1)] = "final;";
  vd_concat c;
  for (unsigned i = 1; i <= VD_CONCAT_PARTS_MAX + 1; i++) {
    memcpy(field + 4 + 2 * i, "a ", 3);
    ck_assert(vd_concat_parse(field, &c) == (i <= VD_CONCAT_PARTS_MAX));
  }
}
END_TEST

START_TEST(numbers) {
  uint64_t n = 7;
  ck_assert(vd_tus_number("0", &n) && n == 0);
  ck_assert(vd_tus_number("0010", &n) && n == 10);
  ck_assert(vd_tus_number("9223372036854775807", &n) && n == INT64_MAX);
  ck_assert(vd_tus_number("9223372036854775808", &n) && n == INT64_MAX);
  ck_assert(vd_tus_number("99999999999999999999000000000000000000000000", &n) && n == INT64_MAX);
  static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1,1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(!vd_tus_number(bad[i], &n), "%s", bad[i]);
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {base64, pairs,      words_for_nothing, bad_pairs, limits,
                              concat, bad_concat, concat_limit,      numbers,   NULL};
  return vt_suite("metadata", all);
}

VT_MAIN(suite)
