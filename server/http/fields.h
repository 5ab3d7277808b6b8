/* Small parsers and writers of header field values. Pure; no allocation. */
#ifndef VD_HTTP_FIELDS_H
#define VD_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VD_DATE_SIZE 30u /* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL */
#define VD_SHA256_BYTES 32u
#define VD_SHA256_FIELD_SIZE 55u  /* "sha-256=:" base64 ":" and NUL */
#define VD_DISPOSITION_SIZE 1600u /* enough for any name of 255 bytes */

/* IMF-fixdate (RFC 9110 5.6.7). Years 0..9999, else clipped. out: VD_DATE_SIZE bytes. */
void vd_date_format(int64_t unix_s, char *out);
/* All three forms of RFC 9110 5.6.7. false: not a date, *unix_s untouched. */
bool vd_date_parse(const char *value, int64_t *unix_s);

/* Content-Disposition (RFC 6266) for a file name in UTF-8 (bytes that are not UTF-8 become '_'):
 * an ASCII fallback and, where it differs, filename* (RFC 8187). inline_view: "inline", else
 * "attachment". out_size >= VD_DISPOSITION_SIZE always suffices for 255 bytes; false if it does not fit. */
bool vd_disposition_format(bool inline_view, const char *name, size_t name_len, char *out,
                           size_t out_size);

/* RFC 9530 Repr-Digest / Content-Digest. */
void vd_digest_format(const uint8_t sha256[VD_SHA256_BYTES], char out[VD_SHA256_FIELD_SIZE]);
typedef enum vd_digest_result {
  VD_DIGEST_NONE, /* well formed, but without sha-256: ignore it */
  VD_DIGEST_FOUND,
  VD_DIGEST_BAD /* not a dictionary of byte sequences, or sha-256 not of 32 bytes: 400 */
} vd_digest_result;
vd_digest_result vd_digest_parse(const char *value, uint8_t sha256[VD_SHA256_BYTES]);

/* One cookie of a Cookie field. false when absent or longer than out. */
bool vd_cookie_find(const char *value, const char *name, char *out, size_t out_size);

/* A token of RFC 9110 5.6.2 in a comma-separated list, any case. */
bool vd_list_has(const char *value, const char *token);
/* Same bytes, any ASCII case. */
bool vd_same_word(const char *a, const char *b);

#endif
