/* The methods of the identity repository, by file; the table is in identity.c. Their
 * contracts are those of vault/ports/repository/identity.h. */
#ifndef VAULT__SQL_IDENTITY_H
#define VAULT__SQL_IDENTITY_H

#include "libvault/adapters/sql/tx.h"
#include "vault/ports/repository/identity.h"

/* identity_codes.c */
vault_status vault__identity_create_challenge(void *self, const vault_challenge_row *challenge,
                                              const vault_code_row *code, const vault_job_row *job,
                                              vault_err *err);
vault_status vault__identity_get_challenge(void *self, const vault_id *id,
                                           const uint8_t *secret_mac, vault_challenge_row *out,
                                           vault_err *err);
vault_status vault__identity_add_code(void *self, const vault_code_row *code,
                                      const vault_job_row *job, vault_err *err);
vault_status vault__identity_code_accepted(void *self, const vault_id *challenge, uint32_t n,
                                           int64_t now_ms, vault_err *err);
vault_status vault__identity_count_attempt(void *self, const vault_id *challenge,
                                           const uint8_t *secret_mac, uint32_t max_attempts,
                                           int64_t now_ms, vault_attempt_row *out, vault_err *err);

/* identity_redeem.c */
vault_status vault__identity_redeem(void *self, const vault_redeem *in, vault_account_row *account,
                                    uint32_t *new_user, vault_err *err);

/* identity_sessions.c */
vault_status vault__identity_get_session(void *self, const vault_id *session,
                                         vault_session_row *out, vault_err *err);
vault_status vault__identity_move_refresh(void *self, const vault_id *session,
                                          const vault_refresh_state *expect,
                                          const vault_refresh_state *next, int64_t now_ms,
                                          vault_err *err);
vault_status vault__identity_revoke_session(void *self, const vault_id *user,
                                            const vault_id *session, uint32_t reason,
                                            int64_t now_ms, vault_err *err);
vault_status vault__identity_revoke_sessions(void *self, const vault_id *user, const vault_id *keep,
                                             uint32_t reason, int64_t now_ms, uint64_t *n,
                                             vault_err *err);
vault_status vault__identity_list_sessions(void *self, const vault_id *user, const vault_id *after,
                                           int64_t now_ms, vault_session_row *rows, uint64_t max,
                                           uint64_t *n, vault_err *err);

/* identity_accounts.c */
void vault__account_read(vault__row *r, vault_account_row *out);
vault_status vault__identity_get_account(void *self, const vault_id *user, vault_account_row *out,
                                         vault_err *err);
vault_status vault__identity_find_account(void *self, vault_str phone, vault_account_row *out,
                                          vault_err *err);
vault_status vault__identity_list_accounts(void *self, const vault_id *after,
                                           vault_account_row *rows, uint64_t max, uint64_t *n,
                                           vault_err *err);
vault_status vault__identity_set_disabled(void *self, const vault_id *user, uint32_t disabled,
                                          int64_t now_ms, vault_err *err);
vault_status vault__identity_clock_floor(void *self, int64_t now_ms, int64_t *floor_ms,
                                         vault_err *err);
vault_status vault__identity_sweep(void *self, int64_t before_ms, uint64_t max, uint64_t *n,
                                   vault_err *err);

#endif
