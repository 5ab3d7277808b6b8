#include "router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The order of rows is what makes a literal win: at the first segment that differs, a literal sorts
 * before "{name}", and that before "{name*}". The first row that matches is therefore the best. */
typedef struct row {
  const vd_route *route;
  size_t module;
} row;

struct vd_router {
  size_t n;
  uint32_t methods;
  row rows[];
};

static size_t segment_len(const char *s) {
  return strcspn(s, "/");
}

static int segment_rank(const char *s, size_t n) {
  if (!n || s[0] != '{')
    return 0;
  return s[n - 2] == '*' ? 2 : 1;
}

/* Two rows have equal shape when they match the same paths: names of parameters do not matter. */
static int compare_shape(const char *a, const char *b) {
  while (*a && *b) {
    a++; /* the slash */
    b++;
    size_t na = segment_len(a), nb = segment_len(b);
    int ra = segment_rank(a, na), rb = segment_rank(b, nb);
    if (ra != rb)
      return ra - rb;
    if (ra == 0) {
      int c = strncmp(a, b, na < nb ? na : nb);
      if (c || na != nb)
        return c ? c : na < nb ? -1 : 1;
    }
    a += na;
    b += nb;
  }
  return (*a != 0) - (*b != 0);
}

static int compare_rows(const void *a, const void *b) {
  const row *x = a, *y = b;
  int c = compare_shape(x->route->pattern, y->route->pattern);
  return c ? c : (int)x->route->method - (int)y->route->method;
}

static bool pattern_valid(const char *p) {
  size_t params = 0, segments = 0;
  if (*p != '/')
    return false;
  while (*p) {
    p++;
    size_t n = segment_len(p);
    segments++;
    if (n && *p == '{') {
      if (n < 3 || p[n - 1] != '}' || ++params > VD_PARAM_COUNT_MAX)
        return false;
      if (p[n - 2] == '*' && (p[n] || n < 4))
        return false;
    } else if (memchr(p, '{', n) || memchr(p, '%', n)) {
      return false;
    }
    p += n;
  }
  return segments <= VD_PATH_SEGMENTS_MAX;
}

static bool route_valid(const vd_route *r) {
  return r->pattern && pattern_valid(r->pattern) && r->method > VD_METHOD_OTHER &&
         r->method < VD_METHOD_COUNT && !r->simple != !r->upload &&
         !(r->upload && (r->flags & VD_ON_LOOP)) &&
         (!r->upload || (r->upload->open && r->upload->data && r->upload->end));
}

vd_router *vd_router_new(const vd_module *const *modules, size_t n_modules, char *err,
                         size_t err_size) {
  size_t total = 0;
  for (size_t m = 0; m < n_modules; m++)
    total += modules[m]->n_routes;
  vd_router *r = calloc(1, sizeof *r + total * sizeof r->rows[0]);
  if (!r) {
    (void)snprintf(err, err_size, "Not enough memory for the route table.");
    return NULL;
  }
  for (size_t m = 0; m < n_modules; m++)
    for (size_t i = 0; i < modules[m]->n_routes; i++) {
      const vd_route *route = &modules[m]->routes[i];
      if (!route_valid(route)) {
        (void)snprintf(err, err_size, "Module %s: route %zu (%s) is malformed.", modules[m]->name,
                       i, route->pattern ? route->pattern : "no pattern");
        goto fail;
      }
      r->rows[r->n++] = (row){route, m};
      r->methods |= 1u << route->method;
    }
  if (r->n)
    qsort(r->rows, r->n, sizeof r->rows[0], compare_rows);
  for (size_t i = 1; i < r->n; i++)
    if (compare_rows(&r->rows[i - 1], &r->rows[i]) == 0) {
      (void)snprintf(err, err_size, "The route %s %s is given twice.",
                     vd_method_name(r->rows[i].route->method), r->rows[i].route->pattern);
      goto fail;
    }
  return r;
fail:
  free(r);
  return NULL;
}

void vd_router_free(vd_router *r) {
  free(r);
}

uint32_t vd_router_methods(const vd_router *r) {
  uint32_t all = r->methods | 1u << VD_OPTIONS;
  return all & 1u << VD_GET ? all | 1u << VD_HEAD : all;
}

/* ---- matching ---- */

typedef struct segments {
  size_t n;
  const char *s[VD_PATH_SEGMENTS_MAX];
  size_t len[VD_PATH_SEGMENTS_MAX];
  const char *raw[VD_PATH_SEGMENTS_MAX]; /* where the segment begins in the path as sent */
} segments;

static vd_route_result split(const char *path, size_t path_len, char **scratch, segments *out) {
  const char *p = path, *end = path + path_len;
  out->n = 0;
  while (p < end) {
    p++; /* the slash */
    const char *slash = memchr(p, '/', (size_t)(end - p));
    size_t n = (size_t)((slash ? slash : end) - p), len = 0;
    if (!vd_percent_decode(p, n, false, *scratch, &len))
      return VD_ROUTE_BAD_PATH;
    if (out->n == VD_PATH_SEGMENTS_MAX)
      return VD_ROUTE_NOT_FOUND;
    out->raw[out->n] = p;
    out->s[out->n] = *scratch;
    out->len[out->n++] = len;
    *scratch += len + 1;
    p += n;
  }
  return VD_ROUTE_FOUND;
}

static bool matches(const char *pattern, const segments *in) {
  size_t i = 0;
  for (const char *p = pattern; *p; i++) {
    p++;
    size_t n = segment_len(p);
    int rank = segment_rank(p, n);
    if (rank == 2)
      return i < in->n;
    if (i == in->n || (rank == 1 && !in->len[i]))
      return false;
    if (rank == 0 && (n != in->len[i] || memcmp(p, in->s[i], n) != 0))
      return false;
    p += n;
  }
  return i == in->n;
}

/* Fills the parameters of a pattern that matches; split() has checked the encoding. Names stay in the pattern,
 * unterminated: vd_param() compares up to "}" or "*". */
static void take_params(const char *pattern, const segments *in, const char *path_end,
                        char *scratch, vd_match *out) {
  size_t i = 0;
  out->n_params = 0;
  for (const char *p = pattern; *p; i++) {
    p++;
    size_t n = segment_len(p);
    int rank = segment_rank(p, n);
    if (rank) {
      const char *value = in->s[i];
      if (rank == 2) {
        size_t len = 0;
        (void)vd_percent_decode(in->raw[i], (size_t)(path_end - in->raw[i]), false, scratch, &len);
        value = scratch;
        scratch += len + 1;
      }
      out->params[out->n_params++] = (vd_pair){p + 1, value};
    }
    p += n;
  }
}

vd_route_result vd_router_find(const vd_router *r, vd_method method, const char *path,
                               size_t path_len, char *scratch, vd_match *out) {
  segments in;
  const row *best = NULL;
  out->allowed = 0;
  vd_route_result rc = split(path, path_len, &scratch, &in);
  if (rc != VD_ROUTE_FOUND)
    return rc;
  for (size_t i = 0; i < r->n; i++) {
    const vd_route *route = r->rows[i].route;
    if (!out->allowed ? !matches(route->pattern, &in)
                      : compare_shape(route->pattern, r->rows[i - 1].route->pattern) != 0) {
      if (out->allowed)
        break; /* rows of one shape are neighbours */
      continue;
    }
    out->allowed |= 1u << route->method;
    if (route->method == method || (!best && method == VD_HEAD && route->method == VD_GET))
      best = &r->rows[i];
  }
  if (!out->allowed)
    return VD_ROUTE_NOT_FOUND;
  if (out->allowed & 1u << VD_GET)
    out->allowed |= 1u << VD_HEAD;
  out->allowed |= 1u << VD_OPTIONS;
  if (!best)
    return VD_ROUTE_NOT_ALLOWED;
  out->route = best->route;
  out->module = best->module;
  take_params(best->route->pattern, &in, path + path_len, scratch, out);
  return VD_ROUTE_FOUND;
}

/* ---- methods ---- */

static const char *const METHOD_NAMES[VD_METHOD_COUNT] = {
  [VD_METHOD_OTHER] = "-",      [VD_GET] = "GET",         [VD_HEAD] = "HEAD",
  [VD_POST] = "POST",           [VD_PUT] = "PUT",         [VD_PATCH] = "PATCH",
  [VD_DELETE] = "DELETE",       [VD_OPTIONS] = "OPTIONS", [VD_PROPFIND] = "PROPFIND",
  [VD_PROPPATCH] = "PROPPATCH", [VD_MKCOL] = "MKCOL",     [VD_COPY] = "COPY",
  [VD_MOVE] = "MOVE",           [VD_LOCK] = "LOCK",       [VD_UNLOCK] = "UNLOCK",
  [VD_REPORT] = "REPORT",
};

const char *vd_method_name(vd_method m) {
  return m < VD_METHOD_COUNT ? METHOD_NAMES[m] : "-";
}

void vd_allow_format(uint32_t allowed, char *out, size_t out_size) {
  size_t n = 0;
  out[0] = 0;
  for (unsigned m = VD_GET; m < VD_METHOD_COUNT; m++) {
    if (!(allowed & 1u << m))
      continue;
    int k = snprintf(out + n, out_size - n, "%s%s", n ? ", " : "", METHOD_NAMES[m]);
    if (k < 0 || (size_t)k >= out_size - n)
      return;
    n += (size_t)k;
  }
}
