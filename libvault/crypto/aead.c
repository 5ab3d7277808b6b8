#include "aead.h"

#include <sodium.h>
#include <string.h>

#include "libvault/base/err.h"

_Static_assert(VAULT__AEAD_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(VAULT__AEAD_OVERHEAD - VAULT__AEAD_NONCE ==
                 crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "tag");

void vault__aead_seal(const uint8_t key[VAULT__KEY_BYTES], const uint8_t nonce[VAULT__AEAD_NONCE],
                      const void *ad, uint64_t ad_n, const void *p, uint64_t n, uint8_t *out) {
  memcpy(out, nonce, VAULT__AEAD_NONCE);
  (void)crypto_aead_xchacha20poly1305_ietf_encrypt(out + VAULT__AEAD_NONCE, NULL, p, n, ad, ad_n,
                                                   NULL, nonce, key);
}

vault_status vault__aead_open(const uint8_t key[VAULT__KEY_BYTES], const void *ad, uint64_t ad_n,
                              const uint8_t *p, uint64_t n, uint8_t *out, vault_err *err) {
  if (n >= VAULT__AEAD_OVERHEAD &&
      crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, p + VAULT__AEAD_NONCE,
                                                 n - VAULT__AEAD_NONCE, ad, ad_n, p, key) == 0)
    return VAULT_OK;
  if (n > VAULT__AEAD_OVERHEAD)
    memset(out, 0, (size_t)(n - VAULT__AEAD_OVERHEAD));
  return vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_CRYPTO, 0,
                     "a sealed value cannot be opened: it was changed, or sealed with another key");
}
