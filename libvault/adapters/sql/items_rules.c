/* Rules and look-ups that several methods of the items repository share. All of them read;
 * the user is held (items_tx.c), so what they find stays true until the transaction ends. */
#include <string.h>

#include "items_sql.h"

static vault_status usage_error(vault_err *err, const char *what) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0, "%s", what);
}

vault_status vault__items_check_name(const vault_name *name, vault_err *err) {
  if (!name->text.p || name->text.n == 0 || name->text.n >= VAULT_NAME_TEXT)
    return usage_error(err, "a name has 1 to 255 bytes");
  if (memchr(name->text.p, '/', (size_t)name->text.n) ||
      memchr(name->text.p, 0, (size_t)name->text.n))
    return usage_error(err, "a name has no slash and no NUL; split the path first");
  if (!name->key.p || name->key.n == 0 || name->key.n >= VAULT_NAME_KEY_TEXT)
    return usage_error(err, "a name needs its key, of 1 to 1023 bytes");
  return VAULT_OK;
}

vault_status vault__items_check_op_key(vault_str op_key, vault_err *err) {
  if (op_key.n > VAULT_OP_KEY_MAX)
    return usage_error(err, "an idempotency key has at most 64 bytes");
  return VAULT_OK;
}

vault_status vault__items_check_change(const vault_item_change *c, vault_err *err) {
  if (!c || c->size < sizeof *c)
    return usage_error(err, "set vault_item_change.size to its sizeof");
  if (vault__id_is_zero(&c->item))
    return usage_error(err, "the root of a space cannot be changed: give the id of an item");
  if (c->flags & VAULT_CHANGE_SET_NAME)
    VAULT_TRY(vault__items_check_name(&c->name, err));
  return vault__items_check_op_key(c->op_key, err);
}

/* ---- finding ----------------------------------------------------------------------- */

static vault_status take_found(vault__items_tx *t, const vault__rows *rows,
                               vault__items_found *out) {
  out->yes = rows->n > 0;
  if (!out->yes)
    return VAULT_OK;
  vault__row r = vault__row_at(rows, 0);
  vault__items_decode(&r, &out->row, &out->key);
  out->fresh = vault__get_u32(&r);
  return vault__items_row_ok(t, &r);
}

vault_status vault__items_get(vault__items_tx *t, const vault_id *user, const vault_id *item,
                              vault__items_found *out) {
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_ITEM_GET, VAULT__P(vault__p_id(user), vault__p_id(item)),
                             &rows));
  return take_found(t, &rows, out);
}

vault_status vault__items_need(vault__items_tx *t, const vault_id *user, const vault_id *item,
                               vault__items_found *out) {
  VAULT_TRY(vault__items_get(t, user, item, out));
  if (out->yes)
    return VAULT_OK;
  return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0, "there is no such item");
}

vault_status vault__items_child(vault__items_tx *t, const vault_id *user, uint32_t space,
                                const vault_id *parent, vault_str key, vault__items_found *out) {
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_ITEM_CHILD,
                             VAULT__P(vault__p_id(user), vault__p_int(space), vault__p_id(parent),
                                      vault__p_text(key)),
                             &rows));
  return take_found(t, &rows, out);
}

/* How many folders lead to this one, itself included; and whether `below` is among them.
 * Not further than any path may go: a longer chain is too deep whatever its length. */
static vault_status depth_of(vault__items_tx *t, const vault_id *user, const vault_id *folder,
                             const vault_id *below, uint32_t *depth, int64_t *inside) {
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_ITEM_DEPTH,
                             VAULT__P(vault__p_id(user), vault__p_id(folder), vault__p_id(below),
                                      vault__p_int(VAULT_PATH_DEPTH_MAX + 1)),
                             &rows));
  vault__row r = vault__row_at(&rows, 0);
  *depth = vault__get_u32(&r);
  *inside = vault__get_int(&r);
  return vault__items_row_ok(t, &r);
}

vault_status vault__items_parent(vault__items_tx *t, const vault_id *user, uint32_t space,
                                 const vault_id *parent, const vault_id *below, uint32_t *depth,
                                 vault_id *in_the_way) {
  vault__items_found f;
  int64_t inside;
  if (vault__id_is_zero(parent)) {
    *depth = 0;
    return VAULT_OK;
  }
  VAULT_TRY(vault__items_get(t, user, parent, &f));
  if (!f.yes || f.row.trashed_ms || f.row.space != space)
    return vault__fail(t->err, VAULT_E_PARENT_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                       "there is no such folder in this space; make it, or choose another");
  if (f.row.kind != VAULT_KIND_FOLDER) {
    if (in_the_way)
      *in_the_way = f.row.id;
    return vault__fail_item(t->err, VAULT_E_NOT_A_FOLDER, VAULT_ORIGIN_ITEMS, &f.row.id,
                            "the parent is a file; choose a folder");
  }
  VAULT_TRY(depth_of(t, user, parent, below, depth, &inside));
  if (below && inside)
    return vault__fail(t->err, VAULT_E_CYCLE, VAULT_ORIGIN_ITEMS, 0, NULL);
  return VAULT_OK;
}

vault_status vault__items_height(vault__items_tx *t, const vault_item_row *row, uint32_t *height) {
  vault__rows rows;
  vault__val user = vault__p_id(&row->user), item = vault__p_id(&row->id),
             most = vault__p_int(VAULT_PATH_DEPTH_MAX + 1);
  if (row->trashed_ms)
    VAULT_TRY(vault__items_run(t, VAULT__SQL_TRASH_HEIGHT, VAULT__P(user, item, most), &rows));
  else
    VAULT_TRY(vault__items_run(t, VAULT__SQL_ITEM_HEIGHT,
                               VAULT__P(user, item, vault__p_int(row->space), most), &rows));
  vault__row r = vault__row_at(&rows, 0);
  *height = vault__get_u32(&r);
  return vault__items_row_ok(t, &r);
}

/* ---- writing ---------------------------------------------------------------------------- */

vault_status vault__items_insert(vault__items_tx *t, const vault_item_row *row, vault_str key,
                                 int fresh) {
  return vault__items_run1(t, VAULT__SQL_ITEM_ADD,
                           VAULT__P(vault__p_id(&row->id), vault__p_id(&row->user),
                                    vault__p_id(&row->parent), vault__p_int(row->space),
                                    vault__p_int(row->kind), vault__p_cstr(row->name),
                                    vault__p_text(key), vault__p_id(&row->version),
                                    vault__p_id(&row->blob), vault__p_u64(row->size_bytes),
                                    vault__p_blob(row->sha256, sizeof row->sha256),
                                    vault__p_int(row->mtime_ns), vault__p_int(row->has_mtime),
                                    vault__p_cstr(row->content_type), vault__p_int(row->n_versions),
                                    vault__p_int(row->created_ms), vault__p_id(NULL),
                                    vault__p_int(row->seq), vault__p_int(fresh)));
}

vault_status vault__items_touch(vault__items_tx *t, vault__items_user *u, const vault_id *item,
                                int64_t now_ms) {
  u->seq++;
  return vault__items_run1(t, VAULT__SQL_ITEM_TOUCH,
                           VAULT__P(vault__p_id(&u->id), vault__p_id(item), vault__p_int(now_ms),
                                    vault__p_int(u->seq)));
}
