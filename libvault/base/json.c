#include "json.h"

#include <string.h>

#include "err.h"
#include "slice.h"
#include "utf8.h"

typedef struct {
  const char *p;
  uint64_t n, at;
  vault__arena *arena;
  vault_err *err;
} reader;

static vault_status bad(reader *r, const char *what) {
  return vault__fail(r->err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0, "JSON: %s at byte %llu", what,
                     (unsigned long long)r->at);
}

/* The next byte; 0 at the end (a NUL byte is no part of JSON, so nothing is lost). */
static char peek(const reader *r) {
  return (char)(r->at < r->n ? r->p[r->at] : 0);
}

static void skip_space(reader *r) {
  while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r')
    r->at++;
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Four hex digits; above 0xffff when they are not. */
static uint32_t hex4(reader *r) {
  uint32_t v = 0;
  for (unsigned i = 0; i < 4; i++) {
    char c = peek(r);
    uint32_t digit = is_digit(c)                              ? (uint32_t)(c - '0')
                     : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (uint32_t)((c | 0x20) - 'a' + 10)
                                                              : 16;
    if (digit == 16)
      return UINT32_MAX;
    v = v << 4 | digit;
    r->at++;
  }
  return v;
}

/* Behind "\u". Surrogates must come in pairs. */
static vault_status unicode_escape(reader *r, uint32_t *out) {
  uint32_t cp = hex4(r);
  if (cp >= 0xd800 && cp <= 0xdbff && peek(r) == '\\') {
    r->at++;
    if (peek(r) != 'u')
      return bad(r, "half a surrogate pair");
    r->at++;
    uint32_t low = hex4(r);
    if (low < 0xdc00 || low > 0xdfff)
      return bad(r, "half a surrogate pair");
    cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
  }
  if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
    return bad(r, "a bad \\u escape");
  if (!cp)
    return bad(r, "a NUL in a string");
  *out = cp;
  return VAULT_OK;
}

static vault_status escape(reader *r, uint32_t *out) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  char c = peek(r);
  const char *at = c ? strchr(names, c) : NULL;
  if (!c || (!at && c != 'u'))
    return bad(r, "an unknown escape");
  r->at++;
  if (c == 'u')
    return unicode_escape(r, out);
  *out = (uint32_t)values[at - names];
  return VAULT_OK;
}

/* The end of a string that starts behind its quote; whether it has escapes. */
static vault_status scan_string(reader *r, uint64_t *end, int *escaped) {
  reader s = *r;
  *escaped = 0;
  for (;;) {
    uint32_t cp, bytes = vault__utf8_next(s.p + s.at, s.n - s.at, &cp);
    if (!bytes) {
      r->at = s.at;
      return bad(r, s.at < s.n ? "invalid UTF-8" : "a string without an end");
    }
    if (cp < 0x20) {
      r->at = s.at;
      return bad(r, "a control character in a string");
    }
    if (cp == '"')
      break;
    s.at += bytes;
    if (cp == '\\') {
      *escaped = 1;
      VAULT_TRY(escape(&s, &cp));
    }
  }
  *end = s.at;
  return VAULT_OK;
}

static vault_status string(reader *r, vault_str *out) {
  uint64_t end = 0;
  int escaped = 0;
  r->at++; /* the quote */
  VAULT_TRY(scan_string(r, &end, &escaped));
  *out = vault__str(r->p + r->at, end - r->at);
  if (escaped) {
    char *to = vault__arena_get(r->arena, end - r->at + 1); /* unescaping never makes it longer */
    if (!to)
      return vault__no_memory(r->err);
    *out = vault__str(to, 0);
    while (r->at < end) {
      uint32_t cp = 0;
      r->at += vault__utf8_next(r->p + r->at, end - r->at, &cp);
      if (cp == '\\')
        VAULT_TRY(escape(r, &cp));
      out->n += vault__utf8_put(cp, to + out->n);
    }
  }
  r->at = end + 1;
  return VAULT_OK;
}

static int digits(reader *r) {
  uint64_t start = r->at;
  while (is_digit(peek(r)))
    r->at++;
  return r->at > start;
}

/* An int64 from checked digits; 0 when it does not fit. Counts downwards: INT64_MIN has no
 * positive counterpart. */
static int to_int(vault_str text, int64_t *out) {
  int negative = *text.p == '-';
  int64_t v = 0;
  for (uint64_t i = (uint64_t)negative; i < text.n; i++) {
    int digit = text.p[i] - '0';
    if (v < (INT64_MIN + digit) / 10)
      return 0;
    v = v * 10 - digit;
  }
  if (!negative && v == INT64_MIN)
    return 0;
  *out = negative ? v : -v;
  return 1;
}

static vault_status number(reader *r, vault__json *out) {
  uint64_t start = r->at;
  int whole = 1;
  r->at += peek(r) == '-';
  char first = peek(r);
  if (!digits(r) || (first == '0' && r->at - start > 1u + (r->p[start] == '-')))
    return bad(r, "not a number");
  if (peek(r) == '.') {
    whole = 0;
    r->at++;
    if (!digits(r))
      return bad(r, "not a number");
  }
  if ((peek(r) | 0x20) == 'e') {
    whole = 0;
    r->at++;
    r->at += peek(r) == '+' || peek(r) == '-';
    if (!digits(r))
      return bad(r, "not a number");
  }
  out->text = vault__str(r->p + start, r->at - start);
  out->type = whole && to_int(out->text, &out->i) ? VAULT__JSON_INT : VAULT__JSON_NUMBER;
  return VAULT_OK;
}

static vault_status word(reader *r, vault__json *out) {
  static const struct {
    const char *text;
    int type;
  } words[] = {{"null", VAULT__JSON_NULL},
               {"false", VAULT__JSON_FALSE},
               {"true", VAULT__JSON_TRUE}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (vault__str_starts(vault__str(r->p + r->at, r->n - r->at), words[i].text)) {
      r->at += strlen(words[i].text);
      out->type = words[i].type;
      return VAULT_OK;
    }
  return bad(r, "an unknown word");
}

static vault_status value(reader *r, unsigned depth, vault__json *out);

/* "key": in an object, and that no earlier member has it. */
static vault_status key(reader *r, const vault__json *parent, vault__json *out) {
  if (peek(r) != '"')
    return bad(r, "a member without a name");
  VAULT_TRY(string(r, &out->key));
  for (const vault__json *m = parent->child; m; m = m->next)
    if (vault__str_eq(m->key, out->key))
      return bad(r, "a name that occurs twice in one object");
  skip_space(r);
  if (peek(r) != ':')
    return bad(r, "a name without a colon");
  r->at++;
  skip_space(r);
  return VAULT_OK;
}

static vault_status members(reader *r, unsigned depth, vault__json *out) {
  char close = (char)(out->type == VAULT__JSON_OBJECT ? '}' : ']');
  const vault__json **tail = &out->child;
  if (!depth)
    return bad(r, "nesting too deep");
  r->at++; /* the bracket */
  skip_space(r);
  while (peek(r) != close || out->n) {
    if (out->n == VAULT__JSON_MEMBERS)
      return bad(r, "too many members");
    vault__json *member = vault__arena_get(r->arena, sizeof *member);
    if (!member)
      return vault__no_memory(r->err);
    if (out->type == VAULT__JSON_OBJECT)
      VAULT_TRY(key(r, out, member));
    VAULT_TRY(value(r, depth - 1, member));
    *tail = member;
    tail = &member->next;
    out->n++;
    skip_space(r);
    if (peek(r) == close)
      break;
    if (peek(r) != ',')
      return bad(r, "neither a comma nor a closing bracket");
    r->at++;
    skip_space(r);
  }
  r->at++;
  return VAULT_OK;
}

/* Recursion is bounded by depth, which starts at VAULT__JSON_DEPTH. */
static vault_status value(reader *r, unsigned depth, vault__json *out) {
  char c = peek(r);
  if (c == '{' || c == '[') {
    out->type = c == '{' ? VAULT__JSON_OBJECT : VAULT__JSON_ARRAY;
    return members(r, depth, out);
  }
  if (c == '"') {
    out->type = VAULT__JSON_STRING;
    return string(r, &out->text);
  }
  return c == '-' || is_digit(c) ? number(r, out) : word(r, out);
}

vault_status vault__json_parse(const char *p, uint64_t n, uint64_t max_bytes, vault__arena *a,
                               const vault__json **out, vault_err *err) {
  reader r = {p, n, 0, a, err};
  if (n > max_bytes)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0, "JSON: more than %llu bytes",
                       (unsigned long long)max_bytes);
  vault__json *top = vault__arena_get(a, sizeof *top);
  if (!top)
    return vault__no_memory(err);
  skip_space(&r);
  VAULT_TRY(value(&r, VAULT__JSON_DEPTH, top));
  skip_space(&r);
  if (r.at != n)
    return bad(&r, "something after the value");
  *out = top;
  return VAULT_OK;
}

const vault__json *vault__json_get(const vault__json *object, const char *name) {
  if (!object || object->type != VAULT__JSON_OBJECT)
    return NULL;
  for (const vault__json *m = object->child; m; m = m->next)
    if (vault__str_eq(m->key, vault__str(name, strlen(name))))
      return m;
  return NULL;
}

int vault__json_get_text(const vault__json *object, const char *name, vault_str *out) {
  const vault__json *m = vault__json_get(object, name);
  if (!m || m->type != VAULT__JSON_STRING)
    return 0;
  *out = m->text;
  return 1;
}

int vault__json_get_int(const vault__json *object, const char *name, int64_t *out) {
  const vault__json *m = vault__json_get(object, name);
  if (!m || m->type != VAULT__JSON_INT)
    return 0;
  *out = m->i;
  return 1;
}
