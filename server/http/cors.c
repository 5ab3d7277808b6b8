#include "cors.h"

#include <string.h>

#include "internal.h"

#define SEPARATORS " ,"
#define MAX_AGE_S "7200" /* the longest that Chromium honours */

static const char request_fields[] =
  "Authorization, Content-Digest, Content-Disposition, Content-Type, Idempotency-Key, If-Match, "
  "If-None-Match, If-Range, Range, Repr-Digest, Tus-Resumable, Upload-Checksum, Upload-Complete, "
  "Upload-Concat, Upload-Defer-Length, Upload-Draft-Interop-Version, Upload-Length, "
  "Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, X-OC-Mtime, X-Request-Id, "
  "X-Requested-With";

static const char answer_fields[] =
  "Accept-Ranges, Content-Disposition, Content-Location, Content-Range, ETag, Location, RateLimit, "
  "RateLimit-Policy, Repr-Digest, Retry-After, Tus-Checksum-Algorithm, Tus-Extension, "
  "Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Complete, Upload-Concat, Upload-Defer-Length, "
  "Upload-Expires, Upload-Length, Upload-Limit, Upload-Metadata, Upload-Offset, WWW-Authenticate, "
  "X-Request-Id";

/* scheme "://" host [":" port], lower case, nothing behind: as browsers write an origin. */
static bool origin_valid(const char *s, size_t n) {
  static const char *const schemes[] = {"https://", "http://"};
  for (size_t i = 0; i < 2; i++) {
    size_t k = strlen(schemes[i]);
    if (n <= k || memcmp(s, schemes[i], k) != 0)
      continue;
    for (size_t at = k; at < n; at++)
      if (s[at] == '/' || s[at] == '?' || s[at] == '#' || (s[at] >= 'A' && s[at] <= 'Z'))
        return false;
    return vd_host_valid(s + k, n - k);
  }
  return false;
}

bool vd_cors_valid(const char *origins) {
  if (!origins || !strcmp(origins, "*"))
    return true;
  for (const char *p = origins + strspn(origins, SEPARATORS); *p;) {
    size_t n = strcspn(p, SEPARATORS);
    if (!origin_valid(p, n))
      return false;
    p += n + strspn(p + n, SEPARATORS);
  }
  return true;
}

bool vd_cors_allows(const char *origins, const char *origin) {
  size_t len = strlen(origin);
  if (!origins || !len)
    return false;
  if (!strcmp(origins, "*"))
    return true;
  for (const char *p = origins + strspn(origins, SEPARATORS); *p;) {
    size_t n = strcspn(p, SEPARATORS);
    if (n == len && !memcmp(p, origin, n))
      return true;
    p += n + strspn(p + n, SEPARATORS);
  }
  return false;
}

static void add_preflight(vd_request *rq) {
  char methods[256];
  vd_allow_format(rq->match.allowed, methods, sizeof methods);
  vd_add_header(&rq->rs, "Access-Control-Allow-Methods", methods);
  vd_add_header(&rq->rs, "Access-Control-Allow-Headers", request_fields);
  vd_add_header(&rq->rs, "Access-Control-Max-Age", MAX_AGE_S);
}

void vd_cors_apply(vd_request *rq) {
  const char *origins = rq->srv->cfg.cors_origins, *origin;
  bool any;
  if (!origins || !*origins || !rq->head_ok)
    return;
  any = !strcmp(origins, "*");
  if (!any) /* a cache must not give one origin's answer to another */
    vd_add_header(&rq->rs, "Vary", "Origin");
  origin = vd_header(rq, "origin");
  if (!origin || vd_header_nth(rq, "origin", 1) || !vd_cors_allows(origins, origin))
    return;
  vd_add_header(&rq->rs, "Access-Control-Allow-Origin", any ? "*" : origin);
  if (rq->method == VD_OPTIONS && vd_header(rq, "access-control-request-method"))
    add_preflight(rq);
  else
    vd_add_header(&rq->rs, "Access-Control-Expose-Headers", answer_fields);
}
