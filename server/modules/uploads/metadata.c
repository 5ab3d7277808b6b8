#include "metadata.h"

#include <string.h>

#define UPLOADS "/api/v1/uploads/"

/* ---- base64 ----------------------------------------------------------------------------------- */

static int sextet(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t padding(const char *text, size_t len) {
  if (len == 0 || text[len - 1] != '=')
    return 0;
  return text[len - 2] == '=' ? 2 : 1;
}

bool vd_base64_decode(const char *text, size_t len, uint8_t *out, size_t room, size_t *n) {
  size_t pad, at = 0;

  if (len % 4 != 0)
    return false;
  pad = padding(text, len);
  if (len / 4 * 3 - pad > room)
    return false;
  for (size_t i = 0; i < len; i += 4) {
    size_t take = i + 4 == len ? 4 - pad : 4;
    uint32_t bits = 0;
    for (size_t k = 0; k < 4; k++) {
      int v = k < take ? sextet(text[i + k]) : 0;
      if (v < 0)
        return false;
      bits = bits << 6 | (uint32_t)v;
    }
    /* Bits behind the last byte are zero, or two texts would stand for the same bytes. */
    if ((take == 3 && (bits & 0xff) != 0) || (take == 2 && (bits & 0xffff) != 0))
      return false;
    for (size_t k = 0; k + 1 < take; k++)
      out[at++] = (uint8_t)(bits >> (16 - 8 * k));
  }
  *n = at;
  return true;
}

/* ---- Upload-Metadata -------------------------------------------------------------------------- */

static bool same(vault_str a, const char *b) {
  return a.n == strlen(b) && memcmp(a.p, b, (size_t)a.n) == 0;
}

/* One or more visible ASCII characters: the field is sent back, so nothing else may stand in it. */
static bool visible(vault_str s) {
  for (uint64_t i = 0; i < s.n; i++) {
    if (s.p[i] <= 0x20 || s.p[i] > 0x7e)
      return false;
  }
  return s.n > 0;
}

static bool has_key(const vd_metadata *m, vault_str key) {
  for (size_t i = 0; i < m->n; i++) {
    if (m->pairs[i].key.n == key.n && memcmp(m->pairs[i].key.p, key.p, (size_t)key.n) == 0)
      return true;
  }
  return false;
}

/* One "key" or "key base64" between p and end, which have no spaces around them. */
static bool take_pair(vd_metadata *m, const char *p, const char *end, size_t *used) {
  const char *space = memchr(p, ' ', (size_t)(end - p));
  vd_metadata_pair *pair = &m->pairs[m->n];
  size_t n = 0;

  pair->key.p = p;
  pair->key.n = (uint64_t)((space != NULL ? space : end) - p);
  pair->value.p = (const char *)m->bytes + *used;
  if (!visible(pair->key) || has_key(m, pair->key))
    return false;
  if (space != NULL && !vd_base64_decode(space + 1, (size_t)(end - space - 1), m->bytes + *used,
                                         sizeof m->bytes - *used, &n))
    return false;
  pair->value.n = n;
  *used += n;
  m->n++;
  return true;
}

vd_metadata_result vd_metadata_parse(const char *field, vd_metadata *out) {
  size_t used = 0;
  const char *p = field;

  out->n = 0;
  if (strlen(field) > VD_METADATA_BYTES_MAX)
    return VD_METADATA_LONG;
  if (*field == '\0')
    return VD_METADATA_OK;
  for (;;) {
    const char *comma = p + strcspn(p, ","), *end = comma;
    while (*p == ' ')
      p++;
    while (end > p && end[-1] == ' ')
      end--;
    if (out->n == VD_METADATA_PAIRS_MAX)
      return VD_METADATA_LONG;
    if (end <= p || !take_pair(out, p, end, &used))
      return VD_METADATA_BAD;
    if (*comma == '\0')
      return VD_METADATA_OK;
    p = comma + 1;
  }
}

const vault_str *vd_metadata_find(const vd_metadata *m, const char *key) {
  for (size_t i = 0; i < m->n; i++) {
    const vd_metadata_pair *pair = &m->pairs[i];
    if (!same(pair->key, key))
      continue;
    if (pair->value.n == 0 || same(pair->value, "null") || same(pair->value, "undefined"))
      return NULL;
    return &pair->value;
  }
  return NULL;
}

/* ---- Upload-Concat ---------------------------------------------------------------------------- */

/* What stands behind the authority of an absolute URL, or the URL itself. */
static const char *path_of(const char *url, const char *end) {
  static const char *const schemes[] = {"https://", "http://"};
  for (size_t i = 0; i < 2; i++) {
    size_t n = strlen(schemes[i]);
    if ((size_t)(end - url) > n && memcmp(url, schemes[i], n) == 0) {
      const char *slash = memchr(url + n, '/', (size_t)(end - url) - n);
      return slash != NULL ? slash : end;
    }
  }
  return url;
}

static bool take_part(vd_concat *out, const char *url, const char *end) {
  size_t prefix = sizeof UPLOADS - 1;
  const char *path = path_of(url, end);
  vault_str *part = &out->parts[out->n];

  if ((size_t)(end - path) > prefix && memcmp(path, UPLOADS, prefix) == 0)
    path += prefix;
  else if (path != url || *path == '/')
    return false;
  part->p = path;
  part->n = (uint64_t)(end - path);
  for (const char *p = path; p < end; p++) {
    if (*p == '/' || *p == '?' || *p == '#' || *p == '%')
      return false;
  }
  out->n++;
  return visible(*part);
}

bool vd_concat_parse(const char *field, vd_concat *out) {
  static const char final[] = "final;";
  const char *p = field;

  out->kind = VD_CONCAT_BAD;
  out->n = 0;
  if (strcmp(field, "partial") == 0) {
    out->kind = VD_CONCAT_PARTIAL;
    return true;
  }
  if (strncmp(field, final, sizeof final - 1) != 0)
    return false;
  for (p += sizeof final - 1; *p != '\0';) {
    const char *end = p + strcspn(p, " ");
    if (end > p && (out->n == VD_CONCAT_PARTS_MAX || !take_part(out, p, end)))
      return false;
    p = *end == ' ' ? end + 1 : end;
  }
  if (out->n == 0)
    return false;
  out->kind = VD_CONCAT_FINAL;
  return true;
}

bool vd_tus_number(const char *text, uint64_t *out) {
  uint64_t value = 0;
  bool above = false;

  if (*text == '\0')
    return false;
  for (; *text != '\0'; text++) {
    uint64_t digit = (uint64_t)(*text - '0');
    if (*text < '0' || *text > '9')
      return false;
    above = above || value > ((uint64_t)INT64_MAX - digit) / 10;
    if (!above)
      value = value * 10 + digit;
  }
  *out = above ? INT64_MAX : value;
  return true;
}
