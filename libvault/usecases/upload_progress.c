/* Resumable uploads between their bytes: durable offsets, held chunks, what is told later. */
#include <string.h>

#include "upload.h"

static vault_status fail_usage(vault_err *err, const char *what) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "%s", what);
}

static int is_resumable(const vault_upload *u) {
  return (u->row.flags & VAULT_UPLOAD_RESUMABLE) != 0;
}

/* ---- durable offsets ----------------------------------------------------------------------- */

static vault_status flush_bytes(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  uint64_t durable = 0;
  VAULT_TRY(v->blobs->flush(v->blobs_self, u->writer, &durable, err));
  if (durable != u->offset)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_BLOB, 0,
                       "the store flushed another length than it was given");
  u->flushed = durable;
  u->flushed_mono_ms = v->clock->mono_ms(v->clock_self);
  return VAULT_OK;
}

/* Bytes first, then offset, hash state and chain in one transaction: after a crash the row never
 * says more than the file has. */
vault_status vault__upload_save(vault_upload *u, uint32_t state, vault_err *err) {
  vault *v = u->v;
  uint8_t sha_state[VAULT__SHA256_SAVED];
  VAULT_TRY(flush_bytes(u, err));
  vault__sha256_save(&u->sha, sha_state);
  vault_upload_save save = {.size = sizeof save,
                            .state = state,
                            .user = u->row.blob.user,
                            .upload = u->row.id,
                            .fence = u->row.fence,
                            .offset = u->offset,
                            .expires_ms = vault__now_ms(v) + v->settings.upload_ttl_ms,
                            .sha_state = sha_state,
                            .sha_state_n = sizeof sha_state,
                            .has_sha256 = (uint32_t)u->tell_sha256,
                            .blob = u->row.blob.blob,
                            .chain = {u->chain.first, u->chain.n, u->chain.states}};
  memcpy(save.sha256, u->expected, sizeof save.sha256);
  VAULT_TRY(v->items->save_offset(v->items_self, &save, err));
  u->row.offset = u->offset;
  u->row.expires_ms = save.expires_ms;
  u->row.state = state;
  u->chain.first += u->chain.n;
  u->chain.n = 0;
  u->tell_sha256 = 0;
  return VAULT_OK;
}

vault_status vault__upload_flush(vault_upload *u, vault_err *err) {
  return u->holding ? flush_bytes(u, err) : vault__upload_save(u, VAULT_UPLOAD_RECEIVING, err);
}

vault_status vault_upload_flush(vault_upload *u, vault_err *err) {
  if (!u)
    return fail_usage(err, "no upload was given");
  VAULT_TRY(vault__upload_enter(u, err));
  vault_status s = VAULT_OK;
  if (u->state != VAULT__UPLOAD_RECEIVING || !is_resumable(u))
    s = fail_usage(err, "only a resumable upload that is receiving can be flushed");
  else
    s = vault__upload_flush(u, err);
  return vault__upload_leave(u, s);
}

/* ---- held bytes ------------------------------------------------------------------------------ */

static vault_status hold(vault_upload *u, vault_err *err) {
  if (u->state != VAULT__UPLOAD_RECEIVING || !is_resumable(u) || u->holding)
    return fail_usage(err, "only a resumable upload that receives, and holds nothing, can hold");
  if (u->offset != u->row.offset)
    VAULT_TRY(vault__upload_flush(u, err));
  u->held_offset = u->offset;
  u->held_chain = u->chain.n;
  u->held_sha = u->sha;
  u->holding = 1;
  return VAULT_OK;
}

vault_status vault_upload_hold(vault_upload *u, vault_err *err) {
  if (!u)
    return fail_usage(err, "no upload was given");
  VAULT_TRY(vault__upload_enter(u, err));
  return vault__upload_leave(u, hold(u, err));
}

/* A new writer at the held offset: the store cuts off what is behind it. */
static vault_status go_back(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  v->blobs->discard(v->blobs_self, u->writer, 1);
  u->writer = NULL;
  u->state = VAULT__UPLOAD_BROKEN;
  VAULT_TRY(
    v->blobs->resume(v->blobs_self, &u->row.blob, u->held_offset, u->row.fence, &u->writer, err));
  u->offset = u->flushed = u->held_offset;
  u->chain.n = u->held_chain;
  u->sha = u->held_sha;
  u->holding = 0;
  u->state = VAULT__UPLOAD_RECEIVING;
  return VAULT_OK;
}

static vault_status settle(vault_upload *u, uint32_t keep, vault_err *err) {
  int broken = u->state == VAULT__UPLOAD_BROKEN;
  if (!u->holding || (u->state != VAULT__UPLOAD_RECEIVING && !(broken && !keep)))
    return fail_usage(err, "nothing is held, or what is held has failed");
  if (!keep)
    return go_back(u, err);
  u->holding = 0;
  return vault__upload_flush(u, err);
}

vault_status vault_upload_settle(vault_upload *u, uint32_t keep, vault_err *err) {
  if (!u)
    return fail_usage(err, "no upload was given");
  if (u->state != VAULT__UPLOAD_BROKEN) {
    VAULT_TRY(vault__upload_enter(u, err));
  } else if (!vault__claim_enter(u->v, &u->claim)) {
    u->state = VAULT__UPLOAD_LOST;
    return vault__fail(err, VAULT_E_PREEMPTED, VAULT_ORIGIN_CORE, 0, NULL);
  }
  return vault__upload_leave(u, settle(u, keep, err));
}

/* ---- what is told later ------------------------------------------------------------------------ */

static vault_status set_length(vault_upload *u, uint64_t length, vault_err *err) {
  vault *v = u->v;
  if (u->state != VAULT__UPLOAD_RECEIVING)
    return fail_usage(err, "this upload takes no more bytes");
  if (u->row.length == length)
    return VAULT_OK;
  if (u->row.length != VAULT_LENGTH_UNKNOWN || length < u->offset)
    return vault__fail(err, VAULT_E_LENGTH, VAULT_ORIGIN_CORE, 0, NULL);
  if (length > v->settings.upload_max_bytes)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0,
                       "one upload has at most %llu bytes",
                       (unsigned long long)v->settings.upload_max_bytes);
  VAULT_TRY(
    v->items->set_length(v->items_self, &u->row.blob.user, &u->row.id, u->row.fence, length, err));
  u->row.length = u->row.reserved_bytes = length;
  return VAULT_OK;
}

vault_status vault_upload_set_length(vault_upload *u, uint64_t length, vault_err *err) {
  if (!u || length == VAULT_LENGTH_UNKNOWN)
    return fail_usage(err, "no upload, or no length");
  VAULT_TRY(vault__upload_enter(u, err));
  return vault__upload_leave(u, set_length(u, length, err));
}

vault_status vault_upload_expect_sha256(vault_upload *u, const uint8_t *sha256, vault_err *err) {
  if (!u || !sha256)
    return fail_usage(err, "no upload, or no digest");
  VAULT_TRY(vault__upload_enter(u, err));
  vault_status s = VAULT_OK; /* a digest that is refused spoils nothing */
  if (u->state != VAULT__UPLOAD_RECEIVING) {
    s = fail_usage(err, "this upload takes no more bytes");
  } else if (!(u->flags & VAULT_UP_SHA256)) {
    memcpy(u->expected, sha256, sizeof u->expected);
    u->flags |= VAULT_UP_SHA256;
    u->tell_sha256 = is_resumable(u);
  } else if (memcmp(u->expected, sha256, sizeof u->expected) != 0) {
    s = vault__fail(err, VAULT_E_DIGEST, VAULT_ORIGIN_CORE, 0,
                    "another digest was told for this upload before");
  }
  (void)vault__upload_leave(u, VAULT_OK);
  return s;
}
