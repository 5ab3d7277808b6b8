/* Connections are wrapped too, because the methods of a connection get nothing else. */
#include <stdlib.h>

#include "libvault/base/err.h"
#include "vt_fault.h"

/* Passed around as vault__conn, which is opaque outside a driver. */
typedef struct wrapped {
  vt_fault_db *db;
  vault__conn *real;
  int in_tx, dead;
} wrapped;

static wrapped *of(vault__conn *conn) {
  return (wrapped *)(void *)conn;
}

static const vault__db_ops *ops_of(const wrapped *c) {
  return c->db->real.ops;
}

static uint32_t caps(void *self) {
  vt_fault_db *w = self;
  return w->real.ops->caps(w->real.self);
}

static vault_status acquire(void *self, int mode, vault__conn **out, vault_err *err) {
  vt_fault_db *w = self;
  vault__conn *got = NULL;
  vt_fault_act act = vt_fault_enter(w->fault, "db.acquire", 1);
  if (act == VT_ACT_FAIL)
    return vt_fault_fail(w->fault, "db.acquire", err);
  wrapped *c = calloc(1, sizeof *c);
  if (!c)
    return vault__no_memory(err);
  vault_status st = w->real.ops->acquire(w->real.self, mode, &got, err);
  if (vt_fault_leave(act, st)) {
    w->real.ops->release(w->real.self, got);
    st = vt_fault_fail(w->fault, "db.acquire", err);
  }
  if (st != VAULT_OK) {
    free(c);
    return st;
  }
  c->db = w;
  c->real = got;
  *out = (vault__conn *)(void *)c;
  return VAULT_OK;
}

static void release(void *self, vault__conn *conn) {
  vt_fault_db *w = self;
  if (!conn)
    return;
  w->real.ops->release(w->real.self, of(conn)->real);
  free(of(conn));
}

static vault_status refuse_dead(vault_err *err) {
  return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                     "the transaction failed before: only rollback is accepted");
}

static vault_status broke(wrapped *c, const char *call, vault_err *err) {
  c->dead = c->in_tx;
  return vt_fault_fail(c->db->fault, call, err);
}

static vault_status begin(vault__conn *conn, vault_err *err) {
  wrapped *c = of(conn);
  vt_fault_act act = vt_fault_enter(c->db->fault, "db.begin", 1);
  if (act == VT_ACT_FAIL)
    return vt_fault_fail(c->db->fault, "db.begin", err);
  vault_status st = ops_of(c)->begin(c->real, err);
  if (vt_fault_leave(act, st)) {
    ops_of(c)->rollback(c->real);
    return vt_fault_fail(c->db->fault, "db.begin", err);
  }
  c->in_tx = st == VAULT_OK;
  c->dead = 0;
  return st;
}

/* A lost commit happened; a failed one did not, and its transaction waits for rollback. */
static vault_status commit(vault__conn *conn, vault_err *err) {
  wrapped *c = of(conn);
  if (c->dead)
    return refuse_dead(err);
  vt_fault_act act = vt_fault_enter(c->db->fault, "db.commit", 1);
  if (act == VT_ACT_FAIL)
    return broke(c, "db.commit", err);
  vault_status st = ops_of(c)->commit(c->real, err);
  if (st == VAULT_OK)
    c->in_tx = 0;
  return vt_fault_leave(act, st) ? vt_fault_fail(c->db->fault, "db.commit", err) : st;
}

static void rollback(vault__conn *conn) {
  wrapped *c = of(conn);
  vt_fault_act act = vt_fault_enter(c->db->fault, "db.rollback", 0);
  if (c->in_tx)
    ops_of(c)->rollback(c->real);
  c->in_tx = c->dead = 0;
  (void)vt_fault_leave(act, VAULT_OK);
}

/* Not counted: whether there is one depends on who came at the same time. */
static vault_status savepoint(vault__conn *conn, vault_err *err) {
  return ops_of(of(conn))->savepoint(of(conn)->real, err);
}

static vault_status keep(vault__conn *conn, vault_err *err) {
  return of(conn)->dead ? refuse_dead(err) : ops_of(of(conn))->keep(of(conn)->real, err);
}

static vault_status undo(vault__conn *conn, vault_err *err) {
  vault_status st = ops_of(of(conn))->undo(of(conn)->real, err);
  of(conn)->dead = st != VAULT_OK;
  return st;
}

static vault_status run(vault__conn *conn, const vault__sql *sql, const vault__val *params,
                        vault__arena *arena, vault__rows *out, vault_err *err) {
  wrapped *c = of(conn);
  vault__rows rows = {0};
  if (c->dead)
    return refuse_dead(err);
  vt_fault_act act = vt_fault_enter(c->db->fault, sql->name, 1);
  if (act == VT_ACT_FAIL)
    return broke(c, sql->name, err);
  vault_status st = ops_of(c)->run(c->real, sql, params, arena, out ? &rows : NULL, err);
  if (vt_fault_leave(act, st))
    return broke(c, sql->name, err);
  if (st == VAULT_OK && out)
    *out = rows;
  return st;
}

/* One step, like run: what is between two of its rows is the driver's affair. */
static vault_status run_many(vault__conn *conn, const vault__sql *sql, const vault__val *params,
                             int n_sets, int64_t *affected, vault_err *err) {
  wrapped *c = of(conn);
  if (c->dead)
    return refuse_dead(err);
  vt_fault_act act = vt_fault_enter(c->db->fault, sql->name, 1);
  if (act == VT_ACT_FAIL)
    return broke(c, sql->name, err);
  vault_status st = ops_of(c)->run_many(c->real, sql, params, n_sets, affected, err);
  return vt_fault_leave(act, st) ? broke(c, sql->name, err) : st;
}

static vault_status script(vault__conn *conn, const char *text, vault_err *err) {
  wrapped *c = of(conn);
  if (c->dead)
    return refuse_dead(err);
  vt_fault_act act = vt_fault_enter(c->db->fault, "db.script", 1);
  if (act == VT_ACT_FAIL)
    return broke(c, "db.script", err);
  vault_status st = ops_of(c)->script(c->real, text, err);
  return vt_fault_leave(act, st) ? broke(c, "db.script", err) : st;
}

/* For the registry test only: not a step of any use case, so not counted. */
static vault_status prepare(vault__conn *conn, const vault__sql *sql, vault_err *err) {
  return ops_of(of(conn))->prepare(of(conn)->real, sql, err);
}

/* Not counted: when it is called depends on the clock. */
static int maintain(void *self, uint32_t idle) {
  vt_fault_db *w = self;
  return w->real.ops->maintain(w->real.self, idle);
}

static void destroy(void *self) {
  vt_fault_db *w = self;
  if (w)
    w->real.ops->destroy(w->real.self);
}

#define OPS(of_dialect)                                                                            \
  {                                                                                                \
    .size = sizeof(vault__db_ops), .version = VAULT__DB_V1, .dialect = (of_dialect), .caps = caps, \
    .acquire = acquire, .release = release, .begin = begin, .commit = commit,                      \
    .rollback = rollback, .savepoint = savepoint, .keep = keep, .undo = undo, .run = run,          \
    .run_many = run_many, .script = script, .prepare = prepare, .maintain = maintain,              \
    .destroy = destroy,                                                                            \
  }

vault__db vt_fault_db_wrap(vt_fault_db *w, vt_fault *f, vault__db real) {
  static const vault__db_ops sqlite = OPS(VAULT__DIALECT_SQLITE);
  static const vault__db_ops postgres = OPS(VAULT__DIALECT_POSTGRES);
  *w = (vt_fault_db){f, real};
  return (vault__db){real.ops->dialect == VAULT__DIALECT_SQLITE ? &sqlite : &postgres, w};
}
