/* Requests of tus that bring bytes: creation and PATCH. */
#include <stdlib.h>
#include <string.h>

#include "http/fields.h"
#include "metadata.h"
#include "modules/common/bearer.h"
#include "modules/common/context.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "place.h"
#include "transfer.h"
#include "tus.h"
#include "tus_manner.h"

#define BYTES_TYPE "application/offset+octet-stream"

/* ---- fields ----------------------------------------------------------------------------------- */

static bool bad(vd_response *rs, const char *why) {
  (void)vd_bad_request(rs, "bad_header", why);
  return false;
}

/* A field that may stand once; NULL when absent. */
static bool one_field(vd_request *rq, vd_response *rs, const char *name, const char **value) {
  *value = vd_header(rq, name);
  return vd_header_nth(rq, name, 1) == NULL || bad(rs, "A field of tus is given twice.");
}

static bool is_bytes_type(vd_request *rq, vd_response *rs) {
  const char *type = vd_header(rq, "Content-Type");
  if (type != NULL && vd_same_word(type, BYTES_TYPE))
    return true;
  vd_add_header(rs, "Accept-Patch", BYTES_TYPE);
  vd_problem(rs, 415, "unsupported_media_type", "Send the bytes as " BYTES_TYPE ".");
  return false;
}

/* *kinds: what must be summed, 0 when nothing; *trailer: it comes behind the body. */
static bool checksum_wanted(vd_request *rq, vd_response *rs, vd_checksum *expected, uint32_t *kinds,
                            bool *trailer) {
  const char *value, *announced;

  *kinds = 0;
  *trailer = false;
  if (!one_field(rq, rs, "Upload-Checksum", &value))
    return false;
  if (value != NULL) {
    if (!vd_tus_read_checksum(rs, value, expected))
      return false;
    *kinds = expected->kind;
    return true;
  }
  for (size_t i = 0; (announced = vd_header_nth(rq, "Trailer", i)) != NULL; i++)
    *trailer = *trailer || vd_list_has(announced, "Upload-Checksum");
  if (*trailer)
    *kinds = VD_SUM_ALL;
  return true;
}

/* The upload is open. Holds back what has a checksum, and refuses a body that is declared to be too long. */
static vd_next receive(vd_transfer *t, vd_response *rs, const vd_checksum *expected, uint32_t kinds,
                       bool trailer) {
  uint64_t declared;

  if (vd_content_length(t->rq, &declared) && t->length != VAULT_LENGTH_UNKNOWN &&
      declared > t->length - t->from)
    return vd_transfer_fail(t, rs, VAULT_E_BODY_LONG, NULL);
  t->expected = *expected;
  t->from_trailer = trailer;
  if (kinds != 0 && !vd_transfer_hold(t, rs, kinds))
    return VD_DONE;
  return VD_CONTINUE;
}

/* ---- creation --------------------------------------------------------------------------------- */

typedef struct creation {
  vd_metadata metadata;
  vd_place place;
  vd_concat concat;
  vd_checksum expected;
  uint32_t kinds;
  bool trailer;
  vault_upload_opts opts;
  vault_id parts[VD_CONCAT_PARTS_MAX];
  char client_meta[VAULT_CLIENT_META_MAX];
} creation;

static bool read_length(vd_request *rq, vd_response *rs, creation *c) {
  const char *length, *deferred;

  if (!one_field(rq, rs, "Upload-Length", &length) ||
      !one_field(rq, rs, "Upload-Defer-Length", &deferred))
    return false;
  if (c->concat.kind == VD_CONCAT_FINAL)
    return (length == NULL && deferred == NULL) ||
           bad(rs, "The length of a final upload is that of its parts: send no Upload-Length.");
  if ((length == NULL) == (deferred == NULL))
    return bad(rs, "Send either Upload-Length or Upload-Defer-Length: 1.");
  c->opts.length = VAULT_LENGTH_UNKNOWN;
  if (deferred != NULL)
    return strcmp(deferred, "1") == 0 || bad(rs, "Upload-Defer-Length must be 1.");
  return vd_tus_number(length, &c->opts.length) ||
         bad(rs, "Upload-Length must be a whole number of bytes.");
}

/* Metadata and, on a second line, the list of a final upload: what HEAD gives back. */
static bool keep_meta(vd_response *rs, creation *c, const char *metadata, const char *concat) {
  size_t n = metadata != NULL ? strlen(metadata) : 0;
  size_t list = c->concat.kind == VD_CONCAT_FINAL ? strlen(concat) : 0;

  if (n > sizeof c->client_meta)
    return bad(rs, "Upload-Metadata is longer than 4096 bytes.");
  memcpy(c->client_meta, metadata != NULL ? metadata : "", n);
  if (list > 0 && n + 1 + list <= sizeof c->client_meta) {
    c->client_meta[n++] = '\n';
    memcpy(c->client_meta + n, concat, list);
    n += list;
  }
  c->opts.client_meta.p = c->client_meta;
  c->opts.client_meta.n = n;
  return true;
}

static bool read_metadata(vd_request *rq, vd_response *rs, creation *c) {
  const char *metadata, *concat;

  if (!one_field(rq, rs, "Upload-Metadata", &metadata) ||
      !one_field(rq, rs, "Upload-Concat", &concat))
    return false;
  switch (vd_metadata_parse(metadata != NULL ? metadata : "", &c->metadata)) {
  case VD_METADATA_OK: break;
  case VD_METADATA_LONG:
    (void)vd_bad_request(rs, "bad_metadata",
                         "Upload-Metadata has more than 32 pairs or 4096 bytes.");
    return false;
  case VD_METADATA_BAD:
  default:
    (void)vd_bad_request(rs, "bad_metadata",
                         "Upload-Metadata must be pairs \"key base64\", separated by commas, each "
                         "key once.");
    return false;
  }
  if (concat != NULL && !vd_concat_parse(concat, &c->concat)) {
    (void)vd_bad_request(rs, "bad_concat",
                         "Upload-Concat must be \"partial\", or \"final;\" and 1 to 64 URLs of "
                         "partial uploads.");
    return false;
  }
  return keep_meta(rs, c, metadata, concat);
}

/* A body needs its type; a final upload has none. */
static bool read_body_kind(vd_request *rq, vd_response *rs, const creation *c) {
  uint64_t length = 0;
  bool declared = vd_content_length(rq, &length);

  if (!vd_has_body(rq) || (declared && length == 0))
    return true;
  if (c->concat.kind == VD_CONCAT_FINAL)
    return bad(rs, "A final upload is made of its parts: send no body.");
  return is_bytes_type(rq, rs);
}

/* A final upload has no body that could be held back for its sum. */
static bool read_checksum(vd_request *rq, vd_response *rs, creation *c) {
  if (!checksum_wanted(rq, rs, &c->expected, &c->kinds, &c->trailer))
    return false;
  return c->concat.kind != VD_CONCAT_FINAL || c->kinds == 0 ||
         bad(rs, "A final upload has no body: send no Upload-Checksum with it.");
}

static bool read_creation(vd_request *rq, vd_response *rs, creation *c) {
  c->opts.size = sizeof c->opts;
  c->opts.flags = VAULT_UP_RESUMABLE;
  c->opts.space = VAULT_SPACE_FILES;
  if (!vd_only_params(rq, rs, vd_place_params, VD_PLACE_PARAMS) || !read_metadata(rq, rs, c) ||
      !read_length(rq, rs, c) || !read_body_kind(rq, rs, c) || !read_checksum(rq, rs, c) ||
      !vd_op_key(rq, rs, &c->opts.op_key))
    return false;
  if (c->concat.kind == VD_CONCAT_PARTIAL) {
    c->opts.flags |= VAULT_UP_PARTIAL;
    return true;
  }
  return vd_place_read(rq, rs, &c->metadata, &c->place, &c->opts);
}

/* The pieces, by key or by id: all of this user, or they are not there. */
static bool find_parts(vd_request *rq, vd_response *rs, const vault_principal *who, creation *c) {
  const vd_context *app = vd_request_app(rq);

  for (size_t i = 0; i < c->concat.n; i++) {
    vault_str part = c->concat.parts[i];
    vault_principal owner = {.size = sizeof owner};
    vault_err err = VAULT_ERR_INIT;
    vault_status s = VAULT_OK;

    if (vault_id_parse(part.p, part.n, &c->parts[i]) == VAULT_OK)
      continue;
    s = vault_upload_authenticate(app->vault, part.p, part.n, &owner, &c->parts[i], &err);
    if (s == VAULT_OK && memcmp(&owner.user, &who->user, sizeof owner.user) != 0)
      s = VAULT_E_NOT_FOUND;
    if (s != VAULT_OK) {
      (void)vd_fail(rq, rs, s, s == VAULT_E_NOT_FOUND ? NULL : &err);
      return false;
    }
  }
  return true;
}

/* A concatenation whose parts are whole is committed by end(); one that waits is answered now. */
static vd_next created(vd_transfer *t, vd_response *rs, const creation *c) {
  const vault_upload_view *view = vault_upload_get(t->upload);

  if (view->state == VAULT_UPLOAD_WAITING) {
    vd_add_location(t, rs);
    vd_tus_expires(rs, view->expires_ms);
    vd_send_none(rs, 201);
    t->findable = true;
    vd_transfer_let_go(t);
    return VD_DONE;
  }
  if (c->concat.kind != VD_CONCAT_FINAL && (view->offset > 0 || view->state == VAULT_UPLOAD_DONE)) {
    /* The same Idempotency-Key began it before: go on from where it is. */
    vd_add_location(t, rs);
    vd_add_headerf(rs, "Upload-Offset", "%llu", (unsigned long long)view->offset);
    vd_send_none(rs, 201);
    t->findable = true;
    vd_transfer_let_go(t);
    return VD_DONE;
  }
  return receive(t, rs, &c->expected, c->kinds, c->trailer);
}

static vd_next begin(vd_request *rq, vd_response *rs, const vault_principal *who, creation *c) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_upload *u = NULL;
  vd_transfer *t;
  vault_status s;

  if (!find_parts(rq, rs, who, c))
    return VD_DONE;
  t = vd_transfer_new(rq, rs, &vd_tus_manner, who);
  if (t == NULL)
    return VD_DONE;
  t->creating = true;
  t->findable = c->opts.op_key.n > 0;
  s = c->concat.kind == VD_CONCAT_FINAL
        ? vault_upload_concat(app->vault, who, &c->opts, c->parts, c->concat.n, &u, &err)
        : vault_upload_begin(app->vault, who, &c->opts, &u, &err);
  if (s == VAULT_OK)
    s = vd_transfer_opened(t, u, &err);
  return s == VAULT_OK ? created(t, rs, c) : vd_transfer_fail(t, rs, s, &err);
}

vd_next vd_tus_create(vd_request *rq, vd_response *rs) {
  vault_principal who;
  creation *c;
  vd_next next = VD_DONE;

  if (!vd_tus_greet(rq, rs) || !vd_authenticate(rq, rs, &who))
    return VD_DONE;
  c = calloc(1, sizeof *c);
  if (c == NULL)
    return vd_fail(rq, rs, VAULT_E_NO_MEMORY, NULL);
  if (read_creation(rq, rs, c))
    next = begin(rq, rs, &who, c);
  free(c);
  return next;
}

/* ---- PATCH ------------------------------------------------------------------------------------ */

/* The offset does not fit, or nothing can be added. true: the answer is filled in. */
static bool refuse_state(vd_transfer *t, vd_response *rs, uint64_t offset) {
  const vault_upload_view *view = vault_upload_get(t->upload);
  uint64_t declared = 0;
  bool empty = !vd_has_body(t->rq) || (vd_content_length(t->rq, &declared) && declared == 0);

  if (view->n_parts > 0) {
    vd_problem(rs, 403, "upload_final", "A final upload is made of its parts: it takes no bytes.");
    return true;
  }
  if (offset != view->offset) {
    vd_add_headerf(rs, "Upload-Offset", "%llu", (unsigned long long)view->offset);
    (void)vd_fail(t->rq, rs, VAULT_E_OFFSET, NULL);
    return true;
  }
  if (view->state != VAULT_UPLOAD_DONE)
    return false;
  if (!empty) {
    (void)vd_fail(t->rq, rs, VAULT_E_COMPLETED, NULL);
    return true;
  }
  /* The answer to the last bytes was lost. */
  if ((view->flags & VAULT_UP_PARTIAL) == 0)
    vd_tus_name_item(t->rq, rs, &view->item);
  vd_add_headerf(rs, "Upload-Offset", "%llu", (unsigned long long)view->offset);
  vd_send_none(rs, 204);
  return true;
}

static bool tell_length(vd_transfer *t, vd_response *rs, const char *text) {
  vault_err err = VAULT_ERR_INIT;
  uint64_t length = 0;
  vault_status s;

  if (text == NULL)
    return true;
  if (!vd_tus_number(text, &length)) {
    vd_transfer_let_go(t);
    return bad(rs, "Upload-Length must be a whole number of bytes.");
  }
  s = vault_upload_set_length(t->upload, length, &err);
  if (s != VAULT_OK) {
    (void)vd_transfer_fail(t, rs, s, &err);
    return false;
  }
  t->length = length;
  return true;
}

vd_next vd_tus_append(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  const char *offset_text, *length_text;
  vd_checksum expected = {0, 0, {0}};
  vault_principal who;
  vault_upload *u = NULL;
  vd_transfer *t;
  uint64_t offset = 0;
  uint32_t kinds;
  bool trailer;
  vault_id id;
  vault_status s;

  if (!vd_tus_greet(rq, rs) || !vd_upload_authenticate(rq, rs, &who, &id) ||
      !is_bytes_type(rq, rs) || !one_field(rq, rs, "Upload-Offset", &offset_text) ||
      !one_field(rq, rs, "Upload-Length", &length_text) ||
      !checksum_wanted(rq, rs, &expected, &kinds, &trailer))
    return VD_DONE;
  if (offset_text == NULL || !vd_tus_number(offset_text, &offset))
    return vd_bad_request(rs, "bad_header", "Upload-Offset must be a whole number of bytes.");
  t = vd_transfer_new(rq, rs, &vd_tus_manner, &who);
  if (t == NULL)
    return VD_DONE;
  t->findable = true;
  s = vault_upload_resume(app->vault, &who, &id, &u, &err);
  if (s == VAULT_OK)
    s = vd_transfer_opened(t, u, &err);
  if (s != VAULT_OK)
    return vd_transfer_fail(t, rs, s, &err);
  if (refuse_state(t, rs, offset)) {
    vd_transfer_let_go(t);
    return VD_DONE;
  }
  return tell_length(t, rs, length_text) ? receive(t, rs, &expected, kinds, trailer) : VD_DONE;
}
