#include <string.h>

#include "libvault/ports/validate.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/sys.h"
#include "vault/ports/repository/items.h"

static uint32_t all_caps(void *self) {
  (void)self;
  return VAULT_BLOB_CAP_RESUME | VAULT_BLOB_CAP_FD;
}

START_TEST(good_tables_pass) {
  vt_ok(vault__ops_check(VAULT__PORT_CLOCK, vault_sys_clock(), NULL));
  vt_ok(vault__ops_check(VAULT__PORT_RANDOM, vault_sys_random(), NULL));
}
END_TEST

START_TEST(optional_tail_may_be_missing) {
  vault_clock_ops ops = *vault_sys_clock();
  ops.size = offsetof(vault_clock_ops, destroy);
  vt_ok(vault__ops_check(VAULT__PORT_CLOCK, &ops, NULL));
  ck_assert(!VAULT__OPS_HAS(&ops, destroy));
  ck_assert(VAULT__OPS_HAS(&ops, mono_ms));
  ops.size = sizeof ops + 64; /* a newer caller's table */
  vt_ok(vault__ops_check(VAULT__PORT_CLOCK, &ops, NULL));
}
END_TEST

START_TEST(short_table_is_refused) {
  vault_clock_ops ops = *vault_sys_clock();
  vault_err err = VAULT_ERR_INIT;
  ops.size = offsetof(vault_clock_ops, mono_ms);
  vt_status(vault__ops_check(VAULT__PORT_CLOCK, &ops, &err), VAULT_E_OPS);
  ck_assert_ptr_nonnull(strstr(err.msg, "vault_clock_ops"));
  ck_assert_ptr_nonnull(strstr(err.msg, "mono_ms"));
  ops.size = 0;
  vt_status(vault__ops_check(VAULT__PORT_CLOCK, &ops, &err), VAULT_E_OPS);
}
END_TEST

START_TEST(unknown_version_is_refused) {
  vault_random_ops ops = *vault_sys_random();
  vault_err err = VAULT_ERR_INIT;
  ops.version = 2;
  vt_status(vault__ops_check(VAULT__PORT_RANDOM, &ops, &err), VAULT_E_OPS);
  ck_assert_ptr_nonnull(strstr(err.msg, "version 2"));
}
END_TEST

/* An all-zero table of the right size and version is refused by the name of its first method. */
START_TEST(missing_method_is_named) {
  static const struct {
    vault__port port;
    const char *table, *method;
  } rows[] = {
    {VAULT__PORT_CLOCK, "vault_clock_ops", "now_ms"},
    {VAULT__PORT_RANDOM, "vault_random_ops", "bytes"},
    {VAULT__PORT_LOG, "vault_log_ops", "write"},
    {VAULT__PORT_SMS, "vault_sms_ops", "send"},
    {VAULT__PORT_LIMITER, "vault_limiter_ops", "take"},
    {VAULT__PORT_NOTIFIER, "vault_notifier_ops", "notify"},
    {VAULT__PORT_BLOB_STORE, "vault_blob_store_ops", "caps"},
    {VAULT__PORT_IDENTITY, "vault_identity_repo_ops", "create_challenge"},
    {VAULT__PORT_ITEMS, "vault_items_repo_ops", "get_store"},
    {VAULT__PORT_JOBS, "vault_jobs_repo_ops", "enqueue"},
  };
  _Static_assert(sizeof rows / sizeof rows[0] == VAULT__N_PORTS, "a row for each port");
  union {
    uint32_t head[2];
    char room[1024];
    void *align;
  } ops;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    vault_err err = VAULT_ERR_INIT;
    memset(&ops, 0, sizeof ops);
    ops.head[0] = sizeof ops;
    ops.head[1] = 1;
    vt_status(vault__ops_check(rows[i].port, &ops, &err), VAULT_E_OPS);
    ck_assert_ptr_nonnull(strstr(err.msg, rows[i].table));
    ck_assert_ptr_nonnull(strstr(err.msg, rows[i].method));
  }
}
END_TEST

START_TEST(null_and_unknown_are_refused) {
  vt_status(vault__ops_check(VAULT__PORT_SMS, NULL, NULL), VAULT_E_OPS);
  vt_status(vault__ops_check(VAULT__N_PORTS, vault_sys_clock(), NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(capabilities_need_their_methods) {
  vault_blob_store_ops ops;
  vault_err err = VAULT_ERR_INIT;
  memset(&ops, 0, sizeof ops);
  ops.size = sizeof ops;
  ops.caps = all_caps;
  vt_status(vault__blob_caps_check(&ops, NULL, &err), VAULT_E_OPS);
  ck_assert_ptr_nonnull(strstr(err.msg, "resume"));
}
END_TEST

static Suite *validate(void) {
  const TTest *const all[] = {good_tables_pass,
                              optional_tail_may_be_missing,
                              short_table_is_refused,
                              unknown_version_is_refused,
                              missing_method_is_named,
                              null_and_unknown_are_refused,
                              capabilities_need_their_methods,
                              NULL};
  return vt_suite("validate", all);
}

VT_MAIN(validate)
