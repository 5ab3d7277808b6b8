/* Accounts, quotas and the quick check, as the one who runs the vault sees them. */
#include <string.h>

#include "tests/support/vt_files.h"

static vt_world *w;
static vault *v;
static vault_principal me;
static vault_id nobody = {{9}};

static void setup(void) {
  w = vt_vault_open(NULL);
  v = w->v;
  me = vt_who(w, VT_PHONE);
}

static void teardown(void) {
  vt_vault_close(w);
}

START_TEST(users_in_pages) {
  vault_users *u = NULL;
  uint64_t n = 0;
  uint32_t stride = 0;
  (void)vt_who(w, "+905321234568");
  vt_ok(vault_admin_users(v, NULL, 1, &u, NULL));
  vault_id first = vault_users_rows(u, &n, &stride)->id;
  ck_assert_uint_eq(n, 1);
  ck_assert_uint_ge(stride, sizeof(vault_user_view));
  vault_users_free(u);
  vt_ok(vault_admin_users(v, &first, 0, &u, NULL));
  const vault_user_view *next = vault_users_rows(u, &n, NULL);
  ck_assert_ptr_nonnull(next);
  ck_assert_int_gt(memcmp(&next->id, &first, sizeof first), 0);
  ck_assert_uint_eq(n, 1);
  vault_users_free(u);
  u = NULL;
  vt_status(vault_admin_users(v, NULL, VAULT_USERS_MAX + 1, &u, NULL), VAULT_E_TOO_LARGE);
  vt_status(vault_admin_users(v, NULL, 1, NULL, NULL), VAULT_E_USAGE);
  vt_status(vault_admin_users(NULL, NULL, 1, &u, NULL), VAULT_E_USAGE);
  ck_assert_ptr_null(u);
  vault_users_free(NULL);
}
END_TEST

START_TEST(a_user_by_number) {
  vault_users *u = NULL;
  vt_ok(vault_admin_find_user(v, "0532 123 45 67", 14, &u, NULL));
  ck_assert_mem_eq(&vault_users_rows(u, NULL, NULL)->id, &me.user, sizeof me.user);
  vault_users_free(u);
  u = NULL;
  vt_status(vault_admin_find_user(v, "12", 2, &u, NULL), VAULT_E_PHONE);
  vt_status(vault_admin_find_user(v, "+905321234569", 13, &u, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_admin_find_user(v, NULL, 0, &u, NULL), VAULT_E_USAGE);
  ck_assert_ptr_null(u);
}
END_TEST

START_TEST(quotas) {
  vt_ok(vault_admin_set_quota(v, &me.user, 3, NULL));
  vt_status(vt_put(v, &me, "f", "four", NULL), VAULT_E_QUOTA);
  vt_ok(vt_put(v, &me, "f", "thr", NULL));
  ck_assert_uint_eq(vt_usage(v, &me).quota_bytes, 3);
  vt_ok(vault_admin_set_quota(v, &me.user, 0, NULL)); /* below what is used: nothing is lost */
  vt_content(v, &me, "f", "thr");
  vt_status(vault_admin_set_quota(v, &nobody, 3, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_admin_set_quota(v, &me.user, UINT64_MAX, NULL), VAULT_E_TOO_LARGE);
  vt_status(vault_admin_set_quota(v, NULL, 3, NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(disabling_and_signing_out) {
  uint64_t n = 0;
  vault_principal who = {.size = sizeof who};
  vault_grant *g = NULL;
  vault_challenge challenge;
  char code[7];
  vt_pass(w, 61000);
  vt_ok(vt_ask(w, VT_PHONE, &challenge));
  vt_code(w, VT_PHONE, code);
  vt_ok(vt_verify(w, challenge.token, code, &g));
  vault_str token = vault_grant_get(g)->access_token;
  vt_ok(vt_authenticate(w, token, &who));
  vt_ok(vault_admin_revoke_sessions(v, &me.user, &n, NULL));
  ck_assert_uint_eq(n, 2);
  vt_status(vt_authenticate(w, token, &who), VAULT_E_SESSION_REVOKED);
  vt_ok(vault_admin_set_disabled(v, &me.user, 1, NULL));
  vt_ok(vault_admin_set_disabled(v, &me.user, 0, NULL));
  vt_status(vault_admin_set_disabled(v, &nobody, 1, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_admin_revoke_sessions(v, &nobody, &n, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_admin_set_disabled(v, NULL, 1, NULL), VAULT_E_USAGE);
  vt_status(vault_admin_revoke_sessions(v, NULL, &n, NULL), VAULT_E_USAGE);
  vault_grant_free(g);
}
END_TEST

START_TEST(check_counts) {
  vault_check_report r = {.size = sizeof r};
  vt_ok(vt_put(v, &me, "a", "1", NULL));
  vt_ok(vt_put(v, &me, "b", "2", NULL));
  vt_ok(vault_admin_check(v, VAULT_CHECK_REPAIR, &r, NULL));
  ck_assert_uint_eq(r.users, 1);
  ck_assert_uint_eq(r.blobs, 2);
  ck_assert_uint_eq(r.missing + r.wrong_size + r.orphans + r.ledgers + r.ledgers_mended, 0);
  r.size = 8;
  vt_status(vault_admin_check(v, 0, &r, NULL), VAULT_E_USAGE);
  vt_status(vault_admin_check(v, 0, NULL, NULL), VAULT_E_USAGE);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {users_in_pages, a_user_by_number,
                                quotas,         disabling_and_signing_out,
                                check_counts,   NULL};
  return vt_suite_with("admin", tests, setup, teardown);
}

VT_MAIN(suite)
