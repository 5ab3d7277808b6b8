/* Start-up of the crypto module. Needs only base; may be used by use cases and adapters, not by
 * the domain. Randomness comes from the random port, never from here. */
#ifndef VAULT__CRYPTO_H
#define VAULT__CRYPTO_H

#include "vault/base.h"

#define VAULT__KEY_BYTES 32

/* Call before anything else in this folder. Any thread, as often as you like.
 * OK | INTERNAL (libsodium cannot start) */
vault_status vault__crypto_init(vault_err *err);

#endif
