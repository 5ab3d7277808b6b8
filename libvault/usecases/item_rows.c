#include "item_rows.h"

#include <string.h>

#include "libvault/base/alloc.h"

vault_status vault__items_new(vault *v, uint64_t cap, vault_items **out, vault_err *err) {
  vault_items *items =
    vault__new(&v->alloc, sizeof *items + cap * (sizeof(vault_item_row) + sizeof(vault_item_view)));
  if (!items)
    return vault__no_memory(err);
  items->alloc = v->alloc;
  items->cap = cap;
  items->views = (vault_item_view *)(void *)&items->rows[cap];
  *out = items;
  return VAULT_OK;
}

void vault__item_view(const vault_item_row *row, vault_item_view *view) {
  *view = (vault_item_view){
    .size = sizeof *view,
    .kind = row->kind,
    .id = row->id,
    .parent = row->parent,
    .version = row->version,
    .space = row->space,
    .n_versions = row->n_versions,
    .has_mtime = row->has_mtime,
    .size_bytes = row->size_bytes,
    .mtime_ns = row->mtime_ns,
    .created_ms = row->created_ms,
    .modified_ms = row->modified_ms,
    .trashed_ms = row->trashed_ms,
    .seq = row->seq,
    .name = {row->name, strlen(row->name)},
    .content_type = {row->content_type, strlen(row->content_type)},
  };
  memcpy(view->sha256, row->sha256, sizeof view->sha256);
}

void vault__items_show(vault_items *items, uint64_t n) {
  items->n = n;
  for (uint64_t i = 0; i < n; i++)
    vault__item_view(&items->rows[i], &items->views[i]);
}

const vault_item_view *vault_items_rows(const vault_items *items, uint64_t *n, uint32_t *stride) {
  if (n)
    *n = items ? items->n : 0;
  if (stride)
    *stride = sizeof(vault_item_view);
  return items ? items->views : NULL;
}

vault_str vault_items_cursor(const vault_items *items) {
  return items ? (vault_str){items->cursor, items->cursor_n} : (vault_str){NULL, 0};
}

void vault_items_free(vault_items *items) {
  if (!items)
    return;
  vault_alloc alloc = items->alloc;
  vault__delete(&alloc, items);
}
