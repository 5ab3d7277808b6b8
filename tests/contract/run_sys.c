/* The contract suites of clock and random, on the adapters of the operating system. */
#include "contract.h"

#include "tests/support/vt_main.h"
#include "vault/adapters/sys.h"

static void make_clock(const vt_adapter *a, vt_instance *out) {
  (void)a;
  out->ops = vault_sys_clock();
}

static void make_random(const vt_adapter *a, vt_instance *out) {
  (void)a;
  out->ops = vault_sys_random();
}

static void nothing(const vt_adapter *a, vt_instance *i) {
  (void)a;
  (void)i;
}

static Suite *sys(void) {
  static const vt_adapter sys_clock = {.name = "sys", .make = make_clock, .destroy = nothing};
  static const vt_adapter sys_random = {.name = "sys", .make = make_random, .destroy = nothing};
  Suite *s = suite_create("sys");
  suite_add_tcase(s, vt_clock_contract(&sys_clock));
  suite_add_tcase(s, vt_random_contract(&sys_random));
  return s;
}

VT_MAIN(sys)
