/* base64url without padding, base64 with padding (RFC 4648 §5, §4) and hex. Decoding is strict:
 * one text per value, so that two texts never mean the same bytes. Not constant time: for
 * secrets use it on transport forms only. Pure functions, any thread. */
#ifndef VAULT__ENCODE_H
#define VAULT__ENCODE_H

#include "vault/base.h"

/* Characters for n bytes, without the NUL. */
#define VAULT__B64URL_LEN(n) (((n)*4 + 2) / 3)
#define VAULT__B64_LEN(n) (((n) + 2) / 3 * 4)
#define VAULT__HEX_LEN(n) ((n)*2)

/* out: VAULT__B64URL_LEN(n) + 1, VAULT__B64_LEN(n) + 1 or VAULT__HEX_LEN(n) + 1 bytes. NUL-terminated. */
void vault__b64url(const void *p, uint64_t n, char *out);
void vault__b64(const void *p, uint64_t n, char *out);
void vault__hex(const void *p, uint64_t n, char *out); /* lower case */

/* out: room bytes; *out_n is what was written. On failure *out_n is untouched and out holds
 * nothing of meaning.
 * OK | INPUT (a character, padding, a length or unused bits that the encoder does not make)
 * | TOO_LARGE (needs more than room) */
vault_status vault__b64url_decode(const char *p, uint64_t n, void *out, uint64_t room,
                                  uint64_t *out_n);
vault_status vault__b64_decode(const char *p, uint64_t n, void *out, uint64_t room,
                               uint64_t *out_n);
vault_status vault__hex_decode(const char *p, uint64_t n, void *out, uint64_t room,
                               uint64_t *out_n);

#endif
