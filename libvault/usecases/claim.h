/* Who works on an upload's row and bytes in this process: a handle of a client, or the job that
 * settles what was left. The job and clients keep out of each other's way; a client's new
 * request takes the upload from an older handle, between two calls of that one. (Processes are
 * kept apart by the lease's fence in the row.) */
#ifndef VAULT__CLAIM_H
#define VAULT__CLAIM_H

#include "handle.h"

typedef struct vault_upload vault_upload;

typedef struct vault__claim {
  vault_id upload;
  struct vault__claim *next; /* this and the rest: under vault.claim_lock */
  vault_upload *u;           /* NULL: a job */
  int held;
  int busy;      /* a call is running; a job is always */
  int submitted; /* that call is the commit */
  int slow;      /* that call copies a large body: nobody waits for it */
} vault__claim;

/* 0: somebody has it. c stays where it is until the drop. u NULL: a job. Any thread. */
int vault__claim_take(vault *v, vault__claim *c, const vault_id *upload, vault_upload *u);

/* Take it for u, or be given the idle handle that has it: that one is busy then, so that its
 * own thread waits; take its bytes, drop its claim, and ask again. Waits for a running call,
 * but not for a slow one: *slow is 1 then, and c is not held. */
vault_upload *vault__claim_catch(vault *v, vault__claim *c, const vault_id *upload, vault_upload *u,
                                 int *slow);

/* A call on the handle starts: waits while another has caught it. 0: it is not held any more. */
int vault__claim_enter(vault *v, vault__claim *c);
void vault__claim_leave(vault *v, vault__claim *c);
/* The running call ends with the commit, in whatever thread. */
void vault__claim_submit(vault *v, vault__claim *c, int submitted);

/* The running call is a slow one, or it is no more. */
void vault__claim_slow(vault *v, vault__claim *c, int slow);

void vault__claim_drop(vault *v, vault__claim *c); /* does nothing when it is not held */

#endif
