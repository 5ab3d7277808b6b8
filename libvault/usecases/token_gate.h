/* How many access tokens from one address did not verify in the last minute: above the limit
 * no further signature of that address is looked at. In memory, of this process, fixed size;
 * when it is crowded the address that was quiet longest is forgotten. Any thread. */
#ifndef VAULT__TOKEN_GATE_H
#define VAULT__TOKEN_GATE_H

#include <pthread.h>

#include "vault/base.h"

#define VAULT__GATE_SLOTS 2048u
#define VAULT__GATE_WAYS 8u
#define VAULT__GATE_WINDOW_MS INT64_C(60000)

typedef struct vault__gate_slot {
  uint64_t key; /* keyed hash of the address group */
  int64_t from_ms;
  uint32_t count; /* 0: empty */
} vault__gate_slot;

typedef struct vault__token_gate {
  pthread_mutex_t lock;
  vault__gate_slot slots[VAULT__GATE_SLOTS];
} vault__token_gate;

/* 0 when the mutex cannot be made. */
int vault__token_gate_init(vault__token_gate *g);
void vault__token_gate_destroy(vault__token_gate *g);

/* How long this address has to wait; 0: not at all. mono_ms: of the clock that never goes back. */
int64_t vault__token_gate_wait(vault__token_gate *g, uint64_t key, uint32_t limit, int64_t mono_ms);

/* One more did not verify. */
void vault__token_gate_count(vault__token_gate *g, uint64_t key, int64_t mono_ms);

#endif
