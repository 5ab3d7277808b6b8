/* What handlers say about an answer; nothing is sent here. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gzip.h"
#include "internal.h"
#include "utf8.h"

#define SMALL_FILE_BYTES \
  65536u /* up to here a file is read by the handler's thread and sent with the head */
#define PROBLEM_BYTES_MAX 16384u

void vd_response_init(vd_response *rs, vd_request *rq) {
  memset(rs, 0, sizeof *rs);
  rs->rq = rq;
  rs->status = 200;
  rs->fd = -1;
}

static void drop_body(vd_response *rs) {
  if (rs->release_bytes)
    rs->release_bytes(rs->bytes);
  if (rs->release)
    rs->release(rs->arg);
  rs->release_bytes = rs->release = NULL;
  rs->bytes = NULL;
  rs->arg = NULL;
  rs->pull = NULL;
  rs->fd = -1;
  rs->offset = rs->len = 0;
  rs->content_type[0] = 0;
  rs->source = VD_SOURCE_NONE;
}

void vd_response_reset(vd_response *rs) {
  drop_body(rs);
  free(rs->fields);
  vd_response_init(rs, rs->rq);
}

void vd_status(vd_response *rs, int status) {
  if (status < 200 || status > 599)
    rs->failed = true;
  else
    rs->status = status;
}

int vd_get_status(const vd_response *rs) {
  return rs->status;
}

void vd_close_after(vd_response *rs) {
  rs->close_after = true;
}

/* ---- header fields ---- */

static bool text_valid(const char *s) {
  for (; *s; s++)
    if (((uint8_t)*s < 0x20 && *s != '\t') || *s == 0x7F)
      return false;
  return true;
}

/* Part of every name that a handler adds; strspn() would build its table anew each time. */
static bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

static bool name_valid(const char *s, size_t len) {
  static const char *const ours[] = {
    "date",       "x-request-id", "content-length",        "transfer-encoding",
    "connection", "keep-alive",   "x-content-type-options"};
  for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
    if ((s[0] | 0x20) == ours[i][0] && !strcasecmp(s, ours[i]))
      return false;
  for (size_t i = 0; i < len; i++)
    if (!is_name_char(s[i]))
      return false;
  return len > 0;
}

static bool fields_room(vd_response *rs, size_t need) {
  if (rs->fields_n + need > VD_RESPONSE_HEADER_BYTES)
    return false;
  if (rs->fields_n + need <= rs->fields_room)
    return true;
  size_t room = rs->fields_room ? rs->fields_room * 2 : 512;
  if (room < rs->fields_n + need)
    room = rs->fields_n + need;
  char *p = realloc(rs->fields, room);
  if (!p)
    return false;
  rs->fields = p;
  rs->fields_room = room;
  return true;
}

void vd_add_header(vd_response *rs, const char *name, const char *value) {
  size_t name_len = strlen(name), value_len = strlen(value);
  size_t need = name_len + value_len + 4;
  if (!name_valid(name, name_len) || !text_valid(value) || !fields_room(rs, need)) {
    rs->failed = true;
    return;
  }
  char *p = rs->fields + rs->fields_n;
  memcpy(p, name, name_len);
  memcpy(p + name_len, ": ", 2);
  memcpy(p + name_len + 2, value, value_len);
  memcpy(p + name_len + 2 + value_len, "\r\n", 2);
  rs->fields_n += need;
  if (!strcasecmp(name, "Cache-Control"))
    rs->has_cache_control = true;
  if (!strcasecmp(name, "ETag"))
    rs->has_etag = true;
  if (!strcasecmp(name, "Content-Type"))
    rs->has_content_type = true;
}

void vd_add_headerf(vd_response *rs, const char *name, const char *format, ...) {
  char value[VD_RESPONSE_HEADER_BYTES];
  va_list ap;
  va_start(ap, format);
  int n = vsnprintf(value, sizeof value, format, ap);
  va_end(ap);
  if (n < 0 || (size_t)n >= sizeof value)
    rs->failed = true;
  else
    vd_add_header(rs, name, value);
}

/* ---- bodies ---- */

static void begin_body(vd_response *rs, const char *content_type, vd_source source, uint64_t len) {
  drop_body(rs);
  rs->source = source;
  rs->len = len;
  if (!content_type)
    return;
  size_t n = strlen(content_type);
  if (n >= sizeof rs->content_type || !text_valid(content_type))
    rs->failed = true;
  else
    memcpy(rs->content_type, content_type, n + 1);
}

void vd_send_owned(vd_response *rs, const char *content_type, void *bytes, size_t len,
                   void (*release)(void *bytes)) {
  begin_body(rs, content_type, VD_SOURCE_BYTES, len);
  rs->bytes = bytes;
  rs->release_bytes = release;
}

void vd_send_borrowed(vd_response *rs, const char *content_type, const void *bytes, size_t len,
                      void (*release)(void *arg), void *arg) {
  begin_body(rs, content_type, VD_SOURCE_BYTES, len);
  rs->bytes = (uint8_t *)(uintptr_t)bytes; /* an iovec has no const */
  rs->release = release;
  rs->arg = arg;
}

void vd_send_bytes(vd_response *rs, const char *content_type, const void *bytes, size_t len) {
  void *copy = malloc(len ? len : 1);
  if (!copy) {
    rs->failed = true;
    return;
  }
  if (len)
    memcpy(copy, bytes, len);
  vd_send_owned(rs, content_type, copy, len, free);
}

/* A small file goes out in one write with the head. If it cannot be read whole, the ordinary way finds out
 * why. */
static void read_small(vd_response *rs) {
  uint8_t *p = malloc((size_t)rs->len);
  size_t n = 0;
  if (!p)
    return;
  while (n < rs->len) {
    ssize_t k = pread(rs->fd, p + n, (size_t)rs->len - n, (off_t)(rs->offset + n));
    if (k <= 0) {
      free(p);
      return;
    }
    n += (size_t)k;
  }
  rs->bytes = p;
  rs->release_bytes = free;
  rs->source = VD_SOURCE_BYTES;
}

void vd_send_file(vd_response *rs, const char *content_type, int fd, uint64_t offset, uint64_t len,
                  void (*release)(void *arg), void *arg) {
  begin_body(rs, content_type, VD_SOURCE_FILE, len);
  rs->fd = fd;
  rs->offset = offset;
  rs->release = release;
  rs->arg = arg;
  if (len && len <= SMALL_FILE_BYTES && rs->rq->method != VD_HEAD &&
      !(rs->rq->match.route->flags & VD_ON_LOOP))
    read_small(rs);
}

void vd_send_pull(vd_response *rs, const char *content_type, uint64_t len, vd_pull_fn *pull,
                  void (*release)(void *arg), void *arg) {
  begin_body(rs, content_type, VD_SOURCE_PULL, len);
  rs->pull = pull;
  rs->release = release;
  rs->arg = arg;
}

void vd_send_none(vd_response *rs, int status) {
  begin_body(rs, NULL, VD_SOURCE_NONE, 0);
  vd_status(rs, status);
}

/* ---- compression ---- */

void vd_allow_gzip(vd_response *rs) {
  rs->may_compress = true;
}

static bool client_takes_gzip(const vd_request *rq) {
  vd_accept_encoding a;
  const char *value;
  vd_accept_encoding_init(&a);
  for (size_t i = 0; (value = vd_header_nth(rq, "Accept-Encoding", i)) != NULL; i++)
    vd_accept_encoding_read(&a, value);
  return vd_accept_encoding_gzip(&a);
}

void vd_response_compress(vd_response *rs) {
  size_t n = 0;
  uint8_t *packed;
  if (!rs->may_compress || rs->has_etag || rs->failed || rs->source != VD_SOURCE_BYTES ||
      rs->len < VD_GZIP_BYTES_MIN)
    return;
  vd_add_header(rs, "Vary", "Accept-Encoding");
  packed = client_takes_gzip(rs->rq) ? vd_gzip(rs->bytes, (size_t)rs->len, &n) : NULL;
  if (packed == NULL)
    return;
  if (rs->release_bytes)
    rs->release_bytes(rs->bytes);
  rs->bytes = packed;
  rs->release_bytes = free;
  rs->len = n;
  vd_add_header(rs, "Content-Encoding", "gzip");
}

/* ---- problems ---- */

typedef struct text {
  char *p;
  size_t n, room;
  bool full;
} text;

static void put(text *t, const char *s, size_t n) {
  if (n > t->room - t->n) {
    t->full = true;
    return;
  }
  memcpy(t->p + t->n, s, n);
  t->n += n;
}

static void put_string(text *t, const char *s) {
  char esc[8];
  put(t, "\"", 1);
  for (size_t left = strlen(s), n; left; s += n, left -= n) {
    n = vd_utf8_len((const uint8_t *)s, left);
    if (*s == '"' || *s == '\\') {
      esc[0] = '\\';
      esc[1] = *s;
      put(t, esc, 2);
    } else if (!n || (uint8_t)*s < 0x20) {
      (void)snprintf(esc, sizeof esc, "\\u%04x", n ? (unsigned)(uint8_t)*s : 0xFFFDu);
      put(t, esc, 6);
      n = 1;
    } else {
      put(t, s, n);
    }
  }
  put(t, "\"", 1);
}

static void put_member(text *t, const char *name, const char *value) {
  if (t->n > 1)
    put(t, ",", 1);
  put_string(t, name);
  put(t, ":", 1);
  put_string(t, value);
}

void vd_problem_more(vd_response *rs, int status, const char *code, const char *detail,
                     const char *const *reasons, size_t n_reasons, const char *item_id) {
  text t = {malloc(PROBLEM_BYTES_MAX), 0, PROBLEM_BYTES_MAX, false};
  char number[32];
  vd_status(rs, status); /* also where the document cannot be made */
  if (!t.p) {
    rs->failed = true;
    return;
  }
  put(&t, "{", 1);
  put_member(&t, "type", "about:blank");
  put_member(&t, "title", vd_status_text(status));
  int n = snprintf(number, sizeof number, ",\"status\":%d", status);
  put(&t, number, n > 0 ? (size_t)n : 0);
  put_member(&t, "detail", detail);
  put_member(&t, "code", code);
  put(&t, ",\"reason_codes\":[", 17);
  for (size_t i = 0; i < n_reasons; i++) {
    if (i)
      put(&t, ",", 1);
    put_string(&t, reasons[i]);
  }
  put(&t, "]", 1);
  put_member(&t, "request_id", rs->rq->id);
  if (item_id)
    put_member(&t, "item_id", item_id);
  put(&t, "}", 1);
  if (t.full) {
    rs->failed = true;
    free(t.p);
    return;
  }
  vd_send_owned(rs, "application/problem+json", t.p, t.n, free);
}

void vd_problem(vd_response *rs, int status, const char *code, const char *detail) {
  vd_problem_more(rs, status, code, detail, NULL, 0, NULL);
}

/* ---- status texts ---- */

const char *vd_status_text(int status) {
  static const struct {
    int status;
    const char *text;
  } known[] = {
    {102, "Processing"},
    {103, "Early Hints"},
    {104, "Upload Resumption Supported"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {460, "Checksum Mismatch"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (known[i].status == status)
      return known[i].text;
  return "Status";
}
