#include "sign.h"

#include <sodium.h>

void vault__sign_keypair(const uint8_t seed[VAULT__SIGN_SEED], uint8_t pub[VAULT__SIGN_PUBLIC],
                         uint8_t secret[VAULT__SIGN_SECRET]) {
  (void)crypto_sign_seed_keypair(pub, secret, seed);
}

void vault__sign(const uint8_t secret[VAULT__SIGN_SECRET], const void *p, uint64_t n,
                 uint8_t out[VAULT__SIGN_BYTES]) {
  (void)crypto_sign_detached(out, NULL, p, n, secret);
}

int vault__sign_verify(const uint8_t pub[VAULT__SIGN_PUBLIC], const void *p, uint64_t n,
                       const uint8_t signature[VAULT__SIGN_BYTES]) {
  return crypto_sign_verify_detached(signature, p, n, pub) == 0;
}
