#include "changes.h"

#include "libvault/domain/blob_path.h"
#include "libvault/domain/names.h"

vault_status vault__make_name(vault__arena *a, const char *p, uint64_t n, vault_name *out,
                              vault_err *err) {
  vault_name name = {.text = {p, n}};
  VAULT_TRY(vault__name_key(p, n, a, &name.key, err));
  *out = name;
  return VAULT_OK;
}

vault_status vault__make_path(vault *v, vault__arena *a, vault_str path, int must_be_file,
                              vault_name **out, uint32_t *n_out, vault_err *err) {
  vault__path parts;
  VAULT_TRY(must_be_file ? vault__path_split_file(path.p, path.n, &parts, err)
                         : vault__path_split(path.p, path.n, &parts, err));
  vault_name *names = vault__arena_get(a, (parts.n ? parts.n : 1) * sizeof *names);
  if (!names)
    return vault__no_memory(err);
  for (uint32_t i = 0; i < parts.n; i++) {
    VAULT_TRY(vault__make_name(a, parts.part[i].p, parts.part[i].n, &names[i], err));
    VAULT_TRY(vault__new_id(v, &names[i].id, err));
  }
  *out = names;
  *n_out = parts.n;
  return VAULT_OK;
}

vault_status vault__check_op_key(vault_str key, vault_err *err) {
  if (key.n > VAULT_OP_KEY_MAX)
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                       "an idempotency key has at most %u bytes", VAULT_OP_KEY_MAX);
  return VAULT_OK;
}

vault_status vault__check_space(uint32_t space, vault_err *err) {
  if (!vault__space_name(space))
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                       "space %u does not exist; use files, photos or notes", space);
  return VAULT_OK;
}

vault_status vault__change_begin(vault *v, const vault_principal *who, const vault_id *item,
                                 const vault_guard *guard, vault_item_change *out, vault_err *err) {
  VAULT_TRY(vault__check_who(v, who, err));
  if (!item || (guard && guard->size < sizeof *guard))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "no item was given, or the guard's size is not set");
  vault_item_change change = {.size = sizeof change,
                              .user = who->user,
                              .item = *item,
                              .now_ms = vault__now_ms(v)};
  if (guard) {
    VAULT_TRY(vault__check_op_key(guard->op_key, err));
    change.op_key = guard->op_key;
    if (guard->flags & VAULT_GUARD_SEQ) {
      change.flags |= VAULT_CHANGE_IF_SEQ;
      change.if_seq = guard->seq;
    }
  }
  *out = change;
  return VAULT_OK;
}

vault_status vault__change_patch(vault__arena *a, const vault_item_patch *patch, uint32_t allowed,
                                 vault_item_change *out, vault_err *err) {
  if (patch->size < sizeof *patch || (patch->flags & ~allowed) != 0)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "the patch's size is not set, or it has flags that mean nothing here");
  if (patch->flags & VAULT_UPDATE_PARENT) {
    out->flags |= VAULT_CHANGE_SET_PARENT;
    out->parent = patch->parent;
  }
  if (patch->flags & VAULT_UPDATE_NAME) {
    out->flags |= VAULT_CHANGE_SET_NAME;
    VAULT_TRY(vault__make_name(a, patch->name.p, patch->name.n, &out->name, err));
  }
  if (patch->flags & VAULT_UPDATE_MTIME) {
    out->flags |= VAULT_CHANGE_SET_MTIME;
    out->mtime_ns = patch->mtime_ns;
  }
  return VAULT_OK;
}

void vault__changed(vault *v, const vault_item_row *row) {
  vault__notify(v, VAULT_NOTICE_ITEMS_CHANGED, &row->user, &row->id, (uint64_t)row->seq);
}

vault_status vault__check_limit(uint32_t limit, uint32_t *out, vault_err *err) {
  if (limit > VAULT_LIST_MAX)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0, "a page has at most %u rows",
                       VAULT_LIST_MAX);
  *out = limit ? limit : VAULT_LIST_DEFAULT;
  return VAULT_OK;
}
