/* Byte ranges of RFC 9110 section 14. Pure. */
#ifndef VD_HTTP_RANGE_H
#define VD_HTTP_RANGE_H

#include <stdint.h>

typedef enum vd_range_result {
  VD_RANGE_WHOLE,        /* no usable Range: answer 200 with everything */
  VD_RANGE_PART,         /* answer 206 with [*first, *first + *len) */
  VD_RANGE_UNSATISFIABLE /* answer 416 with Content-Range "bytes", star, slash, size */
} vd_range_result;

/* value: the Range field or NULL; size: of the representation. A last position beyond the end, of any
 * number of digits, is clipped. Other units, bad syntax and several ranges are ignored, which the RFC
 * allows: the answer is then the whole. *first and *len are set for VD_RANGE_PART only. */
vd_range_result vd_range_parse(const char *value, uint64_t size, uint64_t *first, uint64_t *len);

#endif
