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

vd_range_result vd_range_parse(const char *value, uint64_t size, uint64_t *first, uint64_t *len) {
  if (!value || strncasecmp(value, "bytes=", 6) != 0)
    return VD_RANGE_WHOLE;
  const char *s = skip_space(value + 6);
  uint64_t from = 0, to = UINT64_MAX;
  bool has_from = number(&s, &from);
  if (*s != '-')
    return VD_RANGE_WHOLE;
  s++;
  bool has_to = number(&s, &to);
  if (*skip_space(s) || (!has_from && !has_to))
    return VD_RANGE_WHOLE;
  if (!has_from) {
    if (to == 0 || size == 0)
      return VD_RANGE_UNSATISFIABLE;
    *len = to < size ? to : size;
    *first = size - *len;
    return VD_RANGE_PART;
  }
  if (has_to && to < from)
    return VD_RANGE_WHOLE;
  if (from >= size)
    return VD_RANGE_UNSATISFIABLE;
  *first = from;
  *len = (to >= size ? size - 1 : to) - from + 1;
  return VD_RANGE_PART;
}
