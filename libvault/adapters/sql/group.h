/* Group commit of small writes, on a database with one writer: who finds it busy leaves his
 * function in a queue, and whoever has the writer next runs all that wait in one transaction
 * with one flush. There is no timer: the flush under way is the time to gather in.
 *
 * The functions run on the thread of whoever leads, each inside a savepoint of its own, and
 * see what those before them wrote. A function that fails or discards is undone alone. When
 * the commit fails, its status is that of all who wrote, or read what was written; the others
 * keep theirs. A failure that takes the whole transaction along (no memory, no space) is its
 * causer's; the others are run again, one by one. Alone there is no savepoint.
 *
 * A batch of the items repository takes the writer with vault__group_enter and may take along
 * who waits (vault__group_board), so that sign-ins share the flush of uploads.
 *
 * Threads: any. */
#ifndef VAULT__GROUP_H
#define VAULT__GROUP_H

#include <pthread.h>

#include "libvault/adapters/sql/tx.h"

#define VAULT__GROUP_MAX 64         /* functions in one transaction */
#define VAULT__GROUP_WAIT_MS 10000u /* for a turn; then RETRY */

/* Run fn in a transaction, perhaps with others. Like vault__sql_write. */
vault_status vault__group_write(vault__repo *repo, vault__tx_fn fn, void *ctx, vault_err *err);

/* ---- for a transaction of one's own ---- */

/* Wait for the turn: at most VAULT__GROUP_WAIT_MS, then RETRY. On a database that does not
 * group, nothing happens here. */
vault_status vault__group_enter(vault__repo *repo, vault_err *err);
void vault__group_leave(vault__repo *repo);

/* Those who were taken along. */
typedef struct vault__riders {
  vault__member *first;
} vault__riders;

/* Inside one's transaction, with one's own statements done: run who waits. OK: commit, and
 * then settle with what the commit said. RETRY: one of them took the transaction down; it has
 * its answer, the others wait again; roll back and do your own work anew. */
vault_status vault__group_board(vault__repo *repo, vault__tx *tx, vault__riders *riders,
                                vault_err *err);
/* After the commit; err: what it said. */
void vault__group_settle(vault__repo *repo, vault__riders *riders, vault_status s,
                         const vault_err *err);

#endif
