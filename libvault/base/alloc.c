#include "alloc.h"

#include <stdlib.h>
#include <string.h>

static void *system_alloc(void *user, uint64_t n) {
  (void)user;
  return n > SIZE_MAX ? NULL : malloc((size_t)n);
}

static void *system_realloc(void *user, void *p, uint64_t n) {
  (void)user;
  return n > SIZE_MAX ? NULL : realloc(p, (size_t)n);
}

static void system_free(void *user, void *p) {
  (void)user;
  free(p);
}

const vault_alloc *vault__alloc_default(void) {
  static const vault_alloc a = {sizeof a, 0, NULL, system_alloc, system_realloc, system_free};
  return &a;
}

void *vault__new(const vault_alloc *a, uint64_t n) {
  void *p = a->alloc(a->user, n ? n : 1);
  if (p)
    memset(p, 0, (size_t)n);
  return p;
}

void *vault__resize(const vault_alloc *a, void *p, uint64_t n) {
  return a->realloc(a->user, p, n ? n : 1);
}

void vault__delete(const vault_alloc *a, void *p) {
  if (p)
    a->free(a->user, p);
}

void vault__wipe(void *p, uint64_t n) {
  if (n == 0)
    return;
  memset(p, 0, (size_t)n);
  /* Somebody may look at it: without this the compiler drops a memset before a free. */
  __asm__ volatile("" : : "r"(p) : "memory");
}
