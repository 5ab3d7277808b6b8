/* Transactions of the items repository: running statements, decoding rows, and holding one
 * user while the rules are checked.
 *
 * Every change starts with vault__items_hold(), which locks the user's usage row. On
 * PostgreSQL that makes the user's transactions run one after
 * the other, and each later statement sees what the earlier transaction committed; on
 * SQLite there is one writer anyway. Rules are then checked by reads, and the writes that
 * follow cannot break one. */
#include <string.h>

#include "items_sql.h"

typedef struct call {
  vault__items_work work;
  void *arg;
  vault_id behind; /* whose fresh items were too many for work; zero: nobody's */
} call;

static vault_status trampoline(vault__tx *tx, void *ctx, vault_err *err) {
  call *c = ctx;
  vault__items_tx t = {.tx = tx, .err = err};
  vault_status s = c->work(&t, c->arg);
  c->behind = t.behind;
  return s;
}

static vault_status catch_up_work(vault__items_tx *t, void *arg) {
  vault__items_user u;
  VAULT_TRY(vault__items_hold(t, arg, &u));
  return vault__items_index_some(t, &u, VAULT__CATCH_UP_STEP);
}

/* A user with very many fresh items gets their rows in transactions of their own, so that
 * others have their turn in between; then work is tried again. */
vault_status vault__items_write(void *self, vault__items_work work, void *arg, vault_err *err) {
  call c = {.work = work, .arg = arg};
  vault_status s = vault__sql_write(self, trampoline, &c, err);
  for (unsigned i = 0; i < VAULT__CATCH_UP_STEPS && !vault__id_is_zero(&c.behind); i++) {
    call step = {.work = catch_up_work, .arg = &c.behind};
    VAULT_TRY(vault__sql_write(self, trampoline, &step, err));
    s = vault__sql_write(self, trampoline, &c, err);
  }
  return vault__id_is_zero(&c.behind) ? s : VAULT_E_RETRY;
}

vault_status vault__items_read(void *self, vault__items_work work, void *arg, vault_err *err) {
  call c = {.work = work, .arg = arg};
  return vault__sql_read(self, trampoline, &c, err);
}

vault_status vault__items_run(vault__items_tx *t, vault__sql_id id, const vault__val *params,
                              int n_params, vault__rows *rows) {
  vault_status s = vault__run(t->tx, id, params, n_params, rows, t->err);
  if (s != VAULT_OK)
    t->dead = 1;
  return s;
}

vault_status vault__items_run1(vault__items_tx *t, vault__sql_id id, const vault__val *params,
                               int n_params) {
  vault__rows rows = {0};
  VAULT_TRY(vault__items_run(t, id, params, n_params, &rows));
  if (rows.affected == 1)
    return VAULT_OK;
  t->dead = 1;
  return vault__fail(t->err, VAULT_E_INTERNAL, VAULT_ORIGIN_ITEMS, 0,
                     "%s changed %lld rows instead of one; nothing was kept",
                     vault__statements[id].name, (long long)rows.affected);
}

vault_status vault__items_run_many(vault__items_tx *t, vault__sql_id id, const vault__val *params,
                                   uint64_t n_sets, int64_t *affected) {
  const vault__db_ops *ops = t->tx->db->ops;
  vault_status s =
    ops->run_many(t->tx->conn, &vault__statements[id], params, (int)n_sets, affected, t->err);
  if (s != VAULT_OK)
    t->dead = 1;
  return s;
}

vault_status vault__items_row_ok(vault__items_tx *t, const vault__row *r) {
  vault_status s = vault__row_check(r, t->err);
  if (s != VAULT_OK)
    t->dead = 1;
  return s;
}

/* ---- decoding ------------------------------------------------------------------- */

void vault__items_decode(vault__row *r, vault_item_row *out, vault_str *key) {
  vault__get_id(r, &out->id);
  vault__get_id(r, &out->user);
  vault__get_id(r, &out->parent);
  vault__get_id(r, &out->version);
  vault__get_id(r, &out->blob);
  out->kind = vault__get_u32(r);
  out->space = vault__get_u32(r);
  out->size_bytes = vault__get_u64(r);
  out->mtime_ns = vault__get_int(r);
  out->has_mtime = vault__get_u32(r);
  out->n_versions = vault__get_u32(r);
  out->created_ms = vault__get_int(r);
  out->modified_ms = vault__get_int(r);
  out->trashed_ms = vault__get_int(r);
  out->seq = vault__get_int(r);
  vault__get_id(r, &out->trash_root);
  vault__get_fixed(r, out->sha256, sizeof out->sha256);
  vault__get_text(r, out->name, sizeof out->name);
  vault__get_text(r, out->content_type, sizeof out->content_type);
  vault_str name_key = vault__get_str(r);
  if (key)
    *key = name_key;
}

void vault__items_decode_blob(vault__row *r, vault_blob_row *out) {
  vault__get_id(r, &out->key.blob);
  vault__get_id(r, &out->key.user);
  out->key.space = vault__get_u32(r);
  vault__get_text(r, out->key.ext, sizeof out->key.ext);
  out->state = vault__get_u32(r);
  out->format = vault__get_u32(r);
  out->size_bytes = vault__get_u64(r);
  out->refs = vault__get_int(r);
  out->dead_ms = vault__get_int(r);
  vault__get_fixed(r, out->sha256, sizeof out->sha256);
  out->loc = vault__get_u32(r);
  out->reserved = 0;
}

void vault__items_decode_version(vault__row *r, vault_version_row *out) {
  vault__get_id(r, &out->id);
  vault__get_id(r, &out->item);
  vault__get_id(r, &out->blob.user);
  vault__get_id(r, &out->blob.blob);
  out->blob.space = vault__get_u32(r);
  vault__get_text(r, out->blob.ext, sizeof out->blob.ext);
  out->format = vault__get_u32(r);
  out->loc = vault__get_u32(r);
  out->size_bytes = vault__get_u64(r);
  out->mtime_ns = vault__get_int(r);
  out->has_mtime = vault__get_u32(r);
  out->reserved2 = 0;
  out->created_ms = vault__get_int(r);
  vault__get_text(r, out->content_type, sizeof out->content_type);
  vault__get_fixed(r, out->sha256, sizeof out->sha256);
}

void vault__items_decode_usage(vault__row *r, vault_usage_row *out, int64_t *outside) {
  out->quota_bytes = vault__get_u64(r);
  out->live_bytes = vault__get_u64(r);
  out->versions_bytes = vault__get_u64(r);
  out->trash_bytes = vault__get_u64(r);
  out->partial_bytes = vault__get_u64(r);
  out->files = vault__get_u64(r);
  int64_t other = vault__get_int(r);
  if (outside)
    *outside = other;
}

/* ---- one user ---------------------------------------------------------------------- */

/* One row of LEDGER_LOCK or LEDGER_LOCK_MANY. */
static void decode_held(vault__row *r, const vault_id *user, vault__items_user *out) {
  vault__items_user held = {.id = *user};
  vault__items_decode_usage(r, &held.usage, &held.outside_bytes);
  held.seq0 = held.seq = vault__get_int(r);
  held.fresh = vault__get_int(r);
  held.usage.user = *user;
  held.usage.seq = held.seq;
  *out = held;
}

vault_status vault__items_hold(vault__items_tx *t, const vault_id *user, vault__items_user *u) {
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_LEDGER_LOCK, VAULT__P(vault__p_id(user)), &rows));
  if (rows.n == 0)
    return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0, "there is no such user");
  vault__row r = vault__row_at(&rows, 0);
  decode_held(&r, user, u);
  return vault__items_row_ok(t, &r);
}

#define LOCK_AT_ONCE 16 /* parameters of LEDGER_LOCK_MANY */

/* Places that are left over are filled with the last id. */
static vault_status hold_some(vault__items_tx *t, vault__items_user *users, uint64_t n,
                              uint8_t *there) {
  vault__val ids[LOCK_AT_ONCE];
  vault__rows rows;
  uint64_t at = 0;
  for (uint64_t i = 0; i < LOCK_AT_ONCE; i++)
    ids[i] = vault__p_id(&users[i < n ? i : n - 1].id);
  VAULT_TRY(vault__items_run(t, VAULT__SQL_LEDGER_LOCK_MANY, ids, LOCK_AT_ONCE, &rows));
  for (uint64_t i = 0; i < n; i++)
    there[i] = 0;
  for (int64_t k = 0; k < rows.n; k++) {
    vault__items_user held;
    vault_id none = {{0}};
    vault__row r = vault__row_at(&rows, k);
    decode_held(&r, &none, &held);
    vault__get_id(&r, &held.id);
    VAULT_TRY(vault__items_row_ok(t, &r));
    held.usage.user = held.id;
    while (at < n && !vault__id_eq(&users[at].id, &held.id))
      at++;
    if (at == n)
      break;
    users[at] = held;
    there[at++] = 1;
  }
  return VAULT_OK;
}

vault_status vault__items_hold_many(vault__items_tx *t, vault__items_user *users, uint64_t n,
                                    uint8_t *there) {
  for (uint64_t i = 0; i < n; i += LOCK_AT_ONCE) {
    uint64_t some = n - i < LOCK_AT_ONCE ? n - i : LOCK_AT_ONCE;
    VAULT_TRY(hold_some(t, users + i, some, there + i));
  }
  return VAULT_OK;
}

vault_status vault__items_lock(vault__items_tx *t, const vault_id *user, vault__items_user *u) {
  memset(&t->behind, 0, sizeof t->behind);
  VAULT_TRY(vault__items_hold(t, user, u));
  if (u->fresh <= VAULT__CATCH_UP_STEP)
    return vault__items_index(t, u);
  t->behind = *user;
  t->dead = 1;
  return vault__fail(t->err, VAULT_E_BUSY, VAULT_ORIGIN_ITEMS, 0,
                     "this user's last uploads are still being indexed; try again in a moment");
}

int vault__items_fits(const vault__items_user *u, int64_t n) {
  const vault_usage_row *w = &u->usage;
  uint64_t used = w->live_bytes + w->versions_bytes + w->trash_bytes + w->partial_bytes;
  return n <= 0 || (used <= w->quota_bytes && (uint64_t)n <= w->quota_bytes - used);
}

vault_status vault__items_charge(vault__items_user *u, const vault__items_delta *d,
                                 vault_err *err) {
  vault_usage_row *w = &u->usage;
  if (!vault__items_fits(u, d->live + d->versions + d->trash + d->partial))
    return vault__fail(err, VAULT_E_QUOTA, VAULT_ORIGIN_ITEMS, 0, NULL);
  w->live_bytes += (uint64_t)d->live;
  w->versions_bytes += (uint64_t)d->versions;
  w->trash_bytes += (uint64_t)d->trash;
  w->partial_bytes += (uint64_t)d->partial;
  w->files += (uint64_t)d->files;
  u->charged = 1;
  return VAULT_OK;
}

vault_status vault__items_move(vault__items_tx *t, vault__items_user *u,
                               const vault__items_delta *d) {
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_LEDGER_MOVE,
                             VAULT__P(vault__p_id(&u->id), vault__p_int(d->live),
                                      vault__p_int(d->versions), vault__p_int(d->trash),
                                      vault__p_int(d->partial), vault__p_int(d->files)),
                             &rows));
  if (rows.n == 0)
    return vault__fail(t->err, VAULT_E_QUOTA, VAULT_ORIGIN_ITEMS, 0, NULL);
  vault__row r = vault__row_at(&rows, 0);
  vault__items_decode_usage(&r, &u->usage, &u->outside_bytes);
  return vault__items_row_ok(t, &r);
}

static vault_status numbers_moved(vault__items_tx *t) {
  t->dead = 1;
  return vault__fail(t->err, VAULT_E_RETRY, VAULT_ORIGIN_ITEMS, 0, NULL);
}

#define SEQ_PARAMS 4
#define LEDGER_PARAMS 6

static void seq_params(const vault__items_user *u, vault__val out[SEQ_PARAMS]) {
  out[0] = vault__p_id(&u->id);
  out[1] = vault__p_int(u->seq0);
  out[2] = vault__p_int(u->seq);
  out[3] = vault__p_int(u->fresh);
}

vault_status vault__items_settle(vault__items_tx *t, vault__items_user *u) {
  vault__rows rows = {0};
  vault__val params[SEQ_PARAMS];
  if (u->seq == u->seq0)
    return VAULT_OK;
  seq_params(u, params);
  VAULT_TRY(vault__items_run(t, VAULT__SQL_SEQ_SET, params, SEQ_PARAMS, &rows));
  /* Someone took a number without holding the usage row; ours would not be unique. */
  return rows.affected == 1 ? VAULT_OK : numbers_moved(t);
}

static void ledger_params(const vault__items_user *u, vault__val out[LEDGER_PARAMS]) {
  out[0] = vault__p_id(&u->id);
  out[1] = vault__p_u64(u->usage.live_bytes);
  out[2] = vault__p_u64(u->usage.versions_bytes);
  out[3] = vault__p_u64(u->usage.trash_bytes);
  out[4] = vault__p_u64(u->usage.partial_bytes);
  out[5] = vault__p_u64(u->usage.files);
}

vault_status vault__items_settle_all(vault__items_tx *t, const vault__items_user *users,
                                     uint64_t n) {
  vault__val *ledger = vault__arena_get(&t->tx->arena, n * LEDGER_PARAMS * sizeof *ledger);
  vault__val *seq = vault__arena_get(&t->tx->arena, n * SEQ_PARAMS * sizeof *seq);
  int64_t *affected = vault__arena_get(&t->tx->arena, n * sizeof *affected);
  uint64_t n_ledger = 0, n_seq = 0;
  if (!ledger || !seq || !affected) {
    t->dead = 1;
    return vault__no_memory(t->err);
  }
  for (uint64_t i = 0; i < n; i++) {
    if (users[i].charged)
      ledger_params(&users[i], ledger + LEDGER_PARAMS * n_ledger++);
    if (users[i].seq != users[i].seq0)
      seq_params(&users[i], seq + SEQ_PARAMS * n_seq++);
  }
  if (n_ledger)
    VAULT_TRY(vault__items_run_many(t, VAULT__SQL_LEDGER_WRITE, ledger, n_ledger, NULL));
  if (n_seq)
    VAULT_TRY(vault__items_run_many(t, VAULT__SQL_SEQ_SET, seq, n_seq, affected));
  for (uint64_t i = 0; i < n_seq; i++)
    if (affected[i] != 1)
      return numbers_moved(t);
  return VAULT_OK;
}
