#include <string.h>

#include "json.h"

static void quoted(vault__buf *out, vault_str s) {
  uint64_t plain = 0; /* start of what needs no escape */
  vault__buf_text(out, "\"");
  for (uint64_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (c >= 0x20 && c != '"' && c != '\\')
      continue;
    vault__buf_add(out, s.p + plain, i - plain);
    plain = i + 1;
    if (c == '"' || c == '\\')
      vault__buf_printf(out, "\\%c", c);
    else if (c == '\n')
      vault__buf_text(out, "\\n");
    else
      vault__buf_printf(out, "\\u%04x", c);
  }
  vault__buf_add(out, s.p + plain, s.n - plain);
  vault__buf_text(out, "\"");
}

static void member(vault__json_out *w, const char *key) {
  if (w->comma)
    vault__buf_text(w->out, ",");
  w->comma = 1;
  if (!key)
    return;
  quoted(w->out, (vault_str){key, strlen(key)});
  vault__buf_text(w->out, ":");
}

void vault__json_start(vault__json_out *w, vault__buf *out) {
  *w = (vault__json_out){out, 0};
}

void vault__json_open(vault__json_out *w, const char *key, char bracket) {
  member(w, key);
  vault__buf_add(w->out, &bracket, 1);
  w->comma = 0;
}

void vault__json_close(vault__json_out *w, char bracket) {
  vault__buf_add(w->out, &bracket, 1);
  w->comma = 1;
}

void vault__json_text(vault__json_out *w, const char *key, vault_str value) {
  member(w, key);
  quoted(w->out, value);
}

void vault__json_int(vault__json_out *w, const char *key, int64_t value) {
  member(w, key);
  vault__buf_printf(w->out, "%lld", (long long)value);
}

void vault__json_bool(vault__json_out *w, const char *key, int value) {
  member(w, key);
  vault__buf_text(w->out, value ? "true" : "false");
}

void vault__json_null(vault__json_out *w, const char *key) {
  member(w, key);
  vault__buf_text(w->out, "null");
}
