/* From a checked head to a handler, and from what the handler returned to the response. */
#include <string.h>

#include "internal.h"

static void refuse_full(vd_request *rq) {
  vd_refuse(rq, 503, "overloaded", "The server has more to do than it can. Try again in a moment.");
}

/* ---- last step: simple handlers and end ---- */

static void final_result(vd_request *rq) {
  if (rq->next == VD_PENDING) {
    if (!rq->completed)
      return; /* vd_handler_letter() goes on */
  }
  vd_respond(rq);
}

static void done_final(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  vd_conn *c = rq->conn;
  rq->busy = false;
  rq->pending = rq->next == VD_PENDING;
  if (!vd_job_alive(rq))
    return;
  final_result(rq);
  vd_conn_run(c);
}

void vd_handler_letter(vd_work *w) {
  vd_request *rq = (vd_request *)((char *)w - offsetof(vd_request, completion));
  vd_conn *c = rq->conn;
  rq->completed = true;
  if (!vd_job_alive(rq) || !rq->pending)
    return; /* not pending yet: the letter overtook the handler's return, done_final() goes on */
  final_result(rq);
  vd_conn_run(c);
}

/* A handler that was just called here has answered. */
static void result_on_loop(vd_request *rq) {
  rq->on_loop = false;
  rq->pending = rq->next == VD_PENDING;
  final_result(rq);
}

static void run_simple(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  rq->next = rq->match.route->simple(rq, &rq->rs);
  if (rq->next == VD_DONE)
    vd_response_compress(&rq->rs);
}

static void start_simple(vd_request *rq) {
  rq->phase = VD_PHASE_HANDLER;
  if (rq->match.route->flags & (VD_ON_LOOP | VD_TRY_LOOP)) {
    rq->on_loop = true;
    rq->next = rq->match.route->simple(rq, &rq->rs);
    if (rq->next != VD_WORKER) {
      result_on_loop(rq);
      return;
    }
    vd_response_reset(&rq->rs);
  }
  if (!vd_job_try(rq, run_simple, done_final))
    refuse_full(rq);
}

/* ---- uploads ---- */

static void run_open(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  rq->next = rq->match.route->upload->open(rq, &rq->rs);
}

static void opened(vd_request *rq) {
  rq->cancel_due = rq->next == VD_CONTINUE;
  if (!rq->cancel_due) {
    vd_respond(rq);
  } else if (!vd_trailers_keep(rq)) {
    vd_refuse(rq, 503, "overloaded", "The server is short of memory. Try again in a moment.");
  } else {
    rq->phase = VD_PHASE_RECEIVE;
    vd_body_clock_start(rq);
    vd_send_continue(rq);
  }
}

static void done_open(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  vd_conn *c = rq->conn;
  rq->busy = false;
  rq->cancel_due = rq->next == VD_CONTINUE;
  if (!vd_job_alive(rq))
    return;
  opened(rq);
  vd_conn_run(c);
}

static bool is_short(const vd_request *rq) {
  return rq->body_kind != VD_BODY_CHUNKED && rq->body_len <= VD_LOOP_BODY_BYTES_MAX;
}

static void start_upload(vd_request *rq) {
  rq->phase = VD_PHASE_OPEN;
  if (rq->match.route->flags & VD_TRY_LOOP) {
    rq->on_loop = true;
    rq->next = rq->match.route->upload->open(rq, &rq->rs);
    rq->on_loop = false;
    if (rq->next != VD_WORKER) {
      rq->loop_upload = rq->next == VD_CONTINUE && is_short(rq);
      opened(rq);
      return;
    }
    vd_response_reset(&rq->rs);
  }
  if (!vd_job_try(rq, run_open, done_open))
    refuse_full(rq);
}

static void done_data(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  vd_server *srv = rq->srv;
  vd_conn *c = rq->conn;
  vd_ubuf *used = rq->hand;
  rq->hand = NULL;
  rq->busy = false;
  if (rq->next != VD_CONTINUE)
    rq->cancel_due = false;
  if (vd_job_alive(rq)) {
    if (rq->phase == VD_PHASE_REFUSE)
      vd_refuse_go(rq);
    else if (rq->next != VD_CONTINUE)
      vd_respond(rq);
    else
      vd_dispatch_body(rq);
    vd_conn_run(c);
  }
  vd_ubuf_put(srv, used); /* last: it may let a connection run, this one included */
}

static void run_end(vd_work *w) {
  vd_request *rq = vd_job_request(w);
  rq->next = rq->match.route->upload->end(rq, &rq->rs);
}

static void start_end(vd_request *rq) {
  rq->phase = VD_PHASE_HANDLER;
  rq->cancel_due = false;
  if (!rq->loop_upload) {
    vd_job_push(rq, run_end, done_final);
    return;
  }
  rq->on_loop = true;
  rq->next = rq->match.route->upload->end(rq, &rq->rs);
  result_on_loop(rq);
}

static void pump(vd_request *rq) {
  if (rq->busy || rq->phase != VD_PHASE_RECEIVE)
    return;
  if (rq->fill && rq->fill->n) {
    rq->hand = rq->fill;
    rq->fill = NULL;
    rq->piece = rq->hand->bytes;
    rq->piece_n = rq->hand->n;
    vd_job_push(rq, vd_job_data, done_data);
  } else if (rq->body_done) {
    start_end(rq);
  }
}

void vd_dispatch_body(vd_request *rq) {
  if (rq->match.route->upload)
    pump(rq);
  else if (rq->body_done)
    start_simple(rq);
}

/* ---- routing ---- */

static void answer_options(vd_request *rq, int status, uint32_t allowed) {
  char allow[256];
  vd_allow_format(allowed, allow, sizeof allow);
  vd_add_header(&rq->rs, "Allow", allow);
  if (status == 204)
    vd_send_none(&rq->rs, status);
  else
    vd_send_bytes(&rq->rs, NULL, "", 0);
  vd_respond(rq);
}

static void start_route(vd_request *rq) {
  const vd_route *route = rq->match.route;
  if (route->upload) {
    start_upload(rq);
    return;
  }
  uint32_t max = route->body_max_bytes ? route->body_max_bytes : VD_BODY_BYTES_DEFAULT;
  if (rq->body_kind == VD_BODY_LENGTH && rq->body_len > max) {
    vd_refuse(rq, 413, "body_too_large", "The body is larger than this resource takes.");
  } else if (rq->body_done) {
    start_simple(rq);
  } else {
    rq->phase = VD_PHASE_BUFFER;
    vd_body_clock_start(rq);
    vd_send_continue(rq);
  }
}

static vd_route_result find(vd_request *rq, vd_method method) {
  const vd_target *t = &rq->target;
  char *scratch = rq->decoded + t->path_len + 1 + (t->query_len + 1) * 2;
  return vd_router_find(rq->srv->router, method, t->path, t->path_len, scratch, &rq->match);
}

/* GET, HEAD and OPTIONS stay out: what a cache or a framing relies on is the method of the request line. */
static bool find_override(vd_request *rq) {
  static const vd_method taken[] = {VD_PUT, VD_PATCH, VD_DELETE};
  const char *value = rq->method == VD_POST ? vd_header(rq, "X-HTTP-Method-Override") : NULL;
  for (size_t i = 0; value && i < sizeof taken / sizeof taken[0]; i++) {
    if (strcmp(value, vd_method_name(taken[i])) != 0)
      continue;
    if (find(rq, taken[i]) != VD_ROUTE_FOUND || !(rq->match.route->flags & VD_OVERRIDE))
      return false;
    rq->method = taken[i];
    rq->method_name = vd_method_name(taken[i]);
    return true;
  }
  return false;
}

void vd_dispatch(vd_request *rq) {
  if (rq->target.asterisk) {
    answer_options(rq, 200, vd_router_methods(rq->srv->router));
    return;
  }
  if (find_override(rq)) {
    start_route(rq);
    return;
  }
  switch (find(rq, rq->method)) {
  case VD_ROUTE_FOUND: start_route(rq); break;
  case VD_ROUTE_NOT_ALLOWED:
    if (rq->method == VD_OPTIONS)
      answer_options(rq, 204, rq->match.allowed);
    else
      vd_refuse(rq, 405, "method_not_allowed",
                "This resource does not have the request method; see Allow.");
    break;
  case VD_ROUTE_BAD_PATH:
    vd_refuse(rq, 400, "bad_encoding", "The path has a bad percent-encoding or an encoded NUL.");
    break;
  case VD_ROUTE_NOT_FOUND:
  default: vd_refuse(rq, 404, "not_found", "There is nothing at this path."); break;
  }
}
