/* Which shipped adapter a URL means. The only place that knows them all. */
#ifndef VAULT__ADAPTERS_H
#define VAULT__ADAPTERS_H

#include "libvault/usecases/handle.h"
#include "vault/adapters/repositories.h"

/* Each sets the port in v where the configuration gave no table of its own.
 * OK | USAGE (malformed, or an adapter that was not built in) | what the adapter says */
vault_status vault__choose_database(vault *v, const vault_config *config, vault_err *err);
vault_status vault__choose_storage(vault *v, const vault_config *config, vault_err *err);
vault_status vault__choose_sms(vault *v, const vault_config *config, vault_err *err);
vault_status vault__choose_keys(vault *v, const vault_config *config, vault_err *err);

#endif
