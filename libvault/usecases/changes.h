/* What the use cases that change items have in common: checking names and guards, and
 * filling the repository's vault_item_change. */
#ifndef VAULT__CHANGES_H
#define VAULT__CHANGES_H

#include "item_rows.h"
#include "vault/trash.h"

/* A name with its key, both in the arena or borrowed. OK | NAME | NO_MEMORY */
vault_status vault__make_name(vault__arena *a, const char *p, uint64_t n, vault_name *out,
                              vault_err *err);

/* Every component of a path with its key; folders == 1: with a fresh id for each, should
 * it have to be made. must_be_file: refuse the root and a last slash. *out has *n_out
 * entries in the arena. OK | NAME | DEPTH | IO | NO_MEMORY */
vault_status vault__make_path(vault *v, vault__arena *a, vault_str path, int must_be_file,
                              vault_name **out, uint32_t *n_out, vault_err *err);

/* OK | INPUT: an idempotency key that is too long */
vault_status vault__check_op_key(vault_str key, vault_err *err);

/* OK | INPUT: not a space */
vault_status vault__check_space(uint32_t space, vault_err *err);

/* Start a change of `item` by `who`. OK | USAGE | INPUT */
vault_status vault__change_begin(vault *v, const vault_principal *who, const vault_id *item,
                                 const vault_guard *guard, vault_item_change *out, vault_err *err);

/* Copy what a patch names into the change; `allowed` are the flags that count here.
 * OK | USAGE | NAME | NO_MEMORY */
vault_status vault__change_patch(vault__arena *a, const vault_item_patch *patch, uint32_t allowed,
                                 vault_item_change *out, vault_err *err);

/* Tell the notifier of the row's new sequence number. */
void vault__changed(vault *v, const vault_item_row *row);

/* limit 0 is the default. OK | TOO_LARGE */
vault_status vault__check_limit(uint32_t limit, uint32_t *out, vault_err *err);

#endif
