/* Running jobs: back-off, giving up, leases that ran out, housekeeping. */
#include <string.h>

#include "libvault/usecases/handle.h"
#include "libvault/usecases/job_kinds.h"
#include "libvault/usecases/outbox.h"
#include "tests/contract/parallel.h"
#include "tests/support/vt_vault.h"

#define DAY_MS INT64_C(86400000)
#define SENDERS 8u
#define CODES 40u

static vt_world *w;

static void setup(void) {
  w = vt_vault_open(NULL);
  vt_run_jobs(w);
}

static void teardown(void) {
  vt_vault_close(w);
}

START_TEST(an_outbox_opens_only_as_it_was_sealed) {
  vault__outbox in = {.n = 7, .expires_ms = 123456789, .phone = VT_PHONE, .code = "000123"}, out;
  vault_job_row job;
  memset(&job, 0, sizeof job);
  vt_ok(vault__new_id(w->v, &in.challenge, NULL));
  vt_ok(vault__outbox_seal(w->v, &in, &job, NULL));
  ck_assert_uint_eq(job.kind, VAULT__JOB_SEND_CODE);
  ck_assert_ptr_null(memmem(job.payload, job.payload_n, "000123", 6));
  ck_assert_ptr_null(memmem(job.payload, job.payload_n, "5321234567", 10));
  memset(&out, 0, sizeof out);
  vt_ok(vault__outbox_open(w->v, &job, &out, NULL));
  ck_assert_int_eq(memcmp(&in.challenge, &out.challenge, sizeof in.challenge), 0);
  ck_assert_uint_eq(out.n, 7);
  ck_assert_int_eq(out.expires_ms, 123456789);
  ck_assert_str_eq(out.phone, VT_PHONE);
  ck_assert_str_eq(out.code, "000123");
  for (uint32_t i = 0; i < job.payload_n; i++) {
    vault_job_row bad = job;
    bad.payload[i] ^= 1;
    vt_status(vault__outbox_open(w->v, &bad, &out, NULL), VAULT_E_CORRUPT);
  }
  for (uint32_t n = 0; n < job.payload_n; n++) {
    vault_job_row bad = job;
    bad.payload_n = n;
    vt_status(vault__outbox_open(w->v, &bad, &out, NULL), VAULT_E_CORRUPT);
  }
}
END_TEST

START_TEST(a_code_that_cannot_be_opened_is_given_up) {
  vault_job_row job;
  memset(&job, 0, sizeof job);
  vt_ok(vault__new_id(w->v, &job.id, NULL));
  job.kind = VAULT__JOB_SEND_CODE;
  job.created_ms = job.run_ms = VT_START_MS;
  job.payload_n = 10;
  vt_ok(w->v->jobs->enqueue(w->v->jobs_self, &job, NULL));
  vault_jobs_report r = {.size = sizeof r};
  vt_ok(vault_jobs_run(w->v, 1000, &r, NULL));
  ck_assert_uint_eq(r.failed, 1);
  ck_assert_uint_eq(vt_logged(w, "job_given_up"), 1);
  vt_pass(w, DAY_MS);
  vt_run_jobs(w);
  ck_assert_uint_eq(vt_logged(w, "job_given_up"), 1);
  ck_assert_uint_eq(w->sms.n, 0);
}
END_TEST

/* A worker that died holding a code: the next one sends it while it still lives. */
START_TEST(a_dead_worker_is_replaced_in_time) {
  vault_challenge c = {.size = sizeof c};
  vault_job_row job;
  vault_grant *g = NULL;
  char code[7];
  vt_ok(vault_auth_request_code(w->v, VT_PHONE, strlen(VT_PHONE), NULL, 0, NULL, &c, NULL));
  vt_ok(
    w->v->jobs->lease(w->v->jobs_self, 1u << VAULT__JOB_SEND_CODE, VT_START_MS, 30000, &job, NULL));
  vt_run_jobs(w);
  ck_assert_uint_eq(w->sms.n, 0);
  vt_pass(w, 30000);
  vt_run_jobs(w);
  ck_assert_uint_eq(w->sms.n, 1);
  vt_status(w->v->jobs->done(w->v->jobs_self, &job.id, job.fence, NULL), VAULT_E_CONFLICT);
  vt_code(w, VT_PHONE, code);
  vt_ok(vt_verify(w, c.token, code, &g));
  vault_grant_free(g);
}
END_TEST

START_TEST(periodic_jobs_are_there_once) {
  vault_jobs_report r = {.size = sizeof r};
  vt_ok(vault__jobs_install(w->v, NULL));
  vt_ok(vault__jobs_install(w->v, NULL));
  vt_ok(vault_jobs_run(w->v, 1000, &r, NULL));
  /* uploads, blobs, sweep, clock, index, spill: made due again, not twice */
  ck_assert_uint_eq(r.ran, 6);
  vt_pass(w, 60000);
  vt_ok(vault_jobs_run(w->v, 1000, &r, NULL));
  ck_assert_uint_ge(r.ran, 1);
}
END_TEST

START_TEST(the_clock_is_remembered) {
  int64_t floor_ms = 0;
  vt_pass(w, 60000);
  vt_run_jobs(w);
  vt_ok(w->v->identity->clock_floor(w->v->identity_self, 1, &floor_ms, NULL));
  ck_assert_int_eq(floor_ms, VT_START_MS + 60000);
}
END_TEST

START_TEST(what_has_ended_is_swept) {
  vault_session_row row;
  vault_grant *g = vt_sign_in(w, VT_PHONE);
  vault_id session = vault_grant_get(g)->session;
  vault_grant_free(g);
  vt_pass(w, 181 * DAY_MS);
  vt_run_jobs(w);
  vt_ok(w->v->identity->get_session(w->v->identity_self, &session, &row, NULL));
  vt_pass(w, 8 * DAY_MS);
  vt_run_jobs(w);
  vt_status(w->v->identity->get_session(w->v->identity_self, &session, &row, NULL),
            VAULT_E_NOT_FOUND);
}
END_TEST

static vault_identity_repo_ops broken;

static vault_status no_floor(void *self, int64_t now_ms, int64_t *floor_ms, vault_err *err) {
  (void)self, (void)now_ms, (void)floor_ms;
  (void)err;
  return VAULT_E_IO;
}

START_TEST(a_periodic_job_is_never_given_up) {
  const vault_identity_repo_ops *good = w->v->identity;
  int64_t floor_ms = 0;
  broken = *good;
  broken.clock_floor = no_floor;
  w->v->identity = &broken;
  for (int i = 0; i < 40; i++) {
    vt_pass(w, 100000);
    vt_run_jobs(w);
  }
  ck_assert_uint_ge(vt_logged(w, "job_failed"), 20);
  ck_assert_uint_eq(vt_logged(w, "job_given_up"), 0);
  w->v->identity = good;
  vt_pass(w, 100000);
  vt_run_jobs(w);
  vt_ok(good->clock_floor(w->v->identity_self, 1, &floor_ms, NULL));
  ck_assert_int_eq(floor_ms, VT_START_MS + 41 * 100000);
}
END_TEST

static void run_jobs(void *ctx, uint32_t i) {
  (void)i;
  if (vault_jobs_run(w->v, 60000, NULL, NULL) != VAULT_OK)
    atomic_store((_Atomic int *)ctx, 1);
}

START_TEST(parallel_workers_send_each_code_once) {
  _Atomic int failed = 0;
  for (uint32_t i = 0; i < CODES; i++) {
    vault_challenge c = {.size = sizeof c};
    char phone[] = "+905321230000";
    phone[11] = (char)('0' + i / 10);
    phone[12] = (char)('0' + i % 10);
    vt_ok(vault_auth_request_code(w->v, phone, strlen(phone), NULL, 0, NULL, &c, NULL));
  }
  vt_parallel(SENDERS, run_jobs, &failed);
  ck_assert_int_eq(atomic_load(&failed), 0);
  ck_assert_uint_eq(w->sms.n, CODES);
  for (uint32_t i = 0; i < CODES; i++)
    for (uint32_t k = 0; k < i; k++)
      ck_assert_str_ne(w->sms.sent[i].key, w->sms.sent[k].key);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {an_outbox_opens_only_as_it_was_sealed,
                                a_code_that_cannot_be_opened_is_given_up,
                                a_dead_worker_is_replaced_in_time,
                                periodic_jobs_are_there_once,
                                the_clock_is_remembered,
                                what_has_ended_is_swept,
                                a_periodic_job_is_never_given_up,
                                parallel_workers_send_each_code_once,
                                NULL};
  return vt_suite_with("auth_jobs", tests, setup, teardown);
}

VT_MAIN(suite)
