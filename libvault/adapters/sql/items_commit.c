/* A commit: many members, one transaction, one flush.
 *
 * Members run sorted by user (the order within a user is kept), so that two batches take
 * users' locks in the same order. A member that breaks a rule has changed nothing and gets
 * its status; the others go on. Failure modes:
 *  - a statement fails: nothing of the transaction is kept; the batch is run again in two
 *    halves, so that in the end only the member that fails gets the error;
 *  - the commit itself fails for a reason that says nothing was kept: the same;
 *  - UNCERTAIN: the members are looked up. Waiting for the users' locks first means that a
 *    server that is still committing has finished. If even that fails, they stay UNCERTAIN. */
#include <string.h>

#include "items_sql.h"
#include "libvault/adapters/sql/group.h"

/* Tries of a single member when the database says RETRY. */
#define SINGLE_TRIES 5
/* Rows read by one transaction of a batch: a few per member. */
#define BATCH_ARENA_MAX (16u << 20)

typedef struct batch {
  vault__repo *repo;
  const vault_commit_item *items;
  vault_commit_result *results;
  uint16_t order[VAULT_COMMIT_MAX];
} batch;

static vault_commit_result *result_at(batch *b, uint64_t i) {
  return &b->results[b->order[i]];
}

static const vault_commit_item *item_at(const batch *b, uint64_t i) {
  return &b->items[b->order[i]];
}

static void set_result(vault_commit_result *r, vault_status s) {
  memset(r, 0, sizeof *r);
  r->size = (uint32_t)sizeof *r;
  r->status = s;
}

/* A rule that was broken stays broken: only these may change their status later. */
static int may_be_durable(const vault_commit_result *r) {
  return r->status == VAULT_OK;
}

static void set_range(batch *b, uint64_t from, uint64_t to, vault_status s) {
  for (uint64_t i = from; i < to; i++)
    set_result(result_at(b, i), s);
}

/* Insertion sort: at most VAULT_COMMIT_MAX, mostly sorted, and it keeps equal ones in order. */
static void sort_by_user(batch *b, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) {
    uint64_t at = i;
    const vault_id *user = &b->items[i].blob.user;
    while (at > 0 && memcmp(item_at(b, at - 1)->blob.user.b, user->b, sizeof user->b) > 0) {
      b->order[at] = b->order[at - 1];
      at--;
    }
    b->order[at] = (uint16_t)i;
  }
}

/* ---- one transaction ----------------------------------------------------------------------- */

static vault_status run_member(vault__items_tx *t, vault__items_user *u, batch *b,
                               vault__items_puts *puts, uint64_t i) {
  const vault_commit_item *m = item_at(b, i);
  vault_commit_result *r = result_at(b, i);
  int taken = 0;
  set_result(r, VAULT_OK);
  r->status = vault__items_check_member(m, t->err);
  if (r->status != VAULT_OK)
    return VAULT_OK;
  VAULT_TRY(vault__items_puts_take(puts, u, m, r, &taken));
  if (taken)
    return VAULT_OK;
  VAULT_TRY(vault__items_puts_flush(puts)); /* the order within a user */
  r->status = vault__items_commit_member(t, u, m, r);
  return t->dead ? r->status : VAULT_OK;
}

static uint64_t end_of_user(const batch *b, uint64_t from, uint64_t end) {
  const vault_id *user = &item_at(b, from)->blob.user;
  uint64_t stop = from + 1;
  while (stop < end && vault__id_eq(&item_at(b, stop)->blob.user, user))
    stop++;
  return stop;
}

/* All members of one user who is held, [from, to). */
static vault_status run_user(vault__items_tx *t, batch *b, vault__items_puts *puts,
                             vault__items_user *u, uint64_t from, uint64_t to) {
  if (u->fresh + (int64_t)(to - from) > VAULT__FRESH_MAX)
    VAULT_TRY(vault__items_index_some(t, u, to - from + VAULT__FRESH_STEP));
  for (uint64_t i = from; i < to; i++)
    VAULT_TRY(run_member(t, u, b, puts, i));
  return VAULT_OK;
}

/* Hold the users of [from, to), in the order of their ids. */
static vault_status hold_users(vault__items_tx *t, const batch *b, uint64_t from, uint64_t to,
                               vault__items_user *users, uint8_t *there, uint64_t *n) {
  uint64_t found = 0;
  for (uint64_t i = from; i < to; i = end_of_user(b, i, to))
    users[found++] = (vault__items_user){.id = item_at(b, i)->blob.user};
  *n = found;
  return vault__items_hold_many(t, users, found, there);
}

/* A user that does not exist is a rule, too: it has nothing to settle. */
static vault_status run_range(batch *b, vault__tx *tx, uint64_t from, uint64_t to, vault_err *err) {
  vault__items_tx t = {.tx = tx, .err = err};
  uint64_t n_users = 0, room = to - from;
  vault__items_user *users = vault__arena_get(&tx->arena, room * sizeof *users);
  uint8_t *there = vault__arena_get(&tx->arena, room);
  vault__items_puts *puts = vault__items_puts_new(&t, room);
  if (!users || !there || !puts)
    return vault__no_memory(err);
  VAULT_TRY(hold_users(&t, b, from, to, users, there, &n_users));
  for (uint64_t i = 0; i < n_users; i++) {
    uint64_t stop = end_of_user(b, from, to);
    if (there[i])
      VAULT_TRY(run_user(&t, b, puts, &users[i], from, stop));
    else
      set_range(b, from, stop, VAULT_E_NOT_FOUND);
    from = stop;
  }
  VAULT_TRY(vault__items_puts_flush(puts));
  return vault__items_settle_all(&t, users, n_users);
}

/* A connection may have died since it was used last, which shows in its first statement: then
 * another one is tried, once. */
static vault_status open_tx(const vault__db *db, vault__tx *tx, vault_err *err) {
  vault_status s = VAULT_OK;
  for (int again = 1; again >= 0; again--) {
    VAULT_TRY(db->ops->acquire(db->self, VAULT__DB_WRITE, &tx->conn, err));
    s = db->ops->begin(tx->conn, err);
    if (s == VAULT_OK)
      return VAULT_OK;
    db->ops->release(db->self, tx->conn);
    if (s != VAULT_E_RETRY)
      return s;
  }
  return s;
}

/* One try of [from, to). *opened = 0: there was not even a transaction. */
static vault_status try_range(batch *b, uint64_t from, uint64_t to, int *opened, vault_err *err) {
  const vault__db *db = &b->repo->db;
  vault__tx tx = {.db = db};
  *opened = 0;
  VAULT_TRY(vault__group_enter(b->repo, err));
  vault_status s = open_tx(db, &tx, err);
  if (s != VAULT_OK) {
    vault__group_leave(b->repo);
    return s;
  }
  vault__riders riders = {NULL}; /* small changes that wait share the flush */
  *opened = 1;
  vault__arena_init(&tx.arena, b->repo->alloc, BATCH_ARENA_MAX);
  s = run_range(b, &tx, from, to, err);
  if (s == VAULT_OK)
    s = vault__group_board(b->repo, &tx, &riders, err);
  if (s == VAULT_OK)
    s = db->ops->commit(tx.conn, err);
  else
    db->ops->rollback(tx.conn);
  vault__group_settle(b->repo, &riders, s, err);
  db->ops->release(db->self, tx.conn);
  vault__group_leave(b->repo);
  vault__arena_free(&tx.arena);
  return s;
}

/* ---- looking up what a lost COMMIT did ------------------------------------------------------- */

typedef struct look_up {
  batch *b;
  uint64_t from, to;
  int decided, durable;
} look_up;

/* Whether this member left something that shows it: its version, or (the bytes were there
 * already) its upload gone or DONE. */
static vault_status evidence(vault__items_tx *t, look_up *l, uint64_t i) {
  const vault_commit_item *m = item_at(l->b, i);
  const vault_commit_result *r = result_at(l->b, i);
  vault__rows rows;
  vault__upload_held held;
  const vault_id *user = &m->blob.user;
  if (!may_be_durable(r) || r->outcome == VAULT_OUTCOME_REPLAY)
    return VAULT_OK;
  if (r->outcome != VAULT_OUTCOME_SAME) {
    VAULT_TRY(vault__items_run(t, VAULT__SQL_VERSION_ITEM,
                               VAULT__P(vault__p_id(user), vault__p_id(&m->new_version)), &rows));
    l->durable = rows.n > 0;
    l->decided = 1;
  } else if (m->op_key.n) {
    VAULT_TRY(vault__items_run(t, VAULT__SQL_OP_FIND,
                               VAULT__P(vault__p_id(user), vault__p_text(m->op_key)), &rows));
    l->durable = rows.n > 0;
    l->decided = 1;
  } else if (m->kind == VAULT_COMMIT_FINISH) {
    VAULT_TRY(vault__items_held(t, user, &m->upload, &held));
    l->durable = !held.yes || held.state == VAULT_UPLOAD_DONE;
    l->decided = 1;
  }
  return VAULT_OK;
}

/* One member decides for all: the transaction was one. */
static vault_status look_work(vault__items_tx *t, void *arg) {
  look_up *l = arg;
  vault__items_user u;
  l->decided = l->durable = 0;
  t->tx->discard = 1;
  for (uint64_t i = l->from; i < l->to && !l->decided; i++) {
    if (!may_be_durable(result_at(l->b, i)))
      continue;
    VAULT_TRY(vault__items_lock(t, &item_at(l->b, i)->blob.user, &u));
    VAULT_TRY(evidence(t, l, i));
  }
  return VAULT_OK;
}

/* A replay stands whatever became of the batch. */
static void resolve(batch *b, uint64_t from, uint64_t to) {
  look_up l = {.b = b, .from = from, .to = to};
  vault_status s = vault__items_write(b->repo, look_work, &l, NULL);
  if (s == VAULT_OK && l.decided && l.durable)
    return;
  vault_status lost = s == VAULT_OK && l.decided ? VAULT_E_RETRY : VAULT_E_UNCERTAIN;
  for (uint64_t i = from; i < to; i++) {
    vault_commit_result *r = result_at(b, i);
    if (may_be_durable(r) && r->outcome != VAULT_OUTCOME_REPLAY)
      set_result(r, lost);
  }
}

/* ---- the batch ---------------------------------------------------------------------------------- */

/* Not worth halving: the next transaction would meet the same. */
static int hopeless(vault_status s, int opened) {
  return !opened || s == VAULT_E_READ_ONLY || s == VAULT_E_LOCKED;
}

/* Settle [from, to). Not recursive: halves are taken from a stack of ends, which is at most
 * as deep as VAULT_COMMIT_MAX can be halved, and one. */
static vault_status settle_all(batch *b, uint64_t n, vault_err *err) {
  uint64_t ends[16], from = 0;
  unsigned top = 0;
  int tried = 0, tries = 0;
  ends[top++] = n;
  while (top > 0) {
    uint64_t to = ends[top - 1];
    int opened;
    vault_status s = try_range(b, from, to, &opened, err);
    tried |= opened;
    if (s == VAULT_E_UNCERTAIN) {
      resolve(b, from, to);
    } else if (s != VAULT_OK && hopeless(s, opened)) {
      if (!tried)
        return s;
      set_range(b, from, n, s);
      return VAULT_OK;
    } else if (s != VAULT_OK && to - from > 1) {
      ends[top++] = from + (to - from) / 2;
      continue;
    } else if (s == VAULT_E_RETRY && ++tries < SINGLE_TRIES) {
      continue;
    } else if (s != VAULT_OK) {
      set_range(b, from, to, s);
    }
    from = to;
    tries = 0;
    top--;
  }
  return VAULT_OK;
}

vault_status vault__items_commit(void *self, const vault_commit_item *items, uint64_t n,
                                 vault_commit_result *results, vault_err *err) {
  batch b = {.repo = self, .items = items, .results = results};
  vault_err scratch = VAULT_ERR_INIT; /* members have a status, not an error */
  if (n == 0 || n > VAULT_COMMIT_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0, "a commit has 1 to %u members",
                       VAULT_COMMIT_MAX);
  sort_by_user(&b, n);
  vault_status s = settle_all(&b, n, &scratch);
  if (s != VAULT_OK)
    return vault__fail(err, s, scratch.origin, scratch.native, "%s", scratch.msg);
  return VAULT_OK;
}
