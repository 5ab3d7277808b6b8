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
  if (!rq->cancel_due)
    return false;
  rq->cancel_due = false;
  if (!rq->match.route->upload->cancel)
    return false;
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
