#include "keyring.h"

#include <stddef.h>
#include <string.h>

const vault__key *vault__keyring_newest(const vault__keyring *ring, const char *name) {
  const vault__key *newest = NULL;
  for (uint32_t i = 0; i < ring->n; i++)
    if (strcmp(ring->keys[i].name, name) == 0)
      newest = &ring->keys[i]; /* sorted: the last one of a name is the newest */
  return newest;
}

const vault__key *vault__keyring_find(const vault__keyring *ring, const char *name, const char *kid,
                                      uint64_t kid_len) {
  for (uint32_t i = 0; i < ring->n; i++) {
    const vault__key *k = &ring->keys[i];
    if (strcmp(k->name, name) == 0 && strlen(k->kid) == kid_len &&
        memcmp(k->kid, kid, (size_t)kid_len) == 0)
      return k;
  }
  return NULL;
}
