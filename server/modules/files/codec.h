/* JSON of the files module. */
#ifndef VD_FILES_CODEC_H
#define VD_FILES_CODEC_H

#include <jansson.h>
#include <stdbool.h>

#include <vault/item.h>

#include "http/http.h"

typedef struct vd_folder_request {
  json_t *doc; /* the texts are borrowed from it */
  vault_str name;
  vault_id parent; /* zero: the root */
  uint32_t space;
} vd_folder_request;

typedef struct vd_patch_request {
  json_t *doc;
  vault_item_patch patch; /* its texts are borrowed from doc */
} vd_patch_request;

/* false: the problem is filled in. On success json_decref(out->doc). */
bool vd_folder_read(vd_request *rq, vd_response *rs, vd_folder_request *out);
/* {name?, parent_id?, mtime_ns?}; with_mtime false: without the last. Which were there: patch.flags. */
bool vd_patch_read(vd_request *rq, vd_response *rs, bool with_mtime, vd_patch_request *out);

#endif
