#include <string.h>

#include "libvault/domain/quota.h"
#include "tests/support/vt_main.h"

START_TEST(fits) {
  ck_assert_int_eq(vault__quota_fits(0, 0, 0), 1);
  ck_assert_int_eq(vault__quota_fits(0, 1, 0), 0);
  ck_assert_int_eq(vault__quota_fits(90, 10, 100), 1);
  ck_assert_int_eq(vault__quota_fits(90, 11, 100), 0);
  ck_assert_int_eq(vault__quota_fits(101, 0, 100), 0);
  ck_assert_int_eq(vault__quota_fits(1, UINT64_MAX, UINT64_MAX), 0);
  ck_assert_int_eq(vault__quota_fits(0, UINT64_MAX, UINT64_MAX), 1);
  ck_assert_int_eq(vault__quota_fits(UINT64_MAX, UINT64_MAX, 5), 0);
  ck_assert_uint_eq(vault__quota_left(30, 100), 70);
  ck_assert_uint_eq(vault__quota_left(130, 100), 0);
}
END_TEST

START_TEST(grows_in_steps) {
  uint64_t out = 3;
  vt_ok(vault__quota_grow(0, 8, 100, &out, NULL));
  ck_assert_uint_eq(out, 0);
  vt_ok(vault__quota_grow(1, 8, 100, &out, NULL));
  ck_assert_uint_eq(out, 8);
  vt_ok(vault__quota_grow(8, 8, 100, &out, NULL));
  ck_assert_uint_eq(out, 8);
  vt_ok(vault__quota_grow(97, 8, 100, &out, NULL));
  ck_assert_uint_eq(out, 100);
  vt_ok(vault__quota_grow(UINT64_MAX - 1, 8, UINT64_MAX, &out, NULL));
  ck_assert_uint_eq(out, UINT64_MAX);
  vt_status(vault__quota_grow(101, 8, 100, &out, NULL), VAULT_E_TOO_LARGE);
  vt_status(vault__quota_grow(1, 0, 100, &out, NULL), VAULT_E_USAGE);
  ck_assert_uint_eq(out, UINT64_MAX);
}
END_TEST

static vault_status move(vault__ledger *l, int32_t from, int32_t to, uint64_t bytes) {
  const vault__transfer t = {from, to, bytes};
  return vault__ledger_apply(l, &t, 1, NULL);
}

START_TEST(ledger_life_of_a_file) {
  vault__ledger l = {{0}};
  vt_ok(move(&l, VAULT__ACCOUNT_OUTSIDE, VAULT__ACCOUNT_PARTIAL, 100)); /* reserve */
  ck_assert_uint_eq(vault__ledger_used(&l), 100);
  const vault__transfer finish[] = {{VAULT__ACCOUNT_PARTIAL, VAULT__ACCOUNT_LIVE, 80},
                                    {VAULT__ACCOUNT_PARTIAL, VAULT__ACCOUNT_OUTSIDE, 20}};
  vt_ok(vault__ledger_apply(&l, finish, 2, NULL));
  ck_assert_uint_eq(vault__ledger_used(&l), 80);
  vt_ok(move(&l, VAULT__ACCOUNT_LIVE, VAULT__ACCOUNT_TRASH, 80));
  vt_ok(move(&l, VAULT__ACCOUNT_TRASH, VAULT__ACCOUNT_OUTSIDE, 80));
  for (int i = 0; i < VAULT__ACCOUNTS; i++)
    ck_assert_int_eq(l.balance[i], 0);
}
END_TEST

START_TEST(ledger_refuses_and_changes_nothing) {
  vault__ledger l = {{0}}, before;
  vt_ok(move(&l, VAULT__ACCOUNT_OUTSIDE, VAULT__ACCOUNT_LIVE, 10));
  before = l;
  vt_status(move(&l, VAULT__ACCOUNT_LIVE, VAULT__ACCOUNT_TRASH, 11), VAULT_E_INTERNAL);
  vt_status(move(&l, VAULT__ACCOUNT_LIVE, VAULT__ACCOUNT_LIVE, 1), VAULT_E_USAGE);
  vt_status(move(&l, -1, VAULT__ACCOUNT_LIVE, 1), VAULT_E_USAGE);
  vt_status(move(&l, VAULT__ACCOUNT_LIVE, VAULT__ACCOUNTS, 1), VAULT_E_USAGE);
  vt_status(move(&l, VAULT__ACCOUNT_OUTSIDE, VAULT__ACCOUNT_LIVE, (uint64_t)INT64_MAX),
            VAULT_E_TOO_LARGE);
  vt_status(move(&l, VAULT__ACCOUNT_OUTSIDE, VAULT__ACCOUNT_LIVE, UINT64_MAX), VAULT_E_TOO_LARGE);
  const vault__transfer half_good[] = {{VAULT__ACCOUNT_LIVE, VAULT__ACCOUNT_TRASH, 5},
                                       {VAULT__ACCOUNT_VERSIONS, VAULT__ACCOUNT_TRASH, 5}};
  vt_status(vault__ledger_apply(&l, half_good, 2, NULL), VAULT_E_INTERNAL);
  ck_assert_mem_eq(&l, &before, sizeof l);
}
END_TEST

START_TEST(ledger_always_balances) {
  uint64_t seed = 7;
  vault__ledger l = {{0}};
  unsigned done = 0;
  for (unsigned i = 0; i < 20000; i++) {
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    vault__transfer t = {(int32_t)((seed >> 40) % VAULT__ACCOUNTS),
                         (int32_t)((seed >> 50) % VAULT__ACCOUNTS), seed >> 33 & 0xfff};
    done += vault__ledger_apply(&l, &t, 1, NULL) == VAULT_OK;
    int64_t sum = 0;
    for (int a = 0; a < VAULT__ACCOUNTS; a++)
      sum += l.balance[a];
    if (sum != 0 || !vault__ledger_sound(&l))
      ck_abort_msg("the books do not balance");
    if (vault__ledger_used(&l) != (uint64_t)-l.balance[VAULT__ACCOUNT_OUTSIDE])
      ck_abort_msg("used is not what came from outside");
  }
  ck_assert_uint_gt(done, 2000);
  l.balance[VAULT__ACCOUNT_LIVE]++;
  ck_assert_int_eq(vault__ledger_sound(&l), 0);
}
END_TEST

static Suite *quota(void) {
  const TTest *const all[] = {fits,
                              grows_in_steps,
                              ledger_life_of_a_file,
                              ledger_refuses_and_changes_nothing,
                              ledger_always_balances,
                              NULL};
  return vt_suite("quota", all);
}

VT_MAIN(quota)
