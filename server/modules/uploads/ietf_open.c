/* Requests of the draft that bring bytes: creation and PATCH. */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "http/fields.h"
#include "ietf.h"
#include "ietf_manner.h"
#include "metadata.h"
#include "modules/common/bearer.h"
#include "modules/common/context.h"
#include "modules/common/item.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "place.h"
#include "transfer.h"

#define PART_TYPE "application/partial-upload"

/* ---- fields ----------------------------------------------------------------------------------- */

typedef struct digest {
  bool present;
  uint8_t sha256[VD_SHA256_BYTES];
} digest;

/* sha-256 of a field of RFC 9530; other algorithms are ignored. */
static bool read_digest(vd_request *rq, vd_response *rs, const char *field, digest *out) {
  const char *value;

  out->present = false;
  for (size_t i = 0; (value = vd_header_nth(rq, field, i)) != NULL; i++) {
    switch (vd_digest_parse(value, out->sha256)) {
    case VD_DIGEST_NONE: break;
    case VD_DIGEST_FOUND: out->present = true; break;
    case VD_DIGEST_BAD:
    default:
      (void)vd_bad_request(
        rs, "bad_digest", "Repr-Digest and Content-Digest must be as sha-256=:BASE64: (RFC 9530).");
      return false;
    }
  }
  return true;
}

/* The bytes of this request count only if they are those of Content-Digest. */
static bool hold_for(vd_transfer *t, vd_response *rs, const digest *content) {
  if (!content->present)
    return true;
  t->expected.kind = VD_SUM_SHA256;
  t->expected.n = sizeof content->sha256;
  memcpy(t->expected.bytes, content->sha256, sizeof content->sha256);
  return vd_transfer_hold(t, rs, VD_SUM_SHA256);
}

/* Upload-Length, and Content-Length where this is the end, agree with each other and with *length, which becomes
 * the length that is known then. */
static bool agree(const vd_request *rq, uint64_t offset, bool last, uint64_t *length) {
  uint64_t told, declared;

  if (last && (vd_content_length(rq, &declared) || !vd_has_body(rq))) {
    if (!vd_has_body(rq))
      declared = 0;
    if (declared > VAULT_LENGTH_UNKNOWN - 1 - offset ||
        (*length != VAULT_LENGTH_UNKNOWN && *length != offset + declared))
      return false;
    *length = offset + declared;
  }
  if (!vd_ietf_integer(rq, "Upload-Length", &told))
    return true;
  if (*length != VAULT_LENGTH_UNKNOWN && *length != told)
    return false;
  *length = told;
  return true;
}

/* ---- creation --------------------------------------------------------------------------------- */

bool vd_ietf_wanted(const vd_request *rq) {
  bool complete = false;
  uint64_t length = 0;

  if (!vd_upload_complete(rq, &complete))
    return false;
  return !complete || !vd_content_length(rq, &length) || length >= VD_IETF_UPGRADE_BYTES_MIN;
}

/* The same Idempotency-Key began it before. true: the answer is filled in. */
static bool answer_again(vd_transfer *t, vd_response *rs) {
  const vd_context *app = vd_request_app(t->rq);
  const vault_upload_view *view = vault_upload_get(t->upload);
  vault_err err = VAULT_ERR_INIT;
  vault_items *items = NULL;
  vault_status s;

  if (view->state == VAULT_UPLOAD_DONE) {
    s = vault_item_get(app->vault, &t->who, &view->item, &items, &err);
    if (s == VAULT_OK) {
      vd_add_header(rs, "Upload-Complete", "?1");
      vd_add_headerf(rs, "Upload-Offset", "%llu", (unsigned long long)view->offset);
      (void)vd_item_send(rs, 200, items);
    } else {
      (void)vd_fail(t->rq, rs, s, &err);
    }
  } else if (view->offset > 0) { /* its first bytes are not those of the upload's offset */
    vd_add_location(t, rs);
    vd_ietf_bad_offset(t->rq, rs, view->offset, 0);
  } else {
    return false;
  }
  t->findable = true;
  vd_transfer_let_go(t);
  return true;
}

static vd_next opened(vd_transfer *t, vd_response *rs, const digest *content) {
  const vault_upload_view *view;
  uint64_t declared;

  if (!t->resumable)
    return VD_CONTINUE;
  if (answer_again(t, rs))
    return VD_DONE;
  view = vault_upload_get(t->upload);
  if (vd_content_length(t->rq, &declared) && t->length != VAULT_LENGTH_UNKNOWN &&
      declared > t->length)
    return vd_transfer_fail(t, rs, VAULT_E_BODY_LONG, NULL);
  vd_ietf_announce(t, view);
  t->findable = t->findable || t->interop != 0 || VD_IETF_INTEROP == 0;
  return hold_for(t, rs, content) ? VD_CONTINUE : VD_DONE;
}

vd_next vd_ietf_open(vd_request *rq, vd_response *rs, const vault_principal *who,
                     vault_upload_opts *opts) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  bool complete = true, resumable = vd_upload_complete(rq, &complete);
  digest content = {false, {0}};
  vault_upload *u = NULL;
  vd_transfer *t;
  vault_status s;

  if (vd_on_loop(rq))
    return VD_WORKER; /* rows are written before the first byte */
  if (resumable) {
    if (!agree(rq, 0, complete, &opts->length)) {
      vd_ietf_bad_length(rq, rs);
      return VD_DONE;
    }
    if (!complete && !read_digest(rq, rs, "Content-Digest", &content))
      return VD_DONE;
    opts->flags |= VAULT_UP_RESUMABLE;
  }
  t = vd_transfer_new(rq, rs, &vd_ietf_manner, who);
  if (t == NULL)
    return VD_DONE;
  t->creating = true;
  t->last = complete;
  t->findable = opts->op_key.n > 0;
  t->interop = vd_ietf_interop(rq);
  s = vault_upload_begin(app->vault, who, opts, &u, &err);
  if (s == VAULT_OK)
    s = vd_transfer_opened(t, u, &err);
  return s == VAULT_OK ? opened(t, rs, &content) : vd_transfer_fail(t, rs, s, &err);
}

typedef struct creation {
  vd_metadata metadata;
  vd_place place;
  vault_upload_opts opts;
} creation;

/* tus-js-client sends the metadata of tus in its IETF mode too. What cannot be read says nothing here. */
static bool read_target(vd_request *rq, vd_response *rs, creation *c) {
  const char *field = vd_header(rq, "Upload-Metadata");
  const vd_metadata *m = NULL;

  if (field != NULL && vd_metadata_parse(field, &c->metadata) == VD_METADATA_OK)
    m = &c->metadata;
  c->opts.size = sizeof c->opts;
  return vd_only_params(rq, rs, vd_place_params, VD_PLACE_PARAMS) &&
         vd_upload_fields(rq, rs, &c->opts) && vd_place_read(rq, rs, m, &c->place, &c->opts);
}

vd_next vd_ietf_create(vd_request *rq, vd_response *rs) {
  vault_principal who;
  vd_next next = VD_DONE;
  creation *c;

  if (!vd_authenticate(rq, rs, &who))
    return VD_DONE;
  c = calloc(1, sizeof *c);
  if (c == NULL)
    return vd_fail(rq, rs, VAULT_E_NO_MEMORY, NULL);
  if (read_target(rq, rs, c) && vd_upload_conditions(rq, rs, &who, &c->opts))
    next = vd_ietf_open(rq, rs, &who, &c->opts);
  free(c);
  return next;
}

/* ---- PATCH ------------------------------------------------------------------------------------ */

typedef struct append {
  uint64_t offset;
  bool last;
  digest content, whole;
} append;

static bool read_append(vd_request *rq, vd_response *rs, append *a) {
  const char *type = vd_header(rq, "Content-Type");

  if (type == NULL || !vd_same_word(type, PART_TYPE)) {
    vd_add_header(rs, "Accept-Patch", PART_TYPE);
    vd_problem(rs, 415, "unsupported_media_type", "Send the bytes as " PART_TYPE ".");
    return false;
  }
  if (!vd_ietf_integer(rq, "Upload-Offset", &a->offset)) {
    (void)vd_bad_request(rs, "bad_header", "Upload-Offset must be a whole number of bytes.");
    return false;
  }
  if (!vd_upload_complete(rq, &a->last)) {
    (void)vd_bad_request(rs, "bad_header",
                         "Upload-Complete must say whether these bytes are the last: ?1 or ?0.");
    return false;
  }
  return read_digest(rq, rs, "Content-Digest", &a->content) &&
         read_digest(rq, rs, "Repr-Digest", &a->whole);
}

/* The upload is complete: the answer to a repeated end is given again. */
static void answer_complete(vd_transfer *t, vd_response *rs, const append *a) {
  uint64_t declared = 0;
  bool empty = !vd_has_body(t->rq) || (vd_content_length(t->rq, &declared) && declared == 0);

  if (!a->last || !empty || !answer_again(t, rs)) {
    vd_add_header(rs, "Upload-Complete", "?0");
    (void)vd_fail(t->rq, rs, VAULT_E_COMPLETED, NULL);
    vd_transfer_let_go(t);
  }
}

/* false: the answer is filled in, and the upload let go of. */
static bool tell(vd_transfer *t, vd_response *rs, const append *a) {
  vault_err err = VAULT_ERR_INIT;
  uint64_t length = t->length, declared;
  vault_status s = VAULT_OK;

  if (!agree(t->rq, t->from, a->last, &length))
    s = VAULT_E_LENGTH;
  else if (length != t->length)
    s = vault_upload_set_length(t->upload, length, &err);
  if (s == VAULT_OK && a->whole.present)
    s = vault_upload_expect_sha256(t->upload, a->whole.sha256, &err);
  if (s == VAULT_OK && length != VAULT_LENGTH_UNKNOWN && vd_content_length(t->rq, &declared) &&
      declared > length - t->from)
    s = VAULT_E_BODY_LONG;
  if (s != VAULT_OK) {
    (void)vd_transfer_fail(t, rs, s, &err);
    return false;
  }
  t->length = length;
  return true;
}

static vd_next resume(vd_transfer *t, vd_response *rs, const vault_id *id, const append *a) {
  const vd_context *app = vd_request_app(t->rq);
  vault_err err = VAULT_ERR_INIT;
  vault_upload *u = NULL;
  const vault_upload_view *view;
  vault_status s = vault_upload_resume(app->vault, &t->who, id, &u, &err);

  if (s == VAULT_OK)
    s = vd_transfer_opened(t, u, &err);
  if (s != VAULT_OK)
    return vd_transfer_fail(t, rs, s, &err);
  view = vault_upload_get(u);
  if (view->offset != a->offset) {
    vd_ietf_bad_offset(t->rq, rs, view->offset, a->offset);
    vd_transfer_let_go(t);
    return VD_DONE;
  }
  if (view->state == VAULT_UPLOAD_DONE) {
    answer_complete(t, rs, a);
    return VD_DONE;
  }
  return tell(t, rs, a) && hold_for(t, rs, &a->content) ? VD_CONTINUE : VD_DONE;
}

vd_next vd_ietf_append(vd_request *rq, vd_response *rs) {
  vault_principal who;
  vd_transfer *t;
  append a;
  vault_id id;

  if (!vd_upload_authenticate(rq, rs, &who, &id) || !read_append(rq, rs, &a))
    return VD_DONE;
  t = vd_transfer_new(rq, rs, &vd_ietf_manner, &who);
  if (t == NULL)
    return VD_DONE;
  t->findable = true;
  t->last = a.last;
  t->interop = vd_ietf_interop(rq);
  return resume(t, rs, &id, &a);
}
