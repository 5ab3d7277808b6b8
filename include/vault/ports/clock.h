/* Port: time. Threads: any thread, never blocks. */
#ifndef VAULT_PORTS_CLOCK_H
#define VAULT_PORTS_CLOCK_H

#include "../base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_CLOCK_V1 1u

typedef struct vault_clock_ops {
  uint32_t size;    /* sizeof(vault_clock_ops) */
  uint32_t version; /* VAULT_CLOCK_V1 */
  /* Must provide. Milliseconds since 1970-01-01 UTC. May jump: the library never lets a
   * jump backwards extend the life of anything. */
  int64_t (*now_ms)(void *self);
  /* Must provide. Milliseconds since some moment; never goes backwards. For durations. */
  int64_t (*mono_ms)(void *self);
  /* May provide. Called once, by vault_close or a vault_open that failed. */
  void (*destroy)(void *self);
} vault_clock_ops;

#ifdef __cplusplus
}
#endif
#endif
