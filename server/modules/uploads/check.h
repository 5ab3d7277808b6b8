/* POST /uploads/check: which contents are there already. */
#ifndef VD_UPLOADS_CHECK_H
#define VD_UPLOADS_CHECK_H

#include "http/http.h"

#define VD_CHECK_BODY_BYTES_MAX 131072u /* VAULT_CHECK_MAX digests as JSON, and some room */

vd_next vd_uploads_check(vd_request *rq, vd_response *rs);

#endif
