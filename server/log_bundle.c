#include "log_bundle.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Two halves: one gathers while the other is being written. */
struct vd_log_bundle {
  int fd;
  void (*lost)(void *arg, uint64_t n);
  void *arg;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  char *gather, *write;
  size_t n;
  uint64_t n_lost;
  bool stop, sleeping;
};

void vd_log_write(int fd, const char *p, size_t n) {
  while (n > 0) {
    ssize_t w = write(fd, p, n);
    if (w < 0 && errno == EINTR)
      continue;
    if (w <= 0)
      return;
    p += w;
    n -= (size_t)w;
  }
}

static void write_out(vd_log_bundle *b) {
  char *full = b->gather;
  size_t n = b->n;
  uint64_t n_lost = b->n_lost;
  b->gather = b->write;
  b->write = full;
  b->n = 0;
  b->n_lost = 0;
  (void)pthread_mutex_unlock(&b->lock);
  vd_log_write(b->fd, full, n);
  if (n_lost > 0)
    b->lost(b->arg, n_lost);
  (void)pthread_mutex_lock(&b->lock);
}

/* Lets a bundle gather; a half that is half full is reason enough to write. */
static void let_gather(vd_log_bundle *b) {
  struct timespec until;
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += (long)VD_LOG_BUNDLE_MS * 1000000L;
  if (until.tv_nsec >= 1000000000L) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000L;
  }
  while (!b->stop && b->n < VD_LOG_BUNDLE_BYTES / 2)
    if (pthread_cond_timedwait(&b->changed, &b->lock, &until) == ETIMEDOUT)
      break;
}

static void *work(void *arg) {
  vd_log_bundle *b = arg;
  (void)pthread_mutex_lock(&b->lock);
  while (!b->stop || b->n > 0) {
    b->sleeping = b->n == 0;
    while (!b->stop && b->n == 0)
      (void)pthread_cond_wait(&b->changed, &b->lock);
    b->sleeping = false;
    let_gather(b);
    write_out(b);
  }
  (void)pthread_mutex_unlock(&b->lock);
  return NULL;
}

static int start_thread(vd_log_bundle *b) {
  sigset_t all, before;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
  int rc = pthread_create(&b->thread, NULL, work, b);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

static void destroy(vd_log_bundle *b) {
  (void)pthread_cond_destroy(&b->changed);
  (void)pthread_mutex_destroy(&b->lock);
  free(b->gather);
  free(b->write);
  free(b);
}

vd_log_bundle *vd_log_bundle_start(int fd, void (*lost)(void *arg, uint64_t n), void *arg) {
  pthread_condattr_t attr;
  vd_log_bundle *b = calloc(1, sizeof *b);
  if (b == NULL)
    return NULL;
  b->fd = fd;
  b->lost = lost;
  b->arg = arg;
  b->gather = malloc(VD_LOG_BUNDLE_BYTES);
  b->write = malloc(VD_LOG_BUNDLE_BYTES);
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_mutex_init(&b->lock, NULL);
  (void)pthread_cond_init(&b->changed, &attr);
  (void)pthread_condattr_destroy(&attr);
  if (b->gather != NULL && b->write != NULL && start_thread(b) == 0)
    return b;
  destroy(b);
  return NULL;
}

void vd_log_bundle_add(vd_log_bundle *b, const char *line, size_t n) {
  (void)pthread_mutex_lock(&b->lock);
  if (n > VD_LOG_BUNDLE_BYTES - b->n) {
    b->n_lost++;
  } else {
    memcpy(b->gather + b->n, line, n);
    b->n += n;
  }
  if (b->sleeping || b->n > VD_LOG_BUNDLE_BYTES / 2)
    (void)pthread_cond_signal(&b->changed);
  b->sleeping = false;
  (void)pthread_mutex_unlock(&b->lock);
}

void vd_log_bundle_stop(vd_log_bundle *b) {
  if (b == NULL)
    return;
  (void)pthread_mutex_lock(&b->lock);
  b->stop = true;
  (void)pthread_cond_signal(&b->changed);
  (void)pthread_mutex_unlock(&b->lock);
  (void)pthread_join(b->thread, NULL);
  destroy(b);
}
