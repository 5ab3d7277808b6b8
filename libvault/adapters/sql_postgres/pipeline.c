/* One statement many times: libpq's pipeline mode, one Sync at the end. What is sent and not
 * yet answered is bounded: after each slice the server is asked for its answers. */
#include "driver.h"
#include "libvault/base/err.h"

#define SLICE_SETS 256
#define SLICE_BYTES (256u << 10)

typedef struct pipe {
  vault__conn *c;
  const vault__sql *sql;
  int at;
  int64_t until_ms;
  int lost;
  PGresult *failure; /* the first one */
} pipe;

static uint64_t bytes_of(const vault__sql *sql, const vault__val *params) {
  uint64_t n = 0;
  for (int i = 0; i < sql->n_params; i++)
    n += params[i].s.n + sizeof(int64_t);
  return n;
}

/* As many sets as fit a slice, at least one. *sent says how many went. */
static vault_status send_slice(pipe *p, const vault__val *params, int n_sets, int *sent,
                               vault_err *err) {
  uint64_t bytes = 0;
  int n = 0;
  vault_status s = VAULT_OK;
  while (s == VAULT_OK && n < n_sets && n < SLICE_SETS && bytes < SLICE_BYTES) {
    const vault__val *set = params + (size_t)n * (size_t)p->sql->n_params;
    vault__pg_wire w;
    s = vault__pg_encode(p->sql, set, &w, err);
    if (s == VAULT_OK) /* it is prepared: this only compares the types */
      s = vault__pg_make_ready(p->c, p->at, p->sql, &w, err);
    if (s != VAULT_OK)
      break;
    if (!vault__pg_send(p->c, p->at, p->sql, &w)) {
      p->lost = 1;
      break;
    }
    bytes += bytes_of(p->sql, set);
    n++;
  }
  *sent = n;
  return s;
}

/* The answer of one set: a result, then the NULL that ends it. */
static void take_answer(pipe *p, int64_t *affected) {
  PGresult *r;
  while (!p->lost && (r = vault__pg_next(p->c->pg, p->until_ms, &p->lost)) != NULL) {
    int good = vault__pg_is_good(r);
    if (good && affected)
      *affected = vault__pg_affected(r);
    if (!good && !p->failure && PQresultStatus(r) != PGRES_PIPELINE_ABORTED)
      p->failure = r;
    else
      PQclear(r);
  }
}

static void take_sync(pipe *p) {
  PGresult *r = p->lost ? NULL : vault__pg_next(p->c->pg, p->until_ms, &p->lost);
  if (!r || PQresultStatus(r) != PGRES_PIPELINE_SYNC)
    p->lost = 1;
  PQclear(r);
}

/* Send n_sets, the Sync behind the last one, and take every answer. */
static vault_status run_all(pipe *p, const vault__val *params, int n_sets, int64_t *affected,
                            vault_err *err) {
  vault_status s = VAULT_OK;
  int done = 0, synced = 0;
  while (!p->lost && !synced) {
    int sent = 0;
    if (!p->failure)
      s =
        send_slice(p, params + (size_t)done * (size_t)p->sql->n_params, n_sets - done, &sent, err);
    synced = s != VAULT_OK || p->failure || done + sent == n_sets;
    p->until_ms = vault__pg_deadline_ms();
    if (!p->lost && !(synced ? PQpipelineSync(p->c->pg) : PQsendFlushRequest(p->c->pg)))
      p->lost = 1;
    if (!p->lost && !vault__pg_send_out(p->c->pg, p->until_ms))
      p->lost = 1;
    for (int i = 0; i < sent && !p->lost; i++)
      take_answer(p, affected ? &affected[done + i] : NULL);
    done += sent;
  }
  take_sync(p);
  return s;
}

vault_status vault__pg_run_many(vault__conn *c, const vault__sql *sql, const vault__val *params,
                                int n_sets, int64_t *affected, vault_err *err) {
  VAULT_TRY(vault__pg_check_alive(c, err));
  if (!c->in_tx)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                       "statement %s may run many times in a transaction only", sql->name);
  if (n_sets <= 0)
    return VAULT_OK;
  pipe p = {.c = c, .sql = sql, .at = vault__pg_number(c, sql)};
  vault__pg_wire first;
  vault_status s = vault__pg_encode(sql, params, &first, err);
  if (s == VAULT_OK)
    s = vault__pg_make_ready(c, p.at, sql, &first, err);
  if (s != VAULT_OK)
    return vault__pg_die(c, s);
  p.lost = !PQenterPipelineMode(c->pg);
  s = run_all(&p, params, n_sets, affected, err);
  if (!p.lost && !PQexitPipelineMode(c->pg))
    p.lost = 1;
  if (p.lost) { /* whatever failed before it: the connection is what went */
    s = vault__pg_fail(c, NULL, 0, sql->name, err);
  } else if (s == VAULT_OK && p.failure) {
    s = vault__pg_fail(c, p.failure, 0, sql->name, err);
  }
  PQclear(p.failure);
  return vault__pg_die(c, s);
}
