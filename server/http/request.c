#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fields.h"
#include "internal.h"

/* Crockford's alphabet: no letters that are mistaken for digits. */
void vd_request_id_make(vd_server *srv, char *out) {
  static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  uint64_t part[2] = {srv->id_prefix, srv->id_next++};
  for (unsigned p = 0; p < 2; p++)
    for (unsigned i = 13; i-- > 0; part[p] >>= 5)
      out[p * 13 + i] = alphabet[part[p] & 31];
  out[VD_REQUEST_ID_BYTES] = 0;
}

vd_request *vd_request_new(vd_conn *c) {
  vd_server *srv = c->srv;
  vd_request *rq = srv->cached;
  if (rq) {
    srv->cached = rq->job.next ? vd_job_request(rq->job.next) : NULL;
    srv->n_cached--;
  } else {
    rq = malloc(sizeof *rq);
    if (!rq)
      return NULL;
  }
  memset(rq, 0,
         offsetof(vd_request, buf)); /* buf stays untouched: its pages cost nothing until used */
  rq->conn = c;
  rq->srv = srv;
  rq->start_ms = vd_now(srv);
  rq->method_name = "-";
  rq->path_text = "-";
  rq->query_text = "";
  rq->job.home = rq->completion.home = &srv->mail;
  rq->completion.done = vd_handler_letter;
  vd_request_id_make(srv, rq->id);
  vd_response_init(&rq->rs, rq);
  vd_parse_init(rq);
  srv->n_requests++;
  return rq;
}

void vd_request_free(vd_request *rq) {
  vd_server *srv = rq->srv;
  vd_ubuf *fill = rq->fill, *hand = rq->hand;
  vd_response_reset(&rq->rs);
  if (rq->release_data)
    rq->release_data(rq->data);
  free(rq->body);
  free(rq->decoded);
  free(rq->trailers);
  free(rq->interim);
  free(rq->out);
  free(rq->pull_buf);
  srv->n_requests--;
  if (srv->n_cached < VD_INPUT_BUFFERS_CACHED) {
    rq->job.next = srv->cached ? &srv->cached->job : NULL;
    srv->cached = rq;
    srv->n_cached++;
  } else {
    free(rq);
  }
  vd_ubuf_put(srv, fill); /* last: this may let another connection run */
  vd_ubuf_put(srv, hand);
}

/* ---- what handlers see ---- */

vd_method vd_request_method(const vd_request *rq) {
  return rq->method;
}

const char *vd_request_path(const vd_request *rq) {
  return rq->path_text;
}

const char *vd_request_query(const vd_request *rq) {
  return rq->query_text;
}

const char *vd_request_id(const vd_request *rq) {
  return rq->id;
}

void *vd_request_app(const vd_request *rq) {
  return rq->srv->cfg.app;
}

void *vd_request_state(const vd_request *rq) {
  return rq->srv->states[rq->match.module];
}

const char *vd_param(const vd_request *rq, const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; i < rq->match.n_params; i++) {
    const char *have = rq->match.params[i].name; /* in the pattern, so "name}" or "name*}" */
    if (!strncmp(have, name, n) && (have[n] == '}' || have[n] == '*'))
      return rq->match.params[i].value;
  }
  return NULL;
}

const char *vd_query(const vd_request *rq, const char *name) {
  for (size_t i = 0; i < rq->n_query; i++)
    if (!strcmp(rq->query[i].name, name))
      return rq->query[i].value;
  return NULL;
}

size_t vd_query_count(const vd_request *rq) {
  return rq->n_query;
}

const char *vd_query_name(const vd_request *rq, size_t i) {
  return i < rq->n_query ? rq->query[i].name : NULL;
}

const char *vd_header_nth(const vd_request *rq, const char *name, size_t nth) {
  size_t name_len = strlen(name);
  for (size_t i = 0; i < rq->n_fields; i++)
    if (rq->fields[i].name_len == name_len && !strcasecmp(rq->buf + rq->fields[i].name, name) &&
        nth-- == 0)
      return rq->buf + rq->fields[i].value;
  return NULL;
}

const char *vd_header(const vd_request *rq, const char *name) {
  return vd_header_nth(rq, name, 0);
}

bool vd_cookie(const vd_request *rq, const char *name, char *out, size_t out_size) {
  const char *value;
  for (size_t i = 0; (value = vd_header_nth(rq, "cookie", i)) != NULL; i++)
    if (vd_cookie_find(value, name, out, out_size))
      return true;
  return false;
}

const uint8_t *vd_body(const vd_request *rq, size_t *len) {
  *len = rq->body_n;
  return rq->body_n ? rq->body : NULL;
}

bool vd_content_length(const vd_request *rq, uint64_t *len) {
  *len = rq->body_kind == VD_BODY_LENGTH ? rq->body_len : 0;
  return rq->body_kind == VD_BODY_LENGTH;
}

bool vd_has_body(const vd_request *rq) {
  return rq->body_kind != VD_BODY_NONE;
}

const char *vd_peer(const vd_request *rq) {
  return rq->conn->peer;
}

void vd_set_data(vd_request *rq, void *data, void (*release)(void *data)) {
  rq->data = data;
  rq->release_data = release;
}

void *vd_data(const vd_request *rq) {
  return rq->data;
}

bool vd_request_gone(const vd_request *rq) {
  return atomic_load(&rq->gone);
}

bool vd_on_loop(const vd_request *rq) {
  return rq->on_loop;
}

/* On the loop thread itself it goes on at once: no letter, no descriptor, no further round of the loop. */
void vd_request_complete(vd_request *rq) {
  vd_server *srv = rq->srv;
  uv_thread_t self = uv_thread_self();
  if (srv->running && uv_thread_equal(&self, &srv->thread))
    vd_handler_letter(&rq->completion);
  else
    vd_mailbox_post(rq->completion.home, &rq->completion);
}

vd_response *vd_request_response(vd_request *rq) {
  return &rq->rs;
}
