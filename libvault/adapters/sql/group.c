#include "libvault/adapters/sql/group.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "libvault/base/err.h"

typedef enum member_state { WAITING, TAKEN, DONE } member_state;

/* On the stack of who waits; its memory is his until the state is DONE. */
struct vault__member {
  vault__tx_fn fn;
  void *ctx;
  vault_err *err;
  vault__member *next;
  vault_status status;
  member_state state;
  int decided; /* the status stands whatever the commit says */
  int alone;   /* was in a transaction that somebody took down: by itself now */
  int waits;   /* `changed` is there */
  pthread_cond_t changed;
};

/* ---- the repository's own, made and ended ------------------------------------------------- */

static void make_cond(pthread_cond_t *cond) {
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(cond, &attr);
  (void)pthread_condattr_destroy(&attr);
}

void vault__repo_init(vault__repo *repo, vault__db db, const vault_alloc *alloc) {
  repo->db = db;
  repo->alloc = alloc;
  vault__group *g = &repo->group;
  (void)pthread_mutex_init(&g->lock, NULL);
  make_cond(&g->free);
  g->head = NULL;
  g->tail = &g->head;
  g->n_members = g->n_batches = 0;
  g->held = 0;
  g->wait_ms = VAULT__GROUP_WAIT_MS;
  atomic_init(&g->commits, 0);
}

void vault__repo_end(vault__repo *repo) {
  (void)pthread_cond_destroy(&repo->group.free);
  (void)pthread_mutex_destroy(&repo->group.lock);
}

/* ---- the queue; all of it under the lock ---------------------------------------------------- */

static int groups(const vault__repo *repo) {
  return (repo->db.ops->caps(repo->db.self) & VAULT__DB_CAP_LOCAL) != 0;
}

static struct timespec deadline(const vault__group *g) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec += g->wait_ms / 1000;
  t.tv_nsec += (long)(g->wait_ms % 1000) * 1000000L;
  if (t.tv_nsec >= 1000000000L) {
    t.tv_sec++;
    t.tv_nsec -= 1000000000L;
  }
  return t;
}

static vault_status too_late(const vault__group *g, vault_err *err) {
  return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_DATABASE, 0,
                     "the database was busy for %u ms; try again", g->wait_ms);
}

static void push(vault__group *g, vault__member *m) {
  *g->tail = m;
  g->tail = &m->next;
  g->n_members++;
}

static void push_front(vault__group *g, vault__member *m) {
  m->next = g->head;
  g->head = m;
  if (!m->next)
    g->tail = &m->next;
  g->n_members++;
}

static void leave_queue(vault__group *g, vault__member *m) {
  vault__member **at = &g->head;
  while (*at != m)
    at = &(*at)->next;
  *at = m->next;
  if (!m->next)
    g->tail = at;
  g->n_members--;
}

/* Those who go into one transaction, oldest first. with_alone = 0: only who may share one. */
static vault__member *take(vault__group *g, int with_alone) {
  vault__member *first = g->head, **end = &g->head;
  unsigned max = VAULT__GROUP_MAX;
  if (first && first->alone)
    max = with_alone ? 1 : 0;
  for (unsigned n = 0; n < max && *end && (n == 0 || !(*end)->alone); n++) {
    (*end)->state = TAKEN;
    g->n_members--;
    end = &(*end)->next;
  }
  if (end == &g->head)
    return NULL;
  g->head = *end;
  if (!g->head)
    g->tail = &g->head;
  *end = NULL;
  return first;
}

/* A batch first: it takes along who waits. But not who has to be alone. */
static int batch_is_next(const vault__group *g) {
  return g->n_batches && !(g->head && g->head->alone);
}

static void wake_next(vault__group *g) {
  if (batch_is_next(g))
    (void)pthread_cond_signal(&g->free);
  else if (g->head && g->head->waits)
    (void)pthread_cond_signal(&g->head->changed);
}

static void finish(vault__member *m) {
  m->state = DONE;
  if (m->waits)
    (void)pthread_cond_signal(&m->changed);
}

static void finish_all(vault__repo *repo, vault__member *list) {
  (void)pthread_mutex_lock(&repo->group.lock);
  while (list) {
    vault__member *m = list;
    list = m->next;
    finish(m);
  }
  (void)pthread_mutex_unlock(&repo->group.lock);
}

/* Who took the transaction down has its answer; the others keep their place in the queue. */
static void wait_again(vault__repo *repo, vault__member *list, const vault__member *causer) {
  vault__group *g = &repo->group;
  vault__member *back = NULL;
  (void)pthread_mutex_lock(&g->lock);
  while (list) { /* turned around, so that the first is pushed last */
    vault__member *m = list;
    list = m->next;
    m->next = back;
    back = m;
  }
  while (back) {
    vault__member *m = back;
    back = m->next;
    if (m == causer) {
      finish(m);
      continue;
    }
    m->state = WAITING;
    m->alone = 1;
    push_front(g, m);
  }
  (void)pthread_mutex_unlock(&g->lock);
}

/* ---- running ---------------------------------------------------------------------------------- */

static void tell(vault__member *m, vault_status s, const vault_err *err) {
  m->status = vault__fail(m->err, s, err->origin, err->native, "%s", err->msg);
}

static void tell_all(vault__member *list, vault_status s, const vault_err *err) {
  for (vault__member *m = list; m; m = m->next)
    if (!m->decided)
      tell(m, s, err);
}

/* One function. *kept is set when it left something to commit. RETRY: the transaction is lost. */
static vault_status run_one(vault__repo *repo, vault__conn *conn, vault__member *m, int shared,
                            int *kept) {
  const vault__db_ops *ops = repo->db.ops;
  vault__tx tx = {.db = &repo->db, .conn = conn};
  m->decided = 0;
  m->status = shared ? ops->savepoint(conn, m->err) : VAULT_OK;
  if (m->status != VAULT_OK)
    return VAULT_E_RETRY;
  vault__arena_init(&tx.arena, repo->alloc, VAULT__TX_ARENA_MAX);
  m->status = m->fn(&tx, m->ctx, m->err);
  vault__arena_free(&tx.arena);
  int keeps = m->status == VAULT_OK && !tx.discard;
  if (shared && keeps) {
    m->status = ops->keep(conn, m->err);
    keeps = m->status == VAULT_OK;
  }
  m->decided = !keeps && !*kept;
  if (shared && !keeps && ops->undo(conn, NULL) != VAULT_OK)
    return VAULT_E_RETRY;
  *kept |= keeps;
  return VAULT_OK;
}

/* Who took the transaction down, or NULL. */
static vault__member *run_each(vault__repo *repo, vault__conn *conn, vault__member *list,
                               int shared, int *kept) {
  for (vault__member *m = list; m; m = m->next)
    if (run_one(repo, conn, m, shared, kept) != VAULT_OK)
      return m;
  return NULL;
}

static void run_list(vault__repo *repo, vault__conn *conn, vault__member *list) {
  const vault__db_ops *ops = repo->db.ops;
  vault_err err = VAULT_ERR_INIT;
  int kept = 0, shared = list->next != NULL;
  vault_status s = ops->begin(conn, &err);
  if (s == VAULT_OK) {
    const vault__member *causer = run_each(repo, conn, list, shared, &kept);
    if (causer || !kept)
      ops->rollback(conn);
    if (causer) {
      wait_again(repo, list, causer);
      return;
    }
    if (kept)
      s = ops->commit(conn, &err);
  }
  if (s != VAULT_OK)
    tell_all(list, s, &err);
  else if (shared)
    atomic_fetch_add(&repo->group.commits, 1);
  finish_all(repo, list);
}

/* By who holds the turn. The writer first: who comes while it is waited for is taken as well. */
static void lead(vault__repo *repo) {
  vault__group *g = &repo->group;
  const vault__db_ops *ops = repo->db.ops;
  vault_err err = VAULT_ERR_INIT;
  vault__conn *conn = NULL;
  vault_status s = ops->acquire(repo->db.self, VAULT__DB_WRITE, &conn, &err);
  (void)pthread_mutex_lock(&g->lock);
  vault__member *list = take(g, 1);
  (void)pthread_mutex_unlock(&g->lock);
  if (s == VAULT_OK && list)
    run_list(repo, conn, list);
  if (s != VAULT_OK) {
    for (vault__member *m = list; m; m = m->next)
      tell(m, s, &err);
    finish_all(repo, list);
  }
  ops->release(repo->db.self, conn);
}

/* ---- turns -------------------------------------------------------------------------------------- */

/* All of it under the lock. */
static int must_wait(const vault__group *g, const vault__member *m) {
  return m->state == TAKEN || (m->state == WAITING && (g->held || batch_is_next(g)));
}

/* Until it is done, or its turn to lead. RETRY: it took too long. */
static vault_status wait_turn(vault__group *g, vault__member *m) {
  if (!must_wait(g, m))
    return VAULT_OK;
  if (!m->waits)
    make_cond(&m->changed);
  m->waits = 1;
  struct timespec until = deadline(g);
  int late = 0;
  while (must_wait(g, m)) {
    if (m->state == TAKEN) { /* it runs: its end is the database's affair */
      (void)pthread_cond_wait(&m->changed, &g->lock);
    } else if (late) {
      leave_queue(g, m);
      return VAULT_E_RETRY;
    } else {
      late = pthread_cond_timedwait(&m->changed, &g->lock, &until) == ETIMEDOUT;
    }
  }
  return VAULT_OK;
}

vault_status vault__group_write(vault__repo *repo, vault__tx_fn fn, void *ctx, vault_err *err) {
  vault__group *g = &repo->group;
  vault__member m = {.fn = fn, .ctx = ctx, .err = err};
  vault_status waited = VAULT_OK;
  (void)pthread_mutex_lock(&g->lock);
  push(g, &m);
  while ((waited = wait_turn(g, &m)) == VAULT_OK && m.state == WAITING) {
    g->held = 1;
    (void)pthread_mutex_unlock(&g->lock);
    lead(repo);
    (void)pthread_mutex_lock(&g->lock);
    g->held = 0;
    wake_next(g);
  }
  (void)pthread_mutex_unlock(&g->lock);
  if (m.waits)
    (void)pthread_cond_destroy(&m.changed);
  if (waited != VAULT_OK)
    return too_late(g, err);
  return m.status;
}

vault_status vault__group_enter(vault__repo *repo, vault_err *err) {
  vault__group *g = &repo->group;
  if (!groups(repo))
    return VAULT_OK;
  struct timespec until = deadline(g);
  int late = 0;
  (void)pthread_mutex_lock(&g->lock);
  g->n_batches++;
  while ((g->held || !batch_is_next(g)) && !late)
    late = pthread_cond_timedwait(&g->free, &g->lock, &until) == ETIMEDOUT;
  int entered = !g->held && batch_is_next(g);
  g->n_batches--;
  if (entered)
    g->held = 1;
  else if (!g->held)
    wake_next(g);
  (void)pthread_mutex_unlock(&g->lock);
  return entered ? VAULT_OK : too_late(g, err);
}

void vault__group_leave(vault__repo *repo) {
  vault__group *g = &repo->group;
  if (!groups(repo))
    return;
  (void)pthread_mutex_lock(&g->lock);
  g->held = 0;
  wake_next(g);
  (void)pthread_mutex_unlock(&g->lock);
}

vault_status vault__group_board(vault__repo *repo, vault__tx *tx, vault__riders *riders,
                                vault_err *err) {
  vault__group *g = &repo->group;
  int kept = 1; /* what they read is what the batch wrote */
  riders->first = NULL;
  if (!groups(repo))
    return VAULT_OK;
  (void)pthread_mutex_lock(&g->lock);
  vault__member *list = take(g, 0);
  (void)pthread_mutex_unlock(&g->lock);
  const vault__member *causer = run_each(repo, tx->conn, list, 1, &kept);
  if (causer) {
    wait_again(repo, list, causer);
    return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_DATABASE, 0,
                       "somebody else's change took the transaction down");
  }
  riders->first = list;
  return VAULT_OK;
}

void vault__group_settle(vault__repo *repo, vault__riders *riders, vault_status s,
                         const vault_err *err) {
  vault_err none = VAULT_ERR_INIT;
  if (!riders->first)
    return;
  if (s != VAULT_OK)
    tell_all(riders->first, s, err ? err : &none);
  else
    atomic_fetch_add(&repo->group.commits, 1);
  finish_all(repo, riders->first);
  riders->first = NULL;
}
