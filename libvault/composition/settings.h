/* The settings of a vault: defaults filled in, every value within its bounds. */
#ifndef VAULT__SETTINGS_H
#define VAULT__SETTINGS_H

#include "vault/open.h"

/* given may be NULL, or shorter than ours (an older caller's). The texts of *out point to
 * the given ones or to static storage. OK | USAGE (names the field and its bounds) */
vault_status vault__settings_fill(const vault_settings *given, vault_settings *out, vault_err *err);

#endif
