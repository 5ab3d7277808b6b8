/* Running what waits. A job is leased, run, and then done, put back or buried; when this
 * process dies in between, the lease runs out and another takes it, and the fence makes the
 * answer of the first void. */
#include "vault/jobs.h"

#include <stdio.h>
#include <string.h>

#include "auth_shared.h"
#include "janitor.h"
#include "job_kinds.h"
#include "libvault/base/alloc.h"

/* A code lives two minutes: when its sender dies the next one must still be in time. */
#define LEASE_CODE_MS INT64_C(30000)
#define LEASE_MS INT64_C(300000)

#define BACKOFF_FIRST_MS INT64_C(1000)
#define BACKOFF_MAX_MS INT64_C(600000)
#define ATTEMPTS_MAX 12u
#define PERIODIC_AGAIN_MS INT64_C(60000) /* a periodic job that failed; it is never buried */

#define BIT(kind) (UINT64_C(1) << (kind))

typedef struct kind_row {
  vault__job_fn *run;
  int periodic;
  const char *name;
} kind_row;

static const kind_row kinds[VAULT__JOB_KINDS] = {
  [VAULT__JOB_SEND_CODE] = {vault__job_send_code, 0, "send_code"},
  [VAULT__JOB_UPLOADS] = {vault__job_uploads, 1, "uploads"},
  [VAULT__JOB_BLOBS] = {vault__job_blobs, 1, "blobs"},
  [VAULT__JOB_SWEEP] = {vault__job_sweep, 1, "sweep"},
  [VAULT__JOB_INDEX] = {vault__job_index, 1, "index"},
  [VAULT__JOB_SPILL] = {vault__job_spill, 1, "spill"},
};

/* One row each, by key; the payload is one byte that tells rows of one kind apart. */
static const struct {
  uint32_t kind;
  uint8_t payload;
  const char *key;
} periodic[] = {
  {VAULT__JOB_UPLOADS, 0, "uploads"},
  {VAULT__JOB_BLOBS, 0, "blobs"},
  {VAULT__JOB_SWEEP, VAULT__SWEEP_CLOCK, "clock"},
  {VAULT__JOB_SWEEP, VAULT__SWEEP_ALL, "sweep"},
  {VAULT__JOB_INDEX, 0, "index"},
  {VAULT__JOB_SPILL, 0, "spill"},
};

static uint64_t all_kinds(void) {
  uint64_t set = 0;
  for (uint32_t i = 0; i < VAULT__JOB_KINDS; i++)
    if (kinds[i].run)
      set |= BIT(i);
  return set;
}

/* One that is there already only becomes due. */
static vault_status enqueue(vault *v, size_t i, vault_err *err) {
  vault_job_row job;
  memset(&job, 0, sizeof job);
  VAULT_TRY(vault__new_id(v, &job.id, err));
  job.kind = periodic[i].kind;
  job.created_ms = job.run_ms = vault__now_ms(v);
  job.payload[0] = periodic[i].payload;
  job.payload_n = 1;
  (void)snprintf(job.key, sizeof job.key, "%s", periodic[i].key);
  return vault__repeatable(v->jobs->enqueue(v->jobs_self, &job, err), err);
}

#define N_PERIODIC (sizeof periodic / sizeof *periodic)

vault_status vault__jobs_install(vault *v, vault_err *err) {
  for (size_t i = 0; i < N_PERIODIC; i++)
    VAULT_TRY(enqueue(v, i, err));
  return VAULT_OK;
}

vault_status vault__job_now(vault *v, uint32_t kind, vault_err *err) {
  size_t i = 0;
  while (i < N_PERIODIC - 1 && periodic[i].kind != kind)
    i++;
  return enqueue(v, i, err);
}

/* Half of it, and up to as much again at random: workers that failed together come apart. */
static int64_t jitter(vault *v, int64_t wait_ms) {
  uint16_t bits = 0;
  if (vault__random(v, &bits, sizeof bits, NULL) != VAULT_OK)
    bits = UINT16_MAX / 2;
  return wait_ms / 2 + wait_ms * bits / UINT16_MAX;
}

static int64_t back_off(vault *v, const vault_job_row *job) {
  int64_t wait_ms = BACKOFF_FIRST_MS;
  if (kinds[job->kind].periodic)
    return jitter(v, PERIODIC_AGAIN_MS);
  for (uint32_t i = 1; i < job->attempts && wait_ms < BACKOFF_MAX_MS; i++)
    wait_ms *= 2;
  return jitter(v, wait_ms < BACKOFF_MAX_MS ? wait_ms : BACKOFF_MAX_MS);
}

static void log_failed(vault *v, const vault_job_row *job, const vault__job_end *end,
                       const char *why, int buried) {
  const char *name = kinds[job->kind].name, *code = vault_status_code(end->failed);
  const vault_log_field fields[] = {
    {"job", {name, strlen(name)}, 0},
    {"code", {code, strlen(code)}, 0},
    {"why", {why, strlen(why)}, 0},
    {"attempt", {NULL, 0}, (int64_t)job->attempts},
  };
  vault__log(v, buried ? VAULT_LOG_ERROR : VAULT_LOG_WARN, buried ? "job_given_up" : "job_failed",
             fields, sizeof fields / sizeof *fields);
}

/* CONFLICT is the fence: the lease had run out, and the job is someone else's now. */
static vault_status finish(vault *v, const vault_job_row *job, const vault__job_end *end,
                           const char *why, vault_err *err) {
  vault_str reason = {why, strlen(why)};
  vault_status s;
  if (reason.n > VAULT_JOB_REASON_MAX)
    reason.n = VAULT_JOB_REASON_MAX;
  int bury = end->bury || (!kinds[job->kind].periodic && job->attempts >= ATTEMPTS_MAX);
  if (end->failed != VAULT_OK) {
    log_failed(v, job, end, why, bury);
    s = bury ? v->jobs->bury(v->jobs_self, &job->id, job->fence, reason, err)
             : v->jobs->retry(v->jobs_self, &job->id, job->fence,
                              vault__now_ms(v) + back_off(v, job), reason, err);
  } else if (end->again_ms > 0) {
    s = v->jobs->retry(v->jobs_self, &job->id, job->fence, end->again_ms, VAULT__STR(""), err);
  } else {
    s = v->jobs->done(v->jobs_self, &job->id, job->fence, err);
  }
  return s == VAULT_E_CONFLICT ? VAULT_OK : vault__repeatable(s, err);
}

/* Codes first: somebody is waiting for them. */
static vault_status lease(vault *v, vault_job_row *job, vault_err *err) {
  int64_t now_ms = vault__now_ms(v);
  vault_status s =
    v->jobs->lease(v->jobs_self, BIT(VAULT__JOB_SEND_CODE), now_ms, LEASE_CODE_MS, job, err);
  if (s == VAULT_E_NOT_FOUND)
    s = v->jobs->lease(v->jobs_self, all_kinds() & ~BIT(VAULT__JOB_SEND_CODE), now_ms, LEASE_MS,
                       job, err);
  return s;
}

static vault_status run_one(vault *v, vault_job_row *job, vault_jobs_report *report,
                            vault_err *err) {
  vault__job_end end = {0, VAULT_OK, 0};
  vault_err why = VAULT_ERR_INIT;
  VAULT_TRY(lease(v, job, err));
  if (job->kind >= VAULT__JOB_KINDS || !kinds[job->kind].run)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_JOBS, 0,
                       "the jobs repository gave a kind that was not asked for");
  kinds[job->kind].run(v, job, &end, &why);
  if (end.failed == VAULT_OK)
    report->ran++;
  else
    report->failed++;
  return finish(v, job, &end, why.msg, err);
}

vault_status vault_jobs_run(vault *v, uint32_t budget_ms, vault_jobs_report *out, vault_err *err) {
  vault_jobs_report report;
  vault_job_row job;
  vault_status s;
  int64_t due_ms = INT64_MAX;
  if (!v || (out && !vault__size_ok(out, sizeof *out)))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "running jobs needs a vault, and the size of the report set");
  memset(&report, 0, sizeof report);
  report.size = sizeof report;
  VAULT_TRY(vault__janitor_wake(v, err));
  int64_t end_ms = v->clock->mono_ms(v->clock_self) + (int64_t)budget_ms;
  do {
    memset(&job, 0, sizeof job);
    s = run_one(v, &job, &report, err);
  } while (s == VAULT_OK && budget_ms && v->clock->mono_ms(v->clock_self) < end_ms);
  vault__wipe(&job, sizeof job);
  if (s != VAULT_OK && s != VAULT_E_NOT_FOUND)
    return vault__repeatable(s, err);
  VAULT_TRY(v->jobs->next_due(v->jobs_self, all_kinds(), &due_ms, err));
  int64_t now_ms = vault__now_ms(v);
  int64_t janitor_ms = vault__janitor_wait(v);
  report.next_in_ms = due_ms == INT64_MAX ? INT64_MAX : due_ms > now_ms ? due_ms - now_ms : 0;
  if (janitor_ms < report.next_in_ms)
    report.next_in_ms = janitor_ms;
  if (out)
    *out = report;
  return VAULT_OK;
}
