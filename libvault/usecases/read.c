/* Downloads: one version of one item, a range of it, bytes or a descriptor. */
#include <string.h>

#include "handle.h"
#include "libvault/base/alloc.h"
#include "libvault/base/id.h"
#include "read_verify.h"
#include "vault/item.h"

struct vault_reader {
  vault *v;
  vault_item_row item;
  vault_version_row version;
  vault_reader_view view;
  uint8_t *body; /* of an inline blob: all of it */
  int body_verified;
  vault_blob_reader *blob; /* NULL until the first byte is asked for */
  vault__verifier verifier;
  uint64_t done; /* bytes of the range given out */
};

static int is_inline(const vault_reader *r) {
  return r->version.loc == VAULT_LOC_INLINE;
}

static vault_status set_range(vault_reader *r, uint64_t offset, uint64_t length, vault_err *err) {
  uint64_t size = r->version.size_bytes;
  if (offset > size || (offset == size && size > 0))
    return vault__fail(err, VAULT_E_RANGE, VAULT_ORIGIN_CORE, 0,
                       "the content has %llu bytes; the range starts behind them",
                       (unsigned long long)size);
  r->view.offset = offset;
  r->view.length = length > size - offset ? size - offset : length;
  return VAULT_OK;
}

/* A folder has no content; what it is, is worth a second look. */
static vault_status why_not(vault_reader *r, const vault_id *user, const vault_id *item,
                            vault_err *err) {
  vault *v = r->v;
  VAULT_TRY(v->items->get_item(v->items_self, user, item, &r->item, err));
  if (!r->item.trashed_ms && r->item.kind != VAULT_KIND_FILE)
    return vault__fail(err, VAULT_E_IS_A_FOLDER, VAULT_ORIGIN_CORE, 0, NULL);
  return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_CORE, 0, "there is no such version");
}

/* Where the content is and, when that is the database, the content: in one look, so that no
 * spilling comes in between. Room for the largest is asked for before its size is known. */
static vault_status fetch(vault_reader *r, const vault_id *user, const vault_id *item,
                          const vault_id *version, vault_err *err) {
  vault *v = r->v;
  uint64_t n = 0;
  uint8_t *body = vault__resize(&v->alloc, NULL, VAULT_INLINE_MAX);
  if (!body)
    return vault__no_memory(err);
  vault_status s = v->items->get_content(v->items_self, user, item, version, &r->item, &r->version,
                                         body, VAULT_INLINE_MAX, &n, err);
  if (s == VAULT_OK && is_inline(r) && n != r->version.size_bytes)
    s = vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_ITEMS, 0,
                    "the stored content has %llu bytes instead of %llu", (unsigned long long)n,
                    (unsigned long long)r->version.size_bytes);
  if (s == VAULT_OK && is_inline(r)) {
    uint8_t *less = vault__resize(&v->alloc, body, n);
    r->body = less ? less : body;
    return VAULT_OK;
  }
  vault__delete(&v->alloc, body);
  return s == VAULT_E_NOT_FOUND ? why_not(r, user, item, err) : s;
}

static vault_status load(vault_reader *r, const vault_principal *who, const vault_id *item,
                         const vault_id *version, vault_err *err) {
  const vault_id current = {{0}};
  VAULT_TRY(fetch(r, &who->user, item, version ? version : &current, err));
  if (r->item.trashed_ms)
    return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_CORE, 0,
                       "this file is in the trash; restore it first");
  if (r->version.format != 0)
    return vault__fail(err, VAULT_E_FORMAT, VAULT_ORIGIN_CORE, 0,
                       "this content is stored in format %u, which this version cannot read",
                       r->version.format);
  r->view = (vault_reader_view){
    .size = sizeof r->view,
    .has_mtime = r->version.has_mtime,
    .item = r->item.id,
    .version = r->version.id,
    .size_bytes = r->version.size_bytes,
    .mtime_ns = r->version.mtime_ns,
    .created_ms = r->version.created_ms,
    .name = {r->item.name, strlen(r->item.name)},
    .content_type = {r->version.content_type, strlen(r->version.content_type)},
  };
  memcpy(r->view.sha256, r->version.sha256, sizeof r->view.sha256);
  return VAULT_OK;
}

vault_status vault_read_open(vault *v, const vault_principal *who, const vault_id *item,
                             const vault_id *version, uint64_t offset, uint64_t length,
                             vault_reader **out, vault_err *err) {
  VAULT_TRY(vault__check_who(v, who, err));
  if (!item || !out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no item, or no place for it");
  vault_reader *r = vault__new(&v->alloc, sizeof *r);
  if (!r)
    return vault__no_memory(err);
  r->v = v;
  vault_status s = load(r, who, item, version, err);
  if (s == VAULT_OK)
    s = set_range(r, offset, length, err);
  if (s != VAULT_OK) {
    vault__delete(&v->alloc, r->body);
    vault__delete(&v->alloc, r);
    return s;
  }
  atomic_fetch_add(&v->open_things, 1);
  *out = r;
  return VAULT_OK;
}

const vault_reader_view *vault_reader_get(const vault_reader *r) {
  return r ? &r->view : NULL;
}

vault_status vault_read_range(vault_reader *r, uint64_t offset, uint64_t length, vault_err *err) {
  if (!r)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no reader was given");
  VAULT_TRY(set_range(r, offset, length, err));
  r->done = 0;
  return VAULT_OK;
}

/* Since the row was read its bytes may have gone to another place: they were shared with a
 * blob that was there before (items.h, commit). Then the row says so now. */
static vault_status look_again(vault_reader *r, vault_err *err) {
  const vault_item_row item = r->item; /* the view shows this one */
  const vault_id version = r->version.id;
  const vault_blob_key was = r->version.blob;
  vault_status s = fetch(r, &item.user, &item.id, &version, err);
  r->item = item;
  VAULT_TRY(s);
  if (is_inline(r) || !vault__id_eq(&was.blob, &r->version.blob.blob))
    return VAULT_OK;
  return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_BLOB, 0,
                     "the stored content is not there");
}

/* After OK there is r->blob, or r->body. */
static vault_status open_blob(vault_reader *r, vault_err *err) {
  vault *v = r->v;
  vault_blob_reader *blob = NULL;
  uint64_t size = 0;
  if (r->blob || is_inline(r))
    return VAULT_OK;
  vault_status s = v->blobs->open(v->blobs_self, &r->version.blob, &blob, &size, err);
  if (s == VAULT_E_NOT_FOUND) {
    VAULT_TRY(look_again(r, err));
    if (is_inline(r))
      return VAULT_OK;
    s = v->blobs->open(v->blobs_self, &r->version.blob, &blob, &size, err);
  }
  VAULT_TRY(s);
  if (size != r->version.size_bytes) {
    v->blobs->close(v->blobs_self, blob);
    return vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_BLOB, 0,
                       "the stored content has %llu bytes instead of %llu",
                       (unsigned long long)size, (unsigned long long)r->version.size_bytes);
  }
  r->blob = blob;
  return VAULT_OK;
}

/* With verify_reads a body is compared once, before anybody sees a byte of it. */
static vault_status check_body(vault_reader *r, vault_err *err) {
  if (r->body_verified || !r->v->settings.verify_reads)
    return VAULT_OK;
  VAULT_TRY(vault__verify_body(r->v, &r->version, r->body, err));
  r->body_verified = 1;
  return VAULT_OK;
}

static vault_status copy(vault_reader *r, void *buf, uint64_t cap, uint64_t *n, vault_err *err) {
  vault *v = r->v;
  uint64_t at = r->view.offset + r->done;
  vault_str bytes;
  if (is_inline(r)) {
    VAULT_TRY(check_body(r, err));
    bytes = (vault_str){(const char *)r->body + at, cap};
  } else if (v->settings.verify_reads) {
    VAULT_TRY(vault__verify_piece(v, &r->verifier, &r->version, r->blob, at, &bytes, err));
  } else {
    return v->blobs->read(v->blobs_self, r->blob, at, buf, cap, n, err);
  }
  *n = cap < bytes.n ? cap : bytes.n;
  memcpy(buf, bytes.p, (size_t)*n);
  return VAULT_OK;
}

vault_status vault_read_next(vault_reader *r, void *buf, uint64_t cap, uint64_t *got,
                             vault_err *err) {
  uint64_t n = 0;
  if (!r || !got || (!buf && cap))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no reader, or no buffer");
  uint64_t left = r->view.length - r->done;
  if (left == 0 || cap == 0) {
    *got = 0;
    return VAULT_OK;
  }
  VAULT_TRY(open_blob(r, err));
  VAULT_TRY(copy(r, buf, cap < left ? cap : left, &n, err));
  if (n == 0)
    return vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_BLOB, 0,
                       "the stored content ends before its length");
  r->done += n;
  *got = n;
  return VAULT_OK;
}

vault_status vault_read_fd(vault_reader *r, int32_t *fd, vault_err *err) {
  if (!r || !fd)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no reader, or no place for it");
  int verify = r->v->settings.verify_reads != 0;
  if (!verify && !(r->v->caps & VAULT_CAP_FILE_READS)) {
    *fd = -1;
    return VAULT_OK;
  }
  VAULT_TRY(open_blob(r, err)); /* what is missing is told now, also where nobody gets it */
  *fd = verify || is_inline(r) ? -1 : r->v->blobs->fd(r->v->blobs_self, r->blob);
  return VAULT_OK;
}

vault_status vault_read_inline(vault_reader *r, vault_str *bytes, vault_err *err) {
  if (!r || !bytes)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no reader, or no place for it");
  *bytes = (vault_str){NULL, 0};
  if (!is_inline(r))
    return VAULT_OK;
  VAULT_TRY(check_body(r, err));
  *bytes = (vault_str){(const char *)r->body + r->view.offset, r->view.length};
  return VAULT_OK;
}

void vault_reader_free(vault_reader *r) {
  if (!r)
    return;
  vault *v = r->v;
  v->blobs->close(v->blobs_self, r->blob);
  vault__verify_end(v, &r->verifier);
  vault__delete(&v->alloc, r->body);
  vault__delete(&v->alloc, r);
  atomic_fetch_sub(&v->open_things, 1);
}
