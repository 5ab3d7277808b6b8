/* How an upload ends: closed, sealed (L4), published (L5) and handed to the committer (L6),
 * or undone. */
#include <string.h>

#include "committer.h"
#include "libvault/base/alloc.h"
#include "libvault/base/id.h"
#include "upload_inline.h"

static vault_status fail_usage(vault_err *err, const char *what) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "%s", what);
}

vault_status vault__upload_close_body(vault_upload *u, vault_err *err) {
  if (u->state == VAULT__UPLOAD_BROKEN)
    return fail_usage(err, "this upload has failed: abort it");
  if (u->state != VAULT__UPLOAD_RECEIVING)
    return VAULT_OK;
  if (u->holding)
    return fail_usage(err, "held bytes are not settled");
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

void vault__upload_meta(const vault_upload *u, vault_blob_meta *out) {
  *out = (vault_blob_meta){.size = sizeof *out, .item = u->new_item};
  if (!vault__id_is_zero(&u->row.item))
    out->item = u->row.item;
  memcpy(out->sha256, u->sha256, sizeof out->sha256);
}

static vault_status seal_own(vault_upload *u, vault_err *err) {
  vault_blob_meta meta;
  vault__upload_meta(u, &meta);
  VAULT_TRY(u->v->blobs->seal(u->v->blobs_self, u->writer, &meta, err));
  u->state = VAULT__UPLOAD_SEALED;
  return VAULT_OK;
}

/* A copy that is damaged, or cannot be looked at, is not what an acknowledgement may lean on. */
static int is_whole(vault *v, const vault_blob_row *blob) {
  uint64_t size = 0;
  if (blob->loc == VAULT_LOC_INLINE)
    return 1; /* as whole as the database, to which the new reference goes as well */
  return v->blobs->stat(v->blobs_self, &blob->key, &size, NULL, NULL) == VAULT_OK &&
         size == blob->size_bytes;
}

vault_status vault__upload_choose(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  if (u->state != VAULT__UPLOAD_CLOSED)
    return VAULT_OK;
  if (u->is_inline) {
    u->state = VAULT__UPLOAD_SEALED;
    return VAULT_OK;
  }
  vault_status s =
    v->items->find_blob(v->items_self, &u->row.blob.user, u->sha256, u->offset, &u->shared, err);
  if (s == VAULT_E_NOT_FOUND)
    return VAULT_OK;
  if (s != VAULT_OK)
    return s;
  if (!is_whole(v, &u->shared)) {
    u->anew = 1;
    return VAULT_OK;
  }
  u->is_shared = 1;
  u->state = VAULT__UPLOAD_SEALED;
  return VAULT_OK;
}

vault_status vault__upload_seal(vault_upload *u, vault_err *err) {
  VAULT_TRY(vault__upload_choose(u, err));
  return u->state == VAULT__UPLOAD_CLOSED ? seal_own(u, err) : VAULT_OK;
}

vault_status vault__upload_unshare(vault_upload *u, vault_err *err) {
  u->is_shared = 0;
  u->state = VAULT__UPLOAD_CLOSED;
  return seal_own(u, err);
}

vault_status vault__upload_publish(vault_upload *u, vault_err *err) {
  if (u->is_inline || u->is_shared || u->state == VAULT__UPLOAD_PUBLISHED)
    return VAULT_OK;
  VAULT_TRY(u->v->blobs->publish(u->v->blobs_self, u->writer, err));
  u->state = VAULT__UPLOAD_PUBLISHED;
  return VAULT_OK;
}

static vault_status seal(vault_upload *u, vault_err *err) {
  VAULT_TRY(vault__upload_close_body(u, err));
  return vault__upload_seal(u, err);
}

vault_status vault_upload_seal(vault_upload *u, vault_err *err) {
  if (!u)
    return fail_usage(err, "no upload was given");
  VAULT_TRY(vault__upload_enter(u, err));
  if (u->row.flags & VAULT_UPLOAD_PARTIAL)
    return vault__upload_leave(u, fail_usage(err, "a piece is not sealed: finish it"));
  return vault__upload_leave(u, seal(u, err));
}

/* DONE without an item, and expired: whoever takes the next lease can neither go on nor commit.
 * The one that waits for pieces has no bytes yet. */
vault_status vault__upload_retire(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  vault_upload_save save = {.size = sizeof save,
                            .state = VAULT_UPLOAD_DONE,
                            .user = u->row.blob.user,
                            .upload = u->row.id,
                            .blob = u->row.blob.blob,
                            .fence = u->row.fence,
                            .offset = u->row.offset,
                            .expires_ms = 1,
                            .sha_state = u->row.sha_state,
                            .sha_state_n = u->row.sha_state_n};
  if ((v->caps & VAULT_CAP_EXCLUSIVE) || u->row.state != VAULT_UPLOAD_RECEIVING)
    return VAULT_OK; /* nobody else leases what has its claim here */
  return v->items->save_offset(v->items_self, &save, err);
}

int vault__upload_is_retired(const vault_upload_row *row) {
  return row->state == VAULT_UPLOAD_DONE && !(row->flags & VAULT_UPLOAD_PARTIAL) &&
         vault__id_is_zero(&row->done_item);
}

/* Whether u may give up its bytes: they are its own still. The lease is taken once more, so that
 * nobody else can commit what is removed. Where the row has gone, only what was committed stays. */
static int may_remove(vault_upload *u, int published) {
  vault *v = u->v;
  vault_blob_row blob;
  int alone = !(u->row.flags & VAULT_UPLOAD_RESUMABLE) &&
              (!published || (v->caps & VAULT_CAP_EXCLUSIVE)); /* the claim keeps the job away */
  if (u->state == VAULT__UPLOAD_LOST || u->state == VAULT__UPLOAD_DONE)
    return 0;
  if (alone)
    return 1;
  vault_status s = v->items->lease_upload(v->items_self, &u->row.blob.user, &u->row.id,
                                          u->row.fence, v->owner, &u->row, NULL, NULL);
  if (s == VAULT_E_NOT_FOUND)
    return v->items->get_blob(v->items_self, &u->row.blob.blob, &blob, NULL) == VAULT_E_NOT_FOUND;
  return s == VAULT_OK && vault__upload_retire(u, NULL) == VAULT_OK;
}

void vault__upload_undo(vault_upload *u) {
  vault *v = u->v;
  int published =
    (u->state == VAULT__UPLOAD_PUBLISHED || u->state == VAULT__UPLOAD_SEALED) && !u->is_shared;
  if (u->is_inline)
    return; /* there is nothing outside of this process's memory */
  if (!may_remove(u, published))
    return;
  v->blobs->discard(v->blobs_self, u->writer, 0);
  u->writer = NULL;
  /* The blob before the row: as long as the row is there, job_uploads.c knows of the blob. A
   * failed publish may have made the name, so the blob goes from SEALED on. */
  if (published && v->blobs->remove(v->blobs_self, &u->row.blob, NULL) != VAULT_OK)
    return;
  (void)v->items->abort_upload(v->items_self, &u->row.blob.user, &u->row.id, u->row.fence, NULL);
}

void vault__upload_free(vault_upload *u) {
  if (!u)
    return;
  vault *v = u->v;
  /* Keep is for what waits to be resumed; what was committed needs its writer no more. */
  v->blobs->discard(v->blobs_self, u->writer, u->result.outcome == 0);
  vault__inline_end(u);
  vault__claim_drop(v, &u->claim);
  vault__delete(&v->alloc, u->chain.states);
  vault__arena_free(&u->arena);
  vault__wipe(&u->sha, sizeof u->sha);
  vault__wipe(&u->held_sha, sizeof u->held_sha);
  vault__delete(&v->alloc, u);
}

static void let_go(vault_upload *u) {
  vault *v = u->v;
  vault__upload_free(u);
  atomic_fetch_sub(&v->open_things, 1);
}

/* Waits while another thread takes this handle's upload over; it is LOST then, and has no
 * writer. Whether it is held is asked under the lock only. */
static void enter_to_end(vault_upload *u) {
  int open = (u->row.flags & VAULT_UPLOAD_RESUMABLE) && u->state != VAULT__UPLOAD_DONE &&
             u->state != VAULT__UPLOAD_WAITING; /* these two have no claim */
  if (open && !vault__claim_enter(u->v, &u->claim))
    u->state = VAULT__UPLOAD_LOST;
}

void vault_upload_abort(vault_upload *u) {
  if (!u)
    return;
  enter_to_end(u);
  vault__upload_undo(u);
  let_go(u);
}

/* The caller has entered. */
static void put_aside(vault_upload *u) {
  if (u->state == VAULT__UPLOAD_RECEIVING && !u->holding && u->offset != u->row.offset &&
      u->row.state == VAULT_UPLOAD_RECEIVING)
    (void)vault__upload_flush(u, NULL); /* best effort: the last durable offset stays good */
  let_go(u);
}

void vault_upload_suspend(vault_upload *u) {
  if (!u)
    return;
  if (!(u->row.flags & VAULT_UPLOAD_RESUMABLE)) {
    vault_upload_abort(u);
    return;
  }
  enter_to_end(u);
  put_aside(u);
}

int vault__upload_is_kept(const vault_upload *u, vault_status s) {
  int32_t class = vault_status_class(s);
  if (!(u->row.flags & VAULT_UPLOAD_RESUMABLE) || s == VAULT_E_DIGEST)
    return 0;
  return s == VAULT_E_BODY_SHORT || s == VAULT_E_PREEMPTED || s == VAULT_E_QUOTA ||
         class == VAULT_CLASS_USAGE || class >= VAULT_CLASS_RETRY;
}

static void hand_over_error(const vault_upload *u, vault_err *err) {
  if (!err || err->size < sizeof *err)
    return;
  uint32_t size = err->size;
  *err = u->result_err;
  err->size = size;
}

/* ---- finish --------------------------------------------------------------------------------- */

/* What a finished upload became, once more. Takes u. */
static vault_status finish_again(vault_upload *u, vault_items **out, uint32_t *outcome,
                                 vault_err *err) {
  vault *v = u->v;
  vault_items *items = NULL;
  vault_status s = vault__items_new(v, 1, &items, err);
  int piece = (u->row.flags & VAULT_UPLOAD_PARTIAL) != 0;
  if (s == VAULT_OK && !piece)
    s =
      v->items->get_item(v->items_self, &u->row.blob.user, &u->row.done_item, &items->rows[0], err);
  let_go(u);
  if (s == VAULT_OK && outcome)
    *outcome = piece ? 0 : VAULT_OUTCOME_REPLAY;
  if (s == VAULT_OK && out) {
    vault__items_show(items, piece ? 0 : 1);
    *out = items;
    items = NULL;
  }
  vault_items_free(items);
  return s;
}

/* The caller has entered. Takes u. */
static vault_status give_up(vault_upload *u, vault_status s) {
  if (s == VAULT_E_PREEMPTED)
    u->state = VAULT__UPLOAD_LOST;
  if (vault__upload_is_kept(u, s)) {
    put_aside(u);
    return s;
  }
  vault__upload_undo(u);
  let_go(u);
  return s;
}

/* A piece that is whole stays what it is, until it expires. */
static vault_status make_whole(vault_upload *u, vault_err *err) {
  uint8_t sha256[VAULT__SHA256_BYTES];
  vault__sha256 sha = u->sha;
  if (u->row.length == VAULT_LENGTH_UNKNOWN) {
    vault *v = u->v;
    VAULT_TRY(v->items->set_length(v->items_self, &u->row.blob.user, &u->row.id, u->row.fence,
                                   u->offset, err));
    u->row.length = u->offset;
  }
  if (u->holding || u->offset < u->row.length)
    return vault__fail(err, VAULT_E_BODY_SHORT, VAULT_ORIGIN_CORE, 0, NULL);
  vault__sha256_end(&sha, sha256);
  if ((u->flags & VAULT_UP_SHA256) && memcmp(sha256, u->expected, sizeof sha256) != 0)
    return vault__fail(err, VAULT_E_DIGEST, VAULT_ORIGIN_CORE, 0, NULL);
  return vault__upload_save(u, VAULT_UPLOAD_DONE, err);
}

static vault_status finish_piece(vault_upload *u, vault_items **out, uint32_t *outcome,
                                 vault_err *err) {
  vault *v = u->v;
  vault_id user = u->row.blob.user, id = u->row.id;
  vault_items *items = NULL;
  vault_status s = out ? vault__items_new(v, 1, &items, err) : VAULT_OK;
  if (s == VAULT_OK)
    s = u->state == VAULT__UPLOAD_RECEIVING ? make_whole(u, err)
                                            : fail_usage(err, "this upload has failed");
  if (s != VAULT_OK) {
    vault_items_free(items);
    return give_up(u, s);
  }
  let_go(u);
  vault__upload_piece_is_whole(v, &user, &id);
  if (outcome)
    *outcome = 0;
  if (out) {
    vault__items_show(items, 0);
    *out = items;
  }
  return VAULT_OK;
}

vault_status vault_upload_finish(vault_upload *u, vault_items **out, uint32_t *outcome,
                                 vault_err *err) {
  vault_items *items = NULL;
  if (!u)
    return fail_usage(err, "no upload was given");
  if (u->state == VAULT__UPLOAD_DONE)
    return finish_again(u, out, outcome, err);
  vault_status s = vault__upload_enter(u, err);
  if (s != VAULT_OK) {
    let_go(u);
    return s;
  }
  if (u->row.flags & VAULT_UPLOAD_PARTIAL)
    return finish_piece(u, out, outcome, err);
  s = seal(u, err);
  if (s == VAULT_OK && out)
    s = vault__items_new(u->v, 1, &items, err);
  if (s != VAULT_OK)
    return give_up(u, s);
  vault__claim_submit(u->v, &u->claim, 1);
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
  known.flags &= ~(VAULT_UP_RESUMABLE | VAULT_UP_PARTIAL);
  known.client_meta.n = 0;
  VAULT_TRY(vault_upload_begin(v, who, &known, &u, err));
  vault_status s = vault_upload_append(u, p, n, err);
  if (s != VAULT_OK) {
    vault_upload_abort(u);
    return s;
  }
  return vault_upload_finish(u, out, outcome, err);
}
