/* Writing a response. The head and bytes in memory are written on the loop. A file goes out by sendfile()
 * on a worker, because a file that is not in the page cache makes sendfile() wait for the disk; one step is
 * at most VD_SENDFILE_STEP_BYTES, and the socket does not block, so a slow client holds no worker: the step
 * comes back and the loop waits until the socket is writable again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "cors.h"
#include "internal.h"

#define HEAD_ROOM 512u /* status line and the fields of the core */

/* ---- the head ---- */

static bool has_length(int status) {
  return status >= 200 && status != 204 && status != 304;
}

static void end_keep_alive(vd_request *rq) {
  /* what is left of the body would be taken for the next request */
  if (rq->rs.close_after || rq->srv->stopping || !rq->body_done || !rq->head_ok)
    rq->keep_alive = false;
}

static void fall_back_to_500(vd_request *rq) {
  vd_response *rs = &rq->rs;
  bool close_after = rs->close_after;
  vd_response_reset(rs);
  vd_problem(rs, 500, "internal", "The answer could not be made.");
  rs->close_after = close_after;
}

static bool is_chunked(const vd_request *rq) {
  return rq->rs.source == VD_SOURCE_PULL && rq->rs.len == VD_LENGTH_UNKNOWN && rq->http_1_1;
}

static void format_length(const vd_request *rq, char *out, size_t out_size) {
  const vd_response *rs = &rq->rs;
  out[0] = 0;
  if (!has_length(rs->status))
    return;
  if (is_chunked(rq))
    (void)snprintf(out, out_size, "Transfer-Encoding: chunked\r\n");
  else if (rs->source != VD_SOURCE_PULL || rs->len != VD_LENGTH_UNKNOWN)
    (void)snprintf(out, out_size, "Content-Length: %llu\r\n", (unsigned long long)rs->len);
}

static bool make_head(vd_request *rq) {
  vd_response *rs = &rq->rs;
  char length[64];
  bool typed = rs->content_type[0] && !rs->has_content_type;
  size_t room = HEAD_ROOM + sizeof rs->content_type + rs->fields_n;
  free(rq->out);
  rq->out = malloc(room);
  if (!rq->out)
    return false;
  format_length(rq, length, sizeof length);
  const char *connection = !rq->keep_alive ? "Connection: close\r\n"
                           : rq->http_1_1  ? ""
                                           : "Connection: keep-alive\r\n";
  int n =
    snprintf(rq->out, room,
             "HTTP/1.1 %d %s\r\nDate: %s\r\nX-Request-Id: %s\r\nX-Content-Type-Options: nosniff\r\n"
             "%s%s%s%s%s%s%.*s\r\n",
             rs->status, vd_status_text(rs->status), vd_server_date(rq->srv), rq->id,
             rs->has_cache_control ? "" : "Cache-Control: no-store\r\n", length, connection,
             typed ? "Content-Type: " : "", typed ? rs->content_type : "", typed ? "\r\n" : "",
             (int)rs->fields_n, rs->fields ? rs->fields : "");
  rq->out_n = (size_t)n;
  return n > 0 && (size_t)n < room;
}

void vd_respond(vd_request *rq) {
  vd_response *rs = &rq->rs;
  if (rs->failed || rs->status < 200 || rs->status > 599)
    fall_back_to_500(rq);
  vd_cors_apply(rq);
  end_keep_alive(rq);
  if (rs->source == VD_SOURCE_PULL && rs->len == VD_LENGTH_UNKNOWN && !rq->http_1_1)
    rq->keep_alive = false; /* the end of the connection is the end of the body */
  rq->phase = VD_PHASE_WRITE;
  rq->last_write_ms = vd_now(rq->srv);
  rq->iov_at = rq->iov_n = 0;
  if (!make_head(rq)) {
    vd_conn_kill(rq->conn);
    return;
  }
  if (rq->interim_n)
    rq->iov[rq->iov_n++] =
      (struct iovec){rq->interim + rq->interim_at, rq->interim_n - rq->interim_at};
  rq->interim_at = rq->interim_n = 0; /* the memory stays until the request is over */
  rq->iov[rq->iov_n++] = (struct iovec){rq->out, rq->out_n};
  if (rq->method == VD_HEAD || !has_length(rs->status))
    rs->len = 0;
  rq->body_to_send = rs->len;
  if (rs->source == VD_SOURCE_BYTES && rs->len)
    rq->iov[rq->iov_n++] = (struct iovec){rs->bytes, (size_t)rs->len};
}

/* ---- writing ---- */

static void advance(vd_request *rq, size_t n) {
  while (rq->iov_at < rq->iov_n) {
    struct iovec *v = &rq->iov[rq->iov_at];
    if (n < v->iov_len) {
      v->iov_base = (char *)v->iov_base + n;
      v->iov_len -= n;
      return;
    }
    n -= v->iov_len;
    rq->iov_at++;
  }
}

/* true when everything in iov is out. */
static bool flush(vd_request *rq, bool more) {
  while (rq->iov_at < rq->iov_n) {
    struct msghdr m = {.msg_iov = rq->iov + rq->iov_at,
                       .msg_iovlen = (size_t)(rq->iov_n - rq->iov_at)};
    ssize_t n = sendmsg(rq->conn->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK)
        rq->blocked = true;
      else
        vd_conn_kill(rq->conn);
      return false;
    }
    rq->last_write_ms = vd_now(rq->srv);
    advance(rq, (size_t)n);
  }
  return true;
}

static void run_sendfile(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  vd_response *rs = &rq->rs;
  uint64_t left = rq->body_to_send - rq->body_sent, sent = 0;
  uint64_t step = left < VD_SENDFILE_STEP_BYTES ? left : VD_SENDFILE_STEP_BYTES;
  rq->step_blocked = false;
  while (sent < step) {
    off_t at = (off_t)(rs->offset + rq->body_sent + sent);
    ssize_t n = sendfile(rq->conn->fd, rs->fd, &at, (size_t)(step - sent));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      rq->step_blocked = true;
      break;
    }
    if (n <= 0) { /* 0: the file is shorter than promised */
      rq->step_result = -1;
      return;
    }
    sent += (uint64_t)n;
  }
  rq->step_result = (int64_t)sent;
}

static void done_sendfile(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  vd_conn *c = rq->conn;
  rq->busy = false;
  if (!vd_job_alive(rq))
    return;
  if (rq->step_result < 0) {
    vd_conn_kill(c);
    return;
  }
  rq->body_sent += (uint64_t)rq->step_result;
  if (rq->step_result > 0)
    rq->last_write_ms = vd_now(rq->srv);
  rq->blocked = rq->step_blocked;
  vd_conn_run(c);
}

/* ---- generated bodies ---- */

#define CHUNK_HEAD 16u /* "10000\r\n" before the bytes, "\r\n" behind */

static void run_pull(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  size_t cap = VD_PULL_BUFFER_BYTES;
  if (rq->rs.len != VD_LENGTH_UNKNOWN && rq->body_to_send - rq->body_sent < cap)
    cap = (size_t)(rq->body_to_send - rq->body_sent);
  rq->step_result = rq->rs.pull(rq->rs.arg, rq->pull_buf + CHUNK_HEAD, cap);
  if (rq->step_result > (int64_t)cap)
    rq->step_result = -1;
}

static void done_pull(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  vd_conn *c = rq->conn;
  int64_t n = rq->step_result;
  bool known = rq->rs.len != VD_LENGTH_UNKNOWN;
  rq->busy = false;
  if (!vd_job_alive(rq))
    return;
  if (n < 0 || (n == 0 && known)) {
    vd_conn_kill(c);
    return;
  }
  rq->iov_at = rq->iov_n = 0;
  rq->last_chunk_sent = n == 0;
  if (is_chunked(rq)) {
    static char crlf[] = "\r\n";
    char *head = (char *)rq->pull_buf;
    int k = snprintf(head, CHUNK_HEAD, "%llx\r\n", (unsigned long long)n);
    rq->iov[rq->iov_n++] = (struct iovec){head, (size_t)k};
    if (n)
      rq->iov[rq->iov_n++] = (struct iovec){rq->pull_buf + CHUNK_HEAD, (size_t)n};
    rq->iov[rq->iov_n++] = (struct iovec){crlf, 2};
  } else if (n) {
    rq->iov[rq->iov_n++] = (struct iovec){rq->pull_buf + CHUNK_HEAD, (size_t)n};
  }
  rq->body_sent += (uint64_t)n;
  rq->last_write_ms = vd_now(rq->srv);
  vd_conn_run(c);
}

static void pull_next(vd_request *rq) {
  if (!rq->pull_buf)
    rq->pull_buf = malloc(CHUNK_HEAD + VD_PULL_BUFFER_BYTES);
  if (!rq->pull_buf)
    vd_conn_kill(rq->conn);
  else
    vd_job_push(rq, run_pull, done_pull);
}

bool vd_respond_more(vd_request *rq) {
  vd_response *rs = &rq->rs;
  bool file = rs->source == VD_SOURCE_FILE, pull = rs->source == VD_SOURCE_PULL;
  if (rq->busy || rq->blocked || !flush(rq, file && rq->body_to_send > rq->body_sent))
    return false;
  bool more = file   ? rq->body_sent < rq->body_to_send
              : pull ? rq->body_to_send == VD_LENGTH_UNKNOWN ? !rq->last_chunk_sent
                                                             : rq->body_sent < rq->body_to_send
                     : false;
  if (more && file)
    vd_job_push(rq, run_sendfile, done_sendfile);
  else if (more)
    pull_next(rq);
  if (more)
    return false;
  if (!file && !pull)
    rq->body_sent = rq->body_to_send;
  vd_request_over(rq, true);
  return true;
}
