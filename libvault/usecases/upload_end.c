/* How an upload ends: closed, sealed (L4), published (L5) and handed to the committer (L6),
 * or undone. */
#include <string.h>

#include "committer.h"
#include "libvault/base/alloc.h"
#include "libvault/base/id.h"

static vault_status fail_usage(vault_err *err, const char *what) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "%s", what);
}

vault_status vault__upload_close_body(vault_upload *u, vault_err *err) {
  if (u->state == VAULT__UPLOAD_BROKEN)
    return fail_usage(err, "this upload has failed: abort it");
  if (u->state != VAULT__UPLOAD_RECEIVING)
    return VAULT_OK;
  if (u->row.length != VAULT_LENGTH_UNKNOWN && u->offset < u->row.length)
    return vault__fail(err, VAULT_E_BODY_SHORT, VAULT_ORIGIN_CORE, 0,
                       "%llu bytes were declared, %llu arrived", (unsigned long long)u->row.length,
                       (unsigned long long)u->offset);
  vault__sha256_end(&u->sha, u->sha256);
  if ((u->flags & VAULT_UP_SHA256) && memcmp(u->sha256, u->expected, sizeof u->sha256) != 0) {
    u->state = VAULT__UPLOAD_BROKEN;
    return vault__fail(err, VAULT_E_DIGEST, VAULT_ORIGIN_CORE, 0, NULL);
  }
  u->state = VAULT__UPLOAD_CLOSED;
  return VAULT_OK;
}

static vault_status seal_own(vault_upload *u, vault_err *err) {
  vault_blob_meta meta = {.size = sizeof meta, .item = u->new_item};
  if (!vault__id_is_zero(&u->row.item))
    meta.item = u->row.item;
  memcpy(meta.sha256, u->sha256, sizeof meta.sha256);
  VAULT_TRY(u->v->blobs->seal(u->v->blobs_self, u->writer, &meta, err));
  u->state = VAULT__UPLOAD_SEALED;
  return VAULT_OK;
}

/* A copy that is damaged, or cannot be looked at, is not what an acknowledgement may lean on. */
static int is_whole(vault *v, const vault_blob_row *blob) {
  uint64_t size = 0;
  return v->blobs->stat(v->blobs_self, &blob->key, &size, NULL, NULL) == VAULT_OK &&
         size == blob->size_bytes;
}

vault_status vault__upload_seal(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  if (u->state != VAULT__UPLOAD_CLOSED)
    return VAULT_OK;
  vault_status s =
    v->items->find_blob(v->items_self, &u->row.blob.user, u->sha256, u->offset, &u->shared, err);
  if (s == VAULT_E_NOT_FOUND)
    return seal_own(u, err);
  if (s != VAULT_OK)
    return s;
  if (!is_whole(v, &u->shared)) {
    u->anew = 1;
    return seal_own(u, err);
  }
  u->is_shared = 1;
  u->state = VAULT__UPLOAD_SEALED;
  return VAULT_OK;
}

vault_status vault__upload_unshare(vault_upload *u, vault_err *err) {
  u->is_shared = 0;
  u->state = VAULT__UPLOAD_CLOSED;
  return seal_own(u, err);
}

vault_status vault__upload_publish(vault_upload *u, vault_err *err) {
  if (u->is_shared || u->state == VAULT__UPLOAD_PUBLISHED)
    return VAULT_OK;
  VAULT_TRY(u->v->blobs->publish(u->v->blobs_self, u->writer, err));
  u->state = VAULT__UPLOAD_PUBLISHED;
  return VAULT_OK;
}

vault_status vault_upload_seal(vault_upload *u, vault_err *err) {
  if (!u)
    return fail_usage(err, "no upload was given");
  VAULT_TRY(vault__upload_close_body(u, err));
  vault_status s = vault__upload_seal(u, err);
  if (s != VAULT_OK)
    u->state = VAULT__UPLOAD_BROKEN;
  return s;
}

void vault__upload_undo(vault_upload *u) {
  vault *v = u->v;
  v->blobs->discard(v->blobs_self, u->writer, 0);
  u->writer = NULL;
  /* The blob before the row: as long as the row is there, job_uploads.c knows of the blob. A
   * failed publish may have made the name, so the blob goes from SEALED on. */
  if ((u->state == VAULT__UPLOAD_PUBLISHED || u->state == VAULT__UPLOAD_SEALED) && !u->is_shared &&
      v->blobs->remove(v->blobs_self, &u->row.blob, NULL) != VAULT_OK)
    return;
  (void)v->items->abort_upload(v->items_self, &u->row.blob.user, &u->row.id, NULL);
}

void vault__upload_free(vault_upload *u) {
  if (!u)
    return;
  vault *v = u->v;
  /* Keep is for what waits to be resumed; what was committed needs its writer no more. */
  v->blobs->discard(v->blobs_self, u->writer, u->result.outcome == 0);
  vault__claim_drop(v, &u->claim);
  vault__arena_free(&u->arena);
  vault__wipe(&u->sha, sizeof u->sha);
  vault__delete(&v->alloc, u);
}

static void let_go(vault_upload *u) {
  vault *v = u->v;
  vault__upload_free(u);
  atomic_fetch_sub(&v->open_things, 1);
}

void vault_upload_abort(vault_upload *u) {
  if (!u)
    return;
  vault__upload_undo(u);
  let_go(u);
}

void vault_upload_suspend(vault_upload *u) {
  if (!u)
    return;
  if (!(u->row.flags & VAULT_UPLOAD_RESUMABLE)) {
    vault_upload_abort(u);
    return;
  }
  if (u->state == VAULT__UPLOAD_RECEIVING && u->offset != u->row.offset)
    (void)vault__upload_flush(u, NULL); /* best effort: the last durable offset stays good */
  let_go(u);
}

static void hand_over_error(const vault_upload *u, vault_err *err) {
  if (!err || err->size < sizeof *err)
    return;
  uint32_t size = err->size;
  *err = u->result_err;
  err->size = size;
}

vault_status vault_upload_finish(vault_upload *u, vault_items **out, uint32_t *outcome,
                                 vault_err *err) {
  vault_items *items = NULL;
  if (!u)
    return fail_usage(err, "no upload was given");
  vault_status s = vault_upload_seal(u, err);
  if (s == VAULT_OK && out)
    s = vault__items_new(u->v, 1, &items, err);
  if (s != VAULT_OK) {
    vault_upload_abort(u);
    return s;
  }
  vault__commit_and_wait(u);
  s = u->result.status;
  if (s == VAULT_OK && outcome)
    *outcome = u->result.outcome;
  if (s == VAULT_OK && out) {
    items->rows[0] = u->result.item;
    vault__items_show(items, 1);
    *out = items;
  }
  if (s != VAULT_OK) {
    vault_items_free(items);
    hand_over_error(u, err);
  }
  let_go(u);
  return s;
}

vault_status vault_put(vault *v, const vault_principal *who, const vault_upload_opts *opts,
                       const void *p, uint64_t n, vault_items **out, uint32_t *outcome,
                       vault_err *err) {
  vault_upload *u = NULL;
  if (!opts || opts->size < sizeof *opts || (!p && n))
    return fail_usage(err, "no options or no bytes were given");
  vault_upload_opts known = *opts;
  known.length = n;
  known.flags &= ~VAULT_UP_RESUMABLE;
  VAULT_TRY(vault_upload_begin(v, who, &known, &u, err));
  vault_status s = vault_upload_append(u, p, n, err);
  if (s != VAULT_OK) {
    vault_upload_abort(u);
    return s;
  }
  return vault_upload_finish(u, out, outcome, err);
}
