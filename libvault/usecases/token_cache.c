#include "token_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "libvault/base/alloc.h"
#include "libvault/base/err.h"
#include "libvault/base/id.h"

#define SHARD_ENTRIES (VAULT__TOKEN_CACHE_ENTRIES / VAULT__TOKEN_CACHE_SHARDS)
#define SETS (SHARD_ENTRIES / VAULT__TOKEN_CACHE_WAYS)

typedef struct cell {
  uint8_t hash[VAULT__SHA256_BYTES];
  vault__token_entry entry;
  uint64_t used; /* 0: empty; else the shard's tick at the last use */
} cell;

typedef struct shard {
  pthread_mutex_t lock;
  uint64_t tick;
  cell cells[SHARD_ENTRIES];
} shard;

struct vault__token_cache {
  _Atomic uint64_t drops;
  vault__token_gate gate;
  shard shards[VAULT__TOKEN_CACHE_SHARDS];
};

vault_status vault__token_cache_new(vault *v, vault__token_cache **out, vault_err *err) {
  uint32_t made = 0;
  vault__token_cache *c = vault__new(&v->alloc, sizeof *c);
  if (!c)
    return vault__no_memory(err);
  if (!vault__token_gate_init(&c->gate))
    goto fail_gate;
  for (; made < VAULT__TOKEN_CACHE_SHARDS; made++)
    if (pthread_mutex_init(&c->shards[made].lock, NULL) != 0)
      goto fail;
  *out = c;
  return VAULT_OK;
fail:
  while (made--)
    (void)pthread_mutex_destroy(&c->shards[made].lock);
  vault__token_gate_destroy(&c->gate);
fail_gate:
  vault__delete(&v->alloc, c);
  return vault__no_memory(err);
}

void vault__token_cache_free(vault *v, vault__token_cache *c) {
  if (!c)
    return;
  for (uint32_t i = 0; i < VAULT__TOKEN_CACHE_SHARDS; i++)
    (void)pthread_mutex_destroy(&c->shards[i].lock);
  vault__token_gate_destroy(&c->gate);
  vault__delete(&v->alloc, c);
}

/* The hash spreads by itself: two bytes choose the shard and the set. */
static shard *shard_of(vault__token_cache *c, const uint8_t *hash) {
  return &c->shards[hash[0] % VAULT__TOKEN_CACHE_SHARDS];
}

static cell *set_of(shard *s, const uint8_t *hash) {
  return &s->cells[(hash[1] | (uint32_t)hash[2] << 8) % SETS * VAULT__TOKEN_CACHE_WAYS];
}

static cell *find(shard *s, const uint8_t *hash) {
  cell *set = set_of(s, hash);
  for (uint32_t i = 0; i < VAULT__TOKEN_CACHE_WAYS; i++)
    if (set[i].used && memcmp(set[i].hash, hash, VAULT__SHA256_BYTES) == 0)
      return &set[i];
  return NULL;
}

int vault__token_cache_get(vault__token_cache *c, const uint8_t hash[VAULT__SHA256_BYTES],
                           vault__token_entry *out) {
  shard *s = shard_of(c, hash);
  (void)pthread_mutex_lock(&s->lock);
  cell *at = find(s, hash);
  if (at) {
    at->used = ++s->tick;
    *out = at->entry;
  }
  (void)pthread_mutex_unlock(&s->lock);
  return at != NULL;
}

uint64_t vault__token_cache_mark(vault__token_cache *c) {
  return atomic_load(&c->drops);
}

void vault__token_cache_put(vault__token_cache *c, const uint8_t hash[VAULT__SHA256_BYTES],
                            const vault__token_entry *entry, uint64_t mark) {
  shard *s = shard_of(c, hash);
  (void)pthread_mutex_lock(&s->lock);
  /* Under the lock: a drop first counts and then walks the shards, so either it is seen here
   * or it finds what is stored now. */
  if (atomic_load(&c->drops) == mark) {
    cell *at = find(s, hash);
    if (!at) {
      cell *set = set_of(s, hash);
      at = &set[0];
      for (uint32_t i = 1; i < VAULT__TOKEN_CACHE_WAYS; i++)
        if (set[i].used < at->used)
          at = &set[i];
    }
    memcpy(at->hash, hash, VAULT__SHA256_BYTES);
    at->entry = *entry;
    at->used = ++s->tick;
  }
  (void)pthread_mutex_unlock(&s->lock);
}

static void drop(vault__token_cache *c, const vault_id *session, const vault_id *user) {
  (void)atomic_fetch_add(&c->drops, 1);
  for (uint32_t i = 0; i < VAULT__TOKEN_CACHE_SHARDS; i++) {
    shard *s = &c->shards[i];
    (void)pthread_mutex_lock(&s->lock);
    for (uint32_t k = 0; k < SHARD_ENTRIES; k++) {
      cell *at = &s->cells[k];
      if (at->used && ((session && vault__id_eq(&at->entry.session, session)) ||
                       (user && vault__id_eq(&at->entry.user, user))))
        memset(at, 0, sizeof *at);
    }
    (void)pthread_mutex_unlock(&s->lock);
  }
}

void vault__token_cache_drop_session(vault__token_cache *c, const vault_id *session) {
  drop(c, session, NULL);
}

void vault__token_cache_drop_user(vault__token_cache *c, const vault_id *user) {
  drop(c, NULL, user);
}

vault__token_gate *vault__token_cache_gate(vault__token_cache *c) {
  return &c->gate;
}
