/* Transactions: one function runs, all its statements count or none. Any thread. */
#ifndef VAULT__TX_H
#define VAULT__TX_H

#include <pthread.h>

#include "libvault/adapters/sql/sql.h"

/* Tries of one call on a database behind a network, where a deadlock or a lost connection
 * is worth another try. A local one already waited for its only writer: one try. */
#define VAULT__TX_TRIES 6
#define VAULT__TX_PAUSE_MS 2 /* before the second try; doubled before each further one */

/* What one call may read into memory. */
#define VAULT__TX_ARENA_MAX (32u << 20)

/* Who waits for the one writer of a local database, and whether somebody has it (group.h). */
typedef struct vault__member vault__member;
typedef struct vault__group {
  pthread_mutex_t lock;
  pthread_cond_t free; /* for the transactions of batches */
  vault__member *head, **tail;
  uint64_t n_members, n_batches; /* waiting */
  int held;
  uint32_t wait_ms; /* VAULT__GROUP_WAIT_MS, here so that a test can wait less */
  _Atomic uint64_t commits; /* that carried several */
} vault__group;

/* The owner of all repository ports of one database; their `self`. */
typedef struct vault__repo {
  vault__db db;
  const vault_alloc *alloc;
  vault__group group;
} vault__repo;

void vault__repo_init(vault__repo *repo, vault__db db, const vault_alloc *alloc);
void vault__repo_end(vault__repo *repo); /* the database stays as it is */

typedef struct vault__tx {
  const vault__db *db;
  vault__conn *conn;
  vault__arena arena; /* results live here until the call ends */
  int discard;        /* set by the function: answer OK, but keep nothing (it wrote only locks) */
} vault__tx;

/* May be called several times, and on another thread than the one that waits for it: it must
 * not change what it reads, and writes its outputs from the last call only. Anything but OK
 * rolls back. Nothing of tx outlives the call. */
typedef vault_status (*vault__tx_fn)(vault__tx *tx, void *ctx, vault_err *err);

/* Statements that only read, each on its own snapshot. */
vault_status vault__sql_read(vault__repo *repo, vault__tx_fn fn, void *ctx, vault_err *err);

/* One transaction; on a local database perhaps one with others (group.h). RETRY before the
 * commit is tried again, a few times, where a network is between; UNCERTAIN never. A method
 * copies its results out only after this gave OK. */
vault_status vault__sql_write(vault__repo *repo, vault__tx_fn fn, void *ctx, vault_err *err);

/* Run a registered statement. rows may be NULL. */
vault_status vault__run(vault__tx *tx, vault__sql_id id, const vault__val *params, int n_params,
                        vault__rows *rows, vault_err *err);

/* vault__run(tx, VAULT__SQL_X, VAULT__P(a, b, c), &rows, err) */
#define VAULT__P(...) \
  (const vault__val[]){__VA_ARGS__}, (int)(sizeof((vault__val[]){__VA_ARGS__}) / sizeof(vault__val))
#define VAULT__P0 NULL, 0

#endif
