/* Short ways to say what tests of files say all the time. Tests only; a call that is not
 * the one under test fails the test when it fails. */
#ifndef VT_FILES_H
#define VT_FILES_H

#include "tests/support/vt_vault.h"

/* Sign in and authenticate. */
vault_principal vt_who(vt_world *w, const char *phone);

/* Options for a path below the root of the files space. */
vault_upload_opts vt_at(const char *path, uint64_t length, uint32_t flags);

/* One small file. item (may be NULL): its id, when OK. */
vault_status vt_put(vault *v, const vault_principal *who, const char *path, const char *body,
                    vault_id *item);

vault_status vt_folder(vault *v, const vault_principal *who, const vault_id *parent,
                       const char *name, vault_id *item);

vault_status vt_lookup(vault *v, const vault_principal *who, const char *path,
                       vault_item_view *out);

/* Fails the test unless this is the whole content at the path. */
void vt_content(vault *v, const vault_principal *who, const char *path, const char *body);

vault_usage vt_usage(vault *v, const vault_principal *who);

/* Fails the test unless rows, store and ledgers agree, without orphans. */
void vt_clean(vault *v);

/* Every id of a page: how many rows, and whether there is another page. */
uint64_t vt_count(vault_items *items);

#endif
