/* When small bodies move out of the database. What waits is remembered here in a few numbers,
 * so that an idle vault asks its database nothing: after the first small body the host is
 * told that there is something for vault_jobs_run, which knows then how long to wait. What
 * another process left is found by the jobs themselves, which run at vault_open and now and
 * then. */
#ifndef VAULT__JANITOR_H
#define VAULT__JANITOR_H

#include "handle.h"

/* At vault_open. */
void vault__janitor_start(vault *v);

/* A batch was committed, with so many bytes of inline bodies (0: without one). Any thread. */
void vault__janitor_saw(vault *v, uint64_t inline_bytes);

/* Make due what is due. OK | RETRY | IO */
vault_status vault__janitor_wake(vault *v, vault_err *err);

/* Milliseconds until wake has something to do, as far as is known; INT64_MAX: nothing. */
int64_t vault__janitor_wait(vault *v);

/* For how long no batch was committed. */
int64_t vault__janitor_quiet_ms(vault *v);

#endif
