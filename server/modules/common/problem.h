/* From a failure to an answer (RFC 9457). One table says which status becomes which HTTP status.
 * Threads: inside the handler of the request. */
#ifndef VD_COMMON_PROBLEM_H
#define VD_COMMON_PROBLEM_H

#include <vault/base.h>

#include "http/http.h"

/* 400…599 for a status of the library. */
int vd_http_status_of(vault_status s);

/* Fill in the answer for a failed call, and log it when it is our fault. Always VD_DONE. */
vd_next vd_fail(vd_request *rq, vd_response *rs, vault_status s, const vault_err *err);

/* 400 with a code of the server ("bad_parameter", "bad_json", …). Always VD_DONE. */
vd_next vd_bad_request(vd_response *rs, const char *code, const char *detail);

#endif
