#include "arena.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#include "alloc.h"

#define CHUNK_BYTES 4096u

struct vault__arena_chunk {
  vault__arena_chunk *next;
  uint64_t used, cap;
  alignas(max_align_t) unsigned char bytes[];
};

void vault__arena_init(vault__arena *a, const vault_alloc *alloc, uint64_t max) {
  *a = (vault__arena){alloc, NULL, 0, max};
}

static vault__arena_chunk *grow(vault__arena *a, uint64_t n) {
  uint64_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
  vault__arena_chunk *c = vault__new(a->alloc, sizeof *c + cap);
  if (!c)
    return NULL;
  c->cap = cap;
  c->next = a->chunks;
  a->chunks = c;
  return c;
}

void *vault__arena_get(vault__arena *a, uint64_t n) {
  const uint64_t align = alignof(max_align_t);
  if (n > a->max - a->total)
    return NULL;
  uint64_t rounded = (n + align - 1) / align * align;
  vault__arena_chunk *c = a->chunks;
  if (!c || c->cap - c->used < rounded)
    c = grow(a, rounded);
  if (!c)
    return NULL;
  void *p = c->bytes + c->used;
  c->used += rounded;
  a->total += n;
  return p;
}

char *vault__arena_dup(vault__arena *a, const void *p, uint64_t n) {
  char *copy = vault__arena_get(a, n + 1);
  if (copy && n)
    memcpy(copy, p, (size_t)n);
  return copy;
}

void vault__arena_free(vault__arena *a) {
  while (a->chunks) {
    vault__arena_chunk *c = a->chunks;
    a->chunks = c->next;
    vault__wipe(c->bytes, c->used);
    vault__delete(a->alloc, c);
  }
  a->total = 0;
}
