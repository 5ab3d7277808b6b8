#include "tus.h"

#include <stdio.h>
#include <string.h>

#include "http/fields.h"
#include "http/limits.h"
#include "metadata.h"
#include "modules/common/context.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"
#include "transfer.h"
#include "tus_manner.h"

#define VERSION "1.0.0"
#define EXTENSIONS                                                                            \
  "creation,creation-with-upload,creation-defer-length,expiration,checksum,checksum-trailer," \
  "termination,concatenation,concatenation-unfinished"

bool vd_tus_spoken(const vd_request *rq) {
  return vd_header(rq, "Tus-Resumable") != NULL;
}

bool vd_tus_greet(vd_request *rq, vd_response *rs) {
  vd_add_header(rs, "Tus-Resumable", VERSION);
  if (strcmp(vd_header(rq, "Tus-Resumable"), VERSION) == 0 &&
      vd_header_nth(rq, "Tus-Resumable", 1) == NULL)
    return true;
  vd_add_header(rs, "Tus-Version", VERSION);
  vd_problem(rs, 412, "tus_version", "This server speaks tus " VERSION "; see Tus-Version.");
  return false;
}

void vd_tus_offer(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vd_add_header(rs, "Tus-Resumable", VERSION);
  vd_add_header(rs, "Tus-Version", VERSION);
  vd_add_header(rs, "Tus-Extension", EXTENSIONS);
  vd_add_headerf(rs, "Tus-Max-Size", "%llu",
                 (unsigned long long)vault_settings_get(app->vault)->upload_max_bytes);
  vd_add_header(rs, "Tus-Checksum-Algorithm", VD_CHECKSUM_NAMES);
}

/* ---- what an answer says about an upload ------------------------------------------------------ */

void vd_tus_expires(vd_response *rs, int64_t expires_ms) {
  char date[VD_DATE_SIZE];
  vd_date_format(expires_ms / 1000, date);
  vd_add_header(rs, "Upload-Expires", date);
}

/* A list that was too long to be remembered is told as we would have named the pieces. */
static void name_parts(vd_request *rq, vd_response *rs, const vault_principal *who,
                       const vault_upload_view *view) {
  const vd_context *app = vd_request_app(rq);
  char list[VD_RESPONSE_HEADER_BYTES] = "final;", key[VAULT_UPLOAD_KEY_TEXT];
  size_t n = strlen(list);

  for (uint32_t i = 0; i < view->n_parts; i++) {
    if (vault_upload_key(app->vault, who, &view->parts[i], key, NULL) != VAULT_OK)
      return;
    int k = snprintf(list + n, sizeof list - n, "%s%s/%s", i > 0 ? " " : "", VD_UPLOADS_PATH, key);
    if (k < 0 || (size_t)k >= sizeof list - n)
      return;
    n += (size_t)k;
  }
  vd_add_header(rs, "Upload-Concat", list);
}

static void describe_meta(vd_request *rq, vd_response *rs, const vault_principal *who,
                          const vault_upload_view *view) {
  vault_str meta = view->client_meta;
  const char *line = meta.n > 0 ? memchr(meta.p, '\n', (size_t)meta.n) : NULL;
  int first = (int)(line != NULL ? line - meta.p : (ptrdiff_t)meta.n);

  if (first > 0)
    vd_add_headerf(rs, "Upload-Metadata", "%.*s", first, meta.p);
  if ((view->flags & VAULT_UP_PARTIAL) != 0)
    vd_add_header(rs, "Upload-Concat", "partial");
  else if (line != NULL)
    vd_add_headerf(rs, "Upload-Concat", "%.*s", (int)(meta.n - (uint64_t)first - 1), line + 1);
  else if (view->n_parts > 0)
    name_parts(rq, rs, who, view);
}

void vd_tus_describe(vd_request *rq, vd_response *rs, const vault_principal *who,
                     const vault_upload_view *view) {
  bool waiting = view->state == VAULT_UPLOAD_WAITING;

  if (!waiting)
    vd_add_headerf(rs, "Upload-Offset", "%llu", (unsigned long long)view->offset);
  if (view->length != VAULT_LENGTH_UNKNOWN)
    vd_add_headerf(rs, "Upload-Length", "%llu", (unsigned long long)view->length);
  else if (!waiting)
    vd_add_header(rs, "Upload-Defer-Length", "1");
  if (view->state != VAULT_UPLOAD_DONE)
    vd_tus_expires(rs, view->expires_ms);
  describe_meta(rq, rs, who, view);
}

/* ---- how a transfer is answered --------------------------------------------------------------- */

static void made_or_grown(vd_transfer *t, vd_response *rs, uint64_t offset) {
  if (t->creating)
    vd_add_location(t, rs);
  vd_add_headerf(rs, "Upload-Offset", "%llu", (unsigned long long)offset);
  vd_send_none(rs, t->creating ? 201 : 204);
}

static void stored(vd_transfer *t, vd_response *rs, const vault_upload_view *view) {
  vd_tus_expires(rs, view->expires_ms);
  made_or_grown(t, rs, view->durable_offset);
}

static void completed(vd_transfer *t, vd_response *rs, const vault_item_view *item,
                      uint32_t outcome) {
  (void)outcome;
  if (item != NULL)
    vd_tus_name_item(t->rq, rs, &item->id);
  else
    vd_tus_expires(rs, t->expires_ms); /* a piece waits for its concatenation */
  made_or_grown(t, rs, item != NULL ? item->size_bytes : t->length);
}

void vd_tus_name_item(vd_request *rq, vd_response *rs, const vault_id *item) {
  const vd_context *app = vd_request_app(rq);
  char id[VAULT_ID_TEXT];
  vault_id_format(item, id);
  vd_add_headerf(rs, "Content-Location", "%s/api/v1/files/%s", app->public_url, id);
}

void vd_tus_fail(vd_request *rq, vd_response *rs, vault_status s, const vault_err *err) {
  const vd_context *app = vd_request_app(rq);

  if (s == VAULT_E_TOO_LARGE)
    vd_add_headerf(rs, "Tus-Max-Size", "%llu",
                   (unsigned long long)vault_settings_get(app->vault)->upload_max_bytes);
  if (s == VAULT_E_BODY_LONG)
    vd_problem(rs, 413, "body_too_long", "More bytes arrived than Upload-Length says.");
  else
    (void)vd_fail(rq, rs, s, err);
}

static void failed(vd_transfer *t, vd_response *rs, vault_status s, const vault_err *err) {
  vd_tus_fail(t->rq, rs, s, err);
}

static void mismatched(vd_transfer *t, vd_response *rs) {
  vd_add_headerf(rs, "Upload-Offset", "%llu", (unsigned long long)t->from);
  vd_problem(rs, 460, "checksum_mismatch",
             "The bytes are not those of Upload-Checksum. They were dropped; send them again.");
}

static bool whole(vd_transfer *t, vd_response *rs, bool *answered) {
  const vault_upload_view *view = vault_upload_get(t->upload);
  (void)rs;
  (void)answered;
  return view->length != VAULT_LENGTH_UNKNOWN && view->offset == view->length;
}

bool vd_tus_read_checksum(vd_response *rs, const char *value, vd_checksum *out) {
  switch (vd_checksum_parse(value, out)) {
  case VD_CHECKSUM_OK: return true;
  case VD_CHECKSUM_UNKNOWN:
    (void)vd_bad_request(rs, "checksum_unknown",
                         "The checksum algorithms here are " VD_CHECKSUM_NAMES ".");
    return false;
  case VD_CHECKSUM_BAD:
  default:
    (void)
      vd_bad_request(rs, "bad_checksum",
                     "Upload-Checksum must be an algorithm, a space and the base64 of the sum.");
    return false;
  }
}

static bool trailer(vd_transfer *t, vd_response *rs) {
  const char *value = vd_trailer(t->rq, "Upload-Checksum");
  if (value != NULL)
    return vd_tus_read_checksum(rs, value, &t->expected);
  (void)vd_bad_request(
    rs, "bad_checksum",
    "Trailer announced Upload-Checksum, but the trailer section has none: the bytes were dropped.");
  return false;
}

const vd_manner vd_tus_manner = {stored, completed, failed, mismatched, whole, NULL, trailer};
