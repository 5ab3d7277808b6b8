/* The HTTP server: configuration, start, stop. The composition root is its only user. */
#ifndef VD_HTTP_SERVER_H
#define VD_HTTP_SERVER_H

#include "http.h"

typedef struct vd_server vd_server;

/* One finished request, for the log. Strings are borrowed for the call; path has no query, since
 * queries hold file names. bytes: body bytes sent. */
typedef struct vd_log_record {
  const char *request_id;
  const char *method;
  const char *path;
  const char *peer;
  int status; /* 0: the client went away before there was an answer */
  uint64_t bytes;
  uint64_t ms;
} vd_log_record;

typedef struct vd_http_config {
  void *app; /* handed to modules */
  uint32_t connections_max;
  uint32_t workers;
  uint32_t work_queue_max;
  uint32_t upload_buffers_max;
  uint32_t header_timeout_ms;
  uint32_t body_idle_timeout_ms;
  uint32_t body_rate_min_bytes_per_s; /* 0: not checked */
  uint32_t body_rate_window_ms;
  uint32_t keepalive_timeout_ms;
  uint32_t write_stall_timeout_ms;
  uint32_t stop_timeout_ms;
  uint32_t drain_timeout_ms;
  uint32_t drain_bytes_max;
  const char *cors_origins; /* as vd_cors_valid() says; NULL: none; borrowed */
  bool reuse_port; /* SO_REUSEPORT: several servers, one port */
  void (*log)(void *log_arg, const vd_log_record *record); /* loop thread; may be NULL */
  void *log_arg;
} vd_http_config;

/* The values of limits.h. */
void vd_http_config_defaults(vd_http_config *cfg);

/* Makes a server with its own loop and workers, and starts the modules in order. modules and their
 * tables are borrowed until vd_server_free(). NULL with a sentence in err on failure. */
vd_server *vd_server_new(const vd_http_config *cfg, const vd_module *const *modules,
                         size_t n_modules, char *err, size_t err_size);

/* Listens on "HOST:PORT" or "[v6]:PORT" (numeric host; port 0 picks one). Before vd_server_run();
 * may be called for several addresses. 0, or -1 with a sentence in err. */
int vd_server_listen(vd_server *srv, const char *address, char *err, size_t err_size);
/* Port of the last successful vd_server_listen(). */
uint16_t vd_server_port(const vd_server *srv);

/* Calls ready(arg) on the loop thread while fd is readable. Once, before vd_server_run(); fd is borrowed until that
 * returns. It is watched until the last request is over. 0, or -1 with a sentence in err. */
int vd_server_watch(vd_server *srv, int fd, void (*ready)(void *arg), void *arg, char *err,
                    size_t err_size);

/* Serves on the calling thread until stopped and every request is over (pending ones too). */
void vd_server_run(vd_server *srv);

/* Any thread and signal handlers. First call: stop accepting, close idle connections, finish what
 * is in flight within stop_timeout_ms. Second call: cut everything now. */
void vd_server_stop(vd_server *srv);

typedef struct vd_server_stats {
  uint32_t connections;
  uint32_t requests_in_flight;
  uint32_t upload_buffers_in_use;
  uint32_t work_queued;
} vd_server_stats;
/* Loop thread only (a VD_ON_LOOP handler). */
void vd_server_get_stats(const vd_server *srv, vd_server_stats *out);

/* Stops the modules in reverse order, ends the workers, frees. After vd_server_run() returned, or
 * instead of it. NULL is legal. */
void vd_server_free(vd_server *srv);

#endif
