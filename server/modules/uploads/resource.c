/* The upload resource: one set of URLs for tus (when Tus-Resumable is sent) and for the IETF draft. */
#include "resource.h"

#include <jansson.h>
#include <string.h>

#include "ietf.h"
#include "ietf_manner.h"
#include "modules/common/context.h"
#include "modules/common/json.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "transfer.h"
#include "tus.h"

#define END_TRIES 5

/* ---- what a client may ask before it knows anything -------------------------------------------- */

/* Answers to OPTIONS have no Upload-Limit where the request has Upload-Complete: that is how the draft tells an
 * upload by OPTIONS, which is none here, from the question. */
static vd_next offer(vd_request *rq, vd_response *rs, const char *methods, bool tus) {
  vd_add_header(rs, "Allow", methods);
  if (tus)
    vd_tus_offer(rq, rs);
  if (vd_header(rq, "Upload-Complete") == NULL)
    vd_ietf_limit(rq, rs, NULL);
  vd_send_none(rs, 204);
  return VD_DONE;
}

vd_next vd_options_uploads(vd_request *rq, vd_response *rs) {
  return offer(rq, rs, "POST, OPTIONS", true);
}

vd_next vd_options_upload(vd_request *rq, vd_response *rs) {
  return offer(rq, rs, "GET, HEAD, PATCH, DELETE, OPTIONS", true);
}

vd_next vd_options_content(vd_request *rq, vd_response *rs) {
  return offer(rq, rs, "GET, HEAD, PUT, OPTIONS", false);
}

/* ---- looking at an upload ---------------------------------------------------------------------- */

static const char *state_name(uint32_t state) {
  switch (state) {
  case VAULT_UPLOAD_DONE: return "done";
  case VAULT_UPLOAD_WAITING: return "waiting";
  default: return "receiving";
  }
}

static json_t *upload_json(const vault_upload_view *view) {
  static const vault_id none;
  bool has_item = memcmp(&view->item, &none, sizeof none) != 0;

  return json_pack("{s:o, s:s, s:I, s:o, s:o, s:o, s:o}", "id", vd_json_id(&view->id), "state",
                   state_name(view->state), "offset", (json_int_t)view->offset, "length",
                   view->length != VAULT_LENGTH_UNKNOWN ? json_integer((json_int_t)view->length)
                                                        : json_null(),
                   "created_at", vd_json_time(view->created_ms), "expires_at",
                   vd_json_time(view->expires_ms), "item_id",
                   has_item ? vd_json_id(&view->item) : json_null());
}

/* tus, and tus-js-client in its IETF mode, take an upload for complete when the offset is the length. So it must be
 * before it is said: the request that brought the last byte may have been cut off before its commit. */
static bool must_end(const vd_request *rq, const vault_upload_view *view) {
  return view->state == VAULT_UPLOAD_RECEIVING && view->offset == view->length &&
         (vd_tus_spoken(rq) || vd_ietf_interop(rq) == VD_IETF_INTEROP_OLD);
}

static vault_status end_upload(vault *v, const vault_principal *who, const vault_id *id,
                               vault_err *err) {
  vault_upload *u = NULL;
  vault_status s = vault_upload_resume(v, who, id, &u, err);
  return s == VAULT_OK ? vault_upload_finish(u, NULL, NULL, err) : s;
}

/* As vault_upload_stat, of an upload that is ended where it must be. */
static vault_status look_at(vd_request *rq, const vault_principal *who, const vault_id *id,
                            vault_upload_info **info, vault_err *err) {
  const vd_context *app = vd_request_app(rq);
  vault_status s = vault_upload_stat(app->vault, who, id, info, err);

  for (int tries = 0; s == VAULT_OK && tries < END_TRIES; tries++) {
    if (!must_end(rq, vault_upload_info_get(*info)))
      return VAULT_OK;
    vault_upload_info_free(*info);
    s = end_upload(app->vault, who, id, err);
    if (s == VAULT_OK || s == VAULT_E_PREEMPTED) /* another one looks too: one of us ends it */
      s = vault_upload_stat(app->vault, who, id, info, err);
  }
  return s;
}

vd_next vd_upload_get(vd_request *rq, vd_response *rs) {
  bool tus = vd_tus_spoken(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_upload_info *info = NULL;
  const vault_upload_view *view;
  vault_principal who;
  vault_id id;
  vault_status s;

  if ((tus && !vd_tus_greet(rq, rs)) || !vd_upload_authenticate(rq, rs, &who, &id))
    return VD_DONE;
  s = look_at(rq, &who, &id, &info, &err);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  view = vault_upload_info_get(info);
  if (tus)
    vd_tus_describe(rq, rs, &who, view);
  else
    vd_ietf_describe(rq, rs, view);
  (void)vd_json_send(rs, 200, upload_json(view));
  vault_upload_info_free(info);
  return VD_DONE;
}

vd_next vd_upload_delete(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_principal who;
  vault_id id;
  vault_status s;

  if ((vd_tus_spoken(rq) && !vd_tus_greet(rq, rs)) || !vd_upload_authenticate(rq, rs, &who, &id))
    return VD_DONE;
  s = vault_upload_cancel(app->vault, &who, &id, &err);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  vd_send_none(rs, 204);
  return VD_DONE;
}

/* ---- bringing bytes ---------------------------------------------------------------------------- */

static vd_next open_create(vd_request *rq, vd_response *rs) {
  return vd_tus_spoken(rq) ? vd_tus_create(rq, rs) : vd_ietf_create(rq, rs);
}

static vd_next open_append(vd_request *rq, vd_response *rs) {
  return vd_tus_spoken(rq) ? vd_tus_append(rq, rs) : vd_ietf_append(rq, rs);
}

const vd_upload_ops vd_upload_create = {open_create, vd_transfer_data, vd_transfer_end,
                                        vd_transfer_cancel};
const vd_upload_ops vd_upload_append = {open_append, vd_transfer_data, vd_transfer_end,
                                        vd_transfer_cancel};
