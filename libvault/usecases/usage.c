#include "vault/usage.h"

#include "handle.h"

vault_status vault_usage_get(vault *v, const vault_principal *who, vault_usage *out,
                             vault_err *err) {
  vault_usage_row row;
  VAULT_TRY(vault__check_who(v, who, err));
  if (!out || out->size < sizeof *out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "no place for the result, or its size is not set");
  VAULT_TRY(v->items->get_usage(v->items_self, &who->user, &row, err));
  *out = (vault_usage){
    .size = out->size,
    .quota_bytes = row.quota_bytes,
    .used_bytes = row.live_bytes + row.versions_bytes + row.trash_bytes + row.partial_bytes,
    .live_bytes = row.live_bytes,
    .versions_bytes = row.versions_bytes,
    .trash_bytes = row.trash_bytes,
    .partial_bytes = row.partial_bytes,
    .files = row.files,
    .seq = row.seq,
  };
  return VAULT_OK;
}
