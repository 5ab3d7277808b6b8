/* Items of Structured Fields (RFC 9651, section 4.2) as the resumable upload draft uses them. Pure.
 * A value of another type, a list or a malformed one is false: the draft wants the whole field to be
 * ignored then. Parameters behind the item are checked and ignored. */
#ifndef VD_UPLOADS_STRUCTURED_H
#define VD_UPLOADS_STRUCTURED_H

#include <stdbool.h>
#include <stdint.h>

#define VD_SF_INTEGER_MAX UINT64_C(999999999999999) /* 15 digits: the largest Integer */

/* "?0" or "?1". out is untouched on false. */
bool vd_sf_boolean(const char *value, bool *out);
/* An Integer that is not negative. out is untouched on false. */
bool vd_sf_integer(const char *value, uint64_t *out);

#endif
