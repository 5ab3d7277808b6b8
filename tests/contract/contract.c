#include "contract.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_BYTES 64

static const vt_adapter *adapters[VT_ADAPTERS_MAX];
static int n_adapters;

int vt_adapter_add(const vt_adapter *a) {
  for (int i = 0; i < n_adapters; i++)
    if (adapters[i] == a)
      return i;
  if (n_adapters == VT_ADAPTERS_MAX) {
    (void)fprintf(stderr, "more than %d adapters in one program\n", VT_ADAPTERS_MAX);
    exit(EXIT_FAILURE);
  }
  adapters[n_adapters] = a;
  return n_adapters++;
}

const vt_adapter *vt_adapter_at(int i) {
  ck_assert_int_ge(i, 0);
  ck_assert_int_lt(i, n_adapters);
  return adapters[i];
}

TCase *vt_contract(const char *port, const vt_adapter *a, const TTest *const *tests) {
  /* check keeps the pointer for as long as the case lives, which is as long as the run. */
  static char names[VT_ADAPTERS_MAX * 8][NAME_BYTES];
  static size_t n_names;
  if (n_names == sizeof names / sizeof names[0]) {
    (void)fprintf(stderr, "too many contract test cases in one program\n");
    exit(EXIT_FAILURE);
  }
  char *name = names[n_names++];
  (void)snprintf(name, NAME_BYTES, "%s/%s", port, a->name);
  TCase *tcase = tcase_create(name);
  int i = vt_adapter_add(a);
  for (; *tests; tests++)
    tcase_add_loop_test(tcase, *tests, i, i + 1);
  return tcase;
}
