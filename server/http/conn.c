/* One connection. vd_conn_run() is the whole state machine: it does what can be done without waiting, one
 * phase after the other, then arms the poll handle and the timer for what is missing. Every event (socket,
 * timer, worker, free upload buffer) changes some state and calls it.
 *
 *   idle -> HEAD -> BUFFER -----------> HANDLER -> WRITE -> idle
 *                -> OPEN -> RECEIVE --> HANDLER -> WRITE -> drain -> closed
 *           any receiving phase -> REFUSE (worker returns, cancel runs) -> WRITE
 *           any phase -> dead (socket lost, stop) -> freed when no worker knows the request */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

#define DRAIN_STEP_BYTES 16384u
#define DRAIN_ROUNDS_MAX 16u /* then the others get a turn */

uint64_t vd_now(const vd_server *srv) {
  return uv_now(&srv->loop);
}

void vd_log(vd_request *rq, int status) {
  const vd_server *srv = rq->srv;
  if (rq->logged || !srv->cfg.log || (!rq->refuse_status && !rq->head_ok))
    return;
  rq->logged = true;
  srv->cfg.log(srv->cfg.log_arg, &(vd_log_record){
                                   .request_id = rq->id,
                                   .method = rq->method_name,
                                   .path = rq->path_text,
                                   .peer = rq->conn->peer,
                                   .status = status,
                                   .bytes = rq->body_sent,
                                   .ms = vd_now(srv) - rq->start_ms,
                                 });
}

/* ---- death ---- */

static void closed(uv_handle_t *h) {
  vd_conn *c = h->data;
  if (--c->open_handles)
    return;
  vd_server *srv = c->srv;
  free(c);
  vd_server_conn_gone(srv);
}

void vd_conn_bury(vd_conn *c) {
  vd_request *rq = c->rq;
  if (c->running || c->fd < 0)
    return;
  if (rq) {
    if (vd_request_waits(rq) || vd_cancel_start(rq))
      return;
    vd_log(rq, 0);
    c->rq = NULL;
    vd_request_free(rq);
  }
  if (c->prev)
    c->prev->next = c->next;
  else
    c->srv->conns = c->next;
  if (c->next)
    c->next->prev = c->prev;
  uv_close((uv_handle_t *)&c->poll, closed);
  uv_close((uv_handle_t *)&c->timer, closed);
  uv_close((uv_handle_t *)&c->again, closed);
  (void)close(c->fd);
  c->fd = -1;
}

void vd_conn_kill(vd_conn *c) {
  if (c->dead)
    return;
  c->dead = true;
  vd_ubuf_unwait(c);
  (void)uv_poll_stop(&c->poll);
  (void)uv_timer_stop(&c->timer);
  (void)uv_idle_stop(&c->again);
  (void)shutdown(c->fd, SHUT_RDWR); /* the descriptor itself stays until no worker can use it */
  if (c->rq)
    atomic_store(&c->rq->gone, true);
  vd_conn_bury(c);
}

/* ---- reading ---- */

ssize_t vd_conn_read(vd_conn *c, void *to, size_t n) {
  ssize_t got;
  do
    got = recv(c->fd, to, n, MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  if (got < 0 && (c->lost || (errno != EAGAIN && errno != EWOULDBLOCK))) {
    vd_conn_kill(c);
    return -1;
  }
  if (got == 0)
    c->peer_eof = true;
  if (got < (ssize_t)n && !c->lost)
    c->can_read = false;
  return got > 0 ? got : 0;
}

/* Reads behind what the request has; false: nothing came. */
static bool read_ahead(vd_request *rq) {
  vd_conn *c = rq->conn;
  size_t room = VD_INPUT_BUFFER_BYTES - rq->in_end;
  if (!c->can_read || c->peer_eof || !room)
    return false;
  ssize_t n = vd_conn_read(c, rq->buf + rq->in_end, room);
  if (n <= 0)
    return false;
  rq->in_end += (size_t)n;
  return true;
}

static bool first_bytes(vd_conn *c) {
  if (c->peer_eof) {
    vd_conn_kill(c);
    return false;
  }
  if (!c->can_read)
    return false;
  c->rq = vd_request_new(c);
  if (!c->rq) {
    vd_conn_kill(c);
    return false;
  }
  if (read_ahead(c->rq))
    return true;
  vd_request_free(c->rq); /* nothing but a spurious event, or the end */
  c->rq = NULL;
  return c->peer_eof && !c->dead;
}

static bool receive_head(vd_request *rq) {
  vd_conn *c = rq->conn;
  for (;;) {
    vd_parse r = rq->in_pos < rq->in_end || !rq->started ? vd_parse_head(rq) : VD_PARSE_MORE;
    if (r == VD_PARSE_DONE && vd_head_check(rq)) {
      c->served = true;
      vd_dispatch(rq);
      return true;
    }
    if (r != VD_PARSE_MORE) {
      vd_refuse(rq, rq->refuse_status, rq->refuse_code, rq->refuse_detail);
      return true;
    }
    if (read_ahead(rq))
      continue;
    if (c->peer_eof)
      vd_conn_kill(c);
    return false;
  }
}

static void drain(vd_conn *c) {
  char sink[DRAIN_STEP_BYTES];
  for (unsigned i = 0;
       i < DRAIN_ROUNDS_MAX && c->can_read && !c->dead && !c->peer_eof && c->drain_left; i++) {
    size_t n = c->drain_left < sizeof sink ? (size_t)c->drain_left : sizeof sink;
    ssize_t got = vd_conn_read(c, sink, n);
    if (got <= 0)
      break;
    c->drain_left -= (uint64_t)got;
  }
  if (c->peer_eof || !c->drain_left)
    vd_conn_kill(c);
}

/* Closing at once would reset the connection under an answer that is still on its way. */
static void start_drain(vd_conn *c) {
  c->draining = true;
  c->drain_left = c->srv->cfg.drain_bytes_max;
  c->drain_until_ms = vd_now(c->srv) + c->srv->cfg.drain_timeout_ms;
  (void)shutdown(c->fd, SHUT_WR);
}

/* ---- the end of a request ---- */

void vd_request_over(vd_request *rq, bool clean) {
  vd_conn *c = rq->conn;
  vd_server *srv = c->srv;
  bool keep = clean && rq->keep_alive && !srv->stopping;
  size_t left = rq->in_end - rq->in_pos;
  vd_log(rq, rq->rs.status);
  vd_ubuf_unwait(c);
  c->rq = NULL;
  c->idle_since_ms = vd_now(srv);
  if (keep && left) {
    vd_request *next = vd_request_new(c);
    if (next) {
      memcpy(next->buf, rq->buf + rq->in_pos, left);
      next->in_end = left;
      c->rq = next;
    } else {
      keep = false;
    }
  }
  if (!keep)
    start_drain(c);
  vd_request_free(rq);
}

/* ---- waiting ---- */

static bool wants_read(const vd_conn *c) {
  const vd_request *rq = c->rq;
  if (c->peer_eof || c->lost)
    return false;
  if (!rq || rq->phase == VD_PHASE_HEAD)
    return true;
  if (rq->phase == VD_PHASE_BUFFER || rq->phase == VD_PHASE_RECEIVE)
    return vd_body_wants_read(rq);
  /* reading ahead also tells when the client goes away */
  return rq->body_done && rq->in_end < VD_INPUT_BUFFER_BYTES;
}

static uint64_t deadline(const vd_conn *c) {
  const vd_http_config *cfg = &c->srv->cfg;
  const vd_request *rq = c->rq;
  if (c->draining)
    return c->drain_until_ms;
  if (!rq) /* who connects and says nothing gets no more time than who begins a head */
    return c->idle_since_ms + (c->served ? cfg->keepalive_timeout_ms : cfg->header_timeout_ms);
  switch (rq->phase) {
  case VD_PHASE_HEAD: return rq->start_ms + cfg->header_timeout_ms;
  case VD_PHASE_BUFFER:
  case VD_PHASE_RECEIVE: return rq->paused ? 0 : vd_body_deadline(rq);
  case VD_PHASE_WRITE: return rq->blocked ? rq->last_write_ms + cfg->write_stall_timeout_ms : 0;
  case VD_PHASE_OPEN:
  case VD_PHASE_HANDLER:
  case VD_PHASE_REFUSE:
  default: return 0;
  }
}

static uint32_t unsent_bytes(const vd_conn *c) {
  int n = 0;
  return ioctl(c->fd, SIOCOUTQ, &n) == 0 && n > 0 ? (uint32_t)n : 0;
}

/* The kernel buffers megabytes and says "writable" only when a good part of them is gone, so a slow reader is
 * told from one that has stopped by what the kernel still holds. */
static bool reader_moves(vd_request *rq) {
  uint32_t unsent = unsent_bytes(rq->conn);
  if (unsent >= rq->unsent)
    return false;
  rq->unsent = unsent;
  rq->last_write_ms = vd_now(rq->srv);
  return true;
}

/* Reset by the client: what came before it is still to be had, and where it counts it is read, up to the error. */
static bool rest_counts(const vd_conn *c) {
  const vd_request *rq = c->rq;
  return rq && rq->phase == VD_PHASE_RECEIVE && rq->match.route->upload &&
         (rq->match.route->flags & VD_KEEP_PARTIAL);
}

static void on_poll(uv_poll_t *h, int status, int events) {
  vd_conn *c = h->data;
  if (status < 0) {
    if (!rest_counts(c)) {
      vd_conn_kill(c);
      return;
    }
    c->events = 0;
    c->lost = c->can_read = true;
  }
  if (events & UV_READABLE)
    c->can_read = true;
  if ((events & UV_WRITABLE) && c->rq)
    c->rq->blocked = false;
  vd_conn_run(c);
}

static void on_timer(uv_timer_t *h) {
  vd_conn *c = h->data;
  vd_request *rq = c->rq;
  uint64_t at = deadline(c);
  c->timer_ms = 0;
  if (at && vd_now(c->srv) >= at) {
    if (rq && rq->phase == VD_PHASE_WRITE && reader_moves(rq)) {
      vd_conn_run(c);
      return;
    }
    bool silent =
      rq && rq->phase == VD_PHASE_HEAD && !rq->started; /* an empty line, then nothing */
    if (!rq || silent || c->draining || rq->phase == VD_PHASE_WRITE) {
      vd_conn_kill(c);
      return;
    }
    if (rq->phase == VD_PHASE_HEAD)
      vd_refuse(rq, 408, "header_timeout", "The request head did not arrive in time.");
    else
      (void)vd_body_check_pace(rq);
  }
  vd_conn_run(c);
}

static bool wants_write(vd_request *rq) {
  if (rq && rq->phase == VD_PHASE_WRITE && rq->blocked) {
    rq->unsent = unsent_bytes(rq->conn);
    return true;
  }
  return rq && vd_interim_waits(rq);
}

static void wait_for(vd_conn *c) {
  vd_request *rq = c->rq;
  bool reading = wants_read(c);
  if (rq && (rq->phase == VD_PHASE_BUFFER || rq->phase == VD_PHASE_RECEIVE))
    vd_body_clock_pause(rq, !reading);
  uint8_t events = (reading ? UV_READABLE : 0) | (wants_write(rq) ? UV_WRITABLE : 0);
  if (events != c->events) {
    c->events = events;
    int rc = events ? uv_poll_start(&c->poll, events, on_poll) : uv_poll_stop(&c->poll);
    if (rc) {
      vd_conn_kill(c);
      return;
    }
  }
  uint64_t at = deadline(c), now = vd_now(c->srv);
  if (at && (!c->timer_ms || at < c->timer_ms)) {
    c->timer_ms = at;
    (void)uv_timer_start(&c->timer, on_timer, at > now ? at - now : 0, 0);
  }
}

/* true: something changed, look again. */
static bool step(vd_conn *c) {
  vd_request *rq = c->rq;
  if (c->draining) {
    drain(c);
    return false;
  }
  if (!rq)
    return first_bytes(c);
  vd_phase before = rq->phase;
  if (!vd_interim_flush(rq))
    return false;
  switch (rq->phase) {
  case VD_PHASE_HEAD: return receive_head(rq);
  case VD_PHASE_BUFFER:
  case VD_PHASE_RECEIVE:
    vd_body_clock_pause(rq, false);
    if (vd_body_check_pace(rq))
      vd_body_receive(rq);
    return rq->phase != before;
  case VD_PHASE_WRITE:
    if (rq->body_done)
      (void)read_ahead(rq);
    return !c->dead && vd_respond_more(rq);
  case VD_PHASE_OPEN:
  case VD_PHASE_HANDLER:
  case VD_PHASE_REFUSE:
  default:
    if (rq->body_done)
      (void)read_ahead(rq);
    return false;
  }
}

/* The next round of the loop, so after all other connections. A timer of 0 ms would not do: libuv runs those
 * again and again before it looks at a socket. */
static void on_again(uv_idle_t *h) {
  (void)uv_idle_stop(h);
  vd_conn_run(h->data);
}

void vd_conn_run(vd_conn *c) {
  if (c->running || c->dead)
    return;
  c->running = true;
  unsigned steps = 0;
  while (!c->dead && steps < VD_STEPS_MAX && step(c))
    steps++;
  c->running = false;
  if (!c->dead)
    wait_for(c);
  if (!c->dead && steps == VD_STEPS_MAX)
    (void)uv_idle_start(&c->again, on_again);
  if (c->dead)
    vd_conn_bury(c);
}

vd_conn *vd_conn_new(vd_server *srv, int fd, const char *peer, const char *refusal) {
  vd_conn *c = calloc(1, sizeof *c);
  if (!c)
    return NULL;
  if (uv_poll_init(&srv->loop, &c->poll, fd)) {
    free(c);
    return NULL;
  }
  (void)uv_timer_init(&srv->loop, &c->timer); /* cannot fail */
  (void)uv_idle_init(&srv->loop, &c->again);
  c->poll.data = c->timer.data = c->again.data = c;
  c->open_handles = 3;
  c->srv = srv;
  c->fd = fd;
  c->idle_since_ms = vd_now(srv);
  memcpy(c->peer, peer, VD_PEER_SIZE);
  c->next = srv->conns;
  if (c->next)
    c->next->prev = c;
  srv->conns = c;
  srv->n_conns++;
  c->can_read = true; /* the request often comes with the connection */
  if (refusal) {
    (void)send(fd, refusal, strlen(refusal), MSG_NOSIGNAL | MSG_DONTWAIT);
    start_drain(c);
  }
  vd_conn_run(c);
  return c;
}
