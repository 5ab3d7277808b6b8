/* Checking a code: what works once, and everything that must not. */
#include <stdio.h>
#include <string.h>

#include "libvault/usecases/handle.h"
#include "tests/contract/parallel.h"
#include "tests/support/vt_vault.h"

#define VERIFIES 64u
#define GUESSES 200u

static vt_world *w;

static void setup(void) {
  w = vt_vault_open(NULL);
}

static void teardown(void) {
  vt_vault_close(w);
}

static void reopen(const vault_settings *s) {
  vt_vault_close(w);
  w = vt_vault_open(s);
}

static vault_status resend(const vault_challenge *c) {
  vault_challenge again = {.size = sizeof again};
  vault_status s = vault_auth_request_code(w->v, VT_PHONE, strlen(VT_PHONE), c->token,
                                           strlen(c->token), NULL, &again, NULL);
  if (s == VAULT_OK)
    vt_run_jobs(w);
  return s;
}

START_TEST(a_new_user_signs_in_and_comes_back) {
  vault_grant *g = vt_sign_in(w, VT_PHONE);
  const vault_grant_view *view = vault_grant_get(g);
  vault_principal who;
  ck_assert_uint_eq(view->new_user, 1);
  ck_assert_int_eq(view->access_expires_ms, VT_START_MS + 600000);
  ck_assert_int_eq(view->refresh_expires_ms, VT_START_MS + INT64_C(30) * 86400000);
  ck_assert_uint_eq(view->phone.n, strlen(VT_PHONE));
  ck_assert_int_eq(memcmp(view->phone.p, VT_PHONE, strlen(VT_PHONE)), 0);
  vt_ok(vt_authenticate(w, view->access_token, &who));
  ck_assert_int_eq(memcmp(&who.user, &view->user, sizeof who.user), 0);
  ck_assert_int_eq(memcmp(&who.session, &view->session, sizeof who.session), 0);
  ck_assert_int_eq(who.expires_ms, view->access_expires_ms);
  ck_assert_uint_eq(atomic_load(&w->notices.count[VAULT_NOTICE_SESSION_NEW]), 1);
  vt_pass(w, 60000);
  vault_grant *h = vt_sign_in(w, VT_PHONE);
  ck_assert_uint_eq(vault_grant_get(h)->new_user, 0);
  ck_assert_int_eq(memcmp(&vault_grant_get(h)->user, &view->user, sizeof view->user), 0);
  ck_assert_int_ne(memcmp(&vault_grant_get(h)->session, &view->session, sizeof view->session), 0);
  vault_grant_free(g);
  vault_grant_free(h);
  vault_grant_free(NULL);
  ck_assert_ptr_null(vault_grant_get(NULL));
}
END_TEST

START_TEST(leading_zeros_count) {
  vault_settings s = {.size = sizeof s,
                      .codes_per_hour = 1000000,
                      .codes_per_day = 1000000,
                      .code_gap_ms = 1,
                      .codes_per_hour_all = 1000000};
  char code[7];
  reopen(&s);
  for (int i = 0; i < 400; i++) { /* one code in ten begins with 0 */
    vault_challenge c;
    vault_grant *g = NULL;
    vt_ok(vt_ask(w, VT_PHONE, &c));
    vt_code(w, VT_PHONE, code);
    if (code[0] == '0') {
      vt_status(vt_verify(w, c.token, code + 1, &g), VAULT_E_CODE); /* not a number */
      vt_ok(vt_verify(w, c.token, code, &g));
      vault_grant_free(g);
      return;
    }
    vt_pass(w, 1000);
    w->sms.n = 0;
  }
  ck_abort_msg("no code began with 0");
}
END_TEST

START_TEST(wrong_is_wrong_and_says_nothing_else) {
  vault_challenge c, d;
  vault_grant *g = NULL;
  char code[7], wrong[7], token[VAULT_CHALLENGE_TEXT];
  vault_err errs[7];
  unsigned n = 0;
  for (unsigned i = 0; i < 7; i++)
    errs[i] = (vault_err)VAULT_ERR_INIT;
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_ok(vt_ask(w, "+905321234568", &d));
  vt_code(w, VT_PHONE, code);
  vt_other_code(code, wrong);
  memcpy(token, c.token, sizeof token);
  token[41] = token[41] == 'A' ? 'Q' : 'A';
#define CHECK(t, k)                                                                         \
  vt_status(vault_auth_verify_code(w->v, t, strlen(t), k, strlen(k), NULL, &g, &errs[n++]), \
            VAULT_E_CODE)
  CHECK(c.token, wrong);
  CHECK(d.token, code); /* of another challenge */
  CHECK(token, code);   /* another secret */
  CHECK("", code);
  CHECK(c.token, "12345");
  CHECK(c.token, "12345x");
  vt_pass(w, 120000);
  CHECK(c.token, code); /* late */
#undef CHECK
  for (unsigned i = 1; i < n; i++) {
    ck_assert_str_eq(errs[i].msg, errs[0].msg);
    ck_assert_int_eq(errs[i].status, VAULT_E_CODE);
  }
  ck_assert_ptr_null(g);
  vt_never_logged(w, wrong, 6);
}
END_TEST

START_TEST(valid_until_120_seconds) {
  vault_challenge c;
  vault_grant *g = NULL;
  char code[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_pass(w, 119999);
  vt_ok(vt_verify(w, c.token, code, &g));
  vault_grant_free(g);
}
END_TEST

START_TEST(late_stays_late_when_the_clock_goes_back) {
  vault_challenge c, d;
  vault_grant *g = NULL;
  char code[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_pass(w, 120000);
  vt_ok(vt_ask(w, "+905321234568", &d)); /* somebody sees that time */
  vt_pass(w, -100000);
  vt_status(vt_verify(w, c.token, code, &g), VAULT_E_CODE);
}
END_TEST

/* The wall stands a day behind for as long as the code lives: it lives no longer for that. */
START_TEST(a_clock_that_goes_back_extends_no_code) {
  vault_challenge c;
  vault_grant *g = NULL;
  char code[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_pass(w, -86400000);
  vt_pass(w, 120000);
  vt_status(vt_verify(w, c.token, code, &g), VAULT_E_CODE);
  vt_ok(vt_ask(w, VT_PHONE, &c)); /* and the limits go on as well */
  vt_code(w, VT_PHONE, code);
  vt_pass(w, 119999);
  vt_ok(vt_verify(w, c.token, code, &g));
  vault_grant_free(g);
}
END_TEST

START_TEST(works_once) {
  vault_challenge c;
  vault_grant *g = NULL, *h = NULL;
  char code[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_ok(vt_verify(w, c.token, code, &g));
  vt_status(vt_verify(w, c.token, code, &h), VAULT_E_CODE);
  ck_assert_ptr_null(h);
  vault_grant_free(g);
}
END_TEST

START_TEST(five_attempts) {
  vault_challenge c;
  vault_grant *g = NULL;
  char code[7], wrong[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_other_code(code, wrong);
  for (int i = 0; i < 5; i++)
    vt_status(vt_verify(w, c.token, wrong, &g), VAULT_E_CODE);
  vt_status(vt_verify(w, c.token, code, &g), VAULT_E_CODE);
  ck_assert_ptr_null(g);
}
END_TEST

START_TEST(four_wrong_then_right) {
  vault_challenge c;
  vault_grant *g = NULL;
  char code[7], wrong[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_other_code(code, wrong);
  for (int i = 0; i < 4; i++)
    vt_status(vt_verify(w, c.token, wrong, &g), VAULT_E_CODE);
  vt_ok(vt_verify(w, c.token, code, &g));
  vault_grant_free(g);
}
END_TEST

START_TEST(both_codes_of_a_challenge_work) {
  for (int use_new = 0; use_new < 2; use_new++) {
    vault_challenge c;
    vault_grant *g = NULL;
    char code[2][7];
    vt_ok(vt_ask(w, VT_PHONE, &c));
    vt_code(w, VT_PHONE, code[0]);
    vt_pass(w, 60000);
    vt_ok(resend(&c));
    vt_code(w, VT_PHONE, code[1]);
    ck_assert_str_ne(code[0], code[1]);
    vt_ok(vt_verify(w, c.token, code[use_new], &g));
    vault_grant_free(g);
    g = NULL;
    vt_status(vt_verify(w, c.token, code[!use_new], &g), VAULT_E_CODE);
    vt_pass(w, 60000);
  }
}
END_TEST

START_TEST(a_resend_that_fails_kills_nothing) {
  vault_challenge c;
  vault_grant *g = NULL;
  char code[2][7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code[0]);
  vt_pass(w, 60000);
  w->sms.answer = VAULT_E_RETRY;
  vt_ok(resend(&c));
  vt_code(w, VT_PHONE, code[1]);
  vt_status(vt_verify(w, c.token, code[1], &g), VAULT_E_CODE);
  vt_ok(vt_verify(w, c.token, code[0], &g));
  vault_grant_free(g);
}
END_TEST

START_TEST(the_older_code_ends_at_its_own_time) {
  vault_challenge c;
  vault_grant *g = NULL;
  char code[2][7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code[0]);
  vt_pass(w, 60000);
  vt_ok(resend(&c));
  vt_code(w, VT_PHONE, code[1]);
  vt_pass(w, 60000);
  vt_status(vt_verify(w, c.token, code[0], &g), VAULT_E_CODE);
  vt_ok(vt_verify(w, c.token, code[1], &g));
  vault_grant_free(g);
}
END_TEST

START_TEST(one_counter_for_both_codes) {
  vault_challenge c;
  vault_grant *g = NULL;
  char code[7], wrong[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_other_code(code, wrong);
  for (int i = 0; i < 3; i++)
    vt_status(vt_verify(w, c.token, wrong, &g), VAULT_E_CODE);
  vt_pass(w, 60000);
  vt_ok(resend(&c));
  vt_code(w, VT_PHONE, code);
  vt_other_code(code, wrong);
  for (int i = 0; i < 2; i++)
    vt_status(vt_verify(w, c.token, wrong, &g), VAULT_E_CODE);
  vt_status(vt_verify(w, c.token, code, &g), VAULT_E_CODE);
}
END_TEST

START_TEST(success_ends_the_other_challenges_of_the_number) {
  vault_challenge first, second;
  vault_grant *g = NULL;
  char code[2][7];
  vt_ok(vt_ask(w, VT_PHONE, &first));
  vt_code(w, VT_PHONE, code[0]);
  vt_pass(w, 60000);
  vt_ok(vt_ask(w, VT_PHONE, &second));
  vt_code(w, VT_PHONE, code[1]);
  vt_ok(vt_verify(w, second.token, code[1], &g));
  vault_grant_free(g);
  g = NULL;
  vt_status(vt_verify(w, first.token, code[0], &g), VAULT_E_CODE);
}
END_TEST

/* ---- limits ---- */

static void guess_wrong(const char *phone, int n) {
  vault_challenge c;
  vault_grant *g = NULL;
  char code[7], wrong[7];
  vt_ok(vt_ask(w, phone, &c));
  vt_code(w, phone, code);
  vt_other_code(code, wrong);
  for (int i = 0; i < n; i++)
    vt_status(vt_verify(w, c.token, wrong, &g), VAULT_E_CODE);
  vt_pass(w, 60000);
}

START_TEST(twenty_wrong_a_day_for_a_number) {
  vault_challenge c;
  vault_grant *g = NULL;
  vault_err err = VAULT_ERR_INIT;
  char code[7];
  for (int i = 0; i < 4; i++)
    guess_wrong(VT_PHONE, 5);
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_limit(vault_auth_verify_code(w->v, c.token, strlen(c.token), code, 6, NULL, &g, &err), err,
           86400000 - 4 * 60000);
  vault_grant_free(vt_sign_in(w, "+905321234568")); /* nobody else is kept out */
  vt_pass(w, 86400000 - 4 * 60000);
  vault_grant_free(vt_sign_in(w, VT_PHONE));
}
END_TEST

START_TEST(a_success_forgets_the_wrong_ones) {
  for (int i = 0; i < 3; i++)
    guess_wrong(VT_PHONE, 5);
  vault_grant_free(vt_sign_in(w, VT_PHONE));
  vt_pass(w, 3600000);
  for (int i = 0; i < 4; i++)
    guess_wrong(VT_PHONE, 5);
  vt_pass(w, 3600000);
  vault_challenge c;
  vault_grant *g = NULL;
  char code[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_status(vt_verify(w, c.token, code, &g), VAULT_E_LIMIT);
}
END_TEST

START_TEST(the_breaker_of_all) {
  vault_settings s = {.size = sizeof s, .wrong_per_hour_all = 10};
  vault_challenge c;
  vault_grant *g = NULL;
  vault_err err = VAULT_ERR_INIT;
  char phone[16], code[7];
  reopen(&s);
  for (int i = 0; i < 9; i++) {
    (void)snprintf(phone, sizeof phone, "+90533123%04d", i);
    guess_wrong(phone, 1);
  }
  vault_grant_free(vt_sign_in(w, "+905321234568")); /* nine: still open */
  guess_wrong("+905331239999", 1);
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_limit(vault_auth_verify_code(w->v, c.token, strlen(c.token), code, 6, NULL, &g, &err), err,
           3600000 - 10 * 60000);
  ck_assert_uint_eq(vt_logged(w, "wrong_codes_limited_for_all"), 1);
  vt_pass(w, 3600000 - 10 * 60000);
  vault_grant_free(vt_sign_in(w, VT_PHONE));
}
END_TEST

/* ---- accounts ---- */

START_TEST(a_disabled_account_stays_out) {
  vault_challenge c;
  vault_grant *g = vt_sign_in(w, VT_PHONE), *h = NULL;
  vault_id user = vault_grant_get(g)->user;
  char code[7];
  vault_grant_free(g);
  vt_ok(vault_admin_set_disabled(w->v, &user, 1, NULL));
  vt_pass(w, 60000);
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_status(vt_verify(w, c.token, code, &h), VAULT_E_ACCOUNT_DISABLED);
  ck_assert_ptr_null(h);
  vt_ok(vault_admin_set_disabled(w->v, &user, 0, NULL));
  vt_pass(w, 60000);
  vault_grant_free(vt_sign_in(w, VT_PHONE));
}
END_TEST

START_TEST(refuses_misuse) {
  vault_grant *g = NULL;
  vt_status(vault_auth_verify_code(NULL, "a", 1, "b", 1, NULL, &g, NULL), VAULT_E_USAGE);
  vt_status(vault_auth_verify_code(w->v, "a", 1, "b", 1, NULL, NULL, NULL), VAULT_E_USAGE);
  vt_status(vault_auth_verify_code(w->v, NULL, 0, NULL, 0, NULL, &g, NULL), VAULT_E_CODE);
}
END_TEST

/* ---- the database fails ---- */

static vault_identity_repo_ops broken;

static vault_status no_redeem(void *self, const vault_redeem *in, vault_account_row *account,
                              uint32_t *new_user, vault_err *err) {
  (void)self, (void)in, (void)account, (void)new_user, (void)err;
  return VAULT_E_IO;
}

static vault_status no_count(void *self, const vault_id *challenge, const uint8_t *secret_mac,
                             uint32_t max, int64_t now_ms, vault_attempt_row *out, vault_err *err) {
  (void)self, (void)challenge, (void)secret_mac, (void)max, (void)now_ms, (void)out, (void)err;
  return VAULT_E_RETRY;
}

/* The attempt stays counted when what follows it fails. */
START_TEST(a_failure_after_the_compare_gives_no_attempt_back) {
  const vault_identity_repo_ops *good = w->v->identity;
  vault_challenge c;
  vault_grant *g = NULL;
  char code[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  broken = *good;
  broken.redeem = no_redeem;
  w->v->identity = &broken;
  for (int i = 0; i < 5; i++)
    vt_status(vt_verify(w, c.token, code, &g), VAULT_E_IO);
  w->v->identity = good;
  vt_status(vt_verify(w, c.token, code, &g), VAULT_E_CODE);
  ck_assert_ptr_null(g);
}
END_TEST

START_TEST(an_absent_database_is_told_apart) {
  const vault_identity_repo_ops *good = w->v->identity;
  vault_challenge c;
  vault_grant *g = NULL;
  char code[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  broken = *good;
  broken.count_attempt = no_count;
  w->v->identity = &broken;
  vt_status(vt_verify(w, c.token, code, &g), VAULT_E_RETRY);
  w->v->identity = good;
  vt_ok(vt_verify(w, c.token, code, &g));
  vault_grant_free(g);
}
END_TEST

/* ---- many at once ---- */

typedef struct crowd {
  const char *challenge, *code;
  _Atomic uint32_t granted, refused, limited, other;
} crowd;

static void verify_one(void *ctx, uint32_t i) {
  crowd *c = ctx;
  vault_grant *g = NULL;
  (void)i;
  vault_status s =
    vault_auth_verify_code(w->v, c->challenge, strlen(c->challenge), c->code, 6, NULL, &g, NULL);
  (void)atomic_fetch_add(s == VAULT_OK        ? &c->granted
                         : s == VAULT_E_CODE  ? &c->refused
                         : s == VAULT_E_LIMIT ? &c->limited
                                              : &c->other,
                         1);
  vault_grant_free(g);
}

START_TEST(parallel_verifies_give_one_grant) {
  for (int round = 0; round < 5; round++) {
    vault_challenge c;
    char code[7];
    vt_ok(vt_ask(w, VT_PHONE, &c));
    vt_code(w, VT_PHONE, code);
    crowd all = {.challenge = c.token, .code = code};
    vt_parallel(VERIFIES, verify_one, &all);
    ck_assert_uint_eq(atomic_load(&all.granted), 1);
    ck_assert_uint_eq(atomic_load(&all.refused), VERIFIES - 1);
    ck_assert_uint_eq(atomic_load(&w->notices.count[VAULT_NOTICE_SESSION_NEW]),
                      (uint32_t)round + 1);
    vt_pass(w, 60000);
  }
}
END_TEST

static _Atomic uint32_t compares;
static const vault_identity_repo_ops *counted;

/* An attempt that was granted is an attempt that is compared. */
static vault_status count_compares(void *self, const vault_id *challenge, const uint8_t *mac,
                                   uint32_t max, int64_t now_ms, vault_attempt_row *out,
                                   vault_err *err) {
  vault_status s = counted->count_attempt(self, challenge, mac, max, now_ms, out, err);
  if (s == VAULT_OK)
    (void)atomic_fetch_add(&compares, 1);
  return s;
}

START_TEST(parallel_guesses_give_five_compares) {
  vault_challenge c;
  char code[7], wrong[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_other_code(code, wrong);
  counted = w->v->identity;
  broken = *counted;
  broken.count_attempt = count_compares;
  w->v->identity = &broken;
  crowd all = {.challenge = c.token, .code = wrong};
  vt_parallel(GUESSES, verify_one, &all);
  w->v->identity = counted;
  ck_assert_uint_eq(atomic_load(&all.refused), GUESSES);
  ck_assert_uint_eq(atomic_load(&compares), 5);
  vault_grant *g = NULL;
  vt_status(vt_verify(w, c.token, code, &g), VAULT_E_CODE);
}
END_TEST

START_TEST(logs_no_secret) {
  vault_grant *g = vt_sign_in(w, VT_PHONE);
  const vault_grant_view *view = vault_grant_get(g);
  char code[7];
  vt_code(w, VT_PHONE, code);
  ck_assert_uint_eq(vt_logged(w, "sign_in_new_user"), 1);
  vt_never_logged(w, code, 6);
  vt_never_logged(w, view->access_token.p, view->access_token.n);
  vt_never_logged(w, view->refresh_token.p, view->refresh_token.n);
  vt_never_logged(w, "5321234567", 10);
  vault_grant_free(g);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {a_new_user_signs_in_and_comes_back,
                                leading_zeros_count,
                                wrong_is_wrong_and_says_nothing_else,
                                valid_until_120_seconds,
                                late_stays_late_when_the_clock_goes_back,
                                a_clock_that_goes_back_extends_no_code,
                                works_once,
                                five_attempts,
                                four_wrong_then_right,
                                both_codes_of_a_challenge_work,
                                a_resend_that_fails_kills_nothing,
                                the_older_code_ends_at_its_own_time,
                                one_counter_for_both_codes,
                                success_ends_the_other_challenges_of_the_number,
                                twenty_wrong_a_day_for_a_number,
                                a_success_forgets_the_wrong_ones,
                                the_breaker_of_all,
                                a_disabled_account_stays_out,
                                refuses_misuse,
                                a_failure_after_the_compare_gives_no_attempt_back,
                                an_absent_database_is_told_apart,
                                parallel_verifies_give_one_grant,
                                parallel_guesses_give_five_compares,
                                logs_no_secret,
                                NULL};
  return vt_suite_with("auth_verify", tests, setup, teardown);
}

VT_MAIN(suite)
