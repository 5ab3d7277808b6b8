/* The PostgreSQL driver: the pool and transactions. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "driver.h"
#include "libvault/adapters/sql/repository.h"
#include "libvault/base/alloc.h"
#include "libvault/base/err.h"

static uint32_t caps(void *self) {
  (void)self;
  return 0;
}

static void deadline_in(uint32_t ms, struct timespec *out) {
  (void)clock_gettime(CLOCK_MONOTONIC, out);
  out->tv_sec += ms / 1000;
  out->tv_nsec += (long)(ms % 1000) * 1000000L;
  if (out->tv_nsec >= 1000000000L) {
    out->tv_sec++;
    out->tv_nsec -= 1000000000L;
  }
}

/* The first that is free: the warm ones are at the front. */
static vault__conn *pick(vault__pg *db) {
  for (uint32_t i = 0; i < db->n_conns; i++)
    if (!db->conns[i].busy)
      return &db->conns[i];
  return NULL;
}

static void put_back(vault__pg *db, vault__conn *c) {
  (void)pthread_mutex_lock(&db->mutex);
  c->busy = 0;
  (void)pthread_cond_signal(&db->idle);
  (void)pthread_mutex_unlock(&db->mutex);
}

static vault_status acquire(void *self, int mode, vault__conn **out, vault_err *err) {
  (void)mode;
  vault__pg *db = self;
  struct timespec until;
  deadline_in(db->wait_ms, &until);
  (void)pthread_mutex_lock(&db->mutex);
  vault__conn *c = pick(db);
  int timed_out = 0;
  while (!c && !timed_out) {
    timed_out = pthread_cond_timedwait(&db->idle, &db->mutex, &until) != 0;
    c = pick(db);
  }
  if (c)
    c->busy = 1;
  int old = c && c->generation != db->generation;
  (void)pthread_mutex_unlock(&db->mutex);
  if (!c)
    return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_DATABASE, 0,
                       "all %u database connections were in use for %u ms; try again", db->n_conns,
                       db->wait_ms);
  if (!c->pg || old || c->broken || PQstatus(c->pg) != CONNECTION_OK) {
    vault_status s = vault__pg_connect(c, err);
    if (s != VAULT_OK) {
      put_back(db, c);
      return s;
    }
  }
  *out = c;
  return VAULT_OK;
}

static void rollback(vault__conn *c) {
  if (c->in_tx && !c->broken)
    (void)vault__pg_command(c, "ROLLBACK", 0, NULL);
  c->in_tx = 0;
  c->dead = 0;
}

static void release(void *self, vault__conn *c) {
  if (!c)
    return;
  rollback(c);
  if (c->broken || PQtransactionStatus(c->pg) != PQTRANS_IDLE)
    vault__pg_disconnect(c);
  put_back(self, c);
}

static vault_status begin(vault__conn *c, vault_err *err) {
  static const char *const plain = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
  static const char *const pooled =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
    "SET LOCAL statement_timeout = 30000; SET LOCAL lock_timeout = 15000";
  _Static_assert(VAULT__PG_STATEMENT_TIMEOUT_MS == 30000 && VAULT__PG_LOCK_TIMEOUT_MS == 15000,
                 "the numbers in this text");
  VAULT_TRY(vault__pg_command(c, c->db->unprepared ? pooled : plain, 0, err));
  c->in_tx = 1;
  c->dead = 0;
  return VAULT_OK;
}

static vault_status commit(vault__conn *c, vault_err *err) {
  if (c->dead) {
    rollback(c);
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                       "an earlier statement failed and ended this transaction");
  }
  vault_status s = vault__pg_command(c, "COMMIT", 1, err);
  c->in_tx = 0;
  return s;
}

static vault_status savepoint(vault__conn *c, vault_err *err) {
  return vault__pg_command(c, "SAVEPOINT m", 0, err);
}

static vault_status keep(vault__conn *c, vault_err *err) {
  VAULT_TRY(vault__pg_check_alive(c, err));
  return vault__pg_die(c, vault__pg_command(c, "RELEASE SAVEPOINT m", 0, err));
}

static vault_status undo(vault__conn *c, vault_err *err) {
  if (c->broken ||
      vault__pg_command(c, "ROLLBACK TO SAVEPOINT m; RELEASE SAVEPOINT m", 0, NULL) != VAULT_OK)
    return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_DATABASE, 0,
                       "the whole transaction was undone");
  c->dead = 0;
  return VAULT_OK;
}

static int maintain(void *self, uint32_t idle) { /* the server looks after itself */
  (void)self;
  (void)idle;
  return 0;
}

static void destroy(void *self) {
  vault__pg *db = self;
  if (!db)
    return;
  for (uint32_t i = 0; i < db->n_conns; i++)
    PQfinish(db->conns[i].pg);
  (void)pthread_cond_destroy(&db->idle);
  (void)pthread_mutex_destroy(&db->mutex);
  vault__delete(db->alloc, db->conns);
  vault__wipe(db->conninfo, strlen(db->conninfo)); /* it may hold a password */
  vault__delete(db->alloc, db->conninfo);
  vault__delete(db->alloc, db);
}

static const vault__db_ops ops = {
  .size = sizeof(vault__db_ops),
  .version = VAULT__DB_V1,
  .dialect = VAULT__DIALECT_POSTGRES,
  .caps = caps,
  .acquire = acquire,
  .release = release,
  .begin = begin,
  .commit = commit,
  .rollback = rollback,
  .savepoint = savepoint,
  .keep = keep,
  .undo = undo,
  .run = vault__pg_run,
  .run_many = vault__pg_run_many,
  .script = vault__pg_script,
  .prepare = vault__pg_prepare,
  .maintain = maintain,
  .destroy = destroy,
};

static vault_status new_db(const char *conninfo, uint64_t len, const vault_postgres_opts *o,
                           vault__pg **out, vault_err *err) {
  const vault_alloc *alloc = o->alloc ? o->alloc : vault__alloc_default();
  uint32_t n = o->connections ? o->connections : VAULT_POSTGRES_CONNECTIONS;
  vault__pg *db = vault__new(alloc, sizeof *db);
  char *copy = vault__new(alloc, len + 1);
  vault__conn *conns = vault__new(alloc, n * sizeof *conns);
  if (!db || !copy || !conns) {
    vault__delete(alloc, conns);
    vault__delete(alloc, copy);
    vault__delete(alloc, db);
    return vault__no_memory(err);
  }
  memcpy(copy, conninfo, (size_t)len);
  *db = (vault__pg){.alloc = alloc, .conninfo = copy, .conns = conns, .n_conns = n};
  db->wait_ms = o->wait_ms ? o->wait_ms : VAULT_POSTGRES_WAIT_MS;
  db->unprepared = o->unprepared != 0;
  for (uint32_t i = 0; i < n; i++)
    conns[i].db = db;
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_mutex_init(&db->mutex, NULL);
  (void)pthread_cond_init(&db->idle, &attr);
  (void)pthread_condattr_destroy(&attr);
  *out = db;
  return VAULT_OK;
}

static vault_status check_server(vault__pg *db, vault_err *err) {
  vault__conn *c = NULL;
  VAULT_TRY(acquire(db, VAULT__DB_READ, &c, err));
  vault_status s = vault__pg_check_server(c, err);
  release(db, c);
  return s;
}

vault_status vault_postgres_open(const char *conninfo, uint64_t conninfo_len,
                                 const vault_postgres_opts *opts, vault_repositories *out,
                                 vault_err *err) {
  vault_postgres_opts o = {.size = sizeof o};
  if (opts)
    memcpy(&o, opts, opts->size < sizeof o ? opts->size : sizeof o);
  if (!conninfo || conninfo_len == 0 || memchr(conninfo, 0, (size_t)conninfo_len) ||
      o.connections > VAULT__PG_CONNECTIONS_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_DATABASE, 0,
                       "a PostgreSQL database needs a connection text without NUL and at most %u "
                       "connections",
                       VAULT__PG_CONNECTIONS_MAX);
  vault__pg *db = NULL;
  VAULT_TRY(new_db(conninfo, conninfo_len, &o, &db, err));
  vault_status s = check_server(db, err);
  if (s == VAULT_OK)
    s = vault__repositories_make((vault__db){&ops, db}, db->alloc, out, err);
  if (s != VAULT_OK)
    destroy(db);
  return s;
}
