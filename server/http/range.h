/* Byte ranges of RFC 9110 section 14. Pure. */
#ifndef VD_HTTP_RANGE_H
#define VD_HTTP_RANGE_H

#include <stddef.h>
#include <stdint.h>

#define VD_RANGES_MAX 16u        /* parts of one answer */
#define VD_RANGES_ASKED_MAX 128u /* in one field */

typedef struct vd_range {
  uint64_t first, len;
} vd_range;

typedef enum vd_range_result {
  VD_RANGE_WHOLE,        /* no usable Range: answer 200 with everything */
  VD_RANGE_PART,         /* answer 206 with *n ranges, none of them empty */
  VD_RANGE_UNSATISFIABLE /* answer 416 with Content-Range "bytes", star, slash, size */
} vd_range_result;

/* value: the Range field or NULL; size: of the representation. A last position beyond the end, of any
 * number of digits, is clipped. Ranges that overlap or touch become one, in the place of the first of them;
 * those that begin behind the end are left out, unless all do. Ignored, which the RFC allows, so that the
 * answer is the whole: other units, bad syntax, more than VD_RANGES_ASKED_MAX ranges, and what leaves more
 * than VD_RANGES_MAX. out has room for VD_RANGES_MAX; it and *n are set for VD_RANGE_PART only. */
vd_range_result vd_ranges_parse(const char *value, uint64_t size, vd_range *out, size_t *n);

#endif
