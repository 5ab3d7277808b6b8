/* The jobs repository. A job in work is a ready row with a lease that has not run out; the
 * fence counts leases, so a worker that comes back late changes nothing. */
#include "libvault/adapters/sql/jobs.h"

#include <string.h>

#include "libvault/adapters/sql/repository.h"
#include "libvault/base/err.h"

#define KINDS 64 /* one bit of a lease's set each */

vault_status vault__sql_job_add(vault__tx *tx, const vault_job_row *job, vault_err *err) {
  uint64_t key_n = strnlen(job->key, sizeof job->key);
  if (job->kind >= KINDS || job->payload_n > VAULT_JOB_PAYLOAD_MAX || key_n > VAULT_JOB_KEY_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_JOBS, 0,
                       "a job needs a kind below %d, at most %u bytes of payload and a key of at "
                       "most %u bytes",
                       KINDS, VAULT_JOB_PAYLOAD_MAX, VAULT_JOB_KEY_MAX);
  return vault__run(tx, VAULT__SQL_JOB_ADD,
                    VAULT__P(vault__p_id(&job->id), vault__p_id(&job->user),
                             vault__p_int(job->kind), vault__p_blob(job->payload, job->payload_n),
                             vault__p_int(job->created_ms), vault__p_int(job->run_ms),
                             vault__p_text(vault__str(job->key, key_n))),
                    NULL, err);
}

static vault_status tx_enqueue(vault__tx *tx, void *ctx, vault_err *err) {
  return vault__sql_job_add(tx, ctx, err);
}

static vault_status enqueue(void *self, const vault_job_row *job, vault_err *err) {
  vault_job_row copy = *job;
  return vault__sql_write(self, tx_enqueue, &copy, err);
}

typedef struct lease_call {
  uint64_t kinds;
  int64_t now_ms, until_ms;
  int found;
  vault_job_row job;
} lease_call;

static vault_status read_job(const vault__rows *rows, vault_job_row *out, vault_err *err) {
  vault__row r = vault__row_at(rows, 0);
  vault__get_id(&r, &out->id);
  vault__get_id(&r, &out->user);
  out->kind = vault__get_u32(&r);
  out->state = vault__get_u32(&r);
  out->attempts = vault__get_u32(&r);
  out->payload_n = (uint32_t)vault__get_blob(&r, out->payload, sizeof out->payload);
  out->created_ms = vault__get_int(&r);
  out->run_ms = vault__get_int(&r);
  out->lease_ms = vault__get_int(&r);
  out->fence = vault__get_int(&r);
  vault__get_text(&r, out->key, sizeof out->key);
  vault__get_text(&r, out->reason, sizeof out->reason);
  return vault__row_check(&r, err);
}

/* The set of kinds travels as the same 64 bits. */
static int64_t bits(uint64_t kinds) {
  int64_t v;
  memcpy(&v, &kinds, sizeof v);
  return v;
}

static vault_status tx_lease(vault__tx *tx, void *ctx, vault_err *err) {
  lease_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_JOB_LEASE,
                       VAULT__P(vault__p_int(bits(c->kinds)), vault__p_int(c->now_ms),
                                vault__p_int(c->until_ms)),
                       &rows, err));
  c->found = rows.n > 0;
  tx->discard = !c->found; /* nothing due: no flush */
  return c->found ? read_job(&rows, &c->job, err) : VAULT_OK;
}

static vault_status lease(void *self, uint64_t kinds, int64_t now_ms, int64_t lease_ms,
                          vault_job_row *out, vault_err *err) {
  lease_call c = {.kinds = kinds, .now_ms = now_ms};
  if (lease_ms <= 0 || __builtin_add_overflow(now_ms, lease_ms, &c.until_ms))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_JOBS, 0,
                       "a lease must last at least a millisecond");
  VAULT_TRY(vault__sql_write(self, tx_lease, &c, err));
  if (!c.found)
    return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_JOBS, 0, "no job is due");
  *out = c.job;
  return VAULT_OK;
}

/* The three ends of a lease. */
typedef struct end_call {
  vault__sql_id sql;
  const vault_id *id;
  int64_t fence, run_ms;
  vault_str reason;
} end_call;

static vault_status tx_end(vault__tx *tx, void *ctx, vault_err *err) {
  const end_call *c = ctx;
  vault__val id = vault__p_id(c->id), fence = vault__p_int(c->fence);
  vault__val reason = vault__p_text(c->reason);
  vault__rows rows;
  vault_status s;
  if (c->sql == VAULT__SQL_JOB_DONE)
    s = vault__run(tx, c->sql, VAULT__P(id, fence), &rows, err);
  else if (c->sql == VAULT__SQL_JOB_BURY)
    s = vault__run(tx, c->sql, VAULT__P(id, fence, reason, vault__p_blob(NULL, 0)), &rows, err);
  else
    s = vault__run(tx, c->sql, VAULT__P(id, fence, vault__p_int(c->run_ms), reason), &rows, err);
  if (s == VAULT_OK && rows.affected != 1)
    return vault__fail(err, VAULT_E_CONFLICT, VAULT_ORIGIN_JOBS, 0,
                       "the lease of this job ended and someone else has it now");
  return s;
}

static vault_status end(void *self, end_call c, vault_err *err) {
  if (c.reason.n > VAULT_JOB_REASON_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_JOBS, 0,
                       "a job's reason has at most %u bytes", VAULT_JOB_REASON_MAX);
  return vault__sql_write(self, tx_end, &c, err);
}

static vault_status done(void *self, const vault_id *id, int64_t fence, vault_err *err) {
  return end(self, (end_call){.sql = VAULT__SQL_JOB_DONE, .id = id, .fence = fence}, err);
}

static vault_status retry(void *self, const vault_id *id, int64_t fence, int64_t run_ms,
                          vault_str reason, vault_err *err) {
  return end(self, (end_call){VAULT__SQL_JOB_RETRY, id, fence, run_ms, reason}, err);
}

static vault_status bury(void *self, const vault_id *id, int64_t fence, vault_str reason,
                         vault_err *err) {
  return end(self, (end_call){VAULT__SQL_JOB_BURY, id, fence, 0, reason}, err);
}

typedef struct due_call {
  uint64_t kinds;
  int64_t run_ms;
} due_call;

static vault_status tx_next_due(vault__tx *tx, void *ctx, vault_err *err) {
  due_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(
    vault__run(tx, VAULT__SQL_JOB_NEXT, VAULT__P(vault__p_int(bits(c->kinds))), &rows, err));
  vault__row r = vault__row_at(&rows, 0);
  c->run_ms = vault__get_null(&r) ? INT64_MAX : vault__get_int(&r);
  return vault__row_check(&r, err);
}

static vault_status next_due(void *self, uint64_t kinds, int64_t *run_ms, vault_err *err) {
  due_call c = {.kinds = kinds};
  VAULT_TRY(vault__sql_read(self, tx_next_due, &c, err));
  *run_ms = c.run_ms;
  return VAULT_OK;
}

const vault_jobs_repo_ops vault__sql_jobs_ops = {
  .size = sizeof(vault_jobs_repo_ops),
  .version = VAULT_JOBS_REPO_V1,
  .enqueue = enqueue,
  .lease = lease,
  .done = done,
  .retry = retry,
  .bury = bury,
  .next_due = next_due,
};
