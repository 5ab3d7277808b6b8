/* Work that happens later: sending codes, collecting blobs, giving up uploads, mending
 * what a crash left. The host runs it, from any thread or several at once. */
#ifndef VAULT_JOBS_H
#define VAULT_JOBS_H

#include "open.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vault_jobs_report {
  uint32_t size;     /* in: sizeof(vault_jobs_report) */
  uint32_t reserved;
  uint64_t ran;      /* jobs that were done */
  uint64_t failed;   /* jobs that will be tried again, or were given up */
  int64_t next_in_ms; /* when the next one is due; 0: now; INT64_MAX: none is waiting */
} vault_jobs_report;

/* Run due jobs until there are none or budget_ms (0: one job) has passed; a job that has
 * begun is finished. Blocking. Call it soon after VAULT_NOTICE_JOB_READY, and otherwise
 * after next_in_ms or a minute, whichever is first. out may be NULL.
 * OK (also when a job failed: see the report) | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_jobs_run(vault *v, uint32_t budget_ms, vault_jobs_report *out,
                                      vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
