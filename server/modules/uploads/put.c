/* Plain PUT. The happy path: open checks everything and reserves; data appends; end seals (large
 * bodies: the flush belongs on a worker) and submits; the committer's event answers.
 * A small body of known length, to a path, with a token that is known, never leaves the loop: the library keeps it in
 * memory until its commit, and nothing on the way waits.
 * Whatever fails, the upload is aborted at once and the failure is the answer. */
#include "put.h"

#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "commits.h"
#include "http/limits.h"
#include "ietf.h"
#include "modules/common/bearer.h"
#include "modules/common/context.h"
#include "modules/common/item.h"
#include "modules/common/json.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"
#include "transfer.h"

#define SEAL_FROM_BYTES (UINT64_C(1) << 20) /* larger bodies are flushed by the worker */

typedef struct put {
  vd_commit_waiter waiter; /* first: the event comes back to it */
  vd_request *rq;
  vault_upload *upload; /* NULL once it was handed over or given up */
  bool mtime_accepted;  /* answer X-OC-Mtime as its clients expect */
} put;

static void release_put(void *data) {
  free(data);
}

static vd_next give_up(put *p, vd_response *rs, vault_status s, const vault_err *err) {
  vault_upload_abort(p->upload);
  p->upload = NULL;
  return vd_fail(p->rq, rs, s, err);
}

static vd_next begin(vd_request *rq, vd_response *rs, const vault_principal *who,
                     const vault_upload_opts *opts) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  put *p = calloc(1, sizeof *p);
  vault_status s;

  if (p == NULL)
    return vd_fail(rq, rs, VAULT_E_NO_MEMORY, NULL);
  p->rq = rq;
  p->mtime_accepted = vd_header(rq, "X-OC-Mtime") != NULL;
  s = vault_upload_begin(app->vault, who, opts, &p->upload, &err);
  if (s != VAULT_OK) {
    free(p);
    return vd_fail(rq, rs, s, &err);
  }
  vd_set_data(rq, p, release_put);
  return VD_CONTINUE;
}

/* Whether beginning and appending neither reads nor writes: what the library promises of a body that it keeps in
 * memory, and of conditions that need no look at what is there. */
static bool waits_for_nothing(const vd_request *rq) {
  const vd_context *app = vd_request_app(rq);
  const vault_settings *settings = vault_settings_get(app->vault);
  const char *if_none_match = vd_header(rq, "If-None-Match");
  uint64_t length;

  if (!vd_content_length(rq, &length) || settings->inline_max_bytes == VAULT_INLINE_OFF ||
      length > settings->inline_max_bytes || length > VD_LOOP_BODY_BYTES_MAX)
    return false;
  return !vd_ietf_wanted(rq) && vd_header(rq, "If-Match") == NULL &&
         (if_none_match == NULL || strcmp(if_none_match, "*") == 0);
}

static vd_next open_by_path(vd_request *rq, vd_response *rs) {
  static const char *const known[] = {"path", "space", "mtime_ns"};
  vault_upload_opts opts = {.size = sizeof opts};
  const char *path = vd_query(rq, "path");
  vault_principal who;
  vd_next next;

  if (vd_on_loop(rq) && !waits_for_nothing(rq))
    return VD_WORKER;
  if (!vd_only_params(rq, rs, known, 3))
    return VD_DONE;
  next = vd_identify(rq, rs, &who);
  if (next != VD_CONTINUE)
    return next;
  if (!vd_query_space(rq, rs, &opts.space))
    return VD_DONE;
  if (path == NULL || *path == '\0')
    return vd_bad_request(rs, "bad_parameter", "The query parameter \"path\" is missing.");
  opts.path.p = path;
  opts.path.n = strlen(path);
  if (!vd_upload_fields(rq, rs, &opts) || !vd_upload_conditions(rq, rs, &who, &opts))
    return VD_DONE;
  return vd_ietf_wanted(rq) ? vd_ietf_open(rq, rs, &who, &opts) : begin(rq, rs, &who, &opts);
}

static vd_next open_by_id(vd_request *rq, vd_response *rs) {
  static const char *const known[] = {"mtime_ns"};
  vault_upload_opts opts = {.size = sizeof opts, .space = VAULT_SPACE_FILES};
  vault_principal who;

  if (!vd_only_params(rq, rs, known, 1) || !vd_authenticate(rq, rs, &who) ||
      !vd_path_id(rq, rs, &opts.item))
    return VD_DONE;
  if (vd_header(rq, "If-Match") == NULL) {
    vd_problem(
      rs, 428, "precondition_required",
      "Send If-Match with the content's ETag, so that nobody's change is overwritten unseen.");
    return VD_DONE;
  }
  if (!vd_upload_fields(rq, rs, &opts) || !vd_upload_conditions(rq, rs, &who, &opts))
    return VD_DONE;
  return vd_ietf_wanted(rq) ? vd_ietf_open(rq, rs, &who, &opts) : begin(rq, rs, &who, &opts);
}

static vd_next put_data(vd_request *rq, vd_response *rs, const uint8_t *bytes, size_t bytes_len) {
  put *p = vd_data(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_status s;
  if (vd_transfer_on(rq))
    return vd_transfer_data(rq, rs, bytes, bytes_len);
  s = vault_upload_append(p->upload, bytes, bytes_len, &err);
  return s == VAULT_OK ? VD_CONTINUE : give_up(p, rs, s, &err);
}

/* On the loop. */
static void put_done(vd_commit_waiter *w, const vault_event *event) {
  put *p = (put *)w;
  vd_request *rq = p->rq;
  vd_response *rs = vd_request_response(rq);
  const vd_context *app = vd_request_app(rq);
  vd_json_text doc = {NULL, 0, 0, false};
  char id[VAULT_ID_TEXT], etag[VD_ETAG_TEXT];

  if (event->status != VAULT_OK) {
    (void)vd_fail(rq, rs, event->status, event->err);
  } else {
    bool created = event->outcome == VAULT_OUTCOME_CREATED;
    vault_id_format(&event->item->id, id);
    vd_content_etag(&event->item->version, etag);
    vd_add_header(rs, "ETag", etag);
    if (created)
      vd_add_headerf(rs, "Location", "%s/api/v1/files/%s", app->public_url, id);
    if (p->mtime_accepted)
      vd_add_header(rs, "X-OC-MTime", "accepted");
    vd_item_put(&doc, event->item);
    (void)vd_json_text_send(rs, created ? 201 : 200, &doc);
  }
  vd_request_complete(rq);
}

static vd_next put_end(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  put *p = vd_data(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_status s = VAULT_OK;

  if (vd_transfer_on(rq))
    return vd_transfer_end(rq, rs);
  if (vault_upload_get(p->upload)->offset >= SEAL_FROM_BYTES)
    s = vault_upload_seal(p->upload, &err);
  if (s != VAULT_OK)
    return give_up(p, rs, s, &err);
  p->waiter.done = put_done;
  /* From here on the event may come at any moment: p and rq are not ours on OK. */
  s = vd_commits_submit(app->commits, p->upload, &p->waiter, &err);
  return s == VAULT_OK ? VD_PENDING : give_up(p, rs, s, &err);
}

static void put_cancel(vd_request *rq) {
  put *p = vd_data(rq);
  if (vd_transfer_on(rq)) {
    vd_transfer_cancel(rq);
    return;
  }
  vault_upload_abort(p->upload);
  p->upload = NULL;
}

const vd_upload_ops vd_put_by_path = {open_by_path, put_data, put_end, put_cancel};
const vd_upload_ops vd_put_by_id = {open_by_id, put_data, put_end, put_cancel};
