#include "driver.h"
#include "libvault/base/err.h"

static vault_status class_of_io(int rc) {
  switch (rc) {
  case SQLITE_IOERR_NOMEM: return VAULT_E_NO_MEMORY;
  case SQLITE_IOERR_READ:
  case SQLITE_IOERR_SHORT_READ:
  case SQLITE_IOERR_FSTAT:
  case SQLITE_IOERR_ACCESS:
  case SQLITE_IOERR_LOCK:
  case SQLITE_IOERR_RDLOCK:
  case SQLITE_IOERR_UNLOCK: return VAULT_E_IO;
  default: /* a write, a flush, a cut, the WAL's shared memory: what is on disk is not known */
    return VAULT_E_READ_ONLY;
  }
}

static int is_conflict(int rc) {
  return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
         rc == SQLITE_CONSTRAINT_ROWID;
}

static vault_status class_of(int rc) {
  if (is_conflict(rc))
    return VAULT_E_CONFLICT;
  switch (rc & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_INTERRUPT: return VAULT_E_RETRY;
  case SQLITE_FULL: return VAULT_E_NO_SPACE;
  case SQLITE_IOERR: return class_of_io(rc);
  case SQLITE_READONLY: return VAULT_E_READ_ONLY;
  case SQLITE_NOMEM: return VAULT_E_NO_MEMORY;
  case SQLITE_CORRUPT: return VAULT_E_CORRUPT;
  case SQLITE_NOTADB: return VAULT_E_FORMAT;
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
  case SQLITE_AUTH: return VAULT_E_IO;
  default: return VAULT_E_INTERNAL;
  }
}

/* After these SQLite has undone the statement, and nothing else. */
static int is_local(int rc) {
  int primary = rc & 0xff;
  return primary == SQLITE_CONSTRAINT || primary == SQLITE_ERROR || primary == SQLITE_MISMATCH ||
         primary == SQLITE_TOOBIG || primary == SQLITE_RANGE;
}

vault_status vault__sqlite_fail(vault__conn *c, int rc, int in_commit, const char *what,
                                vault_err *err) {
  vault_status s = class_of(rc);
  /* The index of the WAL found no room while it was made; in a commit wal_vfs.c saw to it. */
  if (rc == SQLITE_IOERR_SHMSIZE && !in_commit)
    s = VAULT_E_NO_SPACE;
  if (s == VAULT_E_READ_ONLY && !c->writer) /* a reader flushes nothing */
    s = (rc & 0xff) == SQLITE_READONLY ? VAULT_E_INTERNAL : VAULT_E_IO;
  c->lost |= !is_local(rc);
  if (s == VAULT_E_NO_SPACE)
    c->full = 1;
  if (s == VAULT_E_READ_ONLY) {
    (void)pthread_mutex_lock(&c->db->mutex);
    c->db->read_only = 1;
    (void)pthread_mutex_unlock(&c->db->mutex);
  }
  if (in_commit && (rc & 0xff) == SQLITE_IOERR)
    s = VAULT_E_UNCERTAIN;
  /* SQLite's own text names tables and columns, never values. */
  return vault__fail(err, s, VAULT_ORIGIN_DATABASE, rc, "the database refused %s: %s", what,
                     c->h ? sqlite3_errmsg(c->h) : sqlite3_errstr(rc));
}
