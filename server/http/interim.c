/* Interim answers: gathered while a handler runs, sent by the loop when it is back, and before the final answer
 * in any case. What a full socket does not take waits here, so no line is ever cut in half. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fields.h"
#include "internal.h"

#define STATUS_LINE_BYTES 64u

static bool put(vd_request *rq, const char *bytes, size_t n) {
  if (n > VD_INTERIM_BYTES_MAX - rq->interim_n)
    return false;
  if (!rq->interim)
    rq->interim = malloc(VD_INTERIM_BYTES_MAX);
  if (!rq->interim)
    return false;
  memcpy(rq->interim + rq->interim_n, bytes, n);
  rq->interim_n += n;
  return true;
}

/* Lines "Name: value", each with its CRLF. */
static bool fields_valid(const char *s) {
  while (*s) {
    size_t name = strcspn(s, ": \t\r\n"), line = strcspn(s, "\r\n");
    if (!name || s[name] != ':' || s[line] != '\r' || s[line + 1] != '\n')
      return false;
    for (size_t i = 0; i < line; i++)
      if (((uint8_t)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7F)
        return false;
    s += line + 2;
  }
  return true;
}

bool vd_interim(vd_request *rq, int status, const char *fields) {
  char line[STATUS_LINE_BYTES];
  size_t before = rq->interim_n;
  if (!rq->http_1_1 || status < 102 || status > 199 || !fields_valid(fields))
    return false;
  int n = snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", status, vd_status_text(status));
  if (put(rq, line, (size_t)n) && put(rq, fields, strlen(fields)) && put(rq, "\r\n", 2))
    return true;
  rq->interim_n = before;
  return false;
}

void vd_send_continue(vd_request *rq) {
  static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
  if (!rq->expect_continue || rq->body_done || rq->in_pos < rq->in_end)
    return;
  rq->expect_continue = false;
  (void)put(rq, text, sizeof text - 1); /* without it the client sends after a while by itself */
}

bool vd_interim_waits(const vd_request *rq) {
  return !rq->busy && rq->interim_n && rq->phase != VD_PHASE_WRITE;
}

bool vd_interim_flush(vd_request *rq) {
  while (vd_interim_waits(rq) && rq->interim_at < rq->interim_n) {
    ssize_t n = send(rq->conn->fd, rq->interim + rq->interim_at, rq->interim_n - rq->interim_at,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK)
        return true;
      vd_conn_kill(rq->conn);
      return false;
    }
    rq->interim_at += (size_t)n;
    if (rq->interim_at == rq->interim_n)
      rq->interim_at = rq->interim_n = 0;
  }
  return true;
}
