/* Each block has a header with its size, so that live bytes can be counted; memory comes
 * from malloc, so sanitizers see what is wrong with its use. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "vt_fault.h"

typedef union header {
  uint64_t n;
  max_align_t align;
} header;

static int refused(vt_fault_alloc *a) {
  vt_fault_act act = vt_fault_enter(a->fault, "alloc", 1);
  return act == VT_ACT_FAIL || act == VT_ACT_LOSE;
}

static void count(vt_fault_alloc *a, int64_t blocks, int64_t bytes) {
  (void)pthread_mutex_lock(&a->lock);
  a->live += (uint64_t)blocks;
  a->live_bytes += (uint64_t)bytes;
  (void)pthread_mutex_unlock(&a->lock);
}

static void *get(void *user, uint64_t n) {
  vt_fault_alloc *a = user;
  if (refused(a) || n > SIZE_MAX - sizeof(header))
    return NULL;
  header *h = malloc(sizeof *h + (size_t)n);
  if (!h)
    return NULL;
  h->n = n;
  count(a, 1, (int64_t)n);
  return h + 1;
}

static void give_back(void *user, void *p) {
  vt_fault_alloc *a = user;
  if (!p)
    return;
  header *h = (header *)p - 1;
  count(a, -1, -(int64_t)h->n);
  free(h);
}

/* Always moves, so that whoever keeps the old pointer is found out. */
static void *resize(void *user, void *p, uint64_t n) {
  void *q = get(user, n);
  if (q && p) {
    uint64_t old = ((header *)p - 1)->n;
    memcpy(q, p, (size_t)(old < n ? old : n));
    give_back(user, p);
  }
  return q;
}

void vt_fault_alloc_init(vt_fault_alloc *a, vt_fault *f) {
  *a = (vt_fault_alloc){.fault = f};
  a->alloc = (vault_alloc){sizeof a->alloc, 0, a, get, resize, give_back};
  (void)pthread_mutex_init(&a->lock, NULL);
}

void vt_fault_alloc_free(vt_fault_alloc *a) {
  (void)pthread_mutex_destroy(&a->lock);
}

uint64_t vt_fault_alloc_live(vt_fault_alloc *a) {
  (void)pthread_mutex_lock(&a->lock);
  uint64_t n = a->live;
  (void)pthread_mutex_unlock(&a->lock);
  return n;
}
