/* The secret keys of a vault, as they were read from the key directory: everything that the
 * database must not be able to make up is derived from here.
 * Plain data; wiped by its owner. */
#ifndef VAULT__KEYRING_H
#define VAULT__KEYRING_H

#include "libvault/crypto/crypto.h"
#include "vault/base.h"

#define VAULT__KEY_NAME_TEXT 16u
#define VAULT__KEY_ID_TEXT 20u /* 12 hex digits of its birth in ms: the newest sorts last */
#define VAULT__KEYS_MAX 64u

#define VAULT__KEY_OTP "otp"         /* MACs of codes and of challenge secrets */
#define VAULT__KEY_OUTBOX "outbox"   /* seals the code that waits to be sent */
#define VAULT__KEY_REFRESH "refresh" /* session secrets are derived from it */
#define VAULT__KEY_TOKEN "token"     /* Ed25519 seed of access tokens */
#define VAULT__KEY_LIMIT "limit"     /* hides numbers and addresses in limiter keys */

typedef struct vault__key {
  char name[VAULT__KEY_NAME_TEXT];
  char kid[VAULT__KEY_ID_TEXT];
  uint8_t bytes[VAULT__KEY_BYTES];
} vault__key;

typedef struct vault__keyring {
  uint32_t n;
  vault__key keys[VAULT__KEYS_MAX]; /* sorted by name, then kid */
} vault__keyring;

/* The key to make things with; NULL if there is none of that name. */
const vault__key *vault__keyring_newest(const vault__keyring *ring, const char *name);

/* The key to check things with; NULL if it is unknown. */
const vault__key *vault__keyring_find(const vault__keyring *ring, const char *name, const char *kid,
                                      uint64_t kid_len);

#endif
