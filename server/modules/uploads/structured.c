#include "structured.h"

#include <string.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define ALPHA LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define KEY_MORE LOWER DIGITS "_-.*"
#define TOKEN_MORE ALPHA DIGITS "!#$%&'*+-.^_`|~:/"
#define BASE64 ALPHA DIGITS "+/="

/* Each skip_* returns what is behind the thing at p, or NULL when p is none. */

static const char *skip_spaces(const char *p) {
  return p + strspn(p, " ");
}

static const char *skip_number(const char *p) {
  size_t whole, part;
  p += *p == '-';
  whole = strspn(p, DIGITS);
  p += whole;
  if (whole == 0 || whole > 15)
    return NULL;
  if (*p != '.')
    return p;
  part = strspn(++p, DIGITS);
  return whole <= 12 && part >= 1 && part <= 3 ? p + part : NULL;
}

static const char *skip_string(const char *p) {
  for (p++; *p != '"'; p++) {
    if (*p == '\\') {
      p++;
      if (*p != '"' && *p != '\\')
        return NULL;
    } else if (*p < 0x20 || *p > 0x7e) { /* the end of the text too */
      return NULL;
    }
  }
  return p + 1;
}

static const char *skip_bytes(const char *p) {
  p += 1 + strspn(p + 1, BASE64);
  return *p == ':' ? p + 1 : NULL;
}

static const char *skip_bare(const char *p) {
  if (*p == '-' || (*p >= '0' && *p <= '9'))
    return skip_number(p);
  if (*p == '"')
    return skip_string(p);
  if (*p == ':')
    return skip_bytes(p);
  if (*p == '?')
    return p[1] == '0' || p[1] == '1' ? p + 2 : NULL;
  if (*p == '@')
    return skip_number(p + 1);
  if (*p != '\0' && (strchr(ALPHA, *p) != NULL || *p == '*'))
    return p + strspn(p, TOKEN_MORE);
  return NULL;
}

/* Parameters, then nothing but spaces. */
static bool ends(const char *p) {
  while (p != NULL && *p == ';') {
    p = skip_spaces(p + 1);
    if (*p == '\0' || strchr(LOWER "*", *p) == NULL)
      return false;
    p += strspn(p, KEY_MORE);
    if (*p == '=')
      p = skip_bare(p + 1);
  }
  return p != NULL && *skip_spaces(p) == '\0';
}

bool vd_sf_boolean(const char *value, bool *out) {
  const char *p = skip_spaces(value);
  if (*p != '?' || (p[1] != '0' && p[1] != '1') || !ends(p + 2))
    return false;
  *out = p[1] == '1';
  return true;
}

bool vd_sf_integer(const char *value, uint64_t *out) {
  const char *p = skip_spaces(value), *end = skip_bare(p);
  bool negative = *p == '-';
  uint64_t n = 0;

  if (end == NULL || (!negative && (*p < '0' || *p > '9')) || !ends(end))
    return false;
  for (p += negative; p < end; p++) {
    if (*p == '.') /* a Decimal */
      return false;
    n = n * 10 + (uint64_t)(*p - '0');
  }
  if (negative && n != 0)
    return false;
  *out = n;
  return true;
}
