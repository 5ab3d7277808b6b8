#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/uploads/multipart.h"
#include "tests/support/vt_main.h"

#define TYPE "multipart/form-data; boundary=b"
#define OUT_MAX 65536u
#define RANDOM_BODIES 4000u

/* What a parser said, as text: "part name file type", "data …", "end", "bad". Adjacent data is one. */
typedef struct transcript {
  char text[OUT_MAX];
  size_t n;
  bool in_data, bad;
} transcript;

static void say(transcript *t, const void *bytes, size_t n) {
  ck_assert(t->n + n < sizeof t->text);
  memcpy(t->text + t->n, bytes, n);
  t->n += n;
  t->text[t->n] = '\0';
}

static void say_text(transcript *t, const char *s) {
  say(t, s, strlen(s));
}

static void note(transcript *t, const vd_multipart *p, vd_mp_event e) {
  if (e == VD_MP_DATA) {
    if (!t->in_data)
      say_text(t, "<");
    t->in_data = true;
    say(t, p->data, p->data_len);
    return;
  }
  if (t->in_data)
    say_text(t, ">");
  t->in_data = false;
  if (e == VD_MP_PART) {
    say_text(t, "[");
    say_text(t, p->part.name);
    say_text(t, "|");
    say_text(t, p->part.filename != NULL ? p->part.filename : "-");
    say_text(t, "|");
    say_text(t, p->part.type != NULL ? p->part.type : "-");
  } else if (e == VD_MP_PART_END) {
    say_text(t, "]");
  } else if (e == VD_MP_BAD) {
    ck_assert_ptr_nonnull(p->why);
    t->bad = true;
  }
}

/* Feeds one piece in memory of its own, so that a read beyond it is seen. */
static void feed(vd_multipart *p, transcript *t, const char *body, size_t n) {
  uint8_t *copy = malloc(n > 0 ? n : 1);
  const uint8_t *at = copy;
  size_t left = n;
  vd_mp_event e;

  ck_assert_ptr_nonnull(copy);
  memcpy(copy, body, n);
  while (!t->bad && (e = vd_multipart_next(p, &at, &left)) != VD_MP_MORE)
    note(t, p, e);
  ck_assert(t->bad || left == 0);
  free(copy);
}

static void finish(const vd_multipart *p, transcript *t) {
  if (t->in_data)
    say_text(t, ">");
  say_text(t, t->bad ? "BAD" : vd_multipart_complete(p) ? "." : "CUT");
}

static void run(const char *type, const char *body, size_t n, size_t cut, size_t step,
                transcript *t) {
  static vd_multipart p;
  memset(t, 0, sizeof *t);
  ck_assert_int_eq(vd_multipart_init(&p, type), VD_MP_TYPE_OK);
  if (step == 0) {
    feed(&p, t, body, cut);
    feed(&p, t, body + cut, n - cut);
  }
  for (size_t at = 0; step > 0 && at < n; at += step)
    feed(&p, t, body + at, n - at < step ? n - at : step);
  finish(&p, t);
}

static transcript whole, cut;

/* The same whatever the cut: at every place, and byte by byte. */
static void run_all(const char *type, const char *body, size_t n) {
  run(type, body, n, n, 0, &whole);
  for (size_t at = 0; at < n; at++) {
    run(type, body, n, at, 0, &cut);
    ck_assert_msg(strcmp(whole.text, cut.text) == 0, "cut at %zu of %zu: %s instead of %s", at, n,
                  cut.text, whole.text);
  }
  for (size_t step = 1; step <= 7; step++) {
    run(type, body, n, 0, step, &cut);
    ck_assert_msg(strcmp(whole.text, cut.text) == 0, "in steps of %zu", step);
  }
}

#define HEAD(fields) "--b\r\nContent-Disposition: form-data; " fields "\r\n\r\n"
#define TAIL "\r\n--b--\r\n"

static const struct {
  const char *body, *said;
} ROWS[] = {
  {HEAD("name=\"a\"") "hello" TAIL, "[a|-|-<hello>]."},
  {HEAD("name=\"a\"") TAIL, "[a|-|-]."},
  {HEAD("name=a; filename=\"x.txt\"") "1" TAIL, "[a|x.txt|-<1>]."},
  {HEAD("name=\"a\"; filename=\"\"") TAIL, "[a||-]."},
  {HEAD("name=\"a\"") "1\r\n" HEAD("name=\"c\"") "2" TAIL, "[a|-|-<1>][c|-|-<2>]."},
  {HEAD("name=\"a\"") "\r\n\r--b\r\n-\r\n--\r\n--c\r\r\n" TAIL,
   "[a|-|-<\r\n\r--b\r\n-\r\n--\r\n--c\r\r\n>]."},
  {HEAD("name=\"a\"") "1\n--b--\r\n" TAIL, "[a|-|-<1\n--b--\r\n>]."},
  {"--b\r\nContent-Type:  text/plain \r\ncontent-disposition:form-data;name=\"a\"\r\n\r\n1" TAIL,
   "[a|-|text/plain<1>]."},
  {"--b\r\nX-Other: 1\r\nContent-Transfer-Encoding: 8bit\r\nContent-Disposition: form-data; "
   "name=\"a\"; other=\"1\"\r\n\r\n1" TAIL,
   "[a|-|-<1>]."},
  {"preamble\r\nof two lines\r\n" HEAD("name=\"a\"") "1\r\n--b--\r\nepilogue\r\n--b\r\n",
   "[a|-|-<1>]."},
  {"--b  \t\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--", "[a|-|-<1>]."},
  {"--b--", "."},
  {"--b--\r\n", "."},
  {"\r\n--b--", "."},
  /* cut off */
  {"", "CUT"},
  {"--b", "CUT"},
  {HEAD("name=\"a\"") "1", "[a|-|-<1>CUT"},
  {HEAD("name=\"a\"") "1\r\n--b\r\n", "[a|-|-<1>]CUT"},
  {HEAD("name=\"a\"") "1\r\n--b-", "[a|-|-<1>]CUT"},
  {HEAD("name=\"a\"") "1\r\n--b--\r", "[a|-|-<1>]CUT"},
  /* refused */
  {"--bb\r\n", "BAD"},
  {"--b \r\r\n", "BAD"},
  {"--b\n", "BAD"},
  {"--b-\r\n", "BAD"},
  {"--b -\r\n", "BAD"},
  {"--b--x", "BAD"},
  {"--b--\r\r\n", "BAD"},
  {"--b\r\n\r\n1" TAIL, "BAD"},
  {"--b\r\nContent-Type: text/plain\r\n\r\n1" TAIL, "BAD"},
  {"--b\r\nContent-Disposition: form-data\r\n\r\n1" TAIL, "BAD"},
  {"--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n1" TAIL, "BAD"},
  {"--b\r\nContent-Disposition: form-datum; name=\"a\"\r\n\r\n1" TAIL, "BAD"},
  {"--b\r\nContent-Disposition: form-data; name=\"a\"\n\n1" TAIL, "BAD"},
  {"--b\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\n1" TAIL, "BAD"},
  {"--b\r\nContent-Disposition : form-data; name=\"a\"\r\n\r\n1" TAIL, "BAD"},
  {"--b\r\nno colon\r\n\r\n1" TAIL, "BAD"},
  {"--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; "
   "name=\"a\"\r\n\r\n1" TAIL,
   "BAD"},
  {"--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: "
   "base64\r\n\r\n1" TAIL,
   "BAD"},
  {"--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: a/b\r\nContent-Type: "
   "a/b\r\n\r\n1" TAIL,
   "BAD"},
  {HEAD("name=\"a\"; name=\"a\"") "1" TAIL, "BAD"},
  {HEAD("name=\"a\"; filename=a; FileName=\"a\"") "1" TAIL, "BAD"},
  {HEAD("name=\"a\";") "1" TAIL, "BAD"},
  {HEAD("name=\"a\" filename=a") "1" TAIL, "BAD"},
  {HEAD("name=\"a") "1" TAIL, "BAD"},
  {HEAD("name=") "1" TAIL, "BAD"},
  {HEAD("name=\"\"") "1" TAIL, "BAD"},
  {HEAD("name = \"a\"") "1" TAIL, "BAD"},
  {HEAD("name=\"\x01\"") "1" TAIL, "BAD"},
  {HEAD("name=\"\x7f\"") "1" TAIL, "BAD"},
  {HEAD("name=\"a\xff\"") "1" TAIL, "BAD"},
};

START_TEST(table) {
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    run_all(TYPE, ROWS[i].body, strlen(ROWS[i].body));
    ck_assert_msg(strcmp(whole.text, ROWS[i].said) == 0, "row %zu: %s instead of %s", i, whole.text,
                  ROWS[i].said);
  }
}
END_TEST

static const struct {
  const char *field, *name; /* NULL: refused */
} NAMES[] = {
  {"filename=\"plain name.txt\"", "plain name.txt"},
  {"filename=\"%22%0d%0A%22\"", "\"\r\n\""},
  {"filename=\"100%25 %2F %zz %2\"", "100%25 %2F %zz %2"},
  {"filename=\"a\\b.txt\"", "a\\b.txt"},
  {"filename=\"a\\\\b.txt\"", "a\\\\b.txt"},
  {"filename=\"a\\\"b.txt\"", "a\"b.txt"},
  {"filename=\"a;b=c.txt\"", "a;b=c.txt"},
  {"filename=\"\xc3\xbc \xf0\x9f\x93\xb7.jpg\"", "\xc3\xbc \xf0\x9f\x93\xb7.jpg"},
  {"filename=\"../../etc/passwd\"", "../../etc/passwd"}, /* names are judged where they are used */
  {"filename=x; filename*=UTF-8''%c3%BC%20%22.txt", "\xc3\xbc \".txt"},
  {"filename*=utf-8'tr'a.txt; filename=\"x\"", "a.txt"},
  {"filename*=UTF-8''", ""},
  {"filename*=UTF-8''a%00b", NULL},
  {"filename*=UTF-8''%ff", NULL},
  {"filename*=UTF-8''%c3%2", NULL},
  {"filename*=UTF-8''a b", NULL},
  {"filename*=UTF-8'a", NULL},
  {"filename*=ISO-8859-1''a", NULL},
  {"filename*=\"UTF-8''a\"; filename*=UTF-8''a", NULL},
  {"filename=\"\xc3\"", NULL},
  {"filename=\"\xed\xa0\x80\"", NULL},
};

START_TEST(names) {
  static char body[512], said[512];
  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
    (void)snprintf(body, sizeof body, HEAD("name=\"f\"; %s") "1" TAIL, NAMES[i].field);
    (void)snprintf(said, sizeof said, "[f|%s|-<1>].", NAMES[i].name != NULL ? NAMES[i].name : "");
    run_all(TYPE, body, strlen(body));
    ck_assert_msg(strcmp(whole.text, NAMES[i].name != NULL ? said : "BAD") == 0, "row %zu: %s", i,
                  whole.text);
  }
}
END_TEST

#define B70 "0123456789012345678901234567890123456789012345678901234567890123456789"

static const struct {
  const char *type;
  vd_mp_type result;
  const char *delim;
} TYPES[] = {
  {"multipart/form-data; boundary=abc", VD_MP_TYPE_OK, "abc"},
  {"Multipart/Form-Data;BOUNDARY=\"a b:c\"", VD_MP_TYPE_OK, "a b:c"},
  {"multipart/form-data ; charset=utf-8 ; boundary=--x", VD_MP_TYPE_OK, "--x"},
  {"multipart/form-data; boundary=\"a\\b\"", VD_MP_TYPE_OK, "ab"},
  {"multipart/form-data; boundary=" B70, VD_MP_TYPE_OK, B70},
  {"multipart/form-data; boundary=" B70 "0", VD_MP_TYPE_BAD, NULL},
  {"multipart/form-data; boundary=\"\"", VD_MP_TYPE_BAD, NULL},
  {"multipart/form-data; boundary=\"a \"", VD_MP_TYPE_BAD, NULL},
  {"multipart/form-data; boundary=\"a\"; boundary=b", VD_MP_TYPE_BAD, NULL},
  {"multipart/form-data; boundary=a#b", VD_MP_TYPE_BAD, NULL},
  {"multipart/form-data; boundary=a,b", VD_MP_TYPE_BAD, NULL},
  {"multipart/form-data; boundary=", VD_MP_TYPE_BAD, NULL},
  {"multipart/form-data; boundary", VD_MP_TYPE_BAD, NULL},
  {"multipart/form-data;", VD_MP_TYPE_BAD, NULL},
  {"multipart/form-data", VD_MP_TYPE_BAD, NULL},
  {"multipart/form-data2; boundary=a", VD_MP_TYPE_OTHER, NULL},
  {"multipart/mixed; boundary=a", VD_MP_TYPE_OTHER, NULL},
  {"application/json", VD_MP_TYPE_OTHER, NULL},
  {"", VD_MP_TYPE_OTHER, NULL},
  {NULL, VD_MP_TYPE_OTHER, NULL},
};

START_TEST(types) {
  static vd_multipart p;
  for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
    ck_assert_msg(vd_multipart_init(&p, TYPES[i].type) == TYPES[i].result, "row %zu", i);
    if (TYPES[i].delim == NULL)
      continue;
    ck_assert_uint_eq(p.delim_len, 4 + strlen(TYPES[i].delim));
    ck_assert_int_eq(memcmp(p.delim + 4, TYPES[i].delim, p.delim_len - 4), 0);
  }
}
END_TEST

/* A type of n bytes, as one that fits into the request's header may be. */
START_TEST(long_type) {
  static char type[20000];
  static vd_multipart p;
  memset(type, 'a', sizeof type - 1);
  memcpy(type, "multipart/form-data; x=", 23);
  ck_assert_int_eq(vd_multipart_init(&p, type), VD_MP_TYPE_BAD);
}
END_TEST

/* ---- limits, on both sides -------------------------------------------------------------------- */

static char body[32768];

static size_t put(size_t at, const char *s) {
  memcpy(body + at, s, strlen(s) + 1);
  return at + strlen(s);
}

static size_t fill(size_t at, char c, size_t n) {
  memset(body + at, c, n);
  body[at + n] = '\0';
  return at + n;
}

static const char *said_of(size_t n) {
  run(TYPE, body, n, n / 2, 0, &whole);
  run(TYPE, body, n, 0, 1, &cut);
  ck_assert_str_eq(whole.text, cut.text);
  return whole.text;
}

START_TEST(header_limit) {
  static const char first[] = "Content-Disposition: form-data; name=\"a\"\r\nX: ";
  for (size_t more = 0; more < 2; more++) {
    size_t n = put(put(0, "--b\r\n"), first);
    n = fill(n, 'x', VD_MP_HEADER_BYTES_MAX - strlen(first) - 4 + more);
    n = put(put(put(n, "\r\n\r\n"), "1"), TAIL);
    ck_assert_str_eq(said_of(n), more == 0 ? "[a|-|-<1>]." : "BAD");
  }
}
END_TEST

START_TEST(name_limit) {
  for (size_t more = 0; more < 2; more++) {
    size_t n = put(0, "--b\r\nContent-Disposition: form-data; name=\"");
    n = put(fill(n, 'n', VD_MP_NAME_BYTES_MAX + more), "\"\r\n\r\n1" TAIL);
    ck_assert_int_eq(strcmp(said_of(n), "BAD") == 0, more == 1);
  }
}
END_TEST

START_TEST(margin_limits) {
  for (size_t more = 0; more < 2; more++) {
    size_t n = put(fill(0, 'p', VD_MP_MARGIN_BYTES_MAX + more), "\r\n" HEAD("name=\"a\"") "1" TAIL);
    ck_assert_str_eq(said_of(n), more == 0 ? "[a|-|-<1>]." : "BAD");
    n = fill(put(0, HEAD("name=\"a\"") "1" TAIL), 'e', VD_MP_MARGIN_BYTES_MAX + more);
    ck_assert_str_eq(said_of(n), more == 0 ? "[a|-|-<1>]." : "[a|-|-<1>]BAD");
    n = put(fill(put(0, "--b"), ' ', VD_MP_PADDING_BYTES_MAX + more), "\r\n");
    n = put(n, "Content-Disposition: form-data; name=\"a\"\r\n\r\n1" TAIL);
    ck_assert_str_eq(said_of(n), more == 0 ? "[a|-|-<1>]." : "BAD");
    n = put(fill(put(0, "--b--"), ' ', VD_MP_PADDING_BYTES_MAX + more), "\r\n");
    ck_assert_str_eq(said_of(n), more == 0 ? "." : "BAD");
  }
}
END_TEST

/* ---- random bodies ------------------------------------------------------------------------------ */

static uint32_t seed = 1;

static uint32_t next_random(uint32_t below) {
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % below;
}

/* Good rows, and then some bytes changed, taken out, doubled or cut off: nothing is read beyond its end, the result
 * is the same for every cut, and what is said was in the body. */
START_TEST(random_bodies) {
  static const char spice[] = "\r\n-b\";= %\\:\0a\xc3\xff";
  for (uint32_t i = 0; i < RANDOM_BODIES; i++) {
    const char *from = ROWS[next_random(11)].body;
    size_t n = put(0, from);
    for (uint32_t k = next_random(4); k > 0 && n > 2; k--) {
      size_t at = next_random((uint32_t)n - 1);
      size_t len = 1 + next_random(n - at < 20 ? (uint32_t)(n - at) : 20);
      switch (next_random(4)) {
      case 0: body[at] = spice[next_random(sizeof spice)]; break;
      case 1:
        memmove(body + at, body + at + len, n - at - len);
        n -= len;
        break;
      case 2:
        memmove(body + at + len, body + at, n - at);
        n += len;
        break;
      default: n = at; break;
      }
    }
    run(TYPE, body, n, n, 0, &whole);
    run(TYPE, body, n, next_random((uint32_t)n + 1), 0, &cut);
    ck_assert_str_eq(whole.text, cut.text);
    run(TYPE, body, n, 0, 1 + next_random(9), &cut);
    ck_assert_str_eq(whole.text, cut.text);
    ck_assert(whole.n < n + 64);
  }
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {table,      names,         types,         long_type, header_limit,
                              name_limit, margin_limits, random_bodies, NULL};
  return vt_suite("multipart", all);
}

VT_MAIN(suite)
