#include "vt_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds for one test; sanitizers on a busy machine are slow, and a hang must still end. */
#define TEST_TIMEOUT_S "120"

int vt_run(const vt_suite_fn *suites, size_t n) {
  (void)setenv("CK_DEFAULT_TIMEOUT", TEST_TIMEOUT_S, 0);
  SRunner *runner = srunner_create(suites[0]());
  for (size_t i = 1; i < n; i++)
    srunner_add_suite(runner, suites[i]());
  srunner_set_tap(runner, "-");
  srunner_run_all(runner, CK_SILENT);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int vt_skip(const char *reason) {
  (void)printf("1..0 # SKIP %s\n", reason);
  return EXIT_SUCCESS;
}

Suite *vt_suite(const char *name, const TTest *const *tests) {
  return vt_suite_with(name, tests, NULL, NULL);
}

Suite *vt_suite_with(const char *name, const TTest *const *tests, void (*setup)(void),
                     void (*teardown)(void)) {
  Suite *suite = suite_create(name);
  TCase *tcase = tcase_create(name);
  if (setup)
    tcase_add_checked_fixture(tcase, setup, teardown);
  for (; *tests; tests++)
    tcase_add_test(tcase, *tests);
  suite_add_tcase(suite, tcase);
  return suite;
}

char *vt_data(const char *name, size_t *len) {
  const char *dir = getenv("VT_DATA");
  char path[1024];
  (void)snprintf(path, sizeof path, "%s/%s", dir ? dir : "tests/data", name);
  FILE *f = fopen(path, "rb");
  ck_assert_msg(f != NULL, "cannot open %s; set VT_DATA to the tests/data directory", path);
  ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
  long size = ftell(f);
  ck_assert_int_ge(size, 0);
  rewind(f);
  char *text = malloc((size_t)size + 1);
  ck_assert_ptr_nonnull(text);
  ck_assert_uint_eq(fread(text, 1, (size_t)size, f), (size_t)size);
  text[size] = 0;
  (void)fclose(f);
  if (len)
    *len = (size_t)size;
  return text;
}

static unsigned digit(char c) {
  const char *all = "0123456789abcdef";
  const char *at = c ? strchr(all, c | 0x20) : NULL;
  ck_assert_msg(at != NULL, "not a hex digit: %c", c);
  return (unsigned)(at - all);
}

size_t vt_hex(const char *hex, void *out, size_t room) {
  unsigned char *to = out;
  size_t n = strlen(hex) / 2;
  ck_assert_uint_le(n, room);
  for (size_t i = 0; i < n; i++)
    to[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
  return n;
}
