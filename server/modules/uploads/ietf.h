/* Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload-12): any request with content that has
 * Upload-Complete becomes an upload of its own, which HEAD, PATCH and DELETE continue. */
#ifndef VD_UPLOADS_IETF_H
#define VD_UPLOADS_IETF_H

#include <stdbool.h>

#include <vault/upload.h>

#include "http/http.h"

/* Interop version that is announced and answered, and an older one with the same wire format (-04, -05). When the
 * draft has become an RFC: 0, then 104 answers go to everybody, without Upload-Draft-Interop-Version. */
#define VD_IETF_INTEROP 8u
#define VD_IETF_INTEROP_OLD 6u

/* A plain upload with Upload-Complete: ?1 of a body that is declared to be this small stays plain: a repetition
 * costs less than an upload resource. Uploads made at /api/v1/uploads are not meant. */
#define VD_IETF_UPGRADE_BYTES_MIN 65537u

/* Upload-Limit for answers about no upload (view NULL) or about one. */
void vd_ietf_limit(vd_request *rq, vd_response *rs, const vault_upload_view *view);

/* What HEAD and GET say about an upload. */
void vd_ietf_describe(vd_request *rq, vd_response *rs, const vault_upload_view *view);

/* Whether a plain upload that is about to begin becomes a resumable one. */
bool vd_ietf_wanted(const vd_request *rq);

/* open of an upload whose target is in opts already (vd_upload_fields was called): with Upload-Complete a
 * resumable one, else a plain one. Continue with vd_transfer_data, _end and _cancel. */
vd_next vd_ietf_open(vd_request *rq, vd_response *rs, const vault_principal *who,
                     vault_upload_opts *opts);

/* open of POST /api/v1/uploads and of PATCH. */
vd_next vd_ietf_create(vd_request *rq, vd_response *rs);
vd_next vd_ietf_append(vd_request *rq, vd_response *rs);

#endif
