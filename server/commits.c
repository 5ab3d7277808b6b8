#include "commits.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define DRIVE_WAIT_MS 200u /* how soon the thread notices that it shall end */
#define RETRY_PAUSE_MS 50  /* drive failed without work done: do not spin */

struct vd_commits {
  vault *v;
  vault_cq *cq;
  atomic_bool stopping;
  atomic_size_t waiting; /* submitted, result not handed back */
  pthread_t thread;
};

static void take_events(vd_commits *c) {
  vault_event ev = {.size = sizeof ev};
  while (vault_cq_next(c->cq, &ev, NULL) == VAULT_OK) {
    vd_commit_waiter *w = (vd_commit_waiter *)(uintptr_t)ev.tag;
    w->done(w, &ev);
    (void)atomic_fetch_sub(&c->waiting, 1);
    ev.size = sizeof ev;
  }
}

/* Nobody else drives in this process, so all events are there when a drive returns. */
static void *commit_loop(void *arg) {
  vd_commits *c = arg;
  while (!atomic_load(&c->stopping) || atomic_load(&c->waiting) > 0) {
    if (vault_commit_drive(c->v, DRIVE_WAIT_MS, NULL, NULL) != VAULT_OK)
      (void)poll(NULL, 0, RETRY_PAUSE_MS);
    take_events(c);
  }
  return NULL;
}

static vd_commits *fail(vd_commits *c, const char *why, char *err, size_t err_size) {
  (void)snprintf(err, err_size, "cannot start the committer: %s", why);
  if (c != NULL) {
    (void)vault_cq_close(c->cq, NULL);
    free(c);
  }
  return NULL;
}

vd_commits *vd_commits_start(vault *v, char *err, size_t err_size) {
  vault_err verr = VAULT_ERR_INIT;
  vd_commits *c = calloc(1, sizeof *c);

  if (c == NULL)
    return fail(NULL, "out of memory", err, err_size);
  c->v = v;
  if (vault_cq_open(v, &c->cq, &verr) != VAULT_OK)
    return fail(c, verr.msg, err, err_size);
  if (pthread_create(&c->thread, NULL, commit_loop, c) != 0)
    return fail(c, "no thread", err, err_size);
  return c;
}

vault_status vd_commits_submit(vd_commits *c, vault_upload *u, vd_commit_waiter *w,
                               vault_err *err) {
  vault_status s;
  (void)atomic_fetch_add(&c->waiting, 1);
  s = vault_upload_submit(u, c->cq, (uint64_t)(uintptr_t)w, err);
  if (s != VAULT_OK)
    (void)atomic_fetch_sub(&c->waiting, 1);
  return s;
}

void vd_commits_stop(vd_commits *c) {
  if (c == NULL)
    return;
  atomic_store(&c->stopping, true);
  (void)pthread_join(c->thread, NULL);
  (void)vault_cq_close(c->cq, NULL);
  free(c);
}
