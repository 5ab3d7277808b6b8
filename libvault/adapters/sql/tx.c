#include "libvault/adapters/sql/tx.h"

#include <time.h>

#include "libvault/adapters/sql/group.h"
#include "libvault/base/err.h"

vault_status vault__run(vault__tx *tx, vault__sql_id id, const vault__val *params, int n_params,
                        vault__rows *rows, vault_err *err) {
  const vault__sql *sql = &vault__statements[id];
  if (n_params != sql->n_params)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                       "statement %s was given %d parameters and needs %d", sql->name, n_params,
                       sql->n_params);
  return tx->db->ops->run(tx->conn, sql, params, &tx->arena, rows, err);
}

static void back_off(int tries_done) {
  long ms = (long)VAULT__TX_PAUSE_MS << (tries_done - 1);
  struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};
  (void)nanosleep(&pause, NULL);
}

static vault_status try_write(vault__repo *repo, vault__tx *tx, vault__tx_fn fn, void *ctx,
                              vault_err *err) {
  const vault__db_ops *ops = repo->db.ops;
  VAULT_TRY(ops->acquire(repo->db.self, VAULT__DB_WRITE, &tx->conn, err));
  vault_status s = ops->begin(tx->conn, err);
  if (s == VAULT_OK)
    s = fn(tx, ctx, err);
  if (s != VAULT_OK || tx->discard)
    ops->rollback(tx->conn);
  else
    s = ops->commit(tx->conn, err);
  ops->release(repo->db.self, tx->conn);
  return s;
}

static vault_status try_read(vault__repo *repo, vault__tx *tx, vault__tx_fn fn, void *ctx,
                             vault_err *err) {
  const vault__db_ops *ops = repo->db.ops;
  VAULT_TRY(ops->acquire(repo->db.self, VAULT__DB_READ, &tx->conn, err));
  vault_status s = fn(tx, ctx, err);
  ops->release(repo->db.self, tx->conn);
  return s;
}

static int is_local(const vault__repo *repo) {
  return (repo->db.ops->caps(repo->db.self) & VAULT__DB_CAP_LOCAL) != 0;
}

typedef vault_status (*try_fn)(vault__repo *repo, vault__tx *tx, vault__tx_fn fn, void *ctx,
                               vault_err *err);

static vault_status with_retries(vault__repo *repo, try_fn once, vault__tx_fn fn, void *ctx,
                                 vault_err *err) {
  int tries = is_local(repo) ? 1 : VAULT__TX_TRIES;
  for (int done = 1;; done++) {
    vault__tx tx = {.db = &repo->db};
    vault__arena_init(&tx.arena, repo->alloc, VAULT__TX_ARENA_MAX);
    vault_status s = once(repo, &tx, fn, ctx, err);
    vault__arena_free(&tx.arena);
    if (s != VAULT_E_RETRY || done >= tries)
      return s;
    back_off(done);
  }
}

vault_status vault__sql_read(vault__repo *repo, vault__tx_fn fn, void *ctx, vault_err *err) {
  return with_retries(repo, try_read, fn, ctx, err);
}

vault_status vault__sql_write(vault__repo *repo, vault__tx_fn fn, void *ctx, vault_err *err) {
  if (is_local(repo))
    return vault__group_write(repo, fn, ctx, err);
  return with_retries(repo, try_write, fn, ctx, err);
}
