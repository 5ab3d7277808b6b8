/* Reading items: single ones, paths, listings by key, versions with their bytes. */
#include <string.h>

#include "items_sql.h"

vault_status vault__items_check_page(uint64_t max, vault_err *err) {
  if (max >= 1 && max <= VAULT__ITEMS_PAGE_MAX)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0, "a page has 1 to %u rows",
                     VAULT__ITEMS_PAGE_MAX);
}

typedef struct read_args {
  const vault_id *user, *item, *parent;
  uint32_t space, n_path;
  const vault_name *path;
  vault_item_row row;
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

typedef struct content_args {
  const vault_id *user, *item, *version;
  int64_t room; /* -1: no bytes */
  vault_item_row row;
  vault_version_row found;
  void *body;
  uint64_t body_n;
} content_args;

/* The inline bytes of the row, which must be there when its blob says so. */
static vault_status take_body(vault__items_tx *t, vault__row *r, content_args *a) {
  uint32_t there = vault__get_u32(r);
  if (a->found.loc != VAULT_LOC_INLINE)
    return VAULT_OK;
  a->body_n = a->found.size_bytes;
  if (!there || a->found.size_bytes > VAULT_INLINE_MAX) {
    t->dead = 1;
    return vault__fail(t->err, VAULT_E_CORRUPT, VAULT_ORIGIN_ITEMS, 0,
                       "the bytes of an inline body are missing; check the database with vaultd "
                       "fsck");
  }
  if (vault__get_null(r))
    return VAULT_OK;
  vault_str bytes = vault__get_str(r);
  if (bytes.n != a->body_n)
    r->bad = 1;
  else if (bytes.n)
    memcpy(a->body, bytes.p, (size_t)bytes.n);
  return VAULT_OK;
}

static vault_status content_work(vault__items_tx *t, void *arg) {
  content_args *a = arg;
  vault__rows rows;
  VAULT_TRY(
    vault__items_run(t, VAULT__SQL_CONTENT_GET,
                     VAULT__P(vault__p_id(a->user), vault__p_id(a->item), vault__p_id(a->version),
                              vault__p_id(NULL), vault__p_int(a->room)),
                     &rows));
  if (rows.n == 0)
    return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                       "there is no such file, or it has no such version");
  vault__row r = vault__row_at(&rows, 0);
  vault__items_decode_version(&r, &a->found);
  vault__items_decode(&r, &a->row, NULL);
  (void)vault__get_u32(&r); /* fresh */
  VAULT_TRY(take_body(t, &r, a));
  return vault__items_row_ok(t, &r);
}

vault_status vault__items_get_version(void *self, const vault_id *user, const vault_id *item,
                                      const vault_id *version, vault_version_row *out,
                                      vault_err *err) {
  content_args a = {.user = user, .item = item, .version = version, .room = -1};
  VAULT_TRY(vault__items_read(self, content_work, &a, err));
  *out = a.found;
  return VAULT_OK;
}

vault_status vault__items_get_content(void *self, const vault_id *user, const vault_id *item,
                                      const vault_id *version, vault_item_row *item_out,
                                      vault_version_row *out, void *body, uint64_t room,
                                      uint64_t *body_n, vault_err *err) {
  content_args a = {.user = user, .item = item, .version = version, .room = -1, .body = body};
  if (room)
    a.room = room > VAULT_INLINE_MAX ? (int64_t)VAULT_INLINE_MAX : (int64_t)room;
  VAULT_TRY(vault__items_read(self, content_work, &a, err));
  *item_out = a.row;
  *out = a.found;
  *body_n = a.body_n;
  return VAULT_OK;
}
