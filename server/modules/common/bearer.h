/* Who is calling: the Authorization field (RFC 6750), and what limits see of a client.
 * Threads: inside the handler of the request. */
#ifndef VD_COMMON_BEARER_H
#define VD_COMMON_BEARER_H

#include <stdbool.h>

#include <vault/auth.h>

#include "http/http.h"

/* Address and User-Agent, borrowed from the request; the device name stays empty. */
void vd_client_of(const vd_request *rq, vault_client *out);

/* VD_CONTINUE: *who is known. VD_DONE: the problem is filled in. VD_WORKER, only on the loop: the answer is not at
 * hand without waiting. Return the last two from the handler as they are. */
vd_next vd_identify(vd_request *rq, vd_response *rs, vault_principal *who);

/* For handlers that run on workers only. true and *who; false: the problem is filled in, return VD_DONE. */
bool vd_authenticate(vd_request *rq, vd_response *rs, vault_principal *who);

#endif
