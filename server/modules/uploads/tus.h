/* tus 1.0 (https://tus.io/protocols/resumable-upload): core, creation, creation-with-upload,
 * creation-defer-length, expiration, checksum, checksum-trailer, termination, concatenation,
 * concatenation-unfinished. */
#ifndef VD_UPLOADS_TUS_H
#define VD_UPLOADS_TUS_H

#include <stdbool.h>

#include <vault/upload.h>

#include "http/http.h"

/* The request speaks tus: it has a Tus-Resumable field. */
bool vd_tus_spoken(const vd_request *rq);

/* For every request that speaks tus, first of all: Tus-Resumable into the answer. false: another version, the
 * answer is filled in and nothing may be done. */
bool vd_tus_greet(vd_request *rq, vd_response *rs);

/* What an answer to OPTIONS says about tus. */
void vd_tus_offer(vd_request *rq, vd_response *rs);

/* What HEAD and GET say about an upload. */
void vd_tus_describe(vd_request *rq, vd_response *rs, const vault_principal *who,
                     const vault_upload_view *view);

/* open of POST and PATCH. */
vd_next vd_tus_create(vd_request *rq, vd_response *rs);
vd_next vd_tus_append(vd_request *rq, vd_response *rs);

#endif
