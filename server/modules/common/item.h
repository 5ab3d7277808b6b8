/* An item as JSON, the same in every answer. */
#ifndef VD_COMMON_ITEM_H
#define VD_COMMON_ITEM_H

#include <jansson.h>

#include <vault/item.h>

#include "json.h"

/* {id, parent_id, space, kind, name, size, sha256, content_type, mtime_ns, created_at, modified_at,
 * trashed_at, version_id, versions, etag, content_etag}. mtime_ns is a string, since a browser's
 * numbers end at 2^53. What a folder or an item outside of the trash lacks is null. */
void vd_item_put(vd_json_text *t, const vault_item_view *item);
/* The same as a tree, for a document that holds other things too. NULL: no memory. */
json_t *vd_item_json(const vault_item_view *item);

/* One item, with its ETag; frees the result. Always VD_DONE. */
vd_next vd_item_send(vd_response *rs, int status, vault_items *items);
/* A page: {items, next_cursor}; frees the result. Always VD_DONE. */
vd_next vd_page_send(vd_response *rs, vault_items *items);

#endif
