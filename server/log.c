/* A line is built in a buffer on the stack, without allocation, and goes out by one write or with a bundle. */
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "http/limits.h"
#include "modules/common/text.h"
#include "utf8.h"

#define LINE_END_BYTES 2u /* "}" and the line end always fit */

typedef struct line {
  char text[VD_LOG_LINE_MAX];
  size_t n;
  bool full;
} line;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static void put(line *l, const char *p, size_t n) {
  if (l->full || n > sizeof l->text - LINE_END_BYTES - l->n) {
    l->full = true;
    return;
  }
  memcpy(l->text + l->n, p, n);
  l->n += n;
}

static void put_text(line *l, const char *s) {
  put(l, s, strlen(s));
}

/* Bytes from p that need no look: ASCII but for control bytes, quote and backslash. */
static size_t plain(const unsigned char *p, size_t n) {
  size_t i = 0;
  while (i < n && p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
    i++;
  return i;
}

/* Escaped as in JSON; the same form keeps a text line on one line and free of terminal codes. */
static void put_escaped(line *l, const char *s, size_t n) {
  const unsigned char *p = (const unsigned char *)s;
  char escape[8];

  for (size_t i = 0; i < n && !l->full;) {
    size_t len = plain(p + i, n - i);
    if (len > 0) {
      put(l, s + i, len);
      i += len;
      continue;
    }
    len = vd_utf8_len(p + i, n - i);
    if (len == 0) {
      put_text(l, "\\ufffd");
      len = 1;
    } else if (p[i] == '"' || p[i] == '\\') {
      escape[0] = '\\';
      escape[1] = s[i];
      put(l, escape, 2);
    } else if (p[i] < 0x20 || p[i] == 0x7f) {
      (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)p[i]);
      put_text(l, escape);
    } else {
      put(l, s + i, len);
    }
    i += len;
  }
}

static void put_number(line *l, int64_t value) {
  char digits[20], *at = digits + sizeof digits;
  uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    *--at = (char)('0' + left % 10);
    left /= 10;
  } while (left != 0);
  if (value < 0)
    *--at = '-';
  put(l, at, (size_t)(digits + sizeof digits - at));
}

static void put_value(const vd_log *log, line *l, const vault_log_field *f) {
  bool quoted = log->json || f->text.n == 0 || memchr(f->text.p, ' ', (size_t)f->text.n) != NULL;
  if (quoted)
    put_text(l, "\"");
  put_escaped(l, f->text.p, (size_t)f->text.n);
  if (quoted)
    put_text(l, "\"");
}

static void put_field(const vd_log *log, line *l, const vault_log_field *f) {
  size_t before = l->n;

  put_text(l, log->json ? ",\"" : " ");
  put_text(l, f->key);
  put_text(l, log->json ? "\":" : "=");
  if (f->text.p != NULL) {
    put_value(log, l, f);
  } else {
    put_number(l, f->number);
  }
  if (l->full)
    l->n = before; /* a field that does not fit is left out as a whole */
}

static void put_time(const vd_log *log, line *l) {
  struct timespec now;
  struct tm tm;
  char text[64];

  (void)clock_gettime(CLOCK_REALTIME, &now);
  if (log->json) {
    vd_time_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, text);
    put_text(l, "{\"time\":\"");
    put_text(l, text);
    put_text(l, "\"");
    return;
  }
  (void)localtime_r(&now.tv_sec, &tm);
  (void)strftime(text, sizeof text, "%H:%M:%S", &tm);
  put_text(l, text);
}

static void make_line(const vd_log *log, line *l, uint32_t level, const char *event,
                      const vault_log_field *fields, size_t n_fields) {
  if (level > VAULT_LOG_ERROR)
    level = VAULT_LOG_ERROR;
  l->n = 0;
  l->full = false;
  put_time(log, l);
  put_text(l, log->json ? ",\"level\":\"" : " ");
  put_text(l, level_names[level]);
  put_text(l, log->json ? "\",\"event\":\"" : " ");
  put_text(l, event);
  if (log->json)
    put_text(l, "\"");
  for (size_t i = 0; i < n_fields && !l->full; i++)
    put_field(log, l, &fields[i]);
  if (log->json)
    l->text[l->n++] = '}';
  l->text[l->n++] = '\n';
}

void vd_log_event(const vd_log *log, uint32_t level, const char *event,
                  const vault_log_field *fields, size_t n_fields) {
  line l;
  if (level < log->level)
    return;
  make_line(log, &l, level, event, fields, n_fields);
  vd_log_write(log->fd, l.text, l.n);
}

void vd_log_say(const vd_log *log, uint32_t level, const char *event, const char *sentence) {
  vault_log_field f = {"message", {sentence, strlen(sentence)}, 0};
  vd_log_event(log, level, event, &f, 1);
}

static void port_write(void *self, uint32_t level, const char *event, const vault_log_field *fields,
                       uint64_t n_fields) {
  vd_log_event(self, level, event, fields, (size_t)n_fields);
}

const vault_log_ops vd_log_ops = {.size = sizeof(vault_log_ops),
                                  .version = VAULT_LOG_V1,
                                  .write = port_write,
                                  .destroy = NULL};

/* A segment of this length may be the key of an upload, which is as good as a token for it. */
#define KEY_BYTES_MIN 64u
#define KEY_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_%"
#define SHOWN_PATH_BYTES (VD_URI_BYTES_MAX + 1u)

/* In every path: what a proxy put before ours, or an escape in it, makes a key no less good. */
static const char *without_keys(const char *path, char out[SHOWN_PATH_BYTES]) {
  bool ours = strncmp(path, "/api/", 5) == 0;
  size_t n = 0;

  for (const char *p = path; *p == '/'; p += 1 + strcspn(p + 1, "/")) {
    size_t segment = strcspn(p + 1, "/");
    bool key = segment >= KEY_BYTES_MIN && (ours || strspn(p + 1, KEY_CHARS) >= KEY_BYTES_MIN);
    int k = key ? snprintf(out + n, SHOWN_PATH_BYTES - n, "/*")
                : snprintf(out + n, SHOWN_PATH_BYTES - n, "/%.*s", (int)segment, p + 1);
    if (k < 0 || (size_t)k >= SHOWN_PATH_BYTES - n)
      break;
    n += (size_t)k;
  }
  return n > 0 ? out : path; /* "*", which OPTIONS may ask about */
}

void vd_log_request(void *log_arg, const vd_log_record *r) {
  const vd_log *log = log_arg;
  char shown[SHOWN_PATH_BYTES];
  const char *path = without_keys(r->path, shown);
  bool failed = r->status >= 500;
  vault_log_field f[] = {
    {"method", {r->method, strlen(r->method)}, 0},
    {"path", {path, strlen(path)}, 0},
    {"status", {NULL, 0}, r->status},
    {"bytes", {NULL, 0}, (int64_t)r->bytes},
    {"ms", {NULL, 0}, (int64_t)r->ms},
    {"peer", {r->peer, strlen(r->peer)}, 0},
    {"request_id", {r->request_id, strlen(r->request_id)}, 0},
  };

  if (log->requests == VD_LOG_REQUESTS_OFF)
    return;
  if (log->requests == VD_LOG_REQUESTS_ERRORS && !failed)
    return;
  if (failed || log->bundle == NULL) {
    vd_log_event(log, failed ? VAULT_LOG_WARN : VAULT_LOG_INFO, "request", f,
                 sizeof f / sizeof f[0]);
  } else if (log->level <= VAULT_LOG_INFO) {
    line l;
    make_line(log, &l, VAULT_LOG_INFO, "request", f, sizeof f / sizeof f[0]);
    vd_log_bundle_add(log->bundle, l.text, l.n);
  }
}

static void lost_lines(void *arg, uint64_t n) {
  vault_log_field f = {"lines", {NULL, 0}, (int64_t)n};
  vd_log_event(arg, VAULT_LOG_WARN, "log_too_slow", &f, 1);
}

void vd_log_start(vd_log *log) {
  log->bundle = vd_log_bundle_start(log->fd, lost_lines, log);
}

void vd_log_stop(vd_log *log) {
  vd_log_bundle_stop(log->bundle);
  log->bundle = NULL;
}

void vd_log_init(vd_log *log, int fd, const char *format, const char *level, const char *requests) {
  log->fd = fd;
  log->bundle = NULL;
  log->json = strcmp(format, "json") == 0 || (strcmp(format, "auto") == 0 && !isatty(fd));
  log->level = VAULT_LOG_INFO;
  for (uint32_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
    if (strcmp(level, level_names[i]) == 0)
      log->level = i;
  }
  log->requests = VD_LOG_REQUESTS_ON;
  if (strcmp(requests, "errors") == 0)
    log->requests = VD_LOG_REQUESTS_ERRORS;
  if (strcmp(requests, "off") == 0)
    log->requests = VD_LOG_REQUESTS_OFF;
}
