#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libvault/base/alloc.h"
#include "libvault/base/json.h"
#include "libvault/base/slice.h"
#include "tests/support/vt_main.h"

static vault__arena arena;
static const vault__json *doc;

static vault_status parse_n(const char *text, uint64_t n) {
  doc = NULL;
  vault__arena_free(&arena);
  vault__arena_init(&arena, vault__alloc_default(), 1 << 20);
  /* A copy of the exact size, so that a sanitizer sees a read past the end. */
  char *copy = malloc(n ? n : 1);
  memcpy(copy, text, n);
  vault_err err = VAULT_ERR_INIT;
  vault_status s = vault__json_parse(copy, n, VAULT__JSON_BYTES, &arena, &doc, &err);
  ck_assert_int_eq(s == VAULT_OK, doc != NULL);
  free(copy); /* good documents are parsed again where their text is looked at */
  return s;
}

static vault_status parse(const char *text) {
  vault_status s = parse_n(text, strlen(text));
  if (s == VAULT_OK)
    s = vault__json_parse(text, strlen(text), VAULT__JSON_BYTES, &arena, &doc, NULL);
  return s;
}

START_TEST(reads_every_type) {
  vault_str text;
  int64_t i;
  vt_ok(parse(" { \"a\" : [1, -0, true, false, null, \"x\"] , \"b\":{\"c\":{}},\"n\":-1.5e+3 ,\"e\":[]}\r\n"));
  ck_assert_int_eq(doc->type, VAULT__JSON_OBJECT);
  ck_assert_uint_eq(doc->n, 4);
  const vault__json *a = vault__json_get(doc, "a");
  ck_assert_uint_eq(a->n, 6);
  static const int types[] = {VAULT__JSON_INT, VAULT__JSON_INT, VAULT__JSON_TRUE, VAULT__JSON_FALSE,
                              VAULT__JSON_NULL, VAULT__JSON_STRING};
  const vault__json *m = a->child;
  for (unsigned k = 0; k < 6; k++, m = m->next)
    ck_assert_int_eq(m->type, types[k]);
  ck_assert_int_eq(vault__json_get(doc, "n")->type, VAULT__JSON_NUMBER);
  ck_assert_int_eq(vault__str_eq(vault__json_get(doc, "n")->text, VAULT__STR("-1.5e+3")), 1);
  ck_assert_ptr_null(vault__json_get(doc, "z"));
  ck_assert_ptr_null(vault__json_get(NULL, "z"));
  ck_assert_int_eq(vault__json_get_text(doc, "a", &text), 0);
  ck_assert_int_eq(vault__json_get_int(doc, "n", &i), 0);
}
END_TEST

START_TEST(reads_integers) {
  static const struct {
    const char *text;
    int type;
    int64_t i;
  } rows[] = {
    {"0", VAULT__JSON_INT, 0}, {"-1", VAULT__JSON_INT, -1},
    {"9223372036854775807", VAULT__JSON_INT, INT64_MAX},
    {"-9223372036854775808", VAULT__JSON_INT, INT64_MIN},
    {"9223372036854775808", VAULT__JSON_NUMBER, 0}, {"-9223372036854775809", VAULT__JSON_NUMBER, 0},
    {"99999999999999999999", VAULT__JSON_NUMBER, 0}, {"1.0", VAULT__JSON_NUMBER, 0},
    {"1e2", VAULT__JSON_NUMBER, 0}, {"0.1", VAULT__JSON_NUMBER, 0}, {"-0.0E-9", VAULT__JSON_NUMBER, 0},
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    vt_ok(parse(rows[k].text));
    ck_assert_int_eq(doc->type, rows[k].type);
    if (rows[k].type == VAULT__JSON_INT)
      ck_assert_int_eq(doc->i, rows[k].i);
  }
}
END_TEST

START_TEST(unescapes) {
  vt_ok(parse("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\ude00z\xc3\xa9\""));
  ck_assert_int_eq(vault__str_eq(doc->text, VAULT__STR("a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z\xc3\xa9")), 1);
  vt_ok(parse("{\"\\u0061\\u0062\":1}"));
  ck_assert_ptr_nonnull(vault__json_get(doc, "ab"));
  vt_ok(parse("\"\""));
  ck_assert_uint_eq(doc->text.n, 0);
}
END_TEST

START_TEST(refuses) {
  static const char *const bad[] = {
    "", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
    "{,}", "{a:1}", "{'a':1}", "{\"a\":1 \"b\":2}", "{1:2}", "{\"a\":1}}", "1 2", "[]x", "{}\v",
    "01", "-01", "00", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity", "-Infinity", "1_0", "--1",
    "nul", "True", "tru", "undefined", "nulll",
    "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"",
    "\"\\ud800\\u0041\"", "\"\\ud800\\n\"", "\"\\ud800x\"", "\"\\ud800\\ud800\"", "\"\\u0000\"",
    "\"a\nb\"", "\"\t\"", "\"\x1f\"", "\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"",
    "\xef\xbb\xbf{}", "// x\n1", "/* */1", "\xc2\xa0\x31",
    "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"\":1,\"\":1}", "{\"x\":{\"a\":1,\"b\":2,\"a\":1}}",
  };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
    ck_assert_msg(parse(bad[k]) == VAULT_E_INPUT, "row %zu is accepted: %s", k, bad[k]);
  vt_status(parse_n("\"a\0b\"", 5), VAULT_E_INPUT);
  vt_status(parse_n("1\0", 2), VAULT_E_INPUT);
  vt_ok(parse("{\"a\":{\"a\":1},\"A\":[{\"a\":1},{\"a\":1}]}")); /* other objects may reuse a name */
}
END_TEST

START_TEST(every_cut_of_a_document_is_refused) {
  static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\xc3\xa9\",true,false,null],\"b\":{\"c\":\"\\ud83d\\ude00\"}}";
  for (uint64_t n = 0; n < sizeof text - 1; n++)
    vt_status(parse_n(text, n), VAULT_E_INPUT);
  vt_ok(parse_n(text, sizeof text - 1));
}
END_TEST

START_TEST(limits) {
  char text[VAULT__JSON_BYTES + 2];
  for (unsigned depth = 1; depth <= 12; depth++) {
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    vt_status(parse_n(text, 2 * depth), depth <= VAULT__JSON_DEPTH ? VAULT_OK : VAULT_E_INPUT);
  }
  memset(text, '[', sizeof text);
  vt_status(parse_n(text, VAULT__JSON_BYTES), VAULT_E_INPUT);
  memset(text, ' ', sizeof text);
  text[0] = '1';
  vt_ok(parse_n(text, VAULT__JSON_BYTES));
  vt_status(parse_n(text, VAULT__JSON_BYTES + 1), VAULT_E_TOO_LARGE);
  text[0] = '[';
  for (unsigned k = 0; k <= VAULT__JSON_MEMBERS; k++)
    memcpy(text + 1 + 2 * k, "1,", 2);
  text[2 * VAULT__JSON_MEMBERS] = ']';
  vt_ok(parse_n(text, 2 * VAULT__JSON_MEMBERS + 1));
  text[2 * VAULT__JSON_MEMBERS] = ',';
  text[2 * VAULT__JSON_MEMBERS + 2] = ']';
  vt_status(parse_n(text, 2 * VAULT__JSON_MEMBERS + 3), VAULT_E_INPUT);
}
END_TEST

START_TEST(no_memory) {
  const vault__json *out = NULL;
  static const char text[] = "[1,\"\\n\"]";
  vault__arena a;
  for (uint64_t max = 0; max < 4 * sizeof(vault__json); max += 8) {
    vault__arena_init(&a, vault__alloc_default(), max);
    vault_status s = vault__json_parse(text, sizeof text - 1, 100, &a, &out, NULL);
    ck_assert(s == VAULT_OK || s == VAULT_E_NO_MEMORY);
    vault__arena_free(&a);
  }
}
END_TEST

START_TEST(writes_what_it_reads) {
  vault__buf b;
  vault__json_out w;
  vault_str text;
  int64_t i;
  vault__buf_init(&b, vault__alloc_default(), 1000);
  vault__json_start(&w, &b);
  vault__json_open(&w, NULL, '{');
  vault__json_text(&w, "t\"x", VAULT__STR("a\"b\\c\n\x01\x1f\x7f/\xc3\xa9"));
  vault__json_int(&w, "i", INT64_MIN);
  vault__json_open(&w, "l", '[');
  vault__json_bool(&w, NULL, 1);
  vault__json_bool(&w, NULL, 0);
  vault__json_null(&w, NULL);
  vault__json_open(&w, NULL, '{');
  vault__json_close(&w, '}');
  vault__json_close(&w, ']');
  vault__json_text(&w, "e", VAULT__STR(""));
  vault__json_close(&w, '}');
  vt_ok(vault__buf_check(&b, NULL));
  ck_assert_str_eq(b.p, "{\"t\\\"x\":\"a\\\"b\\\\c\\n\\u0001\\u001f\x7f/\xc3\xa9\",\"i\":-9223372036854775808,"
                        "\"l\":[true,false,null,{}],\"e\":\"\"}");
  vt_ok(parse(b.p));
  ck_assert_int_eq(vault__json_get_text(doc, "t\"x", &text), 1);
  ck_assert_int_eq(vault__str_eq(text, VAULT__STR("a\"b\\c\n\x01\x1f\x7f/\xc3\xa9")), 1);
  ck_assert_int_eq(vault__json_get_int(doc, "i", &i), 1);
  ck_assert_int_eq(i, INT64_MIN);
  vault__buf_free(&b);
}
END_TEST

static Suite *json(void) {
  const TTest *const all[] = {reads_every_type, reads_integers, unescapes, refuses,
                              every_cut_of_a_document_is_refused, limits, no_memory,
                              writes_what_it_reads, NULL};
  return vt_suite("json", all);
}

VT_MAIN(json)
