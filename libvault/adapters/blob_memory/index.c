#include "index.h"

#include <string.h>

#include "libvault/base/alloc.h"

static int compare(const vault__mem_body *row, const vault_blob_key *key, uint32_t partial) {
  int d = memcmp(row->key.user.b, key->user.b, sizeof key->user.b);
  if (!d && row->key.space != key->space)
    d = row->key.space < key->space ? -1 : 1;
  if (!d)
    d = memcmp(row->key.blob.b, key->blob.b, sizeof key->blob.b);
  if (!d)
    d = strcmp(row->key.ext, key->ext);
  if (!d && row->partial != partial)
    d = row->partial < partial ? -1 : 1;
  return d;
}

uint64_t vault__mem_find(const vault__mem_index *x, const vault_blob_key *key, uint32_t partial,
                         int *found) {
  uint64_t low = 0, high = x->n;
  *found = 0;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    int d = compare(x->rows[middle], key, partial);
    if (!d)
      *found = 1;
    if (d < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

int vault__mem_insert(vault__mem_index *x, const vault_alloc *a, uint64_t at,
                      vault__mem_body *body) {
  if (x->n == x->cap) {
    uint64_t cap = x->cap ? 2 * x->cap : 16;
    vault__mem_body **rows = vault__resize(a, x->rows, cap * sizeof(vault__mem_body *));
    if (!rows)
      return 0;
    x->rows = rows;
    x->cap = cap;
  }
  memmove(x->rows + at + 1, x->rows + at, (size_t)(x->n - at) * sizeof(vault__mem_body *));
  x->rows[at] = body;
  x->n++;
  return 1;
}

vault__mem_body *vault__mem_take(vault__mem_index *x, uint64_t at) {
  vault__mem_body *body = x->rows[at];
  x->n--;
  memmove(x->rows + at, x->rows + at + 1, (size_t)(x->n - at) * sizeof(vault__mem_body *));
  return body;
}
