#include "phone.h"

#include <string.h>
#include <utf8proc.h>

#include "libvault/base/err.h"
#include "libvault/base/slice.h"
#include "libvault/base/utf8.h"

#define TURKEY "90"
#define TURKEY_DIGITS 10 /* of a national number, without the trunk 0 */
#define RAW_DIGITS 32    /* what is collected before the rules look at it */

/* Turkish ranges by their first three digits, from libphonenumber's published data: mobiles that take
 * SMS. Not here on purpose: 512 (pagers), 592 (personal numbers), 850 (internet telephony),
 * 2xx to 4xx (fixed), 8xx and 900 (service and premium numbers). */
static const struct {
  uint16_t first, last;
} turkish_mobile[] = {
  {501, 501}, {505, 507}, {510, 510}, {516, 516}, {524, 524}, {530, 539},
  {540, 549}, {551, 555}, {559, 559}, {561, 561}, {594, 594}, {596, 596},
};

/* The zero of each script's decimal digits in the Basic Multilingual Plane, nine more follow.
 * Those that are variants of ASCII digits (full width, superscript) are NFKC's business. */
static const uint16_t script_zero[] = {
  0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66,
  0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
  0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0,
};

/* Dial codes of two digits; 1 and 7 have one, all others three (ITU-T E.164 list). */
static const char two_digit_codes[] =
  " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64"
  " 65 66 81 82 84 86 90 91 92 93 94 95 98 ";

typedef struct {
  char digits[RAW_DIGITS + 1];
  uint32_t n;
  int plus;
} raw_number;

static vault_status malformed(vault_err *err) {
  return vault__fail(err, VAULT_E_PHONE, VAULT_ORIGIN_CORE, 0, NULL);
}

static int between(uint32_t cp, uint32_t first, uint32_t last) {
  return cp >= first && cp <= last;
}

/* What people put between digits, and marks that nobody sees. */
static int is_separator(uint32_t cp) {
  static const char ascii[] = " \t-.()/";
  if (cp < 0x80)
    return cp && strchr(ascii, (int)cp) != NULL;
  return cp == 0xa0 || cp == 0xad || cp == 0x61c || cp == 0x2044 || between(cp, 0x2000, 0x2015) ||
         between(cp, 0x202a, 0x202f) || between(cp, 0x205f, 0x2069) || cp == 0x2212 ||
         cp == 0x3000 || cp == 0xfeff;
}

static int script_digit(uint32_t cp) {
  for (size_t i = 0; i < sizeof script_zero / sizeof *script_zero; i++)
    if (between(cp, script_zero[i], script_zero[i] + 9u))
      return (int)(cp - script_zero[i]);
  return -1;
}

/* One character after compatibility decomposition. 0: not part of a phone number. */
static int take(raw_number *r, uint32_t cp) {
  if (is_separator(cp))
    return 1;
  if (cp == '+') {
    if (r->plus || r->n)
      return 0;
    r->plus = 1;
    return 1;
  }
  int digit = between(cp, '0', '9') ? (int)(cp - '0') : script_digit(cp);
  if (digit < 0 || r->n == RAW_DIGITS)
    return 0;
  r->digits[r->n++] = (char)('0' + digit);
  return 1;
}

static int collect(const char *p, uint64_t n, raw_number *r) {
  for (uint64_t at = 0; at < n;) {
    utf8proc_int32_t part[8];
    uint32_t cp, bytes = vault__utf8_next(p + at, n - at, &cp);
    if (!bytes)
      return 0;
    at += bytes;
    if (is_separator(cp)) /* before NFKC: some spaces and marks have decompositions */
      continue;
    utf8proc_ssize_t parts =
      utf8proc_decompose_char((utf8proc_int32_t)cp, part, sizeof part / sizeof *part,
                              (utf8proc_option_t)(UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE), NULL);
    if (parts < 0 || parts > (utf8proc_ssize_t)(sizeof part / sizeof *part))
      return 0;
    for (utf8proc_ssize_t i = 0; i < parts; i++)
      if (!take(r, (uint32_t)part[i]))
        return 0;
  }
  r->digits[r->n] = 0;
  return r->n > 0;
}

/* What follows 90, or what was typed at home: with or without the trunk 0. */
static vault_status turkish(const char *national, char out[VAULT__PHONE_TEXT], vault_err *err) {
  if (*national == '0')
    national++;
  if (strncmp(national, "444", 3) == 0 && strlen(national) == 7)
    goto no_mobile;
  if (strlen(national) != TURKEY_DIGITS || *national < '2')
    return malformed(err);
  int range = (national[0] - '0') * 100 + (national[1] - '0') * 10 + (national[2] - '0');
  for (size_t i = 0; i < sizeof turkish_mobile / sizeof *turkish_mobile; i++)
    if (range >= turkish_mobile[i].first && range <= turkish_mobile[i].last) {
      memcpy(out, "+" TURKEY, 3);
      memcpy(out + 3, national, TURKEY_DIGITS + 1);
      return VAULT_OK;
    }
no_mobile:
  return vault__fail(
    err, VAULT_E_PHONE_COUNTRY, VAULT_ORIGIN_CORE, 0,
    "this Turkish number is not a mobile that can take an SMS; give a mobile number");
}

static vault_status international(const char *digits, char out[VAULT__PHONE_TEXT], vault_err *err) {
  uint64_t n = strlen(digits);
  if (strncmp(digits, TURKEY, 2) == 0)
    return turkish(digits + 2, out, err);
  if (*digits == '0' || n < VAULT__PHONE_DIGITS_MIN || n > VAULT__PHONE_DIGITS)
    return malformed(err);
  out[0] = '+';
  memcpy(out + 1, digits, n + 1);
  return VAULT_OK;
}

vault_status vault__phone_normalise(const char *p, uint64_t n, const char *home_dial_code,
                                    char out[VAULT__PHONE_TEXT], vault_err *err) {
  raw_number r = {{0}, 0, 0};
  if (n > VAULT__PHONE_INPUT || !collect(p, n, &r))
    return malformed(err);
  if (r.plus)
    return international(r.digits, out, err);
  if (r.digits[0] == '0' && r.digits[1] == '0')
    return international(r.digits + 2, out, err);
  if (strcmp(home_dial_code, TURKEY) != 0)
    return malformed(err); /* trunk prefixes of other countries are not known here */
  /* 90 and ten digits, perhaps with the trunk 0 between. Ten digits that start with 90 are a
   * national number (900: premium). */
  if (r.n > TURKEY_DIGITS + 1 && strncmp(r.digits, TURKEY, 2) == 0)
    return turkish(r.digits + 2, out, err);
  return turkish(r.digits, out, err);
}

static uint64_t dial_code_digits(const char *digits) {
  if (digits[0] == '1' || digits[0] == '7')
    return 1;
  if (!digits[0] || !digits[1])
    return 0;
  char two[5] = {' ', digits[0], digits[1], ' ', 0};
  return strstr(two_digit_codes, two) ? 2 : 3;
}

/* One entry of the list, without blanks and without the plus before it. */
static vault_str trimmed(vault_str s) {
  while (s.n && (*s.p == ' ' || *s.p == '+'))
    s.p++, s.n--;
  while (s.n && s.p[s.n - 1] == ' ')
    s.n--;
  return s;
}

int vault__phone_dial_code_allowed(const char *e164, vault_str allowed) {
  if (e164[0] != '+')
    return 0;
  const char *digits = e164 + 1;
  uint64_t code_n = dial_code_digits(digits), digits_n = strlen(digits);
  for (uint64_t at = 0; at <= allowed.n;) {
    const char *comma =
      at < allowed.n ? memchr(allowed.p + at, ',', (size_t)(allowed.n - at)) : NULL;
    uint64_t end = comma ? (uint64_t)(comma - allowed.p) : allowed.n;
    vault_str one = trimmed((vault_str){allowed.p + at, end - at});
    at = end + 1;
    if (one.n == 1 && *one.p == '*')
      return 1;
    /* Not shorter than the code itself: "9" must not let in nine countries. */
    if (code_n && one.n >= code_n && one.n <= digits_n && memcmp(one.p, digits, (size_t)one.n) == 0)
      return 1;
  }
  return 0;
}

static int is_e164(const char *s) {
  uint64_t n = strlen(s);
  if (n < 1 + VAULT__PHONE_DIGITS_MIN || n >= VAULT__PHONE_TEXT || s[0] != '+')
    return 0;
  return strspn(s + 1, "0123456789") == n - 1;
}

void vault__phone_mask(const char *e164, char out[VAULT__PHONE_TEXT]) {
  if (!is_e164(e164)) {
    memcpy(out, "+?", 3);
    return;
  }
  uint64_t n = strlen(e164), keep = 1 + dial_code_digits(e164 + 1);
  memcpy(out, e164, n + 1);
  for (uint64_t i = keep; i < n - 2; i++)
    out[i] = '*';
}

void vault__phone_prefix(const char *e164, char out[VAULT__PHONE_TEXT]) {
  uint64_t n = is_e164(e164) ? strlen(e164) - 4 : 0;
  memcpy(out, e164, n);
  out[n] = 0;
}
