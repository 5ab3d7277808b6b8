#include <string.h>

#include "libvault/base/encode.h"
#include "libvault/base/utf8.h"
#include "tests/support/vt_main.h"

/* RFC 4648 §10. */
static const struct {
  const char *plain, *b64, *url;
} vectors[] = {
  {"", "", ""},
  {"f", "Zg==", "Zg"},
  {"fo", "Zm8=", "Zm8"},
  {"foo", "Zm9v", "Zm9v"},
  {"foob", "Zm9vYg==", "Zm9vYg"},
  {"fooba", "Zm9vYmE=", "Zm9vYmE"},
  {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
  {"\xfb\xff\xfe", "+//+", "-__-"},
};

START_TEST(base64_vectors) {
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    char text[32];
    uint8_t back[32];
    uint64_t n = 99, plain_n = strlen(vectors[i].plain);
    vault__b64(vectors[i].plain, plain_n, text);
    ck_assert_str_eq(text, vectors[i].b64);
    ck_assert_uint_eq(strlen(text), VAULT__B64_LEN(plain_n));
    vt_ok(vault__b64_decode(text, strlen(text), back, sizeof back, &n));
    ck_assert_uint_eq(n, plain_n);
    ck_assert_int_eq(memcmp(back, vectors[i].plain, n), 0);
    vault__b64url(vectors[i].plain, plain_n, text);
    ck_assert_str_eq(text, vectors[i].url);
    ck_assert_uint_eq(strlen(text), VAULT__B64URL_LEN(plain_n));
    vt_ok(vault__b64url_decode(text, strlen(text), back, plain_n, &n));
    ck_assert_uint_eq(n, plain_n);
    ck_assert_int_eq(memcmp(back, vectors[i].plain, n), 0);
  }
}
END_TEST

START_TEST(base64_refuses) {
  uint8_t out[16];
  uint64_t n = 77;
  static const char *const bad_url[] = {"Zg==", "Zh",   "Zm9",  "Z",      "Zm9vY",
                                        "Zm+v", "Zm/v", "Zm v", "Zm9v\n", "Z\xc3"};
  static const char *const bad_std[] = {"Zg",   "Zg=",      "Zh==", "Zm9=", "Zm8", "====",
                                        "Z===", "Zg==Zg==", "Zm-v", "=m9v", "Zm=v"};
  for (size_t i = 0; i < sizeof bad_url / sizeof *bad_url; i++)
    vt_status(vault__b64url_decode(bad_url[i], strlen(bad_url[i]), out, sizeof out, &n),
              VAULT_E_INPUT);
  for (size_t i = 0; i < sizeof bad_std / sizeof *bad_std; i++)
    vt_status(vault__b64_decode(bad_std[i], strlen(bad_std[i]), out, sizeof out, &n),
              VAULT_E_INPUT);
  vt_status(vault__b64url_decode("Zm9vYmFy", 8, out, 5, &n), VAULT_E_TOO_LARGE);
  vt_status(vault__b64_decode("Zm9vYmFy", 8, out, 5, &n), VAULT_E_TOO_LARGE);
  ck_assert_uint_eq(n, 77);
}
END_TEST

START_TEST(base64_has_one_text_per_value) {
  /* Every text of two and three characters either fails or is what the encoder makes. */
  static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  unsigned good = 0;
  for (unsigned i = 0; i < 64 * 64 * 64; i++) {
    char text[4] = {all[i & 63], all[i >> 6 & 63], all[i >> 12 & 63], 0}, again[8];
    uint8_t bytes[2];
    uint64_t n;
    if (vault__b64url_decode(text, 3, bytes, 2, &n) != VAULT_OK)
      continue;
    good++;
    vault__b64url(bytes, n, again);
    if (strcmp(text, again) != 0) /* an assertion each time would be slow */
      ck_abort_msg("%s decodes, but is written %s", text, again);
  }
  ck_assert_uint_eq(good, 65536);
}
END_TEST

START_TEST(hex_both_ways) {
  char text[9];
  uint8_t back[4];
  uint64_t n = 7;
  vault__hex("\x00\xff\x1a\xb0", 4, text);
  ck_assert_str_eq(text, "00ff1ab0");
  vt_ok(vault__hex_decode("00fF1Ab0", 8, back, 4, &n));
  ck_assert_uint_eq(n, 4);
  ck_assert_int_eq(memcmp(back, "\x00\xff\x1a\xb0", 4), 0);
  vt_status(vault__hex_decode("0", 1, back, 4, &n), VAULT_E_INPUT);
  vt_status(vault__hex_decode("0g", 2, back, 4, &n), VAULT_E_INPUT);
  vt_status(vault__hex_decode("0011223344", 10, back, 4, &n), VAULT_E_TOO_LARGE);
}
END_TEST

START_TEST(utf8_all_code_points) {
  for (uint32_t cp = 0; cp <= 0x110000; cp++) {
    char text[VAULT__UTF8_MAX];
    uint32_t back = 0, n = vault__utf8_put(cp, text);
    int real = cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
    if ((n != 0) != real)
      ck_abort_msg("U+%X", cp);
    if (!real)
      continue;
    if (vault__utf8_next(text, n, &back) != n || back != cp ||
        vault__utf8_next(text, n - 1, &back) != 0) /* cut off */
      ck_abort_msg("U+%X", cp);
  }
}
END_TEST

START_TEST(utf8_refuses) {
  static const char *const bad[] = {
    "\x80",
    "\xbf",
    "\xc0\x80",
    "\xc1\xbf",
    "\xc2",
    "\xc2\x20",
    "\xe0\x80\x80",
    "\xe0\x9f\xbf",
    "\xed\xa0\x80",
    "\xed\xbf\xbf",
    "\xf0\x80\x80\x80",
    "\xf0\x8f\xbf\xbf",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xff",
    "\xfe",
    "a\xe2\x82",
    "\xe2\x28\xa1",
    "\xf8\x88\x80\x80\x80",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ck_assert_msg(!vault__utf8_valid(bad[i], strlen(bad[i])), "row %zu", i);
  ck_assert_int_eq(vault__utf8_valid("", 0), 1);
  ck_assert_int_eq(vault__utf8_valid("a\0b", 3), 1);
  ck_assert_int_eq(vault__utf8_valid("\xc4\x9f\xe2\x82\xac\xf0\x9f\x98\x80", 9), 1);
}
END_TEST

static Suite *encode(void) {
  const TTest *const all[] = {base64_vectors,
                              base64_refuses,
                              base64_has_one_text_per_value,
                              hex_both_ways,
                              utf8_all_code_points,
                              utf8_refuses,
                              NULL};
  return vt_suite("encode", all);
}

VT_MAIN(encode)
