/* Inside the SQLite driver. One writer connection and several readers in one process; a
 * connection is confined to whoever acquired it. */
#ifndef VAULT__SQLITE_DRIVER_H
#define VAULT__SQLITE_DRIVER_H

#include <pthread.h>
#include <sqlite3.h>

#include "libvault/adapters/sql/sql.h"
#include "wal_vfs.h"
#include "vault/adapters/sqlite.h"

#define VAULT__SQLITE_READERS_MAX 64u
#define VAULT__SQLITE_PAGE_BYTES 4096
/* "VLTd": tells our files from other SQLite databases (file(1) shows it). */
#define VAULT__SQLITE_APPLICATION_ID 0x564c5464
/* Outstanding log (what no checkpoint has copied yet) from which the writer checkpoints: when
 * nobody works, and between two commits. From the last one on, commits are refused. */
#define VAULT__SQLITE_CHECKPOINT_IDLE_BYTES (4u << 20)
#define VAULT__SQLITE_CHECKPOINT_BYTES (64u << 20)
#define VAULT__SQLITE_OUTSTANDING_MAX_BYTES (1u << 30)
/* After a checkpoint that could not copy all (a reader, a full disk): when the next one. */
#define VAULT__SQLITE_CHECKPOINT_PAUSE_MS 1000
/* How long the log waits for readers when it must begin anew. */
#define VAULT__SQLITE_RESTART_WAIT_MS 100
/* A read that takes longer is ended: its snapshot would let the log grow. */
#define VAULT__SQLITE_READ_MAX_MS 5000
/* Steps of SQLite's machine between two looks at the clock: some tens of microseconds. */
#define VAULT__SQLITE_LOOK_EVERY 4000

typedef struct vault__sqlite vault__sqlite;

typedef struct vault__sqlite_stmt {
  sqlite3_stmt *stmt;
  int index[VAULT__SQL_PARAMS_MAX]; /* SQLite's number of $1, $2, ... */
} vault__sqlite_stmt;

/* What every transaction says: prepared once. */
typedef enum vault__sqlite_word {
  VAULT__SQLITE_BEGIN,
  VAULT__SQLITE_COMMIT,
  VAULT__SQLITE_SAVEPOINT,
  VAULT__SQLITE_KEEP,
  VAULT__SQLITE_UNDO,
  VAULT__SQLITE_WORDS
} vault__sqlite_word;

struct vault__conn {
  vault__sqlite *db;
  sqlite3 *h;
  int writer;
  int ready; /* it opened as it should, and the file is ours */
  int in_tx;
  int in_savepoint;
  int lost;              /* what failed cannot be undone to the savepoint */
  int full;              /* the disk had no room for what the writer wrote last */
  int dead;              /* a statement of this transaction failed: only rollback is accepted */
  int busy;              /* acquired; under db->mutex */
  int wal_frames;        /* writer: frames in the WAL after the last commit */
  int wal_written;       /* writer: how many of them a checkpoint has copied */
  uint64_t wal_restarts; /* writer: of db->wal when they were counted */
  int64_t checkpoint_from_ms; /* writer: not before; after one that could not copy all */
  int64_t acquired_ms;
  sqlite3_stmt *words[VAULT__SQLITE_WORDS];
  vault__sqlite_stmt cache[VAULT__SQL_COUNT];
};

struct vault__sqlite {
  const vault_alloc *alloc;
  char *path;
  int lock_fd; /* -1: in memory */
  int memory;
  uint32_t wait_ms;
  vault__wal wal;
  /* VAULT__SQLITE_*, here so that a test can reach them with less. */
  uint64_t checkpoint_idle_bytes, checkpoint_bytes, outstanding_max_bytes;
  uint32_t checkpoint_pause_ms, read_max_ms;
  _Atomic uint64_t checkpoints;   /* that copied something */
  _Atomic uint64_t reads_aborted; /* for taking longer than read_max_ms */
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
int vault__sqlite_say(vault__conn *c, vault__sqlite_word word); /* SQLite's code */
void vault__sqlite_forget(vault__conn *c);                      /* finish all cached statements */

/* checkpoint.c: the writer's connection only, outside a transaction */
int64_t vault__sqlite_now_ms(void);
void vault__sqlite_watch_log(vault__conn *c); /* once, after opening */
uint64_t vault__sqlite_outstanding(const vault__conn *c);
/* Copy what readers allow into the database file; *copied (may be NULL): 1 if it did
 * something. NO_SPACE and what was busy are left for later. */
vault_status vault__sqlite_checkpoint(vault__conn *c, int *copied, vault_err *err);
/* Before a transaction: OK, or RETRY while too much is outstanding. */
vault_status vault__sqlite_check_log(vault__conn *c, vault_err *err);
/* After a commit, and when there is time (idle). 1: it copied something. */
int vault__sqlite_after_commit(vault__conn *c, int idle);
void vault__sqlite_empty_log(vault__conn *c); /* before closing: nothing is left to recover */

/* connect.c */
vault_status vault__sqlite_connect(vault__sqlite *db, int writer, vault__conn **out,
                                   vault_err *err);
void vault__sqlite_disconnect(vault__conn *c); /* takes NULL */
/* Lock the database for this process. LOCKED: another has it. */
vault_status vault__sqlite_lock(vault__sqlite *db, vault_err *err);

#endif
