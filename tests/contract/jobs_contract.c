/* The suite of the jobs repository: vault/ports/repository/jobs.h. */
#include <stdio.h>
#include <string.h>

#include "contract.h"
#include "parallel.h"
#include "vault/ports/repository/jobs.h"

#define T0 1700000000000
#define LEASE_MS 1000
#define ALL UINT64_MAX

typedef struct fixture {
  const vt_adapter *a;
  vt_instance i;
  const vault_jobs_repo_ops *ops;
  void *self;
} fixture;

static void set_up(fixture *f, int at) {
  f->a = vt_adapter_at(at);
  f->a->make(f->a, &f->i);
  f->ops = f->i.ops;
  f->self = f->i.self;
}

static void tear_down(fixture *f) {
  f->a->destroy(f->a, &f->i);
}

static vault_job_row job_of(uint32_t n, uint32_t kind, int64_t run_ms, const char *key) {
  vault_job_row j = {.kind = kind, .created_ms = T0, .run_ms = run_ms, .payload_n = 4};
  j.id.b[0] = 1;
  j.id.b[14] = (uint8_t)(n >> 8);
  j.id.b[15] = (uint8_t)n;
  memcpy(j.payload, &n, sizeof n);
  (void)snprintf(j.key, sizeof j.key, "%s", key);
  return j;
}

static void add(fixture *f, uint32_t n, uint32_t kind, int64_t run_ms, const char *key) {
  vault_job_row j = job_of(n, kind, run_ms, key);
  vt_is(f->ops->enqueue(f->self, &j, NULL), VAULT_OK);
}

START_TEST(lease_in_order_and_by_kind) {
  fixture f;
  set_up(&f, _i);
  add(&f, 3, 1, T0 + 2, "");
  add(&f, 2, 1, T0 + 1, "");
  add(&f, 1, 63, T0 + 1, "");
  vault_job_row j;
  vt_is(f.ops->lease(f.self, ALL, T0, LEASE_MS, &j, NULL), VAULT_E_NOT_FOUND);
  vt_is(f.ops->lease(f.self, 2, T0 + 9, LEASE_MS, &j, NULL), VAULT_OK);
  ck_assert_uint_eq(j.id.b[15], 2);
  ck_assert_uint_eq(j.attempts, 1);
  ck_assert_uint_eq(j.state, VAULT_JOB_READY);
  ck_assert_int_eq(j.lease_ms, T0 + 9 + LEASE_MS);
  uint32_t n = 2;
  ck_assert_uint_eq(j.payload_n, 4);
  ck_assert_mem_eq(j.payload, &n, sizeof n);
  vt_is(f.ops->lease(f.self, ALL, T0 + 9, LEASE_MS, &j, NULL), VAULT_OK);
  ck_assert_uint_eq(j.kind, 63);
  vt_is(f.ops->lease(f.self, (uint64_t)1 << 63, T0 + 9, LEASE_MS, &j, NULL), VAULT_E_NOT_FOUND);
  vt_is(f.ops->lease(f.self, ALL, T0 + 9, LEASE_MS, &j, NULL), VAULT_OK);
  vt_is(f.ops->lease(f.self, ALL, T0 + 9, 0, &j, NULL), VAULT_E_USAGE);
  tear_down(&f);
}
END_TEST

START_TEST(late_worker_changes_nothing) {
  fixture f;
  set_up(&f, _i);
  add(&f, 1, 1, T0, "");
  vault_job_row first, second;
  vault_str why = {"late", 4};
  vt_is(f.ops->lease(f.self, ALL, T0, LEASE_MS, &first, NULL), VAULT_OK);
  vt_is(f.ops->lease(f.self, ALL, T0 + LEASE_MS - 1, LEASE_MS, &second, NULL), VAULT_E_NOT_FOUND);
  vt_is(f.ops->lease(f.self, ALL, T0 + LEASE_MS, LEASE_MS, &second, NULL), VAULT_OK);
  ck_assert_int_gt(second.fence, first.fence);
  ck_assert_uint_eq(second.attempts, 2);
  vt_is(f.ops->done(f.self, &first.id, first.fence, NULL), VAULT_E_CONFLICT);
  vt_is(f.ops->retry(f.self, &first.id, first.fence, T0, why, NULL), VAULT_E_CONFLICT);
  vt_is(f.ops->bury(f.self, &first.id, first.fence, why, NULL), VAULT_E_CONFLICT);
  vt_is(f.ops->done(f.self, &second.id, second.fence, NULL), VAULT_OK);
  vt_is(f.ops->done(f.self, &second.id, second.fence, NULL), VAULT_E_CONFLICT);
  tear_down(&f);
}
END_TEST

START_TEST(retry_and_bury) {
  fixture f;
  set_up(&f, _i);
  add(&f, 1, 1, T0, "");
  vault_job_row j;
  vault_str why = {"gateway down", 12};
  vt_is(f.ops->lease(f.self, ALL, T0, LEASE_MS, &j, NULL), VAULT_OK);
  vt_is(f.ops->retry(f.self, &j.id, j.fence, T0 + 500, why, NULL), VAULT_OK);
  vt_is(f.ops->lease(f.self, ALL, T0 + 499, LEASE_MS, &j, NULL), VAULT_E_NOT_FOUND);
  vt_is(f.ops->lease(f.self, ALL, T0 + 500, LEASE_MS, &j, NULL), VAULT_OK);
  ck_assert_str_eq(j.reason, "gateway down");
  vt_is(f.ops->bury(f.self, &j.id, j.fence, why, NULL), VAULT_OK);
  vt_is(f.ops->lease(f.self, ALL, T0 + 999999, LEASE_MS, &j, NULL), VAULT_E_NOT_FOUND);
  static const char text[VAULT_JOB_REASON_MAX + 1];
  vt_is(f.ops->bury(f.self, &j.id, j.fence, (vault_str){text, sizeof text}, NULL), VAULT_E_USAGE);
  tear_down(&f);
}
END_TEST

START_TEST(one_live_job_for_a_key) {
  fixture f;
  set_up(&f, _i);
  add(&f, 1, 1, T0 + 100, "sweep");
  add(&f, 2, 1, T0 + 50, "sweep");
  add(&f, 3, 1, T0 + 70, "sweep");
  vault_job_row j;
  vt_is(f.ops->lease(f.self, ALL, T0 + 49, LEASE_MS, &j, NULL), VAULT_E_NOT_FOUND);
  vt_is(f.ops->lease(f.self, ALL, T0 + 50, LEASE_MS, &j, NULL), VAULT_OK);
  ck_assert_uint_eq(j.id.b[15], 1);
  ck_assert_str_eq(j.key, "sweep");
  vt_is(f.ops->done(f.self, &j.id, j.fence, NULL), VAULT_OK);
  vt_is(f.ops->lease(f.self, ALL, T0 + 999, LEASE_MS, &j, NULL), VAULT_E_NOT_FOUND);
  add(&f, 4, 1, T0, "sweep");
  vt_is(f.ops->lease(f.self, ALL, T0, LEASE_MS, &j, NULL), VAULT_OK);
  vault_str why = {"no", 2};
  vt_is(f.ops->bury(f.self, &j.id, j.fence, why, NULL), VAULT_OK);
  add(&f, 5, 1, T0, "sweep"); /* a dead one does not count */
  vt_is(f.ops->lease(f.self, ALL, T0, LEASE_MS, &j, NULL), VAULT_OK);
  ck_assert_uint_eq(j.id.b[15], 5);
  tear_down(&f);
}
END_TEST

START_TEST(enqueue_checks) {
  fixture f;
  set_up(&f, _i);
  vault_job_row j = job_of(1, 64, T0, "");
  vt_is(f.ops->enqueue(f.self, &j, NULL), VAULT_E_USAGE);
  j = job_of(1, 1, T0, "");
  j.payload_n = VAULT_JOB_PAYLOAD_MAX + 1;
  vt_is(f.ops->enqueue(f.self, &j, NULL), VAULT_E_USAGE);
  j.payload_n = 0;
  vt_is(f.ops->enqueue(f.self, &j, NULL), VAULT_OK);
  vt_is(f.ops->enqueue(f.self, &j, NULL), VAULT_E_CONFLICT);
  tear_down(&f);
}
END_TEST

START_TEST(next_due) {
  fixture f;
  set_up(&f, _i);
  int64_t at = 0;
  vt_is(f.ops->next_due(f.self, ALL, &at, NULL), VAULT_OK);
  ck_assert_int_eq(at, INT64_MAX);
  add(&f, 1, 1, T0 + 5, "");
  add(&f, 2, 2, T0 + 9, "");
  vt_is(f.ops->next_due(f.self, ALL, &at, NULL), VAULT_OK);
  ck_assert_int_eq(at, T0 + 5);
  vt_is(f.ops->next_due(f.self, 4, &at, NULL), VAULT_OK);
  ck_assert_int_eq(at, T0 + 9);
  vault_job_row j;
  vt_is(f.ops->lease(f.self, 2, T0 + 5, LEASE_MS, &j, NULL), VAULT_OK);
  vt_is(f.ops->next_due(f.self, 2, &at, NULL), VAULT_OK);
  ck_assert_int_eq(at, T0 + 5 + LEASE_MS);
  tear_down(&f);
}
END_TEST

#define JOBS 24
#define WORKERS 32

typedef struct race {
  fixture *f;
  vault_status got[WORKERS];
  vault_job_row jobs[WORKERS];
} race;

static void take(void *ctx, uint32_t i) {
  race *r = ctx;
  /* SKIP LOCKED may look past a row that another worker is about to have: ask again. */
  for (int k = 0; k < JOBS; k++) {
    r->got[i] = r->f->ops->lease(r->f->self, ALL, T0 + 10, LEASE_MS, &r->jobs[i], NULL);
    if (r->got[i] != VAULT_E_NOT_FOUND)
      return;
  }
}

START_TEST(parallel_leases_never_share) {
  fixture f;
  set_up(&f, _i);
  for (uint32_t n = 0; n < JOBS; n++)
    add(&f, n, 1, T0, "");
  static race r;
  memset(&r, 0, sizeof r);
  r.f = &f;
  vt_parallel(WORKERS, take, &r);
  int taken[JOBS] = {0}, n_ok = 0;
  for (uint32_t i = 0; i < WORKERS; i++) {
    if (r.got[i] == VAULT_E_NOT_FOUND)
      continue;
    vt_is(r.got[i], VAULT_OK);
    ck_assert_uint_lt(r.jobs[i].id.b[15], JOBS);
    ck_assert_int_eq(taken[r.jobs[i].id.b[15]]++, 0);
    n_ok++;
  }
  ck_assert_int_eq(n_ok, JOBS);
  tear_down(&f);
}
END_TEST

TCase *vt_jobs_contract(const vt_adapter *a) {
  static const TTest *tests[8];
  size_t n = 0;
  tests[n++] = lease_in_order_and_by_kind;
  tests[n++] = late_worker_changes_nothing;
  tests[n++] = retry_and_bury;
  tests[n++] = one_live_job_for_a_key;
  tests[n++] = enqueue_checks;
  tests[n++] = next_due;
  tests[n++] = parallel_leases_never_share;
  tests[n] = NULL;
  return vt_contract("jobs", a, tests);
}
