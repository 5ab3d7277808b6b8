/* The structures behind http.h, shared by the files of this folder only.
 *
 * A connection (vd_conn) is small and lives as long as its socket. While it is idle it holds nothing
 * else. From the first byte of a request it owns one vd_request, which holds the input buffer, the
 * parsed head and the response. A request that a worker or a pending operation still knows outlives
 * its socket: the connection is then "dead" and is freed by whoever brings the last result back.
 *
 * Everything runs on the loop thread except vd_work.run and what handlers call. */
#ifndef VD_HTTP_INTERNAL_H
#define VD_HTTP_INTERNAL_H

#include <llhttp.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <uv.h>

#include "chunked.h"
#include "http.h"
#include "limits.h"
#include "net/pool.h"
#include "net/socket.h"
#include "router.h"
#include "server.h"
#include "uri.h"

typedef struct vd_conn vd_conn;

/* ---- upload buffers: a bounded pool of one loop ---- */

typedef struct vd_ubuf {
  struct vd_ubuf *next;
  size_t n;
  uint8_t bytes[VD_UPLOAD_BUFFER_BYTES];
} vd_ubuf;

typedef struct vd_ubuf_pool {
  vd_ubuf *idle;
  uint32_t in_use, max, n_idle, n_waiting;
  bool waking;
  vd_conn *wait_head, *wait_tail; /* connections that found none */
} vd_ubuf_pool;

/* ---- response ---- */

typedef enum vd_source {
  VD_SOURCE_NONE,
  VD_SOURCE_BYTES,
  VD_SOURCE_FILE,
  VD_SOURCE_PULL
} vd_source;

struct vd_response {
  vd_request *rq;
  int status;
  bool close_after;
  bool failed; /* a field was bad or the memory ran out: send a plain 500 */
  bool has_cache_control, has_content_type, has_etag;
  bool may_compress; /* vd_allow_gzip() */
  char *fields; /* "Name: value\r\n" … */
  size_t fields_n, fields_room;
  char content_type[256]; /* of the body given last */
  vd_source source;
  uint8_t *bytes;
  void (*release_bytes)(void *);
  void (*release)(void *);
  void *arg;
  vd_pull_fn *pull;
  int fd;
  uint64_t offset; /* VD_SOURCE_FILE: next byte */
  uint64_t len;    /* of the body; VD_LENGTH_UNKNOWN only for VD_SOURCE_PULL */
};

/* ---- request ---- */

typedef enum vd_phase {
  VD_PHASE_HEAD,    /* receiving the head */
  VD_PHASE_BUFFER,  /* simple: receiving the body into memory */
  VD_PHASE_OPEN,    /* upload: open is running */
  VD_PHASE_RECEIVE, /* upload: receiving, data running now and then, then end */
  VD_PHASE_HANDLER, /* the last handler is running or pending */
  VD_PHASE_REFUSE,  /* an answer of our own waits until the worker is back and cancel has run */
  VD_PHASE_WRITE
} vd_phase;

typedef enum vd_body_kind { VD_BODY_NONE, VD_BODY_LENGTH, VD_BODY_CHUNKED } vd_body_kind;

typedef struct vd_field {
  uint16_t name, value; /* offsets in buf; NUL-terminated once the head is complete */
  uint16_t name_len, value_len;
} vd_field;

struct vd_request {
  vd_conn *conn;
  vd_server *srv;
  vd_work job;        /* the step that a worker does */
  vd_work completion; /* vd_request_complete() */
  atomic_bool gone;
  bool busy;       /* job is out */
  bool pending;    /* a handler returned VD_PENDING and it was seen here */
  bool completed;  /* the completion letter arrived */
  bool cancel_due; /* upload: open accepted, and neither end nor an answer followed */
  bool body_done;  /* all of the body was received */
  bool head_done;
  bool head_ok; /* parsed and checked: the place where the next request begins is known */
  bool keep_alive;
  bool expect_continue;
  bool http_1_1;
  bool started;  /* first byte of the request line seen */
  bool in_value; /* the parser is in a field's value */
  bool logged;
  bool on_loop;     /* the handler that runs was called on the loop thread */
  bool loop_upload; /* data, end and cancel run on the loop thread too */
  vd_phase phase;
  vd_next next; /* what the last handler returned */
  uint64_t start_ms;

  /* refusal by the core */
  int refuse_status;
  const char *refuse_code, *refuse_detail;

  /* head */
  llhttp_t parser;
  vd_method method;
  const char *method_name;
  vd_target target;
  uint16_t line, url, url_len; /* offsets of the request line and the target */
  vd_field fields[VD_HEADER_COUNT_MAX];
  size_t n_fields;
  vd_match match;
  vd_pair query[VD_QUERY_COUNT_MAX];
  size_t n_query;
  char *decoded; /* path parameters and query; path and query as sent, terminated */
  const char *path_text, *query_text;
  char id[VD_REQUEST_ID_BYTES + 1];

  /* body */
  vd_body_kind body_kind;
  uint64_t body_len;  /* declared */
  uint64_t body_left; /* VD_BODY_LENGTH: not yet received */
  vd_chunked chunked;
  uint8_t *body; /* simple */
  size_t body_n, body_room;
  vd_ubuf *fill, *hand; /* upload: being filled; with the worker */
  const uint8_t *piece; /* what data gets: of hand, or of buf */
  size_t piece_n;
  char *trailers; /* VD_TRAILERS, chunked; as sent until the end, then NUL-terminated pairs */
  uint64_t rate_mark_ms, rate_bytes, paused_at_ms, last_byte_ms;
  bool paused;

  void *data;
  void (*release_data)(void *);
  vd_response rs;

  /* interim answers: [interim_at, interim_n) is not out yet */
  char *interim;
  size_t interim_at, interim_n;

  /* output */
  char *out; /* head, and the body where it is short */
  size_t out_n;
  struct iovec iov[3];
  int iov_at, iov_n;
  uint64_t body_to_send, body_sent, last_write_ms;
  uint8_t *pull_buf;
  int64_t step_result; /* of sendfile or pull */
  bool step_blocked;   /* sendfile met a full socket */
  bool last_chunk_sent;
  uint32_t unsent; /* bytes in the kernel when the socket was last seen full */
  bool blocked;    /* the socket is full: wait until it is writable */

  /* input: [0, head_end) head, [in_pos, in_end) received but not yet used */
  size_t in_pos, in_end, head_end;
  char buf[VD_INPUT_BUFFER_BYTES];
};

/* ---- connection ---- */

struct vd_conn {
  vd_conn *prev, *next;
  vd_server *srv;
  vd_request *rq;
  vd_conn *wait_next;
  uint64_t timer_ms; /* when the timer will fire; 0: not running */
  uint64_t idle_since_ms;
  uint64_t drain_until_ms;
  uint64_t drain_left;
  int fd;
  uint8_t events; /* what poll watches */
  bool dead;      /* socket of no use any more */
  bool peer_eof;
  bool draining;
  bool served;   /* at least one request: an idle close is ordinary */
  bool can_read; /* poll said readable, and no read came back short since */
  bool lost;     /* the connection broke; what the kernel still has is read first */
  bool waiting_buffer;
  bool running; /* inside vd_conn_run(), which is not re-entered */
  uint8_t open_handles;
  char peer[VD_PEER_SIZE];
  uv_poll_t poll;
  uv_timer_t timer;
  uv_idle_t again; /* it has used up its turn and goes on after the others */
};

#define VD_LISTENERS_MAX 8u

typedef struct vd_listener {
  int fd;
  vd_server *srv;
  uv_poll_t poll;
} vd_listener;

struct vd_server {
  vd_http_config cfg;
  uv_loop_t loop;
  vd_mailbox mail;
  vd_pool *pool;
  vd_router *router;
  const vd_module *const *modules;
  size_t n_modules, n_started;
  void **states;
  vd_listener listeners[VD_LISTENERS_MAX];
  size_t n_listeners;
  uv_poll_t watch; /* the host's descriptor, where there is one */
  void (*watch_ready)(void *arg);
  void *watch_arg;
  uint16_t port;
  uv_thread_t thread; /* of the loop, from vd_server_run() on */
  bool running;
  vd_conn *conns;
  uint32_t n_conns;
  uint32_t n_requests;
  vd_ubuf_pool ubufs;
  vd_request *cached; /* linked by job.next */
  uint32_t n_cached;
  bool stopping;
  atomic_uint stop_calls;
  uv_async_t stop_async;
  uv_timer_t stop_timer;
  uint64_t id_prefix, id_next;
  int64_t date_s;
  char date[30];
  int reserve_fd; /* given up for a moment when descriptors run out, to refuse politely */
};

/* buffers.c */
vd_ubuf *vd_ubuf_get(vd_ubuf_pool *p); /* NULL: all in use or no memory */
void vd_ubuf_put(vd_server *srv,
                 vd_ubuf *b); /* NULL is legal; lets the next waiting connection go on */
void vd_ubuf_wait(vd_conn *c);
void vd_ubuf_unwait(vd_conn *c);
void vd_ubuf_free_idle(vd_ubuf_pool *p, uint32_t keep);

/* request.c */
vd_request *vd_request_new(vd_conn *c); /* NULL: no memory */
void vd_request_free(vd_request *rq);
void vd_request_id_make(vd_server *srv, char *out); /* VD_REQUEST_ID_BYTES + 1 */

/* parse.c: the head (by llhttp) and chunked bodies */
void vd_parse_init(vd_request *rq);
typedef enum vd_parse { VD_PARSE_MORE, VD_PARSE_DONE, VD_PARSE_REFUSED } vd_parse;
/* Reads what is in [in_pos, in_end) as part of the head. VD_PARSE_REFUSED: refuse_* say how to answer. */
vd_parse vd_parse_head(vd_request *rq);
/* Reads at most n bytes at in_pos of a chunked body; moves in_pos. Body bytes go to vd_body_take(). */
vd_parse vd_parse_chunked(vd_request *rq, size_t n);
/* Remembers how to refuse; the first one counts. */
void vd_refuse_set(vd_request *rq, int status, const char *code, const char *detail);

/* trailer.c */
bool vd_trailers_keep(vd_request *rq); /* before the first chunk; false: no memory */
void vd_trailers_done(vd_request *rq);

/* interim.c */
void vd_send_continue(vd_request *rq);
bool vd_interim_flush(
  vd_request *rq); /* loop; sends what it can unless a handler runs; false: killed */
bool vd_interim_waits(const vd_request *rq); /* loop: wait until the socket takes more */

/* head.c: the checks on a complete head that llhttp leaves to us. false: refused. */
bool vd_head_check(vd_request *rq);

/* body.c */
bool vd_body_take(vd_request *rq, const uint8_t *bytes, size_t n); /* false: refused */
void vd_body_receive(vd_request *rq);                              /* takes what is there */
bool vd_body_wants_read(
  const vd_request *rq); /* false: the worker or the buffers must catch up first */
void vd_body_clock_start(vd_request *rq);
void vd_body_clock_pause(vd_request *rq, bool pause);
uint64_t vd_body_deadline(const vd_request *rq);
bool vd_body_check_pace(vd_request *rq); /* false: too slow, refused */

/* dispatch.c: routing and handlers. These change the state only; vd_conn_run() goes on from there. */
void vd_dispatch(vd_request *rq);      /* the head is complete and checked */
void vd_dispatch_body(vd_request *rq); /* the body, or a piece of it, is there */
void vd_handler_letter(vd_work *w);    /* the letter of vd_request_complete() */

/* job.c: steps on workers, refusal, cancel */
void vd_job_push(vd_request *rq, void (*run)(vd_work *), void (*done)(vd_work *));
bool vd_job_try(vd_request *rq, void (*run)(vd_work *),
                void (*done)(vd_work *)); /* false: queue full */
bool vd_job_alive(
  vd_request *rq); /* after a job: false when the connection is dead and was looked after */
vd_request *vd_job_request(vd_work *w);
bool vd_request_waits(const vd_request *rq); /* a worker or a pending operation knows it */
void vd_job_data(vd_work *w);                /* run: piece to data() */
bool vd_cancel_start(vd_request *rq);        /* true: cancel, or a last data, was queued */
void vd_refuse(vd_request *rq, int status, const char *code, const char *detail);
void vd_refuse_go(vd_request *rq); /* goes on with a refusal as far as possible now */

/* response.c */
void vd_response_init(vd_response *rs, vd_request *rq);
void vd_response_compress(vd_response *rs); /* on a worker; if the handler and the client allow it */
void vd_response_reset(vd_response *rs); /* drops everything but the request */
const char *vd_status_text(int status);

/* respond.c */
void vd_respond(vd_request *rq);      /* makes the head of rs and goes to VD_PHASE_WRITE */
bool vd_respond_more(vd_request *rq); /* writes; true: the request is over, rq is gone */

/* conn.c */
/* refusal: a whole answer to send before closing, or NULL to serve. NULL: no memory, fd is still the caller's. */
vd_conn *vd_conn_new(vd_server *srv, int fd, const char *peer, const char *refusal);
void vd_conn_run(vd_conn *c);  /* does what can be done now, then waits for what is missing */
void vd_conn_kill(vd_conn *c); /* the socket is of no use: cancel, and free when nobody is left */
void vd_conn_bury(vd_conn *c); /* dead: frees if nobody is left */
/* recv() that keeps can_read and peer_eof; 0: nothing now, -1: the connection was killed */
ssize_t vd_conn_read(vd_conn *c, void *to, size_t n);
void vd_request_over(vd_request *rq, bool clean); /* response written (clean) or cut */
uint64_t vd_now(const vd_server *srv);
void vd_log(vd_request *rq, int status);

/* serve.c */
void vd_server_conn_gone(vd_server *srv);
const char *vd_server_date(vd_server *srv);

#endif
