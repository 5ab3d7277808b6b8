#include "mac.h"

#include <sodium.h>
#include <string.h>

#include "libvault/base/alloc.h"

/* libsodium's HMAC: slower than libcrypto's per byte, but it needs no memory and cannot fail,
 * and what is authenticated here is short. */
void vault__mac(const void *key, uint64_t key_n, const void *p, uint64_t n,
                uint8_t out[VAULT__MAC_BYTES]) {
  crypto_auth_hmacsha256_state s;
  (void)crypto_auth_hmacsha256_init(&s, key, (size_t)key_n);
  if (n)
    (void)crypto_auth_hmacsha256_update(&s, p, n);
  (void)crypto_auth_hmacsha256_final(&s, out);
  vault__wipe(&s, sizeof s);
}

int vault__equal(const void *a, const void *b, uint64_t n) {
  return sodium_memcmp(a, b, (size_t)n) == 0;
}

void vault__kdf(const uint8_t key[VAULT__KEY_BYTES], const char *label, const void *context,
                uint64_t context_n, uint8_t out[VAULT__KEY_BYTES]) {
  crypto_generichash_blake2b_state s;
  uint64_t label_n = strlen(label);
  uint8_t head[1], length[8];
  head[0] = (uint8_t)label_n;
  for (unsigned i = 0; i < sizeof length; i++)
    length[i] = (uint8_t)(context_n >> (8 * i));
  (void)crypto_generichash_blake2b_init(&s, key, VAULT__KEY_BYTES, VAULT__KEY_BYTES);
  (void)crypto_generichash_blake2b_update(&s, head, sizeof head);
  (void)crypto_generichash_blake2b_update(&s, (const unsigned char *)label, label_n);
  (void)crypto_generichash_blake2b_update(&s, length, sizeof length);
  if (context_n)
    (void)crypto_generichash_blake2b_update(&s, context, context_n);
  (void)crypto_generichash_blake2b_final(&s, out, VAULT__KEY_BYTES);
  vault__wipe(&s, sizeof s);
}
