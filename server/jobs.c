#include "jobs.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BUDGET_MS 1000u   /* then look whether to stop */
#define WAIT_MAX_MS 60000 /* other processes queue jobs too */
#define FAILED_PAUSE_MS 1000

struct vd_jobs {
  const vd_log *log;
  vault *v;
  int wake_fd;
  atomic_bool stopping;
  bool running;
  pthread_t thread;
};

static void wake(vd_jobs *jobs) {
  uint64_t one = 1;
  (void)!write(jobs->wake_fd, &one, sizeof one);
}

static void notify(void *self, const vault_notice *notice) {
  if (notice->kind == VAULT_NOTICE_JOB_READY)
    wake(self);
}

const vault_notifier_ops vd_jobs_notifier = {.size = sizeof(vault_notifier_ops),
                                             .version = VAULT_NOTIFIER_V1,
                                             .notify = notify,
                                             .destroy = NULL};

/* How long to sleep after one round. */
static int run_once(vd_jobs *jobs) {
  vault_jobs_report report = {.size = sizeof report};
  vault_err err = VAULT_ERR_INIT;
  vault_status s = vault_jobs_run(jobs->v, BUDGET_MS, &report, &err);

  if (s != VAULT_OK) {
    vd_log_say(jobs->log, VAULT_LOG_WARN, "jobs_failed",
               err.msg[0] != '\0' ? err.msg : vault_status_text(s));
    return FAILED_PAUSE_MS;
  }
  if (report.next_in_ms <= 0)
    return 0;
  return report.next_in_ms < WAIT_MAX_MS ? (int)report.next_in_ms : WAIT_MAX_MS;
}

static void *loop(void *arg) {
  vd_jobs *jobs = arg;
  struct pollfd fd = {jobs->wake_fd, POLLIN, 0};
  uint64_t drain;

  while (!atomic_load(&jobs->stopping)) {
    /* Drained before running: a job that is announced meanwhile wakes the next round. */
    (void)!read(jobs->wake_fd, &drain, sizeof drain);
    int wait_ms = run_once(jobs);
    if (wait_ms > 0 && poll(&fd, 1, wait_ms) < 0 && errno != EINTR)
      break;
  }
  return NULL;
}

vd_jobs *vd_jobs_new(const vd_log *log) {
  vd_jobs *jobs = calloc(1, sizeof *jobs);
  if (jobs == NULL)
    return NULL;
  jobs->log = log;
  jobs->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (jobs->wake_fd < 0) {
    free(jobs);
    return NULL;
  }
  return jobs;
}

int vd_jobs_start(vd_jobs *jobs, vault *v, char *err, size_t err_size) {
  int rc;
  jobs->v = v;
  rc = pthread_create(&jobs->thread, NULL, loop, jobs);
  if (rc != 0) {
    (void)snprintf(err, err_size, "cannot start the jobs thread: %s", strerror(rc));
    return -1;
  }
  jobs->running = true;
  return 0;
}

void vd_jobs_stop(vd_jobs *jobs) {
  if (jobs == NULL || !jobs->running)
    return;
  atomic_store(&jobs->stopping, true);
  wake(jobs);
  (void)pthread_join(jobs->thread, NULL);
  jobs->running = false;
}

void vd_jobs_free(vd_jobs *jobs) {
  if (jobs == NULL)
    return;
  (void)close(jobs->wake_fd);
  free(jobs);
}
