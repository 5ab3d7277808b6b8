#include "contract.h"

#include <sched.h>

#include "vault/ports/clock.h"

#define LOOKS 1000
#define YEAR_2020_MS INT64_C(1577836800000)

START_TEST(clock_table_is_complete) {
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  a->make(a, &in);
  const vault_clock_ops *ops = in.ops;
  ck_assert_uint_ge(ops->size, sizeof *ops);
  ck_assert_uint_eq(ops->version, VAULT_CLOCK_V1);
  ck_assert(ops->now_ms && ops->mono_ms);
  a->destroy(a, &in);
}
END_TEST

START_TEST(clock_wall_is_milliseconds) {
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  a->make(a, &in);
  const vault_clock_ops *ops = in.ops;
  int64_t now = ops->now_ms(in.self);
  ck_assert_int_gt(now, YEAR_2020_MS);
  ck_assert_int_lt(now, YEAR_2020_MS * 10);
  a->destroy(a, &in);
}
END_TEST

START_TEST(clock_mono_never_goes_back) {
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  a->make(a, &in);
  const vault_clock_ops *ops = in.ops;
  int64_t last = ops->mono_ms(in.self);
  for (int i = 0; i < LOOKS; i++) {
    int64_t now = ops->mono_ms(in.self);
    ck_assert_int_ge(now, last);
    last = now;
    (void)sched_yield();
  }
  a->destroy(a, &in);
}
END_TEST

TCase *vt_clock_contract(const vt_adapter *a) {
  const TTest *const all[] = {clock_table_is_complete, clock_wall_is_milliseconds,
                              clock_mono_never_goes_back, NULL};
  return vt_contract("clock", a, all);
}
