/* The table of all modules' routes, sorted once; matching walks it. */
#ifndef VD_HTTP_ROUTER_H
#define VD_HTTP_ROUTER_H

#include "http.h"
#include "limits.h"
#include "uri.h"

typedef struct vd_router vd_router;

typedef struct vd_match {
  const vd_route *route; /* set for VD_ROUTE_FOUND */
  size_t module;         /* index of its module */
  vd_pair params[VD_PARAM_COUNT_MAX];
  size_t n_params;
  uint32_t allowed; /* bit per vd_method of the pattern that matched, HEAD and OPTIONS included */
} vd_match;

typedef enum vd_route_result {
  VD_ROUTE_FOUND,
  VD_ROUTE_NOT_FOUND,   /* 404 */
  VD_ROUTE_NOT_ALLOWED, /* 405 with Allow; an OPTIONS without route too */
  VD_ROUTE_BAD_PATH     /* 400: bad percent-encoding or NUL */
} vd_route_result;

/* NULL with a sentence in err when a route is malformed or given twice. Tables are borrowed. */
vd_router *vd_router_new(const vd_module *const *modules, size_t n_modules, char *err,
                         size_t err_size);
void vd_router_free(vd_router *r);

/* path: percent-encoded. scratch: at least 2 * path_len + 2 bytes, keeps the parameters. */
vd_route_result vd_router_find(const vd_router *r, vd_method method, const char *path,
                               size_t path_len, char *scratch, vd_match *out);

/* "GET, HEAD, OPTIONS" for a set of methods. */
void vd_allow_format(uint32_t allowed, char *out, size_t out_size);
/* Every method that any route has. */
uint32_t vd_router_methods(const vd_router *r);

#endif
