#include "codec.h"

#include <string.h>
#include <strings.h>

#include "http/conditional.h"
#include "http/fields.h"
#include "modules/common/context.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"
#include "structured.h"

#define CONTENT_TYPE_MAX 127u

/* ---- the file's own time --------------------------------------------------------------------- */

static bool read_mtime(vd_request *rq, vd_response *rs, vault_upload_opts *opts) {
  const char *ns = vd_query(rq, "mtime_ns"), *seconds = vd_header(rq, "X-OC-Mtime");

  if (ns != NULL) {
    opts->flags |= VAULT_UP_MTIME;
    if (vd_int64_parse(ns, &opts->mtime_ns))
      return true;
    (void)vd_bad_request(rs, "bad_parameter",
                         "\"mtime_ns\" must be a whole number of nanoseconds since 1970.");
    return false;
  }
  if (seconds != NULL) {
    opts->flags |= VAULT_UP_MTIME;
    if (vd_seconds_parse(seconds, &opts->mtime_ns))
      return true;
    (void)vd_bad_request(rs, "bad_header", "X-OC-Mtime must be seconds since 1970.");
    return false;
  }
  return true;
}

/* ---- digests --------------------------------------------------------------------------------- */

static bool read_digest(vd_request *rq, vd_response *rs, const char *field,
                        vault_upload_opts *opts) {
  const char *value, *why = NULL;

  for (size_t i = 0; why == NULL && (value = vd_header_nth(rq, field, i)) != NULL; i++) {
    uint8_t sha256[VD_SHA256_BYTES];
    switch (vd_digest_parse(value, sha256)) {
    case VD_DIGEST_NONE: break;
    case VD_DIGEST_BAD:
      why = "Repr-Digest and Content-Digest must be as sha-256=:BASE64: (RFC 9530).";
      break;
    case VD_DIGEST_FOUND:
      if ((opts->flags & VAULT_UP_SHA256) != 0 && memcmp(opts->sha256, sha256, sizeof sha256) != 0)
        why = "The digest fields contradict each other.";
      memcpy(opts->sha256, sha256, sizeof sha256);
      opts->flags |= VAULT_UP_SHA256;
      break;
    }
  }
  if (why == NULL)
    return true;
  (void)vd_bad_request(rs, "bad_digest", why);
  return false;
}

/* ---- the kind of content --------------------------------------------------------------------- */

static bool is_type_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         strchr("!#$&-^_.+", c) != NULL;
}

/* type "/" subtype of RFC 6838, with or without parameters. */
static bool is_media_type(const char *value) {
  size_t slashes = 0, n = strcspn(value, "; ");
  if (n == 0 || strlen(value) > CONTENT_TYPE_MAX)
    return false;
  for (size_t i = 0; i < n; i++) {
    if (value[i] == '/' && i > 0 && i + 1 < n) {
      slashes++;
    } else if (!is_type_char(value[i])) {
      return false;
    }
  }
  for (const char *p = value + n; *p != '\0'; p++) {
    if (*p < 0x20 || *p > 0x7e)
      return false;
  }
  return slashes == 1;
}

/* Programs that know nothing say these; the name of the file then says more. */
static bool says_nothing(const char *value) {
  static const char *const types[] = {"application/octet-stream",
                                      "application/x-www-form-urlencoded",
                                      "application/partial-upload",
                                      "application/offset+octet-stream"};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (strncasecmp(value, types[i], strlen(types[i])) == 0)
      return true;
  }
  return false;
}

vault_str vd_upload_type(const char *value) {
  bool said = value != NULL && is_media_type(value) && !says_nothing(value);
  vault_str type = {said ? value : NULL, said ? strlen(value) : 0};
  return type;
}

bool vd_upload_plain(vd_request *rq, vd_response *rs) {
  const char *encoding = vd_header(rq, "Content-Encoding");

  if (encoding != NULL && !vd_same_word(encoding, "identity")) {
    vd_problem(rs, 415, "unsupported_content_encoding",
               "Send the file as it is, without Content-Encoding.");
    return false;
  }
  if (vd_header(rq, "Content-Range") != NULL) {
    (void)vd_bad_request(rs, "bad_header",
                         "Send the whole content: Content-Range is not known here.");
    return false;
  }
  return true;
}

bool vd_upload_fields(vd_request *rq, vd_response *rs, vault_upload_opts *opts) {
  bool complete = true;
  uint64_t length = 0;

  (void)vd_upload_complete(rq, &complete);
  opts->length = VAULT_LENGTH_UNKNOWN;
  if (complete && (vd_content_length(rq, &length) || !vd_has_body(rq)))
    opts->length = length;
  opts->content_type = vd_upload_type(vd_header(rq, "Content-Type"));
  return vd_upload_plain(rq, rs) && read_mtime(rq, rs, opts) &&
         read_digest(rq, rs, "Repr-Digest", opts) &&
         (!complete || read_digest(rq, rs, "Content-Digest", opts)) &&
         vd_op_key(rq, rs, &opts->op_key);
}

bool vd_upload_complete(const vd_request *rq, bool *complete) {
  const char *value = vd_header(rq, "Upload-Complete");
  return value != NULL && vd_header_nth(rq, "Upload-Complete", 1) == NULL &&
         vd_sf_boolean(value, complete);
}

/* ---- preconditions --------------------------------------------------------------------------- */

/* What is at opts->item or opts->path now: OK, NOT_FOUND, or a failure. A folder has no version. */
static vault_status current_version(vd_request *rq, const vault_principal *who,
                                    const vault_upload_opts *opts, vault_id *version,
                                    vault_err *err) {
  const vd_context *app = vd_request_app(rq);
  vault_items *items = NULL;
  uint64_t n;
  uint32_t stride;
  vault_status s;

  if (opts->path.n == 0) {
    s = vault_item_get(app->vault, who, &opts->item, &items, err);
  } else {
    s = vault_item_lookup(app->vault, who, opts->space, opts->path.p, opts->path.n, &items, err);
  }
  if (s == VAULT_OK)
    *version = vault_items_rows(items, &n, &stride)->version;
  vault_items_free(items);
  return s;
}

/* "*", lists, weak and foreign tags: compare with what is there now, then hold the upload to it. With a key a
 * condition that fails may do so because the request was served before: held to a version that nothing has,
 * it is answered as then, or refused. */
static bool conditions_by_state(vd_request *rq, vd_response *rs, const vault_principal *who,
                                vault_upload_opts *opts) {
  vd_preconditions pre = {
    vd_header(rq, "If-Match"), vd_header(rq, "If-None-Match"), NULL, NULL, NULL, NULL};
  vd_resource_state state = {false, NULL, false, 0};
  vault_err err = VAULT_ERR_INIT;
  char etag[VD_ETAG_TEXT];
  vault_id version;
  vault_status s = current_version(rq, who, opts, &version, &err);

  if (s == VAULT_OK) {
    vd_content_etag(&version, etag);
    state.exists = true;
    state.etag = etag;
  } else if (vault_status_class(s) != VAULT_CLASS_NOT_FOUND) {
    (void)vd_fail(rq, rs, s, &err);
    return false;
  }
  if (vd_precondition_check(&pre, &state, false) != VD_PROCEED) {
    opts->flags |= VAULT_UP_IF_VERSION; /* if_version is zero */
    if (opts->op_key.n > 0)
      return true;
    (void)vd_fail(rq, rs, VAULT_E_PRECONDITION, NULL);
    return false;
  }
  if (state.exists) {
    opts->flags |= VAULT_UP_IF_VERSION;
    opts->if_version = version;
  } else if (pre.if_none_match != NULL) {
    opts->flags |= VAULT_UP_NEW_ONLY;
  }
  return true;
}

bool vd_upload_conditions(vd_request *rq, vd_response *rs, const vault_principal *who,
                          vault_upload_opts *opts) {
  const char *if_match = vd_header(rq, "If-Match"), *if_none_match = vd_header(rq, "If-None-Match");

  if (if_match == NULL && if_none_match == NULL)
    return true;
  if (if_match == NULL && strcmp(if_none_match, "*") == 0 && opts->path.n > 0) {
    opts->flags |= VAULT_UP_NEW_ONLY;
    return true;
  }
  if (if_none_match == NULL && vd_header_nth(rq, "If-Match", 1) == NULL &&
      vd_content_etag_parse(if_match, &opts->if_version)) {
    opts->flags |= VAULT_UP_IF_VERSION;
    return true;
  }
  return conditions_by_state(rq, rs, who, opts);
}
