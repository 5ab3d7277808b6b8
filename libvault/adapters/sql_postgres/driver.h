/* Inside the PostgreSQL driver. A pool of connections; one is confined to whoever acquired
 * it. Every wait for the server has an end. */
#ifndef VAULT__POSTGRES_DRIVER_H
#define VAULT__POSTGRES_DRIVER_H

#include <libpq-fe.h>
#include <pthread.h>

#include "libvault/adapters/sql/sql.h"
#include "vault/adapters/postgres.h"

#define VAULT__PG_CONNECTIONS_MAX 256u
#define VAULT__PG_VERSION_MIN 130000
/* The server ends a statement or a wait for a lock; we give up a little later, when the
 * server itself does not answer. */
#define VAULT__PG_STATEMENT_TIMEOUT_MS 30000
#define VAULT__PG_LOCK_TIMEOUT_MS 15000
#define VAULT__PG_ANSWER_TIMEOUT_MS 40000

typedef struct vault__pg vault__pg;

/* A named statement of one connection. PostgreSQL fixed its parameter types when it was
 * prepared: two bits each, compared at every use. */
typedef struct vault__pg_stmt {
  uint64_t types[2];
  int ready;
} vault__pg_stmt;

struct vault__conn {
  vault__pg *db;
  PGconn *pg; /* NULL: not connected */
  uint64_t generation;
  int busy; /* acquired; under db->mutex */
  int in_tx;
  int dead;   /* a statement of this transaction failed: only rollback is accepted */
  int broken; /* do not use again: connect anew */
  vault__pg_stmt stmts[VAULT__SQL_COUNT];
};

struct vault__pg {
  const vault_alloc *alloc;
  char *conninfo;
  uint32_t wait_ms, n_conns;
  int unprepared;
  pthread_mutex_t mutex;
  pthread_cond_t idle;
  uint64_t generation; /* under mutex; grows when a connection is lost: the idle ones are old */
  vault__conn *conns;
};

/* error.c */
/* What the server or libpq said. r may be NULL (no answer came). in_commit: it is not known
 * whether the transaction counts, unless the server said that it does not. */
vault_status vault__pg_fail(vault__conn *c, const PGresult *r, int in_commit, const char *what,
                            vault_err *err);

/* request.c: the end of a wait for the server that begins now. */
int64_t vault__pg_deadline_ms(void);
/* Everything goes out. 0: the server is lost. */
int vault__pg_send_out(PGconn *pg, int64_t until_ms);
/* The next result, or NULL with *lost = 0 when all of this statement have come. */
PGresult *vault__pg_next(PGconn *pg, int64_t until_ms, int *lost);
int vault__pg_is_good(const PGresult *r);

/* request.c: after a PQsend...() that returned `sent`: wait for the last result, which the
 * caller clears. Anything but a good result is a failure, and *out is then NULL. */
vault_status vault__pg_finish(vault__conn *c, int sent, int in_commit, const char *what,
                              PGresult **out, vault_err *err);
/* Text without parameters, perhaps several statements. */
vault_status vault__pg_command(vault__conn *c, const char *text, int in_commit, vault_err *err);

/* One set of parameters as libpq takes it; borrows the values. */
typedef struct vault__pg_wire {
  Oid types[VAULT__SQL_PARAMS_MAX];
  const char *values[VAULT__SQL_PARAMS_MAX];
  int lengths[VAULT__SQL_PARAMS_MAX];
  int formats[VAULT__SQL_PARAMS_MAX];
  unsigned char numbers[VAULT__SQL_PARAMS_MAX][8];
  uint64_t signature[2];
} vault__pg_wire;

/* statement.c */
vault_status vault__pg_encode(const vault__sql *sql, const vault__val *params, vault__pg_wire *w,
                              vault_err *err);
/* Prepare the statement if this connection has not yet, and check the types. at: its number;
 * -1 for one that is sent as text. */
vault_status vault__pg_make_ready(vault__conn *c, int at, const vault__sql *sql,
                                  const vault__pg_wire *w, vault_err *err);
/* What PQsendQueryPrepared or PQsendQueryParams returned. */
int vault__pg_send(vault__conn *c, int at, const vault__sql *sql, const vault__pg_wire *w);
int64_t vault__pg_affected(const PGresult *r);
int vault__pg_number(const vault__conn *c, const vault__sql *sql); /* `at` of the above */
vault_status vault__pg_check_alive(const vault__conn *c, vault_err *err);
/* A failure in a transaction ends it. */
vault_status vault__pg_die(vault__conn *c, vault_status s);
vault_status vault__pg_run(vault__conn *c, const vault__sql *sql, const vault__val *params,
                           vault__arena *arena, vault__rows *out, vault_err *err);
vault_status vault__pg_script(vault__conn *c, const char *text, vault_err *err);
vault_status vault__pg_prepare(vault__conn *c, const vault__sql *sql, vault_err *err);

/* pipeline.c */
vault_status vault__pg_run_many(vault__conn *c, const vault__sql *sql, const vault__val *params,
                                int n_sets, int64_t *affected, vault_err *err);

/* connect.c */
vault_status vault__pg_connect(vault__conn *c, vault_err *err); /* drops an old connection */
void vault__pg_disconnect(vault__conn *c);
/* Is this a server that keeps what it acknowledges? USAGE otherwise. */
vault_status vault__pg_check_server(vault__conn *c, vault_err *err);

#endif
