/* What stands in the query, the path and the fields of a request, checked.
 * Each returns false after it filled in a problem. Threads: inside the handler of the request. */
#ifndef VD_COMMON_PARAMS_H
#define VD_COMMON_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include <vault/item.h>

#include "http/http.h"

/* No parameter but these. */
bool vd_only_params(vd_request *rq, vd_response *rs, const char *const *known, size_t n);

/* {id} of the path. Anything that is not an id cannot exist: 404. */
bool vd_path_id(vd_request *rq, vd_response *rs, vault_id *out);

/* ?space=, VAULT_SPACE_FILES when absent. */
bool vd_query_space(vd_request *rq, vd_response *rs, uint32_t *space);
/* ?name= as an id, zero when absent. */
bool vd_query_id(vd_request *rq, vd_response *rs, const char *name, vault_id *out);
/* ?limit=, 0 when absent; the library's maximum holds. */
bool vd_query_limit(vd_request *rq, vd_response *rs, uint32_t *limit);

/* Idempotency-Key: 1…VAULT_OP_KEY_MAX visible ASCII characters; n = 0 when absent. Borrowed. */
bool vd_op_key(vd_request *rq, vd_response *rs, vault_str *out);

#endif
