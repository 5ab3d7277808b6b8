/* The committer: one thread runs batches of commits. The results come back on the loop thread, whose poll
 * watches the completion queue. Handlers submit from the loop or from any worker and never wait for
 * the disk; the next batch gathers meanwhile. */
#ifndef VD_COMMITS_H
#define VD_COMMITS_H

#include <stddef.h>

#include <vault/upload.h>

#include "http/server.h"

typedef struct vd_commits vd_commits;

/* One submitted upload. It must live until done is called: once, on the loop thread; the event is borrowed
 * for the call, which must not block. */
typedef struct vd_commit_waiter {
  void (*done)(struct vd_commit_waiter *w, const vault_event *event);
} vd_commit_waiter;

/* Before vd_server_run(). NULL with a sentence in err on failure. v must outlive it, and so must srv's loop as
 * long as submitted uploads wait. */
vd_commits *vd_commits_start(vault *v, vd_server *srv, char *err, size_t err_size);

/* As vault_upload_submit: on OK the library has u, and w is called; on any error u is yours. */
vault_status vd_commits_submit(vd_commits *c, vault_upload *u, vd_commit_waiter *w, vault_err *err);

/* As vault_upload_submit_many: on OK each of the n waiters is called; on any error all uploads are yours. */
vault_status vd_commits_submit_many(vd_commits *c, vault_upload **u, vd_commit_waiter *const *w,
                                    uint32_t n, vault_err *err);

/* After vd_server_run() has returned, or instead of it. Commits what still waits. NULL is legal. */
void vd_commits_stop(vd_commits *c);

#endif
