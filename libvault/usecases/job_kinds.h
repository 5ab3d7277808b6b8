/* The kinds of job, and who runs each. Numbers are stored: never reuse one. */
#ifndef VAULT__JOB_KINDS_H
#define VAULT__JOB_KINDS_H

#include "handle.h"

#define VAULT__JOB_SEND_CODE 1u /* job_send_code.c: hand one code to the gateway */
#define VAULT__JOB_UPLOADS 2u   /* job_uploads.c: finish or give up what a crash or a client left */
#define VAULT__JOB_BLOBS 3u     /* job_blobs.c: steps T3 to T5 of deletion */
#define VAULT__JOB_SWEEP \
  4u /* job_sweep.c: ended challenges, sessions, limits, op keys; the clock floor */
#define VAULT__JOB_INDEX 5u /* job_index.c: the rows of fresh items */
#define VAULT__JOB_SPILL 6u /* job_spill.c: inline bodies become files */
#define VAULT__JOB_KINDS 7u /* one more than the largest */

/* The payload of a sweep: one byte. */
#define VAULT__SWEEP_CLOCK 1u /* remember the time */
#define VAULT__SWEEP_ALL 2u   /* remove what has ended */

/* What a job's function decides. */
typedef struct vault__job_end {
  int64_t again_ms;    /* > 0: run again at this time (periodic, or not finished) */
  vault_status failed; /* not OK: retry with back-off, then bury */
  int bury;            /* 1: do not try again */
} vault__job_end;

/* Runs on the thread that called vault_jobs_run. err says why where end->failed is set. */
typedef void vault__job_fn(vault *v, const vault_job_row *job, vault__job_end *end, vault_err *err);

vault__job_fn vault__job_send_code, vault__job_uploads, vault__job_blobs, vault__job_sweep,
  vault__job_index, vault__job_spill;

/* Bring a periodic job forward: it runs as soon as somebody runs jobs. */
vault_status vault__job_now(vault *v, uint32_t kind, vault_err *err);

/* At vault_open: make sure that the periodic jobs are there (one row each, by key). */
vault_status vault__jobs_install(vault *v, vault_err *err);

#endif
