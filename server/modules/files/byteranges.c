#include "byteranges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "modules/common/problem.h"
#include "modules/common/text.h"

#define BOUNDARY_BYTES 16u /* random: nobody can have written it into a file before */
#define HEAD_BYTES 384u

typedef struct parts {
  vault_reader *r;
  vd_range ranges[VD_RANGES_MAX];
  size_t n, now; /* now: whose head or bytes come next; n: the last boundary */
  uint64_t left; /* bytes of the current range */
  uint64_t size; /* of the content */
  char boundary[2 * BOUNDARY_BYTES + 1];
  char head[HEAD_BYTES];
  size_t head_n, head_at;
  char type[];
} parts;

static void release_parts(void *arg) {
  parts *p = arg;
  vault_reader_free(p->r);
  free(p);
}

/* What stands before the bytes of range i, or behind the last. */
static size_t make_head(const parts *p, size_t i, char out[HEAD_BYTES]) {
  const char *line = i > 0 ? "\r\n" : "";
  int n;
  if (i == p->n)
    n = snprintf(out, HEAD_BYTES, "\r\n--%s--\r\n", p->boundary);
  else
    n = snprintf(out, HEAD_BYTES,
                 "%s--%s\r\nContent-Type: %s\r\nContent-Range: bytes %llu-%llu/%llu\r\n\r\n", line,
                 p->boundary, p->type, (unsigned long long)p->ranges[i].first,
                 (unsigned long long)(p->ranges[i].first + p->ranges[i].len - 1),
                 (unsigned long long)p->size);
  return n > 0 ? (size_t)n : 0;
}

static uint64_t length_of(const parts *p) {
  char head[HEAD_BYTES];
  uint64_t all = 0;
  for (size_t i = 0; i <= p->n; i++)
    all += make_head(p, i, head) + (i < p->n ? p->ranges[i].len : 0);
  return all;
}

/* Head i becomes the current one; the range behind it is aimed at. */
static bool begin_part(parts *p, size_t i) {
  p->now = i;
  p->head_n = make_head(p, i, p->head);
  p->head_at = 0;
  p->left = i < p->n ? p->ranges[i].len : 0;
  return i == p->n ||
         vault_read_range(p->r, p->ranges[i].first, p->ranges[i].len, NULL) == VAULT_OK;
}

/* Some bytes of the current part; 0 at the end of all, -1 for a failure. */
static int64_t next_bytes(parts *p, uint8_t *buf, size_t cap) {
  size_t n = p->head_n - p->head_at;
  uint64_t got = 0;
  if (n > 0) {
    n = n < cap ? n : cap;
    memcpy(buf, p->head + p->head_at, n);
    p->head_at += n;
    return (int64_t)n;
  }
  if (p->left == 0)
    return p->now == p->n ? 0 : begin_part(p, p->now + 1) ? next_bytes(p, buf, cap) : -1;
  if (vault_read_next(p->r, buf, cap < p->left ? cap : p->left, &got, NULL) != VAULT_OK || got == 0)
    return -1;
  p->left -= got;
  return (int64_t)got;
}

static int64_t pull_parts(void *arg, uint8_t *buf, size_t cap) {
  parts *p = arg;
  size_t filled = 0;
  while (filled < cap) {
    int64_t n = next_bytes(p, buf + filled, cap - filled);
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    filled += (size_t)n;
  }
  return (int64_t)filled;
}

static parts *make_parts(vault_reader *r, const char *type, const vd_range *ranges, size_t n) {
  uint8_t random[BOUNDARY_BYTES];
  size_t type_n = strlen(type) + 1;
  parts *p = calloc(1, sizeof *p + type_n);
  if (p == NULL || getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
    free(p);
    return NULL;
  }
  p->r = r;
  p->n = n;
  memcpy(p->ranges, ranges, n * sizeof ranges[0]);
  p->size = vault_reader_get(r)->size_bytes;
  memcpy(p->type, type, type_n);
  vd_hex(random, sizeof random, p->boundary);
  if (begin_part(p, 0))
    return p;
  free(p);
  return NULL;
}

vd_next vd_byteranges_send(vd_request *rq, vd_response *rs, vault_reader *r, const char *type,
                           const vd_range *ranges, size_t n) {
  char field[64];
  parts *p = make_parts(r, type, ranges, n);

  if (p == NULL) {
    vault_reader_free(r);
    return vd_fail(rq, rs, VAULT_E_NO_MEMORY, NULL);
  }
  (void)snprintf(field, sizeof field, "multipart/byteranges; boundary=%s", p->boundary);
  vd_status(rs, 206);
  vd_send_pull(rs, field, length_of(p), pull_parts, release_parts, p);
  return VD_DONE;
}
