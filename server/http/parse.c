/* llhttp glue for the head, which is parsed where it was received: names and values are offsets in rq->buf, so
 * nothing is copied, however many pieces it arrives in. Chunked bodies go through chunked.h; a body with a
 * length is counted in body.c. */
#include <string.h>

#include "fields.h"
#include "internal.h"

void vd_refuse_set(vd_request *rq, int status, const char *code, const char *detail) {
  if (rq->refuse_status)
    return;
  rq->refuse_status = status;
  rq->refuse_code = code;
  rq->refuse_detail = detail;
}

static int stop_with(vd_request *rq, int status, const char *code, const char *detail) {
  vd_refuse_set(rq, status, code, detail);
  return HPE_USER;
}

static size_t offset(const vd_request *rq, const char *at) {
  return (size_t)(at - rq->buf);
}

static int on_url(llhttp_t *p, const char *at, size_t n) {
  vd_request *rq = p->data;
  if (!rq->url_len)
    rq->url = (uint16_t)offset(rq, at);
  rq->url_len = (uint16_t)(offset(rq, at) + n - rq->url);
  if (rq->url_len > VD_URI_BYTES_MAX)
    return stop_with(rq, 414, "uri_too_long", "The request target is longer than 8 KiB.");
  return 0;
}

static int on_field(llhttp_t *p, const char *at, size_t n) {
  vd_request *rq = p->data;
  if (rq->in_value || !rq->n_fields) {
    if (rq->n_fields == VD_HEADER_COUNT_MAX)
      return stop_with(rq, 431, "too_many_fields", "The request has more than 64 header fields.");
    rq->fields[rq->n_fields++] = (vd_field){.name = (uint16_t)offset(rq, at)};
    rq->in_value = false;
  }
  vd_field *f = &rq->fields[rq->n_fields - 1];
  f->name_len = (uint16_t)(offset(rq, at) + n - f->name);
  return 0;
}

static int on_field_complete(llhttp_t *p) {
  vd_request *rq = p->data;
  if (rq->in_value || !rq->n_fields || !rq->fields[rq->n_fields - 1].name_len)
    return stop_with(rq, 400, "bad_header", "A header field has no name.");
  rq->in_value = true; /* also for a value of which no byte will come */
  return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n) {
  vd_request *rq = p->data;
  vd_field *f = &rq->fields[rq->n_fields - 1];
  if (!f->value)
    f->value = (uint16_t)offset(rq, at);
  f->value_len = (uint16_t)(offset(rq, at) + n - f->value);
  return 0;
}

static int on_headers_complete(llhttp_t *p) {
  vd_request *rq = p->data;
  rq->head_done = true;
  p->upgrade = 0; /* an Upgrade that we do not take is ignored, RFC 9110 7.8 */
  return HPE_PAUSED;
}

static const llhttp_settings_t SETTINGS = {
  .on_url = on_url,
  .on_header_field = on_field,
  .on_header_field_complete = on_field_complete,
  .on_header_value = on_value,
  .on_headers_complete = on_headers_complete,
};

void vd_parse_init(vd_request *rq) {
  llhttp_init(&rq->parser, HTTP_REQUEST, &SETTINGS);
  rq->parser.data = rq;
}

static bool is_tchar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* llhttp stops at the first byte that fits no method it knows: a token is a method that we do not have,
 * anything else is not HTTP. */
static void refuse_method(vd_request *rq, const char *at) {
  if (at < rq->buf + rq->in_end && (is_tchar(*at) || (*at == ' ' && is_tchar(rq->buf[0]))))
    vd_refuse_set(rq, 501, "method_not_implemented",
                  "This server does not know the request method.");
  else
    vd_refuse_set(rq, 400, "bad_request_line", "The request line does not begin with a method.");
}

/* Ends every name and value with a NUL. The bytes written over are ':' and what follows the value (space or
 * CR), which the parser has read already. Where an empty value stands is not what llhttp says: behind "Name: " it
 * means the next line, whose first byte must stay. */
static void terminate(vd_request *rq) {
  for (size_t i = 0; i < rq->n_fields; i++) {
    vd_field *f = &rq->fields[i];
    rq->buf[f->name + f->name_len] = 0;
    if (!f->value_len)
      f->value = (uint16_t)(f->name + f->name_len);
    while (f->value_len && strchr(" \t", rq->buf[f->value + f->value_len - 1]))
      f->value_len--;
    rq->buf[f->value + f->value_len] = 0;
  }
}

/* Of the codings that llhttp stops at, those that we do not have are 501, a wrong use of chunked is 400. */
static void refuse_transfer_encoding(vd_request *rq) {
  terminate(rq);
  const char *te = vd_header(rq, "transfer-encoding");
  if (te && *te && !vd_list_has(te, "chunked") && !vd_header(rq, "content-length"))
    vd_refuse_set(rq, 501, "transfer_coding_unknown", "The only transfer coding here is chunked.");
  else
    vd_refuse_set(rq, 400, "bad_transfer_encoding", "Transfer-Encoding must end in chunked, once.");
}

static void refuse_error(vd_request *rq, llhttp_errno_t e) {
  switch (e) {
  case HPE_INVALID_METHOD: refuse_method(rq, llhttp_get_error_pos(&rq->parser)); break;
  case HPE_INVALID_VERSION:
  case HPE_PAUSED_H2_UPGRADE:
    vd_refuse_set(rq, 505, "version_not_supported", "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
    break;
  case HPE_INVALID_URL:
    vd_refuse_set(rq, 400, "bad_target",
                  "The request target has a character that must be percent-encoded.");
    break;
  case HPE_INVALID_CONTENT_LENGTH:
    vd_refuse_set(rq, 400, "bad_content_length", "Content-Length is not one decimal number.");
    break;
  case HPE_UNEXPECTED_CONTENT_LENGTH:
    vd_refuse_set(rq, 400, "bad_content_length",
                  "Content-Length is given twice or beside Transfer-Encoding.");
    break;
  case HPE_INVALID_TRANSFER_ENCODING: refuse_transfer_encoding(rq); break;
  default:
    vd_refuse_set(rq, 400, "bad_header", "The header section breaks the rules of RFC 9112.");
    break;
  }
}

/* llhttp takes a bare LF, in some versions a bare CR, for the end of a line, and unfolds fields. */
static bool lines_valid(const char *head, const char *end) {
  for (const char *s = head; s < end; s++) {
    if (*s == '\r' && (s + 1 == end || s[1] != '\n'))
      return false;
    if (*s == '\n' &&
        (s == head || s[-1] != '\r' || (s + 1 < end && (s[1] == ' ' || s[1] == '\t'))))
      return false;
  }
  return true;
}

/* One empty line before a request is ignored (RFC 9112 2.2), a second is not. */
static vd_parse leading_line(vd_request *rq) {
  if (rq->in_pos == 0 && rq->buf[0] == '\r') {
    if (rq->in_end < 2)
      return VD_PARSE_MORE;
    if (rq->buf[1] == '\n')
      rq->in_pos = 2;
  }
  if (rq->in_pos == rq->in_end)
    return VD_PARSE_MORE;
  if (rq->buf[rq->in_pos] == '\r' || rq->buf[rq->in_pos] == '\n') {
    vd_refuse_set(rq, 400, "bad_request_line", "The request begins with empty lines.");
    return VD_PARSE_REFUSED;
  }
  rq->started = true;
  rq->line = (uint16_t)rq->in_pos;
  return VD_PARSE_DONE;
}

/* llhttp skips further spaces in the request line, where a proxy in front may see other words than we, and
 * speaks RTSP and ICE as well. */
static bool line_is_plain(const vd_request *rq) {
  const char *end = rq->buf + rq->url + rq->url_len;
  size_t method = strlen(llhttp_method_name((llhttp_method_t)rq->parser.method));
  return rq->url == rq->line + method + 1 && (end[0] != ' ' || !strncmp(end, " HTTP/", 6));
}

static vd_parse head_complete(vd_request *rq) {
  rq->in_pos = rq->head_end = offset(rq, llhttp_get_error_pos(&rq->parser));
  if (!line_is_plain(rq))
    vd_refuse_set(rq, 400, "bad_request_line",
                  "The request line is not METHOD TARGET HTTP/VERSION with single spaces.");
  else if (!lines_valid(rq->buf, rq->buf + rq->head_end))
    vd_refuse_set(rq, 400, "bad_header",
                  "A line does not end in CRLF, or a field is folded over several lines.");
  if (rq->refuse_status)
    return VD_PARSE_REFUSED;
  terminate(rq);
  return VD_PARSE_DONE;
}

vd_parse vd_parse_head(vd_request *rq) {
  if (!rq->started) {
    vd_parse lead = leading_line(rq);
    if (lead != VD_PARSE_DONE)
      return lead;
  }
  size_t end = rq->in_end < VD_HEADER_BYTES_MAX ? rq->in_end : VD_HEADER_BYTES_MAX;
  llhttp_errno_t e = llhttp_execute(&rq->parser, rq->buf + rq->in_pos, end - rq->in_pos);
  if (e == HPE_PAUSED && rq->head_done)
    return head_complete(rq);
  if (e != HPE_OK) {
    refuse_error(rq, e);
    return VD_PARSE_REFUSED;
  }
  rq->in_pos = end;
  if (end < VD_HEADER_BYTES_MAX)
    return VD_PARSE_MORE;
  vd_refuse_set(rq, 431, "header_too_large", "The header section is larger than 16 KiB.");
  return VD_PARSE_REFUSED;
}

static vd_parse refuse_chunked(vd_request *rq, vd_chunked_result r) {
  if (r == VD_CHUNKED_TRAILERS_BIG)
    vd_refuse_set(rq, 431, "trailers_too_large", "The trailer section is larger than 8 KiB.");
  else if (r == VD_CHUNKED_EXTENSIONS_BIG)
    vd_refuse_set(rq, 400, "bad_chunk", "The chunk extensions are larger than 4 KiB.");
  else
    vd_refuse_set(rq, 400, "bad_chunk", "The chunked body breaks the rules of RFC 9112.");
  return VD_PARSE_REFUSED;
}

vd_parse vd_parse_chunked(vd_request *rq, size_t n) {
  size_t end = rq->in_pos + n;
  while (rq->in_pos < end) {
    const char *data;
    size_t used, data_len;
    vd_chunked_result r = vd_chunked_next(&rq->chunked, rq->buf + rq->in_pos, end - rq->in_pos,
                                          &used, &data, &data_len);
    rq->in_pos += used;
    if (r == VD_CHUNKED_END) {
      rq->body_done = true;
      vd_trailers_done(rq);
      return VD_PARSE_DONE;
    }
    if (r == VD_CHUNKED_DATA && !vd_body_take(rq, (const uint8_t *)data, data_len))
      return VD_PARSE_REFUSED;
    if (r != VD_CHUNKED_DATA && r != VD_CHUNKED_MORE)
      return refuse_chunked(rq, r);
  }
  return VD_PARSE_MORE;
}
