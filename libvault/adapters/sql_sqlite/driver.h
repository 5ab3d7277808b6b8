/* Inside the SQLite driver. One writer connection and several readers in one process; a
 * connection is confined to whoever acquired it. */
#ifndef VAULT__SQLITE_DRIVER_H
#define VAULT__SQLITE_DRIVER_H

#include <pthread.h>
#include <sqlite3.h>

#include "libvault/adapters/sql/sql.h"
#include "vault/adapters/sqlite.h"

#define VAULT__SQLITE_READERS_MAX 64u
#define VAULT__SQLITE_PAGE_BYTES 4096
/* "VLTd": tells our files from other SQLite databases (file(1) shows it). */
#define VAULT__SQLITE_APPLICATION_ID 0x564c5464
/* Outstanding WAL from which the writer checkpoints after a commit. */
#define VAULT__SQLITE_CHECKPOINT_BYTES (4u << 20)

typedef struct vault__sqlite vault__sqlite;

typedef struct vault__sqlite_stmt {
  sqlite3_stmt *stmt;
  int index[VAULT__SQL_PARAMS_MAX]; /* SQLite's number of $1, $2, ... */
} vault__sqlite_stmt;

struct vault__conn {
  vault__sqlite *db;
  sqlite3 *h;
  int writer;
  int in_tx;
  int dead;        /* a statement of this transaction failed: only rollback is accepted */
  int busy;        /* acquired; under db->mutex */
  int wal_frames;  /* writer: frames in the WAL after the last commit */
  int wal_written; /* writer: how many of them a checkpoint has copied */
  vault__sqlite_stmt cache[VAULT__SQL_COUNT];
};

struct vault__sqlite {
  const vault_alloc *alloc;
  char *path;
  int lock_fd; /* -1: in memory */
  int memory;
  uint32_t wait_ms;
  pthread_mutex_t mutex;
  pthread_cond_t idle;
  int read_only; /* a flush failed; under mutex, never goes back */
  uint32_t n_readers;
  vault__conn *writer;
  vault__conn *readers[VAULT__SQLITE_READERS_MAX];
};

/* error.c: what a native code means, and the sentence for it. A failed write or flush makes
 * the store read-only; in_commit turns it into UNCERTAIN. */
vault_status vault__sqlite_fail(vault__conn *c, int rc, int in_commit, const char *what,
                                vault_err *err);

/* statement.c */
vault_status vault__sqlite_run(vault__conn *c, const vault__sql *sql, const vault__val *params,
                               vault__arena *arena, vault__rows *out, vault_err *err);
vault_status vault__sqlite_run_many(vault__conn *c, const vault__sql *sql, const vault__val *params,
                                    int n_sets, int64_t *affected, vault_err *err);
vault_status vault__sqlite_script(vault__conn *c, const char *text, vault_err *err);
vault_status vault__sqlite_prepare(vault__conn *c, const vault__sql *sql, vault_err *err);
void vault__sqlite_forget(vault__conn *c); /* finish all cached statements */

/* connect.c */
vault_status vault__sqlite_connect(vault__sqlite *db, int writer, vault__conn **out,
                                   vault_err *err);
void vault__sqlite_disconnect(vault__conn *c); /* takes NULL */
/* Lock the database for this process. LOCKED: another has it. */
vault_status vault__sqlite_lock(vault__sqlite *db, vault_err *err);

#endif
