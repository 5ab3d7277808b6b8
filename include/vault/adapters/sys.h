/* Adapters: the operating system's clock and generator. Always built.
 * Threads: any thread. The tables need no self: pass NULL. */
#ifndef VAULT_ADAPTERS_SYS_H
#define VAULT_ADAPTERS_SYS_H

#include "../ports/clock.h"
#include "../ports/random.h"

#ifdef __cplusplus
extern "C" {
#endif

VAULT_API const vault_clock_ops *vault_sys_clock(void);   /* CLOCK_REALTIME, CLOCK_MONOTONIC */
VAULT_API const vault_random_ops *vault_sys_random(void); /* getrandom(2) */

#ifdef __cplusplus
}
#endif
#endif
