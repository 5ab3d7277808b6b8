#include "socket.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "line.h"
#include "ops.h"

#define BACKLOG 16
#define IDLE_MS 30000 /* a command that says nothing this long is let go */
#define SEND_S 5      /* one that does not read, after this: it must not hold up a stop */

struct vd_admin {
  vault *v;
  const vd_log *log;
  char *path;
  int fd;
  int stop_fd;
  bool running;
  pthread_t thread;
};

static int address_of(const char *path, struct sockaddr_un *out, char *err, size_t err_size) {
  memset(out, 0, sizeof *out);
  out->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof out->sun_path) {
    (void)snprintf(
      err, err_size,
      "the path of the admin socket is longer than %zu bytes: choose a shorter data directory",
      sizeof out->sun_path - 1);
    return -1;
  }
  memcpy(out->sun_path, path, strlen(path));
  return 0;
}

/* ---- the server's end ----------------------------------------------------------------------- */

/* What was done is worth a line, not to whom: that may be a phone number. Who did it is whoever
 * owns the directory. */
static void log_command(const vd_admin *a, const json_t *request, const json_t *answer) {
  const char *op = json_string_value(json_object_get(request, "op"));
  if (op == NULL || !json_is_true(json_object_get(answer, "ok")))
    return; /* a known name, or none */
  vault_log_field f[] = {{"op", {op, strlen(op)}, 0}};
  vd_log_event(a->log, VAULT_LOG_INFO, "admin_command", f, sizeof f / sizeof f[0]);
}

static json_t *answer_line(vd_admin *a, const char *line, size_t n) {
  json_error_t where;
  json_t *request = json_loadb(line, n, JSON_REJECT_DUPLICATES, &where), *answer;

  if (!json_is_object(request)) {
    json_decref(request);
    return json_pack("{s:b, s:s, s:s}", "ok", 0, "code", "input_invalid", "message",
                     "Each line must be a JSON object.");
  }
  answer = vd_admin_run(a->v, request);
  log_command(a, request, answer);
  json_decref(request);
  return answer;
}

static void serve_connection(vd_admin *a, int fd) {
  vd_line_reader reader = {.fd = fd, .stop_fd = a->stop_fd, .timeout_ms = IDLE_MS};
  const struct timeval patience = {.tv_sec = SEND_S};
  const char *line;
  size_t n;

  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0)
    return;
  while ((line = vd_line_next(&reader, VD_ADMIN_LINE_MAX, &n)) != NULL) {
    json_t *answer = answer_line(a, line, n);
    bool sent = answer != NULL && vd_line_send(fd, answer);
    json_decref(answer);
    if (!sent)
      break;
  }
  vd_line_free(&reader);
}

static void *accept_loop(void *arg) {
  vd_admin *a = arg;
  struct pollfd fds[2] = {{a->fd, POLLIN, 0}, {a->stop_fd, POLLIN, 0}};

  for (;;) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR)
      return NULL;
    if (fds[1].revents != 0)
      return NULL;
    if ((fds[0].revents & POLLIN) == 0)
      continue;
    int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
      continue;
    serve_connection(a, fd);
    (void)close(fd);
  }
}

static bool is_answered(const struct sockaddr_un *addr) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool answered = fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0;
  if (fd >= 0)
    (void)close(fd);
  return answered;
}

static int listen_at(vd_admin *a, char *err, size_t err_size) {
  struct sockaddr_un addr;
  mode_t before;
  int rc;

  if (address_of(a->path, &addr, err, err_size) != 0)
    return -1;
  if (is_answered(&addr)) {
    (void)snprintf(err, err_size,
                   "another vaultd already uses this data directory: it answers at %s", a->path);
    return -1;
  }
  (void)unlink(a->path);
  a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  before = umask(0177); /* the socket is born 0600: there is no moment when others may connect */
  rc = a->fd < 0 ? -1 : bind(a->fd, (const struct sockaddr *)&addr, sizeof addr);
  (void)umask(before);
  if (rc == 0)
    rc = listen(a->fd, BACKLOG);
  if (rc != 0)
    (void)snprintf(err, err_size, "cannot listen at %s: %s", a->path, strerror(errno));
  return rc;
}

vd_admin *vd_admin_start(const vd_config *cfg, vault *v, const vd_log *log, char *err,
                         size_t err_size) {
  vd_admin *a = calloc(1, sizeof *a);

  if (a == NULL) {
    (void)snprintf(err, err_size, "out of memory");
    return NULL;
  }
  a->v = v;
  a->log = log;
  a->fd = -1;
  a->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  a->path = vd_config_below_data(cfg, "admin.sock");
  if (a->path == NULL || a->stop_fd < 0) {
    (void)snprintf(err, err_size, "out of memory or file descriptors");
    vd_admin_stop(a);
    return NULL;
  }
  if (listen_at(a, err, err_size) != 0) {
    free(a->path); /* not ours: it must not be unlinked */
    a->path = NULL;
    vd_admin_stop(a);
    return NULL;
  }
  if (pthread_create(&a->thread, NULL, accept_loop, a) != 0) {
    (void)snprintf(err, err_size, "cannot start the admin thread");
    vd_admin_stop(a);
    return NULL;
  }
  a->running = true;
  return a;
}

void vd_admin_stop(vd_admin *a) {
  uint64_t one = 1;

  if (a == NULL)
    return;
  if (a->running) {
    (void)!write(a->stop_fd, &one, sizeof one);
    (void)pthread_join(a->thread, NULL);
  }
  if (a->path != NULL)
    (void)unlink(a->path);
  if (a->fd >= 0)
    (void)close(a->fd);
  if (a->stop_fd >= 0)
    (void)close(a->stop_fd);
  free(a->path);
  free(a);
}

/* ---- the command's end ------------------------------------------------------------------------ */

int vd_admin_connect(const vd_config *cfg, bool *absent, char *err, size_t err_size) {
  char *path = vd_config_below_data(cfg, "admin.sock");
  struct sockaddr_un addr;
  int fd = -1;

  *absent = false;
  if (path == NULL) {
    (void)snprintf(err, err_size, "out of memory");
    return -1;
  }
  if (address_of(path, &addr, err, err_size) == 0) {
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0) {
      *absent = errno == ENOENT || errno == ECONNREFUSED;
      (void)snprintf(err, err_size, "cannot talk to the server at %s: %s", path, strerror(errno));
      if (fd >= 0)
        (void)close(fd);
      fd = -1;
    }
  }
  free(path);
  return fd;
}

json_t *vd_admin_ask(int fd, const json_t *request, char *err, size_t err_size) {
  vd_line_reader reader = {.fd = fd, .stop_fd = -1, .timeout_ms = -1};
  json_t *answer = NULL;
  const char *line;
  size_t n;

  if (vd_line_send(fd, request)) {
    line = vd_line_next(&reader, SIZE_MAX, &n);
    if (line != NULL)
      answer = json_loadb(line, n, 0, NULL);
  }
  if (answer == NULL)
    (void)snprintf(err, err_size, "the server ended the conversation without an answer");
  vd_line_free(&reader);
  return answer;
}
