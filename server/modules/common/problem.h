/* From a failure to an answer (RFC 9457). One table says which status becomes which HTTP status.
 * Threads: inside the handler of the request. */
#ifndef VD_COMMON_PROBLEM_H
#define VD_COMMON_PROBLEM_H

#include <vault/base.h>

#include "context.h"
#include "http/http.h"

/* 400…599 for a status of the library. */
int vd_http_status_of(vault_status s);

/* What a client is told of a failed call. Texts and item are borrowed from err, or static. */
typedef struct vd_failure {
  int http;
  int64_t retry_after_s; /* 0: waiting does not help */
  const char *code, *detail;
  const vault_id *item; /* in the way; or NULL */
} vd_failure;

/* For answers that hold several results. Logs the failure when it is our fault. Any thread. */
void vd_failure_of(const vd_context *app, const char *request_id, vault_status s,
                   const vault_err *err, vd_failure *out);

/* Fill in the answer for a failed call, and log it when it is our fault. Always VD_DONE. */
vd_next vd_fail(vd_request *rq, vd_response *rs, vault_status s, const vault_err *err);

/* 400 with a code of the server ("bad_parameter", "bad_json", …). Always VD_DONE. */
vd_next vd_bad_request(vd_response *rs, const char *code, const char *detail);

#endif
