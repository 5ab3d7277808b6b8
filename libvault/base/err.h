/* How an error is made: one call that fills vault_err and returns the status. */
#ifndef VAULT__ERR_H
#define VAULT__ERR_H

#include "vault/base.h"

/* Fill err (which may be NULL) and return status. The text must hold no secret.
 * fmt NULL: the standard sentence of the status. */
vault_status vault__fail(vault_err *err, vault_status status, uint32_t origin, int32_t native,
                         const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Like vault__fail for VAULT_CLASS_LIMIT: also says when to come back. */
vault_status vault__fail_until(vault_err *err, vault_status status, uint32_t origin,
                               int64_t retry_after_ms, const char *fmt, ...)
  __attribute__((format(printf, 5, 6)));

/* Like vault__fail for VAULT_E_NAME_TAKEN and its like: also names the item in the way. */
vault_status vault__fail_item(vault_err *err, vault_status status, uint32_t origin,
                              const vault_id *item, const char *fmt, ...)
  __attribute__((format(printf, 5, 6)));

vault_status vault__no_memory(vault_err *err);

/* Return early while nothing is held. The only control-flow macro of the house. */
#define VAULT_TRY(expr)           \
  do {                            \
    vault_status try_s_ = (expr); \
    if (try_s_ != VAULT_OK)       \
      return try_s_;              \
  } while (0)

#endif
