/* The handlers of /api/v1/uploads, and what OPTIONS says at the places that take resumable uploads. */
#ifndef VD_UPLOADS_RESOURCE_H
#define VD_UPLOADS_RESOURCE_H

#include "http/http.h"

vd_next vd_options_uploads(vd_request *rq, vd_response *rs);
vd_next vd_options_upload(vd_request *rq, vd_response *rs);
vd_next vd_options_content(vd_request *rq, vd_response *rs);

vd_next vd_upload_get(vd_request *rq, vd_response *rs);
vd_next vd_upload_delete(vd_request *rq, vd_response *rs);

extern const vd_upload_ops vd_upload_create; /* POST */
extern const vd_upload_ops vd_upload_append; /* PATCH */

#endif
