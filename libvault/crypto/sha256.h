/* SHA-256 (RFC 6234) with a state that can be stored and continued: an upload that was
 * interrupted is never read again to hash it. libcrypto's block function, which uses the
 * processor's own instructions. A state is confined to one thread; it holds no pointer. */
#ifndef VAULT__SHA256_H
#define VAULT__SHA256_H

#include "vault/base.h"

#define VAULT__SHA256_BYTES 32
#define VAULT__SHA256_SAVED 105 /* version, eight words, length, the open block */

typedef struct vault__sha256 {
  uint64_t opaque[14]; /* libcrypto's SHA256_CTX; checked when sha256.c is compiled */
} vault__sha256;

void vault__sha256_init(vault__sha256 *s);
void vault__sha256_add(vault__sha256 *s, const void *p, uint64_t n);
/* s is wiped: call init before using it again. */
void vault__sha256_end(vault__sha256 *s, uint8_t out[VAULT__SHA256_BYTES]);

/* All of it in one call. */
void vault__sha256_of(const void *p, uint64_t n, uint8_t out[VAULT__SHA256_BYTES]);

/* How many bytes were added. */
uint64_t vault__sha256_length(const vault__sha256 *s);

/* Store the state between two adds; the bytes are the same on every machine. They show the last
 * up to 63 bytes that were hashed. */
void vault__sha256_save(const vault__sha256 *s, uint8_t out[VAULT__SHA256_SAVED]);

/* The chaining value as 32 bytes: the hash so far without its end. Only when a multiple of 64
 * bytes was added. */
void vault__sha256_chain(const vault__sha256 *s, uint8_t out[VAULT__SHA256_BYTES]);

/* Go on from a chaining value after `length` bytes, a multiple of 64. */
void vault__sha256_resume(vault__sha256 *s, const uint8_t chain[VAULT__SHA256_BYTES],
                          uint64_t length);

/* OK | CORRUPT (not what save made). s is untouched on failure. */
vault_status vault__sha256_load(const void *p, uint64_t n, vault__sha256 *s, vault_err *err);

#endif
