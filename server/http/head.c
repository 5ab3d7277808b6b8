/* What llhttp does not check about a head: version, Host, target, transfer codings, expectations, query. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fields.h"
#include "internal.h"

static bool no(vd_request *rq, int status, const char *code, const char *detail) {
  vd_refuse_set(rq, status, code, detail);
  return false;
}

static void set_method(vd_request *rq) {
  static const uint8_t map[] = {
    [HTTP_GET] = VD_GET,         [HTTP_HEAD] = VD_HEAD,         [HTTP_POST] = VD_POST,
    [HTTP_PUT] = VD_PUT,         [HTTP_PATCH] = VD_PATCH,       [HTTP_DELETE] = VD_DELETE,
    [HTTP_OPTIONS] = VD_OPTIONS, [HTTP_PROPFIND] = VD_PROPFIND, [HTTP_PROPPATCH] = VD_PROPPATCH,
    [HTTP_MKCOL] = VD_MKCOL,     [HTTP_COPY] = VD_COPY,         [HTTP_MOVE] = VD_MOVE,
    [HTTP_LOCK] = VD_LOCK,       [HTTP_UNLOCK] = VD_UNLOCK,     [HTTP_REPORT] = VD_REPORT,
  };
  uint8_t m = rq->parser.method;
  rq->method = m < sizeof map ? (vd_method)map[m] : VD_METHOD_OTHER;
  rq->method_name = llhttp_method_name((llhttp_method_t)m);
}

static bool check_host(vd_request *rq) {
  const char *host = vd_header(rq, "host");
  if (vd_header_nth(rq, "host", 1))
    return no(rq, 400, "bad_host", "The request has more than one Host field.");
  if (!host && rq->http_1_1)
    return no(rq, 400, "bad_host", "HTTP/1.1 requests need a Host field.");
  if (host && !vd_host_valid(host, strlen(host)))
    return no(rq, 400, "bad_host", "Host is not HOST or HOST:PORT.");
  return true;
}

/* Fields of which the handlers read one value: of two, somebody else may read the other. */
static bool check_single(vd_request *rq) {
  static const char *const names[] = {
    "if-match", "if-none-match", "if-modified-since", "if-unmodified-since",   "if-range",
    "range",    "content-type",  "content-encoding",  "x-http-method-override"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (vd_header_nth(rq, names[i], 1))
      return no(rq, 400, "duplicate_field",
                "A condition, Range or a field about the content is given twice.");
  return true;
}

static bool check_target(vd_request *rq) {
  const char *url = rq->buf + rq->url;
  if (!vd_target_parse(url, rq->url_len, &rq->target) ||
      (rq->target.asterisk && rq->method != VD_OPTIONS))
    return no(rq, 400, "bad_target", "The request target is not a path, or has a fragment.");
  return true;
}

/* Terminated copies of path and query, the decoded query, and room for the router's parameters. */
static bool decode_target(vd_request *rq) {
  const vd_target *t = &rq->target;
  size_t p = t->path_len, q = t->query_len;
  char *mem = rq->decoded = calloc(1, p + 1 + (q + 1) * 2 + 2 * p + 2);
  if (!mem)
    return no(rq, 503, "overloaded", "The server is short of memory. Try again in a moment.");
  if (p)
    memcpy(mem, t->path, p);
  if (q) {
    memcpy(mem + p + 1, t->query, q);
    memcpy(mem + p + 1 + q + 1, t->query, q);
  }
  rq->path_text = t->asterisk ? "*" : mem;
  rq->query_text = mem + p + 1;
  switch (vd_query_parse(mem + p + 1 + q + 1, rq->query, VD_QUERY_COUNT_MAX, &rq->n_query)) {
  case VD_QUERY_OK: return true;
  case VD_QUERY_DUPLICATE:
    return no(rq, 400, "duplicate_parameter", "A query parameter is given twice.");
  case VD_QUERY_TOO_MANY:
    return no(rq, 400, "too_many_parameters", "The query has more than 32 parameters.");
  case VD_QUERY_BAD_ENCODING:
  default:
    return no(rq, 400, "bad_encoding", "The query has a bad percent-encoding or an encoded NUL.");
  }
}

static bool ends_in_chunked(const char *value) {
  const char *comma = strrchr(value, ',');
  return comma && vd_list_has(comma, "chunked");
}

static bool check_framing(vd_request *rq) {
  const char *te = vd_header(rq, "transfer-encoding");
  if (te) {
    if (!rq->http_1_1)
      return no(rq, 400, "bad_transfer_encoding", "HTTP/1.0 has no Transfer-Encoding.");
    if (vd_header_nth(rq, "transfer-encoding", 1) || !*te)
      return no(rq, 400, "bad_transfer_encoding", "Transfer-Encoding is empty or given twice.");
    if (vd_header(rq, "content-length"))
      return no(rq, 400, "bad_content_length", "Content-Length is given beside Transfer-Encoding.");
    if (!vd_same_word(te, "chunked"))
      return vd_list_has(te, "chunked") && !ends_in_chunked(te)
               ? no(rq, 400, "bad_transfer_encoding",
                    "Transfer-Encoding must end in chunked, once.")
               : no(rq, 501, "transfer_coding_unknown",
                    "The only transfer coding here is chunked.");
    rq->body_kind = VD_BODY_CHUNKED;
  } else if (vd_header(rq, "content-length")) {
    rq->body_kind = VD_BODY_LENGTH;
    rq->body_len = rq->body_left = rq->parser.content_length;
    if (rq->body_len >
        INT64_MAX) /* no file is longer, and the largest value means "unknown" elsewhere */
      return no(rq, 413, "body_too_large", "Content-Length is more than any resource here takes.");
  }
  rq->body_done =
    rq->body_kind == VD_BODY_NONE || (rq->body_kind == VD_BODY_LENGTH && !rq->body_len);
  return true;
}

static bool check_expect(vd_request *rq) {
  const char *value;
  if (!rq->http_1_1)
    return true; /* RFC 9110 10.1.1: ignored from 1.0 clients */
  for (size_t i = 0; (value = vd_header_nth(rq, "expect", i)) != NULL; i++) {
    if (!vd_same_word(value, "100-continue"))
      return no(rq, 417, "expectation_unknown", "The only expectation met here is 100-continue.");
    rq->expect_continue = !rq->body_done;
  }
  return true;
}

bool vd_head_check(vd_request *rq) {
  const llhttp_t *p = &rq->parser;
  set_method(rq);
  if (p->http_major != 1 || p->http_minor > 1)
    return no(rq, 505, "version_not_supported", "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
  rq->http_1_1 = p->http_minor == 1;
  if (!check_framing(rq) || !check_host(rq) || !check_single(rq))
    return false;
  if (rq->method == VD_METHOD_OTHER)
    return no(rq, 501, "method_not_implemented", "This server does not know the request method.");
  if (!check_target(rq) || !decode_target(rq))
    return false;
  rq->head_ok = true;
  rq->keep_alive = llhttp_should_keep_alive(p) != 0;
  return check_expect(rq);
}
