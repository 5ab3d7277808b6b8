/* Checksums of one request's bytes: Upload-Checksum of tus, Content-Digest of RFC 9530.
 * Threads: a vd_sum belongs to one thread at a time. */
#ifndef VD_UPLOADS_CHECKSUM_H
#define VD_UPLOADS_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of Tus-Checksum-Algorithm. */
#define VD_CHECKSUM_NAMES "sha1,sha256,crc32c"
#define VD_CHECKSUM_BYTES_MAX 32u

/* Bits, so that one pass can make several: a trailer says its algorithm only after the bytes. */
#define VD_SUM_SHA1 1u
#define VD_SUM_SHA256 2u
#define VD_SUM_CRC32C 4u
#define VD_SUM_ALL 7u

typedef struct vd_checksum {
  uint32_t kind; /* one VD_SUM_* */
  size_t n;
  uint8_t bytes[VD_CHECKSUM_BYTES_MAX]; /* crc32c: four bytes, the highest first */
} vd_checksum;

typedef enum vd_checksum_result {
  VD_CHECKSUM_OK,
  VD_CHECKSUM_UNKNOWN, /* well formed, but not one of VD_CHECKSUM_NAMES */
  VD_CHECKSUM_BAD      /* not "NAME BASE64", or not as many bytes as the algorithm makes */
} vd_checksum_result;

/* The value of an Upload-Checksum field. */
vd_checksum_result vd_checksum_parse(const char *field, vd_checksum *out);

typedef struct vd_sum vd_sum;

/* kinds: VD_SUM_* together, at least one. NULL: no memory. */
vd_sum *vd_sum_new(uint32_t kinds);
/* false: the digest failed; the sum then equals nothing. */
bool vd_sum_update(vd_sum *s, const uint8_t *bytes, size_t n);
/* Once, after the last byte: whether the bytes have this checksum. */
bool vd_sum_equals(vd_sum *s, const vd_checksum *expected);
void vd_sum_free(vd_sum *s); /* NULL is legal */

/* CRC-32C (Castagnoli, reflected; RFC 3720 appendix B.4), continued from crc; 0 to begin. */
uint32_t vd_crc32c(uint32_t crc, const uint8_t *bytes, size_t n);

#endif
