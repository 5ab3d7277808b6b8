#include "committer.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "commit_queue.h"
#include "libvault/base/alloc.h"
#include "libvault/base/id.h"
#include "libvault/ports/validate.h"

#define TIDY_AFTER_MS 50 /* without work: time for the database's housekeeping */

struct vault__committer {
  pthread_mutex_t lock;
  pthread_cond_t work;        /* for who waits to drive */
  pthread_cond_t ended;       /* a batch: for who waits in finish */
  uint32_t n_idle, n_waiters; /* at each of the two: nobody there, no signal */
  vault__commit_queue queue;
  int driving;
  int untidy;            /* a batch has run since the last idle housekeeping */
  struct timespec quiet; /* since when there was no work */
  vault__commit_space *space;
};

_Static_assert(VAULT_COMMIT_MANY_MAX == VAULT_COMMIT_MAX, "what comes together is one batch");

struct vault_cq {
  vault *v;
  pthread_mutex_t lock;
  vault_upload *head, **tail; /* events that wait */
  vault_upload *current;      /* the event that was given out last */
  uint64_t under_way;         /* submitted, event not yet taken */
  int fd;
};

/* ---- the queue ------------------------------------------------------------------------ */

vault_status vault__committer_new(vault *v, vault__committer **out, vault_err *err) {
  vault__committer *c = vault__new(&v->alloc, sizeof *c);
  if (!c)
    return vault__no_memory(err);
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_mutex_init(&c->lock, NULL);
  (void)pthread_cond_init(&c->work, &attr);
  (void)pthread_cond_init(&c->ended, NULL);
  (void)pthread_condattr_destroy(&attr);
  *out = c;
  return VAULT_OK;
}

void vault__committer_free(vault *v, vault__committer *c) {
  if (!c)
    return;
  (void)pthread_cond_destroy(&c->work);
  (void)pthread_cond_destroy(&c->ended);
  (void)pthread_mutex_destroy(&c->lock);
  vault__delete(&v->alloc, c->space);
  vault__delete(&v->alloc, c);
}

/* The descriptor is written under the lock, so that the queue cannot be closed between the
 * event and its announcement; and only when the queue was empty: once per batch. The write
 * fails only where the count is at its end, and then the descriptor is readable anyway. */
static void post(vault_upload *u) {
  vault_cq *q = u->queue;
  const uint64_t one = 1;
  (void)pthread_mutex_lock(&q->lock);
  int was_empty = q->head == NULL;
  u->next = NULL;
  *q->tail = u;
  q->tail = &u->next;
  ssize_t written = was_empty ? write(q->fd, &one, sizeof one) : 0;
  (void)written;
  (void)pthread_mutex_unlock(&q->lock);
}

static void hand_out(vault_upload *list) {
  while (list) {
    vault_upload *u = list;
    list = u->next;
    if (u->queue)
      post(u);
    else
      u->done = 1;
  }
}

static int maintain(vault *v, uint32_t idle) {
  return VAULT__OPS_HAS(v->items, maintain) && v->items->maintain(v->items_self, idle);
}

/* Under the lock; lets go of it while the disk works. Results are handed out before the
 * database looks after itself. */
static uint64_t drive_once(vault *v, vault__committer *c) {
  uint64_t n = 0;
  vault_upload *list = vault__commit_queue_pull(&c->queue, &n);
  if (!list)
    return 0;
  c->driving = 1;
  (void)pthread_mutex_unlock(&c->lock);
  vault__commit_batch(v, list, &c->space);
  (void)pthread_mutex_lock(&c->lock);
  hand_out(list);
  c->driving = 0;
  c->untidy = 1;
  (void)clock_gettime(CLOCK_MONOTONIC, &c->quiet);
  if (c->n_waiters)
    (void)pthread_cond_broadcast(&c->ended);
  if (c->queue.n && c->n_idle)
    (void)pthread_cond_signal(&c->work);
  (void)pthread_mutex_unlock(&c->lock);
  (void)maintain(v, 0);
  (void)pthread_mutex_lock(&c->lock);
  return n;
}

/* Who waits here drives when nobody else does, so a driver need not be woken for it. */
void vault__commit_and_wait(vault_upload *u) {
  vault__committer *c = u->v->committer;
  (void)pthread_mutex_lock(&c->lock);
  vault__commit_queue_push(&c->queue, u);
  while (!u->done) {
    if (!c->driving) {
      (void)drive_once(u->v, c);
      continue;
    }
    c->n_waiters++;
    (void)pthread_cond_wait(&c->ended, &c->lock);
    c->n_waiters--;
  }
  (void)pthread_mutex_unlock(&c->lock);
}

uint64_t vault__commits_waiting(vault *v) {
  vault__committer *c = v->committer;
  (void)pthread_mutex_lock(&c->lock);
  uint64_t n = c->queue.n + (uint64_t)c->driving;
  (void)pthread_mutex_unlock(&c->lock);
  return n;
}

static struct timespec after(struct timespec t, uint32_t ms) {
  t.tv_sec += ms / 1000;
  t.tv_nsec += (long)(ms % 1000) * 1000000L;
  if (t.tv_nsec >= 1000000000L) {
    t.tv_sec++;
    t.tv_nsec -= 1000000000L;
  }
  return t;
}

static int is_before(const struct timespec *a, const struct timespec *b) {
  return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Under the lock. 0: the time is over. */
static int wait_for_work(vault *v, vault__committer *c, const struct timespec *until) {
  struct timespec tidy = after(c->quiet, TIDY_AFTER_MS);
  int tidy_first = c->untidy && !c->driving && is_before(&tidy, until);
  c->n_idle++;
  int rc = pthread_cond_timedwait(&c->work, &c->lock, tidy_first ? &tidy : until);
  c->n_idle--;
  if (rc != ETIMEDOUT)
    return 1;
  if (!tidy_first)
    return 0;
  if (c->driving || c->queue.n)
    return 1;
  c->untidy = 0;
  (void)pthread_mutex_unlock(&c->lock);
  int did = maintain(v, 1);
  (void)pthread_mutex_lock(&c->lock);
  if (did && !c->untidy) { /* there may be more, after another such pause */
    c->untidy = 1;
    (void)clock_gettime(CLOCK_MONOTONIC, &c->quiet);
  }
  return 1;
}

vault_status vault_commit_drive(vault *v, uint32_t timeout_ms, uint64_t *n, vault_err *err) {
  uint64_t posted = 0;
  struct timespec now;
  if (!v)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no vault was given");
  vault__committer *c = v->committer;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  struct timespec until = after(now, timeout_ms);
  (void)pthread_mutex_lock(&c->lock);
  while ((c->driving || !c->queue.n) && wait_for_work(v, c, &until)) {
  }
  if (!c->driving)
    posted = drive_once(v, c);
  (void)pthread_mutex_unlock(&c->lock);
  if (n)
    *n = posted;
  return VAULT_OK;
}

/* ---- completion queues ------------------------------------------------------------------ */

vault_status vault_cq_open(vault *v, vault_cq **out, vault_err *err) {
  if (!v || !out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no vault, or no place for it");
  vault_cq *q = vault__new(&v->alloc, sizeof *q);
  if (!q)
    return vault__no_memory(err);
  q->v = v;
  q->tail = &q->head;
  q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (q->fd < 0) {
    int native = errno;
    vault__delete(&v->alloc, q);
    return vault__fail(err, VAULT_E_IO, VAULT_ORIGIN_SYS, native,
                       "no descriptor for a completion queue: errno %d", native);
  }
  (void)pthread_mutex_init(&q->lock, NULL);
  atomic_fetch_add(&v->open_things, 1);
  *out = q;
  return VAULT_OK;
}

vault_status vault_cq_close(vault_cq *q, vault_err *err) {
  if (!q)
    return VAULT_OK;
  (void)pthread_mutex_lock(&q->lock);
  uint64_t under_way = q->under_way;
  (void)pthread_mutex_unlock(&q->lock);
  if (under_way)
    return vault__fail(err, VAULT_E_BUSY, VAULT_ORIGIN_CORE, 0,
                       "%llu submitted uploads have not had their event taken",
                       (unsigned long long)under_way);
  vault *v = q->v;
  vault__upload_free(q->current);
  (void)close(q->fd);
  (void)pthread_mutex_destroy(&q->lock);
  vault__delete(&v->alloc, q);
  atomic_fetch_sub(&v->open_things, 1);
  return VAULT_OK;
}

int32_t vault_cq_fd(const vault_cq *q) {
  return q ? q->fd : -1;
}

vault_status vault_cq_next(vault_cq *q, vault_event *ev, vault_err *err) {
  if (!q || !ev || ev->size < sizeof *ev)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "no queue, or no event whose size is set");
  vault__upload_free(q->current);
  (void)pthread_mutex_lock(&q->lock);
  vault_upload *u = q->head;
  if (u) {
    q->head = u->next;
    if (!q->head)
      q->tail = &q->head;
    q->under_way--;
  }
  (void)pthread_mutex_unlock(&q->lock);
  q->current = u;
  if (!u)
    return VAULT_E_NOT_FOUND; /* the usual end of a loop, not worth a message */
  atomic_fetch_sub(&q->v->open_things, 1);
  int ok = u->result.status == VAULT_OK;
  if (ok)
    vault__item_view(&u->result.item, &u->result_view);
  *ev = (vault_event){
    .size = ev->size,
    .status = u->result.status,
    .tag = u->tag,
    .outcome = u->result.outcome,
    .item = ok ? &u->result_view : NULL,
    .err = ok ? NULL : &u->result_err,
  };
  return VAULT_OK;
}

/* The queue counts the upload before it can end, and forgets it again if it was refused. */
static void count(vault_cq *q, uint64_t more, uint64_t less) {
  (void)pthread_mutex_lock(&q->lock);
  q->under_way += more;
  q->under_way -= less;
  (void)pthread_mutex_unlock(&q->lock);
}

/* One lock for all of them, so that nothing comes in between. The caller has entered them; a call on each
 * runs until its commit has ended. */
static vault_status hand_over(vault_upload **u, const uint64_t *tags, uint64_t n, vault_cq *q,
                              vault_err *err) {
  vault__committer *c = q->v->committer;
  for (uint64_t i = 0; i < n; i++)
    vault__claim_submit(q->v, &u[i]->claim, 1);
  count(q, n, 0);
  (void)pthread_mutex_lock(&c->lock);
  int taken = c->queue.n + n <= VAULT_COMMIT_WAITING_MAX;
  for (uint64_t i = 0; taken && i < n; i++) {
    u[i]->queue = q;
    u[i]->tag = tags[i];
    u[i]->behind = i == 0 ? (uint32_t)n - 1 : 0;
    vault__commit_queue_push(&c->queue, u[i]);
  }
  if (taken && !c->driving && c->n_idle)
    (void)pthread_cond_signal(&c->work);
  (void)pthread_mutex_unlock(&c->lock);
  if (taken)
    return VAULT_OK;
  count(q, 0, n);
  for (uint64_t i = 0; i < n; i++)
    vault__claim_submit(q->v, &u[i]->claim, 0);
  return vault__fail_until(err, VAULT_E_RETRY, VAULT_ORIGIN_CORE, 1000,
                           "%u uploads wait for their commit already", VAULT_COMMIT_WAITING_MAX);
}

static vault_status submit(vault_upload *u, vault_cq *q, uint64_t tag, vault_err *err) {
  VAULT_TRY(vault__upload_close_body(u, err));
  return hand_over(&u, &tag, 1, q, err);
}

vault_status vault_upload_submit(vault_upload *u, vault_cq *q, uint64_t tag, vault_err *err) {
  if (!u || !q || q->v != u->v || (u->row.flags & VAULT_UPLOAD_PARTIAL))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "no upload, or a piece, or a queue of another vault");
  VAULT_TRY(vault__upload_enter(u, err));
  vault_status s = submit(u, q, tag, err);
  /* What was refused changes nothing: close_body has said what is broken. */
  if (s != VAULT_OK && (u->row.flags & VAULT_UPLOAD_RESUMABLE))
    vault__claim_leave(u->v, &u->claim);
  return s;
}

static int may_go_together(vault_upload *const *u, uint64_t n, const vault_cq *q) {
  for (uint64_t i = 0; i < n; i++)
    if (!u[i] || u[i]->v != q->v || u[i]->state == VAULT__UPLOAD_BROKEN ||
        (u[i]->row.flags & (VAULT_UPLOAD_RESUMABLE | VAULT_UPLOAD_PARTIAL)) ||
        !vault__id_eq(&u[i]->row.blob.user, &u[0]->row.blob.user))
      return 0;
  return 1;
}

vault_status vault_upload_submit_many(vault_upload **u, const uint64_t *tags, uint64_t n,
                                      vault_cq *q, vault_err *err) {
  if (!u || !tags || !q || n == 0 || n > VAULT_COMMIT_MANY_MAX || !may_go_together(u, n, q))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "give 1 to %u whole uploads of one user, none of them resumable, and a "
                       "queue of their vault",
                       VAULT_COMMIT_MANY_MAX);
  for (uint64_t i = 0; i < n; i++) /* what is wrong with a body is the result of that one */
    u[i]->result.status = vault__upload_close_body(u[i], &u[i]->result_err);
  vault_status s = hand_over(u, tags, n, q, err);
  for (uint64_t i = 0; s != VAULT_OK && i < n; i++)
    u[i]->result.status = VAULT_OK;
  return s;
}
