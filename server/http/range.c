#include "range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Reads digits at *p and saturates, so that "bytes=0-99999999999999999999" clips. false: no digit. */
static bool number(const char **p, uint64_t *out) {
  const char *s = *p;
  uint64_t v = 0;
  if (*s < '0' || *s > '9')
    return false;
  for (; *s >= '0' && *s <= '9'; s++) {
    uint64_t d = (uint64_t)(*s - '0');
    v = v > (UINT64_MAX - d) / 10 ? UINT64_MAX : v * 10 + d;
  }
  *p = s;
  *out = v;
  return true;
}

static const char *skip_space(const char *s) {
  while (*s == ' ' || *s == '\t')
    s++;
  return s;
}

/* One range-spec at *p. WHOLE: it is none. */
static vd_range_result one_range(const char **p, uint64_t size, vd_range *out) {
  uint64_t from = 0, to = UINT64_MAX;
  bool has_from = number(p, &from);
  if (**p != '-')
    return VD_RANGE_WHOLE;
  ++*p;
  bool has_to = number(p, &to);
  if ((!has_from && !has_to) || (has_from && has_to && to < from))
    return VD_RANGE_WHOLE;
  if (!has_from) {
    if (to == 0 || size == 0)
      return VD_RANGE_UNSATISFIABLE;
    out->len = to < size ? to : size;
    out->first = size - out->len;
    return VD_RANGE_PART;
  }
  if (from >= size)
    return VD_RANGE_UNSATISFIABLE;
  out->first = from;
  out->len = (to >= size ? size - 1 : to) - from + 1;
  return VD_RANGE_PART;
}

static bool touch(const vd_range *a, const vd_range *b) {
  return a->first <= b->first + b->len && b->first <= a->first + a->len;
}

static void unite(vd_range *a, const vd_range *b) {
  uint64_t a_end = a->first + a->len, b_end = b->first + b->len;
  uint64_t end = a_end > b_end ? a_end : b_end;
  if (b->first < a->first)
    a->first = b->first;
  a->len = end - a->first;
}

/* Adds one; what it joins becomes one, and may then join more. */
static void merge(vd_range *all, size_t *n, vd_range r) {
  size_t place = *n;
  for (size_t i = 0; i < *n;) {
    if (!touch(&all[i], &r)) {
      i++;
      continue;
    }
    unite(&r, &all[i]);
    if (i < place)
      place = i;
    memmove(&all[i], &all[i + 1], (*n - i - 1) * sizeof all[0]);
    --*n;
    i = 0;
  }
  if (place > *n)
    place = *n;
  memmove(&all[place + 1], &all[place], (*n - place) * sizeof all[0]);
  all[place] = r;
  ++*n;
}

vd_range_result vd_ranges_parse(const char *value, uint64_t size, vd_range *out, size_t *n) {
  vd_range all[VD_RANGES_ASKED_MAX + 1], r;
  size_t kept = 0, asked = 0;
  if (!value || strncasecmp(value, "bytes=", 6) != 0)
    return VD_RANGE_WHOLE;
  for (const char *s = value + 6;;) {
    s += strspn(s, " \t,"); /* a list may have empty elements (RFC 9110 5.6.1.2) */
    if (!*s)
      break;
    vd_range_result one = one_range(&s, size, &r);
    if (one == VD_RANGE_WHOLE || ++asked > VD_RANGES_ASKED_MAX)
      return VD_RANGE_WHOLE;
    if (one == VD_RANGE_PART)
      merge(all, &kept, r);
    s = skip_space(s);
    if (*s && *s != ',')
      return VD_RANGE_WHOLE;
  }
  if (asked == 0 || kept > VD_RANGES_MAX)
    return VD_RANGE_WHOLE;
  if (kept == 0)
    return VD_RANGE_UNSATISFIABLE;
  memcpy(out, all, kept * sizeof all[0]);
  *n = kept;
  return VD_RANGE_PART;
}
