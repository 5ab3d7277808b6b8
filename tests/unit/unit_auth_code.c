/* Asking for a code, and the job that sends it. */
#include <stdio.h>
#include <string.h>

#include "tests/support/vt_vault.h"

static vt_world *w;

static void setup(void) {
  w = vt_vault_open(NULL);
}

static void teardown(void) {
  vt_vault_close(w);
}

static vault_status ask(const char *phone, const char *resend_of, const char *address,
                        vault_challenge *out, vault_err *err) {
  vault_client client = {.size = sizeof client};
  client.address = (vault_str){address, address ? strlen(address) : 0};
  out->size = sizeof *out;
  return vault_auth_request_code(w->v, phone, strlen(phone), resend_of,
                                 resend_of ? strlen(resend_of) : 0, &client, out, err);
}

START_TEST(sends_one_message) {
  vault_challenge c = {.size = sizeof c};
  vt_ok(ask("0532 123 45 67", NULL, NULL, &c, NULL));
  ck_assert_int_eq(c.expires_in_ms, 120000);
  ck_assert_int_eq(c.resend_in_ms, 60000);
  ck_assert_uint_eq(strlen(c.token), VAULT_CHALLENGE_TEXT - 1);
  ck_assert_uint_eq(atomic_load(&w->notices.count[VAULT_NOTICE_JOB_READY]), 1);
  ck_assert_uint_eq(w->sms.n, 0); /* never from inside the request */
  vt_run_jobs(w);
  vt_run_jobs(w);
  ck_assert_uint_eq(w->sms.n, 1);
  ck_assert_str_eq(w->sms.sent[0].to, VT_PHONE);
  const char *line = strrchr(w->sms.sent[0].text, '\n');
  ck_assert_ptr_nonnull(line);
  ck_assert_int_eq(strncmp(line, "\n@vault.example #", 17), 0);
  ck_assert_ptr_nonnull(strstr(w->sms.sent[0].key, "#1"));
}
END_TEST

START_TEST(refuses_what_is_no_phone) {
  vault_challenge c = {.size = sizeof c, .expires_in_ms = 7};
  static const char *const bad[] = {
    "", "abc", "1", "+90532123456", "+9053212345678", "05321234567x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    vt_status(ask(bad[i], NULL, NULL, &c, NULL), VAULT_E_PHONE);
  vt_status(ask("+902121234567", NULL, NULL, &c, NULL), VAULT_E_PHONE_COUNTRY); /* not mobile */
  vt_status(ask("+4915112345678", NULL, NULL, &c, NULL), VAULT_E_PHONE_COUNTRY);
  vt_status(vault_auth_request_code(w->v, NULL, 3, NULL, 0, NULL, &c, NULL), VAULT_E_PHONE);
  ck_assert_int_eq(c.expires_in_ms, 7);
  vt_run_jobs(w);
  ck_assert_uint_eq(w->sms.n, 0);
}
END_TEST

START_TEST(refuses_misuse) {
  vault_challenge c = {.size = 4};
  vt_status(vault_auth_request_code(w->v, VT_PHONE, 13, NULL, 0, NULL, &c, NULL), VAULT_E_USAGE);
  vt_status(vault_auth_request_code(w->v, VT_PHONE, 13, NULL, 0, NULL, NULL, NULL), VAULT_E_USAGE);
  c.size = sizeof c;
  vt_status(vault_auth_request_code(NULL, VT_PHONE, 13, NULL, 0, NULL, &c, NULL), VAULT_E_USAGE);
  vt_status(vault_auth_request_code(w->v, VT_PHONE, 13, NULL, 9, NULL, &c, NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(no_randomness_no_code) {
  vault_challenge c = {.size = sizeof c};
  atomic_store(&w->random.fail, 1);
  vt_status(ask(VT_PHONE, NULL, NULL, &c, NULL), VAULT_E_IO);
  atomic_store(&w->random.fail, 0);
  vt_run_jobs(w);
  ck_assert_uint_eq(w->sms.n, 0);
}
END_TEST

/* The same answer, byte for byte but for the challenge, whoever owns the number. */
START_TEST(known_and_unknown_answer_the_same) {
  vault_challenge known = {.size = sizeof known}, unknown = known;
  vault_grant_free(vt_sign_in(w, VT_PHONE));
  vt_pass(w, 60001);
  vt_ok(ask(VT_PHONE, NULL, NULL, &known, NULL));
  vt_ok(ask("+905321234568", NULL, NULL, &unknown, NULL));
  ck_assert_int_eq(known.expires_in_ms, unknown.expires_in_ms);
  ck_assert_int_eq(known.resend_in_ms, unknown.resend_in_ms);
  ck_assert_str_ne(known.token, unknown.token);
  vault_err a = VAULT_ERR_INIT, b = VAULT_ERR_INIT;
  vt_limit(ask(VT_PHONE, NULL, NULL, &known, &a), a, 60000);
  vt_limit(ask("+905321234568", NULL, NULL, &unknown, &b), b, 60000);
  ck_assert_str_eq(a.msg, b.msg);
}
END_TEST

START_TEST(sixty_seconds_between_two) {
  vault_challenge c, again;
  vault_err err = VAULT_ERR_INIT;
  vt_ok(ask(VT_PHONE, NULL, NULL, &c, NULL));
  vt_pass(w, 10000);
  vt_limit(ask(VT_PHONE, NULL, NULL, &again, &err), err, 50000);
  vt_limit(ask(VT_PHONE, c.token, NULL, &again, &err), err, 50000);
  vt_pass(w, 49999);
  vt_limit(ask(VT_PHONE, c.token, NULL, &again, &err), err, 1);
  vt_pass(w, 1);
  vt_ok(ask(VT_PHONE, c.token, NULL, &again, &err));
  ck_assert_str_eq(again.token, c.token);
}
END_TEST

START_TEST(five_an_hour_and_ten_a_day) {
  vault_challenge c;
  vault_err err = VAULT_ERR_INIT;
  for (int i = 0; i < 5; i++) {
    vt_ok(ask(VT_PHONE, NULL, NULL, &c, &err));
    vt_pass(w, 60000);
  }
  vt_limit(ask(VT_PHONE, NULL, NULL, &c, &err), err, 3600000 - 5 * 60000);
  vt_pass(w, 3600000 - 5 * 60000);
  for (int i = 0; i < 5; i++) { /* the first five leave the hour one by one */
    vt_ok(ask(VT_PHONE, NULL, NULL, &c, &err));
    vt_pass(w, 60000);
  }
  vt_pass(w, 3600000);
  int64_t since = 2 * 3600000 + 5 * 60000;
  vt_limit(ask(VT_PHONE, NULL, NULL, &c, &err), err, 86400000 - since);
  vt_ok(ask("+905321234568", NULL, NULL, &c, &err)); /* nobody else is kept out */
  vt_pass(w, 86400000 - since);
  vt_ok(ask(VT_PHONE, NULL, NULL, &c, &err));
}
END_TEST

START_TEST(limit_of_an_address) {
  vault_challenge c;
  vault_err err = VAULT_ERR_INIT;
  char phone[16], address[32];
  for (int i = 0; i < 30; i++) {
    (void)snprintf(phone, sizeof phone, "+90532123%04d", i);
    (void)snprintf(address, sizeof address, "203.0.113.%d", i);
    vt_ok(ask(phone, NULL, address, &c, &err));
  }
  vt_limit(ask("+905321239999", NULL, "203.0.113.200", &c, &err), err, 3600000);
  vt_limit(ask("+905321239999", NULL, "::ffff:203.0.113.9", &c, &err), err, 3600000);
  vt_ok(ask("+905321239999", NULL, "203.0.114.1", &c, &err));
  for (int i = 0; i < 30; i++) {
    (void)snprintf(phone, sizeof phone, "+90533123%04d", i);
    (void)snprintf(address, sizeof address, "2001:db8:1:%d::%d", i, i); /* one /56 */
    vt_ok(ask(phone, NULL, address, &c, &err));
  }
  vt_status(ask("+905331239999", NULL, "2001:db8:1:ff::1", &c, &err), VAULT_E_LIMIT);
  vt_ok(ask("+905331239999", NULL, "2001:db8:1:100::1", &c, &err));
}
END_TEST

START_TEST(limit_of_all) {
  vault_settings s = {.size = sizeof s, .codes_per_hour_all = 20};
  vault_challenge c;
  vault_err err = VAULT_ERR_INIT;
  char phone[16];
  vt_vault_close(w);
  w = vt_vault_open(&s);
  for (int i = 0; i < 20; i++) {
    (void)snprintf(phone, sizeof phone, "+90532123%04d", i);
    vt_ok(ask(phone, NULL, NULL, &c, &err));
  }
  vt_limit(ask("+905321239999", NULL, NULL, &c, &err), err, 3600000);
  ck_assert_uint_eq(vt_logged(w, "codes_limited_for_all"), 1);
  vt_pass(w, 3599999);
  vt_limit(ask("+905321239999", NULL, NULL, &c, &err), err, 1);
  vt_pass(w, 1);
  vt_ok(ask("+905321239999", NULL, NULL, &c, &err));
}
END_TEST

START_TEST(a_clock_that_goes_back_frees_nothing) {
  vault_challenge c;
  vt_ok(ask(VT_PHONE, NULL, NULL, &c, NULL));
  vt_pass(w, -86400000);
  vt_status(ask(VT_PHONE, NULL, NULL, &c, NULL), VAULT_E_LIMIT);
  vt_pass(w, 59999); /* time goes on, whatever the wall says */
  vt_status(ask(VT_PHONE, NULL, NULL, &c, NULL), VAULT_E_LIMIT);
  vt_pass(w, 1);
  vt_ok(ask(VT_PHONE, NULL, NULL, &c, NULL));
}
END_TEST

START_TEST(resend_of_what_is_not_live) {
  vault_challenge c, out;
  char other[VAULT_CHALLENGE_TEXT];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_pass(w, 60000);
  memcpy(other, c.token, sizeof other);
  other[40] = other[40] == 'A' ? 'B' : 'A'; /* another secret */
  vt_status(ask(VT_PHONE, other, NULL, &out, NULL), VAULT_E_CODE);
  vt_status(ask(VT_PHONE, "short", NULL, &out, NULL), VAULT_E_CODE);
  vt_status(ask("+905321234568", c.token, NULL, &out, NULL), VAULT_E_CODE); /* another number */
  vt_pass(w, 60000);
  vt_status(ask(VT_PHONE, c.token, NULL, &out, NULL), VAULT_E_CODE); /* its code has expired */
  vt_ok(ask(VT_PHONE, NULL, NULL, &out, NULL));
}
END_TEST

/* ---- sending ---- */

START_TEST(not_valid_before_the_gateway_took_it) {
  vault_challenge c = {.size = sizeof c};
  vault_grant *g = NULL;
  char code[7];
  w->sms.answer = VAULT_E_RETRY;
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_status(vt_verify(w, c.token, code, &g), VAULT_E_CODE);
  ck_assert_uint_eq(vt_logged(w, "job_failed"), 1);
  w->sms.answer = VAULT_OK;
  vt_pass(w, 3000);
  vt_run_jobs(w);
  ck_assert_uint_eq(w->sms.n, 2);
  ck_assert_str_eq(w->sms.sent[0].text, w->sms.sent[1].text); /* the same code */
  ck_assert_str_eq(w->sms.sent[0].key, w->sms.sent[1].key);
  vt_ok(vt_verify(w, c.token, code, &g));
  vault_grant_free(g);
}
END_TEST

START_TEST(tried_while_the_code_lives) {
  vault_challenge c;
  w->sms.answer = VAULT_E_IO;
  vt_ok(vt_ask(w, VT_PHONE, &c));
  for (int i = 0; i < 119; i++) {
    vt_pass(w, 1000);
    vt_run_jobs(w);
  }
  uint32_t n = w->sms.n;
  ck_assert_uint_gt(n, 4);
  ck_assert_uint_lt(n, 12);
  vt_pass(w, 200000);
  vt_run_jobs(w);
  vt_pass(w, 200000);
  vt_run_jobs(w);
  ck_assert_uint_eq(w->sms.n, n);
}
END_TEST

START_TEST(perhaps_sent_is_not_sent_again) {
  vault_challenge c;
  vault_grant *g = NULL;
  char code[7];
  w->sms.answer = VAULT_E_UNCERTAIN;
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_pass(w, 30000);
  vt_run_jobs(w);
  ck_assert_uint_eq(w->sms.n, 1);
  vt_code(w, VT_PHONE, code);
  vt_ok(vt_verify(w, c.token, code, &g));
  vault_grant_free(g);
}
END_TEST

START_TEST(a_number_that_is_refused_is_given_up) {
  vault_challenge c;
  w->sms.answer = VAULT_E_INPUT;
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_pass(w, 30000);
  vt_run_jobs(w);
  ck_assert_uint_eq(w->sms.n, 1);
  ck_assert_uint_eq(vt_logged(w, "job_given_up"), 1);
}
END_TEST

START_TEST(not_sent_when_nobody_wants_it) {
  vault_challenge c = {.size = sizeof c};
  vt_ok(ask(VT_PHONE, NULL, NULL, &c, NULL));
  vt_pass(w, 120000);
  vt_run_jobs(w);
  ck_assert_uint_eq(w->sms.n, 0);
}
END_TEST

START_TEST(reports_what_ran) {
  vault_challenge c = {.size = sizeof c};
  vault_jobs_report r = {.size = sizeof r};
  vt_run_jobs(w);
  vt_ok(ask(VT_PHONE, NULL, NULL, &c, NULL));
  vt_ok(vault_jobs_run(w->v, 0, &r, NULL));
  ck_assert_uint_eq(r.ran, 1);
  ck_assert_uint_eq(r.failed, 0);
  ck_assert_int_gt(r.next_in_ms, 0);
  ck_assert_int_le(r.next_in_ms, 60000); /* the clock's minute */
  vt_ok(vault_jobs_run(w->v, 1000, &r, NULL));
  ck_assert_uint_eq(r.ran, 0);
  r.size = 4;
  vt_status(vault_jobs_run(w->v, 0, &r, NULL), VAULT_E_USAGE);
  vt_status(vault_jobs_run(NULL, 0, NULL, NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(logs_no_secret) {
  vault_challenge c;
  char code[7];
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  ck_assert_uint_eq(vt_logged(w, "code_sent"), 1);
  vt_never_logged(w, code, 6);
  vt_never_logged(w, "5321234567", 10);
  vt_never_logged(w, c.token, 43);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {sends_one_message,
                                refuses_what_is_no_phone,
                                refuses_misuse,
                                no_randomness_no_code,
                                known_and_unknown_answer_the_same,
                                sixty_seconds_between_two,
                                five_an_hour_and_ten_a_day,
                                limit_of_an_address,
                                limit_of_all,
                                a_clock_that_goes_back_frees_nothing,
                                resend_of_what_is_not_live,
                                not_valid_before_the_gateway_took_it,
                                tried_while_the_code_lives,
                                perhaps_sent_is_not_sent_again,
                                a_number_that_is_refused_is_given_up,
                                not_sent_when_nobody_wants_it,
                                reports_what_ran,
                                logs_no_secret,
                                NULL};
  return vt_suite_with("auth_code", tests, setup, teardown);
}

VT_MAIN(suite)
