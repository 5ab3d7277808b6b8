/* The SQLite driver: who gets which connection, transactions. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"
#include "libvault/adapters/sql/repository.h"
#include "libvault/base/alloc.h"
#include "libvault/base/err.h"

static uint32_t caps(void *self) {
  const vault__sqlite *db = self;
  uint32_t all = VAULT__DB_CAP_LOCAL | VAULT__DB_CAP_EXCLUSIVE;
  return db->memory ? all | VAULT__DB_CAP_MEMORY : all;
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

/* A free connection for this mode, or NULL. In memory there is only the writer. */
static vault__conn *pick(vault__sqlite *db, int mode) {
  if (mode == VAULT__DB_WRITE || db->memory)
    return db->writer->busy ? NULL : db->writer;
  for (uint32_t i = 0; i < db->n_readers; i++)
    if (!db->readers[i]->busy)
      return db->readers[i];
  return NULL;
}

static vault_status acquire(void *self, int mode, vault__conn **out, vault_err *err) {
  vault__sqlite *db = self;
  struct timespec until;
  deadline_in(db->wait_ms, &until);
  (void)pthread_mutex_lock(&db->mutex);
  vault__conn *c = NULL;
  int timed_out = 0;
  int read_only = 0;
  while (!c && !timed_out && !read_only) {
    read_only = mode == VAULT__DB_WRITE && db->read_only;
    if (!read_only)
      c = pick(db, mode);
    if (!read_only && !c)
      timed_out = pthread_cond_timedwait(&db->idle, &db->mutex, &until) != 0;
  }
  if (c)
    c->busy = 1;
  (void)pthread_mutex_unlock(&db->mutex);
  if (c)
    c->acquired_ms = vault__sqlite_now_ms();
  if (read_only)
    return vault__fail(err, VAULT_E_READ_ONLY, VAULT_ORIGIN_DATABASE, 0, NULL);
  if (!c)
    return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_DATABASE, 0,
                       "the database was busy for %u ms; try again", db->wait_ms);
  *out = c;
  return VAULT_OK;
}

static void rollback(vault__conn *c) {
  if (!sqlite3_get_autocommit(c->h))
    (void)sqlite3_exec(c->h, "ROLLBACK", NULL, NULL, NULL);
  c->in_tx = c->in_savepoint = 0;
  c->dead = c->lost = 0;
  if (c->full && c->writer && !c->db->memory) /* the log can begin anew in the room that it has */
    (void)vault__sqlite_checkpoint(c, NULL, NULL);
  c->full = 0;
}

static void release(void *self, vault__conn *c) {
  vault__sqlite *db = self;
  if (!c)
    return;
  rollback(c);
  (void)pthread_mutex_lock(&db->mutex);
  c->busy = 0;
  /* Readers and writers wait on one condition: waking only one could wake the wrong one. */
  (void)pthread_cond_broadcast(&db->idle);
  (void)pthread_mutex_unlock(&db->mutex);
}

static vault_status begin(vault__conn *c, vault_err *err) {
  if (!c->db->memory)
    VAULT_TRY(vault__sqlite_check_log(c, err));
  int rc = vault__sqlite_say(c, VAULT__SQLITE_BEGIN);
  if (rc != SQLITE_OK)
    return vault__sqlite_fail(c, rc, 0, "to begin a transaction", err);
  c->in_tx = 1;
  c->dead = c->lost = c->in_savepoint = 0;
  return VAULT_OK;
}

static vault_status savepoint(vault__conn *c, vault_err *err) {
  int rc = vault__sqlite_say(c, VAULT__SQLITE_SAVEPOINT);
  if (rc != SQLITE_OK)
    return vault__sqlite_fail(c, rc, 0, "a savepoint", err);
  c->in_savepoint = 1;
  return VAULT_OK;
}

static vault_status keep(vault__conn *c, vault_err *err) {
  if (c->dead)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                       "an earlier statement failed and ended this transaction");
  int rc = vault__sqlite_say(c, VAULT__SQLITE_KEEP);
  if (rc != SQLITE_OK)
    return vault__sqlite_fail(c, rc, 0, "a savepoint", err);
  c->in_savepoint = 0;
  return VAULT_OK;
}

static vault_status undo(vault__conn *c, vault_err *err) {
  int rc = SQLITE_ABORT;
  if (!c->lost && !sqlite3_get_autocommit(c->h))
    rc = vault__sqlite_say(c, VAULT__SQLITE_UNDO);
  if (rc == SQLITE_OK)
    rc = vault__sqlite_say(c, VAULT__SQLITE_KEEP);
  c->in_savepoint = 0;
  c->dead = rc != SQLITE_OK;
  if (rc == SQLITE_OK)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_DATABASE, rc,
                     "the whole transaction was undone");
}

static vault_status commit(vault__conn *c, vault_err *err) {
  if (c->dead) {
    rollback(c);
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                       "an earlier statement failed and ended this transaction");
  }
  int rc = vault__sqlite_say(c, VAULT__SQLITE_COMMIT);
  if (rc != SQLITE_OK) {
    vault_status s = vault__sqlite_fail(c, rc, 1, "the commit", err);
    rollback(c);
    return s;
  }
  c->in_tx = 0;
  if (!c->db->memory)
    (void)vault__sqlite_after_commit(c, 0);
  return VAULT_OK;
}

static int maintain(void *self, uint32_t idle) {
  vault__sqlite *db = self;
  (void)pthread_mutex_lock(&db->mutex);
  vault__conn *c = db->memory || db->read_only ? NULL : pick(db, VAULT__DB_WRITE);
  if (c)
    c->busy = 1;
  (void)pthread_mutex_unlock(&db->mutex);
  if (!c)
    return 0;
  int did = vault__sqlite_after_commit(c, idle != 0);
  release(db, c);
  return did;
}

static void destroy(void *self) {
  vault__sqlite *db = self;
  if (!db)
    return;
  for (uint32_t i = 0; i < db->n_readers; i++)
    vault__sqlite_disconnect(db->readers[i]);
  vault__sqlite_disconnect(db->writer); /* the last one: checkpoints */
  vault__wal_free(&db->wal);
  if (db->lock_fd >= 0)
    (void)close(db->lock_fd);
  (void)pthread_cond_destroy(&db->idle);
  (void)pthread_mutex_destroy(&db->mutex);
  vault__delete(db->alloc, db->path);
  vault__delete(db->alloc, db);
}

static const vault__db_ops ops = {
  .size = sizeof(vault__db_ops),
  .version = VAULT__DB_V1,
  .dialect = VAULT__DIALECT_SQLITE,
  .caps = caps,
  .acquire = acquire,
  .release = release,
  .begin = begin,
  .commit = commit,
  .rollback = rollback,
  .savepoint = savepoint,
  .keep = keep,
  .undo = undo,
  .run = vault__sqlite_run,
  .run_many = vault__sqlite_run_many,
  .script = vault__sqlite_script,
  .prepare = vault__sqlite_prepare,
  .maintain = maintain,
  .destroy = destroy,
};

static vault_status new_db(const char *path, uint64_t path_len, const vault_sqlite_opts *o,
                           vault__sqlite **out, vault_err *err) {
  const vault_alloc *alloc = o->alloc ? o->alloc : vault__alloc_default();
  vault__sqlite *db = vault__new(alloc, sizeof *db);
  char *copy = vault__new(alloc, path_len + 1);
  if (!db || !copy) {
    vault__delete(alloc, copy);
    vault__delete(alloc, db);
    return vault__no_memory(err);
  }
  memcpy(copy, path, (size_t)path_len);
  db->alloc = alloc;
  db->path = copy;
  db->memory = strcmp(copy, ":memory:") == 0;
  db->lock_fd = -1;
  db->wait_ms = o->wait_ms ? o->wait_ms : VAULT_SQLITE_WAIT_MS;
  db->checkpoint_idle_bytes = VAULT__SQLITE_CHECKPOINT_IDLE_BYTES;
  db->checkpoint_bytes = VAULT__SQLITE_CHECKPOINT_BYTES;
  db->outstanding_max_bytes = VAULT__SQLITE_OUTSTANDING_MAX_BYTES;
  db->checkpoint_pause_ms = VAULT__SQLITE_CHECKPOINT_PAUSE_MS;
  db->read_max_ms = VAULT__SQLITE_READ_MAX_MS;
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_mutex_init(&db->mutex, NULL);
  (void)pthread_cond_init(&db->idle, &attr);
  (void)pthread_condattr_destroy(&attr);
  *out = db;
  return VAULT_OK;
}

/* The writer first: it makes the file and the WAL that the readers need. */
static vault_status connect_all(vault__sqlite *db, uint32_t readers, uint32_t wal_mib,
                                vault_err *err) {
  if (!db->memory) {
    VAULT_TRY(vault__sqlite_lock(db, err));
    VAULT_TRY(vault__wal_init(&db->wal, db->alloc, db->path, (uint64_t)wal_mib << 20, err));
  }
  VAULT_TRY(vault__sqlite_connect(db, 1, &db->writer, err));
  for (uint32_t i = 0; i < readers && !db->memory; i++) {
    VAULT_TRY(vault__sqlite_connect(db, 0, &db->readers[i], err));
    db->n_readers = i + 1;
  }
  return VAULT_OK;
}

vault_status vault_sqlite_open(const char *path, uint64_t path_len, const vault_sqlite_opts *opts,
                               vault_repositories *out, vault_err *err) {
  vault_sqlite_opts o = {.size = sizeof o};
  if (opts)
    memcpy(&o, opts, opts->size < sizeof o ? opts->size : sizeof o);
  uint32_t readers = o.readers ? o.readers : VAULT_SQLITE_READERS;
  uint32_t wal_mib = o.wal_mib ? o.wal_mib : VAULT_SQLITE_WAL_MIB;
  if (!path || path_len == 0 || memchr(path, 0, (size_t)path_len) ||
      readers > VAULT__SQLITE_READERS_MAX || wal_mib > VAULT_SQLITE_WAL_MIB_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_DATABASE, 0,
                       "an SQLite database needs a path without NUL, at most %u readers and a log "
                       "of at most %u MiB",
                       VAULT__SQLITE_READERS_MAX, VAULT_SQLITE_WAL_MIB_MAX);
  vault__sqlite *db = NULL;
  VAULT_TRY(new_db(path, path_len, &o, &db, err));
  vault_status s = connect_all(db, readers, wal_mib, err);
  if (s == VAULT_OK)
    s = vault__repositories_make((vault__db){&ops, db}, db->alloc, out, err);
  if (s != VAULT_OK)
    destroy(db);
  return s;
}
