/* Port: randomness. Threads: any thread. */
#ifndef VAULT_PORTS_RANDOM_H
#define VAULT_PORTS_RANDOM_H

#include "../base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_RANDOM_V1 1u

typedef struct vault_random_ops {
  uint32_t size;    /* sizeof(vault_random_ops) */
  uint32_t version; /* VAULT_RANDOM_V1 */
  /* Must provide. Fill p with n bytes of a cryptographic generator: codes, keys and
   * tokens come from here. A failure fails the call that needed it. */
  vault_status (*bytes)(void *self, void *p, uint64_t n, vault_err *err);
  /* May provide. Called once. */
  void (*destroy)(void *self);
} vault_random_ops;

#ifdef __cplusplus
}
#endif
#endif
