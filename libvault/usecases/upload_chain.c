/* The digest of what arrives, and on the way its chaining value at each whole MiB: with those a
 * reader verifies any MiB for itself, and nothing is hashed twice. */
#include <string.h>

#include "libvault/base/alloc.h"
#include "upload.h"

#define FIRST_STATES 16u

_Static_assert(VAULT_CHAIN_STATE == VAULT__SHA256_BYTES, "a chaining value is eight words");
_Static_assert(VAULT_CHAIN_STEP % 64 == 0, "a chaining value stands between two blocks");

vault_status vault__upload_chain_room(vault_upload *u, uint64_t n, vault_err *err) {
  vault__upload_chain *c = &u->chain;
  uint64_t need = c->n + (u->offset % VAULT_CHAIN_STEP + n) / VAULT_CHAIN_STEP;
  if (need <= c->cap)
    return VAULT_OK;
  uint64_t cap = c->cap ? 2 * c->cap : FIRST_STATES;
  while (cap < need)
    cap *= 2;
  uint8_t *p = vault__resize(&u->v->alloc, c->states, cap * VAULT_CHAIN_STATE);
  if (!p)
    return vault__no_memory(err);
  c->states = p;
  c->cap = cap;
  return VAULT_OK;
}

void vault__upload_hash(vault_upload *u, const void *p, uint64_t n) {
  const uint8_t *at = p;
  while (n) {
    uint64_t left = VAULT_CHAIN_STEP - u->offset % VAULT_CHAIN_STEP;
    uint64_t step = n < left ? n : left;
    vault__sha256_add(&u->sha, at, step);
    u->offset += step;
    at += step;
    n -= step;
    if (step == left)
      vault__sha256_chain(&u->sha, u->chain.states + u->chain.n++ * VAULT_CHAIN_STATE);
  }
}

vault_chain vault__upload_chain_view(const vault_upload *u, uint64_t size) {
  vault_chain c = {.first = u->chain.first, .n = u->chain.n, .states = u->chain.states};
  uint64_t within = size ? (size - 1) / VAULT_CHAIN_STEP : 0; /* the last state that is needed */
  if (c.first > within)
    c.n = 0;
  else if (c.n > within - c.first + 1)
    c.n = within - c.first + 1;
  return c;
}

vault_status vault__upload_hash_from_row(vault_upload *u, vault_err *err) {
  vault__sha256_init(&u->sha);
  u->offset = u->flushed = u->row.offset;
  u->chain.first = u->row.offset / VAULT_CHAIN_STEP + 1;
  u->chain.n = 0;
  if (u->row.offset && u->row.sha_state_n == 0)
    return vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_CORE, 0,
                       "the hash of the stored part of an upload is missing");
  return u->row.offset ? vault__sha256_load(u->row.sha_state, u->row.sha_state_n, &u->sha, err)
                       : VAULT_OK;
}
