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

#define PAGE 32u
#define AGAIN_MS 3600000
#define READ_BYTES 65536u

/* The digest that travels with the blob, or that of its bytes. */
static vault_status find_digest(vault *v, vault_upload *u, const vault_blob_meta *meta,
                                vault_err *err) {
  vault_blob_reader *r = NULL;
  uint8_t buf[READ_BYTES];
  uint64_t size = 0, got = 0, at = 0;
  if ((v->blobs->caps(v->blobs_self) & VAULT_BLOB_CAP_META) && meta->format == 0) {
    memcpy(u->sha256, meta->sha256, sizeof u->sha256);
    return VAULT_OK;
  }
  VAULT_TRY(v->blobs->open(v->blobs_self, &u->row.blob, &r, &size, err));
  vault__sha256 sha;
  vault__sha256_init(&sha);
  vault_status s = VAULT_OK;
  do {
    s = v->blobs->read(v->blobs_self, r, at, buf, sizeof buf, &got, err);
    vault__sha256_add(&sha, buf, s == VAULT_OK ? got : 0);
    at += got;
  } while (s == VAULT_OK && got);
  vault__sha256_end(&sha, u->sha256);
  v->blobs->close(v->blobs_self, r);
  return s;
}

static vault_status settle(vault *v, const vault_upload_row *row, uint64_t size,
                           const vault_blob_meta *meta, vault_err *err) {
  vault_upload *u = NULL;
  VAULT_TRY(vault__upload_load(v, &row->blob.user, &row->id, &u, err));
  vault_status s = find_digest(v, u, meta, err);
  if (s == VAULT_OK) {
    u->offset = size;
    u->state = VAULT__UPLOAD_PUBLISHED;
    vault__commit_batch(v, u);
    s = u->result.status;
    if (s != VAULT_OK && err)
      *err = u->result_err;
  }
  vault__upload_free(u);
  return s;
}

static vault_status mend(vault *v, const vault_upload_row *row, vault_err *err) {
  vault_blob_meta meta = {.size = sizeof meta};
  uint64_t size = 0;
  vault_status s = v->blobs->stat(v->blobs_self, &row->blob, &size, &meta, err);
  if (s == VAULT_OK)
    return settle(v, row, size, &meta, err);
  if (s != VAULT_E_NOT_FOUND)
    return s;
  if ((row->flags & VAULT_UPLOAD_RESUMABLE) && row->expires_ms > vault__now_ms(v))
    return VAULT_OK; /* it waits to be continued */
  /* Partial bytes first: while the row is there, they are not forgotten. */
  VAULT_TRY(v->blobs->remove(v->blobs_self, &row->blob, err));
  s = v->items->abort_upload(v->items_self, &row->blob.user, &row->id, err);
  return s == VAULT_E_NOT_FOUND ? VAULT_OK : s;
}

/* One upload that cannot be mended now does not keep the others from it. */
void vault__job_uploads(vault *v, const vault_job_row *job, vault__job_end *end, vault_err *err) {
  vault_upload_row rows[PAGE];
  vault_id after = {{0}};
  uint64_t n = 0;
  (void)job;
  end->again_ms = vault__now_ms(v) + AGAIN_MS;
  do {
    const uint8_t *owner = v->caps & VAULT_CAP_EXCLUSIVE ? v->owner : NULL;
    vault_status s = v->items->list_uploads(v->items_self, &after, vault__now_ms(v), owner, rows,
                                            PAGE, &n, err);
    if (s != VAULT_OK) {
      end->failed = s;
      return;
    }
    for (uint64_t i = 0; i < n; i++) {
      s = mend(v, &rows[i], err);
      /* A rule that forbids the commit has undone the upload: that is an end as well. */
      if (vault_status_class(s) >= VAULT_CLASS_RETRY)
        end->failed = s;
      after = rows[i].id;
    }
  } while (n == PAGE);
}
