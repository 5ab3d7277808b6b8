/* Opening a connection, and the lock that keeps other processes out.
 *
 * SQLite 3.7.0 to 3.51.2 can lose WAL content when two connections checkpoint and commit at
 * the same moment. Only the writer ever checkpoints here: wal_autocheckpoint = 0 everywhere,
 * no checkpoint when a reader closes, and the lock file keeps out a second process. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "driver.h"
#include "libvault/base/alloc.h"
#include "libvault/base/buf.h"
#include "libvault/base/err.h"

#define LOCK_NAME "lock"
#define PATH_MAX_BYTES 4096

/* {directory of the database}/lock */
static vault_status lock_path(const vault__sqlite *db, vault__buf *out, vault_err *err) {
  const char *slash = strrchr(db->path, '/');
  vault__buf_init(out, db->alloc, PATH_MAX_BYTES);
  if (slash)
    vault__buf_add(out, db->path, (uint64_t)(slash - db->path) + 1);
  vault__buf_text(out, LOCK_NAME);
  return vault__buf_check(out, err);
}

vault_status vault__sqlite_lock(vault__sqlite *db, vault_err *err) {
  vault__buf path;
  vault_status s = lock_path(db, &path, err);
  if (s != VAULT_OK)
    goto done;
  int fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    s = vault__fail(err, errno == ENOSPC ? VAULT_E_NO_SPACE : VAULT_E_IO, VAULT_ORIGIN_DATABASE,
                    errno, "cannot open the lock file %s: %s", path.p, strerror(errno));
    goto done;
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    s = vault__fail(err, errno == EWOULDBLOCK ? VAULT_E_LOCKED : VAULT_E_IO, VAULT_ORIGIN_DATABASE,
                    errno,
                    errno == EWOULDBLOCK
                      ? "another process uses this database: it holds the lock %s; stop it first"
                      : "cannot lock %s",
                    path.p);
    (void)close(fd);
    goto done;
  }
  db->lock_fd = fd;
done:
  vault__buf_free(&path);
  return s;
}

/* While opening, "busy" means that a program without our lock is in the file. */
static vault_status refused(vault__conn *c, int rc, const char *what, vault_err *err) {
  vault_status s = vault__sqlite_fail(c, rc, 0, what, err);
  if (s != VAULT_E_RETRY)
    return s;
  return vault__fail(err, VAULT_E_LOCKED, VAULT_ORIGIN_DATABASE, rc,
                     "another program has locked the database %s; close it first", c->db->path);
}

static vault_status exec(vault__conn *c, const char *sql, vault_err *err) {
  int rc = sqlite3_exec(c->h, sql, NULL, NULL, NULL);
  return rc == SQLITE_OK ? VAULT_OK : refused(c, rc, sql, err);
}

static vault_status number(vault__conn *c, const char *sql, int64_t *out, vault_err *err) {
  sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2(c->h, sql, -1, &stmt, NULL);
  if (rc == SQLITE_OK)
    rc = sqlite3_step(stmt);
  int found = rc == SQLITE_ROW;
  if (found)
    *out = sqlite3_column_int64(stmt, 0);
  (void)sqlite3_finalize(stmt);
  return found ? VAULT_OK : refused(c, rc, "to be read", err);
}

/* A file that is not ours is not touched. An empty one becomes ours. */
static vault_status whose(vault__conn *c, int *empty, vault_err *err) {
  int64_t id = 0, tables = 0;
  VAULT_TRY(number(c, "PRAGMA application_id", &id, err));
  VAULT_TRY(number(c, "SELECT count(*) FROM sqlite_schema", &tables, err));
  *empty = id == 0 && tables == 0;
  if (id == VAULT__SQLITE_APPLICATION_ID || *empty)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_FORMAT, VAULT_ORIGIN_DATABASE, 0,
                     "%s is an SQLite database of another program", c->db->path);
}

static vault_status use_wal(vault__conn *c, vault_err *err) {
  sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2(c->h, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
  if (rc == SQLITE_OK)
    rc = sqlite3_step(stmt);
  int wal = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
  (void)sqlite3_finalize(stmt);
  if (wal)
    return VAULT_OK;
  if (rc != SQLITE_ROW)
    return refused(c, rc, "a write-ahead log", err);
  return vault__fail(err, VAULT_E_IO, VAULT_ORIGIN_DATABASE, 0,
                     "the file system of %s cannot hold a write-ahead log", c->db->path);
}

static vault_status set_up_writer(vault__conn *c, vault_err *err) {
  int empty = 0;
  VAULT_TRY(whose(c, &empty, err));
  if (empty) {
    VAULT_TRY(exec(c, "PRAGMA page_size = 4096", err));
    VAULT_TRY(exec(c, "PRAGMA auto_vacuum = INCREMENTAL", err));
  }
  if (!c->db->memory)
    VAULT_TRY(use_wal(c, err));
  _Static_assert(VAULT__SQLITE_PAGE_BYTES == 4096 && VAULT__SQLITE_APPLICATION_ID == 1447842916,
                 "the numbers in these texts");
  if (empty) /* in the log: each change before it would cost four flushes */
    VAULT_TRY(exec(c, "PRAGMA application_id = 1447842916", err));
  VAULT_TRY(exec(c, "PRAGMA synchronous = FULL", err));
  VAULT_TRY(exec(c, "PRAGMA secure_delete = OFF", err));
  VAULT_TRY(exec(c, "PRAGMA cache_size = -8192", err));
  VAULT_TRY(exec(c, "PRAGMA journal_size_limit = -1", err));
  int keep = 1;
  (void)sqlite3_file_control(c->h, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
  vault__sqlite_watch_log(c);
  return VAULT_OK;
}

/* A reader's snapshot keeps the log from beginning anew. Not 0: SQLite ends the statement. */
static int takes_too_long(void *arg) {
  vault__conn *c = arg;
  if (vault__sqlite_now_ms() - c->acquired_ms < c->db->read_max_ms)
    return 0;
  atomic_fetch_add(&c->db->reads_aborted, 1);
  return 1;
}

static vault_status set_up(vault__conn *c, vault_err *err) {
  (void)sqlite3_extended_result_codes(c->h, 1);
  (void)sqlite3_busy_timeout(c->h, (int)c->db->wait_ms);
  (void)sqlite3_db_config(c->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  (void)sqlite3_db_config(c->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  VAULT_TRY(exec(c, "PRAGMA wal_autocheckpoint = 0", err));
  VAULT_TRY(exec(c, "PRAGMA foreign_keys = ON", err));
  VAULT_TRY(exec(c, "PRAGMA temp_store = MEMORY", err));
  if (c->writer)
    return set_up_writer(c, err);
  (void)sqlite3_db_config(c->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  sqlite3_progress_handler(c->h, VAULT__SQLITE_LOOK_EVERY, takes_too_long, c);
  VAULT_TRY(exec(c, "PRAGMA cache_size = -512", err));
  return exec(c, "PRAGMA query_only = ON", err);
}

/* SQLite gives the WAL the permissions of the database, so the file is made here first. */
static vault_status make_file(const vault__sqlite *db, vault_err *err) {
  int fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return vault__fail(err, errno == ENOSPC ? VAULT_E_NO_SPACE : VAULT_E_IO, VAULT_ORIGIN_DATABASE,
                       errno, "cannot open the database %s: %s", db->path, strerror(errno));
  (void)close(fd);
  return VAULT_OK;
}

vault_status vault__sqlite_connect(vault__sqlite *db, int writer, vault__conn **out,
                                   vault_err *err) {
  if (writer && !db->memory)
    VAULT_TRY(make_file(db, err));
  vault__conn *c = vault__new(db->alloc, sizeof *c);
  if (!c)
    return vault__no_memory(err);
  c->db = db;
  c->writer = writer;
  c->acquired_ms = vault__sqlite_now_ms();
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  int rc = sqlite3_open_v2(db->path, &c->h, flags, db->memory ? NULL : db->wal.name);
  vault_status s =
    rc == SQLITE_OK ? set_up(c, err) : vault__sqlite_fail(c, rc, 0, "to be opened", err);
  if (s != VAULT_OK) {
    vault__sqlite_disconnect(c);
    return s;
  }
  c->ready = 1;
  *out = c;
  return VAULT_OK;
}

void vault__sqlite_disconnect(vault__conn *c) {
  if (!c)
    return;
  vault__sqlite_forget(c);
  /* After a failed flush nothing more may be written: a restart recovers from the WAL. */
  if (c->h && c->writer && c->db->read_only)
    (void)sqlite3_db_config(c->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  else if (c->h && c->writer && c->ready && !c->db->memory)
    vault__sqlite_empty_log(c);
  (void)sqlite3_close(c->h);
  vault__delete(c->db->alloc, c);
}
