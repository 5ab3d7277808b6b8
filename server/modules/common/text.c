#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)
#define MS_PER_DAY INT64_C(86400000)
#define YEAR_0_MS INT64_C(-62167219200000)
#define YEAR_10000_MS INT64_C(253402300800000)

static int64_t floor_mod(int64_t a, int64_t b) {
  int64_t r = a % b;
  return r < 0 ? r + b : r;
}

/* Outside of four-digit years: seldom, and the C library knows how. */
static void far_time(int64_t unix_ms, char *out) {
  int64_t ms = floor_mod(unix_ms, 1000);
  time_t t = (time_t)((unix_ms - ms) / 1000);
  struct tm tm;
  size_t n;

  memset(&tm, 0, sizeof tm);
  (void)gmtime_r(&t, &tm);
  n = strftime(out, VD_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
  (void)snprintf(out + n, VD_TIME_TEXT - n, ".%03dZ", (int)ms);
}

/* Proleptic Gregorian date of a day since 1970: years that begin in March have their leap day at the end, and 400
 * of them are always 146097 days. */
static void civil_of(int64_t days, int64_t *year, int64_t *month, int64_t *day) {
  int64_t from_0000_03_01 = days + 719468;
  int64_t of_era = floor_mod(from_0000_03_01, 146097);
  int64_t era = (from_0000_03_01 - of_era) / 146097;
  int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;

  *day = of_year - (153 * m + 2) / 5 + 1;
  *month = m < 10 ? m + 3 : m - 9;
  *year = y + era * 400 + (*month <= 2 ? 1 : 0);
}

static void put_digits(char *out, int64_t value, int n, char behind) {
  out[n] = behind;
  while (n-- > 0) {
    out[n] = (char)('0' + value % 10);
    value /= 10;
  }
}

void vd_time_format(int64_t unix_ms, char *out) {
  int64_t ms = floor_mod(unix_ms, MS_PER_DAY), days = (unix_ms - ms) / MS_PER_DAY;
  int64_t year, month, day;

  if (unix_ms < YEAR_0_MS || unix_ms >= YEAR_10000_MS) {
    far_time(unix_ms, out);
    return;
  }
  civil_of(days, &year, &month, &day);
  put_digits(out, year, 4, '-');
  put_digits(out + 5, month, 2, '-');
  put_digits(out + 8, day, 2, 'T');
  put_digits(out + 11, ms / 3600000, 2, ':');
  put_digits(out + 14, ms / 60000 % 60, 2, ':');
  put_digits(out + 17, ms / 1000 % 60, 2, '.');
  put_digits(out + 20, ms % 1000, 3, 'Z');
  out[24] = '\0';
}

void vd_content_etag(const vault_id *version, char *out) {
  char id[VAULT_ID_TEXT];
  vault_id_format(version, id);
  (void)snprintf(out, VD_ETAG_TEXT, "\"v%s\"", id);
}

void vd_item_etag(int64_t seq, char *out) {
  (void)snprintf(out, VD_ETAG_TEXT, "\"s%lld\"", (long long)seq);
}

/* The inside of one quoted tag that starts with the letter. */
static bool one_tag(const char *value, char letter, char *out, size_t out_size) {
  size_t n;
  while (*value == ' ' || *value == '\t')
    value++;
  n = strlen(value);
  while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
    n--;
  if (n < 4 || n - 3 >= out_size || value[0] != '"' || value[1] != letter || value[n - 1] != '"')
    return false;
  memcpy(out, value + 2, n - 3);
  out[n - 3] = '\0';
  return true;
}

bool vd_content_etag_parse(const char *value, vault_id *version) {
  char text[VD_ETAG_TEXT], same[VAULT_ID_TEXT];
  vault_id parsed;
  if (!one_tag(value, 'v', text, sizeof text) ||
      vault_id_parse(text, strlen(text), &parsed) != VAULT_OK)
    return false;
  vault_id_format(&parsed, same);
  if (strcmp(text, same) != 0)
    return false; /* entity tags are compared byte by byte */
  *version = parsed;
  return true;
}

bool vd_item_etag_parse(const char *value, int64_t *seq) {
  char text[VD_ETAG_TEXT], same[VD_ETAG_TEXT];
  int64_t parsed;
  if (!one_tag(value, 's', text, sizeof text) || !vd_int64_parse(text, &parsed))
    return false;
  (void)snprintf(same, sizeof same, "%lld", (long long)parsed);
  if (strcmp(text, same) != 0)
    return false; /* no "s007" */
  *seq = parsed;
  return true;
}

void vd_hex(const uint8_t *bytes, size_t n, char *out) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < n; i++) {
    out[2 * i] = digits[bytes[i] >> 4];
    out[2 * i + 1] = digits[bytes[i] & 15];
  }
  out[2 * n] = '\0';
}

/* Adds the digits of p to *value, away from zero. Stops at the first other byte; false: overflow. */
static bool take_digits(const char **p, bool negative, int64_t *value) {
  for (; **p >= '0' && **p <= '9'; (*p)++) {
    int64_t digit = **p - '0';
    if (__builtin_mul_overflow(*value, 10, value))
      return false;
    if (negative ? __builtin_sub_overflow(*value, digit, value)
                 : __builtin_add_overflow(*value, digit, value))
      return false;
  }
  return true;
}

bool vd_int64_parse(const char *text, int64_t *out) {
  bool negative = *text == '-';
  const char *p = text + (negative ? 1 : 0);
  int64_t value = 0;

  if (*p < '0' || *p > '9' || !take_digits(&p, negative, &value) || *p != '\0')
    return false;
  *out = value;
  return true;
}

bool vd_seconds_parse(const char *text, int64_t *ns) {
  bool negative = *text == '-';
  const char *p = text + (negative ? 1 : 0);
  int64_t value = 0, part = 0, unit = NS_PER_S;

  if (*p < '0' || *p > '9' || !take_digits(&p, negative, &value))
    return false;
  if (*p == '.') {
    p++;
    if (*p < '0' || *p > '9')
      return false;
    for (; *p >= '0' && *p <= '9'; p++) {
      unit /= 10;
      part += (*p - '0') * unit;
    }
  }
  if (*p != '\0' || __builtin_mul_overflow(value, NS_PER_S, &value))
    return false;
  if (__builtin_add_overflow(value, negative ? -part : part, &value))
    return false;
  *ns = value;
  return true;
}

static const char *const space_names[] = {
  [VAULT_SPACE_FILES] = "files", [VAULT_SPACE_PHOTOS] = "photos", [VAULT_SPACE_NOTES] = "notes"};

bool vd_space_parse(const char *text, uint32_t *space) {
  for (uint32_t i = VAULT_SPACE_FILES; i <= VAULT_SPACE_NOTES; i++) {
    if (strcmp(text, space_names[i]) == 0) {
      *space = i;
      return true;
    }
  }
  return false;
}

const char *vd_space_name(uint32_t space) {
  return space >= VAULT_SPACE_FILES && space <= VAULT_SPACE_NOTES ? space_names[space] : "unknown";
}
