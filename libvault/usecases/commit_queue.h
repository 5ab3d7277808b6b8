/* What waits for its commit, in the order in which it is taken: users in turn, each user's own
 * uploads in the order in which they came. So one user's thousand uploads do not stand in
 * the way of another's one. Every operation takes the same time however many wait.
 * No locks in here: the committer has one. */
#ifndef VAULT__COMMIT_QUEUE_H
#define VAULT__COMMIT_QUEUE_H

#include "upload.h"

#define VAULT__COMMIT_SLOTS 256u
/* Bytes of inline bodies in one batch: what one transaction writes stays small. */
#define VAULT__COMMIT_BYTES_MAX (UINT64_C(4) << 20)

typedef struct vault__commit_queue {
  vault_upload *head, *tail;               /* the oldest of each user, by turn_next */
  vault_upload *slot[VAULT__COMMIT_SLOTS]; /* the same, by user: turn_slot */
  uint64_t n;                              /* uploads of all users */
} vault__commit_queue;

void vault__commit_queue_push(vault__commit_queue *q, vault_upload *u);

/* Take a batch, linked by next: at most VAULT_COMMIT_MAX, and VAULT__COMMIT_BYTES_MAX of inline
 * bodies; what came together stays together. The next batch goes on with the user whose turn it
 * is. NULL: nothing waits. */
vault_upload *vault__commit_queue_pull(vault__commit_queue *q, uint64_t *n);

#endif
