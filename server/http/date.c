/* HTTP dates. Own arithmetic: strftime and strptime follow the locale, and gmtime's year may be anything. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fields.h"

static const char DAYS[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char LONG_DAYS[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
static const char MONTHS[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

#define YEAR_0_S (-62167219200LL)
#define YEAR_9999_END_S 253402300799LL
#define DAY_S 86400

void vd_date_format(int64_t unix_s, char *out) {
  struct tm tm;
  time_t t = (time_t)(unix_s < YEAR_0_S          ? YEAR_0_S
                      : unix_s > YEAR_9999_END_S ? YEAR_9999_END_S
                                                 : unix_s);
  memset(&tm, 0, sizeof tm);
  (void)gmtime_r(&t, &tm);
  char text[64]; /* wider than any value that the compiler can imagine in struct tm */
  (void)snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                 DAYS[(unsigned)tm.tm_wday % 7], tm.tm_mday % 100, MONTHS[(unsigned)tm.tm_mon % 12],
                 (tm.tm_year + 1900) % 10000, tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
  memcpy(out, text, VD_DATE_SIZE - 1);
  out[VD_DATE_SIZE - 1] = 0;
}

typedef struct civil {
  int year, month, day, hour, minute, second; /* month 0..11 */
} civil;

static bool digits(const char **s, int n, int *out) {
  int v = 0;
  for (int i = 0; i < n; i++, (*s)++) {
    if (**s < '0' || **s > '9')
      return false;
    v = v * 10 + (**s - '0');
  }
  *out = v;
  return true;
}

static bool literal(const char **s, const char *text) {
  size_t n = strlen(text);
  if (strncmp(*s, text, n) != 0)
    return false;
  *s += n;
  return true;
}

static bool month(const char **s, int *out) {
  for (int i = 0; i < 12; i++)
    if (literal(s, MONTHS[i])) {
      *out = i;
      return true;
    }
  return false;
}

static bool clock_time(const char **s, civil *c) {
  return digits(s, 2, &c->hour) && literal(s, ":") && digits(s, 2, &c->minute) && literal(s, ":") &&
         digits(s, 2, &c->second);
}

static bool imf_fixdate(const char *s, civil *c) { /* ", 06 Nov 1994 08:49:37 GMT" */
  return literal(&s, ", ") && digits(&s, 2, &c->day) && literal(&s, " ") && month(&s, &c->month) &&
         literal(&s, " ") && digits(&s, 4, &c->year) && literal(&s, " ") && clock_time(&s, c) &&
         literal(&s, " GMT") && !*s;
}

static bool rfc850(const char *s, civil *c) { /* ", 06-Nov-94 08:49:37 GMT" */
  if (!(literal(&s, ", ") && digits(&s, 2, &c->day) && literal(&s, "-") && month(&s, &c->month) &&
        literal(&s, "-") && digits(&s, 2, &c->year) && literal(&s, " ") && clock_time(&s, c) &&
        literal(&s, " GMT") && !*s))
    return false;
  c->year += c->year < 70 ? 2000 : 1900;
  return true;
}

static bool asctime_form(const char *s, civil *c) { /* " Nov  6 08:49:37 1994" */
  if (!(literal(&s, " ") && month(&s, &c->month) && literal(&s, " ")))
    return false;
  bool day = *s == ' ' ? (s++, digits(&s, 1, &c->day)) : digits(&s, 2, &c->day);
  return day && literal(&s, " ") && clock_time(&s, c) && literal(&s, " ") &&
         digits(&s, 4, &c->year) && !*s;
}

static bool leap(int year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool civil_to_unix(const civil *c, int64_t *out) {
  static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  static const int before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  int last = month_days[c->month] + (c->month == 1 && leap(c->year));
  if (c->day < 1 || c->day > last || c->hour > 23 || c->minute > 59 || c->second > 60)
    return false;
  int64_t y = c->year; /* days from year 0, which is a leap year */
  int64_t days = y * 365 + (y + 3) / 4 - (y + 99) / 100 + (y + 399) / 400;
  days += before[c->month] + (c->month > 1 && leap(c->year)) + c->day - 1;
  *out = YEAR_0_S + days * DAY_S + c->hour * 3600 + c->minute * 60 + c->second;
  return true;
}

bool vd_date_parse(const char *value, int64_t *unix_s) {
  for (int i = 0; i < 7; i++) {
    civil c = {0};
    const char *s = value;
    bool ok = (literal(&s, LONG_DAYS[i]) && rfc850(s, &c)) ||
              (s = value, literal(&s, DAYS[i]) && (imf_fixdate(s, &c) || asctime_form(s, &c)));
    if (ok)
      return civil_to_unix(&c, unix_s);
  }
  return false;
}
