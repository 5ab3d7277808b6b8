#include "ietf.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/fields.h"
#include "ietf_manner.h"
#include "modules/common/context.h"
#include "modules/common/item.h"
#include "modules/common/problem.h"
#include "structured.h"
#include "transfer.h"

#define TYPES "https://iana.org/assignments/http-problem-types#"
#define LIMIT_TEXT 128u
#define INTERIM_TEXT (VD_UPLOAD_URL_MAX + 256u)

/* ---- fields ----------------------------------------------------------------------------------- */

bool vd_ietf_integer(const vd_request *rq, const char *name, uint64_t *out) {
  const char *value = vd_header(rq, name);
  return value != NULL && vd_header_nth(rq, name, 1) == NULL && vd_sf_integer(value, out);
}

uint32_t vd_ietf_interop(const vd_request *rq) {
  uint64_t version = 0;
  if (!vd_ietf_integer(rq, "Upload-Draft-Interop-Version", &version))
    return 0;
  return version == VD_IETF_INTEROP || version == VD_IETF_INTEROP_OLD ? (uint32_t)version : 0;
}

static void add_offset(vd_response *rs, uint64_t offset) {
  vd_add_headerf(rs, "Upload-Offset", "%" PRIu64, offset);
}

static void add_complete(vd_response *rs, bool complete) {
  vd_add_header(rs, "Upload-Complete", complete ? "?1" : "?0");
}

/* expires_ms 0: no upload yet, whose life begins when it is made. */
static void limit_text(const vd_request *rq, int64_t expires_ms, char out[LIMIT_TEXT]) {
  const vd_context *app = vd_request_app(rq);
  const vault_settings *limits = vault_settings_get(app->vault);
  uint64_t max = limits->upload_max_bytes;
  int64_t life_s = limits->upload_ttl_ms / 1000;
  struct timespec now;

  if (expires_ms != 0) {
    (void)clock_gettime(CLOCK_REALTIME, &now);
    life_s = expires_ms / 1000 - (int64_t)now.tv_sec;
  }
  if (life_s < 0)
    life_s = 0;
  if (max > VD_SF_INTEGER_MAX)
    max = VD_SF_INTEGER_MAX;
  /* -05 had "expires" for what is "max-age" since -06. */
  (void)snprintf(out, LIMIT_TEXT, "max-size=%" PRIu64 ", min-size=0, %s=%" PRId64, max,
                 vd_ietf_interop(rq) == VD_IETF_INTEROP_OLD ? "expires" : "max-age", life_s);
}

void vd_ietf_limit(vd_request *rq, vd_response *rs, const vault_upload_view *view) {
  char text[LIMIT_TEXT];
  limit_text(rq, view != NULL ? view->expires_ms : 0, text);
  vd_add_header(rs, "Upload-Limit", text);
}

void vd_ietf_describe(vd_request *rq, vd_response *rs, const vault_upload_view *view) {
  add_offset(rs, view->offset);
  add_complete(rs, view->state == VAULT_UPLOAD_DONE);
  if (view->length != VAULT_LENGTH_UNKNOWN)
    vd_add_headerf(rs, "Upload-Length", "%" PRIu64, view->length);
  vd_ietf_limit(rq, rs, view);
}

/* ---- interim answers -------------------------------------------------------------------------- */

/* Only for clients that speak the same version: the final RFC must not meet a draft by accident. */
static bool may_tell(const vd_transfer *t) {
  return VD_IETF_INTEROP == 0 || t->interop != 0;
}

static void interim(vd_transfer *t, const char *fields) {
  char text[INTERIM_TEXT], version[64] = "";

  if (VD_IETF_INTEROP != 0)
    (void)snprintf(version, sizeof version, "Upload-Draft-Interop-Version: %" PRIu32 "\r\n",
                   t->interop);
  int n = snprintf(text, sizeof text, "%s%s", fields, version);
  if (n > 0 && (size_t)n < sizeof text)
    (void)vd_interim(t->rq, 104, text);
}

void vd_ietf_announce(vd_transfer *t, const vault_upload_view *view) {
  char url[VD_UPLOAD_URL_MAX], limit[LIMIT_TEXT], fields[INTERIM_TEXT];

  if (!may_tell(t) || !vd_upload_url(t->rq, t->key, url))
    return;
  limit_text(t->rq, view->expires_ms, limit);
  int n = snprintf(fields, sizeof fields, "Location: %s\r\nUpload-Limit: %s\r\n", url, limit);
  if (n > 0 && (size_t)n < sizeof fields)
    interim(t, fields);
}

static void progress(vd_transfer *t, uint64_t durable) {
  char field[64];
  if (!may_tell(t))
    return;
  (void)snprintf(field, sizeof field, "Upload-Offset: %" PRIu64 "\r\n", durable);
  interim(t, field);
}

/* ---- problems --------------------------------------------------------------------------------- */

/* A problem with a type of its own; more (may be NULL) are members beside the usual ones, and are taken. */
static void typed_problem(vd_request *rq, vd_response *rs, int status, const char *code,
                          const char *type, const char *title, json_t *more) {
  char url[128];
  json_t *doc;
  char *text = NULL;

  (void)snprintf(url, sizeof url, TYPES "%s", type);
  doc =
    json_pack("{s:s, s:s, s:i, s:s, s:s, s:[], s:s}", "type", url, "title", title, "status", status,
              "detail", title, "code", code, "reason_codes", "request_id", vd_request_id(rq));
  if (doc != NULL && (more == NULL || json_object_update(doc, more) == 0))
    text = json_dumps(doc, JSON_COMPACT);
  json_decref(doc);
  json_decref(more);
  if (text == NULL) {
    (void)vd_fail(rq, rs, VAULT_E_NO_MEMORY, NULL);
    return;
  }
  vd_status(rs, status);
  vd_send_owned(rs, "application/problem+json", text, strlen(text), free);
}

void vd_ietf_bad_length(vd_request *rq, vd_response *rs) {
  add_complete(rs, false);
  typed_problem(rq, rs, 400, vault_status_code(VAULT_E_LENGTH), "inconsistent-upload-length",
                "The request says another length of the upload than it or an earlier one said.",
                NULL);
}

void vd_ietf_bad_offset(vd_request *rq, vd_response *rs, uint64_t expected, uint64_t provided) {
  add_complete(rs, false);
  add_offset(rs, expected);
  typed_problem(rq, rs, 409, vault_status_code(VAULT_E_OFFSET), "mismatching-upload-offset",
                "Upload-Offset is not where the upload is.",
                json_pack("{s:I, s:I}", "expected-offset", (json_int_t)expected, "provided-offset",
                          (json_int_t)provided));
}

/* ---- how a transfer is answered --------------------------------------------------------------- */

static void stored(vd_transfer *t, vd_response *rs, const vault_upload_view *view) {
  if (t->creating)
    vd_add_location(t, rs);
  add_complete(rs, false);
  add_offset(rs, view->durable_offset);
  vd_ietf_limit(t->rq, rs, view);
  vd_send_none(rs, t->creating ? 201 : 204);
}

static void completed(vd_transfer *t, vd_response *rs, const vault_item_view *item,
                      uint32_t outcome) {
  if (t->resumable)
    add_complete(rs, true);
  if (item == NULL) { /* a piece that tus began */
    add_offset(rs, t->length);
    vd_send_none(rs, 204);
    return;
  }
  if (t->resumable)
    add_offset(rs, item->size_bytes);
  (void)vd_upload_send_item(t->rq, rs, item, outcome);
}

/* Whether the same bytes may succeed later: then the client may come back to the upload. */
static bool may_resume(vault_status s) {
  switch (vault_status_class(s)) {
  case VAULT_CLASS_RETRY:
  case VAULT_CLASS_UNCERTAIN:
  case VAULT_CLASS_IO:
  case VAULT_CLASS_LIMIT:
  case VAULT_CLASS_INTERNAL:
  case VAULT_CLASS_BUSY: return true;
  default: return s == VAULT_E_PREEMPTED || s == VAULT_E_BODY_SHORT || s == VAULT_E_LENGTH;
  }
}

static void failed(vd_transfer *t, vd_response *rs, vault_status s, const vault_err *err) {
  const vd_context *app = vd_request_app(t->rq);

  if (s == VAULT_E_TOO_LARGE)
    vd_ietf_limit(t->rq, rs, NULL);
  if (t->resumable && s == VAULT_E_BODY_LONG) {
    /* It can only be wrong from here on: the draft wants it to end. */
    (void)vault_upload_cancel(app->vault, &t->who, &t->id, NULL);
    vd_ietf_bad_length(t->rq, rs);
  } else if (s == VAULT_E_LENGTH) {
    vd_ietf_bad_length(t->rq, rs);
  } else {
    if (t->resumable)
      add_complete(rs, !may_resume(s));
    (void)vd_fail(t->rq, rs, s, err);
  }
}

static void mismatched(vd_transfer *t, vd_response *rs) {
  add_complete(rs, false);
  add_offset(rs, t->from);
  (void)vd_fail(t->rq, rs, VAULT_E_DIGEST, NULL);
}

/* tus-js-client in its IETF mode (interop 6) takes an upload for complete when the offset is the length, and says so
 * neither for an empty file nor for one that it reads by itself. The draft lets the server say it. */
static bool ends_by_itself(const vd_transfer *t, const vault_upload_view *view) {
  return t->interop == VD_IETF_INTEROP_OLD && view->offset == view->length;
}

/* The client said that this was the end: the length is what is there, or it contradicts itself. */
static bool whole(vd_transfer *t, vd_response *rs, bool *answered) {
  const vault_upload_view *view = vault_upload_get(t->upload);
  vault_err err = VAULT_ERR_INIT;
  vault_status s;

  if (!t->last)
    return ends_by_itself(t, view);
  if (!t->resumable)
    return true;
  if (view->length == view->offset)
    return true;
  s = view->length == VAULT_LENGTH_UNKNOWN ? vault_upload_set_length(t->upload, view->offset, &err)
                                           : VAULT_E_LENGTH;
  if (s == VAULT_OK)
    return true;
  *answered = true;
  (void)vault_upload_flush(t->upload, NULL);
  (void)vd_transfer_fail(t, rs, s, &err);
  return false;
}

const vd_manner vd_ietf_manner = {stored, completed, failed, mismatched, whole, progress, NULL};
