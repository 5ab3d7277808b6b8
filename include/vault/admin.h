/* For whoever runs the vault: accounts, sessions of others, checking the store.
 * Nothing here asks who is calling: the host decides who may.
 * Threads: any thread; everything may block. */
#ifndef VAULT_ADMIN_H
#define VAULT_ADMIN_H

#include "auth.h"
#include "usage.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_USERS_MAX 256u /* of a page */

typedef struct vault_user_view {
  uint32_t size; /* step rows by the stride */
  uint32_t disabled;
  vault_id id;
  int64_t created_ms;
  vault_str phone;
} vault_user_view;

typedef struct vault_users vault_users;

/* Accounts by id, after `after` (NULL or zero: from the start), at most VAULT_USERS_MAX.
 * OK | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_admin_users(vault *v, const vault_id *after, uint32_t limit,
                                         vault_users **out, vault_err *err);
/* One account by phone number, in any form that people write. OK | PHONE | NOT_FOUND | ... */
VAULT_API vault_status vault_admin_find_user(vault *v, const char *phone, uint64_t phone_len,
                                             vault_users **out, vault_err *err);
/* One account by its id. OK | NOT_FOUND | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_admin_get_user(vault *v, const vault_id *user, vault_users **out,
                                            vault_err *err);
/* Row i starts at (char *)first + i * stride. All borrowed until vault_users_free. */
VAULT_API const vault_user_view *vault_users_rows(const vault_users *u, uint64_t *n,
                                                  uint32_t *stride);
VAULT_API void vault_users_free(vault_users *u); /* takes NULL */

/* OK | NOT_FOUND | RETRY | IO */
VAULT_API vault_status vault_admin_set_quota(vault *v, const vault_id *user, uint64_t quota_bytes,
                                             vault_err *err);
/* Disabling signs the user out everywhere. OK | NOT_FOUND | RETRY | IO */
VAULT_API vault_status vault_admin_set_disabled(vault *v, const vault_id *user, uint32_t disabled,
                                                vault_err *err);
/* End every session of a user. *n (may be NULL): how many. OK | NOT_FOUND | RETRY | IO */
VAULT_API vault_status vault_admin_revoke_sessions(vault *v, const vault_id *user, uint64_t *n,
                                                   vault_err *err);

/* ---- fsck --quick ------------------------------------------------------------------ */

typedef struct vault_check_report {
  uint32_t size; /* in: sizeof(vault_check_report) */
  uint32_t reserved;
  uint64_t users;
  uint64_t blobs;           /* rows looked at */
  uint64_t missing;         /* rows whose bytes are not where they say: damage */
  uint64_t wrong_size;      /* rows whose blob has another size: damage */
  uint64_t orphans;         /* blobs without a row; young ones may be uploads under way */
  uint64_t ledgers;         /* users whose ledger differs from their rows */
  uint64_t ledgers_mended;
  uint64_t inline_blobs;    /* of the blobs: their bytes are still in the database */
  uint64_t half_spilled;    /* of these: in the store as well; the next spilling finishes it */
} vault_check_report;

#define VAULT_CHECK_REPAIR 1u /* write the recounted ledgers; never touches user data */

/* Compare rows with the store's listing, sizes and ledgers. Reads no content. Blocking, for
 * as long as it takes; the vault can be used meanwhile.
 * OK (see the report) | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_admin_check(vault *v, uint32_t flags, vault_check_report *out,
                                         vault_err *err);

/* ---- small bodies ------------------------------------------------------------------- */

/* Bodies that are kept in the database until they are spilled to the store. */
typedef struct vault_inline_report {
  uint32_t size; /* in: sizeof(vault_inline_report) */
  uint32_t reserved;
  uint64_t bytes; /* in the database now, */
  uint64_t count; /* in so many bodies */
  int64_t oldest_age_ms; /* 0: there is none */
  /* Since this vault was opened: */
  uint64_t spilled; /* bodies that were moved to the store */
  uint64_t stops;   /* times that a full or read-only store ended it for a while */
  uint64_t refused; /* bodies that were left: damaged, or something else has their name */
} vault_inline_report;

/* OK | RETRY | IO */
VAULT_API vault_status vault_admin_inline(vault *v, vault_inline_report *out, vault_err *err);

/* ---- reading ------------------------------------------------------------------------ */

/* How often, since this vault was opened, the setting verify_reads found that stored bytes are
 * not what was uploaded; each is in the log as read_damaged. Never waits. 0 for NULL. */
VAULT_API uint64_t vault_admin_damaged_reads(const vault *v);

#ifdef __cplusplus
}
#endif
#endif
