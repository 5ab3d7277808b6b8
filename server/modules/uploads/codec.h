/* What the fields and the query of an upload say. Each returns false after it filled in a problem. */
#ifndef VD_UPLOADS_CODEC_H
#define VD_UPLOADS_CODEC_H

#include <stdbool.h>

#include <vault/upload.h>

#include "http/http.h"

/* The body is the content itself: no Content-Encoding, no Content-Range. */
bool vd_upload_plain(vd_request *rq, vd_response *rs);

/* Content-Type of a file; n = 0 when it says nothing, or is none: the name decides then. Borrowed. */
vault_str vd_upload_type(const char *value);

/* Upload-Complete of the resumable upload draft. false: absent or not a Boolean, which is the same. */
bool vd_upload_complete(const vd_request *rq, bool *complete);

/* Length, time, digests, content type and key into opts, whose texts are borrowed from rq. With
 * Upload-Complete: ?0 the body is a part: its length and Content-Digest are not the file's. */
bool vd_upload_fields(vd_request *rq, vd_response *rs, vault_upload_opts *opts);

/* If-Match and If-None-Match into opts; may look at what is there now (opts->item or opts->path). */
bool vd_upload_conditions(vd_request *rq, vd_response *rs, const vault_principal *who,
                          vault_upload_opts *opts);

#endif
