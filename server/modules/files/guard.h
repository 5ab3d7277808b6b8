/* If-Match on items, and Idempotency-Key: what guards a change. */
#ifndef VD_FILES_GUARD_H
#define VD_FILES_GUARD_H

#include <stdbool.h>

#include <vault/item.h>

#include "http/http.h"

/* Fills guard from the request; the key is borrowed from it. false: answered (412, 400). */
bool vd_guard_read(vd_request *rq, vd_response *rs, const vault_principal *who,
                   const vault_id *item, vault_guard *out);

#endif
