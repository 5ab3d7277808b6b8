#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "libvault/base/alloc.h"
#include "libvault/base/slice.h"
#include "libvault/base/utf8.h"
#include "libvault/domain/names.h"
#include "tests/support/vt_main.h"

#define CHECK(s) vault__name_check(s, sizeof(s) - 1, &err)

START_TEST(name_accepts) {
  vault_err err = VAULT_ERR_INIT;
  char longest[VAULT__NAME_BYTES];
  memset(longest, 'x', sizeof longest);
  vt_ok(vault__name_check(longest, sizeof longest, &err));
  vt_ok(CHECK("a"));
  vt_ok(CHECK("..."));
  vt_ok(CHECK(".bashrc"));
  vt_ok(CHECK("CON")); /* renamed on export to Windows, not refused */
  vt_ok(CHECK("a\\b:c*?"));
  vt_ok(CHECK(" trailing "));
  vt_ok(CHECK("\xc4\xb0stanbul \xc4\x9f\xc3\xbc\xc5\x9f\xc4\xb1\xc3\xb6\xc3\xa7.txt"));
  vt_ok(CHECK("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80.jpg")); /* emoji with a joiner */
}
END_TEST

START_TEST(name_refuses) {
  vault_err err = VAULT_ERR_INIT;
  char longer[VAULT__NAME_BYTES + 1];
  memset(longer, 'x', sizeof longer);
  vt_status(vault__name_check(longer, sizeof longer, &err), VAULT_E_NAME);
  vt_status(CHECK(""), VAULT_E_NAME);
  vt_status(CHECK("."), VAULT_E_NAME);
  vt_status(CHECK(".."), VAULT_E_NAME);
  vt_status(CHECK("a/b"), VAULT_E_NAME);
  vt_status(CHECK("a\0b"), VAULT_E_NAME);
  vt_status(CHECK("a\nb"), VAULT_E_NAME);
  vt_status(CHECK("\x7f"), VAULT_E_NAME);
  vt_status(CHECK("\xc2\x80"), VAULT_E_NAME);
  vt_status(CHECK("\xc2\x9f"), VAULT_E_NAME);
  vt_status(CHECK("\xff"), VAULT_E_NAME);
  vt_status(CHECK("a\xc3"), VAULT_E_NAME);
  vt_status(CHECK("\xc0\xaf"), VAULT_E_NAME);
  ck_assert_int_gt((int)strlen(err.msg), 10);
}
END_TEST

START_TEST(name_refuses_direction_marks) {
  static const uint32_t marks[] = {0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c,
                                   0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069};
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    char name[8] = {'a'};
    uint64_t n = 1 + vault__utf8_put(marks[i], name + 1);
    vt_status(vault__name_check(name, n, NULL), VAULT_E_NAME);
  }
}
END_TEST

START_TEST(name_counts_bytes_in_nfc) {
  /* U+0958 has three bytes and, excluded from composition, six in NFC. */
  char name[VAULT__NAME_BYTES];
  for (unsigned i = 0; i < 85; i++)
    memcpy(name + 3 * i, "\xe0\xa5\x98", 3);
  vt_ok(vault__name_check(name, 42 * 3, NULL));
  vt_status(vault__name_check(name, 43 * 3, NULL), VAULT_E_NAME);
  vt_status(vault__name_check(name, 85 * 3, NULL), VAULT_E_NAME);
}
END_TEST

static vault_str key(vault__arena *a, const char *name) {
  vault_str out = {0};
  vt_ok(vault__name_key(name, strlen(name), a, &out, NULL));
  return out;
}

START_TEST(key_joins_what_a_person_reads_as_equal) {
  static const struct {
    const char *a, *b;
    int same;
  } rows[] = {
    {"Readme.TXT", "readme.txt", 1},
    {"\xc3\xa9", "e\xcc\x81", 1}, /* e-acute, composed and not */
    {"\xc3\x89", "e\xcc\x81", 1},
    {"STRASSE",
     "stra\xc3\x9f"
     "e",
     1},
    {"\xce\xa3", "\xcf\x82", 1},     /* sigma and final sigma */
    {"\xe2\x84\xab", "\xc3\xa5", 1}, /* Angstrom sign */
    {"I", "\xc4\xb1", 0},            /* Turkish dotless i is another letter */
    {"\xc4\xb0", "i", 0},
    {"\xc4\xb0", "i\xcc\x87", 1},
    {"\xef\xbc\xa1", "a", 0}, /* full width: compatibility, not canonical */
    {"a b", "ab", 0},
  };
  vault__arena a;
  vault__arena_init(&a, vault__alloc_default(), 1 << 20);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ck_assert_msg(vault__str_eq(key(&a, rows[i].a), key(&a, rows[i].b)) == rows[i].same,
                  "row %zu: %s, %s", i, rows[i].a, rows[i].b);
  vault__arena_free(&a);
}
END_TEST

START_TEST(key_is_stable_for_every_character) {
  vault__arena a;
  for (uint32_t cp = 0x20; cp < 0x30000; cp++) {
    char name[8] = {'x'}, decomposed[64];
    utf8proc_int32_t buf[16];
    vault_str one, two, three;
    uint64_t n = 1 + vault__utf8_put(cp, name + 1);
    if (n == 1 || vault__name_check(name, n, NULL) != VAULT_OK)
      continue;
    vault__arena_init(&a, vault__alloc_default(), 4096);
    utf8proc_ssize_t d = utf8proc_decompose((const utf8proc_uint8_t *)name, (utf8proc_ssize_t)n,
                                            buf, 15, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
    d = utf8proc_reencode(buf, d, UTF8PROC_STABLE);
    memcpy(decomposed, buf, (size_t)d);
    if (vault__name_key(name, n, &a, &one, NULL) != VAULT_OK ||
        vault__name_key(one.p, one.n, &a, &two, NULL) != VAULT_OK ||
        vault__name_key(decomposed, (uint64_t)d, &a, &three, NULL) != VAULT_OK ||
        !vault__str_eq(one, two) || !vault__str_eq(one, three))
      ck_abort_msg("the key of U+%04X is not stable", cp);
    vault__arena_free(&a);
  }
}
END_TEST

START_TEST(key_of_the_longest_name) {
  /* Three code points each when decomposed; the key still fits the scratch room. */
  char name[VAULT__NAME_BYTES - 1];
  vault__arena a;
  vault_str out;
  vault__arena_init(&a, vault__alloc_default(), 1 << 16);
  for (unsigned i = 0; i < sizeof name / 2; i++)
    memcpy(name + 2 * i, "\xce\x90", 2);
  vt_ok(vault__name_key(name, sizeof name, &a, &out, NULL));
  ck_assert_uint_eq(out.n, sizeof name);
  for (unsigned i = 0; i < sizeof name / 3; i++)
    memcpy(name + 3 * i, "\xe1\xbe\x82", 3);
  vt_ok(vault__name_key(name, sizeof name / 3 * 3, &a, &out, NULL));
  vault__arena_free(&a);
}
END_TEST

START_TEST(key_without_memory) {
  vault__arena a;
  vault_str out = {"kept", 4};
  vault__arena_init(&a, vault__alloc_default(), 2);
  vt_status(vault__name_key("abc", 3, &a, &out, NULL), VAULT_E_NO_MEMORY);
  ck_assert_str_eq(out.p, "kept");
}
END_TEST

START_TEST(path_splits) {
  vault__path p;
  vt_ok(vault__path_split("/a/b/c.txt", 10, &p, NULL));
  ck_assert_uint_eq(p.n, 3);
  ck_assert_int_eq(vault__str_eq(p.part[2], VAULT__STR("c.txt")), 1);
  ck_assert_int_eq(p.trailing_slash, 0);
  vt_ok(vault__path_split("a/b/", 4, &p, NULL));
  ck_assert_uint_eq(p.n, 2);
  ck_assert_int_eq(p.trailing_slash, 1);
  vt_ok(vault__path_split("", 0, &p, NULL));
  ck_assert_uint_eq(p.n, 0);
  vt_ok(vault__path_split("/", 1, &p, NULL));
  ck_assert_uint_eq(p.n, 0);
  vt_ok(vault__path_split_file("/c", 2, &p, NULL));
}
END_TEST

START_TEST(path_refuses) {
  vault__path p = {.n = 7};
  static const char *const bad[] = {"//", "//a", "a//b", "a/../b", "/..", "./a", "a/b//", "a/\x01"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    vt_status(vault__path_split(bad[i], strlen(bad[i]), &p, NULL), VAULT_E_NAME);
  vt_status(vault__path_split_file("/", 1, &p, NULL), VAULT_E_NAME);
  vt_status(vault__path_split_file("", 0, &p, NULL), VAULT_E_NAME);
  vt_status(vault__path_split_file("a/", 2, &p, NULL), VAULT_E_NAME);
  ck_assert_uint_eq(p.n, 7);
}
END_TEST

START_TEST(path_depth) {
  char text[2 * (VAULT__PATH_DEPTH + 1)];
  vault__path p;
  for (unsigned i = 0; i < sizeof text; i += 2)
    memcpy(text + i, "/d", 2);
  vt_ok(vault__path_split(text, 2 * VAULT__PATH_DEPTH, &p, NULL));
  ck_assert_uint_eq(p.n, VAULT__PATH_DEPTH);
  vt_status(vault__path_split(text, sizeof text, &p, NULL), VAULT_E_DEPTH);
}
END_TEST

START_TEST(extensions) {
  static const struct {
    const char *name, *ext;
  } rows[] = {
    {"a.jpg", "jpg"},
    {"A.JPG", "jpg"},
    {"a.b.Pdf", "pdf"},
    {"a.tar.gz", "gz"},
    {"a.JSON", "json"},
    {"a", ""},
    {".txt", ""},
    {"a.", ""},
    {"a.php", ""},
    {"a.html", ""},
    {"a.svg", ""},
    {"a.sh", ""},
    {"a.js", ""},
    {"a.jpg.exe", ""},
    {"a.jp\xc4\xb1", ""},
    {"a.numbers", "numbers"},
    {"a.toolongext", ""},
    {"", ""},
    {".", ""},
    {"a.jpg ", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ck_assert_str_eq(vault__ext_of_name(rows[i].name, strlen(rows[i].name)), rows[i].ext);
  ck_assert_str_eq(vault__ext_find("jpg", 3), "jpg");
  ck_assert_ptr_null(vault__ext_find("JPG", 3));
  ck_assert_ptr_null(vault__ext_find("php", 3));
  ck_assert_ptr_null(vault__ext_find("", 0));
  ck_assert_str_eq(vault__ext_content_type("jpg"), "image/jpeg");
  ck_assert_str_eq(vault__ext_content_type(""), "application/octet-stream");
  ck_assert_str_eq(vault__ext_content_type(NULL), "application/octet-stream");
  ck_assert_str_eq(vault__ext_content_type("html"), "application/octet-stream");
}
END_TEST

static Suite *names(void) {
  const TTest *const all[] = {name_accepts,
                              name_refuses,
                              name_refuses_direction_marks,
                              name_counts_bytes_in_nfc,
                              key_joins_what_a_person_reads_as_equal,
                              key_is_stable_for_every_character,
                              key_of_the_longest_name,
                              key_without_memory,
                              path_splits,
                              path_refuses,
                              path_depth,
                              extensions,
                              NULL};
  return vt_suite("names", all);
}

VT_MAIN(names)
