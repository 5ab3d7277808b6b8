#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "internal.h"

void vd_response_init(vd_response *rs, vd_request *rq) {
  rs->rq = rq;
  rs->status = 200;
}

static void drop_body(vd_response *rs) {
  if (rs->source == VD_SOURCE_BYTES && rs->release_bytes)
    rs->release_bytes(rs->bytes);
  if ((rs->source == VD_SOURCE_FILE || rs->source == VD_SOURCE_PULL) && rs->release)
    rs->release(rs->arg);
  rs->source = VD_SOURCE_NONE;
  rs->bytes = NULL;
  rs->release_bytes = NULL;
  rs->release = NULL;
  rs->len = 0;
}

void vd_response_reset(vd_response *rs) {
  vd_request *rq = rs->rq;
  drop_body(rs);
  free(rs->fields);
  memset(rs, 0, sizeof *rs);
  vd_response_init(rs, rq);
}

void vd_status(vd_response *rs, int status) {
  rs->status = status;
}

int vd_get_status(const vd_response *rs) {
  return rs->status;
}

void vd_close_after(vd_response *rs) {
  rs->close_after = true;
}

/* ---- fields ---- */

static bool name_ok(const char *s) {
  static const char *const ours[] = {"date",       "x-request-id", "content-length",        "transfer-encoding",
                                     "connection", "keep-alive",   "x-content-type-options"};
  if (!*s)
    return false;
  for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
    if (!strcasecmp(s, ours[i]))
      return false;
  for (; *s; s++)
    if (!isalnum((unsigned char)*s) && !strchr("!#$%&'*+-.^_`|~", *s))
      return false;
  return true;
}

static bool value_ok(const char *s) {
  for (; *s; s++)
    if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7F)
      return false;
  return true;
}

void vd_add_header(vd_response *rs, const char *name, const char *value) {
  size_t need = strlen(name) + strlen(value) + 4;
  if (!name_ok(name) || !value_ok(value) || rs->fields_n + need > VD_RESPONSE_HEADER_BYTES) {
    rs->failed = true;
    return;
  }
  if (rs->fields_n + need + 1 > rs->fields_room) {
    size_t room = rs->fields_n + need + 512;
    char *p = realloc(rs->fields, room);
    if (!p) {
      rs->failed = true;
      return;
    }
    rs->fields = p;
    rs->fields_room = room;
  }
  if (!strcasecmp(name, "cache-control"))
    rs->has_cache_control = true;
  (void)snprintf(rs->fields + rs->fields_n, need + 1, "%s: %s\r\n", name, value);
  rs->fields_n += need;
}

void vd_add_headerf(vd_response *rs, const char *name, const char *format, ...) {
  char value[2048];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(value, sizeof value, format, args);
  va_end(args);
  if (n < 0 || (size_t)n >= sizeof value)
    rs->failed = true;
  else
    vd_add_header(rs, name, value);
}

/* ---- bodies ---- */

static void start_body(vd_response *rs, vd_source source, const char *content_type, uint64_t len) {
  drop_body(rs);
  rs->source = source;
  rs->len = len;
  if (content_type)
    vd_add_header(rs, "Content-Type", content_type);
}

void vd_send_owned(vd_response *rs, const char *content_type, void *bytes, size_t len, void (*release)(void *bytes)) {
  start_body(rs, VD_SOURCE_BYTES, content_type, len);
  rs->bytes = bytes;
  rs->release_bytes = release;
}

void vd_send_bytes(vd_response *rs, const char *content_type, const void *bytes, size_t len) {
  uint8_t *copy = malloc(len ? len : 1);
  if (!copy) {
    rs->failed = true;
    return;
  }
  if (len)
    memcpy(copy, bytes, len);
  vd_send_owned(rs, content_type, copy, len, free);
}

void vd_send_file(vd_response *rs, const char *content_type, int fd, uint64_t offset, uint64_t len,
                  void (*release)(void *arg), void *arg) {
  start_body(rs, VD_SOURCE_FILE, content_type, len);
  rs->fd = fd;
  rs->offset = offset;
  rs->release = release;
  rs->arg = arg;
}

void vd_send_pull(vd_response *rs, const char *content_type, uint64_t len, vd_pull_fn *pull, void (*release)(void *arg),
                  void *arg) {
  start_body(rs, VD_SOURCE_PULL, content_type, len);
  rs->pull = pull;
  rs->release = release;
  rs->arg = arg;
}

void vd_send_none(vd_response *rs, int status) {
  drop_body(rs);
  rs->status = status;
}

/* ---- problem documents ---- */

typedef struct text {
  char *p;
  size_t n, room;
  bool failed;
} text;

static void append(text *t, const char *s, size_t n) {
  if (t->n + n + 1 > t->room) {
    size_t room = t->room * 2 + n + 256;
    char *p = realloc(t->p, room);
    if (!p) {
      t->failed = true;
      return;
    }
    t->p = p;
    t->room = room;
  }
  memcpy(t->p + t->n, s, n);
  t->n += n;
}

static void literal(text *t, const char *s) {
  append(t, s, strlen(s));
}

static void json_string(text *t, const char *s) {
  char esc[8];
  literal(t, "\"");
  for (; *s; s++) {
    if (*s == '"' || *s == '\\') {
      append(t, "\\", 1);
      append(t, s, 1);
    } else if ((unsigned char)*s < 0x20) {
      int n = snprintf(esc, sizeof esc, "\\u%04x", (unsigned)(unsigned char)*s);
      append(t, esc, (size_t)n);
    } else {
      append(t, s, 1);
    }
  }
  literal(t, "\"");
}

void vd_problem_reasons(vd_response *rs, int status, const char *code, const char *title, const char *detail,
                        const char *const *reasons, size_t n_reasons) {
  text t = {0};
  char number[16];
  int n = snprintf(number, sizeof number, "%d", status);
  literal(&t, "{\"type\":\"about:blank#");
  for (const char *s = code; *s; s++) /* code is a word; anything else would break the URI */
    append(&t, isalnum((unsigned char)*s) || *s == '_' ? s : "-", 1);
  literal(&t, "\",\"title\":");
  json_string(&t, title);
  literal(&t, ",\"status\":");
  append(&t, number, (size_t)n);
  literal(&t, ",\"detail\":");
  json_string(&t, detail);
  literal(&t, ",\"code\":");
  json_string(&t, code);
  literal(&t, ",\"reason_codes\":[");
  for (size_t i = 0; i < n_reasons; i++) {
    if (i)
      literal(&t, ",");
    json_string(&t, reasons[i]);
  }
  literal(&t, "],\"request_id\":");
  json_string(&t, rs->rq->id);
  literal(&t, "}\n");
  rs->status = status;
  if (t.failed) {
    free(t.p);
    rs->failed = true;
    return;
  }
  vd_send_owned(rs, "application/problem+json", t.p, t.n, free);
}

void vd_problem(vd_response *rs, int status, const char *code, const char *title, const char *detail) {
  vd_problem_reasons(rs, status, code, title, detail, NULL, 0);
}

/* ---- status lines ---- */

const char *vd_status_text(int status) {
  static const struct {
    int status;
    const char *text;
  } all[] = {
      {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"}, {206, "Partial Content"},
      {207, "Multi-Status"}, {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"}, {304, "Not Modified"},
      {307, "Temporary Redirect"}, {308, "Permanent Redirect"}, {400, "Bad Request"}, {401, "Unauthorized"},
      {403, "Forbidden"}, {404, "Not Found"}, {405, "Method Not Allowed"}, {406, "Not Acceptable"},
      {408, "Request Timeout"}, {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"},
      {412, "Precondition Failed"}, {413, "Content Too Large"}, {414, "URI Too Long"},
      {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"}, {417, "Expectation Failed"},
      {421, "Misdirected Request"}, {422, "Unprocessable Content"}, {423, "Locked"}, {424, "Failed Dependency"},
      {428, "Precondition Required"}, {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
      {460, "Checksum Mismatch"}, {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
      {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"}, {508, "Loop Detected"},
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (all[i].status == status)
      return all[i].text;
  return "Unknown";
}
