#include "crypto.h"

#include <sodium.h>

#include "libvault/base/err.h"

vault_status vault__crypto_init(vault_err *err) {
  if (sodium_init() < 0) /* 1: was done before */
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_CRYPTO, 0,
                       "libsodium cannot start: the system gives no random bytes");
  return VAULT_OK;
}
