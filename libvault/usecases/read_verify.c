/* Each MiB is hashed from the chaining value before it and must end in the one behind it, the
 * last one in the digest of the whole. So a range costs no more than the pieces it touches. */
#include "read_verify.h"

#include <string.h>

#include "libvault/base/alloc.h"
#include "libvault/crypto/sha256.h"

typedef struct source {
  vault *v;
  const vault_version_row *version;
  vault_blob_reader *blob;
} source;

static uint64_t last_piece(const source *s) {
  return s->version->size_bytes ? (s->version->size_bytes - 1) / VAULT_CHAIN_STEP : 0;
}

static uint64_t length_of(const source *s, uint64_t piece) {
  uint64_t left = s->version->size_bytes - piece * VAULT_CHAIN_STEP;
  return left < VAULT_CHAIN_STEP ? left : VAULT_CHAIN_STEP;
}

static vault_status damaged(vault *v, const vault_version_row *version, uint64_t offset,
                            uint64_t length, vault_err *err) {
  char path[VAULT_BLOB_PATH_MAX] = "";
  (void)vault_blob_key_path(&version->blob, path, NULL);
  const vault_log_field fields[] = {{"blob", {path, strlen(path)}, 0},
                                    {"offset", {NULL, 0}, (int64_t)offset},
                                    {"length", {NULL, 0}, (int64_t)length}};
  vault__log(v, VAULT_LOG_ERROR, "read_damaged", fields, 3);
  (void)atomic_fetch_add(&v->reads_damaged, 1);
  return vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_BLOB, 0,
                     "the stored content is damaged in the %llu bytes from %llu on",
                     (unsigned long long)length, (unsigned long long)offset);
}

static vault_status read_piece(const source *s, uint64_t piece, uint8_t *buf, vault_err *err) {
  uint64_t start = piece * VAULT_CHAIN_STEP, length = length_of(s, piece), n = 0;
  for (uint64_t at = 0; at < length; at += n) {
    VAULT_TRY(
      s->v->blobs->read(s->v->blobs_self, s->blob, start + at, buf + at, length - at, &n, err));
    if (n == 0)
      return damaged(s->v, s->version, start + at, length - at, err);
  }
  return VAULT_OK;
}

static int is_digest(const source *s, vault__sha256 *sha) {
  uint8_t digest[VAULT__SHA256_BYTES];
  vault__sha256_end(sha, digest);
  return memcmp(digest, s->version->sha256, sizeof digest) == 0;
}

/* ---- chaining values -------------------------------------------------------------------- */

static const uint8_t *state(const vault__verifier *f, uint64_t i) {
  return f->states + (i - f->first) * VAULT_CHAIN_STATE;
}

/* Piece k needs state k, except the first; and state k + 1, except the last. */
static int has_states(const source *s, const vault__verifier *f, uint64_t piece) {
  uint64_t from = piece ? piece : 1;
  uint64_t to = piece < last_piece(s) ? piece + 1 : last_piece(s);
  return to < from || (f->first && f->first <= from && to < f->first + f->n_states);
}

static vault_status room_for(vault *v, vault__verifier *f, uint64_t n, vault_err *err) {
  uint8_t *p = vault__resize(&v->alloc, f->states, n * VAULT_CHAIN_STATE);
  if (!p)
    return vault__no_memory(err);
  f->states = p;
  f->n_states = 0;
  return VAULT_OK;
}

/* Without a chain, or with a gap in it, one pass over everything must end in the digest; the
 * states it went through are then as good as stored ones. */
static vault_status make_states(const source *s, vault__verifier *f, vault_err *err) {
  uint64_t last = last_piece(s);
  vault__sha256 sha;
  VAULT_TRY(room_for(s->v, f, last, err));
  f->first = 1;
  vault__sha256_init(&sha);
  for (uint64_t i = 0; i <= last; i++) {
    VAULT_TRY(read_piece(s, i, f->buf, err));
    vault__sha256_add(&sha, f->buf, length_of(s, i));
    if (i < last)
      vault__sha256_chain(&sha, f->states + i * VAULT_CHAIN_STATE);
  }
  if (!is_digest(s, &sha))
    return damaged(s->v, s->version, 0, s->version->size_bytes, err);
  f->n_states = last;
  return VAULT_OK;
}

static vault_status get_states(const source *s, vault__verifier *f, uint64_t piece,
                               vault_err *err) {
  vault *v = s->v;
  uint64_t n = 0, from = piece ? piece : 1, max = last_piece(s) - from + 1;
  if (has_states(s, f, piece))
    return VAULT_OK;
  if (max > VAULT__VERIFY_STATES)
    max = VAULT__VERIFY_STATES;
  VAULT_TRY(room_for(v, f, max, err));
  VAULT_TRY(
    v->items->get_chain(v->items_self, &s->version->blob.blob, from, f->states, max, &n, err));
  f->first = from;
  f->n_states = n;
  return has_states(s, f, piece) ? VAULT_OK : make_states(s, f, err);
}

/* ---- pieces ----------------------------------------------------------------------------- */

static int is_right(const source *s, const vault__verifier *f, uint64_t piece) {
  uint8_t after[VAULT_CHAIN_STATE];
  vault__sha256 sha;
  if (piece)
    vault__sha256_resume(&sha, state(f, piece), piece * VAULT_CHAIN_STEP);
  else
    vault__sha256_init(&sha);
  vault__sha256_add(&sha, f->buf, length_of(s, piece));
  if (piece == last_piece(s))
    return is_digest(s, &sha);
  vault__sha256_chain(&sha, after);
  return memcmp(after, state(f, piece + 1), sizeof after) == 0;
}

static vault_status load(const source *s, vault__verifier *f, uint64_t piece, vault_err *err) {
  if (!f->buf)
    f->buf = vault__resize(&s->v->alloc, NULL, length_of(s, 0));
  if (!f->buf)
    return vault__no_memory(err);
  f->n = 0;
  VAULT_TRY(get_states(s, f, piece, err));
  VAULT_TRY(read_piece(s, piece, f->buf, err));
  if (!is_right(s, f, piece))
    return damaged(s->v, s->version, piece * VAULT_CHAIN_STEP, length_of(s, piece), err);
  f->piece = piece;
  f->n = length_of(s, piece);
  return VAULT_OK;
}

vault_status vault__verify_piece(vault *v, vault__verifier *f, const vault_version_row *version,
                                 vault_blob_reader *blob, uint64_t offset, vault_str *bytes,
                                 vault_err *err) {
  const source s = {v, version, blob};
  uint64_t piece = offset / VAULT_CHAIN_STEP, within = offset % VAULT_CHAIN_STEP;
  if (f->n == 0 || f->piece != piece)
    VAULT_TRY(load(&s, f, piece, err));
  *bytes = (vault_str){(const char *)f->buf + within, f->n - within};
  return VAULT_OK;
}

vault_status vault__verify_body(vault *v, const vault_version_row *version, const uint8_t *body,
                                vault_err *err) {
  uint8_t digest[VAULT__SHA256_BYTES];
  vault__sha256_of(body, version->size_bytes, digest);
  if (memcmp(digest, version->sha256, sizeof digest) == 0)
    return VAULT_OK;
  return damaged(v, version, 0, version->size_bytes, err);
}

void vault__verify_end(vault *v, vault__verifier *f) {
  vault__delete(&v->alloc, f->buf);
  vault__delete(&v->alloc, f->states);
}
