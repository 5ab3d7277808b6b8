/* Worker threads, and the mailbox that brings their results back to a loop.
 *
 * A vd_work is embedded in what it works on: queueing allocates nothing, so a step of a request that
 * was admitted can always be queued. Only the entry of new requests is bounded. */
#ifndef VD_NET_POOL_H
#define VD_NET_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

typedef struct vd_work vd_work;
typedef struct vd_mailbox vd_mailbox;
typedef struct vd_pool vd_pool;

struct vd_work {
  vd_work *next;
  void (*run)(vd_work *w);  /* on a worker */
  void (*done)(vd_work *w); /* on the loop of home; w may be queued again from here */
  vd_mailbox *home;
};

/* Letters to one loop. */
struct vd_mailbox {
  uv_async_t async;
  uv_mutex_t lock;
  vd_work *head, *tail;
};

int vd_mailbox_init(vd_mailbox *m, uv_loop_t *loop); /* 0 or a libuv error */
void vd_mailbox_post(vd_mailbox *m, vd_work *w);     /* any thread; w->done runs on the loop */
/* Closes the handle; nothing may be posted from then on. After the loop ended: vd_mailbox_free(). */
void vd_mailbox_close(vd_mailbox *m);
void vd_mailbox_free(vd_mailbox *m);

/* NULL when threads cannot be started. */
vd_pool *vd_pool_new(uint32_t threads, uint32_t queue_max);
/* Queues unless queue_max items wait already. */
bool vd_pool_try(vd_pool *p, vd_work *w);
/* Queues in any case: the next step of something that vd_pool_try() let in. */
void vd_pool_push(vd_pool *p, vd_work *w);
uint32_t vd_pool_queued(vd_pool *p);
/* Ends the threads; the queue must be empty. NULL is legal. */
void vd_pool_free(vd_pool *p);

#endif
