/* The trash: nothing is lost by a wrong click.
 * Threads: any thread; everything may block. Results: vault_items_free. */
#ifndef VAULT_TRASH_H
#define VAULT_TRASH_H

#include "item.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Move an item, and all that is in it, to the trash. It keeps counting in the quota. OK if
 * it is there already.
 * OK | NOT_FOUND | PRECONDITION | IDEMPOTENCY_KEY | RETRY | UNCERTAIN | IO | NO_MEMORY */
VAULT_API vault_status vault_trash_move(vault *v, const vault_principal *who, const vault_id *item,
                                        const vault_guard *guard, vault_items **out,
                                        vault_err *err);

/* What was moved to the trash by itself, newest first. limit and cursor as vault_item_list.
 * OK | CURSOR | TOO_LARGE | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_trash_list(vault *v, const vault_principal *who, const char *cursor,
                                        uint64_t cursor_len, uint32_t limit, vault_items **out,
                                        vault_err *err);

/* Put it back where it was (to the root if that folder is gone), or where `to` says (NULL:
 * as it was; only PARENT and NAME count).
 * OK | NOT_FOUND | NAME | NAME_TAKEN (err.item) | PARENT_NOT_FOUND | NOT_A_FOLDER | DEPTH |
 * IDEMPOTENCY_KEY | RETRY | UNCERTAIN | IO | NO_MEMORY */
VAULT_API vault_status vault_trash_restore(vault *v, const vault_principal *who,
                                           const vault_id *item, const vault_item_patch *to,
                                           const vault_guard *guard, vault_items **out,
                                           vault_err *err);

/* Remove it for good: gone from every list at once, its bytes leave the quota at once and
 * the disk after two grace periods.
 * OK | NOT_FOUND (not in the trash by itself) | PRECONDITION | IDEMPOTENCY_KEY | RETRY |
 * UNCERTAIN | IO */
VAULT_API vault_status vault_trash_purge(vault *v, const vault_principal *who,
                                         const vault_id *item, const vault_guard *guard,
                                         vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
