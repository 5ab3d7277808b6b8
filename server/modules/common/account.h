/* One account by its id. */
#ifndef VD_COMMON_ACCOUNT_H
#define VD_COMMON_ACCOUNT_H

#include <vault/admin.h>

/* The first row of *out is the user. OK (free with vault_users_free) | NOT_FOUND | RETRY | IO | NO_MEMORY */
vault_status vd_account_get(vault *v, const vault_id *user, vault_users **out, vault_err *err);

#endif
