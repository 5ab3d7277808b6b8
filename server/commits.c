#include "commits.h"

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

#define DRIVE_WAIT_MS 200u /* how soon the committer notices that it shall end */
#define RETRY_PAUSE_MS 50  /* drive failed without work done: do not spin */

struct vd_commits {
  vault *v;
  vault_cq *cq;
  int stop_fd; /* wakes the completer */
  atomic_bool stopping;
  atomic_size_t waiting; /* submitted, result not handed back */
  pthread_t committer, completer;
};

static void *commit_loop(void *arg) {
  vd_commits *c = arg;
  while (!atomic_load(&c->stopping) || atomic_load(&c->waiting) > 0) {
    if (vault_commit_drive(c->v, DRIVE_WAIT_MS, NULL, NULL) != VAULT_OK) {
      (void)poll(NULL, 0, RETRY_PAUSE_MS);
    }
  }
  return NULL;
}

static void take_events(vd_commits *c) {
  vault_event ev = {.size = sizeof ev};
  while (vault_cq_next(c->cq, &ev, NULL) == VAULT_OK) {
    vd_commit_waiter *w = (vd_commit_waiter *)(uintptr_t)ev.tag;
    w->done(w, &ev);
    (void)atomic_fetch_sub(&c->waiting, 1);
    ev.size = sizeof ev;
  }
}

static void *complete_loop(void *arg) {
  vd_commits *c = arg;
  struct pollfd fds[2] = {{vault_cq_fd(c->cq), POLLIN, 0}, {c->stop_fd, POLLIN, 0}};

  for (;;) {
    uint64_t drain;
    bool stopping = atomic_load(&c->stopping);
    if (stopping && atomic_load(&c->waiting) == 0) return NULL;
    /* While stopping the stop descriptor stays readable: look at the other one only. */
    if (poll(fds, stopping ? 1 : 2, stopping ? RETRY_PAUSE_MS : -1) < 0 && errno != EINTR) return NULL;
    if ((fds[0].revents & POLLIN) != 0) (void)!read(fds[0].fd, &drain, sizeof drain);
    take_events(c);
  }
}

static vd_commits *fail(vd_commits *c, const char *why, char *err, size_t err_size) {
  (void)snprintf(err, err_size, "cannot start the committer: %s", why);
  if (c != NULL) {
    (void)vault_cq_close(c->cq, NULL);
    if (c->stop_fd >= 0) (void)close(c->stop_fd);
    free(c);
  }
  return NULL;
}

vd_commits *vd_commits_start(vault *v, char *err, size_t err_size) {
  vault_err verr = VAULT_ERR_INIT;
  vd_commits *c = calloc(1, sizeof *c);

  if (c == NULL) return fail(NULL, "out of memory", err, err_size);
  c->v = v;
  c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (c->stop_fd < 0) return fail(c, strerror(errno), err, err_size);
  if (vault_cq_open(v, &c->cq, &verr) != VAULT_OK) return fail(c, verr.msg, err, err_size);
  if (pthread_create(&c->committer, NULL, commit_loop, c) != 0)
    return fail(c, "no thread", err, err_size);
  if (pthread_create(&c->completer, NULL, complete_loop, c) != 0) {
    atomic_store(&c->stopping, true);
    (void)pthread_join(c->committer, NULL);
    return fail(c, "no thread", err, err_size);
  }
  return c;
}

vault_status vd_commits_submit(vd_commits *c, vault_upload *u, vd_commit_waiter *w, vault_err *err) {
  vault_status s;
  (void)atomic_fetch_add(&c->waiting, 1);
  s = vault_upload_submit(u, c->cq, (uint64_t)(uintptr_t)w, err);
  if (s != VAULT_OK) (void)atomic_fetch_sub(&c->waiting, 1);
  return s;
}

void vd_commits_stop(vd_commits *c) {
  uint64_t one = 1;
  if (c == NULL) return;
  atomic_store(&c->stopping, true);
  (void)!write(c->stop_fd, &one, sizeof one);
  (void)pthread_join(c->completer, NULL);
  (void)pthread_join(c->committer, NULL);
  (void)vault_cq_close(c->cq, NULL);
  (void)close(c->stop_fd);
  free(c);
}
