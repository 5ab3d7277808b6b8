#include "members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modules/common/item.h"
#include "modules/common/json.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"

bool vd_members_init(vd_members *m, vd_request *rq, vd_response *rs,
                     void (*release)(vd_members *m)) {
  vault_str key;
  char detail[120];

  if (!vd_op_key(rq, rs, &key))
    return false;
  if (key.n > VD_MEMBER_KEY_MAX) {
    (void)snprintf(detail, sizeof detail,
                   "Idempotency-Key has at most %u characters here: each file's key is made of it.",
                   VD_MEMBER_KEY_MAX);
    (void)vd_bad_request(rs, "bad_idempotency_key", detail);
    return false;
  }
  if (key.n > 0)
    memcpy(m->key, key.p, (size_t)key.n);
  m->rq = rq;
  m->app = vd_request_app(rq);
  memcpy(m->request_id, vd_request_id(rq), sizeof m->request_id);
  m->release = release;
  atomic_init(&m->pending, 1);
  atomic_init(&m->holds, 1);
  return true;
}

void vd_members_release(void *data) {
  vd_members *m = data;
  if (atomic_fetch_sub(&m->holds, 1) > 1)
    return;
  for (uint32_t i = 0; i < m->n; i++) {
    json_decref(m->rows[i]->result);
    free(m->rows[i]);
  }
  m->release(m);
}

vd_member *vd_members_add(vd_members *m, const char *name) {
  vd_member *w = m->n < VD_MEMBERS_MAX ? calloc(1, sizeof *w) : NULL;
  if (w == NULL)
    return NULL;
  w->all = m;
  w->result = json_pack("{s:i, s:s, s:n, s:n, s:n}", "index", (int)m->n, "name", name, "status",
                        "item", "problem");
  if (w->result == NULL) {
    free(w);
    return NULL;
  }
  m->rows[m->n++] = w;
  return w;
}

vault_str vd_members_key(const vd_members *m, uint32_t i, char out[VAULT_OP_KEY_MAX + 1]) {
  vault_str key = {out, 0};
  if (m->key[0] != '\0')
    key.n = (uint64_t)snprintf(out, VAULT_OP_KEY_MAX + 1, "%s#%u", m->key, i);
  return key;
}

/* ---- results ----------------------------------------------------------------------------------- */

/* A result that memory fails for stays null; the answer is then a 500 that says so. */
static void set_result(vd_member *w, int http, const char *what, json_t *value) {
  w->http = http;
  (void)json_object_set_new(w->result, "status", json_integer(http));
  if (value == NULL || json_object_set_new(w->result, what, value) != 0)
    w->http = 500;
}

void vd_member_failed(vd_member *w, vault_status s, const vault_err *err) {
  vd_failure f;
  vd_failure_of(w->all->app, w->all->request_id, s, err, &f);
  set_result(w, f.http, "problem",
             json_pack("{s:s, s:s, s:o, s:o}", "code", f.code, "detail", f.detail, "item_id",
                       f.item != NULL ? vd_json_id(f.item) : json_null(), "retry_after_s",
                       f.retry_after_s > 0 ? json_integer(f.retry_after_s) : json_null()));
}

/* The only member as an answer of its own, as PUT would give it. */
static void answer_problem(const vd_member *w, vd_response *rs) {
  const json_t *p = json_object_get(w->result, "problem");
  const json_t *retry = json_object_get(p, "retry_after_s");
  const char *code = json_string_value(json_object_get(p, "code"));
  const char *detail = json_string_value(json_object_get(p, "detail"));

  if (json_is_integer(retry))
    vd_add_headerf(rs, "Retry-After", "%lld", (long long)json_integer_value(retry));
  vd_problem_more(rs, w->http, code != NULL ? code : "no_memory",
                  detail != NULL ? detail : vault_status_text(VAULT_E_NO_MEMORY), NULL, 0,
                  json_string_value(json_object_get(p, "item_id")));
}

static void answer(vd_members *m, vd_response *rs) {
  json_t *rows = json_array();
  bool stored = true, complete = rows != NULL;

  for (uint32_t i = 0; i < m->n; i++) {
    stored = stored && m->rows[i]->http < 300;
    complete = complete && json_array_append(rows, m->rows[i]->result) == 0;
  }
  if (m->alone && m->n == 1 && !stored) {
    json_decref(rows);
    answer_problem(m->rows[0], rs);
    return;
  }
  (void)vd_json_send(rs, stored ? 200 : 207, complete ? json_pack("{s:O}", "results", rows) : NULL);
  json_decref(rows);
}

/* ---- commits ----------------------------------------------------------------------------------- */

/* On the thread that hands results back. pending reaches 0 only after vd_members_answer(), so m->rq lives. */
static void member_done(vd_commit_waiter *waiter, const vault_event *event) {
  vd_member *w = (vd_member *)waiter;
  vd_members *m = w->all;

  if (event->status != VAULT_OK) {
    vd_member_failed(w, event->status, event->err);
  } else {
    set_result(w, event->outcome == VAULT_OUTCOME_CREATED ? 201 : 200, "item",
               vd_item_json(event->item));
  }
  if (atomic_fetch_sub(&m->pending, 1) == 1) {
    answer(m, vd_request_response(m->rq));
    vd_request_complete(m->rq);
  }
  vd_members_release(m);
}

static void expect(vd_members *m, uint32_t n) {
  (void)atomic_fetch_add(&m->pending, n);
  (void)atomic_fetch_add(&m->holds, n);
}

static void expect_less(vd_members *m, uint32_t n) {
  (void)atomic_fetch_sub(&m->pending, n); /* the request's own one is left */
  (void)atomic_fetch_sub(&m->holds, n);
}

void vd_member_submit(vd_member *w, vault_upload *u) {
  vd_members_submit_many(w->all, &w, &u, 1);
}

void vd_members_submit_many(vd_members *m, vd_member *const *w, vault_upload **u, uint32_t n) {
  vd_commit_waiter *waiters[VD_MEMBERS_MAX];
  vault_err err = VAULT_ERR_INIT;
  vault_status s;

  if (n == 0)
    return;
  for (uint32_t i = 0; i < n; i++) {
    w[i]->waiter.done = member_done;
    waiters[i] = &w[i]->waiter;
  }
  expect(m, n); /* before: the events may come at once */
  s = vd_commits_submit_many(m->app->commits, u, waiters, n, &err);
  if (s == VAULT_OK)
    return;
  expect_less(m, n);
  for (uint32_t i = 0; i < n; i++) {
    vault_upload_abort(u[i]);
    vd_member_failed(w[i], s, &err);
  }
}

vd_next vd_members_answer(vd_members *m, vd_response *rs, bool alone) {
  m->alone = alone;
  if (atomic_fetch_sub(&m->pending, 1) > 1)
    return VD_PENDING;
  answer(m, rs);
  return VD_DONE;
}
