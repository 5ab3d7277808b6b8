/* Uploads while they receive. The order of steps is that of docs/durability.md: L1 begin,
 * L2 and L3 append (upload_progress.c), then (upload_end.c) L4 seal, L5 publish, L6 commit. A
 * crash between any two leaves the upload's row, which tells job_uploads.c what to mend. */
#include "upload.h"

#include <string.h>

#include "libvault/base/alloc.h"
#include "libvault/base/id.h"
#include "libvault/domain/blob_path.h"
#include "libvault/domain/names.h"
#include "libvault/domain/quota.h"
#include "upload_inline.h"

#define FLUSH_EVERY_MS 1000
#define PUT_OFF_PART 4 /* of its time after which a slow upload gets the whole of it again */

static vault_status fail_usage(vault_err *err, const char *what) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "%s", what);
}

/* ---- begin ---------------------------------------------------------------------- */

_Static_assert(sizeof(vault_id) == 16, "ids are stored as 16 bytes each");

/* What only resumable ones have. */
static vault_status check_resumable(const vault *v, const vault_upload_opts *o, vault_err *err) {
  int piece = (o->flags & VAULT_UP_PARTIAL) != 0;
  if (!(o->flags & VAULT_UP_RESUMABLE) && (piece || o->client_meta.n))
    return fail_usage(err, "only resumable uploads can be pieces, or have client_meta");
  if ((o->flags & VAULT_UP_RESUMABLE) && !(v->caps & VAULT_CAP_RESUME))
    return fail_usage(err, "this store cannot resume uploads");
  if (piece && (o->path.n || !vault__id_is_zero(&o->item)))
    return fail_usage(err, "a piece has no path and no item");
  if (o->client_meta.n > VAULT_CLIENT_META_MAX)
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                       "the metadata of an upload has at most %u bytes", VAULT_CLIENT_META_MAX);
  return VAULT_OK;
}

vault_status vault__upload_check_opts(vault *v, const vault_principal *who,
                                      const vault_upload_opts *o, vault_err *err) {
  VAULT_TRY(vault__check_who(v, who, err));
  if (!o || o->size < sizeof *o)
    return fail_usage(err, "no options were given, or their size is not set");
  if (o->length != VAULT_LENGTH_UNKNOWN && o->length > v->settings.upload_max_bytes)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0,
                       "one upload has at most %llu bytes",
                       (unsigned long long)v->settings.upload_max_bytes);
  VAULT_TRY(check_resumable(v, o, err));
  if (!vault__id_is_zero(&o->item) && o->path.n)
    return fail_usage(err, "give an item or a path, not both");
  if (o->content_type.n >= VAULT_CONTENT_TYPE_TEXT)
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                       "a content type has at most %u bytes", VAULT_CONTENT_TYPE_TEXT - 1);
  return vault__check_op_key(o->op_key, err);
}

static vault_status aim_at_path(vault_upload *u, const vault_upload_opts *o, vault_str *name,
                                vault_err *err) {
  VAULT_TRY(vault__check_space(o->space, err));
  char *path = vault__arena_dup(&u->arena, o->path.p, o->path.n);
  if (!path)
    return vault__no_memory(err);
  VAULT_TRY(
    vault__make_path(u->v, &u->arena, vault__str(path, o->path.n), 1, &u->path, &u->n_path, err));
  u->row.space = o->space;
  u->row.parent = o->parent;
  *name = u->path[u->n_path - 1].text;
  return VAULT_OK;
}

static vault_status aim_at_item(vault_upload *u, const vault_id *id, vault_str *name,
                                vault_err *err) {
  vault_item_row *item = &u->result.item; /* not needed for anything else before the commit */
  VAULT_TRY(u->v->items->get_item(u->v->items_self, &u->row.blob.user, id, item, err));
  if (item->trashed_ms)
    return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_CORE, 0, "this file is in the trash");
  if (item->kind != VAULT_KIND_FILE)
    return vault__fail(err, VAULT_E_IS_A_FOLDER, VAULT_ORIGIN_CORE, 0, NULL);
  u->row.space = item->space;
  u->row.item = *id;
  *name = vault__str(item->name, strlen(item->name));
  return VAULT_OK;
}

/* Where the bytes go, and what follows from the name: extension and content type. */
static vault_status aim(vault_upload *u, const vault_upload_opts *o, vault_err *err) {
  vault_str name = {"", 0};
  if (o->flags & VAULT_UP_PARTIAL)
    u->row.space = VAULT_SPACE_FILES; /* where its blob would be */
  else
    VAULT_TRY(vault__id_is_zero(&o->item) ? aim_at_path(u, o, &name, err)
                                          : aim_at_item(u, &o->item, &name, err));
  const char *ext = vault__ext_of_name(name.p, name.n);
  if (*ext) {
    u->row.blob.ext[0] = '.';
    memcpy(u->row.blob.ext + 1, ext, strlen(ext) + 1);
  }
  u->row.blob.space = u->row.space;
  const char *type = vault__ext_content_type(ext);
  if (o->content_type.n)
    memcpy(u->row.content_type, o->content_type.p, (size_t)o->content_type.n);
  else
    memcpy(u->row.content_type, type, strlen(type) + 1);
  return VAULT_OK;
}

/* A body that is sent in vain costs people their data plan: what can be refused now is. Not with a key: this
 * may be the repetition of a request whose own success is what fails the condition; the commit can tell. */
static vault_status check_early(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  vault_item_row *item = &u->result.item;
  const vault_id *user = &u->row.blob.user;
  if (!(u->flags & (VAULT_UP_NEW_ONLY | VAULT_UP_IF_VERSION)) || u->row.op_key[0] || u->is_inline)
    return VAULT_OK; /* an inline body is here before the database could say no */
  vault_status s = u->n_path ? v->items->find_item(v->items_self, user, u->row.space,
                                                   &u->row.parent, u->path, u->n_path, item, err)
                             : v->items->get_item(v->items_self, user, &u->row.item, item, err);
  if (s == VAULT_E_NOT_FOUND && (u->flags & VAULT_UP_NEW_ONLY))
    return VAULT_OK;
  if (s == VAULT_E_NOT_FOUND)
    return vault__fail(err, VAULT_E_PRECONDITION, VAULT_ORIGIN_CORE, 0, NULL);
  if (s != VAULT_OK)
    return s;
  if ((u->flags & VAULT_UP_NEW_ONLY) || !vault__id_eq(&item->version, &u->if_version))
    return vault__fail_item(err, VAULT_E_PRECONDITION, VAULT_ORIGIN_CORE, &item->id, NULL);
  return VAULT_OK;
}

static vault_status keep_bytes(vault_upload *u, vault_str from, vault_str *to, vault_err *err) {
  char *p = from.n ? vault__arena_dup(&u->arena, from.p, from.n) : NULL;
  if (from.n && !p)
    return vault__no_memory(err);
  *to = vault__str(p, from.n);
  return VAULT_OK;
}

vault_status vault__upload_aim(vault_upload *u, const vault_principal *who,
                               const vault_upload_opts *o, vault_err *err) {
  vault *v = u->v;
  vault_upload_row *row = &u->row;
  u->flags = o->flags;
  u->if_version = o->if_version;
  memcpy(u->expected, o->sha256, sizeof u->expected);
  row->blob.user = who->user;
  row->session = who->session;
  row->flags = vault__upload_row_flags(o->flags);
  row->if_version = o->if_version;
  memcpy(row->sha256, o->sha256, sizeof row->sha256);
  row->length = o->length;
  row->reserved_bytes = o->length == VAULT_LENGTH_UNKNOWN ? 0 : o->length;
  row->has_mtime = (o->flags & VAULT_UP_MTIME) != 0;
  row->mtime_ns = row->has_mtime ? o->mtime_ns : 0;
  row->created_ms = vault__now_ms(v);
  row->expires_ms = row->created_ms + v->settings.upload_ttl_ms;
  memcpy(row->owner, v->owner, sizeof row->owner);
  if (o->op_key.n)
    memcpy(row->op_key, o->op_key.p, (size_t)o->op_key.n);
  VAULT_TRY(keep_bytes(u, o->client_meta, &u->client_meta, err));
  VAULT_TRY(vault__new_id(v, &row->id, err));
  VAULT_TRY(vault__new_id(v, &row->blob.blob, err));
  VAULT_TRY(vault__new_id(v, &u->new_item, err));
  VAULT_TRY(vault__new_id(v, &u->new_version, err));
  VAULT_TRY(aim(u, o, err));
  return check_early(u, err);
}

vault_upload *vault__upload_new(vault *v) {
  vault_upload *u = vault__new(&v->alloc, sizeof *u);
  if (!u)
    return NULL;
  u->v = v;
  u->result.size = sizeof u->result;
  u->result_err.size = sizeof u->result_err;
  vault__scratch(v, &u->arena);
  vault__sha256_init(&u->sha);
  u->chain.first = 1;
  u->flushed_mono_ms = v->clock->mono_ms(v->clock_self);
  return u;
}

vault_status vault__upload_add_row(vault_upload *u, vault_id *existing, vault_err *err) {
  vault *v = u->v;
  (void)vault__claim_take(v, &u->claim, &u->row.id, u); /* the id is new: nobody has it */
  return v->items->begin_upload(v->items_self, &u->row, u->path, u->n_path, u->client_meta,
                                u->parts, existing, err);
}

/* Steps L1 and L2. */
static vault_status begin_file(vault_upload *u, vault_id *existing, vault_err *err) {
  vault *v = u->v;
  VAULT_TRY(vault__upload_add_row(u, existing, err));
  uint32_t flags = u->row.flags & VAULT_UPLOAD_RESUMABLE ? VAULT_BLOB_RESUMABLE : 0;
  vault_status s = v->blobs->begin(v->blobs_self, &u->row.blob, flags, &u->writer, err);
  if (s != VAULT_OK)
    vault__upload_undo(u);
  return s;
}

static vault_status begin_new(vault *v, const vault_principal *who, const vault_upload_opts *opts,
                              vault_upload **out, vault_id *existing, vault_err *err) {
  vault_upload *u = vault__upload_new(v);
  if (!u)
    return vault__no_memory(err);
  u->is_inline = vault__inline_fits(v, opts);
  vault_status s = vault__upload_aim(u, who, opts, err);
  if (s == VAULT_OK)
    s = u->is_inline ? vault__inline_begin(u, err) : begin_file(u, existing, err);
  if (s != VAULT_OK) {
    vault__upload_free(u);
    return s;
  }
  if (!u->is_inline)
    vault__claim_leave(v, &u->claim);
  atomic_fetch_add(&v->open_things, 1);
  *out = u;
  return VAULT_OK;
}

/* The same answer for the same question only. */
static int same_request(const vault_upload *u, const vault_upload_opts *o) {
  vault__path parts;
  const vault_upload_row *row = &u->row;
  if (row->length != o->length && row->length != VAULT_LENGTH_UNKNOWN &&
      o->length != VAULT_LENGTH_UNKNOWN)
    return 0;
  if (((o->flags ^ u->flags) & VAULT_UP_PARTIAL) || !vault__id_eq(&row->item, &o->item))
    return 0;
  if (u->n_path == 0)
    return 1;
  if (row->space != o->space || !vault__id_eq(&row->parent, &o->parent) ||
      vault__path_split_file(o->path.p, o->path.n, &parts, NULL) != VAULT_OK ||
      parts.n != u->n_path)
    return 0;
  for (uint32_t i = 0; i < parts.n; i++)
    if (!vault__str_eq(parts.part[i], u->path[i].text))
      return 0;
  return 1;
}

/* A creation whose answer was lost. *gone: that upload ended meanwhile. */
static vault_status begin_again(vault *v, const vault_principal *who, const vault_upload_opts *o,
                                const vault_id *existing, vault_upload **out, int *gone,
                                vault_err *err) {
  vault_upload *u = NULL;
  vault_status s = vault_upload_resume(v, who, existing, &u, err);
  *gone = s == VAULT_E_NOT_FOUND;
  if (s != VAULT_OK)
    return s;
  if (!same_request(u, o)) {
    vault_upload_suspend(u);
    return vault__fail(err, VAULT_E_IDEMPOTENCY_KEY, VAULT_ORIGIN_CORE, 0, NULL);
  }
  *out = u;
  return VAULT_OK;
}

vault_status vault_upload_begin(vault *v, const vault_principal *who, const vault_upload_opts *opts,
                                vault_upload **out, vault_err *err) {
  vault_id existing = {{0}};
  int gone = 0;
  VAULT_TRY(vault__upload_check_opts(v, who, opts, err));
  if (!out)
    return fail_usage(err, "no place for the upload");
  vault_status s = begin_new(v, who, opts, out, &existing, err);
  if (s != VAULT_E_CONFLICT || vault__id_is_zero(&existing))
    return s;
  s = begin_again(v, who, opts, &existing, out, &gone, err);
  if (!gone)
    return s;
  /* Expired, and not swept yet. */
  (void)vault_upload_cancel(v, who, &existing, NULL);
  return begin_new(v, who, opts, out, &existing, err);
}

/* ---- append ------------------------------------------------------------------------ */

/* Unknown length: reserve a step more; where a step does not fit any more, what is needed. */
static vault_status reserve(vault_upload *u, uint64_t need, vault_err *err) {
  vault *v = u->v;
  const vault_id *user = &u->row.blob.user;
  uint64_t has = u->row.reserved_bytes, want = 0;
  if (need <= has)
    return VAULT_OK;
  VAULT_TRY(
    vault__quota_grow(need, VAULT_UPLOAD_STEP_BYTES, v->settings.upload_max_bytes, &want, err));
  vault_status s =
    v->items->grow_upload(v->items_self, user, &u->row.id, u->row.fence, want - has, err);
  if (s == VAULT_E_QUOTA && want > need) {
    want = need;
    s = v->items->grow_upload(v->items_self, user, &u->row.id, u->row.fence, want - has, err);
  }
  if (s == VAULT_OK)
    u->row.reserved_bytes = want;
  return s;
}

static int flush_is_due(const vault_upload *u) {
  vault *v = u->v;
  return u->offset - u->flushed >= VAULT_FLUSH_STEP_BYTES ||
         v->clock->mono_ms(v->clock_self) - u->flushed_mono_ms >= FLUSH_EVERY_MS;
}

/* A body that arrives slowly is no abandoned one: its time is put off, so that no other
 * process gives it up. Only "it is gone" is a failure here. */
static vault_status put_off(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  int64_t now_ms = v->clock->mono_ms(v->clock_self);
  if (now_ms - u->flushed_mono_ms < v->settings.upload_ttl_ms / PUT_OFF_PART)
    return VAULT_OK;
  vault_upload_save save = {.size = sizeof save,
                            .user = u->row.blob.user,
                            .upload = u->row.id,
                            .fence = u->row.fence,
                            .expires_ms = vault__now_ms(v) + v->settings.upload_ttl_ms};
  vault_status s = v->items->save_offset(v->items_self, &save, err);
  if (s == VAULT_OK)
    u->flushed_mono_ms = now_ms;
  return s == VAULT_E_NOT_FOUND || s == VAULT_E_PREEMPTED ? s : VAULT_OK;
}

static vault_status take(vault_upload *u, const void *p, uint64_t n, vault_err *err) {
  vault *v = u->v;
  if (u->row.length != VAULT_LENGTH_UNKNOWN && n > u->row.length - u->offset)
    return vault__fail(err, VAULT_E_BODY_LONG, VAULT_ORIGIN_CORE, 0,
                       "%llu bytes were declared, and more arrived",
                       (unsigned long long)u->row.length);
  if (n > v->settings.upload_max_bytes - u->offset)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0,
                       "one upload has at most %llu bytes",
                       (unsigned long long)v->settings.upload_max_bytes);
  if (u->is_inline) {
    vault__inline_take(u, p, n);
    return VAULT_OK;
  }
  VAULT_TRY(reserve(u, u->offset + n, err));
  VAULT_TRY(vault__upload_chain_room(u, n, err));
  VAULT_TRY(v->blobs->write(v->blobs_self, u->writer, p, n, err));
  vault__upload_hash(u, p, n);
  if (!(u->row.flags & VAULT_UPLOAD_RESUMABLE))
    return put_off(u, err);
  return flush_is_due(u) ? vault__upload_flush(u, err) : VAULT_OK;
}

/* A long piece is taken in steps, so that no more than a step is lost with the process. */
static vault_status take_steps(vault_upload *u, const char *p, uint64_t n, vault_err *err) {
  vault_status s = VAULT_OK;
  while (n && s == VAULT_OK) {
    uint64_t step = n < VAULT_FLUSH_STEP_BYTES ? n : VAULT_FLUSH_STEP_BYTES;
    s = take(u, p, step, err);
    p += step;
    n -= step;
  }
  return s;
}

vault_status vault_upload_append(vault_upload *u, const void *p, uint64_t n, vault_err *err) {
  if (!u || (!p && n))
    return fail_usage(err, "no upload, or no bytes");
  VAULT_TRY(vault__upload_enter(u, err));
  vault_status s = VAULT_OK;
  if (u->state != VAULT__UPLOAD_RECEIVING)
    s = fail_usage(err, "this upload takes no more bytes");
  else
    s = take_steps(u, p, n, err);
  return vault__upload_leave(u, s);
}
