#include <stdlib.h>

#include "internal.h"

#define IDLE_KEPT 8u /* 2 MiB stay for the next upload; the rest goes back to the system */

vd_ubuf *vd_ubuf_get(vd_ubuf_pool *p) {
  if (p->in_use >= p->max)
    return NULL;
  vd_ubuf *b = p->idle;
  if (b) {
    p->idle = b->next;
    p->n_idle--;
  } else {
    b = malloc(sizeof *b);
    if (!b)
      return NULL;
  }
  b->n = 0;
  b->next = NULL;
  p->in_use++;
  return b;
}

void vd_ubuf_put(vd_server *srv, vd_ubuf *b) {
  vd_ubuf_pool *p = &srv->ubufs;
  if (!b)
    return;
  p->in_use--;
  b->next = p->idle;
  p->idle = b;
  p->n_idle++;
  vd_ubuf_free_idle(p, IDLE_KEPT);
  if (p->waking)
    return; /* a woken connection that gives its buffer back at once must not nest */
  p->waking = true;
  for (uint32_t chances = p->n_waiting; chances && p->wait_head && p->in_use < p->max; chances--) {
    vd_conn *c = p->wait_head;
    vd_ubuf_unwait(c);
    vd_conn_run(c);
  }
  p->waking = false;
}

void vd_ubuf_wait(vd_conn *c) {
  vd_ubuf_pool *p = &c->srv->ubufs;
  if (c->waiting_buffer)
    return;
  c->waiting_buffer = true;
  c->wait_next = NULL;
  if (p->wait_tail)
    p->wait_tail->wait_next = c;
  else
    p->wait_head = c;
  p->wait_tail = c;
  p->n_waiting++;
}

void vd_ubuf_unwait(vd_conn *c) {
  vd_ubuf_pool *p = &c->srv->ubufs;
  vd_conn *before = NULL;
  if (!c->waiting_buffer)
    return;
  for (vd_conn *x = p->wait_head; x != c; x = x->wait_next)
    before = x;
  if (before)
    before->wait_next = c->wait_next;
  else
    p->wait_head = c->wait_next;
  if (p->wait_tail == c)
    p->wait_tail = before;
  c->waiting_buffer = false;
  c->wait_next = NULL;
  p->n_waiting--;
}

void vd_ubuf_free_idle(vd_ubuf_pool *p, uint32_t keep) {
  while (p->n_idle > keep) {
    vd_ubuf *b = p->idle;
    p->idle = b->next;
    p->n_idle--;
    free(b);
  }
}
