#include "conditional.h"

#include <string.h>

#include "fields.h"

static const char *skip_space(const char *s) {
  while (*s == ' ' || *s == '\t')
    s++;
  return s;
}

static bool is_star(const char *value) {
  const char *s = skip_space(value);
  return *s == '*' && !*skip_space(s + 1);
}

/* Takes one entity-tag of a list. false at its end or at bad syntax. */
static bool next_tag(const char **p, bool *weak, const char **opaque, size_t *opaque_len) {
  const char *s = *p;
  while (*s == ' ' || *s == '\t' || *s == ',')
    s++;
  *weak = s[0] == 'W' && s[1] == '/';
  if (*weak)
    s += 2;
  if (*s != '"')
    return false;
  const char *end = strchr(s + 1, '"');
  if (!end)
    return false;
  *opaque = s;
  *opaque_len = (size_t)(end - s) + 1;
  s = skip_space(end + 1);
  if (*s && *s != ',')
    return false;
  *p = s;
  return true;
}

/* strong: RFC 9110 8.8.3.2, both sides strong; else W/ is looked through. */
static bool list_matches(const char *list, const char *etag, bool strong) {
  const char *opaque;
  size_t opaque_len;
  bool weak;
  if (!etag)
    return false;
  bool etag_weak = etag[0] == 'W' && etag[1] == '/';
  const char *mine = etag_weak ? etag + 2 : etag;
  while (next_tag(&list, &weak, &opaque, &opaque_len))
    if (!(strong && (weak || etag_weak)) && strlen(mine) == opaque_len &&
        !memcmp(mine, opaque, opaque_len))
      return true;
  return false;
}

static bool names_it(const char *list, const vd_resource_state *st, bool strong) {
  return st->exists && (is_star(list) || list_matches(list, st->etag, strong));
}

/* -1 older than the date or of that second, 1 newer, 0 when that cannot be said. */
static int compare_modified(const char *date, const vd_resource_state *st) {
  int64_t when;
  if (!date || !st->exists || !st->has_modified || !vd_date_parse(date, &when))
    return 0;
  return st->modified_s > when ? 1 : -1;
}

vd_precondition vd_precondition_check(const vd_preconditions *pre, const vd_resource_state *st,
                                      bool read) {
  if (pre->if_match) {
    if (!names_it(pre->if_match, st, true))
      return VD_PRECONDITION_FAILED;
  } else if (compare_modified(pre->if_unmodified_since, st) > 0) {
    return VD_PRECONDITION_FAILED;
  }
  if (pre->if_none_match) {
    if (names_it(pre->if_none_match, st, false))
      return read ? VD_NOT_MODIFIED : VD_PRECONDITION_FAILED;
  } else if (read && compare_modified(pre->if_modified_since, st) < 0) {
    return VD_NOT_MODIFIED;
  }
  return VD_PROCEED;
}

bool vd_if_range_holds(const vd_preconditions *pre, const vd_resource_state *st) {
  if (!pre->if_range)
    return true;
  return !strchr(pre->if_range, ',') && list_matches(pre->if_range, st->etag, true);
}
