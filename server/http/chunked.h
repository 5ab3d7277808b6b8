/* Decoder of chunked bodies (RFC 9112 section 7.1). Pure: no I/O, no allocation.
 *
 * Not llhttp: the version that Debian 12 packages refuses legal chunk extensions ("a=b;c", quoted values) and
 * takes a bare LF for the end of the trailer section. Here every line ends in CRLF, a size has at most 16
 * digits and no space, extensions are skipped, trailers skipped or kept; both are bounded in all. */
#ifndef VD_HTTP_CHUNKED_H
#define VD_HTTP_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

typedef struct vd_chunked { /* all zero at the start of a body, but for trailers */
  uint8_t state;
  uint8_t digits; /* of the size being read */
  uint64_t left;  /* data bytes of this chunk */
  uint32_t extension_bytes, trailer_bytes;
  char *
    trailers; /* NULL, or room for VD_TRAILER_BYTES_MAX: gets trailer_bytes of the section as sent */
} vd_chunked;

typedef enum vd_chunked_result {
  VD_CHUNKED_MORE, /* all of the input was used */
  VD_CHUNKED_DATA, /* *data, *data_len: bytes of the body; call again with what is behind *used */
  VD_CHUNKED_END,  /* the body is complete; what is behind *used belongs to the next request */
  VD_CHUNKED_BAD,  /* 400 */
  VD_CHUNKED_EXTENSIONS_BIG, /* 400 */
  VD_CHUNKED_TRAILERS_BIG    /* 431 */
} vd_chunked_result;

vd_chunked_result vd_chunked_next(vd_chunked *d, const char *input, size_t input_len, size_t *used,
                                  const char **data, size_t *data_len);

#endif
