/* Several ranges of one content as multipart/byteranges (RFC 9110 14.6), made while it is sent. */
#ifndef VD_FILES_BYTERANGES_H
#define VD_FILES_BYTERANGES_H

#include <vault/item.h>

#include "http/http.h"
#include "http/range.h"

/* Answers 206 with 2 to VD_RANGES_MAX ranges of r, which it takes in any case; type is that of the content.
 * No blob is opened before its first byte is sent. Always VD_DONE. */
vd_next vd_byteranges_send(vd_request *rq, vd_response *rs, vault_reader *r, const char *type,
                           const vd_range *ranges, size_t n);

#endif
