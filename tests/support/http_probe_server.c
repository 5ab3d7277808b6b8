/* A small server on the HTTP core for tests/e2e/raw_http. Prints its port on one line, serves until SIGTERM
 * (graceful) or a second SIGTERM (now). Options: NAME=NUMBER for members of vd_http_config; dir=PATH for files. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/conditional.h"
#include "http/fields.h"
#include "http/range.h"
#include "http/server.h"

static vd_server *server;
static const char *dir = "/tmp";
static atomic_uint cancels, ends, releases, live, kept;

static void on_signal(int sig) {
  (void)sig;
  vd_server_stop(server);
}

/* ---- simple ---- */

static vd_next hello(vd_request *rq, vd_response *rs) {
  (void)rq;
  vd_send_bytes(rs, "text/plain", "hello\n", 6);
  return VD_DONE;
}

static vd_next params(vd_request *rq, vd_response *rs) {
  char text[512];
  const char *q = vd_query(rq, "q");
  int n = snprintf(text, sizeof text, "id=%s q=%s peer=%s", vd_param(rq, "id"), q ? q : "(none)",
                   vd_peer(rq));
  vd_send_bytes(rs, "text/plain", text, (size_t)n);
  return VD_DONE;
}

static vd_next rest(vd_request *rq, vd_response *rs) {
  const char *p = vd_param(rq, "path");
  vd_send_bytes(rs, "text/plain", p, strlen(p));
  return VD_DONE;
}

static vd_next fixed(vd_request *rq, vd_response *rs) {
  (void)rq;
  vd_send_bytes(rs, "text/plain", "literal", 7);
  return VD_DONE;
}

static vd_next echo(vd_request *rq, vd_response *rs) {
  size_t n;
  const uint8_t *p = vd_body(rq, &n);
  vd_send_bytes(rs, "application/octet-stream", p ? (const void *)p : "", n);
  return VD_DONE;
}

static vd_next slow(vd_request *rq, vd_response *rs) {
  const char *ms = vd_query(rq, "ms");
  usleep((useconds_t)strtoul(ms ? ms : "100", NULL, 10) * 1000);
  vd_send_bytes(rs, "text/plain", "slow\n", 5);
  return VD_DONE;
}

static vd_next bad_header(vd_request *rq, vd_response *rs) {
  (void)rq;
  vd_add_header(rs, "X-Evil", "a\r\nSet-Cookie: b");
  return VD_DONE;
}

static vd_next none(vd_request *rq, vd_response *rs) {
  (void)rq;
  vd_send_none(rs, 204);
  return VD_DONE;
}

static vd_next problem(vd_request *rq, vd_response *rs) {
  static const char *const reasons[] = {"one", "two"};
  (void)rq;
  vd_problem_more(rs, 409, "name_taken", "The name \"x\" is\ttaken: \xc3\xa7\xc3.", reasons, 2,
                  NULL);
  return VD_DONE;
}

static vd_next counters(vd_request *rq, vd_response *rs) {
  char text[240];
  vd_server_stats st;
  (void)rq;
  vd_server_get_stats(server, &st);
  int n =
    snprintf(text, sizeof text,
             "cancels=%u ends=%u releases=%u live=%u buffers=%u requests=%u kept=%u",
             atomic_load(&cancels), atomic_load(&ends), atomic_load(&releases), atomic_load(&live),
             st.upload_buffers_in_use, st.requests_in_flight, atomic_load(&kept));
  vd_send_bytes(rs, "text/plain", text, (size_t)n);
  return VD_DONE;
}

/* ---- pending ---- */

typedef struct later {
  vd_request *rq;
  unsigned ms;
} later;

static void *finish_later(void *arg) {
  later *l = arg;
  usleep(l->ms * 1000);
  vd_response *rs = vd_request_response(l->rq);
  vd_send_bytes(rs, "text/plain", "pending\n", 8);
  vd_request_complete(l->rq);
  free(l);
  return NULL;
}

static vd_next start_later(vd_request *rq, unsigned ms) {
  pthread_t thread;
  later *l = malloc(sizeof *l);
  if (!l)
    abort();
  *l = (later){rq, ms};
  if (pthread_create(&thread, NULL, finish_later, l))
    abort();
  (void)pthread_detach(thread);
  return VD_PENDING;
}

static vd_next pending(vd_request *rq, vd_response *rs) {
  const char *ms = vd_query(rq, "ms");
  (void)rs;
  return start_later(rq, ms ? (unsigned)strtoul(ms, NULL, 10) : 0);
}

/* ---- files and generated bodies ---- */

static void close_fd(void *arg) {
  (void)close((int)(intptr_t)arg);
}

static vd_next file(vd_request *rq, vd_response *rs) {
  char path[512], date[VD_DATE_SIZE];
  struct stat st;
  uint64_t first = 0, len;
  (void)snprintf(path, sizeof path, "%s/%s", dir, vd_param(rq, "name"));
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st)) {
    vd_problem(rs, 404, "not_found", "No such file.");
    return VD_DONE;
  }
  len = (uint64_t)st.st_size;
  vd_preconditions pre = {.if_match = vd_header(rq, "if-match"),
                          .if_none_match = vd_header(rq, "if-none-match"),
                          .if_modified_since = vd_header(rq, "if-modified-since"),
                          .if_range = vd_header(rq, "if-range"),
                          .range = vd_header(rq, "range")};
  vd_resource_state state = {.exists = true,
                             .etag = "\"e1\"",
                             .has_modified = true,
                             .modified_s = 784111777};
  vd_date_format(state.modified_s, date);
  vd_add_header(rs, "ETag", state.etag);
  vd_add_header(rs, "Last-Modified", date);
  vd_precondition c = vd_precondition_check(&pre, &state, true);
  vd_range_result r = VD_RANGE_WHOLE;
  vd_range ranges[VD_RANGES_MAX];
  size_t n_ranges = 0;
  if (c == VD_PROCEED && vd_request_method(rq) == VD_GET && vd_if_range_holds(&pre, &state))
    r = vd_ranges_parse(pre.range, len, ranges, &n_ranges);
  if (r == VD_RANGE_PART && n_ranges > 1)
    r = VD_RANGE_WHOLE; /* several parts are the business of the files module */
  if (r == VD_RANGE_PART) {
    first = ranges[0].first;
    len = ranges[0].len;
  }
  if (c != VD_PROCEED || r == VD_RANGE_UNSATISFIABLE) {
    (void)close(fd);
    if (r == VD_RANGE_UNSATISFIABLE) {
      vd_add_headerf(rs, "Content-Range", "bytes */%lld", (long long)st.st_size);
      vd_problem(rs, 416, "range_not_satisfiable", "The range is outside the file.");
    } else {
      vd_send_none(rs, c == VD_NOT_MODIFIED ? 304 : 412);
    }
    return VD_DONE;
  }
  if (r == VD_RANGE_PART) {
    vd_status(rs, 206);
    vd_add_headerf(rs, "Content-Range", "bytes %llu-%llu/%lld", (unsigned long long)first,
                   (unsigned long long)(first + len - 1), (long long)st.st_size);
  }
  if (vd_query(rq, "lie"))
    len += 1000;
  vd_send_file(rs, "application/octet-stream", fd, first, len, close_fd, (void *)(intptr_t)fd);
  return VD_DONE;
}

typedef struct source {
  uint64_t at, len;
  bool fail;
} source;

static int64_t generate(void *arg, uint8_t *buf, size_t cap) {
  source *s = arg;
  uint64_t n = s->len - s->at < cap ? s->len - s->at : cap;
  if (s->fail && s->at > s->len / 2)
    return -1;
  for (uint64_t i = 0; i < n; i++)
    buf[i] = (uint8_t)((s->at + i) % 251);
  s->at += n;
  return (int64_t)n;
}

static void release_source(void *arg) {
  atomic_fetch_add(&releases, 1);
  free(arg);
}

static vd_next pull(vd_request *rq, vd_response *rs) {
  const char *n = vd_query(rq, "n");
  source *s = calloc(1, sizeof *s);
  if (!s)
    abort();
  s->len = n ? strtoull(n, NULL, 10) : 0;
  s->fail = vd_query(rq, "fail") != NULL;
  vd_send_pull(rs, "application/octet-stream", vd_query(rq, "known") ? s->len : VD_LENGTH_UNKNOWN,
               generate, release_source, s);
  return VD_DONE;
}

/* ---- uploads ---- */

/* Says what fields it got no interim answer out with, so that a test sees it in the final one. */
static void interim(vd_request *rq, vd_response *rs, int status, const char *fields) {
  if (!vd_interim(rq, status, fields))
    vd_add_header(rs, "X-Refused-Interim", "1");
}

typedef struct upload {
  uint64_t n, sum, pieces;
  uint64_t stop_at;
  unsigned delay_ms;
  bool later, interim;
  char where[8]; /* 'l' or 'w' for open, data (the last), end */
} upload;

static char place(const vd_request *rq) {
  return vd_on_loop(rq) ? 'l' : 'w';
}

static void release_upload(void *data) {
  atomic_fetch_sub(&live, 1);
  free(data);
}

static vd_next up_open(vd_request *rq, vd_response *rs) {
  if (vd_query(rq, "refuse")) {
    vd_problem(rs, 403, "refused", "Not here.");
    return VD_DONE;
  }
  if (vd_query(rq, "worker") && vd_on_loop(rq))
    return VD_WORKER;
  upload *u = calloc(1, sizeof *u);
  if (!u)
    abort();
  atomic_fetch_add(&live, 1);
  const char *stop = vd_query(rq, "stop_at"), *delay = vd_query(rq, "delay_ms");
  u->stop_at = stop ? strtoull(stop, NULL, 10) : UINT64_MAX;
  u->delay_ms = delay ? (unsigned)strtoul(delay, NULL, 10) : 0;
  u->later = vd_query(rq, "later") != NULL;
  u->interim = vd_query(rq, "interim") != NULL;
  u->where[0] = place(rq);
  u->where[1] = '-';
  if (u->interim)
    interim(rq, rs, 104, "Location: /up/1\r\nUpload-Limit: max-size=5\r\n");
  if (vd_query(rq, "flood"))
    while (vd_interim(rq, 104, "X: 01234567890123456789\r\n"))
      ;
  vd_set_data(rq, u, release_upload);
  return VD_CONTINUE;
}

static vd_next up_data(vd_request *rq, vd_response *rs, const uint8_t *bytes, size_t bytes_len) {
  upload *u = vd_data(rq);
  for (size_t i = 0; i < bytes_len; i++)
    u->sum = u->sum * 31 + bytes[i];
  u->n += bytes_len;
  u->pieces++;
  u->where[1] = place(rq);
  if (u->interim)
    interim(rq, rs, 104, "Upload-Offset: 1\r\n");
  if (u->delay_ms)
    usleep(u->delay_ms * 1000);
  if (u->n < u->stop_at)
    return VD_CONTINUE;
  vd_problem(rs, 507, "quota_exceeded", "Full.");
  return VD_DONE;
}

static vd_next up_end(vd_request *rq, vd_response *rs) {
  upload *u = vd_data(rq);
  char text[100];
  atomic_fetch_add(&ends, 1);
  u->where[2] = place(rq);
  vd_add_header(rs, "X-Where", u->where);
  if (vd_trailer(rq, "x-sum"))
    vd_add_header(rs, "X-Trailer", vd_trailer(rq, "X-SUM"));
  if (u->interim) {
    interim(rq, rs, 103, "");
    if (vd_interim(rq, 101, "") || vd_interim(rq, 200, "") || vd_interim(rq, 104, "a: b") ||
        vd_interim(rq, 104, "no colon\r\n") || vd_interim(rq, 104, "a: b\r\n\r\n"))
      abort();
  }
  if (u->later)
    return start_later(rq, 20);
  int n = snprintf(text, sizeof text, "n=%llu sum=%llu", (unsigned long long)u->n,
                   (unsigned long long)u->sum);
  vd_status(rs, 201);
  vd_send_bytes(rs, "text/plain", text, (size_t)n);
  return VD_DONE;
}

static void up_cancel(vd_request *rq) {
  const upload *u = vd_data(rq);
  atomic_store(&kept, (unsigned)u->n);
  atomic_fetch_add(&cancels, 1);
}

static void release_lent(void *arg) {
  (void)arg;
  atomic_fetch_add(&releases, 1);
}

/* Where it ran, or the method that it was called by. */
static vd_next where(vd_request *rq, vd_response *rs) {
  if (vd_query(rq, "worker") && vd_on_loop(rq)) {
    vd_status(rs, 206);
    vd_add_header(rs, "X-From-Loop", "1");
    vd_send_bytes(rs, "text/plain", "to be dropped", 13);
    return VD_WORKER;
  }
  if (vd_query(rq, "borrowed")) {
    vd_send_borrowed(rs, "text/plain", &"_borrowed_"[1], 8, release_lent, NULL);
    return VD_DONE;
  }
  if (vd_query(rq, "complete")) { /* answered before the handler has returned */
    vd_send_bytes(rs, "text/plain", "complete", 8);
    vd_request_complete(rq);
    return VD_PENDING;
  }
  vd_send_bytes(rs, "text/plain", vd_on_loop(rq) ? "loop" : "worker", vd_on_loop(rq) ? 4 : 6);
  return VD_DONE;
}

static vd_next method(vd_request *rq, vd_response *rs) {
  const char *name = vd_method_name(vd_request_method(rq));
  vd_send_bytes(rs, "text/plain", name, strlen(name));
  return VD_DONE;
}

static const vd_upload_ops UPLOAD = {up_open, up_data, up_end, up_cancel};

static const vd_route ROUTES[] = {
  {.method = VD_GET, .pattern = "/", .flags = VD_ON_LOOP, .simple = hello},
  {.method = VD_GET, .pattern = "/worker", .simple = hello},
  {.method = VD_GET, .pattern = "/items/{id}", .flags = VD_ON_LOOP, .simple = params},
  {.method = VD_GET, .pattern = "/items/fixed", .flags = VD_ON_LOOP, .simple = fixed},
  {.method = VD_DELETE, .pattern = "/items/{id}", .simple = none},
  {.method = VD_GET, .pattern = "/dav/{path*}", .simple = rest},
  {.method = VD_POST, .pattern = "/echo", .simple = echo},
  {.method = VD_POST, .pattern = "/echo/small", .body_max_bytes = 10, .simple = echo},
  {.method = VD_POST, .pattern = "/echo/loop", .flags = VD_ON_LOOP, .simple = echo},
  {.method = VD_GET, .pattern = "/slow", .simple = slow},
  {.method = VD_GET, .pattern = "/bad-header", .simple = bad_header},
  {.method = VD_GET, .pattern = "/none", .simple = none},
  {.method = VD_GET, .pattern = "/problem", .simple = problem},
  {.method = VD_GET, .pattern = "/counters", .flags = VD_ON_LOOP, .simple = counters},
  {.method = VD_GET, .pattern = "/pending", .simple = pending},
  {.method = VD_GET, .pattern = "/pending/loop", .flags = VD_ON_LOOP, .simple = pending},
  {.method = VD_GET, .pattern = "/file/{name}", .simple = file},
  {.method = VD_GET, .pattern = "/pull", .simple = pull},
  {.method = VD_PUT, .pattern = "/up", .upload = &UPLOAD},
  {.method = VD_GET, .pattern = "/try", .flags = VD_TRY_LOOP, .simple = where},
  {.method = VD_PUT, .pattern = "/up/try", .flags = VD_TRY_LOOP, .upload = &UPLOAD},
  {.method = VD_PUT, .pattern = "/up/trailers", .flags = VD_TRAILERS, .upload = &UPLOAD},
  {.method = VD_PUT, .pattern = "/up/keep", .flags = VD_KEEP_PARTIAL, .upload = &UPLOAD},
  {.method = VD_POST, .pattern = "/method", .simple = method},
  {.method = VD_PATCH, .pattern = "/method", .flags = VD_OVERRIDE, .simple = method},
  {.method = VD_DELETE, .pattern = "/method", .simple = method},
  {.method = VD_GET, .pattern = "/method", .flags = VD_OVERRIDE, .simple = method},
  {.method = VD_PATCH, .pattern = "/patch", .flags = VD_OVERRIDE, .upload = &UPLOAD},
};

static const vd_module PROBE = {.name = "probe",
                                .routes = ROUTES,
                                .n_routes = sizeof ROUTES / sizeof ROUTES[0]};

static void log_line(void *arg, const vd_log_record *r) {
  (void)arg;
  (void)fprintf(stderr, "%s %s %s %d %llu\n", r->request_id, r->method, r->path, r->status,
                (unsigned long long)r->bytes);
}

static void option(vd_http_config *cfg, const char *name, size_t name_len, const char *value) {
  const struct {
    const char *name;
    uint32_t *to;
  } all[] = {
    {"connections_max", &cfg->connections_max},
    {"workers", &cfg->workers},
    {"work_queue_max", &cfg->work_queue_max},
    {"upload_buffers_max", &cfg->upload_buffers_max},
    {"header_timeout_ms", &cfg->header_timeout_ms},
    {"body_idle_timeout_ms", &cfg->body_idle_timeout_ms},
    {"body_rate_min_bytes_per_s", &cfg->body_rate_min_bytes_per_s},
    {"body_rate_window_ms", &cfg->body_rate_window_ms},
    {"keepalive_timeout_ms", &cfg->keepalive_timeout_ms},
    {"write_stall_timeout_ms", &cfg->write_stall_timeout_ms},
    {"stop_timeout_ms", &cfg->stop_timeout_ms},
    {"drain_timeout_ms", &cfg->drain_timeout_ms},
    {"drain_bytes_max", &cfg->drain_bytes_max},
  };
  if (name_len == 3 && !memcmp(name, "dir", 3)) {
    dir = value;
    return;
  }
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (strlen(all[i].name) == name_len && !memcmp(all[i].name, name, name_len)) {
      *all[i].to = (uint32_t)strtoul(value, NULL, 10);
      return;
    }
  (void)fprintf(stderr, "unknown option %s\n", name);
  exit(2);
}

int main(int argc, char **argv) {
  vd_http_config cfg;
  char err[256];
  const vd_module *modules[] = {&PROBE};
  vd_http_config_defaults(&cfg);
  for (int i = 1; i < argc; i++) {
    const char *eq = strchr(argv[i], '=');
    if (eq)
      option(&cfg, argv[i], (size_t)(eq - argv[i]), eq + 1);
  }
  cfg.log = log_line;
  server = vd_server_new(&cfg, modules, 1, err, sizeof err);
  if (!server || vd_server_listen(server, "127.0.0.1:0", err, sizeof err)) {
    (void)fprintf(stderr, "%s\n", err);
    return 1;
  }
  struct sigaction sa = {.sa_handler = on_signal};
  (void)sigaction(SIGTERM, &sa, NULL);
  (void)printf("%u\n", (unsigned)vd_server_port(server));
  (void)fflush(stdout);
  vd_server_run(server);
  vd_server_free(server);
  return 0;
}
