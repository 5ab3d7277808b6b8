/* Ed25519 (RFC 8032), for access tokens. Pure functions, any thread. */
#ifndef VAULT__SIGN_H
#define VAULT__SIGN_H

#include "vault/base.h"

#define VAULT__SIGN_SEED 32
#define VAULT__SIGN_PUBLIC 32
#define VAULT__SIGN_SECRET 64 /* seed and public key */
#define VAULT__SIGN_BYTES 64

void vault__sign_keypair(const uint8_t seed[VAULT__SIGN_SEED], uint8_t pub[VAULT__SIGN_PUBLIC],
                         uint8_t secret[VAULT__SIGN_SECRET]);

void vault__sign(const uint8_t secret[VAULT__SIGN_SECRET], const void *p, uint64_t n,
                 uint8_t out[VAULT__SIGN_BYTES]);

/* 1 when the signature is good. Refuses points of small order and non-canonical forms. */
int vault__sign_verify(const uint8_t pub[VAULT__SIGN_PUBLIC], const void *p, uint64_t n,
                       const uint8_t signature[VAULT__SIGN_BYTES]);

#endif
