/* Uploads while they receive. The order of steps is that of docs/durability.md: L1 begin,
 * L2 and L3 append, then (upload_end.c) L4 seal, L5 publish, L6 commit. A crash between any
 * two leaves the upload's row, which tells job_uploads.c what to mend. */
#include "upload.h"

#include <string.h>

#include "libvault/base/alloc.h"
#include "libvault/base/id.h"
#include "libvault/domain/names.h"
#include "libvault/domain/quota.h"

#define FLUSH_EVERY_MS 1000
#define PUT_OFF_PART 4 /* of its time after which a slow upload gets the whole of it again */

static vault_status fail_usage(vault_err *err, const char *what) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "%s", what);
}

/* ---- begin ---------------------------------------------------------------------- */

static vault_status check_opts(vault *v, const vault_principal *who, const vault_upload_opts *o,
                               vault_err *err) {
  VAULT_TRY(vault__check_who(v, who, err));
  if (!o || o->size < sizeof *o)
    return fail_usage(err, "no options were given, or their size is not set");
  if (o->length != VAULT_LENGTH_UNKNOWN && o->length > v->settings.upload_max_bytes)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0,
                       "one upload has at most %llu bytes",
                       (unsigned long long)v->settings.upload_max_bytes);
  if ((o->flags & VAULT_UP_RESUMABLE) && !(v->caps & VAULT_CAP_RESUME))
    return fail_usage(err, "this store cannot resume uploads");
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
  vault_str name = {NULL, 0};
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
  if (!(u->flags & (VAULT_UP_NEW_ONLY | VAULT_UP_IF_VERSION)) || u->row.op_key[0])
    return VAULT_OK;
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

/* The flags that the row remembers, in both languages. */
static const uint32_t up_flags[] = {VAULT_UP_RESUMABLE, VAULT_UP_NEW_ONLY, VAULT_UP_IF_VERSION,
                                    VAULT_UP_SHA256};
static const uint32_t row_flags[] = {VAULT_UPLOAD_RESUMABLE, VAULT_UPLOAD_NEW_ONLY,
                                     VAULT_UPLOAD_IF_VERSION, VAULT_UPLOAD_SHA256};

static uint32_t translate(uint32_t flags, const uint32_t *from, const uint32_t *to) {
  uint32_t out = 0;
  for (size_t i = 0; i < sizeof up_flags / sizeof *up_flags; i++)
    if (flags & from[i])
      out |= to[i];
  return out;
}

static vault_status fill(vault_upload *u, const vault_principal *who, const vault_upload_opts *o,
                         vault_err *err) {
  vault *v = u->v;
  vault_upload_row *row = &u->row;
  u->flags = o->flags;
  u->if_version = o->if_version;
  memcpy(u->expected, o->sha256, sizeof u->expected);
  row->blob.user = who->user;
  row->session = who->session;
  row->flags = translate(o->flags, up_flags, row_flags);
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
  u->flushed_mono_ms = v->clock->mono_ms(v->clock_self);
  return u;
}

vault_status vault_upload_begin(vault *v, const vault_principal *who, const vault_upload_opts *opts,
                                vault_upload **out, vault_err *err) {
  VAULT_TRY(check_opts(v, who, opts, err));
  if (!out)
    return fail_usage(err, "no place for the upload");
  vault_upload *u = vault__upload_new(v);
  if (!u)
    return vault__no_memory(err);
  vault_status s = fill(u, who, opts, err);
  if (s == VAULT_OK)
    (void)vault__claim_take(v, &u->claim, &u->row.id); /* the id is new: nobody has it */
  if (s == VAULT_OK)
    s = v->items->begin_upload(v->items_self, &u->row, u->path, u->n_path, err);
  if (s != VAULT_OK) {
    vault__upload_free(u);
    return s;
  }
  s = v->blobs->begin(v->blobs_self, &u->row.blob,
                      u->row.flags & VAULT_UPLOAD_RESUMABLE ? VAULT_BLOB_RESUMABLE : 0, &u->writer,
                      err);
  if (s != VAULT_OK) {
    vault__upload_undo(u);
    vault__upload_free(u);
    return s;
  }
  atomic_fetch_add(&v->open_things, 1);
  *out = u;
  return VAULT_OK;
}

/* ---- resume ----------------------------------------------------------------------- */

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

static vault_status load(vault_upload *u, const vault_id *user, const vault_id *upload,
                         vault_err *err) {
  vault *v = u->v;
  uint32_t names_n = VAULT_PATH_DEPTH_MAX * VAULT_NAME_TEXT;
  char *names = vault__arena_get(&u->arena, names_n);
  if (!names)
    return vault__no_memory(err);
  VAULT_TRY(v->items->get_upload(v->items_self, user, upload, &u->row, names, &names_n, err));
  VAULT_TRY(restore_path(u, names, names_n, err));
  VAULT_TRY(vault__new_id(v, &u->new_item, err));
  VAULT_TRY(vault__new_id(v, &u->new_version, err));
  u->offset = u->row.offset;
  u->flags = translate(u->row.flags, row_flags, up_flags);
  u->if_version = u->row.if_version;
  memcpy(u->expected, u->row.sha256, sizeof u->expected);
  return VAULT_OK;
}

vault_status vault__upload_load(vault *v, const vault_id *user, const vault_id *upload,
                                vault_upload **out, vault_err *err) {
  vault_upload *u = vault__upload_new(v);
  if (!u)
    return vault__no_memory(err);
  vault_status s = load(u, user, upload, err);
  if (s != VAULT_OK) {
    vault__upload_free(u);
    return s;
  }
  *out = u;
  return VAULT_OK;
}

vault_status vault_upload_resume(vault *v, const vault_principal *who, const vault_id *upload,
                                 vault_upload **out, vault_err *err) {
  vault_upload *u = NULL;
  VAULT_TRY(vault__check_who(v, who, err));
  if (!upload || !out)
    return fail_usage(err, "no upload, or no place for it");
  u = vault__upload_new(v);
  if (!u)
    return vault__no_memory(err);
  vault_status s = VAULT_OK;
  if (!vault__claim_take(v, &u->claim, upload))
    s = vault__fail(err, VAULT_E_BUSY, VAULT_ORIGIN_CORE, 0,
                    "another request works on this upload; try again when it has ended");
  if (s == VAULT_OK)
    s = load(u, &who->user, upload, err);
  if (s != VAULT_OK) {
    vault__upload_free(u);
    return s;
  }
  if (!(u->row.flags & VAULT_UPLOAD_RESUMABLE) || u->row.expires_ms <= vault__now_ms(v))
    s = vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_CORE, 0,
                    "this upload cannot be continued; start it again");
  if (s == VAULT_OK && u->row.sha_state_n)
    s = vault__sha256_load(u->row.sha_state, u->row.sha_state_n, &u->sha, err);
  if (s == VAULT_OK)
    s = v->blobs->resume(v->blobs_self, &u->row.blob, u->row.offset, &u->writer, err);
  if (s != VAULT_OK) {
    vault__upload_free(u);
    return s;
  }
  atomic_fetch_add(&v->open_things, 1);
  *out = u;
  return VAULT_OK;
}

const vault_upload_view *vault_upload_get(vault_upload *u) {
  if (!u)
    return NULL;
  u->view = (vault_upload_view){.size = sizeof u->view,
                                .id = u->row.id,
                                .offset = u->offset,
                                .durable_offset = u->row.offset,
                                .length = u->row.length};
  return &u->view;
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
  vault_status s = v->items->grow_upload(v->items_self, user, &u->row.id, want - has, err);
  if (s == VAULT_E_QUOTA && want > need) {
    want = need;
    s = v->items->grow_upload(v->items_self, user, &u->row.id, want - has, err);
  }
  if (s == VAULT_OK)
    u->row.reserved_bytes = want;
  return s;
}

vault_status vault__upload_flush(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  uint64_t durable = 0;
  uint8_t state[VAULT__SHA256_SAVED];
  VAULT_TRY(v->blobs->flush(v->blobs_self, u->writer, &durable, err));
  if (durable != u->offset)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_BLOB, 0,
                       "the store flushed another length than it was given");
  vault__sha256_save(&u->sha, state);
  VAULT_TRY(v->items->save_offset(v->items_self, &u->row.blob.user, &u->row.id, durable, state,
                                  sizeof state, vault__now_ms(v) + v->settings.upload_ttl_ms, err));
  u->row.offset = durable;
  u->flushed_mono_ms = v->clock->mono_ms(v->clock_self);
  return VAULT_OK;
}

static int flush_is_due(const vault_upload *u) {
  vault *v = u->v;
  return (u->row.flags & VAULT_UPLOAD_RESUMABLE) &&
         (u->offset - u->row.offset >= VAULT_FLUSH_STEP_BYTES ||
          v->clock->mono_ms(v->clock_self) - u->flushed_mono_ms >= FLUSH_EVERY_MS);
}

/* A body that arrives slowly is no abandoned one: its time is put off, so that no other
 * process gives it up. Only "it is gone" is a failure here. */
static vault_status put_off(vault_upload *u, vault_err *err) {
  vault *v = u->v;
  int64_t now_ms = v->clock->mono_ms(v->clock_self);
  if (now_ms - u->flushed_mono_ms < v->settings.upload_ttl_ms / PUT_OFF_PART)
    return VAULT_OK;
  vault_status s = v->items->save_offset(v->items_self, &u->row.blob.user, &u->row.id, 0, NULL, 0,
                                         vault__now_ms(v) + v->settings.upload_ttl_ms, err);
  if (s == VAULT_OK)
    u->flushed_mono_ms = now_ms;
  return s == VAULT_E_NOT_FOUND ? s : VAULT_OK;
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
  VAULT_TRY(reserve(u, u->offset + n, err));
  VAULT_TRY(v->blobs->write(v->blobs_self, u->writer, p, n, err));
  vault__sha256_add(&u->sha, p, n);
  u->offset += n;
  if (!(u->row.flags & VAULT_UPLOAD_RESUMABLE))
    return put_off(u, err);
  return flush_is_due(u) ? vault__upload_flush(u, err) : VAULT_OK;
}

vault_status vault_upload_append(vault_upload *u, const void *p, uint64_t n, vault_err *err) {
  if (!u || u->state != VAULT__UPLOAD_RECEIVING || (!p && n))
    return fail_usage(err, "this upload takes no more bytes");
  if (n == 0)
    return VAULT_OK;
  vault_status s = take(u, p, n, err);
  if (s != VAULT_OK)
    u->state = VAULT__UPLOAD_BROKEN;
  return s;
}

vault_status vault_upload_flush(vault_upload *u, vault_err *err) {
  if (!u || u->state != VAULT__UPLOAD_RECEIVING || !(u->row.flags & VAULT_UPLOAD_RESUMABLE))
    return fail_usage(err, "only a resumable upload that is receiving can be flushed");
  vault_status s = vault__upload_flush(u, err);
  if (s != VAULT_OK)
    u->state = VAULT__UPLOAD_BROKEN;
  return s;
}
