#include "contract.h"

#include <string.h>

#include "vault/ports/random.h"

#define BIG_BYTES 100000u

START_TEST(random_table_is_complete) {
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  a->make(a, &in);
  const vault_random_ops *ops = in.ops;
  ck_assert_uint_ge(ops->size, sizeof *ops);
  ck_assert_uint_eq(ops->version, VAULT_RANDOM_V1);
  ck_assert(ops->bytes != NULL);
  a->destroy(a, &in);
}
END_TEST

START_TEST(random_gives_no_value_twice) {
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  unsigned char x[2][32];
  a->make(a, &in);
  const vault_random_ops *ops = in.ops;
  vt_is(ops->bytes(in.self, x[0], sizeof x[0], NULL), VAULT_OK);
  vt_is(ops->bytes(in.self, x[1], sizeof x[1], NULL), VAULT_OK);
  ck_assert_int_ne(memcmp(x[0], x[1], sizeof x[0]), 0);
  a->destroy(a, &in);
}
END_TEST

/* Every byte is written, none outside. That none of 256 values is missing among 100,000
 * bytes holds for a fair generator but once in 10^167 runs. */
START_TEST(random_fills_a_large_buffer) {
  static unsigned char x[BIG_BYTES + 1];
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  unsigned seen[256] = {0};
  a->make(a, &in);
  const vault_random_ops *ops = in.ops;
  x[BIG_BYTES] = 0x5a;
  vt_is(ops->bytes(in.self, x, BIG_BYTES, NULL), VAULT_OK);
  for (size_t i = 0; i < BIG_BYTES; i++)
    seen[x[i]]++;
  for (size_t i = 0; i < 256; i++)
    ck_assert_uint_gt(seen[i], 0);
  ck_assert_uint_eq(x[BIG_BYTES], 0x5a);
  a->destroy(a, &in);
}
END_TEST

START_TEST(random_of_nothing_is_fine) {
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  unsigned char x = 7;
  a->make(a, &in);
  const vault_random_ops *ops = in.ops;
  vt_is(ops->bytes(in.self, &x, 0, NULL), VAULT_OK);
  ck_assert_uint_eq(x, 7);
  a->destroy(a, &in);
}
END_TEST

TCase *vt_random_contract(const vt_adapter *a) {
  const TTest *const all[] = {random_table_is_complete, random_gives_no_value_twice,
                              random_fills_a_large_buffer, random_of_nothing_is_fine, NULL};
  return vt_contract("random", a, all);
}
