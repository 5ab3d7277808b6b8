/* The trash. An item goes there with all that is in it and was not there already: those
 * rows carry its id as trash_root, so that restore and purge find exactly them. Deeper
 * items that were trashed before keep their own trash_root.
 *
 * One change is one number of the sequence: all rows of a tree get the same. */
#include <string.h>

#include "items_sql.h"

typedef struct trash_args {
  const vault_item_change *c;
  vault_item_row out;
} trash_args;

/* Start of all three: hold the user, answer a repeated key, find the item. *done = 1: a
 * repeated key, and a->out is its answer. */
static vault_status start(vault__items_tx *t, trash_args *a, int64_t op, vault__items_user *u,
                          vault__items_found *f, int *done) {
  const vault_item_change *c = a->c;
  int purge = op == VAULT__OP_PURGE;
  vault__items_op asked;
  VAULT_TRY(vault__items_lock(t, &c->user, u));
  vault__items_op_of_change(c, op, &asked);
  VAULT_TRY(vault__items_replay(t, &c->user, &asked, !purge, f));
  *done = f->yes;
  if (*done) {
    t->tx->discard = 1;
    if (!purge)
      a->out = f->row;
    return VAULT_OK;
  }
  VAULT_TRY(vault__items_need(t, &c->user, &c->item, f));
  return vault__items_check_seq(c, &f->row, t->err);
}

/* The end of all three: bytes between accounts, the key, the number. */
static vault_status finish(vault__items_tx *t, const trash_args *a, int64_t op,
                           vault__items_user *u, const vault__items_delta *d) {
  const vault_item_change *c = a->c;
  vault__items_op asked;
  vault__items_op_of_change(c, op, &asked);
  VAULT_TRY(vault__items_move(t, u, d));
  VAULT_TRY(vault__items_remember(t, &c->user, &asked, &c->item, c->now_ms));
  return vault__items_settle(t, u);
}

/* What went to the trash with this item, as current versions, older ones, and files. */
static vault_status sum(vault__items_tx *t, const vault_item_change *c, int64_t *live,
                        int64_t *versions, int64_t *files) {
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_TRASH_SUM,
                             VAULT__P(vault__p_id(&c->user), vault__p_id(&c->item)), &rows));
  vault__row r = vault__row_at(&rows, 0);
  *live = vault__get_int(&r);
  *versions = vault__get_int(&r);
  *files = vault__get_int(&r);
  return vault__items_row_ok(t, &r);
}

static vault_status reread(vault__items_tx *t, trash_args *a) {
  vault__items_found f;
  VAULT_TRY(vault__items_need(t, &a->c->user, &a->c->item, &f));
  a->out = f.row;
  return VAULT_OK;
}

/* ---- to the trash ------------------------------------------------------------------------ */

static vault_status trash_work(vault__items_tx *t, void *arg) {
  trash_args *a = arg;
  const vault_item_change *c = a->c;
  vault__items_user u;
  vault__items_found f;
  int done;
  int64_t live, versions, files;
  VAULT_TRY(start(t, a, VAULT__OP_TRASH, &u, &f, &done));
  if (done)
    return VAULT_OK;
  vault__items_delta d = {0};
  if (!f.row.trashed_ms) {
    VAULT_TRY(vault__items_run(t, VAULT__SQL_TRASH_MARK,
                               VAULT__P(vault__p_id(&c->user), vault__p_id(&c->item),
                                        vault__p_int(f.row.space), vault__p_int(c->now_ms),
                                        vault__p_int(++u.seq)),
                               NULL));
    VAULT_TRY(sum(t, c, &live, &versions, &files));
    d = (vault__items_delta){-live, -versions, live + versions, 0, -files};
  }
  VAULT_TRY(reread(t, a));
  return finish(t, a, VAULT__OP_TRASH, &u, &d);
}

static vault_status check_now(const vault_item_change *c, vault_err *err) {
  VAULT_TRY(vault__items_check_change(c, err));
  if (c->now_ms > 0)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0,
                     "set now_ms: a time of 0 would mean that the item is not in the trash");
}

vault_status vault__items_trash_item(void *self, const vault_item_change *change,
                                     vault_item_row *out, vault_err *err) {
  VAULT_TRY(check_now(change, err));
  trash_args a = {.c = change};
  VAULT_TRY(vault__items_write(self, trash_work, &a, err));
  *out = a.out;
  return VAULT_OK;
}

/* ---- and back ------------------------------------------------------------------------------ */

static vault_status need_root(vault__items_tx *t, const vault__items_found *f) {
  if (f->row.trashed_ms && vault__id_eq(&f->row.trash_root, &f->row.id))
    return VAULT_OK;
  return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                     "the item was not moved to the trash by itself; use the folder that was");
}

/* Where the item comes back to, which has to exist if the caller chose it. */
static vault_status choose_parent(vault__items_tx *t, const vault_item_change *c,
                                  const vault_item_row *row, vault_id *parent, uint32_t *depth) {
  vault__items_found f;
  *parent = row->parent;
  if (c->flags & VAULT_CHANGE_SET_PARENT) {
    *parent = c->parent;
  } else if (!vault__id_is_zero(parent)) {
    VAULT_TRY(vault__items_get(t, &c->user, parent, &f));
    if (!f.yes || f.row.trashed_ms)
      memset(parent, 0, sizeof *parent);
  }
  return vault__items_parent(t, &c->user, row->space, parent, NULL, depth, NULL);
}

/* While the rows are still in the trash, where names need not be unique. */
static vault_status place(vault__items_tx *t, const vault_item_change *c,
                          const vault__items_found *it) {
  vault__items_found other;
  vault_id parent;
  uint32_t depth, height;
  vault_str text = {it->row.name, strlen(it->row.name)}, key = it->key;
  if (c->flags & VAULT_CHANGE_SET_NAME) {
    text = c->name.text;
    key = c->name.key;
  }
  VAULT_TRY(choose_parent(t, c, &it->row, &parent, &depth));
  VAULT_TRY(vault__items_height(t, &it->row, &height));
  if (depth + height > VAULT_PATH_DEPTH_MAX)
    return vault__fail(t->err, VAULT_E_DEPTH, VAULT_ORIGIN_ITEMS, 0, NULL);
  VAULT_TRY(vault__items_child(t, &c->user, it->row.space, &parent, key, &other));
  if (other.yes)
    return vault__fail_item(t->err, VAULT_E_NAME_TAKEN, VAULT_ORIGIN_ITEMS, &other.row.id, NULL);
  return vault__items_run1(t, VAULT__SQL_ITEM_PLACE,
                           VAULT__P(vault__p_id(&c->user), vault__p_id(&c->item),
                                    vault__p_id(&parent), vault__p_text(text), vault__p_text(key)));
}

static vault_status restore_work(vault__items_tx *t, void *arg) {
  trash_args *a = arg;
  const vault_item_change *c = a->c;
  vault__items_user u;
  vault__items_found f;
  int done;
  int64_t live, versions, files;
  VAULT_TRY(start(t, a, VAULT__OP_RESTORE, &u, &f, &done));
  if (done)
    return VAULT_OK;
  VAULT_TRY(need_root(t, &f));
  VAULT_TRY(place(t, c, &f));
  VAULT_TRY(sum(t, c, &live, &versions, &files));
  VAULT_TRY(vault__items_run(t, VAULT__SQL_TRASH_RESTORE,
                             VAULT__P(vault__p_id(&c->user), vault__p_id(&c->item),
                                      vault__p_id(NULL), vault__p_int(++u.seq)),
                             NULL));
  VAULT_TRY(reread(t, a));
  vault__items_delta d = {live, versions, -(live + versions), 0, files};
  return finish(t, a, VAULT__OP_RESTORE, &u, &d);
}

vault_status vault__items_restore_item(void *self, const vault_item_change *change,
                                       vault_item_row *out, vault_err *err) {
  VAULT_TRY(vault__items_check_change(change, err));
  trash_args a = {.c = change};
  VAULT_TRY(vault__items_write(self, restore_work, &a, err));
  *out = a.out;
  return VAULT_OK;
}

/* ---- for good -------------------------------------------------------------------------------- */

/* References first, while versions and parts still say which. */
static vault_status drop_content(vault__items_tx *t, const vault_item_change *c) {
  vault__val user = vault__p_id(&c->user), root = vault__p_id(&c->item);
  VAULT_TRY(vault__items_run(t, VAULT__SQL_PURGE_UNREF, VAULT__P(user, root), NULL));
  VAULT_TRY(vault__items_run(t, VAULT__SQL_PURGE_DEAD,
                             VAULT__P(user, root, vault__p_int(c->now_ms)), NULL));
  VAULT_TRY(vault__items_run(t, VAULT__SQL_PURGE_PARTS, VAULT__P(user, root), NULL));
  return vault__items_run(t, VAULT__SQL_PURGE_VERSIONS, VAULT__P(user, root), NULL);
}

static vault_status purge_work(vault__items_tx *t, void *arg) {
  static const uint8_t no_digest[32];
  trash_args *a = arg;
  const vault_item_change *c = a->c;
  vault__items_user u;
  vault__items_found f;
  int done;
  int64_t live, versions, files;
  VAULT_TRY(start(t, a, VAULT__OP_PURGE, &u, &f, &done));
  if (done)
    return VAULT_OK;
  VAULT_TRY(need_root(t, &f));
  VAULT_TRY(sum(t, c, &live, &versions, &files));
  VAULT_TRY(drop_content(t, c));
  VAULT_TRY(
    vault__items_run(t, VAULT__SQL_PURGE_ITEMS,
                     VAULT__P(vault__p_id(&c->user), vault__p_id(&c->item), vault__p_int(c->now_ms),
                              vault__p_int(++u.seq), vault__p_id(NULL),
                              vault__p_blob(no_digest, sizeof no_digest)),
                     NULL));
  vault__items_delta d = {.trash = -(live + versions)};
  return finish(t, a, VAULT__OP_PURGE, &u, &d);
}

vault_status vault__items_purge_item(void *self, const vault_item_change *change, vault_err *err) {
  VAULT_TRY(check_now(change, err));
  trash_args a = {.c = change};
  return vault__items_write(self, purge_work, &a, err);
}
