#include "uri.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static int hex(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

static bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_unreserved(char c) {
  return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

bool vd_percent_decode(const char *src, size_t src_len, bool plus_is_space, char *dst,
                       size_t *dst_len) {
  size_t n = 0;
  for (size_t i = 0; i < src_len; i++) {
    char c = src[i];
    if (c == '%') {
      if (src_len - i < 3 || hex(src[i + 1]) < 0 || hex(src[i + 2]) < 0)
        return false;
      c = (char)(hex(src[i + 1]) << 4 | hex(src[i + 2]));
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (!c)
      return false;
    dst[n++] = c;
  }
  dst[n] = 0;
  if (dst_len)
    *dst_len = n;
  return true;
}

bool vd_percent_encode_path(const char *src, size_t src_len, char *dst, size_t dst_size) {
  static const char digits[] = "0123456789ABCDEF";
  size_t n = 0;
  for (size_t i = 0; i < src_len; i++) {
    bool plain = is_unreserved(src[i]) || src[i] == '/';
    size_t need = plain ? 1 : 3;
    if (n + need + 1 > dst_size)
      return false;
    if (plain) {
      dst[n++] = src[i];
      continue;
    }
    dst[n++] = '%';
    dst[n++] = digits[(uint8_t)src[i] >> 4];
    dst[n++] = digits[(uint8_t)src[i] & 15];
  }
  if (n >= dst_size)
    return false;
  dst[n] = 0;
  return true;
}

vd_query_result vd_query_parse(char *query, vd_pair *out, size_t max, size_t *n) {
  size_t count = 0;
  char *next = query;
  while (next && *next) {
    char *piece = next;
    next = strchr(piece, '&');
    if (next)
      *next++ = 0;
    if (!*piece)
      continue;
    char *value = strchr(piece, '=');
    if (value)
      *value++ = 0;
    else
      value = piece + strlen(piece);
    if (!vd_percent_decode(piece, strlen(piece), true, piece, NULL) ||
        !vd_percent_decode(value, strlen(value), true, value, NULL))
      return VD_QUERY_BAD_ENCODING;
    for (size_t i = 0; i < count; i++)
      if (!strcmp(out[i].name, piece))
        return VD_QUERY_DUPLICATE;
    if (count == max)
      return VD_QUERY_TOO_MANY;
    out[count++] = (vd_pair){piece, value};
  }
  *n = count;
  return VD_QUERY_OK;
}

/* Takes "http://host" from the start of *s into t. */
static bool take_host(const char **at, const char *end, vd_target *t) {
  const char *s = *at;
  size_t len = (size_t)(end - s);
  if (len > 7 && !strncasecmp(s, "http://", 7))
    s += 7;
  else if (len > 8 && !strncasecmp(s, "https://", 8))
    s += 8;
  else
    return false;
  t->host = s;
  while (s < end && *s != '/' && *s != '?')
    s++;
  t->host_len = (size_t)(s - t->host);
  *at = s;
  return vd_host_valid(t->host, t->host_len);
}

bool vd_target_parse(const char *target, size_t len, vd_target *out) {
  vd_target t = {0};
  const char *s = target, *end = target + len;
  if (!len || memchr(target, '#', len))
    return false;
  if (len == 1 && *s == '*') {
    t.asterisk = true;
    *out = t;
    return true;
  }
  if (*s != '/' && !take_host(&s, end, &t))
    return false;
  const char *mark = memchr(s, '?', (size_t)(end - s));
  t.path = s;
  t.path_len = (size_t)((mark ? mark : end) - s);
  if (mark) {
    t.query = mark + 1;
    t.query_len = (size_t)(end - mark - 1);
  }
  if (!t.path_len) {
    t.path = "/";
    t.path_len = 1;
  }
  *out = t;
  return true;
}

static bool port_valid(const char *s, size_t len) {
  unsigned port = 0;
  if (!len)
    return true;
  if (len > 5)
    return false;
  for (size_t i = 0; i < len; i++) {
    if (s[i] < '0' || s[i] > '9')
      return false;
    port = port * 10 + (unsigned)(s[i] - '0');
  }
  return port >= 1 && port <= 65535;
}

static bool literal_valid(const char *s, size_t len) {
  char text[INET6_ADDRSTRLEN];
  struct in6_addr addr;
  if (len >= sizeof text)
    return false;
  memcpy(text, s, len);
  text[len] = 0;
  return inet_pton(AF_INET6, text, &addr) == 1;
}

bool vd_host_valid(const char *value, size_t len) {
  if (!len)
    return false;
  if (*value == '[') {
    const char *close = memchr(value, ']', len);
    if (!close || !literal_valid(value + 1, (size_t)(close - value - 1)))
      return false;
    size_t used = (size_t)(close - value) + 1;
    if (used == len)
      return true;
    return value[used] == ':' && port_valid(value + used + 1, len - used - 1);
  }
  const char *colon = memchr(value, ':', len);
  size_t name_len = colon ? (size_t)(colon - value) : len;
  if (!name_len || (colon && !port_valid(colon + 1, len - name_len - 1)))
    return false;
  for (size_t i = 0; i < name_len; i++)
    if (!is_unreserved(
          value[i])) /* a stricter reg-name: no sub-delims, no %XX: none of our hosts has them */
      return false;
  return true;
}
