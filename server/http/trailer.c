/* The trailer section of a chunked body, for routes that ask for it. The decoder checks its form and its size and
 * leaves its bytes here; at the end they are made pairs "name NUL value NUL" in place. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "internal.h"

bool vd_trailers_keep(vd_request *rq) {
  if (!(rq->match.route->flags & VD_TRAILERS) || rq->body_kind != VD_BODY_CHUNKED)
    return true;
  rq->trailers = rq->chunked.trailers = malloc(VD_TRAILER_BYTES_MAX + 1u);
  return rq->trailers != NULL;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

void vd_trailers_done(vd_request *rq) {
  char *to = rq->trailers, *from = to;
  if (!to)
    return;
  char *end = from + rq->chunked.trailer_bytes - 1; /* the CR of the empty line */
  while (from < end) {
    char *colon = memchr(from, ':', (size_t)(end - from));
    char *line = memchr(from, '\r', (size_t)(end - from));
    char *value = colon + 1, *value_end = line;
    while (value < value_end && is_blank(*value))
      value++;
    while (value < value_end && is_blank(value_end[-1]))
      value_end--;
    size_t name_len = (size_t)(colon - from), value_len = (size_t)(value_end - value);
    memmove(to, from, name_len);
    to[name_len] = 0;
    to += name_len + 1;
    memmove(to, value, value_len);
    to[value_len] = 0;
    to += value_len + 1;
    from = line + 2;
  }
  *to = 0; /* no name is empty */
}

const char *vd_trailer(const vd_request *rq, const char *name) {
  const char *at = rq->body_done ? rq->trailers : NULL;
  while (at && *at) {
    const char *value = at + strlen(at) + 1;
    if (!strcasecmp(at, name))
      return value;
    at = value + strlen(value) + 1;
  }
  return NULL;
}
