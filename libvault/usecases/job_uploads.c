/* Finish or give up what a crash or a client left: uploads whose time is over, and, where
 * this process has the database for itself, those of a process that is gone.
 *
 * A body that is published was whole: publishing comes after length and digest were checked.
 * So it is committed (step L6), as the call that died would have done; anything less gives
 * its reservation back. */
#include <string.h>

#include "committer.h"
#include "job_kinds.h"
#include "libvault/crypto/sha256.h"
#include "libvault/ports/validate.h"

#define PAGE 32u
#define AGAIN_MS 3600000
#define READ_BYTES 65536u

/* The digest of the published bytes, and their chain: from where the row's hash stands, so that
 * at most the last step is read again. */
static vault_status hash_rest(vault *v, vault_upload *u, uint64_t size, vault_err *err) {
  vault_blob_reader *r = NULL;
  uint8_t buf[READ_BYTES];
  uint64_t got = 1, whole = 0;
  VAULT_TRY(vault__upload_hash_from_row(u, err));
  VAULT_TRY(v->blobs->open(v->blobs_self, &u->row.blob, &r, &whole, err));
  vault_status s = VAULT_OK;
  while (u->offset < size && got && s == VAULT_OK) {
    s = v->blobs->read(v->blobs_self, r, u->offset, buf, sizeof buf, &got, err);
    if (s == VAULT_OK)
      s = vault__upload_chain_room(u, got, err);
    if (s == VAULT_OK)
      vault__upload_hash(u, buf, got);
  }
  v->blobs->close(v->blobs_self, r);
  vault__sha256_end(&u->sha, u->sha256);
  return s;
}

static int is_what_was_sealed(const vault_upload *u, const vault_blob_meta *meta) {
  return meta->format != 0 || memcmp(meta->sha256, u->sha256, sizeof u->sha256) == 0;
}

/* Nobody was told that this upload succeeded, and since it began the world has moved on: it
 * may only stand where nothing newer does. What is found now must still be so at the commit.
 * Ids are ordered by time. *superseded: give it up. */
static vault_status look_at_target(vault *v, vault_upload *u, int *superseded, vault_err *err) {
  vault_item_row *item = &u->result.item;
  const vault_id *user = &u->row.blob.user;
  *superseded = 0;
  vault_status s = u->n_path ? v->items->find_item(v->items_self, user, u->row.space,
                                                   &u->row.parent, u->path, u->n_path, item, err)
                             : v->items->get_item(v->items_self, user, &u->row.item, item, err);
  if (s == VAULT_E_NOT_FOUND && !(u->flags & VAULT_UP_IF_VERSION))
    u->flags |= VAULT_UP_NEW_ONLY;
  if (s == VAULT_OK && item->kind == VAULT_KIND_FILE) {
    *superseded = memcmp(item->version.b, u->row.id.b, sizeof u->row.id.b) > 0;
    if (!(u->flags & VAULT_UP_IF_VERSION))
      u->if_version = item->version;
    u->flags |= VAULT_UP_IF_VERSION;
  }
  /* Anything else that is in the way is for the commit to say. */
  return vault_status_class(s) >= VAULT_CLASS_RETRY ? s : VAULT_OK;
}

/* Steps L5, which may have been cut off before its flush, and L6. */
static vault_status settle(vault *v, vault_upload *u, uint64_t size, const vault_blob_meta *meta,
                           vault_err *err) {
  int superseded = 0;
  VAULT_TRY(look_at_target(v, u, &superseded, err));
  VAULT_TRY(hash_rest(v, u, size, err));
  u->state = VAULT__UPLOAD_PUBLISHED;
  if (superseded || !is_what_was_sealed(u, meta)) {
    vault__upload_undo(u);
    return VAULT_OK;
  }
  if (VAULT__OPS_HAS(v->blobs, confirm))
    VAULT_TRY(v->blobs->confirm(v->blobs_self, &u->row.blob, err));
  vault__commit_batch(v, u, NULL);
  if (u->result.status != VAULT_OK && err)
    *err = u->result_err;
  return u->result.status;
}

static vault_status forget(vault *v, const vault_upload *u, vault_err *err) {
  const vault_upload_row *row = &u->row;
  vault_status s =
    v->items->abort_upload(v->items_self, &row->blob.user, &row->id, row->fence, err);
  return s == VAULT_E_NOT_FOUND ? VAULT_OK : s;
}

vault_status vault__upload_mend(vault *v, vault_upload *u, vault_err *err) {
  vault_blob_meta meta = {.size = sizeof meta, .format = UINT32_MAX};
  const vault_upload_row *row = &u->row;
  uint64_t size = 0;
  int expired = row->expires_ms <= vault__now_ms(v);
  int piece = (row->flags & VAULT_UPLOAD_PARTIAL) != 0;
  int retired = vault__upload_is_retired(row);
  if (row->state == VAULT_UPLOAD_DONE && !piece && !retired)
    return expired ? forget(v, u, err) : VAULT_OK;
  vault_status s =
    retired ? VAULT_E_NOT_FOUND : v->blobs->stat(v->blobs_self, &row->blob, &size, &meta, err);
  if (s == VAULT_OK)
    return settle(v, u, size, &meta, err);
  if (s != VAULT_E_NOT_FOUND)
    return s;
  if ((row->flags & VAULT_UPLOAD_RESUMABLE) && !expired)
    return VAULT_OK; /* it waits to be continued */
  /* Partial bytes first: while the row is there, they are not forgotten. */
  VAULT_TRY(v->blobs->remove(v->blobs_self, &row->blob, err));
  return forget(v, u, err);
}

/* Whether there is something to do, before the lease is taken from whoever works on it. */
static int is_left_over(vault *v, const vault_upload_row *row) {
  return row->expires_ms <= vault__now_ms(v) || (v->caps & VAULT_CAP_EXCLUSIVE);
}

/* The row is read again under the claim: since it was listed a client may have continued or
 * finished the upload. One that is open is left alone. */
static vault_status mend_claimed(vault *v, vault_upload *u, const vault_upload_row *listed,
                                 vault_err *err) {
  vault_upload_row row;
  const vault_id *user = &listed->blob.user;
  vault_status s = v->items->get_upload(v->items_self, user, &listed->id, &row, NULL, err);
  if (s == VAULT_E_NOT_FOUND || (s == VAULT_OK && !is_left_over(v, &row)))
    return VAULT_OK;
  if (s == VAULT_OK)
    s = vault__upload_lease(u, user, &listed->id, err);
  return s == VAULT_OK ? vault__upload_mend(v, u, err) : s;
}

static vault_status mend_if_free(vault *v, const vault_upload_row *listed, vault_err *err) {
  vault__claim claim = {.held = 0};
  vault_upload *u = vault__upload_new(v);
  if (!u)
    return vault__no_memory(err);
  vault_status s = VAULT_OK;
  if (vault__claim_take(v, &claim, &listed->id, NULL)) {
    s = mend_claimed(v, u, listed, err);
    vault__claim_drop(v, &claim);
  }
  vault__upload_free(u);
  return s;
}

/* One upload that cannot be mended now does not keep the others from it. */
void vault__job_uploads(vault *v, const vault_job_row *job, vault__job_end *end, vault_err *err) {
  static const uint8_t nobody[sizeof v->owner];
  vault_upload_row rows[PAGE];
  vault_id after = {{0}};
  uint64_t n = 0;
  (void)job;
  end->again_ms = vault__now_ms(v) + AGAIN_MS;
  do {
    /* Alone with the database: whatever nobody here works on is left over. */
    const uint8_t *owner = v->caps & VAULT_CAP_EXCLUSIVE ? nobody : NULL;
    vault_status s =
      v->items->list_uploads(v->items_self, &after, vault__now_ms(v), owner, rows, PAGE, &n, err);
    if (s != VAULT_OK) {
      end->failed = s;
      return;
    }
    for (uint64_t i = 0; i < n; i++) {
      s = mend_if_free(v, &rows[i], err);
      /* A rule that forbids the commit has undone the upload: that is an end as well. */
      if (vault_status_class(s) >= VAULT_CLASS_RETRY)
        end->failed = s;
      after = rows[i].id;
    }
  } while (n == PAGE);
}
