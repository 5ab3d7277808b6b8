#include "libvault/adapters/sql/identity.h"

#include "libvault/adapters/sql/repository.h"

const vault_identity_repo_ops vault__sql_identity_ops = {
  .size = sizeof(vault_identity_repo_ops),
  .version = VAULT_IDENTITY_REPO_V1,
  .create_challenge = vault__identity_create_challenge,
  .get_challenge = vault__identity_get_challenge,
  .add_code = vault__identity_add_code,
  .code_accepted = vault__identity_code_accepted,
  .count_attempt = vault__identity_count_attempt,
  .redeem = vault__identity_redeem,
  .get_session = vault__identity_get_session,
  .move_refresh = vault__identity_move_refresh,
  .revoke_session = vault__identity_revoke_session,
  .revoke_sessions = vault__identity_revoke_sessions,
  .list_sessions = vault__identity_list_sessions,
  .get_account = vault__identity_get_account,
  .find_account = vault__identity_find_account,
  .list_accounts = vault__identity_list_accounts,
  .set_disabled = vault__identity_set_disabled,
  .clock_floor = vault__identity_clock_floor,
  .sweep = vault__identity_sweep,
};
