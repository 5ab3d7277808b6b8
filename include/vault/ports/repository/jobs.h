/* Port: durable work that happens later. A job is leased, run, and then done, retried or
 * dead; a lease that runs out makes it due again, and its fence makes the late worker's
 * answer void.
 * Threads: any thread, several at once. May block.
 * Rows are plain values in the caller's memory. */
#ifndef VAULT_PORTS_REPOSITORY_JOBS_H
#define VAULT_PORTS_REPOSITORY_JOBS_H

#include "../../base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_JOBS_REPO_V1 1u

#define VAULT_JOB_PAYLOAD_MAX 1024u
#define VAULT_JOB_KEY_MAX 64u     /* bytes of a dedup key */
#define VAULT_JOB_REASON_MAX 128u /* bytes of a stored reason */

#define VAULT_JOB_READY 0u
#define VAULT_JOB_DEAD 2u

typedef struct vault_job_row {
  vault_id id;
  vault_id user;     /* zero: nobody's */
  uint32_t kind;     /* the library's own numbers, never reused */
  uint32_t state;    /* VAULT_JOB_* */
  uint32_t attempts; /* leases so far */
  uint32_t payload_n;
  int64_t created_ms;
  int64_t run_ms;    /* due from then on */
  int64_t lease_ms;  /* leased until then; 0: not leased */
  int64_t fence;     /* grows with each lease */
  char key[VAULT_JOB_KEY_MAX + 4]; /* not empty: at most one live job has this key */
  char reason[VAULT_JOB_REASON_MAX + 4]; /* why it failed last; never a secret */
  uint8_t payload[VAULT_JOB_PAYLOAD_MAX];
} vault_job_row;

typedef struct vault_jobs_repo_ops {
  uint32_t size;    /* sizeof(vault_jobs_repo_ops) */
  uint32_t version; /* VAULT_JOBS_REPO_V1 */

  /* Must provide. Add a job (id, user, kind, created_ms, run_ms, key, payload are read).
   * Where a ready job has the same key already: OK and nothing is added, but its run_ms
   * becomes the earlier of the two. */
  vault_status (*enqueue)(void *self, const vault_job_row *job, vault_err *err);

  /* Must provide. Take the due job that has waited longest (run_ms, then id) whose kind is
   * in the bit set `kinds` (bit k = kind k), and hold it until now_ms + lease_ms. Never
   * gives one job to two callers. NOT_FOUND: nothing is due. */
  vault_status (*lease)(void *self, uint64_t kinds, int64_t now_ms, int64_t lease_ms,
                        vault_job_row *out, vault_err *err);

  /* Must provide. The three ends of a lease. CONFLICT: the fence is not the newest: someone
   * else has the job now, and nothing was changed. done removes the row; bury keeps it without its
   * payload, which may hold a sealed code. */
  vault_status (*done)(void *self, const vault_id *id, int64_t fence, vault_err *err);
  vault_status (*retry)(void *self, const vault_id *id, int64_t fence, int64_t run_ms,
                        vault_str reason, vault_err *err);
  vault_status (*bury)(void *self, const vault_id *id, int64_t fence, vault_str reason,
                       vault_err *err);

  /* Must provide. When the next ready job of these kinds is due (a leased one counts from
   * the end of its lease); INT64_MAX: never. */
  vault_status (*next_due)(void *self, uint64_t kinds, int64_t *run_ms, vault_err *err);

  /* May provide. Called once. */
  void (*destroy)(void *self);
} vault_jobs_repo_ops;

#ifdef __cplusplus
}
#endif
#endif
