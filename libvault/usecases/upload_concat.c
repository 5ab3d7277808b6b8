/* One upload made of pieces. Its row is there before the pieces are looked at, and a piece is DONE
 * before its finisher looks for rows that wait: so one of the two sees the other, and whoever is
 * second makes the body. This is the one place where bytes are copied and read again. */
#include <string.h>

#include "committer.h"
#include "libvault/base/alloc.h"
#include "libvault/base/id.h"
#include "libvault/ports/validate.h"

#define COPY_BYTES (UINT64_C(1) << 20)
#define WAITING_PAGE 32u

static vault_status fail_usage(vault_err *err, const char *what) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "%s", what);
}

/* ---- looking at the pieces -------------------------------------------------------------------- */

/* *total: of all pieces, when all are whole; else *waits = 1. */
static vault_status look_at_pieces(vault *v, const vault_id *user, const vault_id *parts,
                                   uint64_t n, uint64_t *total, int *waits, vault_err *err) {
  vault_upload_row row;
  *total = 0;
  *waits = 0;
  for (uint64_t i = 0; i < n; i++) {
    VAULT_TRY(v->items->get_upload(v->items_self, user, &parts[i], &row, NULL, err));
    if (!(row.flags & VAULT_UPLOAD_PARTIAL))
      return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                         "only uploads that began as pieces can be put together");
    if (row.expires_ms <= vault__now_ms(v))
      return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_CORE, 0, "a piece has expired");
    *waits |= row.state != VAULT_UPLOAD_DONE;
    if (row.offset > v->settings.upload_max_bytes - *total)
      return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0,
                         "one upload has at most %llu bytes",
                         (unsigned long long)v->settings.upload_max_bytes);
    *total += row.offset;
  }
  return VAULT_OK;
}

uint64_t vault__upload_pieces_length(const vault_upload *u) {
  vault *v = u->v;
  vault_upload_row row;
  uint64_t total = 0;
  for (uint32_t i = 0; i < u->row.n_parts; i++) {
    if (v->items->get_upload(v->items_self, &u->row.blob.user, &u->parts[i], &row, NULL, NULL) !=
          VAULT_OK ||
        row.length > VAULT_LENGTH_UNKNOWN - 1 - total)
      return VAULT_LENGTH_UNKNOWN;
    total += row.length;
  }
  return total;
}

/* ---- making the body ------------------------------------------------------------------------------ */

/* A step of a piece is read once, for its hash; the store copies it by itself where it can. */
static vault_status add_step(vault_upload *u, vault_blob_reader *r, uint64_t at, uint8_t *buf,
                             uint64_t want, vault_err *err) {
  vault *v = u->v;
  uint64_t got = 0;
  VAULT_TRY(v->blobs->read(v->blobs_self, r, at, buf, want, &got, err));
  if (got != want)
    return vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_CORE, 0,
                       "a piece is shorter than it was");
  VAULT_TRY(vault__upload_chain_room(u, got, err));
  if (VAULT__OPS_HAS(v->blobs, copy))
    VAULT_TRY(v->blobs->copy(v->blobs_self, u->writer, r, at, got, err));
  else
    VAULT_TRY(v->blobs->write(v->blobs_self, u->writer, buf, got, err));
  vault__upload_hash(u, buf, got);
  return VAULT_OK;
}

static vault_status add_piece(vault_upload *u, const vault_id *piece, uint8_t *buf,
                              vault_err *err) {
  vault *v = u->v;
  vault_upload_row row;
  vault_blob_reader *r = NULL;
  uint64_t size = 0;
  VAULT_TRY(v->items->get_upload(v->items_self, &u->row.blob.user, piece, &row, NULL, err));
  VAULT_TRY(v->blobs->open_partial(v->blobs_self, &row.blob, &r, &size, err));
  vault_status s = VAULT_OK;
  for (uint64_t at = 0; at < row.offset && s == VAULT_OK; at += COPY_BYTES) {
    uint64_t left = row.offset - at;
    s = add_step(u, r, at, buf, left < COPY_BYTES ? left : COPY_BYTES, err);
  }
  v->blobs->close(v->blobs_self, r);
  return s;
}

static vault_status add_pieces(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  uint8_t *buf = vault__new(&v->alloc, COPY_BYTES);
  if (!buf)
    return vault__no_memory(err);
  vault_status s = VAULT_OK;
  for (uint32_t i = 0; i < u->row.n_parts && s == VAULT_OK; i++)
    s = add_piece(u, &u->parts[i], buf, err);
  vault__delete(&v->alloc, buf);
  return s;
}

/* What an earlier try left is in the way. */
static vault_status begin_body(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  vault_status s =
    v->blobs->begin(v->blobs_self, &u->row.blob, VAULT_BLOB_RESUMABLE, &u->writer, err);
  if (s != VAULT_E_CONFLICT)
    return s;
  VAULT_TRY(v->blobs->remove(v->blobs_self, &u->row.blob, err));
  return v->blobs->begin(v->blobs_self, &u->row.blob, VAULT_BLOB_RESUMABLE, &u->writer, err);
}

static vault_status make_body(vault_upload *u, uint64_t total, vault_err *err) {
  vault *v = u->v;
  if (u->row.length != total)
    VAULT_TRY(
      v->items->set_length(v->items_self, &u->row.blob.user, &u->row.id, u->row.fence, total, err));
  u->row.length = u->row.reserved_bytes = total;
  VAULT_TRY(begin_body(u, err));
  VAULT_TRY(vault__upload_hash_from_row(u, err));
  VAULT_TRY(add_pieces(u, err));
  u->state = VAULT__UPLOAD_RECEIVING;
  return VAULT_OK;
}

/* A copy keeps its thread until it ends, so only some may be made at a time, and nobody else waits for one. */
static vault_status make_large_body(vault_upload *u, uint64_t total, int now, vault_err *err) {
  vault *v = u->v;
  vault_status s;
  if (atomic_fetch_add(&v->builds, 1) >= VAULT__BUILDS_MAX && !now) {
    s =
      vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_CORE, 0,
                  "%u uploads are being put together already: try again later", VAULT__BUILDS_MAX);
  } else {
    vault__claim_slow(v, &u->claim, 1);
    s = make_body(u, total, err);
    vault__claim_slow(v, &u->claim, 0);
  }
  (void)atomic_fetch_sub(&v->builds, 1);
  return s;
}

vault_status vault__upload_build(vault_upload *u, int now, vault_err *err) {
  uint64_t total = 0;
  int waits = 0;
  VAULT_TRY(look_at_pieces(u->v, &u->row.blob.user, u->parts, u->row.n_parts, &total, &waits, err));
  if (waits)
    return VAULT_OK;
  return total < VAULT__BUILD_BYTES_LARGE ? make_body(u, total, err)
                                          : make_large_body(u, total, now, err);
}

/* ---- the call ----------------------------------------------------------------------------------- */

static vault_status add_waiting(vault_upload *u, const vault_principal *who,
                                const vault_upload_opts *o, const vault_id *parts, uint32_t n,
                                vault_id *existing, vault_err *err) {
  vault_id *copy = vault__arena_get(&u->arena, n * sizeof *copy);
  if (!copy)
    return vault__no_memory(err);
  memcpy(copy, parts, n * sizeof *copy);
  VAULT_TRY(vault__upload_aim(u, who, o, err));
  u->parts = copy;
  u->row.n_parts = n;
  u->row.state = VAULT_UPLOAD_WAITING;
  u->state = VAULT__UPLOAD_WAITING;
  return vault__upload_add_row(u, existing, err);
}

static vault_status concat(vault_upload *u, const vault_principal *who, const vault_upload_opts *o,
                           const vault_id *parts, uint32_t n, vault_id *existing, vault_err *err) {
  uint64_t total = 0;
  int waits = 0;
  VAULT_TRY(look_at_pieces(u->v, &who->user, parts, n, &total, &waits, err));
  VAULT_TRY(add_waiting(u, who, o, parts, n, existing, err));
  vault_status s = vault__upload_build(u, 0, err);
  if (s != VAULT_OK)
    vault__upload_undo(u);
  return s;
}

/* The same key again: what became of the first one. */
static vault_status concat_again(vault *v, const vault_principal *who, const vault_id *parts,
                                 uint64_t n, const vault_id *existing, vault_upload **out,
                                 vault_err *err) {
  vault_upload *u = NULL;
  vault_status s = vault__upload_complete(v, &who->user, existing, err);
  if (s == VAULT_OK)
    s = vault_upload_resume(v, who, existing, &u, err);
  if (s != VAULT_OK)
    return s;
  if (u->row.n_parts != n || memcmp(u->parts, parts, (size_t)n * sizeof *parts) != 0) {
    vault_upload_suspend(u);
    return vault__fail(err, VAULT_E_IDEMPOTENCY_KEY, VAULT_ORIGIN_CORE, 0, NULL);
  }
  *out = u;
  return VAULT_OK;
}

vault_status vault_upload_concat(vault *v, const vault_principal *who,
                                 const vault_upload_opts *opts, const vault_id *parts, uint64_t n,
                                 vault_upload **out, vault_err *err) {
  vault_id existing = {{0}};
  if (!opts || opts->size < sizeof *opts || !out || (!parts && n))
    return fail_usage(err, "no options, no pieces, or no place for the upload");
  vault_upload_opts o = *opts;
  o.length = VAULT_LENGTH_UNKNOWN;
  o.flags |= VAULT_UP_RESUMABLE;
  if (o.flags & VAULT_UP_PARTIAL)
    return fail_usage(err, "what is put together is no piece itself");
  VAULT_TRY(vault__upload_check_opts(v, who, &o, err));
  if (n == 0 || n > VAULT_CONCAT_PARTS_MAX)
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                       "an upload is put together from 1 to %u pieces", VAULT_CONCAT_PARTS_MAX);
  vault_upload *u = vault__upload_new(v);
  if (!u)
    return vault__no_memory(err);
  vault_status s = concat(u, who, &o, parts, (uint32_t)n, &existing, err);
  if (s != VAULT_OK) {
    vault__upload_free(u);
    return s == VAULT_E_CONFLICT && !vault__id_is_zero(&existing)
             ? concat_again(v, who, parts, n, &existing, out, err)
             : s;
  }
  if (u->state == VAULT__UPLOAD_RECEIVING)
    vault__claim_leave(v, &u->claim);
  else
    vault__claim_drop(v, &u->claim);
  atomic_fetch_add(&v->open_things, 1);
  *out = u;
  return VAULT_OK;
}

/* ---- those that wait ------------------------------------------------------------------------------ */

static vault_status complete(vault_upload *u, const vault_id *user, const vault_id *upload, int now,
                             vault_err *err) {
  VAULT_TRY(vault__upload_seize(u, user, upload, err));
  VAULT_TRY(vault__upload_lease(u, user, upload, err));
  if (u->state != VAULT__UPLOAD_WAITING || u->row.expires_ms <= vault__now_ms(u->v))
    return VAULT_OK;
  VAULT_TRY(vault__upload_build(u, now, err));
  if (u->state == VAULT__UPLOAD_WAITING)
    return VAULT_OK;
  VAULT_TRY(vault__upload_close_body(u, err));
  VAULT_TRY(vault__upload_seal(u, err));
  vault__claim_submit(u->v, &u->claim, 1);
  vault__commit_and_wait(u);
  if (u->result.status != VAULT_OK && err && err->size >= sizeof *err)
    *err = u->result_err;
  return u->result.status;
}

static vault_status complete_one(vault *v, const vault_id *user, const vault_id *upload, int now,
                                 vault_err *err) {
  vault_upload_row row;
  VAULT_TRY(v->items->get_upload(v->items_self, user, upload, &row, NULL, err));
  if (row.state != VAULT_UPLOAD_WAITING)
    return VAULT_OK;
  vault_upload *u = vault__upload_new(v);
  if (!u)
    return vault__no_memory(err);
  vault_status s = complete(u, user, upload, now, err);
  vault__upload_free(u);
  return s;
}

vault_status vault__upload_complete(vault *v, const vault_id *user, const vault_id *upload,
                                    vault_err *err) {
  return complete_one(v, user, upload, 0, err);
}

static int is_made_of(vault *v, const vault_id *user, const vault_id *upload,
                      const vault_id *piece) {
  vault_upload_row row;
  int found = 0;
  vault_upload_more *more = vault__new(&v->alloc, sizeof *more);
  if (more && v->items->get_upload(v->items_self, user, upload, &row, more, NULL) == VAULT_OK)
    for (uint32_t i = 0; i < row.n_parts && !found; i++)
      found = vault__id_eq(&more->parts[i], piece);
  vault__delete(&v->alloc, more);
  return found;
}

/* Now, since it may be that nobody asks for them any more. */
void vault__upload_piece_is_whole(vault *v, const vault_id *user, const vault_id *piece) {
  vault_id ids[WAITING_PAGE], after = {{0}};
  uint64_t n = 0;
  do {
    if (v->items->list_waiting(v->items_self, user, &after, ids, WAITING_PAGE, &n, NULL) !=
        VAULT_OK)
      return;
    for (uint64_t i = 0; i < n; i++) {
      after = ids[i];
      if (is_made_of(v, user, &ids[i], piece))
        (void)complete_one(v, user, &ids[i], 1, NULL);
    }
  } while (n == WAITING_PAGE);
}
