/* Where the secret keys of a vault live: a directory with one file per key, NAME.KID.key,
 * base64 of 32 bytes. Nothing of it is in the database, so that whoever reads the database
 * alone can neither test a code nor make a token.
 *
 * Blocking. Any thread; two processes that start at once wait for each other (flock on the
 * directory). The ring is plain data: its owner wipes it. Untouched on failure. */
#ifndef VAULT__KEYS_DIR_H
#define VAULT__KEYS_DIR_H

#include "libvault/crypto/keyring.h"
#include "vault/ports/random.h"

#define VAULT__KEYS_PATH_MAX 4000u /* bytes of the directory's path */

/* Read the directory `path`; make it (0700, the parent must exist) and every key that is
 * missing first. A new key is durable before this returns: written to a temporary file,
 * flushed, renamed, and the directory flushed. now_ms becomes the id of new keys.
 * Files that do not end in ".key" are left alone.
 * OK | USAGE (others may read the directory or a key, or a file is not a key: says which) |
 * NO_SPACE | IO */
vault_status vault__keys_dir_load(const char *path, int64_t now_ms, const vault_random_ops *random,
                                  void *random_self, vault__keyring *out, vault_err *err);

/* Keys that live in this process only: every token and code ends with it.
 * OK | what the generator says */
vault_status vault__keys_memory(int64_t now_ms, const vault_random_ops *random, void *random_self,
                                vault__keyring *out, vault_err *err);

#endif
