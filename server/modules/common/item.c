#include "item.h"

#include <stdio.h>

#include "json.h"
#include "text.h"

#define INT64_TEXT 24u

static json_t *time_or_null(int64_t unix_ms) {
  return unix_ms != 0 ? vd_json_time(unix_ms) : json_null();
}

static json_t *id_or_null(const vault_id *id) {
  static const vault_id none;
  for (size_t i = 0; i < sizeof none.b; i++) {
    if (id->b[i] != 0)
      return vd_json_id(id);
  }
  return json_null();
}

static json_t *mtime_json(const vault_item_view *item) {
  char text[INT64_TEXT];
  if (item->has_mtime == 0)
    return json_null();
  (void)snprintf(text, sizeof text, "%lld", (long long)item->mtime_ns);
  return json_string(text);
}

json_t *vd_item_json(const vault_item_view *item) {
  bool file = item->kind == VAULT_KIND_FILE;
  char etag[VD_ETAG_TEXT], content_etag[VD_ETAG_TEXT], sha256[VD_HEX_SHA256];

  vd_item_etag(item->seq, etag);
  vd_content_etag(&item->version, content_etag);
  vd_hex(item->sha256, sizeof item->sha256, sha256);
  /* "o" takes the reference, and json_pack releases all of them when one is NULL. */
  return json_pack(
    "{s:o, s:o, s:s, s:s, s:o, s:I, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:s, s:s?}", "id",
    vd_json_id(&item->id), "parent_id", id_or_null(&item->parent), "space",
    vd_space_name(item->space), "kind", file ? "file" : "folder", "name", vd_json_str(item->name),
    "size", (json_int_t)item->size_bytes, "sha256", file ? sha256 : NULL, "content_type",
    file ? vd_json_str(item->content_type) : json_null(), "mtime_ns", mtime_json(item),
    "created_at", vd_json_time(item->created_ms), "modified_at", vd_json_time(item->modified_ms),
    "trashed_at", time_or_null(item->trashed_ms), "version_id", id_or_null(&item->version),
    "versions", (int)item->n_versions, "etag", etag, "content_etag", file ? content_etag : NULL);
}

vd_next vd_item_send(vd_response *rs, int status, vault_items *items) {
  uint64_t n = 0;
  uint32_t stride = 0;
  const vault_item_view *row = vault_items_rows(items, &n, &stride);
  char etag[VD_ETAG_TEXT];
  json_t *doc = NULL;

  if (n == 1) {
    vd_item_etag(row->seq, etag);
    vd_add_header(rs, "ETag", etag);
    doc = vd_item_json(row);
  }
  vault_items_free(items);
  return vd_json_send(rs, status, doc);
}

vd_next vd_page_send(vd_response *rs, vault_items *items) {
  uint64_t n = 0;
  uint32_t stride = 0;
  const vault_item_view *first = vault_items_rows(items, &n, &stride);
  vault_str cursor = vault_items_cursor(items);
  json_t *rows = json_array(), *doc;
  bool complete = rows != NULL;

  for (uint64_t i = 0; i < n && complete; i++) {
    const void *row = (const char *)first + i * stride;
    complete = json_array_append_new(rows, vd_item_json(row)) == 0;
  }
  if (cursor.n == 0)
    cursor.p = NULL;
  doc =
    complete ? json_pack("{s:O, s:o}", "items", rows, "next_cursor", vd_json_str(cursor)) : NULL;
  json_decref(rows);
  vault_items_free(items);
  return vd_json_send(rs, 200, doc);
}
