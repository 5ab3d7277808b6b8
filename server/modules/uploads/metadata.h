/* Upload-Metadata and Upload-Concat of tus 1.0, and the base64 that they and Upload-Checksum use. Pure. */
#ifndef VD_UPLOADS_METADATA_H
#define VD_UPLOADS_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vault/base.h>

#define VD_METADATA_PAIRS_MAX 32u
#define VD_METADATA_BYTES_MAX 4096u /* of the field's value */
#define VD_CONCAT_PARTS_MAX 64u     /* names of partial uploads in one Upload-Concat */

/* Standard alphabet, padded, nothing else (RFC 4648 section 4). false: malformed, or more than room bytes. */
bool vd_base64_decode(const char *text, size_t len, uint8_t *out, size_t room, size_t *n);

typedef struct vd_metadata_pair {
  vault_str key;
  vault_str value; /* decoded; any bytes; n = 0 when there is none */
} vd_metadata_pair;

typedef struct vd_metadata {
  size_t n;
  vd_metadata_pair pairs[VD_METADATA_PAIRS_MAX]; /* keys point into the field, values into bytes */
  uint8_t bytes[VD_METADATA_BYTES_MAX];
} vd_metadata;

typedef enum vd_metadata_result {
  VD_METADATA_OK,
  VD_METADATA_BAD, /* no key, not visible ASCII, a key twice, or a value that is not base64 */
  VD_METADATA_LONG /* more than VD_METADATA_PAIRS_MAX pairs or VD_METADATA_BYTES_MAX bytes */
} vd_metadata_result;

/* An empty field is no metadata: some clients send one. field must outlive out. */
vd_metadata_result vd_metadata_parse(const char *field, vd_metadata *out);

/* The value of a key; NULL when it is absent, empty, or one of the words that clients in JavaScript make of a
 * value that is not there ("null", "undefined"). */
const vault_str *vd_metadata_find(const vd_metadata *m, const char *key);

typedef enum vd_concat_kind { VD_CONCAT_BAD, VD_CONCAT_PARTIAL, VD_CONCAT_FINAL } vd_concat_kind;

typedef struct vd_concat {
  vd_concat_kind kind;
  size_t n;
  vault_str
    parts[VD_CONCAT_PARTS_MAX]; /* {id} of each /api/v1/uploads/{id}; point into the field */
} vd_concat;

/* "partial", or "final;" and URLs of uploads of this server, absolute or relative. false: neither, a URL of
 * something else, no URL, or more than VD_CONCAT_PARTS_MAX. The host of an absolute URL is not compared: the {id}
 * decides whether it is ours. */
bool vd_concat_parse(const char *field, vd_concat *out);

/* A whole number of tus: decimal digits. What does not fit in 63 bits becomes INT64_MAX, which is above every
 * limit. false: anything else. */
bool vd_tus_number(const char *text, uint64_t *out);

#endif
