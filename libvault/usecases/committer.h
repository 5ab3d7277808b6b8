/* Group commit: uploads that are ready wait in one queue; whoever drives takes them as a
 * batch, makes them durable together (commit_batch.c), and posts one event each.
 *
 * One thread drives at a time. While it waits for the disk, the next batch gathers: there
 * is no timer, and an upload that is alone waits for nobody. Users take turns
 * (commit_queue.h). */
#ifndef VAULT__COMMITTER_H
#define VAULT__COMMITTER_H

#include "upload.h"

/* OK | NO_MEMORY */
vault_status vault__committer_new(vault *v, vault__committer **out, vault_err *err);
void vault__committer_free(vault *v, vault__committer *c); /* takes NULL; nothing may wait */

/* Memory for the members of a batch, kept from one batch to the next. */
typedef struct vault__commit_space vault__commit_space;

/* Queue u (CLOSED or SEALED) and drive until its result is there. */
void vault__commit_and_wait(vault_upload *u);

/* Uploads that wait for their commit now; the batch under way counts as one. Any thread. */
uint64_t vault__commits_waiting(vault *v);

/* Seal, publish and commit a list of at most VAULT_COMMIT_MAX uploads (linked by next) on
 * this thread. Sets every result; what failed is undone. *space is made when it is needed. */
void vault__commit_batch(vault *v, vault_upload *list, vault__commit_space **space);

#endif
