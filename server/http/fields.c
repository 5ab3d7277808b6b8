#include "fields.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "utf8.h"

bool vd_same_word(const char *a, const char *b) {
  return strcasecmp(a, b) == 0;
}

static const char *skip_space(const char *s) {
  while (*s == ' ' || *s == '\t')
    s++;
  return s;
}

bool vd_list_has(const char *value, const char *token) {
  size_t want = strlen(token);
  for (const char *s = value; s && *s;) {
    s += strspn(s, " \t,");
    size_t n = strcspn(s, " \t,");
    if (n == want && !strncasecmp(s, token, n))
      return true;
    s += n;
  }
  return false;
}

bool vd_cookie_find(const char *value, const char *name, char *out, size_t out_size) {
  size_t name_len = strlen(name);
  for (const char *s = value; s && *s;) {
    s = skip_space(s);
    size_t n = strcspn(s, ";");
    const char *eq = memchr(s, '=', n);
    if (eq && (size_t)(eq - s) == name_len && !memcmp(s, name, name_len)) {
      const char *v = eq + 1;
      size_t v_len = (size_t)(s + n - v);
      while (v_len && (v[v_len - 1] == ' ' || v[v_len - 1] == '\t'))
        v_len--;
      if (v_len >= 2 && v[0] == '"' && v[v_len - 1] == '"') {
        v++;
        v_len -= 2;
      }
      if (v_len >= out_size)
        return false;
      memcpy(out, v, v_len);
      out[v_len] = 0;
      return true;
    }
    s += n;
    if (*s == ';')
      s++;
  }
  return false;
}

/* ---- Content-Disposition ---- */

typedef struct writer {
  char *p;
  size_t n, room;
  bool full;
} writer;

static void put(writer *w, char c) {
  if (w->n + 1 < w->room)
    w->p[w->n++] = c;
  else
    w->full = true;
}

static void put_text(writer *w, const char *s) {
  for (; *s; s++)
    put(w, *s);
}

static bool attr_char(uint8_t c) { /* RFC 8187 3.2.1 */
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c && strchr("!#$&+-.^_`|~", c) != NULL);
}

static void put_fallback(writer *w, const uint8_t *s, size_t len, bool *differs) {
  for (size_t i = 0; i < len;) {
    size_t n = vd_utf8_len(s + i, len - i);
    /* '%' too: some browsers decode %XX in the plain form */
    bool plain =
      n == 1 && s[i] >= 0x20 && s[i] < 0x7F && s[i] != '"' && s[i] != '\\' && s[i] != '%';
    put(w, plain ? (char)s[i] : '_');
    *differs = *differs || !plain;
    i += n ? n : 1;
  }
}

static void put_extended(writer *w, const uint8_t *s, size_t len) {
  static const char digits[] = "0123456789ABCDEF";
  for (size_t i = 0; i < len;) {
    size_t n = vd_utf8_len(s + i, len - i);
    for (size_t k = 0; k < n; k++) {
      uint8_t c = s[i + k];
      if (attr_char(c)) {
        put(w, (char)c);
        continue;
      }
      put(w, '%');
      put(w, digits[c >> 4]);
      put(w, digits[c & 15]);
    }
    if (!n)
      put(w, '_');
    i += n ? n : 1;
  }
}

bool vd_disposition_format(bool inline_view, const char *name, size_t name_len, char *out,
                           size_t out_size) {
  writer w = {out, 0, out_size, out_size == 0};
  bool differs = false;
  put_text(&w, inline_view ? "inline; filename=\"" : "attachment; filename=\"");
  put_fallback(&w, (const uint8_t *)name, name_len, &differs);
  put(&w, '"');
  if (differs) {
    put_text(&w, "; filename*=UTF-8''");
    put_extended(&w, (const uint8_t *)name, name_len);
  }
  if (w.full)
    return false;
  out[w.n] = 0;
  return true;
}

/* ---- digests ---- */

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
#define SHA256_BASE64 44u

void vd_digest_format(const uint8_t sha256[VD_SHA256_BYTES], char out[VD_SHA256_FIELD_SIZE]) {
  writer w = {out, 0, VD_SHA256_FIELD_SIZE, false};
  put_text(&w, "sha-256=:");
  for (size_t i = 0; i < VD_SHA256_BYTES; i += 3) {
    bool last = i + 2 >= VD_SHA256_BYTES; /* 32 = 10 * 3 + 2 */
    uint32_t v =
      (uint32_t)sha256[i] << 16 | (uint32_t)sha256[i + 1] << 8 | (last ? 0u : sha256[i + 2]);
    put(&w, BASE64[v >> 18 & 63]);
    put(&w, BASE64[v >> 12 & 63]);
    put(&w, BASE64[v >> 6 & 63]);
    put(&w, last ? '=' : BASE64[v & 63]);
  }
  put(&w, ':');
  out[w.n] = 0;
}

/* Exactly 44 characters of canonical base64. */
static bool decode_sha256(const char *s, size_t len, uint8_t out[VD_SHA256_BYTES]) {
  uint8_t tmp[33];
  if (len != SHA256_BASE64 || s[43] != '=')
    return false;
  for (size_t i = 0; i < SHA256_BASE64; i += 4) {
    uint32_t v = 0;
    for (size_t k = 0; k < 4; k++) {
      const char *at = i + k == 43 ? BASE64 : s[i + k] ? strchr(BASE64, s[i + k]) : NULL;
      if (!at)
        return false;
      v = v << 6 | (uint32_t)(at - BASE64);
    }
    tmp[i / 4 * 3] = (uint8_t)(v >> 16);
    tmp[i / 4 * 3 + 1] = (uint8_t)(v >> 8);
    tmp[i / 4 * 3 + 2] = (uint8_t)v;
  }
  if (tmp[32]) /* bits that do not belong to the 32 bytes: another spelling of the same digest */
    return false;
  memcpy(out, tmp, VD_SHA256_BYTES);
  return true;
}

static bool base64_chars(const char *s, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", s[i]))
      return false;
  return true;
}

vd_digest_result vd_digest_parse(const char *value, uint8_t sha256[VD_SHA256_BYTES]) {
  uint8_t found_bytes[VD_SHA256_BYTES];
  bool found = false;
  for (const char *s = skip_space(value);;) {
    size_t key = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-.*");
    if (!key || s[key] != '=' || s[key + 1] != ':')
      return VD_DIGEST_BAD;
    const char *v = s + key + 2, *close = strchr(v, ':');
    if (!close || !base64_chars(v, (size_t)(close - v)))
      return VD_DIGEST_BAD;
    if (key == 7 && !memcmp(s, "sha-256", 7)) {
      if (!decode_sha256(v, (size_t)(close - v), found_bytes))
        return VD_DIGEST_BAD;
      found = true; /* of several the last counts, as RFC 8941 says for dictionaries */
    }
    s = skip_space(close + 1);
    if (!*s)
      break;
    if (*s != ',')
      return VD_DIGEST_BAD;
    s = skip_space(s + 1);
  }
  if (!found)
    return VD_DIGEST_NONE;
  memcpy(sha256, found_bytes, VD_SHA256_BYTES);
  return VD_DIGEST_FOUND;
}
