#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct vd_pool {
  uv_mutex_t lock;
  uv_cond_t more;
  vd_work *head, *tail;
  uint32_t queued, queue_max;
  bool stop;
  uint32_t n_threads;
  uv_thread_t threads[];
};

static void append(vd_work **head, vd_work **tail, vd_work *w) {
  w->next = NULL;
  if (*tail)
    (*tail)->next = w;
  else
    *head = w;
  *tail = w;
}

/* ---- mailbox ---- */

static void deliver(uv_async_t *async) {
  vd_mailbox *m = async->data;
  uv_mutex_lock(&m->lock);
  vd_work *w = m->head;
  m->head = m->tail = NULL;
  uv_mutex_unlock(&m->lock);
  while (w) {
    vd_work *next = w->next; /* done may free or queue w */
    w->done(w);
    w = next;
  }
}

int vd_mailbox_init(vd_mailbox *m, uv_loop_t *loop) {
  m->head = m->tail = NULL;
  int rc = uv_mutex_init(&m->lock);
  if (rc)
    return rc;
  rc = uv_async_init(loop, &m->async, deliver);
  if (rc) {
    uv_mutex_destroy(&m->lock);
    return rc;
  }
  m->async.data = m;
  return 0;
}

void vd_mailbox_post(vd_mailbox *m, vd_work *w) {
  /* Signalled inside the lock: once the loop has taken the letter it may close the handle, and
   * then nobody may touch it any more. */
  uv_mutex_lock(&m->lock);
  append(&m->head, &m->tail, w);
  (void)uv_async_send(&m->async);
  uv_mutex_unlock(&m->lock);
}

void vd_mailbox_close(vd_mailbox *m) {
  uv_close((uv_handle_t *)&m->async, NULL);
}

void vd_mailbox_free(vd_mailbox *m) {
  uv_mutex_destroy(&m->lock);
}

/* ---- pool ---- */

static void work(void *arg) {
  vd_pool *p = arg;
  sigset_t
    all; /* SIGPIPE above all: sendfile() to a client that left must fail, not end the process */
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
  uv_mutex_lock(&p->lock);
  for (;;) {
    while (!p->head && !p->stop)
      uv_cond_wait(&p->more, &p->lock);
    vd_work *w = p->head;
    if (!w)
      break;
    p->head = w->next;
    if (!p->head)
      p->tail = NULL;
    p->queued--;
    uv_mutex_unlock(&p->lock);
    w->run(w);
    vd_mailbox_post(w->home, w);
    uv_mutex_lock(&p->lock);
  }
  uv_mutex_unlock(&p->lock);
}

vd_pool *vd_pool_new(uint32_t threads, uint32_t queue_max) {
  vd_pool *p = calloc(1, sizeof *p + threads * sizeof p->threads[0]);
  if (!p)
    return NULL;
  p->queue_max = queue_max;
  if (uv_mutex_init(&p->lock))
    goto fail_lock;
  if (uv_cond_init(&p->more))
    goto fail_cond;
  for (; p->n_threads < threads; p->n_threads++)
    if (uv_thread_create(&p->threads[p->n_threads], work, p)) {
      vd_pool_free(p);
      return NULL;
    }
  return p;
fail_cond:
  uv_mutex_destroy(&p->lock);
fail_lock:
  free(p);
  return NULL;
}

static void queue(vd_pool *p, vd_work *w) {
  append(&p->head, &p->tail, w);
  p->queued++;
  uv_cond_signal(&p->more);
}

bool vd_pool_try(vd_pool *p, vd_work *w) {
  uv_mutex_lock(&p->lock);
  bool room = p->queued < p->queue_max;
  if (room)
    queue(p, w);
  uv_mutex_unlock(&p->lock);
  return room;
}

void vd_pool_push(vd_pool *p, vd_work *w) {
  uv_mutex_lock(&p->lock);
  queue(p, w);
  uv_mutex_unlock(&p->lock);
}

uint32_t vd_pool_queued(vd_pool *p) {
  uv_mutex_lock(&p->lock);
  uint32_t n = p->queued;
  uv_mutex_unlock(&p->lock);
  return n;
}

void vd_pool_free(vd_pool *p) {
  if (!p)
    return;
  uv_mutex_lock(&p->lock);
  p->stop = true;
  uv_cond_broadcast(&p->more);
  uv_mutex_unlock(&p->lock);
  for (uint32_t i = 0; i < p->n_threads; i++)
    (void)uv_thread_join(&p->threads[i]);
  uv_cond_destroy(&p->more);
  uv_mutex_destroy(&p->lock);
  free(p);
}
