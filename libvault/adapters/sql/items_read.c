/* Reading items: single ones, paths, listings by key, versions. */
#include <string.h>

#include "items_sql.h"

vault_status vault__items_check_page(uint64_t max, vault_err *err) {
  if (max >= 1 && max <= VAULT__ITEMS_PAGE_MAX)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0, "a page has 1 to %u rows",
                     VAULT__ITEMS_PAGE_MAX);
}

typedef struct read_args {
  const vault_id *user, *item, *parent, *version;
  uint32_t space, n_path;
  const vault_name *path;
  vault_item_row row;
  vault_version_row found;
  vault_str after_key;
  int64_t before_ms;
  vault_item_row *rows;
  char *keys;
  uint64_t max, n;
} read_args;

static vault_status get_work(vault__items_tx *t, void *arg) {
  read_args *a = arg;
  vault__items_found f;
  VAULT_TRY(vault__items_need(t, a->user, a->item, &f));
  a->row = f.row;
  return VAULT_OK;
}

vault_status vault__items_get_item(void *self, const vault_id *user, const vault_id *item,
                                   vault_item_row *out, vault_err *err) {
  read_args a = {.user = user, .item = item};
  VAULT_TRY(vault__items_read(self, get_work, &a, err));
  *out = a.row;
  return VAULT_OK;
}

static vault_status find_work(vault__items_tx *t, void *arg) {
  read_args *a = arg;
  vault__items_found f = {0};
  vault_id at = *a->parent;
  for (uint32_t i = 0; i < a->n_path; i++) {
    if (i && f.row.kind != VAULT_KIND_FOLDER)
      return vault__fail_item(t->err, VAULT_E_NOT_A_FOLDER, VAULT_ORIGIN_ITEMS, &at,
                              "component %u of the path is a file", i);
    VAULT_TRY(vault__items_child(t, a->user, a->space, &at, a->path[i].key, &f));
    if (!f.yes)
      return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                         "component %u of the path does not exist", i + 1);
    at = f.row.id;
  }
  a->row = f.row;
  return VAULT_OK;
}

vault_status vault__items_find_item(void *self, const vault_id *user, uint32_t space,
                                    const vault_id *parent, const vault_name *path, uint32_t n_path,
                                    vault_item_row *out, vault_err *err) {
  if (n_path == 0 || n_path > VAULT_PATH_DEPTH_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0, "a path has 1 to %u components",
                       VAULT_PATH_DEPTH_MAX);
  read_args a = {.user = user, .space = space, .parent = parent, .path = path, .n_path = n_path};
  VAULT_TRY(vault__items_read(self, find_work, &a, err));
  *out = a.row;
  return VAULT_OK;
}

/* ---- listings -------------------------------------------------------------------------- */

static vault_status take_rows(vault__items_tx *t, const vault__rows *rows, read_args *a) {
  for (int64_t i = 0; i < rows->n; i++) {
    vault_item_row row = {0};
    vault_str key;
    vault__row r = vault__row_at(rows, i);
    vault__items_decode(&r, &row, &key);
    if (key.n >= VAULT_NAME_KEY_TEXT)
      r.bad = 1;
    VAULT_TRY(vault__items_row_ok(t, &r));
    a->rows[i] = row;
    if (!a->keys)
      continue;
    char *to = a->keys + (uint64_t)i * VAULT_NAME_KEY_TEXT;
    memcpy(to, key.p, (size_t)key.n);
    to[key.n] = 0;
  }
  a->n = (uint64_t)rows->n;
  return VAULT_OK;
}

static vault_status children_work(vault__items_tx *t, void *arg) {
  read_args *a = arg;
  vault__rows rows;
  VAULT_TRY(
    vault__items_run(t, VAULT__SQL_ITEM_CHILDREN,
                     VAULT__P(vault__p_id(a->user), vault__p_int(a->space), vault__p_id(a->parent),
                              vault__p_text(a->after_key), vault__p_u64(a->max)),
                     &rows));
  return take_rows(t, &rows, a);
}

vault_status vault__items_list_children(void *self, const vault_id *user, uint32_t space,
                                        const vault_id *parent, vault_str after_key,
                                        vault_item_row *rows, char *keys, uint64_t max, uint64_t *n,
                                        vault_err *err) {
  VAULT_TRY(vault__items_check_page(max, err));
  read_args a = {.user = user,
                 .space = space,
                 .parent = parent,
                 .after_key = after_key,
                 .rows = rows,
                 .keys = keys,
                 .max = max};
  VAULT_TRY(vault__items_read(self, children_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}

static vault_status trash_work(vault__items_tx *t, void *arg) {
  read_args *a = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_ITEM_TRASH,
                             VAULT__P(vault__p_id(a->user), vault__p_int(a->before_ms),
                                      vault__p_id(a->item), vault__p_u64(a->max)),
                             &rows));
  return take_rows(t, &rows, a);
}

vault_status vault__items_list_trash(void *self, const vault_id *user, int64_t before_ms,
                                     const vault_id *before_id, vault_item_row *rows, uint64_t max,
                                     uint64_t *n, vault_err *err) {
  VAULT_TRY(vault__items_check_page(max, err));
  read_args a = {.user = user, .item = before_id, .before_ms = before_ms, .rows = rows, .max = max};
  VAULT_TRY(vault__items_read(self, trash_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}

/* ---- versions ---------------------------------------------------------------------------- */

static void decode_version(vault__row *r, vault_version_row *out) {
  vault__get_id(r, &out->id);
  vault__get_id(r, &out->item);
  vault__get_id(r, &out->blob.user);
  vault__get_id(r, &out->blob.blob);
  out->blob.space = vault__get_u32(r);
  vault__get_text(r, out->blob.ext, sizeof out->blob.ext);
  out->format = vault__get_u32(r);
  out->size_bytes = vault__get_u64(r);
  out->mtime_ns = vault__get_int(r);
  out->has_mtime = vault__get_u32(r);
  out->created_ms = vault__get_int(r);
  vault__get_text(r, out->content_type, sizeof out->content_type);
  vault__get_fixed(r, out->sha256, sizeof out->sha256);
}

static vault_status version_work(vault__items_tx *t, void *arg) {
  read_args *a = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_VERSION_GET,
                             VAULT__P(vault__p_id(a->user), vault__p_id(a->item),
                                      vault__p_id(a->version), vault__p_id(NULL)),
                             &rows));
  if (rows.n == 0)
    return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                       "there is no such file, or it has no such version");
  vault__row r = vault__row_at(&rows, 0);
  decode_version(&r, &a->found);
  return vault__items_row_ok(t, &r);
}

vault_status vault__items_get_version(void *self, const vault_id *user, const vault_id *item,
                                      const vault_id *version, vault_version_row *out,
                                      vault_err *err) {
  read_args a = {.user = user, .item = item, .version = version};
  VAULT_TRY(vault__items_read(self, version_work, &a, err));
  *out = a.found;
  return VAULT_OK;
}
