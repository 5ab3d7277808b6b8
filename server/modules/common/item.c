#include "item.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

static vault_str str_of(const char *s) {
  return (vault_str){s, s != NULL ? strlen(s) : 0};
}

static void put_times(vd_json_text *t, const vault_item_view *item) {
  VD_JSON_PUT(t, ",\"mtime_ns\":");
  if (item->has_mtime != 0) {
    VD_JSON_PUT(t, "\"");
    vd_json_put_int(t, item->mtime_ns);
    VD_JSON_PUT(t, "\"");
  } else {
    VD_JSON_PUT(t, "null");
  }
  VD_JSON_PUT(t, ",\"created_at\":");
  vd_json_put_time(t, item->created_ms);
  VD_JSON_PUT(t, ",\"modified_at\":");
  vd_json_put_time(t, item->modified_ms);
  VD_JSON_PUT(t, ",\"trashed_at\":");
  if (item->trashed_ms != 0)
    vd_json_put_time(t, item->trashed_ms);
  else
    VD_JSON_PUT(t, "null");
}

void vd_item_put(vd_json_text *t, const vault_item_view *item) {
  static const vault_str null;
  bool file = item->kind == VAULT_KIND_FILE;
  char etag[VD_ETAG_TEXT], content_etag[VD_ETAG_TEXT], sha256[VD_HEX_SHA256];

  vd_item_etag(item->seq, etag);
  vd_content_etag(&item->version, content_etag);
  vd_hex(item->sha256, sizeof item->sha256, sha256);
  VD_JSON_PUT(t, "{\"id\":");
  vd_json_put_id(t, &item->id);
  VD_JSON_PUT(t, ",\"parent_id\":");
  vd_json_put_id(t, &item->parent);
  VD_JSON_PUT(t, ",\"space\":");
  vd_json_put_str(t, str_of(vd_space_name(item->space)));
  VD_JSON_PUT(t, ",\"kind\":");
  vd_json_put_str(t, str_of(file ? "file" : "folder"));
  VD_JSON_PUT(t, ",\"name\":");
  vd_json_put_str(t, item->name);
  VD_JSON_PUT(t, ",\"size\":");
  vd_json_put_int(t, (int64_t)item->size_bytes);
  VD_JSON_PUT(t, ",\"sha256\":");
  vd_json_put_str(t, file ? str_of(sha256) : null);
  VD_JSON_PUT(t, ",\"content_type\":");
  vd_json_put_str(t, file ? item->content_type : null);
  put_times(t, item);
  VD_JSON_PUT(t, ",\"version_id\":");
  vd_json_put_id(t, &item->version);
  VD_JSON_PUT(t, ",\"versions\":");
  vd_json_put_int(t, item->n_versions);
  VD_JSON_PUT(t, ",\"etag\":");
  vd_json_put_str(t, str_of(etag));
  VD_JSON_PUT(t, ",\"content_etag\":");
  vd_json_put_str(t, file ? str_of(content_etag) : null);
  VD_JSON_PUT(t, "}");
}

json_t *vd_item_json(const vault_item_view *item) {
  vd_json_text t = {NULL, 0, 0, false};
  json_t *doc;

  vd_item_put(&t, item);
  doc = t.failed ? NULL : json_loadb(t.p, t.n, 0, NULL);
  free(t.p);
  return doc;
}

vd_next vd_item_send(vd_response *rs, int status, vault_items *items) {
  uint64_t n = 0;
  uint32_t stride = 0;
  const vault_item_view *row = vault_items_rows(items, &n, &stride);
  vd_json_text t = {NULL, 0, 0, n != 1};
  char etag[VD_ETAG_TEXT];

  if (n == 1) {
    vd_item_etag(row->seq, etag);
    vd_add_header(rs, "ETag", etag);
    vd_item_put(&t, row);
  }
  vault_items_free(items);
  return vd_json_text_send(rs, status, &t);
}

vd_next vd_page_send(vd_response *rs, vault_items *items) {
  uint64_t n = 0;
  uint32_t stride = 0;
  const vault_item_view *first = vault_items_rows(items, &n, &stride);
  vault_str cursor = vault_items_cursor(items);
  vd_json_text t = {NULL, 0, 0, false};

  VD_JSON_PUT(&t, "{\"items\":[");
  for (uint64_t i = 0; i < n; i++) {
    const void *row = (const char *)first + i * stride;
    if (i > 0)
      VD_JSON_PUT(&t, ",");
    vd_item_put(&t, row);
  }
  if (cursor.n == 0)
    cursor.p = NULL;
  VD_JSON_PUT(&t, "],\"next_cursor\":");
  vd_json_put_str(&t, cursor);
  VD_JSON_PUT(&t, "}");
  vault_items_free(items);
  vd_allow_gzip(rs);
  return vd_json_text_send(rs, 200, &t);
}
