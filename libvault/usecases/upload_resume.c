/* Continuing an upload: in the same process the new request takes the older handle's place, what
 * that one had taken is flushed first; elsewhere the lease's fence keeps the older one out. */
#include <string.h>

#include "committer.h"
#include "libvault/base/alloc.h"
#include "libvault/base/id.h"

static vault_status fail_usage(vault_err *err, const char *what) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "%s", what);
}

static vault_status not_found(vault_err *err) {
  return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_CORE, 0,
                     "this upload cannot be continued; start it again");
}

/* The flags that the row remembers, in both languages. */
static const uint32_t up_flags[] = {VAULT_UP_RESUMABLE, VAULT_UP_NEW_ONLY, VAULT_UP_IF_VERSION,
                                    VAULT_UP_SHA256, VAULT_UP_PARTIAL};
static const uint32_t row_flags[] = {VAULT_UPLOAD_RESUMABLE, VAULT_UPLOAD_NEW_ONLY,
                                     VAULT_UPLOAD_IF_VERSION, VAULT_UPLOAD_SHA256,
                                     VAULT_UPLOAD_PARTIAL};

static uint32_t translate(uint32_t flags, const uint32_t *from, const uint32_t *to) {
  uint32_t out = 0;
  for (size_t i = 0; i < sizeof up_flags / sizeof *up_flags; i++)
    if (flags & from[i])
      out |= to[i];
  return out;
}

uint32_t vault__upload_row_flags(uint32_t flags) {
  return translate(flags, up_flags, row_flags);
}

/* ---- the older handle ------------------------------------------------------------------------ */

vault_status vault__upload_enter(vault_upload *u, vault_err *err) {
  if (u->state == VAULT__UPLOAD_DONE)
    return vault__fail(err, VAULT_E_COMPLETED, VAULT_ORIGIN_CORE, 0, NULL);
  if (u->state == VAULT__UPLOAD_WAITING)
    return vault__fail(err, VAULT_E_CONFLICT, VAULT_ORIGIN_CORE, 0,
                       "this upload waits for its pieces");
  if (!(u->row.flags & VAULT_UPLOAD_RESUMABLE))
    return VAULT_OK; /* nobody takes it over */
  if (vault__claim_enter(u->v, &u->claim) && u->state != VAULT__UPLOAD_LOST)
    return VAULT_OK;
  if (u->claim.held)
    vault__claim_leave(u->v, &u->claim);
  u->state = VAULT__UPLOAD_LOST;
  return vault__fail(err, VAULT_E_PREEMPTED, VAULT_ORIGIN_CORE, 0, NULL);
}

/* What was refused for a rule has taken nothing, and spoils nothing that can go on. */
static int spoils(const vault_upload *u, vault_status s) {
  int32_t class = vault_status_class(s);
  if (class <= VAULT_CLASS_USAGE)
    return 0;
  return !(u->row.flags & VAULT_UPLOAD_RESUMABLE) ||
         (class != VAULT_CLASS_INPUT && class != VAULT_CLASS_LIMIT);
}

vault_status vault__upload_leave(vault_upload *u, vault_status s) {
  if (s == VAULT_E_PREEMPTED)
    u->state = VAULT__UPLOAD_LOST;
  else if (spoils(u, s))
    u->state = VAULT__UPLOAD_BROKEN;
  if (u->row.flags & VAULT_UPLOAD_RESUMABLE)
    vault__claim_leave(u->v, &u->claim);
  return s;
}

/* What was taken is kept, as far as it counts. */
static void let_loose(vault *v, vault_upload *old) {
  if (old->state == VAULT__UPLOAD_RECEIVING && !old->holding && old->offset != old->row.offset)
    (void)vault__upload_flush(old, NULL);
  v->blobs->discard(v->blobs_self, old->writer, 1);
  old->writer = NULL;
  vault__claim_drop(v, &old->claim);
}

/* The row is looked at first: nobody stops somebody else's upload by its id. */
vault_status vault__upload_seize(vault_upload *u, const vault_id *user, const vault_id *upload,
                                 vault_err *err) {
  vault *v = u->v;
  vault_upload *old = NULL;
  int slow = 0;
  VAULT_TRY(v->items->get_upload(v->items_self, user, upload, &u->row, NULL, err));
  if (!(u->row.flags & VAULT_UPLOAD_RESUMABLE))
    return not_found(err);
  while ((old = vault__claim_catch(v, &u->claim, upload, u, &slow)) != NULL)
    let_loose(v, old);
  return slow ? vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_CORE, 0,
                            "this upload is being put together from its pieces: ask again later")
              : VAULT_OK;
}

/* ---- the row ----------------------------------------------------------------------------------- */

/* Components were stored as text; their keys and ids are made anew. */
static vault_status restore_path(vault_upload *u, const char *names, uint32_t names_n,
                                 vault_err *err) {
  u->path = vault__arena_get(&u->arena, VAULT_PATH_DEPTH_MAX * sizeof *u->path);
  if (!u->path)
    return vault__no_memory(err);
  for (uint32_t at = 0; at < names_n && u->n_path < VAULT_PATH_DEPTH_MAX; u->n_path++) {
    vault_name *name = &u->path[u->n_path];
    uint64_t n = strlen(names + at);
    VAULT_TRY(vault__make_name(&u->arena, names + at, n, name, err));
    VAULT_TRY(vault__new_id(u->v, &name->id, err));
    at += (uint32_t)n + 1;
  }
  return VAULT_OK;
}

static vault_status take_texts(vault_upload *u, const vault_upload_more *more, vault_err *err) {
  uint64_t parts_n = u->row.n_parts * sizeof(vault_id);
  char *meta = vault__arena_dup(&u->arena, more->client_meta, more->client_meta_n);
  char *names = vault__arena_dup(&u->arena, more->names, more->names_n);
  vault_id *parts = vault__arena_get(&u->arena, parts_n ? parts_n : 1);
  if (!meta || !names || !parts)
    return vault__no_memory(err);
  memcpy(parts, more->parts, (size_t)parts_n);
  u->client_meta = vault__str(meta, more->client_meta_n);
  u->parts = parts;
  return restore_path(u, names, more->names_n, err);
}

static vault_status read_row(vault_upload *u, const vault_id *user, const vault_id *upload,
                             vault_err *err) {
  static const vault__upload_state state_of[] = {VAULT__UPLOAD_RECEIVING, VAULT__UPLOAD_DONE,
                                                 VAULT__UPLOAD_WAITING};
  vault *v = u->v;
  vault_upload_more *more = vault__new(&v->alloc, sizeof *more);
  if (!more)
    return vault__no_memory(err);
  vault_status s = v->items->lease_upload(v->items_self, user, upload, VAULT_FENCE_ANY, v->owner,
                                          &u->row, more, err);
  if (s == VAULT_OK)
    s = take_texts(u, more, err);
  vault__delete(&v->alloc, more);
  if (s == VAULT_OK)
    u->state = state_of[u->row.state % 3];
  return s;
}

vault_status vault__upload_lease(vault_upload *u, const vault_id *user, const vault_id *upload,
                                 vault_err *err) {
  VAULT_TRY(read_row(u, user, upload, err));
  VAULT_TRY(vault__new_id(u->v, &u->new_item, err));
  VAULT_TRY(vault__new_id(u->v, &u->new_version, err));
  u->offset = u->flushed = u->row.offset;
  u->flags = translate(u->row.flags, row_flags, up_flags);
  u->if_version = u->row.if_version;
  memcpy(u->expected, u->row.sha256, sizeof u->expected);
  return VAULT_OK;
}

/* The body is not where a partial one is. It was published and not committed; or, with nothing
 * durable in it, its very name was lost. */
static vault_status find_body(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  uint64_t size = 0;
  vault_upload_row row;
  vault_status s = v->blobs->stat(v->blobs_self, &u->row.blob, &size, NULL, err);
  if (s == VAULT_E_NOT_FOUND && u->row.offset == 0)
    return v->blobs->begin(v->blobs_self, &u->row.blob, VAULT_BLOB_RESUMABLE, &u->writer, err);
  if (s != VAULT_OK)
    return s;
  VAULT_TRY(vault__upload_mend(v, u, err));
  VAULT_TRY(v->items->get_upload(v->items_self, &u->row.blob.user, &u->row.id, &row, NULL, err));
  if (row.state != VAULT_UPLOAD_DONE)
    return not_found(err);
  u->row = row;
  u->state = VAULT__UPLOAD_DONE;
  return VAULT_OK;
}

vault_status vault__upload_open_body(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  VAULT_TRY(vault__upload_hash_from_row(u, err));
  vault_status s =
    v->blobs->resume(v->blobs_self, &u->row.blob, u->row.offset, u->row.fence, &u->writer, err);
  return s == VAULT_E_NOT_FOUND ? find_body(u, err) : s;
}

/* ---- the calls ---------------------------------------------------------------------------------- */

/* With the claim, and the lease. */
static vault_status open_upload(vault_upload *u, const vault_id *user, const vault_id *upload,
                                vault_err *err) {
  VAULT_TRY(vault__upload_seize(u, user, upload, err));
  VAULT_TRY(vault__upload_lease(u, user, upload, err));
  if (u->row.expires_ms <= vault__now_ms(u->v))
    return not_found(err);
  return u->state == VAULT__UPLOAD_RECEIVING ? vault__upload_open_body(u, err) : VAULT_OK;
}

vault_status vault_upload_resume(vault *v, const vault_principal *who, const vault_id *upload,
                                 vault_upload **out, vault_err *err) {
  VAULT_TRY(vault__check_who(v, who, err));
  if (!upload || !out)
    return fail_usage(err, "no upload, or no place for it");
  vault_upload *u = vault__upload_new(v);
  if (!u)
    return vault__no_memory(err);
  vault_status s = open_upload(u, &who->user, upload, err);
  if (s != VAULT_OK) {
    vault__upload_free(u);
    return s;
  }
  if (u->state == VAULT__UPLOAD_RECEIVING)
    vault__claim_leave(v, &u->claim);
  else
    vault__claim_drop(v, &u->claim);
  atomic_fetch_add(&v->open_things, 1);
  *out = u;
  return VAULT_OK;
}

void vault__upload_view(vault_upload *u) {
  uint32_t state = VAULT_UPLOAD_RECEIVING;
  if (u->state == VAULT__UPLOAD_DONE)
    state = VAULT_UPLOAD_DONE;
  else if (u->state == VAULT__UPLOAD_WAITING)
    state = VAULT_UPLOAD_WAITING;
  u->view = (vault_upload_view){.size = sizeof u->view,
                                .state = state,
                                .id = u->row.id,
                                .offset = u->offset,
                                .durable_offset = u->row.offset,
                                .length = u->row.length,
                                .created_ms = u->row.created_ms,
                                .expires_ms = u->row.expires_ms,
                                .item = u->row.done_item,
                                .flags = u->flags,
                                .n_parts = u->row.n_parts,
                                .client_meta = u->client_meta,
                                .parts = u->parts};
}

const vault_upload_view *vault_upload_get(vault_upload *u) {
  if (!u)
    return NULL;
  vault__upload_view(u);
  return &u->view;
}

/* ---- looking ----------------------------------------------------------------------------------- */

struct vault_upload_info {
  vault_upload u; /* without a writer and a claim */
};

vault_status vault_upload_stat(vault *v, const vault_principal *who, const vault_id *upload,
                               vault_upload_info **out, vault_err *err) {
  VAULT_TRY(vault__check_who(v, who, err));
  if (!upload || !out)
    return fail_usage(err, "no upload, or no place for what it is");
  VAULT_TRY(vault__upload_complete(v, &who->user, upload, err));
  vault_upload *u = vault__upload_new(v);
  if (!u)
    return vault__no_memory(err);
  vault_status s = open_upload(u, &who->user, upload, err);
  if (s != VAULT_OK) {
    vault__upload_free(u);
    return s;
  }
  v->blobs->discard(v->blobs_self, u->writer, 1);
  u->writer = NULL;
  vault__claim_drop(v, &u->claim);
  vault__upload_view(u);
  if (u->state == VAULT__UPLOAD_WAITING)
    u->view.length = vault__upload_pieces_length(u);
  *out = (vault_upload_info *)u;
  return VAULT_OK;
}

const vault_upload_view *vault_upload_info_get(const vault_upload_info *info) {
  return info ? &info->u.view : NULL;
}

void vault_upload_info_free(vault_upload_info *info) {
  if (info)
    vault__upload_free(&info->u);
}

/* ---- giving up ---------------------------------------------------------------------------------- */

/* The lease first: whoever works on it elsewhere can commit it no more; nor who takes it from here
 * on, because it is retired. Then the bytes, then the row: as long as the row is there, the bytes are not forgotten. */
static vault_status cancel(vault_upload *u, const vault_id *user, const vault_id *upload,
                           vault_err *err) {
  vault *v = u->v;
  VAULT_TRY(vault__upload_seize(u, user, upload, err));
  VAULT_TRY(vault__upload_lease(u, user, upload, err));
  int piece = (u->row.flags & VAULT_UPLOAD_PARTIAL) != 0;
  VAULT_TRY(vault__upload_retire(u, err));
  if (u->state != VAULT__UPLOAD_DONE || piece || vault__upload_is_retired(&u->row))
    VAULT_TRY(v->blobs->remove(v->blobs_self, &u->row.blob, err));
  return v->items->abort_upload(v->items_self, user, upload, u->row.fence, err);
}

vault_status vault_upload_cancel(vault *v, const vault_principal *who, const vault_id *upload,
                                 vault_err *err) {
  VAULT_TRY(vault__check_who(v, who, err));
  if (!upload)
    return fail_usage(err, "no upload was given");
  vault_upload *u = vault__upload_new(v);
  if (!u)
    return vault__no_memory(err);
  vault_status s = cancel(u, &who->user, upload, err);
  vault__upload_free(u);
  return s;
}
