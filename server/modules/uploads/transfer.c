#include "transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "http/fields.h"
#include "modules/common/bearer.h"
#include "modules/common/context.h"
#include "modules/common/item.h"
#include "modules/common/json.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"

#define ID_CHARS (VAULT_ID_TEXT - 1)

static void committed(vd_commit_waiter *w, const vault_event *event);

/* ---- begin and end of a transfer -------------------------------------------------------------- */

static void release_transfer(void *data) {
  vd_transfer *t = data;
  vd_sum_free(t->sum);
  free(t);
}

vd_transfer *vd_transfer_new(vd_request *rq, vd_response *rs, const vd_manner *manner,
                             const vault_principal *who) {
  vd_transfer *t = calloc(1, sizeof *t);

  if (t == NULL) {
    (void)vd_fail(rq, rs, VAULT_E_NO_MEMORY, NULL);
    return NULL;
  }
  t->waiter.done = committed;
  t->manner = manner;
  t->rq = rq;
  t->who = *who;
  t->length = VAULT_LENGTH_UNKNOWN;
  vd_set_data(rq, t, release_transfer);
  return t;
}

bool vd_transfer_on(const vd_request *rq) {
  const vd_commit_waiter *w = vd_data(rq);
  return w != NULL && w->done == committed;
}

vault_status vd_transfer_opened(vd_transfer *t, vault_upload *u, vault_err *err) {
  const vd_context *app = vd_request_app(t->rq);
  const vault_upload_view *view = vault_upload_get(u);

  t->upload = u;
  t->id = view->id;
  t->from = t->told = view->offset;
  t->length = view->length;
  t->expires_ms = view->expires_ms;
  t->resumable = (view->flags & VAULT_UP_RESUMABLE) != 0;
  return t->resumable ? vault_upload_key(app->vault, &t->who, &t->id, t->key, err) : VAULT_OK;
}

void vd_transfer_let_go(vd_transfer *t) {
  if (t->upload == NULL)
    return;
  if (t->resumable && t->findable)
    vault_upload_suspend(t->upload);
  else
    vault_upload_abort(t->upload);
  t->upload = NULL;
}

vd_next vd_transfer_fail(vd_transfer *t, vd_response *rs, vault_status s, const vault_err *err) {
  if (t->held && t->upload != NULL)
    (void)vault_upload_settle(t->upload, 0, NULL);
  vd_transfer_let_go(t);
  if (s == VAULT_E_PREEMPTED)
    vd_close_after(rs); /* what is still on its way belongs to nothing */
  t->manner->failed(t, rs, s, err);
  return VD_DONE;
}

bool vd_transfer_hold(vd_transfer *t, vd_response *rs, uint32_t kinds) {
  vault_err err = VAULT_ERR_INIT;
  vault_status s = VAULT_E_NO_MEMORY;

  t->sum = vd_sum_new(kinds);
  if (t->sum != NULL)
    s = vault_upload_hold(t->upload, &err);
  if (s == VAULT_OK) {
    t->held = true;
    return true;
  }
  (void)vd_transfer_fail(t, rs, s, &err);
  return false;
}

/* ---- receiving -------------------------------------------------------------------------------- */

vd_next vd_transfer_data(vd_request *rq, vd_response *rs, const uint8_t *bytes, size_t n) {
  vd_transfer *t = vd_data(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_status s = vault_upload_append(t->upload, bytes, n, &err);
  uint64_t durable;

  if (s != VAULT_OK)
    return vd_transfer_fail(t, rs, s, &err);
  if (t->sum != NULL)
    (void)vd_sum_update(t->sum, bytes, n);
  durable = vault_upload_get(t->upload)->durable_offset;
  if (t->manner->progress != NULL && durable > t->told) {
    t->told = durable;
    t->manner->progress(t, durable);
  }
  return VD_CONTINUE;
}

/* The client went away. What arrived without a checksum of its own is kept: the client finds the offset. */
void vd_transfer_cancel(vd_request *rq) {
  vd_transfer *t = vd_data(rq);

  if (t->upload == NULL)
    return;
  if (t->held)
    (void)vault_upload_settle(t->upload, 0, NULL);
  else if (t->resumable)
    (void)vault_upload_flush(t->upload, NULL);
  vd_transfer_let_go(t);
}

static vd_next complete(vd_transfer *t, vd_response *rs) {
  const vd_context *app = vd_request_app(t->rq);
  const vault_upload_view *view = vault_upload_get(t->upload);
  vault_err err = VAULT_ERR_INIT;
  vault_status s;

  if ((view->flags & VAULT_UP_PARTIAL) != 0) {
    vault_upload *u = t->upload;
    t->upload = NULL;
    s = vault_upload_finish(u, NULL, NULL, &err);
    if (s != VAULT_OK)
      return vd_transfer_fail(t, rs, s, &err);
    t->manner->completed(t, rs, NULL, 0);
    return VD_DONE;
  }
  s = vault_upload_seal(t->upload, &err);
  if (s == VAULT_E_DIGEST)
    t->findable = false; /* these bytes will never be the right ones */
  if (s != VAULT_OK)
    return vd_transfer_fail(t, rs, s, &err);
  /* From here on the event may come at any moment: t and rq are not ours on OK. */
  s = vd_commits_submit(app->commits, t->upload, &t->waiter, &err);
  return s == VAULT_OK ? VD_PENDING : vd_transfer_fail(t, rs, s, &err);
}

/* On the thread that hands results back. */
static void committed(vd_commit_waiter *w, const vault_event *event) {
  vd_transfer *t = (vd_transfer *)w;
  vd_request *rq = t->rq;
  vd_response *rs = vd_request_response(rq);

  t->upload = NULL;
  if (event->status == VAULT_OK)
    t->manner->completed(t, rs, event->item, event->outcome);
  else
    t->manner->failed(t, rs, event->status, event->err);
  vd_request_complete(rq);
}

/* false: the answer is in rs. */
static bool settle(vd_transfer *t, vd_response *rs) {
  vault_err err = VAULT_ERR_INIT;
  vault_status s;
  bool equal;

  if (!t->held)
    return true;
  if (t->from_trailer && !t->manner->trailer(t, rs)) {
    (void)vault_upload_settle(t->upload, 0, NULL);
    vd_transfer_let_go(t);
    return false;
  }
  equal = vd_sum_equals(t->sum, &t->expected);
  s = vault_upload_settle(t->upload, equal ? 1 : 0, &err);
  t->held = false;
  if (s != VAULT_OK) {
    (void)vd_transfer_fail(t, rs, s, &err);
    return false;
  }
  if (!equal) {
    vd_transfer_let_go(t);
    t->manner->mismatched(t, rs);
  }
  return equal;
}

vd_next vd_transfer_end(vd_request *rq, vd_response *rs) {
  vd_transfer *t = vd_data(rq);
  vault_err err = VAULT_ERR_INIT;
  bool answered = false;
  vault_status s;

  if (!settle(t, rs))
    return VD_DONE;
  if (t->manner->whole(t, rs, &answered))
    return complete(t, rs);
  if (answered)
    return VD_DONE;
  s = vault_upload_flush(t->upload, &err);
  if (s != VAULT_OK)
    return vd_transfer_fail(t, rs, s, &err);
  t->findable = true; /* the answer names it */
  t->manner->stored(t, rs, vault_upload_get(t->upload));
  vd_transfer_let_go(t);
  return VD_DONE;
}

/* ---- what several answers have ---------------------------------------------------------------- */

bool vd_upload_url(vd_request *rq, const char *key, char out[VD_UPLOAD_URL_MAX]) {
  const vd_context *app = vd_request_app(rq);
  int n = snprintf(out, VD_UPLOAD_URL_MAX, "%s%s/%s", app->public_url, VD_UPLOADS_PATH, key);
  return n > 0 && (size_t)n < VD_UPLOAD_URL_MAX;
}

void vd_add_location(vd_transfer *t, vd_response *rs) {
  char url[VD_UPLOAD_URL_MAX];
  if (vd_upload_url(t->rq, t->key, url))
    vd_add_header(rs, "Location", url);
}

bool vd_upload_authenticate(vd_request *rq, vd_response *rs, vault_principal *who, vault_id *id) {
  const vd_context *app = vd_request_app(rq);
  const char *text = vd_param(rq, "id");
  vault_err err = VAULT_ERR_INIT;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0))
    return false;
  if (strlen(text) == ID_CHARS)
    return vd_authenticate(rq, rs, who) && vd_path_id(rq, rs, id);
  memset(who, 0, sizeof *who);
  who->size = sizeof *who;
  s = vault_upload_authenticate(app->vault, text, strlen(text), who, id, &err);
  if (s == VAULT_OK)
    return true;
  (void)vd_fail(rq, rs, s, &err);
  return false;
}

vd_next vd_upload_send_item(vd_request *rq, vd_response *rs, const vault_item_view *item,
                            uint32_t outcome) {
  const vd_context *app = vd_request_app(rq);
  bool created = outcome == VAULT_OUTCOME_CREATED;
  char id[VAULT_ID_TEXT], etag[VD_ETAG_TEXT], digest[VD_SHA256_FIELD_SIZE];

  vault_id_format(&item->id, id);
  vd_content_etag(&item->version, etag);
  vd_digest_format(item->sha256, digest);
  vd_add_header(rs, "ETag", etag);
  vd_add_header(rs, "Repr-Digest", digest);
  if (created)
    vd_add_headerf(rs, "Location", "%s/api/v1/files/%s", app->public_url, id);
  return vd_json_send(rs, created ? 201 : 200, vd_item_json(item));
}
