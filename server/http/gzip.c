#include "gzip.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define LEVEL 4             /* lists of JSON: most of what 9 wins, at a third of its time */
#define GZIP_WINDOW_BITS 31 /* 15, and 16 for the gzip format */
#define WEIGHT_ONE 1000

void vd_accept_encoding_init(vd_accept_encoding *a) {
  a->gzip = a->identity = a->any = -1;
  a->bad = false;
}

static const char *skip_space(const char *s) {
  while (*s == ' ' || *s == '\t')
    s++;
  return s;
}

/* qvalue: 0 or 1, at most three decimals, no more than 1. NULL: it is none. */
static const char *read_weight(const char *s, int *weight) {
  int unit = WEIGHT_ONE / 10;
  if (*s != '0' && *s != '1')
    return NULL;
  *weight = (*s++ - '0') * WEIGHT_ONE;
  if (*s != '.')
    return s;
  for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10) {
    if (unit == 0)
      return NULL;
    *weight += (*s - '0') * unit;
  }
  return *weight <= WEIGHT_ONE ? s : NULL;
}

static void set_weight(vd_accept_encoding *a, const char *name, size_t n, int weight) {
  if ((n == 4 && strncasecmp(name, "gzip", 4) == 0) ||
      (n == 6 && strncasecmp(name, "x-gzip", 6) == 0))
    a->gzip = weight;
  else if (n == 8 && strncasecmp(name, "identity", 8) == 0)
    a->identity = weight;
  else if (n == 1 && *name == '*')
    a->any = weight;
}

/* One "coding" or "coding;q=weight" at s. NULL: it is neither. */
static const char *read_one(vd_accept_encoding *a, const char *s) {
  size_t n = strcspn(s, " \t,;");
  const char *name = s;
  int weight = WEIGHT_ONE;
  s = skip_space(s + n);
  if (*s == ';') {
    s = skip_space(s + 1);
    if ((*s != 'q' && *s != 'Q') || s[1] != '=')
      return NULL;
    s = read_weight(s + 2, &weight);
    if (!s)
      return NULL;
    s = skip_space(s);
  }
  if (n == 0 || (*s && *s != ','))
    return NULL;
  set_weight(a, name, n, weight);
  return s;
}

void vd_accept_encoding_read(vd_accept_encoding *a, const char *value) {
  for (const char *s = value; !a->bad;) {
    s += strspn(s, " \t,");
    if (!*s)
      return;
    s = read_one(a, s);
    a->bad = s == NULL;
  }
}

bool vd_accept_encoding_gzip(const vd_accept_encoding *a) {
  int gzip = a->gzip >= 0 ? a->gzip : a->any;
  return !a->bad && gzip > 0 && gzip >= a->identity;
}

uint8_t *vd_gzip(const uint8_t *bytes, size_t len, size_t *out_len) {
  z_stream z;
  uint8_t *out;
  int rc;
  memset(&z, 0, sizeof z);
  if (len == 0 || len > UINT32_MAX ||
      deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return NULL;
  out = malloc(len - 1 ? len - 1 : 1); /* more would be no gain */
  if (!out) {
    (void)deflateEnd(&z);
    return NULL;
  }
  z.next_in = (Bytef *)(uintptr_t)bytes; /* zlib's own type; it is only read */
  z.avail_in = (uInt)len;
  z.next_out = out;
  z.avail_out = (uInt)(len - 1);
  rc = deflate(&z, Z_FINISH);
  *out_len = z.total_out;
  (void)deflateEnd(&z);
  if (rc == Z_STREAM_END)
    return out;
  free(out);
  return NULL;
}
