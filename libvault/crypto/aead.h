/* Sealing small secrets at rest, like a code in the outbox: XChaCha20-Poly1305. The nonce has
 * 24 random bytes and stands in front of the sealed text. Pure functions, any thread. */
#ifndef VAULT__AEAD_H
#define VAULT__AEAD_H

#include "libvault/crypto/crypto.h"
#include "vault/base.h"

#define VAULT__AEAD_NONCE 24
#define VAULT__AEAD_OVERHEAD (VAULT__AEAD_NONCE + 16)

/* nonce: fresh random bytes, never used twice with one key. ad is authenticated, not kept.
 * out: n + VAULT__AEAD_OVERHEAD bytes. */
void vault__aead_seal(const uint8_t key[VAULT__KEY_BYTES], const uint8_t nonce[VAULT__AEAD_NONCE],
                      const void *ad, uint64_t ad_n, const void *p, uint64_t n, uint8_t *out);

/* out: n - VAULT__AEAD_OVERHEAD bytes, zeroed on failure.
 * OK | CORRUPT (too short, changed, or of another key or ad) */
vault_status vault__aead_open(const uint8_t key[VAULT__KEY_BYTES], const void *ad, uint64_t ad_n,
                              const uint8_t *p, uint64_t n, uint8_t *out, vault_err *err);

#endif
