/* Receiving a body: into memory for simple handlers, into two buffers in turn for uploads. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static bool is_upload(const vd_request *rq) {
  return rq->match.route->upload != NULL;
}

static uint32_t body_max(const vd_request *rq) {
  return rq->match.route->body_max_bytes ? rq->match.route->body_max_bytes : VD_BODY_BYTES_DEFAULT;
}

/* ---- pace ---- */

void vd_body_clock_start(vd_request *rq) {
  rq->rate_mark_ms = rq->last_byte_ms = vd_now(rq->srv);
  rq->rate_bytes = 0;
}

void vd_body_clock_pause(vd_request *rq, bool pause) {
  uint64_t now = vd_now(rq->srv);
  if (pause && !rq->paused)
    rq->paused_at_ms = now;
  if (!pause && rq->paused) { /* time in which we did not read is not the client's */
    rq->rate_mark_ms += now - rq->paused_at_ms;
    rq->last_byte_ms = now;
  }
  rq->paused = pause;
}

uint64_t vd_body_deadline(const vd_request *rq) {
  const vd_http_config *cfg = &rq->srv->cfg;
  uint64_t idle = rq->last_byte_ms + cfg->body_idle_timeout_ms;
  uint64_t window = rq->rate_mark_ms + cfg->body_rate_window_ms;
  return cfg->body_rate_min_bytes_per_s && window < idle ? window : idle;
}

bool vd_body_check_pace(vd_request *rq) {
  const vd_http_config *cfg = &rq->srv->cfg;
  uint64_t now = vd_now(rq->srv);
  if (now >= rq->last_byte_ms + cfg->body_idle_timeout_ms) {
    vd_refuse(rq, 408, "body_timeout", "No more of the body arrived in time.");
    return false;
  }
  if (!cfg->body_rate_min_bytes_per_s || now < rq->rate_mark_ms + cfg->body_rate_window_ms)
    return true;
  if (rq->rate_bytes < (uint64_t)cfg->body_rate_min_bytes_per_s * cfg->body_rate_window_ms / 1000) {
    vd_refuse(rq, 408, "body_too_slow", "The body arrives too slowly.");
    return false;
  }
  rq->rate_mark_ms = now;
  rq->rate_bytes = 0;
  return true;
}

/* ---- sinks ---- */

static bool grow(vd_request *rq, size_t need) {
  if (need <= rq->body_room)
    return true;
  size_t room = rq->body_room ? rq->body_room * 2 : 4096;
  if (rq->body_kind == VD_BODY_LENGTH || room < need)
    room = rq->body_kind == VD_BODY_LENGTH ? (size_t)rq->body_len : need;
  uint8_t *p = realloc(rq->body, room);
  if (!p) {
    vd_refuse_set(rq, 503, "overloaded", "The server is short of memory. Try again in a moment.");
    return false;
  }
  rq->body = p;
  rq->body_room = room;
  return true;
}

/* Bytes that are received into the input buffer first: framing is in between, or data takes them from there. */
static bool by_input_buffer(const vd_request *rq) {
  return rq->body_kind == VD_BODY_CHUNKED || rq->loop_upload;
}

/* Where the next bytes go and how many fit; 0: none now. For a chunked body of a simple handler the bound
 * is checked when the bytes are taken. */
static size_t sink(vd_request *rq, uint8_t **to) {
  if (rq->loop_upload)
    return (size_t)rq->body_left;
  if (!is_upload(rq)) {
    if (rq->body_kind == VD_BODY_CHUNKED)
      return VD_INPUT_BUFFER_BYTES;
    if (!grow(rq, (size_t)rq->body_len))
      return 0;
    *to = rq->body + rq->body_n;
    return (size_t)rq->body_left;
  }
  if (!rq->fill)
    rq->fill = vd_ubuf_get(&rq->srv->ubufs);
  if (!rq->fill) {
    if (rq->srv->ubufs.in_use < rq->srv->ubufs.max)
      vd_refuse_set(rq, 503, "overloaded", "The server is short of memory. Try again in a moment.");
    else
      vd_ubuf_wait(rq->conn);
    return 0;
  }
  *to = rq->fill->bytes + rq->fill->n;
  size_t room = VD_UPLOAD_BUFFER_BYTES - rq->fill->n;
  return rq->body_kind == VD_BODY_LENGTH && rq->body_left < room ? (size_t)rq->body_left : room;
}

/* Small uploads on the loop: no copy on the way. */
static bool take_on_loop(vd_request *rq, const uint8_t *bytes, size_t n) {
  rq->on_loop = true;
  rq->next = rq->match.route->upload->data(rq, &rq->rs, bytes, n);
  rq->on_loop = false;
  if (rq->next == VD_CONTINUE)
    return true;
  rq->cancel_due = false;
  vd_respond(rq);
  return false;
}

bool vd_body_take(vd_request *rq, const uint8_t *bytes, size_t n) {
  uint8_t *to;
  rq->rate_bytes += n;
  if (rq->loop_upload)
    return take_on_loop(rq, bytes, n);
  if (is_upload(rq)) { /* sink() left room for n */
    to = rq->fill->bytes + rq->fill->n;
    rq->fill->n += n;
  } else {
    if (rq->body_n + n > body_max(rq)) {
      vd_refuse_set(rq, 413, "body_too_large", "The body is larger than this resource takes.");
      return false;
    }
    if (!grow(rq, rq->body_n + n))
      return false;
    to = rq->body + rq->body_n;
    rq->body_n += n;
  }
  if (to != bytes) /* a read straight into the sink has them there already */
    memcpy(to, bytes, n);
  return true;
}

static void counted(vd_request *rq, const uint8_t *bytes, size_t n) {
  rq->body_left -= n;
  rq->body_done = rq->body_left == 0;
  (void)vd_body_take(rq, bytes, n);
}

static void use_buffered(vd_request *rq, size_t room) {
  size_t n = rq->in_end - rq->in_pos;
  if (n > room)
    n = room;
  if (rq->body_kind == VD_BODY_CHUNKED) {
    (void)vd_parse_chunked(rq, n);
    return;
  }
  const uint8_t *from = (const uint8_t *)rq->buf + rq->in_pos;
  rq->in_pos += n;
  counted(rq, from, n);
}

/* false: nothing came. */
static bool read_more(vd_request *rq, uint8_t *to, size_t room) {
  ssize_t n;
  if (by_input_buffer(rq)) {
    rq->in_pos = rq->in_end = rq->head_end;
    n = vd_conn_read(rq->conn, rq->buf + rq->in_end, VD_INPUT_BUFFER_BYTES - rq->in_end);
    if (n > 0)
      rq->in_end += (size_t)n;
  } else {
    n = vd_conn_read(rq->conn, to, room);
    if (n > 0)
      counted(rq, to, (size_t)n);
  }
  if (n > 0)
    rq->last_byte_ms = vd_now(rq->srv);
  return n > 0;
}

static void settle(vd_request *rq) {
  if (rq->conn->dead || (rq->phase != VD_PHASE_BUFFER && rq->phase != VD_PHASE_RECEIVE))
    return;
  if (rq->refuse_status) {
    vd_refuse(rq, rq->refuse_status, rq->refuse_code, rq->refuse_detail);
    return;
  }
  if (rq->fill && !rq->fill->n) { /* an upload that has nothing to say holds no buffer */
    vd_ubuf *b = rq->fill;
    rq->fill = NULL;
    vd_ubuf_put(rq->srv, b);
  }
}

/* Nothing refused it, nothing else took it over, and there is someone to answer. */
static bool going(const vd_request *rq, vd_phase phase) {
  return !rq->refuse_status && rq->phase == phase && !rq->conn->dead;
}

void vd_body_receive(vd_request *rq) {
  vd_conn *c = rq->conn;
  vd_phase phase = rq->phase;
  unsigned reads = 0;
  while (!rq->body_done && going(rq, phase)) {
    uint8_t *to = NULL;
    size_t room = sink(rq, &to);
    if (!room)
      break;
    if (rq->in_pos < rq->in_end) {
      use_buffered(rq, room);
    } else if (c->peer_eof) {
      vd_refuse_set(rq, 400, "body_incomplete",
                    "The connection ended before the body was complete.");
    } else if ((reads++ == VD_READ_ROUNDS_MAX && !c->lost) || !c->can_read ||
               !read_more(rq, to, room)) {
      if (!c->peer_eof)
        break;
    }
    if (!rq->refuse_status && !c->dead)
      vd_dispatch_body(rq);
  }
  if (rq->body_done && going(rq, phase))
    vd_dispatch_body(rq);
  settle(rq);
}

bool vd_body_wants_read(const vd_request *rq) {
  return !rq->body_done && !rq->conn->waiting_buffer &&
         !(rq->fill && rq->fill->n == VD_UPLOAD_BUFFER_BYTES);
}
