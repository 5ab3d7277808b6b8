#include "line.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_BYTES 4096u

static bool wait_readable(const vd_line_reader *r) {
  struct pollfd fds[2] = {{r->fd, POLLIN, 0}, {r->stop_fd, POLLIN, 0}};
  int rc;
  do {
    rc = poll(fds, 2, r->timeout_ms); /* a negative descriptor is ignored */
  } while (rc < 0 && errno == EINTR);
  return rc > 0 && fds[1].revents == 0;
}

static bool fill(vd_line_reader *r, size_t max) {
  ssize_t got;

  if (r->taken > 0) {
    memmove(r->buf, r->buf + r->taken, r->len - r->taken);
    r->len -= r->taken;
    r->taken = 0;
  }
  if (r->len == r->cap) {
    size_t cap = r->cap == 0 ? FIRST_BYTES : r->cap * 2;
    char *grown = r->len < max ? realloc(r->buf, cap) : NULL;
    if (grown == NULL)
      return false;
    r->buf = grown;
    r->cap = cap;
  }
  if (!wait_readable(r))
    return false;
  got = recv(r->fd, r->buf + r->len, r->cap - r->len, 0);
  if (got <= 0)
    return false;
  r->len += (size_t)got;
  return true;
}

const char *vd_line_next(vd_line_reader *r, size_t max, size_t *n) {
  size_t seen = 0; /* of the line, looked at already */

  for (;;) {
    size_t have = r->len - r->taken;
    const char *end = have > seen ? memchr(r->buf + r->taken + seen, '\n', have - seen) : NULL;
    if (end != NULL) {
      const char *line = r->buf + r->taken;
      *n = (size_t)(end - line);
      r->taken += *n + 1;
      return line;
    }
    seen = have;
    if (!fill(r, max))
      return NULL;
  }
}

void vd_line_free(vd_line_reader *r) {
  free(r->buf);
  r->buf = NULL;
}

bool vd_line_send(int fd, const json_t *doc) {
  char *text = json_dumps(doc, JSON_COMPACT);
  size_t n = text != NULL ? strlen(text) : 0, done = 0;
  bool good = text != NULL;

  if (good)
    text[n++] = '\n'; /* the place of the NUL */
  while (good && done < n) {
    ssize_t sent = send(fd, text + done, n - done, MSG_NOSIGNAL);
    good = sent > 0;
    if (good)
      done += (size_t)sent;
  }
  free(text);
  return good;
}
