/* Folders and files as people see them: make, look at, list, rename, move. */
#include <string.h>

#include "changes.h"
#include "libvault/base/encode.h"
#include "libvault/base/id.h"
#include "libvault/domain/names.h"

vault_status vault_folder_create(vault *v, const vault_principal *who, uint32_t space,
                                 const vault_id *parent, const char *name, uint64_t name_len,
                                 const vault_guard *guard, vault_items **out, vault_err *err) {
  vault__arena scratch;
  vault_items *items = NULL;
  vault_item_change change;
  vault_id id;
  if (!out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no place for the result");
  VAULT_TRY(vault__check_who(v, who, err));
  VAULT_TRY(vault__check_space(space, err));
  VAULT_TRY(vault__new_id(v, &id, err));
  VAULT_TRY(vault__change_begin(v, who, &id, guard, &change, err));
  change.flags |= VAULT_CHANGE_SET_PARENT | VAULT_CHANGE_SET_NAME;
  change.space = space;
  if (parent)
    change.parent = *parent;
  vault__scratch(v, &scratch);
  vault_status s = vault__make_name(&scratch, name, name_len, &change.name, err);
  if (s == VAULT_OK)
    s = vault__items_new(v, 1, &items, err);
  if (s == VAULT_OK)
    s = v->items->make_folder(v->items_self, &change, &items->rows[0], err);
  vault__arena_free(&scratch);
  if (s != VAULT_OK) {
    vault_items_free(items);
    return s;
  }
  vault__items_show(items, 1);
  vault__changed(v, &items->rows[0]);
  *out = items;
  return VAULT_OK;
}

vault_status vault_item_get(vault *v, const vault_principal *who, const vault_id *item,
                            vault_items **out, vault_err *err) {
  vault_items *items = NULL;
  VAULT_TRY(vault__check_who(v, who, err));
  if (!item || !out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no item, or no place for it");
  VAULT_TRY(vault__items_new(v, 1, &items, err));
  vault_status s = v->items->get_item(v->items_self, &who->user, item, &items->rows[0], err);
  if (s != VAULT_OK) {
    vault_items_free(items);
    return s;
  }
  vault__items_show(items, 1);
  *out = items;
  return VAULT_OK;
}

vault_status vault_item_lookup(vault *v, const vault_principal *who, uint32_t space,
                               const char *path, uint64_t path_len, vault_items **out,
                               vault_err *err) {
  vault__arena scratch;
  vault_items *items = NULL;
  vault_name *names = NULL;
  uint32_t n = 0;
  vault_id root = {{0}};
  VAULT_TRY(vault__check_who(v, who, err));
  VAULT_TRY(vault__check_space(space, err));
  if (!path || !out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no path, or no place for it");
  vault__scratch(v, &scratch);
  vault_status s = vault__make_path(v, &scratch, vault__str(path, path_len), 0, &names, &n, err);
  if (s == VAULT_OK && n == 0)
    s = vault__fail(err, VAULT_E_NAME, VAULT_ORIGIN_CORE, 0,
                    "the root of a space has no entry of its own; list it instead");
  if (s == VAULT_OK)
    s = vault__items_new(v, 1, &items, err);
  if (s == VAULT_OK)
    s =
      v->items->find_item(v->items_self, &who->user, space, &root, names, n, &items->rows[0], err);
  vault__arena_free(&scratch);
  if (s != VAULT_OK) {
    vault_items_free(items);
    return s;
  }
  vault__items_show(items, 1);
  *out = items;
  return VAULT_OK;
}

/* The folder must exist, be one, and lie outside the trash; its space wins. */
static vault_status check_folder(vault *v, const vault_principal *who, const vault_id *parent,
                                 uint32_t *space, vault_items *scratch_row, vault_err *err) {
  vault_item_row *row = &scratch_row->rows[0];
  VAULT_TRY(v->items->get_item(v->items_self, &who->user, parent, row, err));
  if (row->trashed_ms)
    return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_CORE, 0, "this folder is in the trash");
  if (row->kind != VAULT_KIND_FOLDER)
    return vault__fail(err, VAULT_E_NOT_A_FOLDER, VAULT_ORIGIN_CORE, 0, NULL);
  *space = row->space;
  return VAULT_OK;
}

/* The cursor is the key of the last name, so a page continues where it stopped even when
 * that item has been renamed meanwhile. */
static vault_status set_cursor(vault_items *items, vault__arena *scratch, vault_err *err) {
  const vault_item_row *last = &items->rows[items->n - 1];
  vault_str key;
  VAULT_TRY(vault__name_key(last->name, strlen(last->name), scratch, &key, err));
  vault__b64url(key.p, key.n, items->cursor);
  items->cursor_n = VAULT__B64URL_LEN(key.n);
  return VAULT_OK;
}

static vault_status read_cursor(const char *cursor, uint64_t len, char *key, uint64_t room,
                                uint64_t *key_n, vault_err *err) {
  *key_n = 0;
  if (len == 0)
    return VAULT_OK;
  if (!cursor || vault__b64url_decode(cursor, len, key, room, key_n) != VAULT_OK || *key_n == 0)
    return vault__fail(err, VAULT_E_CURSOR, VAULT_ORIGIN_CORE, 0, NULL);
  return VAULT_OK;
}

vault_status vault_item_list(vault *v, const vault_principal *who, uint32_t space,
                             const vault_id *parent, const char *cursor, uint64_t cursor_len,
                             uint32_t limit, vault_items **out, vault_err *err) {
  vault__arena scratch;
  vault_items *items = NULL;
  vault_id folder = {{0}};
  char key[VAULT_NAME_KEY_TEXT];
  uint64_t key_n = 0, n = 0;
  VAULT_TRY(vault__check_who(v, who, err));
  VAULT_TRY(vault__check_limit(limit, &limit, err));
  VAULT_TRY(read_cursor(cursor, cursor_len, key, sizeof key, &key_n, err));
  if (!out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no place for the result");
  if (parent)
    folder = *parent;
  vault__scratch(v, &scratch);
  /* One row more than the page tells whether there is a next one. */
  vault_status s = vault__items_new(v, (uint64_t)limit + 1, &items, err);
  if (s == VAULT_OK)
    s = vault__id_is_zero(&folder) ? vault__check_space(space, err)
                                   : check_folder(v, who, &folder, &space, items, err);
  if (s == VAULT_OK)
    s = v->items->list_children(v->items_self, &who->user, space, &folder, vault__str(key, key_n),
                                items->rows, NULL, (uint64_t)limit + 1, &n, err);
  if (s == VAULT_OK) {
    vault__items_show(items, n > limit ? limit : n);
    if (n > limit)
      s = set_cursor(items, &scratch, err);
  }
  vault__arena_free(&scratch);
  if (s != VAULT_OK) {
    vault_items_free(items);
    return s;
  }
  *out = items;
  return VAULT_OK;
}

vault_status vault_item_update(vault *v, const vault_principal *who, const vault_id *item,
                               const vault_item_patch *patch, const vault_guard *guard,
                               vault_items **out, vault_err *err) {
  vault__arena scratch;
  vault_items *items = NULL;
  vault_item_change change;
  const uint32_t allowed = VAULT_UPDATE_PARENT | VAULT_UPDATE_NAME | VAULT_UPDATE_MTIME;
  if (!patch || !out || patch->flags == 0)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "nothing to change, or no place for the result");
  VAULT_TRY(vault__change_begin(v, who, item, guard, &change, err));
  vault__scratch(v, &scratch);
  vault_status s = vault__change_patch(&scratch, patch, allowed, &change, err);
  if (s == VAULT_OK)
    s = vault__items_new(v, 1, &items, err);
  if (s == VAULT_OK)
    s = v->items->change_item(v->items_self, &change, &items->rows[0], err);
  vault__arena_free(&scratch);
  if (s != VAULT_OK) {
    vault_items_free(items);
    return s;
  }
  vault__items_show(items, 1);
  vault__changed(v, &items->rows[0]);
  *out = items;
  return VAULT_OK;
}
