/* Group commit: uploads that are ready wait in one queue; whoever drives takes them as a
 * batch, makes them durable together (commit_batch.c), and posts one event each.
 *
 * One thread drives at a time. While it waits for the disk, the next batch gathers: there
 * is no timer, and an upload that is alone waits for nobody. */
#ifndef VAULT__COMMITTER_H
#define VAULT__COMMITTER_H

#include "upload.h"

/* OK | NO_MEMORY */
vault_status vault__committer_new(vault *v, vault__committer **out, vault_err *err);
void vault__committer_free(vault *v, vault__committer *c); /* takes NULL; nothing may wait */

/* Queue u (CLOSED or SEALED) and drive until its result is there. */
void vault__commit_and_wait(vault_upload *u);

/* Seal, publish and commit a list of at most VAULT_COMMIT_MAX uploads (linked by next) on
 * this thread. Sets every result; what failed is undone. */
void vault__commit_batch(vault *v, vault_upload *list);

#endif
