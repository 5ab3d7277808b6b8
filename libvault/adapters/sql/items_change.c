/* Making folders, and renaming, moving and dating items. */
#include <string.h>

#include "items_sql.h"

typedef struct change_args {
  const vault_item_change *c;
  vault_item_row out;
} change_args;

static vault_status taken(vault_err *err, const vault_id *by) {
  return vault__fail_item(err, VAULT_E_NAME_TAKEN, VAULT_ORIGIN_ITEMS, by, NULL);
}

static vault_status too_deep(vault_err *err) {
  return vault__fail(err, VAULT_E_DEPTH, VAULT_ORIGIN_ITEMS, 0, NULL);
}

/* The row as it is now, for the answer. */
static vault_status reread(vault__items_tx *t, const vault_id *user, const vault_id *item,
                           vault_item_row *out) {
  vault__items_found f;
  VAULT_TRY(vault__items_need(t, user, item, &f));
  *out = f.row;
  return VAULT_OK;
}

static vault_status folder_work(vault__items_tx *t, void *arg) {
  change_args *a = arg;
  const vault_item_change *c = a->c;
  vault__items_user u;
  vault__items_found f;
  vault__items_op op;
  uint32_t depth;
  VAULT_TRY(vault__items_lock(t, &c->user, &u));
  vault__items_op_of_change(c, VAULT__OP_FOLDER, &op);
  VAULT_TRY(vault__items_replay(t, &c->user, &op, 1, &f));
  if (f.yes) {
    t->tx->discard = 1;
    a->out = f.row;
    return VAULT_OK;
  }
  VAULT_TRY(vault__items_parent(t, &c->user, c->space, &c->parent, NULL, &depth, NULL));
  if (depth + 1 > VAULT_PATH_DEPTH_MAX)
    return too_deep(t->err);
  VAULT_TRY(vault__items_child(t, &c->user, c->space, &c->parent, c->name.key, &f));
  if (f.yes)
    return taken(t->err, &f.row.id);
  vault__items_new_folder(c->user, c->space, c->parent, &c->name, c->now_ms, &a->out);
  a->out.id = c->item;
  a->out.seq = ++u.seq;
  VAULT_TRY(vault__items_insert(t, &a->out, c->name.key, 0));
  VAULT_TRY(vault__items_remember(t, &c->user, &op, &c->item, c->now_ms));
  return vault__items_settle(t, &u);
}

void vault__items_new_folder(vault_id user, uint32_t space, vault_id parent, const vault_name *name,
                             int64_t now_ms, vault_item_row *out) {
  vault_item_row row = {0};
  row.id = name->id;
  row.user = user;
  row.parent = parent;
  row.space = space;
  row.kind = VAULT_KIND_FOLDER;
  row.created_ms = row.modified_ms = now_ms;
  memcpy(row.name, name->text.p, (size_t)name->text.n);
  *out = row;
}

void vault__items_new_file(const vault_commit_item *m, const vault_id *parent, int64_t seq,
                           vault_item_row *out) {
  vault__items_new_folder(m->blob.user, m->space, *parent, &m->path[m->n_path - 1], m->now_ms, out);
  out->id = m->new_item;
  out->kind = VAULT_KIND_FILE;
  out->version = m->new_version;
  out->blob = m->blob.blob;
  out->size_bytes = m->size_bytes;
  out->mtime_ns = m->has_mtime ? m->mtime_ns : 0;
  out->has_mtime = m->has_mtime ? 1 : 0;
  out->n_versions = 1;
  out->seq = seq;
  memcpy(out->sha256, m->sha256, sizeof out->sha256);
  if (m->content_type.n)
    memcpy(out->content_type, m->content_type.p, (size_t)m->content_type.n);
}

vault_status vault__items_make_folder(void *self, const vault_item_change *change,
                                      vault_item_row *out, vault_err *err) {
  VAULT_TRY(vault__items_check_change(change, err));
  VAULT_TRY(vault__items_check_name(&change->name, err));
  change_args a = {.c = change};
  VAULT_TRY(vault__items_write(self, folder_work, &a, err));
  *out = a.out;
  return VAULT_OK;
}

/* ---- rename, move, date ------------------------------------------------------------------ */

/* Whether the item may stand in `parent` under `key`. */
static vault_status check_place(vault__items_tx *t, const vault_item_change *c,
                                const vault__items_found *it, const vault_id *parent,
                                vault_str key) {
  vault__items_found other;
  uint32_t depth, height = 1;
  if (c->flags & VAULT_CHANGE_SET_PARENT) {
    VAULT_TRY(vault__items_parent(t, &c->user, it->row.space, parent, &it->row.id, &depth, NULL));
    if (it->row.kind == VAULT_KIND_FOLDER)
      VAULT_TRY(vault__items_height(t, &it->row, &height));
    if (depth + height > VAULT_PATH_DEPTH_MAX)
      return too_deep(t->err);
  }
  VAULT_TRY(vault__items_child(t, &c->user, it->row.space, parent, key, &other));
  if (other.yes && !vault__id_eq(&other.row.id, &it->row.id))
    return taken(t->err, &other.row.id);
  return VAULT_OK;
}

static vault_status place(vault__items_tx *t, const vault_item_change *c,
                          const vault__items_found *it) {
  if (!(c->flags & (VAULT_CHANGE_SET_PARENT | VAULT_CHANGE_SET_NAME)))
    return VAULT_OK;
  const vault_id *parent = c->flags & VAULT_CHANGE_SET_PARENT ? &c->parent : &it->row.parent;
  vault_str text = {it->row.name, strlen(it->row.name)}, key = it->key;
  if (c->flags & VAULT_CHANGE_SET_NAME) {
    text = c->name.text;
    key = c->name.key;
  }
  VAULT_TRY(check_place(t, c, it, parent, key));
  return vault__items_run1(t, VAULT__SQL_ITEM_PLACE,
                           VAULT__P(vault__p_id(&c->user), vault__p_id(&c->item),
                                    vault__p_id(parent), vault__p_text(text), vault__p_text(key)));
}

vault_status vault__items_set_mtime(vault__items_tx *t, const vault_item_row *row,
                                    int64_t mtime_ns) {
  VAULT_TRY(vault__items_run1(t, VAULT__SQL_ITEM_MTIME,
                              VAULT__P(vault__p_id(&row->user), vault__p_id(&row->id),
                                       vault__p_int(mtime_ns))));
  if (row->kind == VAULT_KIND_FOLDER)
    return VAULT_OK;
  return vault__items_run1(t, VAULT__SQL_VERSION_MTIME,
                           VAULT__P(vault__p_id(&row->user), vault__p_id(&row->version),
                                    vault__p_int(mtime_ns)));
}

vault_status vault__items_check_seq(const vault_item_change *c, const vault_item_row *row,
                                    vault_err *err) {
  if (!(c->flags & VAULT_CHANGE_IF_SEQ) || c->if_seq == row->seq)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_PRECONDITION, VAULT_ORIGIN_ITEMS, 0, NULL);
}

static vault_status change_work(vault__items_tx *t, void *arg) {
  change_args *a = arg;
  const vault_item_change *c = a->c;
  vault__items_user u;
  vault__items_found f;
  vault__items_op op;
  VAULT_TRY(vault__items_lock(t, &c->user, &u));
  vault__items_op_of_change(c, VAULT__OP_CHANGE, &op);
  VAULT_TRY(vault__items_replay(t, &c->user, &op, 1, &f));
  if (f.yes) {
    t->tx->discard = 1;
    a->out = f.row;
    return VAULT_OK;
  }
  VAULT_TRY(vault__items_need(t, &c->user, &c->item, &f));
  if (f.row.trashed_ms)
    return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                       "the item is in the trash; restore it first");
  VAULT_TRY(vault__items_check_seq(c, &f.row, t->err));
  VAULT_TRY(place(t, c, &f));
  if (c->flags & VAULT_CHANGE_SET_MTIME)
    VAULT_TRY(vault__items_set_mtime(t, &f.row, c->mtime_ns));
  VAULT_TRY(vault__items_touch(t, &u, &c->item, c->now_ms));
  VAULT_TRY(vault__items_remember(t, &c->user, &op, &c->item, c->now_ms));
  VAULT_TRY(reread(t, &c->user, &c->item, &a->out));
  return vault__items_settle(t, &u);
}

vault_status vault__items_change_item(void *self, const vault_item_change *change,
                                      vault_item_row *out, vault_err *err) {
  VAULT_TRY(vault__items_check_change(change, err));
  change_args a = {.c = change};
  VAULT_TRY(vault__items_write(self, change_work, &a, err));
  *out = a.out;
  return VAULT_OK;
}
