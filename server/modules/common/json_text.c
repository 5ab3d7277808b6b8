#include "json_text.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "utf8.h"

#define FIRST_ROOM 1024u /* an item fits */
#define INT64_TEXT 20u   /* "-9223372036854775808" */

void vd_json_put(vd_json_text *t, const char *bytes, size_t n) {
  if (t->failed || n == 0)
    return;
  if (n > t->room - t->n) {
    size_t room = t->room ? t->room * 2 : FIRST_ROOM;
    while (room - t->n < n)
      room *= 2;
    char *p = realloc(t->p, room);
    if (p == NULL) {
      t->failed = true;
      return;
    }
    t->p = p;
    t->room = room;
  }
  memcpy(t->p + t->n, bytes, n);
  t->n += n;
}

/* Bytes from the start of s that need no look: ASCII but for control bytes, quote and backslash. */
static size_t plain(const uint8_t *s, size_t n) {
  size_t i = 0;
  while (i < n && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
    i++;
  return i;
}

static void put_special(vd_json_text *t, uint8_t c) {
  static const char hex[] = "0123456789abcdef";
  char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
  if (c == '"' || c == '\\') {
    escape[1] = (char)c;
    vd_json_put(t, escape, 2);
  } else {
    vd_json_put(t, escape, sizeof escape);
  }
}

void vd_json_put_str(vd_json_text *t, vault_str s) {
  const uint8_t *p = (const uint8_t *)s.p, *end = p + s.n;

  if (p == NULL) {
    VD_JSON_PUT(t, "null");
    return;
  }
  VD_JSON_PUT(t, "\"");
  while (p < end) {
    size_t n = plain(p, (size_t)(end - p));
    vd_json_put(t, (const char *)p, n);
    p += n;
    if (p == end)
      break;
    n = vd_utf8_len(p, (size_t)(end - p));
    if (n > 1) {
      vd_json_put(t, (const char *)p, n);
    } else if (n == 1) {
      put_special(t, *p);
    } else {
      VD_JSON_PUT(t, "\\ufffd");
      n = 1;
    }
    p += n;
  }
  VD_JSON_PUT(t, "\"");
}

void vd_json_put_int(vd_json_text *t, int64_t value) {
  char text[INT64_TEXT], *at = text + sizeof text;
  uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    *--at = (char)('0' + left % 10);
    left /= 10;
  } while (left != 0);
  if (value < 0)
    *--at = '-';
  vd_json_put(t, at, (size_t)(text + sizeof text - at));
}

void vd_json_put_id(vd_json_text *t, const vault_id *id) {
  static const vault_id none;
  char text[VAULT_ID_TEXT];
  if (memcmp(id, &none, sizeof none) == 0) {
    VD_JSON_PUT(t, "null");
    return;
  }
  vault_id_format(id, text);
  vd_json_put_str(t, (vault_str){text, strlen(text)});
}

void vd_json_put_time(vd_json_text *t, int64_t unix_ms) {
  char text[VD_TIME_TEXT];
  vd_time_format(unix_ms, text);
  vd_json_put_str(t, (vault_str){text, strlen(text)});
}
