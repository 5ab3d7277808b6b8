#include "upload_inline.h"

#include <string.h>

#include "libvault/base/alloc.h"

int vault__inline_fits(const vault *v, const vault_upload_opts *o) {
  return v->settings.inline_max_bytes != VAULT_INLINE_OFF &&
         !(o->flags & (VAULT_UP_RESUMABLE | VAULT_UP_PARTIAL)) &&
         o->length <= v->settings.inline_max_bytes;
}

vault_status vault__inline_begin(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  u->row.reserved_bytes = 0;
  if (atomic_fetch_add(&v->inline_held, u->row.length) + u->row.length > VAULT__INLINE_HELD_MAX) {
    (void)atomic_fetch_sub(&v->inline_held, u->row.length);
    return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_CORE, 0,
                       "small uploads hold %llu MiB of memory already: try again",
                       (unsigned long long)(VAULT__INLINE_HELD_MAX >> 20));
  }
  u->body = vault__resize(&v->alloc, NULL, u->row.length);
  u->body_room = u->row.length;
  if (u->body)
    return VAULT_OK;
  (void)atomic_fetch_sub(&v->inline_held, u->body_room);
  return vault__no_memory(err);
}

void vault__inline_end(vault_upload *u) {
  if (!u->body)
    return;
  vault__delete(&u->v->alloc, u->body);
  u->body = NULL;
  (void)atomic_fetch_sub(&u->v->inline_held, u->body_room);
}

void vault__inline_take(vault_upload *u, const void *p, uint64_t n) {
  memcpy(u->body + u->offset, p, (size_t)n);
  vault__sha256_add(&u->sha, p, n);
  u->offset += n;
}

void vault__inline_describe(const vault_upload *u, vault_commit_item *item) {
  item->kind = VAULT_COMMIT_PUT;
  item->flags |= VAULT_COMMIT_INLINE;
  item->body = (vault_str){(const char *)u->body, u->offset};
}

int vault__inline_is_unsafe(vault_upload *u) {
  vault *v = u->v;
  const vault_item_row *item = &u->result.item;
  vault_version_row row;
  uint64_t size = 0;
  if (u->anew || u->result.status != VAULT_OK || u->result.outcome != VAULT_OUTCOME_SAME)
    return 0;
  vault_status s =
    v->items->get_version(v->items_self, &item->user, &item->id, &item->version, &row, NULL);
  if (s == VAULT_E_NOT_FOUND || (s == VAULT_OK && row.loc == VAULT_LOC_INLINE))
    return 0; /* removed since then, which is another's wish; or as whole as the database */
  if (s == VAULT_OK && v->blobs->stat(v->blobs_self, &row.blob, &size, NULL, NULL) == VAULT_OK &&
      size == row.size_bytes)
    return 0;
  u->anew = 1;
  return 1;
}
