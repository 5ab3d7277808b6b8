/* Steps T3 to T5 of deletion: blobs without references are marked, a grace period later
 * taken, unlinked, and their rows dropped. Paced, because a disk that unlinks in bulk does
 * nothing else; a crash between any two steps is driven on by the next run. */
#include "job_kinds.h"

#define PER_RUN 200u
#define PACE_MS 1000
#define AGAIN_MS 3600000

static vault_status collect(vault *v, const vault_blob_row *row, vault_err *err) {
  VAULT_TRY(v->blobs->remove(v->blobs_self, &row->key, err));
  return v->items->drop_blob(v->items_self, &row->key.blob, err);
}

void vault__job_blobs(vault *v, const vault_job_row *job, vault__job_end *end, vault_err *err) {
  static const vault_blob_row none;
  vault_blob_row rows[PER_RUN];
  uint64_t marked = 0, taken = 0;
  int64_t now = vault__now_ms(v);
  int64_t dead_before = now - v->settings.blob_grace_ms;
  (void)job;
  rows[0] = none;
  vault_status s = v->items->take_blobs(v->items_self, dead_before, rows, PER_RUN, &taken, err);
  vault_status first = s;
  /* One that cannot be removed does not keep the others from it. */
  for (uint64_t i = 0; s == VAULT_OK && i < taken; i++) {
    vault_status one = collect(v, &rows[i], err);
    if (first == VAULT_OK)
      first = one;
  }
  if (s == VAULT_OK)
    s = v->items->mark_blobs(v->items_self, dead_before, now, PER_RUN, &marked, err);
  end->failed = first != VAULT_OK ? first : s;
  end->again_ms = now + (taken == PER_RUN || marked == PER_RUN ? PACE_MS : AGAIN_MS);
}
