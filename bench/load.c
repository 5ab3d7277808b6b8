/* A closed-loop HTTP/1.1 load generator: C connections, each sends the next request when
 * the last was answered, until N requests are done. One thread, epoll, no allocation per
 * request, so that it costs the machine as little as possible.
 *
 *   load METHOD HOST PORT PATH_FORMAT N CONNECTIONS BODY_BYTES [HEADER...]
 *
 * PATH_FORMAT may hold one %d: the number of the request. Two methods stand for whole uploads by
 * tus 1.0, counted and timed as one: TUS creates (POST) and appends (PATCH, in pieces of
 * LOAD_CHUNK_BYTES of the environment, or whole), TUS1 creates with the body in the POST.
 * Prints one line of JSON: requests, failed (status other than 2xx), seconds, per_second, p50_ms,
 * p99_ms, max_ms. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define HEAD_BYTES 8192
#define READ_BYTES 262144

typedef struct conn {
  int fd;
  char head[HEAD_BYTES]; /* the request's head going out, then the answer's coming in */
  size_t out_n, out_at, body_at, body_end;
  size_t in_n;
  int in_body;
  uint64_t body_left;
  double started;
  char location[1024]; /* tus: path of the upload that is under way; "" before its creation */
  size_t offset;       /* tus: bytes sent to it */
  long number;
} conn;

typedef enum protocol { PLAIN, TUS, TUS1 } protocol;

static const char *method, *host, *port, *path_format;
static char headers[4096];
static long total, next_request, finished, refused;
static protocol speaks;
static size_t body_bytes;  /* of a body, the stamp included */
static size_t chunk_bytes; /* of one PATCH at most */
static uint64_t salt;
static char *body, *sink;
static double *times;
static int ep;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void watch(conn *c, uint32_t events, int op) {
  struct epoll_event ev = {.events = events, .data.ptr = c};
  if (epoll_ctl(ep, op, c->fd, &ev))
    die("epoll_ctl");
}

/* The target of request `number`: path_format with it in place of %d. */
static void format_path(char *out, size_t room, long number) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  (void)snprintf(out, room, path_format, (int)number);
#pragma GCC diagnostic pop
}

static void add(conn *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(conn *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  c->out_n += (size_t)vsnprintf(c->head + c->out_n, sizeof c->head - c->out_n, format, args);
  va_end(args);
}

static void add_line(conn *c, const char *verb, const char *path) {
  c->out_n = c->out_at = c->in_n = 0;
  c->in_body = 0;
  add(c, "%s %s HTTP/1.1\r\nHost: %s:%s\r\n%s", verb, path, host, port, headers);
}

/* The body's bytes [from, from + n) follow the head. No two bodies are the same, so that nothing is
 * stored twice: the first ones are a stamp. */
static void add_body(conn *c, size_t from, size_t n) {
  add(c, "Content-Length: %zu\r\n\r\n", n);
  c->body_at = from;
  c->body_end = from + n;
  if (from == 0 && n >= sizeof salt) {
    uint64_t stamp = salt + (uint64_t)c->number;
    memcpy(c->head + c->out_n, &stamp, sizeof stamp);
    c->out_n += sizeof stamp;
    c->body_at = sizeof stamp;
  }
}

static void create(conn *c) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char path[2048], name[13], text[10];
  format_path(path, sizeof path, c->number);
  (void)snprintf(text, sizeof text, "%09lu",
                 (unsigned long)(salt / 65536 + (uint64_t)c->number) % 1000000000);
  for (size_t i = 0; i < 9; i += 3) {
    unsigned v = (unsigned)text[i] << 16 | (unsigned)text[i + 1] << 8 | (unsigned)text[i + 2];
    for (size_t k = 0; k < 4; k++)
      name[i / 3 * 4 + k] = digits[v >> (18 - 6 * k) & 63];
  }
  name[12] = 0;
  c->location[0] = 0;
  c->offset = 0;
  add_line(c, "POST", path);
  add(c, "Tus-Resumable: 1.0.0\r\nUpload-Length: %zu\r\nUpload-Metadata: filename %s\r\n",
      body_bytes, name);
  if (speaks == TUS1)
    add(c, "Content-Type: application/offset+octet-stream\r\n");
  add_body(c, 0, speaks == TUS1 ? body_bytes : 0);
}

static void append(conn *c) {
  size_t left = body_bytes - c->offset, n = chunk_bytes && chunk_bytes < left ? chunk_bytes : left;
  add_line(c, "PATCH", c->location);
  add(c,
      "Tus-Resumable: 1.0.0\r\nUpload-Offset: %zu\r\n"
      "Content-Type: application/offset+octet-stream\r\n",
      c->offset);
  add_body(c, c->offset, n);
  c->offset += n;
}

static void start(conn *c) {
  char path[2048];
  if (next_request >= total) {
    (void)close(c->fd);
    c->fd = -1;
    return;
  }
  c->number = next_request++;
  c->started = now();
  if (speaks != PLAIN) {
    create(c);
    return;
  }
  format_path(path, sizeof path, c->number);
  add_line(c, method, path);
  if (body_bytes || strcmp(method, "PUT") == 0)
    add_body(c, 0, body_bytes);
  else
    add(c, "\r\n");
}

/* tus: the creation was answered: go on with its location. 1: there is more to send. */
static int more_parts(conn *c) {
  if (speaks != TUS || refused)
    return 0;
  if (c->offset < body_bytes) {
    append(c);
    return 1;
  }
  return 0;
}

static void find_location(conn *c) {
  const char *at = strcasestr(c->head, "\r\nlocation:");
  if (speaks != TUS || !at || c->location[0])
    return;
  at += 11 + strspn(at + 11, " ");
  const char *slashes = strstr(at, "//"), *end = strstr(at, "\r\n");
  if (slashes && slashes < end) /* an absolute address: its path */
    at = memchr(slashes + 2, '/', (size_t)(end - slashes - 2));
  if (at && end)
    (void)snprintf(c->location, sizeof c->location, "%.*s", (int)(end - at), at);
}

/* 1: everything is out. */
static int send_some(conn *c) {
  while (c->out_at < c->out_n || c->body_at < c->body_end) {
    struct iovec v[2] = {{c->head + c->out_at, c->out_n - c->out_at},
                         {body + c->body_at, c->body_end - c->body_at}};
    ssize_t n = writev(c->fd, v, 2);
    if (n < 0 && errno == EAGAIN)
      return 0;
    if (n < 0)
      die("send");
    size_t head = (size_t)n < v[0].iov_len ? (size_t)n : v[0].iov_len;
    c->out_at += head;
    c->body_at += (size_t)n - head;
  }
  return 1;
}

static void parse_head(conn *c, size_t head_n) {
  c->head[c->in_n] = 0;
  const char *length = strcasestr(c->head, "\r\ncontent-length:");
  if (c->head[9] != '2')
    refused++;
  if (refused == 1 && c->head[9] != '2')
    (void)fprintf(stderr, "first failure: %s\n", c->head);
  find_location(c);
  uint64_t n = length ? strtoull(length + 17, NULL, 10) : 0;
  uint64_t have = c->in_n - head_n;
  c->body_left = n > have ? n - have : 0;
  c->in_body = 1;
}

/* 1: the answer is complete. */
static int receive_some(conn *c) {
  for (;;) {
    ssize_t n = c->in_body
                  ? read(c->fd, sink, c->body_left < READ_BYTES ? c->body_left : READ_BYTES)
                  : read(c->fd, c->head + c->in_n, sizeof c->head - 1 - c->in_n);
    if (n < 0 && errno == EAGAIN)
      return 0;
    if (n <= 0) {
      (void)fprintf(stderr, "the server closed the connection\n");
      exit(1);
    }
    if (c->in_body) {
      c->body_left -= (uint64_t)n;
    } else {
      c->in_n += (size_t)n;
      const char *end = memmem(c->head, c->in_n, "\r\n\r\n", 4);
      if (!end)
        continue;
      parse_head(c, (size_t)(end - c->head) + 4);
    }
    if (c->in_body && c->body_left == 0)
      return 1;
  }
}

static void step(conn *c) {
  for (;;) {
    if (c->out_at < c->out_n || c->body_at < c->body_end) {
      if (!send_some(c)) {
        watch(c, EPOLLOUT, EPOLL_CTL_MOD);
        return;
      }
      watch(c, EPOLLIN, EPOLL_CTL_MOD);
    }
    if (!receive_some(c))
      return;
    if (more_parts(c))
      continue;
    times[finished++] = now() - c->started;
    start(c);
    if (c->fd < 0)
      return;
  }
}

static void open_conn(conn *c) {
  struct addrinfo *a = NULL, hints = {.ai_socktype = SOCK_STREAM};
  if (getaddrinfo(host, port, &hints, &a) || !a) {
    (void)fprintf(stderr, "%s: no such host\n", host);
    exit(1);
  }
  c->fd = socket(a->ai_family, SOCK_STREAM, 0);
  if (c->fd < 0 || connect(c->fd, a->ai_addr, a->ai_addrlen))
    die("connect");
  int one = 1;
  (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  (void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
  freeaddrinfo(a);
  watch(c, EPOLLIN, EPOLL_CTL_ADD);
}

static int by_time(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void report(double seconds) {
  qsort(times, (size_t)finished, sizeof *times, by_time);
  (void)printf("{\"requests\": %ld, \"failed\": %ld, \"seconds\": %.3f, \"per_second\": %.0f, "
               "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
               finished, refused, seconds, (double)finished / seconds, times[finished / 2] * 1e3,
               times[finished * 99 / 100] * 1e3, times[finished - 1] * 1e3);
}

static void read_headers(int n, char **lines) {
  for (int i = 0; i < n; i++) {
    size_t at = strlen(headers);
    (void)snprintf(headers + at, sizeof headers - at, "%s\r\n", lines[i]);
  }
}

static void read_protocol(void) {
  const char *chunk = getenv("LOAD_CHUNK_BYTES");
  chunk_bytes = chunk ? (size_t)strtoull(chunk, NULL, 10) : 0;
  speaks = strcmp(method, "TUS") == 0 ? TUS : strcmp(method, "TUS1") == 0 ? TUS1 : PLAIN;
}

static void make_body(void) {
  salt = (uint64_t)(now() * 1e9) << 16;
  for (size_t i = 0; i < body_bytes; i++)
    body[i] = (char)(i * 131 + i / 4096);
}

/* 0 when every request has its answer. */
static int serve_events(void) {
  while (finished < total) {
    struct epoll_event evs[256];
    int n = epoll_wait(ep, evs, 256, 60000);
    if (n <= 0) {
      (void)fprintf(stderr, "no answer for 60 s\n");
      return 1;
    }
    for (int i = 0; i < n; i++)
      step(evs[i].data.ptr);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 8) {
    (void)fprintf(
      stderr, "usage: load METHOD HOST PORT PATH_FORMAT N CONNECTIONS BODY_BYTES [HEADER...]\n");
    return 2;
  }
  method = argv[1], host = argv[2], port = argv[3], path_format = argv[4];
  total = strtol(argv[5], NULL, 10);
  long n_conns = strtol(argv[6], NULL, 10);
  body_bytes = (size_t)strtoull(argv[7], NULL, 10);
  read_protocol();
  read_headers(argc - 8, argv + 8);
  if (total < 1 || n_conns < 1 || n_conns > 10000)
    return 2;
  if (n_conns > total)
    n_conns = total;
  body = malloc(body_bytes + 1);
  sink = malloc(READ_BYTES);
  times = calloc((size_t)total, sizeof *times);
  conn *conns = calloc((size_t)n_conns, sizeof *conns);
  if (!body || !sink || !times || !conns)
    die("memory");
  make_body();
  ep = epoll_create1(0);
  for (long i = 0; i < n_conns; i++)
    open_conn(&conns[i]);
  double t0 = now();
  for (long i = 0; i < n_conns; i++) {
    start(&conns[i]);
    step(&conns[i]);
  }
  if (serve_events())
    return 1;
  report(now() - t0);
  return refused ? 1 : 0;
}
