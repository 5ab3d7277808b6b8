#include "utf8.h"

static int tail(unsigned char c) {
  return (c & 0xc0) == 0x80;
}

/* A scalar value in its shortest form. */
static int scalar(uint32_t c, uint32_t lowest) {
  return c >= lowest && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

uint32_t vault__utf8_next(const char *p, uint64_t n, uint32_t *cp) {
  const unsigned char *s = (const unsigned char *)p;
  uint32_t bytes, c, lowest;
  if (!n)
    return 0;
  if (s[0] < 0x80) {
    *cp = s[0];
    return 1;
  }
  if (s[0] >= 0xc2 && s[0] <= 0xdf) {
    bytes = 2, lowest = 0x80, c = s[0] & 0x1fu;
  } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
    bytes = 3, lowest = 0x800, c = s[0] & 0x0fu;
  } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
    bytes = 4, lowest = 0x10000, c = s[0] & 0x07u;
  } else {
    return 0;
  }
  if (n < bytes)
    return 0;
  for (uint32_t i = 1; i < bytes; i++) {
    if (!tail(s[i]))
      return 0;
    c = c << 6 | (s[i] & 0x3fu);
  }
  if (!scalar(c, lowest))
    return 0;
  *cp = c;
  return bytes;
}

int vault__utf8_valid(const char *p, uint64_t n) {
  uint32_t cp;
  for (uint64_t at = 0; at < n;) {
    uint32_t bytes = vault__utf8_next(p + at, n - at, &cp);
    if (!bytes)
      return 0;
    at += bytes;
  }
  return 1;
}

uint32_t vault__utf8_put(uint32_t cp, char out[VAULT__UTF8_MAX]) {
  if (cp < 0x80) {
    out[0] = (char)cp;
    return 1;
  }
  if (cp < 0x800) {
    out[0] = (char)(0xc0 | cp >> 6);
    out[1] = (char)(0x80 | (cp & 0x3f));
    return 2;
  }
  if (cp < 0x10000) {
    if (cp >= 0xd800 && cp <= 0xdfff)
      return 0;
    out[0] = (char)(0xe0 | cp >> 12);
    out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[2] = (char)(0x80 | (cp & 0x3f));
    return 3;
  }
  if (cp > 0x10ffff)
    return 0;
  out[0] = (char)(0xf0 | cp >> 18);
  out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
  out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
  out[3] = (char)(0x80 | (cp & 0x3f));
  return 4;
}
