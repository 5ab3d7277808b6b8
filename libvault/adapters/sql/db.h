/* The driver table: what the one SQL repository needs from a database. Two drivers
 * implement it, sql_sqlite and sql_postgres; nothing outside them knows the engine.
 *
 * A connection is confined to one thread between acquire and release. Results live in the
 * caller's arena, so nothing has to be finished or freed.
 *
 * Statuses, the same from both drivers: CONFLICT (a unique or primary key), RETRY (busy,
 * serialization, deadlock, connection lost outside COMMIT), UNCERTAIN (connection lost, or
 * a failure, during COMMIT), READ_ONLY (a flush failed: nothing is written any more),
 * NO_SPACE, IO, NO_MEMORY, INTERNAL (a statement is wrong). After any failed statement the
 * transaction is dead: only rollback is accepted, on both engines. */
#ifndef VAULT__DB_H
#define VAULT__DB_H

#include "libvault/base/arena.h"
#include "vault/base.h"

#define VAULT__DB_V1 1u

#define VAULT__DIALECT_SQLITE 0
#define VAULT__DIALECT_POSTGRES 1
#define VAULT__N_DIALECTS 2

#define VAULT__SQL_PARAMS_MAX 40

typedef enum vault__type { VAULT__INT = 1, VAULT__TEXT, VAULT__BLOB } vault__type;

/* A value that goes in or comes out. A NULL keeps its type (PostgreSQL needs it). */
typedef struct vault__val {
  vault__type type;
  int is_null;
  int64_t i;
  vault_str s; /* TEXT and BLOB; borrowed for the call going in, in the arena coming out */
} vault__val;

/* A row of the statement registry (sql.h). Parameters are written $1..$n in order of
 * meaning; drivers bind them by name. `text_of[d]` replaces `text` for one dialect. */
typedef struct vault__sql {
  const char *name;
  const char *text;
  int n_params, n_cols;
  const char *text_of[VAULT__N_DIALECTS];
} vault__sql;

typedef struct vault__rows {
  int64_t affected; /* rows changed by INSERT, UPDATE, DELETE; also with RETURNING */
  int64_t n;
  int n_cols;
  const vault__val *vals; /* n * n_cols, row after row */
} vault__rows;

typedef struct vault__conn vault__conn; /* the driver's own */

#define VAULT__DB_READ 0
#define VAULT__DB_WRITE 1

#define VAULT__DB_CAP_LOCAL 1u     /* reads never wait for a network */
#define VAULT__DB_CAP_EXCLUSIVE 2u /* one process: what another process left open is dead */
#define VAULT__DB_CAP_MEMORY 4u    /* gone with the process */

typedef struct vault__db_ops {
  uint32_t size, version;
  int dialect;
  uint32_t (*caps)(void *self);
  /* Wait for a connection. WRITE: on SQLite the single writer. The wait is bounded: RETRY. */
  vault_status (*acquire)(void *self, int mode, vault__conn **out, vault_err *err);
  /* Give it back; a transaction that is still open is rolled back. Takes NULL. */
  void (*release)(void *self, vault__conn *conn);
  /* A transaction: IMMEDIATE on SQLite, READ COMMITTED on PostgreSQL. */
  vault_status (*begin)(vault__conn *conn, vault_err *err);
  vault_status (*commit)(vault__conn *conn, vault_err *err);
  void (*rollback)(vault__conn *conn);
  /* In a transaction, not nested. undo brings back what was before it, also after a failed
   * statement; RETRY: the failure was one that ended the whole transaction. */
  vault_status (*savepoint)(vault__conn *conn, vault_err *err);
  vault_status (*keep)(vault__conn *conn, vault_err *err);
  vault_status (*undo)(vault__conn *conn, vault_err *err);
  /* Run one statement with all its parameters; rows (may be NULL) go to the arena. */
  vault_status (*run)(vault__conn *conn, const vault__sql *sql, const vault__val *params,
                      vault__arena *arena, vault__rows *out, vault_err *err);
  /* In a transaction: the same statement n_sets times, in order; params holds n_sets *
   * sql->n_params values. No rows are read; affected (may be NULL) gets n_sets counts. One
   * round trip for many on PostgreSQL. A failure is a failure of all: *affected is then not
   * set and the transaction is dead, as after run. */
  vault_status (*run_many)(vault__conn *conn, const vault__sql *sql, const vault__val *params,
                           int n_sets, int64_t *affected, vault_err *err);
  /* Several statements without parameters: the schema. Inside the caller's transaction. */
  vault_status (*script)(vault__conn *conn, const char *text, vault_err *err);
  /* Prepare without running: for the registry test. */
  vault_status (*prepare)(vault__conn *conn, const vault__sql *sql, vault_err *err);
  /* Housekeeping between transactions (checkpoints). idle = 1: nobody has worked for a
   * while. Never waits for a connection; errors are kept for who writes next. 1: it did
   * something. */
  int (*maintain)(void *self, uint32_t idle);
  void (*destroy)(void *self); /* takes NULL */
} vault__db_ops;

typedef struct vault__db {
  const vault__db_ops *ops;
  void *self;
} vault__db;

#endif
