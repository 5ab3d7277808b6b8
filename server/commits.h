/* The committer: one thread runs batches of commits and hands their results back. Handlers
 * submit from any worker and never wait for the disk; the next batch gathers meanwhile. */
#ifndef VD_COMMITS_H
#define VD_COMMITS_H

#include <stddef.h>

#include <vault/upload.h>

typedef struct vd_commits vd_commits;

/* One submitted upload. It must live until done is called: once, on the
 * committer's thread; the event is borrowed for the call, which must not block. */
typedef struct vd_commit_waiter {
  void (*done)(struct vd_commit_waiter *w, const vault_event *event);
} vd_commit_waiter;

/* NULL with a sentence in err on failure. v must outlive it. */
vd_commits *vd_commits_start(vault *v, char *err, size_t err_size);

/* As vault_upload_submit: on OK the library has u, and w is called; on any error u is yours. */
vault_status vd_commits_submit(vd_commits *c, vault_upload *u, vd_commit_waiter *w, vault_err *err);

/* After the last submit. Commits what waits, hands the results back, ends the thread. NULL is legal. */
void vd_commits_stop(vd_commits *c);

#endif
