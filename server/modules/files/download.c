/* Downloads. The happy path: open the reader, check the preconditions, narrow to the range, and hand
 * the bytes or the file descriptor to the HTTP core, which owns the reader from then on. Nothing of the
 * blob is opened for 304, 412, 416 and HEAD.
 * On the loop: with a known token and a local database, up to where a file would have to be opened. */
#include "download.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "byteranges.h"
#include "http/conditional.h"
#include "http/fields.h"
#include "http/range.h"
#include "modules/common/bearer.h"
#include "modules/common/context.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"
#include "sniff.h"

#define NS_PER_S INT64_C(1000000000)
#define CONTENT_TYPE_MAX 128u

typedef struct download {
  const vault_reader_view *view;
  char etag[VD_ETAG_TEXT];
  int64_t modified_s;
  char type[CONTENT_TYPE_MAX];
  bool show; /* may be shown in place */
  vd_range ranges[VD_RANGES_MAX];
  size_t n_ranges; /* 0: the whole content */
} download;

static void release_reader(void *arg) {
  vault_reader_free(arg);
}

static int64_t pull_reader(void *arg, uint8_t *buf, size_t cap) {
  uint64_t got = 0;
  return vault_read_next(arg, buf, cap, &got, NULL) == VAULT_OK ? (int64_t)got : -1;
}

/* The file's own time; a time to come would break caches (RFC 9110 8.8.2.1): then the version's. */
static int64_t modified_of(const vault_reader_view *v) {
  int64_t s = v->created_ms / 1000;
  if (v->has_mtime != 0) {
    int64_t own = v->mtime_ns / NS_PER_S - (v->mtime_ns % NS_PER_S < 0 ? 1 : 0);
    if (own >= 0 && own <= (int64_t)time(NULL))
      s = own;
  }
  return s;
}

static void add_validators(vd_response *rs, const download *d) {
  char date[VD_DATE_SIZE];
  vd_date_format(d->modified_s, date);
  vd_add_header(rs, "ETag", d->etag);
  vd_add_header(rs, "Last-Modified", date);
  vd_add_header(rs, "Cache-Control", "private, no-cache");
  vd_add_header(rs, "Accept-Ranges", "bytes");
}

/* What somebody uploaded is shown by no browser as a page of this site, and in place only where asked for and
 * where it is one of a few kinds of picture and film. */
static void add_description(vd_response *rs, const download *d) {
  char field[VD_DISPOSITION_SIZE], digest[VD_SHA256_FIELD_SIZE];
  if (vd_disposition_format(d->show, d->view->name.p, (size_t)d->view->name.n, field, sizeof field))
    vd_add_header(rs, "Content-Disposition", field);
  vd_digest_format(d->view->sha256, digest);
  vd_add_header(rs, "Repr-Digest", digest);
  vd_add_header(rs, "Content-Security-Policy", "default-src 'none'; sandbox");
  vd_add_header(rs, "Cross-Origin-Resource-Policy", "same-site");
}

static void content_type_of(const vault_reader_view *v, char *out, size_t out_size) {
  if (v->content_type.n == 0 || v->content_type.n >= out_size) {
    (void)snprintf(out, out_size, "application/octet-stream");
    return;
  }
  memcpy(out, v->content_type.p, (size_t)v->content_type.n);
  out[v->content_type.n] = '\0';
}

/* "?disposition=inline": by its bytes, never by what the uploader called it. HEAD opens no blob, so it answers by the
 * type that is stored. */
static vault_status judge_inline(vd_request *rq, vault_reader *r, download *d, vault_err *err) {
  uint8_t bytes[VD_SNIFF_BYTES];
  const char *type = NULL;
  uint64_t got = 0;
  vault_status s = VAULT_OK;

  if (vd_request_method(rq) != VD_GET) {
    d->show = vd_sniff_knows(d->type);
    return VAULT_OK;
  }
  if (d->view->size_bytes > 0)
    s = vault_read_range(r, 0, sizeof bytes, err);
  if (s == VAULT_OK)
    s = vault_read_next(r, bytes, sizeof bytes, &got, err);
  if (s == VAULT_OK)
    type = vd_sniff(bytes, (size_t)got);
  d->show = type != NULL;
  if (d->show)
    (void)snprintf(d->type, sizeof d->type, "%s", type);
  return s;
}

/* Checks what the request demands and picks the bytes. false: answered. */
static bool choose_range(vd_request *rq, vd_response *rs, download *d) {
  const vd_preconditions pre = {vd_header(rq, "If-Match"),
                                vd_header(rq, "If-None-Match"),
                                vd_header(rq, "If-Modified-Since"),
                                vd_header(rq, "If-Unmodified-Since"),
                                vd_header(rq, "If-Range"),
                                vd_header(rq, "Range")};
  const vd_resource_state state = {true, d->etag, true, d->modified_s};
  bool get = vd_request_method(rq) == VD_GET;

  switch (vd_precondition_check(&pre, &state, true)) {
  case VD_NOT_MODIFIED:
    add_validators(rs, d);
    vd_send_none(rs, 304);
    return false;
  case VD_PRECONDITION_FAILED: (void)vd_fail(rq, rs, VAULT_E_PRECONDITION, NULL); return false;
  case VD_PROCEED: break;
  }
  if (!get || pre.range == NULL || !vd_if_range_holds(&pre, &state))
    return true;
  switch (vd_ranges_parse(pre.range, d->view->size_bytes, d->ranges, &d->n_ranges)) {
  case VD_RANGE_PART: return true;
  case VD_RANGE_UNSATISFIABLE:
    vd_add_headerf(rs, "Content-Range", "bytes */%llu", (unsigned long long)d->view->size_bytes);
    (void)vd_fail(rq, rs, VAULT_E_RANGE, NULL);
    return false;
  case VD_RANGE_WHOLE: break;
  }
  return true;
}

/* The bytes of one range, or of all. Takes the reader. */
static vd_next send_bytes(vd_request *rq, vd_response *rs, vault_reader *r, const download *d) {
  uint64_t first = 0, len = d->view->size_bytes;
  bool get = vd_request_method(rq) == VD_GET;
  vault_str bytes = {NULL, 0};
  vault_err err = VAULT_ERR_INIT;
  int32_t fd = -1;
  vault_status s;

  if (d->n_ranges == 1) {
    first = d->ranges[0].first;
    len = d->ranges[0].len;
  }
  s = vault_read_range(r, first, len, &err);
  if (s == VAULT_OK && get && len > 0)
    s = vault_read_inline(r, &bytes, &err);
  if (s == VAULT_OK && get && len > 0 && bytes.p == NULL) {
    if (vd_on_loop(rq)) {
      vault_reader_free(r);
      return VD_WORKER;
    }
    s = vault_read_fd(r, &fd, &err);
  }
  if (s != VAULT_OK) {
    vault_reader_free(r);
    return vd_fail(rq, rs, s, &err);
  }
  add_validators(rs, d);
  add_description(rs, d);
  if (d->n_ranges == 1) {
    vd_status(rs, 206);
    vd_add_headerf(rs, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)first,
                   (unsigned long long)(first + len - 1), (unsigned long long)d->view->size_bytes);
  }
  if (bytes.p != NULL) {
    vd_send_borrowed(rs, d->type, bytes.p, len, release_reader, r);
  } else if (fd >= 0) {
    vd_send_file(rs, d->type, fd, first, len, release_reader, r);
  } else {
    vd_send_pull(rs, d->type, len, pull_reader, release_reader, r);
  }
  return VD_DONE;
}

/* Takes the reader. On the loop no file is opened. */
static vd_next send_content(vd_request *rq, vd_response *rs, vault_reader *r) {
  const char *disposition = vd_query(rq, "disposition");
  bool in_place = disposition != NULL && strcmp(disposition, "inline") == 0;
  vault_err err = VAULT_ERR_INIT;
  download d = {.view = vault_reader_get(r)};
  vault_status s = VAULT_OK;

  vd_content_etag(&d.view->version, d.etag);
  d.modified_s = modified_of(d.view);
  content_type_of(d.view, d.type, sizeof d.type);
  if (!choose_range(rq, rs, &d)) {
    vault_reader_free(r);
    return VD_DONE;
  }
  if (in_place && vd_on_loop(rq)) {
    vault_reader_free(r);
    return VD_WORKER;
  }
  if (in_place)
    s = judge_inline(rq, r, &d, &err);
  if (s != VAULT_OK) {
    vault_reader_free(r);
    return vd_fail(rq, rs, s, &err);
  }
  if (d.n_ranges < 2)
    return send_bytes(rq, rs, r, &d);
  add_validators(rs, &d);
  add_description(rs, &d);
  return vd_byteranges_send(rq, rs, r, d.type, d.ranges, d.n_ranges);
}

/* "disposition" is attachment (as without it) or inline. false: answered. */
static bool check_disposition(vd_request *rq, vd_response *rs) {
  const char *text = vd_query(rq, "disposition");
  if (text == NULL || strcmp(text, "inline") == 0 || strcmp(text, "attachment") == 0)
    return true;
  (void)vd_bad_request(rs, "bad_parameter", "\"disposition\" must be inline or attachment.");
  return false;
}

/* Who asks. On the loop only where looking up a row does not wait for a network. */
static vd_next identify(vd_request *rq, vd_response *rs, vault_principal *who) {
  const vd_context *app = vd_request_app(rq);
  if (vd_on_loop(rq) && !(vault_caps(app->vault) & VAULT_CAP_LOCAL_READS))
    return VD_WORKER;
  return vd_identify(rq, rs, who);
}

vd_next vd_download_by_id(vd_request *rq, vd_response *rs) {
  static const char *const known[] = {"version", "disposition"};
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_id item, version;
  vault_reader *r = NULL;
  vault_principal who;
  vault_status s;
  vd_next next;

  if (!vd_only_params(rq, rs, known, 2))
    return VD_DONE;
  next = identify(rq, rs, &who);
  if (next != VD_CONTINUE)
    return next;
  if (!check_disposition(rq, rs) || !vd_path_id(rq, rs, &item) ||
      !vd_query_id(rq, rs, "version", &version))
    return VD_DONE;
  s = vault_read_open(app->vault, &who, &item, &version, 0, VAULT_TO_END, &r, &err);
  return s == VAULT_OK ? send_content(rq, rs, r) : vd_fail(rq, rs, s, &err);
}

vd_next vd_download_by_path(vd_request *rq, vd_response *rs) {
  static const char *const known[] = {"path", "space", "disposition"};
  const vd_context *app = vd_request_app(rq);
  const char *path = vd_query(rq, "path");
  vault_err err = VAULT_ERR_INIT;
  vault_items *items = NULL;
  vault_reader *r = NULL;
  vault_principal who;
  uint32_t space, stride;
  uint64_t n;
  vault_status s;
  vd_next next;

  if (!vd_only_params(rq, rs, known, 3))
    return VD_DONE;
  next = identify(rq, rs, &who);
  if (next != VD_CONTINUE)
    return next;
  if (!check_disposition(rq, rs) || !vd_query_space(rq, rs, &space))
    return VD_DONE;
  if (path == NULL)
    return vd_bad_request(rs, "bad_parameter", "The query parameter \"path\" is missing.");
  s = vault_item_lookup(app->vault, &who, space, path, strlen(path), &items, &err);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  s = vault_read_open(app->vault, &who, &vault_items_rows(items, &n, &stride)->id, NULL, 0,
                      VAULT_TO_END, &r, &err);
  vault_items_free(items);
  return s == VAULT_OK ? send_content(rq, rs, r) : vd_fail(rq, rs, s, &err);
}
