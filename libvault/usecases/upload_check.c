#include "handle.h"
#include "vault/upload.h"

_Static_assert(VAULT_CHECK_MAX == VAULT_DIGESTS_MAX, "one call of the port answers one of ours");

vault_status vault_upload_check(vault *v, const vault_principal *who, const uint8_t *sha256,
                                uint64_t n, uint8_t *have, vault_err *err) {
  VAULT_TRY(vault__check_who(v, who, err));
  if (n > VAULT_CHECK_MAX)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0,
                       "at most %u digests are checked at once", VAULT_CHECK_MAX);
  if (n == 0)
    return VAULT_OK;
  if (!sha256 || !have)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "no digests, or no place for the answer");
  return v->items->find_digests(v->items_self, &who->user, sha256, n, have, err);
}
