/* What the two halves of the draft share: ietf.c (answers) and ietf_open.c (requests). */
#ifndef VD_UPLOADS_IETF_MANNER_H
#define VD_UPLOADS_IETF_MANNER_H

#include "transfer.h"

extern const vd_manner vd_ietf_manner;

/* The interop version that the request asks for, if it is one of ours; else 0. */
uint32_t vd_ietf_interop(const vd_request *rq);

/* A field that is an Integer; false when absent, twice or anything else, which the draft wants ignored. */
bool vd_ietf_integer(const vd_request *rq, const char *name, uint64_t *out);

/* 104 with the upload's URL and limits. */
void vd_ietf_announce(vd_transfer *t, const vault_upload_view *view);

/* Problem types of the draft. */
void vd_ietf_bad_length(vd_request *rq, vd_response *rs);
void vd_ietf_bad_offset(vd_request *rq, vd_response *rs, uint64_t expected, uint64_t provided);

#endif
