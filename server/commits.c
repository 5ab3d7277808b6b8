#include "commits.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DRIVE_WAIT_MS 200u /* how soon the thread notices that it shall end */
#define RETRY_PAUSE_MS 50  /* drive failed without work done: do not spin */

struct vd_commits {
  vault *v;
  vault_cq *cq;
  atomic_bool stopping;
  pthread_t thread;
};

/* On the loop. The descriptor first: what is posted after it was read makes it readable again. */
static void take_events(void *arg) {
  vd_commits *c = arg;
  vault_event ev = {.size = sizeof ev};
  uint64_t announced;
  (void)!read(vault_cq_fd(c->cq), &announced, sizeof announced);
  while (vault_cq_next(c->cq, &ev, NULL) == VAULT_OK) {
    vd_commit_waiter *w = (vd_commit_waiter *)(uintptr_t)ev.tag;
    w->done(w, &ev);
    ev.size = sizeof ev;
  }
}

static void *commit_loop(void *arg) {
  vd_commits *c = arg;
  while (!atomic_load(&c->stopping)) {
    if (vault_commit_drive(c->v, DRIVE_WAIT_MS, NULL, NULL) != VAULT_OK)
      (void)poll(NULL, 0, RETRY_PAUSE_MS);
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

vd_commits *vd_commits_start(vault *v, vd_server *srv, char *err, size_t err_size) {
  vault_err verr = VAULT_ERR_INIT;
  char why[256];
  vd_commits *c = calloc(1, sizeof *c);

  if (c == NULL)
    return fail(NULL, "out of memory", err, err_size);
  c->v = v;
  if (vault_cq_open(v, &c->cq, &verr) != VAULT_OK)
    return fail(c, verr.msg, err, err_size);
  if (pthread_create(&c->thread, NULL, commit_loop, c) != 0)
    return fail(c, "no thread", err, err_size);
  if (vd_server_watch(srv, vault_cq_fd(c->cq), take_events, c, why, sizeof why) != 0) {
    vd_commits_stop(c);
    return fail(NULL, why, err, err_size);
  }
  return c;
}

vault_status vd_commits_submit(vd_commits *c, vault_upload *u, vd_commit_waiter *w,
                               vault_err *err) {
  return vault_upload_submit(u, c->cq, (uint64_t)(uintptr_t)w, err);
}

vault_status vd_commits_submit_many(vd_commits *c, vault_upload **u, vd_commit_waiter *const *w,
                                    uint32_t n, vault_err *err) {
  uint64_t tags[VAULT_COMMIT_MANY_MAX];
  if (n > VAULT_COMMIT_MANY_MAX)
    return VAULT_E_USAGE;
  for (uint32_t i = 0; i < n; i++)
    tags[i] = (uint64_t)(uintptr_t)w[i];
  return vault_upload_submit_many(u, tags, n, c->cq, err);
}

/* Commits whose request is over already: files of a form that was given up. */
static void commit_rest(vd_commits *c) {
  uint64_t n;
  do {
    n = 0;
    (void)vault_commit_drive(c->v, 0, &n, NULL);
    take_events(c);
  } while (n > 0);
}

void vd_commits_stop(vd_commits *c) {
  if (c == NULL)
    return;
  atomic_store(&c->stopping, true);
  (void)pthread_join(c->thread, NULL);
  commit_rest(c);
  (void)vault_cq_close(c->cq, NULL);
  free(c);
}
