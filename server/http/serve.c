/* The server: loop, listeners, modules, stop. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fields.h"
#include "cors.h"
#include "internal.h"

void vd_http_config_defaults(vd_http_config *cfg) {
  *cfg = (vd_http_config){
    .connections_max = VD_CONNECTIONS_MAX,
    .workers = VD_WORKERS,
    .work_queue_max = VD_WORK_QUEUE_MAX,
    .upload_buffers_max = VD_UPLOAD_BUFFERS_MAX,
    .header_timeout_ms = VD_HEADER_TIMEOUT_MS,
    .body_idle_timeout_ms = VD_BODY_IDLE_TIMEOUT_MS,
    .body_rate_min_bytes_per_s = VD_BODY_RATE_MIN_BYTES_PER_S,
    .body_rate_window_ms = VD_BODY_RATE_WINDOW_MS,
    .keepalive_timeout_ms = VD_KEEPALIVE_TIMEOUT_MS,
    .write_stall_timeout_ms = VD_WRITE_STALL_TIMEOUT_MS,
    .stop_timeout_ms = VD_STOP_TIMEOUT_MS,
    .drain_timeout_ms = VD_DRAIN_TIMEOUT_MS,
    .drain_bytes_max = VD_DRAIN_BYTES_MAX,
  };
}

const char *vd_server_date(vd_server *srv) {
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != srv->date_s || !srv->date[0]) {
    srv->date_s = now.tv_sec;
    vd_date_format(now.tv_sec, srv->date);
  }
  return srv->date;
}

/* ---- accepting ---- */

#define FULL_BYTES 1024u

/* The answer to a connection for which there is no room: made here, because it gets no request of its own. */
static const char *full_answer(vd_server *srv, char out[FULL_BYTES]) {
  char id[VD_REQUEST_ID_BYTES + 1], body[FULL_BYTES / 2];
  vd_request_id_make(srv, id);
  int n = snprintf(body, sizeof body,
                   "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":503,"
                   "\"detail\":\"The server has as many connections as it takes. Try again in a "
                   "moment.\",\"code\":\"overloaded\",\"reason_codes\":[],\"request_id\":\"%s\"}",
                   vd_status_text(503), id);
  (void)snprintf(out, FULL_BYTES,
                 "HTTP/1.1 503 %s\r\nDate: %s\r\nX-Request-Id: %s\r\n"
                 "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nRetry-After: %u\r\n"
                 "Content-Type: application/problem+json\r\nContent-Length: %d\r\n"
                 "Connection: close\r\n\r\n%s",
                 vd_status_text(503), vd_server_date(srv), id, VD_RETRY_AFTER_S, n, body);
  return out;
}

static void cut_connection(vd_server *srv, int fd) {
  char text[FULL_BYTES];
  (void)full_answer(srv, text);
  (void)send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)shutdown(fd, SHUT_WR);
  (void)close(fd);
}

/* Out of descriptors: without this the listener stays readable and the loop spins. */
static void refuse_without_descriptor(vd_server *srv, int listener) {
  char peer[VD_PEER_SIZE];
  if (srv->reserve_fd >= 0) /* it may have been lost here before */
    (void)close(srv->reserve_fd);
  int fd = vd_socket_accept(listener, peer);
  if (fd >= 0)
    cut_connection(srv, fd);
  srv->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Connections beyond connections_max that are kept until they have heard so. */
static uint32_t refused_max(const vd_server *srv) {
  uint32_t part = srv->cfg.connections_max / 8 + 1;
  return part < VD_REFUSED_CONNECTIONS_MAX ? part : VD_REFUSED_CONNECTIONS_MAX;
}

static void accept_some(vd_listener *l) {
  vd_server *srv = l->srv;
  char peer[VD_PEER_SIZE], text[FULL_BYTES];
  for (unsigned i = 0; i < VD_ACCEPT_ROUNDS_MAX; i++) {
    int fd = vd_socket_accept(l->fd, peer);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE)
        refuse_without_descriptor(srv, l->fd);
      if (errno == ECONNABORTED || errno == EINTR)
        continue;
      return;
    }
    bool full = srv->n_conns >= srv->cfg.connections_max;
    if (srv->n_conns >= (uint64_t)srv->cfg.connections_max + refused_max(srv))
      cut_connection(srv, fd);
    else if (!vd_conn_new(srv, fd, peer, full ? full_answer(srv, text) : NULL))
      (void)close(fd);
  }
}

static void on_listener(uv_poll_t *h, int status, int events) {
  (void)events;
  if (status == 0)
    accept_some(h->data);
}

int vd_server_listen(vd_server *srv, const char *address, char *err, size_t err_size) {
  vd_listener *l = &srv->listeners[srv->n_listeners];
  if (srv->n_listeners == VD_LISTENERS_MAX) {
    (void)snprintf(err, err_size, "At most %u addresses can be listened on.", VD_LISTENERS_MAX);
    return -1;
  }
  l->fd = vd_socket_listen(address, srv->cfg.reuse_port, &srv->port, err, err_size);
  if (l->fd < 0)
    return -1;
  l->srv = srv;
  l->poll.data = l;
  int rc = uv_poll_init(&srv->loop, &l->poll, l->fd);
  if (rc) {
    (void)snprintf(err, err_size, "Cannot listen on %s: %s.", address, uv_strerror(rc));
    (void)close(l->fd);
    return -1;
  }
  (void)uv_poll_start(&l->poll, UV_READABLE, on_listener);
  srv->n_listeners++;
  return 0;
}

static void on_watch(uv_poll_t *h, int status, int events) {
  const vd_server *srv = h->data;
  (void)status;
  (void)events;
  srv->watch_ready(srv->watch_arg);
}

int vd_server_watch(vd_server *srv, int fd, void (*ready)(void *arg), void *arg, char *err,
                    size_t err_size) {
  int rc = srv->watch_ready ? UV_EBUSY : uv_poll_init(&srv->loop, &srv->watch, fd);
  if (rc) {
    (void)snprintf(err, err_size, "Cannot watch a descriptor: %s.", uv_strerror(rc));
    return -1;
  }
  srv->watch.data = srv;
  srv->watch_ready = ready;
  srv->watch_arg = arg;
  (void)uv_poll_start(&srv->watch, UV_READABLE, on_watch);
  return 0;
}

uint16_t vd_server_port(const vd_server *srv) {
  return srv->port;
}

/* ---- stopping ---- */

static void close_listeners(vd_server *srv) {
  for (size_t i = 0; i < srv->n_listeners; i++) {
    uv_close((uv_handle_t *)&srv->listeners[i].poll, NULL);
    (void)close(srv->listeners[i].fd);
  }
  srv->n_listeners = 0;
}

static void close_handles(vd_server *srv) {
  close_listeners(srv);
  uv_close((uv_handle_t *)&srv->stop_async, NULL);
  uv_close((uv_handle_t *)&srv->stop_timer, NULL);
  if (srv->watch_ready)
    uv_close((uv_handle_t *)&srv->watch, NULL);
  vd_mailbox_close(&srv->mail);
}

static void leave_if_empty(vd_server *srv) {
  if (srv->stopping && !srv->n_conns && !uv_is_closing((uv_handle_t *)&srv->stop_async))
    close_handles(srv);
}

void vd_server_conn_gone(vd_server *srv) {
  srv->n_conns--;
  leave_if_empty(srv);
}

static void cut_all(vd_server *srv) {
  for (vd_conn *c = srv->conns, *next; c; c = next) {
    next = c->next;
    vd_conn_kill(c);
  }
}

static void on_stop_timeout(uv_timer_t *h) {
  cut_all(h->data);
}

static bool has_input(const vd_conn *c) {
  char byte;
  return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void on_stop(uv_async_t *h) {
  vd_server *srv = h->data;
  if (!srv->stopping) {
    for (size_t i = 0; i < srv->n_listeners; i++)
      accept_some(&srv->listeners[i]); /* who connected before the stop is still served */
    srv->stopping = true;
    close_listeners(srv);
    (void)uv_timer_start(&srv->stop_timer, on_stop_timeout, srv->cfg.stop_timeout_ms, 0);
    for (vd_conn *c = srv->conns, *next; c; c = next) {
      next = c->next;
      if (!c->rq && !c->draining && !has_input(c))
        vd_conn_kill(c);
    }
  }
  if (atomic_load(&srv->stop_calls) > 1)
    cut_all(srv);
  leave_if_empty(srv);
}

void vd_server_stop(vd_server *srv) {
  atomic_fetch_add(&srv->stop_calls, 1);
  (void)uv_async_send(&srv->stop_async);
}

void vd_server_run(vd_server *srv) {
  srv->thread = uv_thread_self();
  srv->running = true;
  (void)uv_run(&srv->loop, UV_RUN_DEFAULT);
}

void vd_server_get_stats(const vd_server *srv, vd_server_stats *out) {
  out->connections = srv->n_conns;
  out->requests_in_flight = srv->n_requests;
  out->upload_buffers_in_use = srv->ubufs.in_use;
  out->work_queued = vd_pool_queued(srv->pool);
}

/* ---- birth and end ---- */

static int start_modules(vd_server *srv, char *err, size_t err_size) {
  for (; srv->n_started < srv->n_modules; srv->n_started++) {
    const vd_module *m = srv->modules[srv->n_started];
    if (m->start && m->start(srv->cfg.app, &srv->states[srv->n_started], err, err_size))
      return -1;
  }
  return 0;
}

static int init_loop(vd_server *srv) {
  int rc = uv_loop_init(&srv->loop);
  if (rc)
    return rc;
  rc = vd_mailbox_init(&srv->mail, &srv->loop);
  if (rc)
    goto fail_mail;
  rc = uv_async_init(&srv->loop, &srv->stop_async, on_stop);
  if (rc)
    goto fail_async;
  (void)uv_timer_init(&srv->loop, &srv->stop_timer);
  srv->stop_async.data = srv->stop_timer.data = srv;
  return 0;
fail_async:
  vd_mailbox_close(&srv->mail);
  (void)uv_run(&srv->loop, UV_RUN_DEFAULT);
  vd_mailbox_free(&srv->mail);
fail_mail:
  (void)uv_loop_close(&srv->loop);
  return rc;
}

vd_server *vd_server_new(const vd_http_config *cfg, const vd_module *const *modules,
                         size_t n_modules, char *err, size_t err_size) {
  vd_server *srv;
  if (!vd_cors_valid(cfg->cors_origins)) {
    (void)snprintf(err, err_size,
                   "cors_origins must be origins as https://HOST[:PORT], in lower case, or *.");
    return NULL;
  }
  srv = calloc(1, sizeof *srv);
  (void)snprintf(err, err_size, "Not enough memory or threads to start the server.");
  if (!srv)
    return NULL;
  srv->cfg = *cfg;
  srv->modules = modules;
  srv->n_modules = n_modules;
  srv->ubufs.max = cfg->upload_buffers_max;
  srv->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (getrandom(&srv->id_prefix, sizeof srv->id_prefix, 0) != sizeof srv->id_prefix)
    srv->id_prefix = (uint64_t)time(NULL);
  if (init_loop(srv)) {
    if (srv->reserve_fd >= 0)
      (void)close(srv->reserve_fd);
    free(srv);
    return NULL;
  }
  srv->states = calloc(n_modules + 1, sizeof *srv->states);
  srv->pool = vd_pool_new(cfg->workers, cfg->work_queue_max);
  if (!srv->states || !srv->pool)
    goto fail;
  srv->router = vd_router_new(modules, n_modules, err, err_size);
  if (!srv->router || start_modules(srv, err, err_size))
    goto fail;
  return srv;
fail:
  vd_server_free(srv);
  return NULL;
}

void vd_server_free(vd_server *srv) {
  if (!srv)
    return;
  if (!uv_is_closing((uv_handle_t *)&srv->stop_async)) { /* never ran */
    close_handles(srv);
    (void)uv_run(&srv->loop, UV_RUN_DEFAULT);
  }
  while (srv->n_started)
    if (srv->modules[--srv->n_started]->stop)
      srv->modules[srv->n_started]->stop(srv->cfg.app, srv->states[srv->n_started]);
  vd_pool_free(srv->pool);
  while (srv->cached) {
    vd_request *rq = srv->cached;
    srv->cached = rq->job.next ? vd_job_request(rq->job.next) : NULL;
    free(rq);
  }
  vd_ubuf_free_idle(&srv->ubufs, 0);
  vd_router_free(srv->router);
  vd_mailbox_free(&srv->mail);
  (void)uv_loop_close(&srv->loop);
  if (srv->reserve_fd >= 0)
    (void)close(srv->reserve_fd);
  free(srv->states);
  free(srv);
}
