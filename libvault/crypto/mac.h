/* HMAC-SHA256 (RFC 2104, RFC 4231), comparing secrets, deriving keys. Pure functions, any thread. */
#ifndef VAULT__MAC_H
#define VAULT__MAC_H

#include "libvault/crypto/crypto.h"
#include "vault/base.h"

#define VAULT__MAC_BYTES 32

/* key of any length; 32 bytes in this library. */
void vault__mac(const void *key, uint64_t key_n, const void *p, uint64_t n,
                uint8_t out[VAULT__MAC_BYTES]);

/* 1 when the n bytes are equal. Takes the same time whatever they hold. */
int vault__equal(const void *a, const void *b, uint64_t n);

/* A key of its own for one purpose: keyed BLAKE2b-256 over the label and the context, each
 * preceded by its length. label: at most 255 characters, a constant of the caller. */
void vault__kdf(const uint8_t key[VAULT__KEY_BYTES], const char *label, const void *context,
                uint64_t context_n, uint8_t out[VAULT__KEY_BYTES]);

#endif
