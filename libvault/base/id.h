/* Ids inside the library. Making one needs a clock and randomness: usecases/ids.h. */
#ifndef VAULT__ID_H
#define VAULT__ID_H

#include <string.h>

#include "vault/base.h"

/* The milliseconds since 1970 that a UUIDv7 carries. */
int64_t vault__id_time_ms(const vault_id *id);

int vault__id_is_zero(const vault_id *id);

static inline int vault__id_eq(const vault_id *a, const vault_id *b) {
  return memcmp(a->b, b->b, sizeof a->b) == 0;
}

#endif
