/* Who works on an upload's row and bytes in this process: a call of a client, or the job that
 * settles what was left. Never both: the job must not take away what a client is finishing. */
#ifndef VAULT__CLAIM_H
#define VAULT__CLAIM_H

#include "handle.h"

typedef struct vault__claim {
  vault_id upload;
  struct vault__claim *next; /* under vault.claim_lock */
  int held;
} vault__claim;

/* 0: somebody has it. c stays where it is until the drop. Any thread. */
int vault__claim_take(vault *v, vault__claim *c, const vault_id *upload);

void vault__claim_drop(vault *v, vault__claim *c); /* does nothing when it is not held */

#endif
