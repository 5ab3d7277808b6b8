/* What a file is by its first bytes, for the few kinds that a browser may show in place. Pure. */
#ifndef VD_FILES_SNIFF_H
#define VD_FILES_SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VD_SNIFF_BYTES 64u /* more are not looked at */

/* "image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "video/mp4", "video/webm", or NULL.
 * What can hold scripts (HTML, SVG, PDF) is not among them. */
const char *vd_sniff(const uint8_t *bytes, size_t n);

/* Whether a content type is one of these. */
bool vd_sniff_knows(const char *type);

#endif
