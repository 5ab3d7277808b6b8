#include "account.h"

#include <string.h>

/* Accounts are listed by id, after a given one: ask for one row after the id before. */
vault_status vd_account_get(vault *v, const vault_id *user, vault_users **out, vault_err *err) {
  vault_id before = *user;
  vault_users *users = NULL;
  const vault_user_view *row;
  uint64_t n = 0;
  uint32_t stride = 0;
  vault_status s;

  for (size_t i = sizeof before.b; i > 0; i--) {
    if (before.b[i - 1]-- != 0) break; /* no borrow from the next byte */
  }
  s = vault_admin_users(v, &before, 1, &users, err);
  if (s != VAULT_OK) return s;
  row = vault_users_rows(users, &n, &stride);
  if (n == 0 || memcmp(&row->id, user, sizeof *user) != 0) {
    vault_users_free(users);
    return VAULT_E_NOT_FOUND;
  }
  *out = users;
  return VAULT_OK;
}
