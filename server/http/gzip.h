/* Compressed answers. User files are never compressed, nor is what has an entity tag: a strong tag names exact
 * bytes, and ours name the document (docs/decisions). Threads: any. */
#ifndef VD_HTTP_GZIP_H
#define VD_HTTP_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VD_GZIP_BYTES_MIN 1024u /* shorter bodies are sent as they are */

/* What the Accept-Encoding fields of a request say, one after the other (RFC 9110 12.5.3). */
typedef struct vd_accept_encoding {
  int gzip, identity, any; /* weight in thousandths; -1: not named */
  bool bad;                /* one could not be read: nothing is compressed */
} vd_accept_encoding;

void vd_accept_encoding_init(vd_accept_encoding *a);
void vd_accept_encoding_read(vd_accept_encoding *a, const char *value);
/* gzip is allowed, and liked no less than the plain bytes. */
bool vd_accept_encoding_gzip(const vd_accept_encoding *a);

/* A copy, to be freed with free(); NULL when it would not be shorter, or memory runs out. */
uint8_t *vd_gzip(const uint8_t *bytes, size_t len, size_t *out_len);

#endif
