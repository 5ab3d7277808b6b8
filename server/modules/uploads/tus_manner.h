/* What the two halves of tus share: tus.c (answers) and tus_open.c (requests). */
#ifndef VD_UPLOADS_TUS_MANNER_H
#define VD_UPLOADS_TUS_MANNER_H

#include "transfer.h"

extern const vd_manner vd_tus_manner;

void vd_tus_fail(vd_request *rq, vd_response *rs, vault_status s, const vault_err *err);
void vd_tus_expires(vd_response *rs, int64_t expires_ms);
/* Which item the upload became. */
void vd_tus_name_item(vd_request *rq, vd_response *rs, const vault_id *item);
/* false: the answer is filled in. */
bool vd_tus_read_checksum(vd_response *rs, const char *value, vd_checksum *out);

#endif
