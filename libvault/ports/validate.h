/* Checks an ops table when it is registered, so that a table of another version or with a
 * hole is refused with a sentence and never called. Pure functions, any thread. */
#ifndef VAULT__VALIDATE_H
#define VAULT__VALIDATE_H

#include <stddef.h>

#include "vault/base.h"
#include "vault/ports/blob_store.h"

typedef enum vault__port {
  VAULT__PORT_CLOCK,
  VAULT__PORT_RANDOM,
  VAULT__PORT_LOG,
  VAULT__PORT_SMS,
  VAULT__PORT_LIMITER,
  VAULT__PORT_NOTIFIER,
  VAULT__PORT_BLOB_STORE,
  VAULT__PORT_IDENTITY,
  VAULT__PORT_ITEMS,
  VAULT__PORT_JOBS,
  VAULT__N_PORTS
} vault__port;

/* ops: the port's table. Its size must reach past the last method that must be provided,
 * its version be known, and no such method be NULL. Says which table and which method.
 * OK | OPS */
vault_status vault__ops_check(vault__port port, const void *ops, vault_err *err);

/* What the capabilities of a blob store promise must be there as well. Only after
 * vault__ops_check.  OK | OPS */
vault_status vault__blob_caps_check(const vault_blob_store_ops *ops, void *self, vault_err *err);

/* May an optional method be called? A table made by an older caller may end before it. */
#define VAULT__OPS_HAS(ops, method)                                               \
  ((ops)->size >= offsetof(__typeof__(*(ops)), method) + sizeof((ops)->method) && \
   (ops)->method != NULL)

#endif
