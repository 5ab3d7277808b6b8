#include "token_gate.h"

#include <stddef.h>
#include <string.h>

int vault__token_gate_init(vault__token_gate *g) {
  memset(g->slots, 0, sizeof g->slots);
  return pthread_mutex_init(&g->lock, NULL) == 0;
}

void vault__token_gate_destroy(vault__token_gate *g) {
  (void)pthread_mutex_destroy(&g->lock);
}

static vault__gate_slot *set_of(vault__token_gate *g, uint64_t key) {
  return &g->slots[key % (VAULT__GATE_SLOTS / VAULT__GATE_WAYS) * VAULT__GATE_WAYS];
}

/* The slot of this key whose window still runs, or NULL. Under the lock. */
static vault__gate_slot *find(vault__token_gate *g, uint64_t key, int64_t mono_ms) {
  vault__gate_slot *set = set_of(g, key);
  for (uint32_t i = 0; i < VAULT__GATE_WAYS; i++)
    if (set[i].count && set[i].key == key && mono_ms - set[i].from_ms < VAULT__GATE_WINDOW_MS)
      return &set[i];
  return NULL;
}

int64_t vault__token_gate_wait(vault__token_gate *g, uint64_t key, uint32_t limit,
                               int64_t mono_ms) {
  int64_t wait_ms = 0;
  (void)pthread_mutex_lock(&g->lock);
  const vault__gate_slot *slot = find(g, key, mono_ms);
  if (slot && slot->count >= limit)
    wait_ms = slot->from_ms + VAULT__GATE_WINDOW_MS - mono_ms;
  (void)pthread_mutex_unlock(&g->lock);
  return wait_ms;
}

void vault__token_gate_count(vault__token_gate *g, uint64_t key, int64_t mono_ms) {
  (void)pthread_mutex_lock(&g->lock);
  vault__gate_slot *slot = find(g, key, mono_ms);
  if (!slot) {
    vault__gate_slot *set = set_of(g, key);
    slot = &set[0];
    for (uint32_t i = 0; i < VAULT__GATE_WAYS; i++) {
      if (!set[i].count || set[i].key == key) {
        slot = &set[i];
        break;
      }
      if (set[i].from_ms < slot->from_ms)
        slot = &set[i];
    }
    *slot = (vault__gate_slot){key, mono_ms, 0};
  }
  if (slot->count < UINT32_MAX)
    slot->count++;
  (void)pthread_mutex_unlock(&g->lock);
}
