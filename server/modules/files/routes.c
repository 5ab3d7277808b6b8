#include <string.h>

#include "codec.h"
#include "download.h"
#include "files.h"
#include "guard.h"
#include "http/conditional.h"
#include "modules/common/bearer.h"
#include "modules/common/context.h"
#include "modules/common/item.h"
#include "modules/common/json.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"

#include <vault/trash.h>

static const vault_item_view *only_row(const vault_items *items) {
  uint64_t n;
  uint32_t stride;
  return vault_items_rows(items, &n, &stride);
}

static vault_str query_str(vd_request *rq, const char *name) {
  const char *text = vd_query(rq, name);
  vault_str s = {text, text != NULL ? strlen(text) : 0};
  return s;
}

static vd_next post_folder(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_guard guard = {.size = sizeof guard};
  vault_err err = VAULT_ERR_INIT;
  char id[VAULT_ID_TEXT];
  vault_items *items = NULL;
  vault_principal who;
  vd_folder_request in;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who) ||
      !vd_op_key(rq, rs, &guard.op_key) || !vd_folder_read(rq, rs, &in))
    return VD_DONE;
  s = vault_folder_create(app->vault, &who, in.space, &in.parent, in.name.p, in.name.n, &guard,
                          &items, &err);
  json_decref(in.doc);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  vault_id_format(&only_row(items)->id, id);
  vd_add_headerf(rs, "Location", "%s/api/v1/files/%s", app->public_url, id);
  return vd_item_send(rs, 201, items);
}

/* Which folder is listed: by id, by path, or the root. false: answered. */
static bool read_parent(vd_request *rq, vd_response *rs, const vault_principal *who, uint32_t space,
                        vault_id *parent) {
  const vd_context *app = vd_request_app(rq);
  vault_str path = query_str(rq, "path");
  vault_err err = VAULT_ERR_INIT;
  vault_items *items = NULL;
  vault_status s;

  if (!vd_query_id(rq, rs, "parent", parent))
    return false;
  if (path.p != NULL && vd_query(rq, "parent") != NULL) {
    (void)vd_bad_request(rs, "bad_parameter", "Give \"parent\" or \"path\", not both.");
    return false;
  }
  if (path.n == strspn(path.p != NULL ? path.p : "", "/"))
    return true; /* absent, "" or "/": the root */
  s = vault_item_lookup(app->vault, who, space, path.p, path.n, &items, &err);
  if (s != VAULT_OK) {
    (void)vd_fail(rq, rs, s, &err);
    return false;
  }
  *parent = only_row(items)->id;
  vault_items_free(items);
  return true;
}

static vd_next get_files(vd_request *rq, vd_response *rs) {
  static const char *const known[] = {"parent", "path", "space", "cursor", "limit"};
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_items *items = NULL;
  uint32_t space, limit;
  vault_principal who;
  vault_id parent;
  vault_str cursor = query_str(rq, "cursor");
  vault_status s;

  if (!vd_only_params(rq, rs, known, 5) || !vd_authenticate(rq, rs, &who) ||
      !vd_query_space(rq, rs, &space) || !vd_query_limit(rq, rs, &limit) ||
      !read_parent(rq, rs, &who, space, &parent))
    return VD_DONE;
  s = vault_item_list(app->vault, &who, space, &parent, cursor.p, cursor.n, limit, &items, &err);
  return s == VAULT_OK ? vd_page_send(rs, items) : vd_fail(rq, rs, s, &err);
}

static vd_next get_item(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vd_preconditions pre = {
    vd_header(rq, "If-Match"), vd_header(rq, "If-None-Match"), NULL, NULL, NULL, NULL};
  vd_resource_state state = {true, NULL, false, 0};
  vault_err err = VAULT_ERR_INIT;
  char etag[VD_ETAG_TEXT];
  vault_items *items = NULL;
  vault_principal who;
  vd_precondition answer;
  vault_id id;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who) ||
      !vd_path_id(rq, rs, &id))
    return VD_DONE;
  s = vault_item_get(app->vault, &who, &id, &items, &err);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  vd_item_etag(only_row(items)->seq, etag);
  state.etag = etag;
  vd_add_header(rs, "Cache-Control", "private, no-cache");
  answer = vd_precondition_check(&pre, &state, true);
  if (answer == VD_PROCEED)
    return vd_item_send(rs, 200, items);
  vault_items_free(items);
  if (answer == VD_PRECONDITION_FAILED)
    return vd_fail(rq, rs, VAULT_E_PRECONDITION, NULL);
  vd_add_header(rs, "ETag", etag);
  vd_send_none(rs, 304);
  return VD_DONE;
}

static vd_next patch_item(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_items *items = NULL;
  vault_principal who;
  vd_patch_request in;
  vault_guard guard;
  vault_id id;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who) ||
      !vd_path_id(rq, rs, &id) || !vd_patch_read(rq, rs, true, &in))
    return VD_DONE;
  if (in.patch.flags == 0) {
    json_decref(in.doc);
    return vd_bad_request(rs, "bad_json", "Give \"name\", \"parent_id\" or \"mtime_ns\".");
  }
  if (!vd_guard_read(rq, rs, &who, &id, &guard)) {
    json_decref(in.doc);
    return VD_DONE;
  }
  s = vault_item_update(app->vault, &who, &id, &in.patch, &guard, &items, &err);
  json_decref(in.doc);
  return s == VAULT_OK ? vd_item_send(rs, 200, items) : vd_fail(rq, rs, s, &err);
}

static vd_next delete_item(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_items *items = NULL;
  vault_principal who;
  vault_guard guard;
  vault_id id;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who) ||
      !vd_path_id(rq, rs, &id) || !vd_guard_read(rq, rs, &who, &id, &guard))
    return VD_DONE;
  s = vault_trash_move(app->vault, &who, &id, &guard, &items, &err);
  return s == VAULT_OK ? vd_item_send(rs, 200, items) : vd_fail(rq, rs, s, &err);
}

static vd_next get_trash(vd_request *rq, vd_response *rs) {
  static const char *const known[] = {"cursor", "limit"};
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_str cursor = query_str(rq, "cursor");
  vault_items *items = NULL;
  vault_principal who;
  uint32_t limit;
  vault_status s;

  if (!vd_only_params(rq, rs, known, 2) || !vd_authenticate(rq, rs, &who) ||
      !vd_query_limit(rq, rs, &limit))
    return VD_DONE;
  s = vault_trash_list(app->vault, &who, cursor.p, cursor.n, limit, &items, &err);
  return s == VAULT_OK ? vd_page_send(rs, items) : vd_fail(rq, rs, s, &err);
}

static vd_next post_restore(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_items *items = NULL;
  vault_principal who;
  vd_patch_request in;
  vault_guard guard;
  vault_id id;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who) ||
      !vd_path_id(rq, rs, &id) || !vd_patch_read(rq, rs, false, &in))
    return VD_DONE;
  if (!vd_guard_read(rq, rs, &who, &id, &guard)) {
    json_decref(in.doc);
    return VD_DONE;
  }
  s = vault_trash_restore(app->vault, &who, &id, in.patch.flags != 0 ? &in.patch : NULL, &guard,
                          &items, &err);
  json_decref(in.doc);
  return s == VAULT_OK ? vd_item_send(rs, 200, items) : vd_fail(rq, rs, s, &err);
}

static vd_next delete_trash(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_principal who;
  vault_guard guard;
  vault_id id;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who) ||
      !vd_path_id(rq, rs, &id) || !vd_guard_read(rq, rs, &who, &id, &guard))
    return VD_DONE;
  s = vault_trash_purge(app->vault, &who, &id, &guard, &err);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  vd_send_none(rs, 204);
  return VD_DONE;
}

static const vd_route routes[] = {
  {VD_GET, "/api/v1/files", 0, 0, get_files, NULL},
  {VD_POST, "/api/v1/files", 0, 0, post_folder, NULL},
  {VD_GET, "/api/v1/files/content", VD_TRY_LOOP, 0, vd_download_by_path, NULL},
  {VD_GET, "/api/v1/files/{id}", 0, 0, get_item, NULL},
  {VD_PATCH, "/api/v1/files/{id}", 0, 0, patch_item, NULL},
  {VD_DELETE, "/api/v1/files/{id}", 0, 0, delete_item, NULL},
  {VD_GET, "/api/v1/files/{id}/content", VD_TRY_LOOP, 0, vd_download_by_id, NULL},
  {VD_GET, "/api/v1/trash", 0, 0, get_trash, NULL},
  {VD_POST, "/api/v1/trash/{id}/restore", 0, 0, post_restore, NULL},
  {VD_DELETE, "/api/v1/trash/{id}", 0, 0, delete_trash, NULL},
};

const vd_module vd_module_files = {"files", routes, sizeof routes / sizeof routes[0], NULL, NULL};
