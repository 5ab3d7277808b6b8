/* Access tokens that were verified in full, by the SHA-256 of their text: a request with a
 * known token costs a hash instead of a signature. Only good tokens are ever in it. Fixed
 * size (about 1.5 MiB, touched as it fills). Any thread.
 *
 * Revoking: commit first, then drop. Whoever read the session before the commit and stores
 * after the drop is caught by the mark: take it before reading the session, give it to put,
 * and put does nothing when anything was dropped in between. */
#ifndef VAULT__TOKEN_CACHE_H
#define VAULT__TOKEN_CACHE_H

#include "handle.h"
#include "libvault/crypto/sha256.h"
#include "token_gate.h"

#define VAULT__TOKEN_CACHE_ENTRIES 16384u
#define VAULT__TOKEN_CACHE_SHARDS 16u
#define VAULT__TOKEN_CACHE_WAYS 8u

typedef struct vault__token_entry {
  vault_id user, session;
  int64_t epoch;
  int64_t expires_ms; /* of the token: look at it at every use */
  int64_t checked_ms; /* when the session was last seen alive; clock of vault_clock_ops.mono_ms */
} vault__token_entry;

/* In the vault's memory. OK | NO_MEMORY */
vault_status vault__token_cache_new(vault *v, vault__token_cache **out, vault_err *err);
void vault__token_cache_free(vault *v, vault__token_cache *c); /* takes NULL */

int vault__token_cache_get(vault__token_cache *c, const uint8_t hash[VAULT__SHA256_BYTES],
                           vault__token_entry *out);

uint64_t vault__token_cache_mark(vault__token_cache *c);
void vault__token_cache_put(vault__token_cache *c, const uint8_t hash[VAULT__SHA256_BYTES],
                            const vault__token_entry *entry, uint64_t mark);

void vault__token_cache_drop_session(vault__token_cache *c, const vault_id *session);
void vault__token_cache_drop_user(vault__token_cache *c, const vault_id *user);

/* The bad tokens of each address. */
vault__token_gate *vault__token_cache_gate(vault__token_cache *c);

#endif
