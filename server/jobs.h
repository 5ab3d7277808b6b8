/* The driver of the library's jobs: one thread that runs what is due, soon after it becomes due. */
#ifndef VD_JOBS_H
#define VD_JOBS_H

#include <stddef.h>

#include <vault/jobs.h>

#include "log.h"

typedef struct vd_jobs vd_jobs;

/* The notifier exists before the vault does; the thread starts afterwards. NULL: no memory. */
vd_jobs *vd_jobs_new(const vd_log *log);
/* For vault_config: VAULT_NOTICE_JOB_READY wakes the thread. self: the vd_jobs. */
extern const vault_notifier_ops vd_jobs_notifier;

/* 0, or -1 with a sentence in err. v must outlive vd_jobs_stop(). */
int vd_jobs_start(vd_jobs *jobs, vault *v, char *err, size_t err_size);
/* Finishes the job that runs, ends the thread. */
void vd_jobs_stop(vd_jobs *jobs);
/* After the vault is closed. NULL is legal. */
void vd_jobs_free(vd_jobs *jobs);

#endif
