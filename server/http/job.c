/* Steps on worker threads, and the two ways out of a request that do not depend on its handler: refusal
 * (the core answers) and cancel (nobody is there any more). */
#include "internal.h"

vd_request *vd_job_request(vd_work *w) {
  return (vd_request *)((char *)w - offsetof(vd_request, job));
}

static void prepare(vd_request *rq, void (*run)(vd_work *), void (*done)(vd_work *)) {
  rq->job.run = run;
  rq->job.done = done;
  rq->busy = true;
  rq->on_loop = false;
}

void vd_job_push(vd_request *rq, void (*run)(vd_work *), void (*done)(vd_work *)) {
  prepare(rq, run, done);
  vd_pool_push(rq->srv->pool, &rq->job);
}

bool vd_job_try(vd_request *rq, void (*run)(vd_work *), void (*done)(vd_work *)) {
  prepare(rq, run, done);
  if (vd_pool_try(rq->srv->pool, &rq->job))
    return true;
  rq->busy = false;
  return false;
}

bool vd_job_alive(vd_request *rq) {
  if (!rq->conn->dead)
    return true;
  vd_conn_bury(rq->conn);
  return false;
}

bool vd_request_waits(const vd_request *rq) {
  return rq->busy || (rq->pending && !rq->completed);
}

void vd_job_data(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  rq->next = rq->match.route->upload->data(rq, &rq->rs, rq->piece, rq->piece_n);
}

/* ---- cancel ---- */

/* The next bytes that were received and that data has not seen: a filled buffer, then what found none. */
static bool take_partial(vd_request *rq) {
  if (rq->fill && rq->fill->n) {
    rq->hand = rq->fill;
    rq->fill = NULL;
    rq->piece = rq->hand->bytes;
    rq->piece_n = rq->hand->n;
    return true;
  }
  size_t n = rq->body_done ? 0 : rq->in_end - rq->in_pos;
  const char *from = rq->buf + rq->in_pos, *data = from;
  if (rq->body_kind == VD_BODY_LENGTH) {
    n = n < rq->body_left ? n : (size_t)rq->body_left;
    rq->body_left -= n;
    rq->in_pos += n;
  } else {
    size_t used = 0, room = n;
    n = 0;
    if (vd_chunked_next(&rq->chunked, from, room, &used, &data, &n) != VD_CHUNKED_DATA)
      n = 0;
    rq->in_pos += used;
  }
  rq->piece = (const uint8_t *)data;
  rq->piece_n = n;
  return n > 0;
}

static void done_partial(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  vd_server *srv = rq->srv;
  vd_conn *c = rq->conn;
  vd_ubuf *used = rq->hand;
  rq->hand = NULL;
  rq->busy = false;
  if (rq->next != VD_CONTINUE)
    rq->cancel_due = false;
  if (vd_job_alive(rq)) {
    vd_refuse_go(rq);
    vd_conn_run(c);
  }
  vd_ubuf_put(srv, used); /* last: it may let a connection run, this one included */
}

static void run_cancel(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  rq->match.route->upload->cancel(rq);
}

static void done_cancel(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  vd_conn *c = rq->conn;
  rq->busy = false;
  if (!vd_job_alive(rq))
    return;
  vd_refuse_go(rq);
  vd_conn_run(c);
}

bool vd_cancel_start(vd_request *rq) {
  const vd_route *route = rq->match.route;
  if (!rq->cancel_due)
    return false;
  if ((route->flags & VD_KEEP_PARTIAL) && !rq->loop_upload && take_partial(rq)) {
    vd_job_push(rq, vd_job_data, done_partial);
    return true;
  }
  rq->cancel_due = false;
  if (!route->upload->cancel)
    return false;
  if (rq->loop_upload) {
    rq->on_loop = true;
    route->upload->cancel(rq);
    rq->on_loop = false;
    return false;
  }
  vd_job_push(rq, run_cancel, done_cancel);
  return true;
}

void vd_refuse(vd_request *rq, int status, const char *code, const char *detail) {
  vd_refuse_set(rq, status, code, detail);
  rq->phase = VD_PHASE_REFUSE;
  vd_refuse_go(rq);
}

void vd_refuse_go(vd_request *rq) {
  vd_response *rs = &rq->rs;
  char allow[256];
  if (rq->phase != VD_PHASE_REFUSE || rq->busy || vd_cancel_start(rq))
    return;
  vd_response_reset(rs);
  if (rq->refuse_status == 405) {
    vd_allow_format(rq->match.allowed, allow, sizeof allow);
    vd_add_header(rs, "Allow", allow);
  } else if (rq->refuse_status == 503) {
    vd_add_headerf(rs, "Retry-After", "%u", VD_RETRY_AFTER_S);
  }
  vd_problem(rs, rq->refuse_status, rq->refuse_code, rq->refuse_detail);
  if (!rq->head_ok)
    vd_close_after(rs);
  vd_respond(rq);
}
