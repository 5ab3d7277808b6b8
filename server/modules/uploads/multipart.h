/* multipart/form-data (RFC 7578, framing of RFC 2046) as it arrives: pure, bounded, no allocation.
 *
 * Strict, since what two readers understand differently is how one of them is cheated: lines end in CRLF,
 * header fields are not folded, Content-Disposition stands once, each parameter of it once. As browsers
 * and curl write it: names and file names are UTF-8 in quotes with %22, %0D and %0A for what cannot stand
 * there, a backslash is itself, except that \" is a quote (older curl). filename* (RFC 8187) wins over
 * filename; RFC 7578 asks nobody to send it, some do. The result never depends on how the bytes are cut. */
#ifndef VD_UPLOADS_MULTIPART_H
#define VD_UPLOADS_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VD_MP_BOUNDARY_BYTES_MAX 70u /* RFC 2046 5.1.1 */
#define VD_MP_HEADER_BYTES_MAX 8192u /* header block of a part, with the empty line behind it */
#define VD_MP_NAME_BYTES_MAX 255u    /* name of a field */
#define VD_MP_MARGIN_BYTES_MAX 1024u /* before the first and behind the last boundary, each */
#define VD_MP_PADDING_BYTES_MAX 64u  /* spaces behind a boundary */

typedef struct vd_mp_part {
  const char *name;     /* UTF-8, never empty */
  const char *filename; /* UTF-8, may be empty; NULL: a field, not a file */
  const char *type;     /* Content-Type as sent; NULL when absent */
} vd_mp_part;

typedef enum vd_mp_event {
  VD_MP_MORE, /* all of the input is used */
  VD_MP_PART, /* p->part is valid until VD_MP_PART_END */
  VD_MP_DATA, /* p->data, p->data_len: borrowed until the next call */
  VD_MP_PART_END,
  VD_MP_BAD /* p->why says what; also from every later call */
} vd_mp_event;

typedef struct vd_multipart {
  vd_mp_part part;
  const uint8_t *data;
  size_t data_len;
  const char *why; /* static */
  /* ---- the rest is the parser's ---- */
  uint8_t delim[4 + VD_MP_BOUNDARY_BYTES_MAX]; /* CR LF - - boundary */
  uint32_t delim_len, matched;                 /* of delim, bytes that are seen already */
  uint32_t state, count;
  uint32_t header_len;
  char header[VD_MP_HEADER_BYTES_MAX + 1];
} vd_multipart;

typedef enum vd_mp_type {
  VD_MP_TYPE_OK,
  VD_MP_TYPE_OTHER, /* not multipart/form-data, or no Content-Type at all */
  VD_MP_TYPE_BAD    /* without a boundary, or with one that RFC 2046 does not allow */
} vd_mp_type;

/* Start a parser for a body of this Content-Type (may be NULL). */
vd_mp_type vd_multipart_init(vd_multipart *p, const char *content_type);

/* The next event of the input at *bytes, *len, both of which are moved on. */
vd_mp_event vd_multipart_next(vd_multipart *p, const uint8_t **bytes, size_t *len);

/* The last boundary was seen: a body that ends before is cut off. */
bool vd_multipart_complete(const vd_multipart *p);

/* part_header.c: text is a header block without its empty line, changed in place, since part points into it.
 * NULL, or a static sentence that says what is wrong. */
const char *vd_mp_header_read(char *text, vd_mp_part *part);

/* part_header.c: text is what follows the value of a field. *at: where its first parameter starts, NULL: it has
 * none. false: it is not "; …". */
bool vd_mp_parameters(char *text, char **at);
/* part_header.c: takes the parameter at *at, in place. *at: the next one, NULL behind the last. forms: quoted
 * values are as HTML forms write them; else as RFC 9110 5.6.4. false: bad syntax. */
bool vd_mp_parameter(char **at, bool forms, char **attribute, char **value);
/* part_header.c: the file name in a whole value of Content-Disposition (RFC 6266), in place: filename*, else filename,
 * and of a path its last part. NULL: there is none, or it cannot be read. */
const char *vd_mp_disposition_name(char *value);

#endif
