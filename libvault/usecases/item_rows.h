/* vault_items: a page of repository rows with the views that callers read. Made before the
 * change that fills it, so that no memory can be missing after a commit. */
#ifndef VAULT__ITEM_ROWS_H
#define VAULT__ITEM_ROWS_H

#include "handle.h"
#include "vault/item.h"

#define VAULT__CURSOR_TEXT 1400u /* base64url of a name key, NUL included */

struct vault_items {
  vault_alloc alloc;
  uint64_t n, cap;
  uint64_t cursor_n;
  char cursor[VAULT__CURSOR_TEXT];
  vault_item_view *views;
  vault_item_row rows[]; /* cap of them, then the views */
};

/* Room for cap rows. OK | NO_MEMORY */
vault_status vault__items_new(vault *v, uint64_t cap, vault_items **out, vault_err *err);

/* rows[0..n) are set: make their views. */
void vault__items_show(vault_items *items, uint64_t n);

/* A view of one row, borrowing the row's text. */
void vault__item_view(const vault_item_row *row, vault_item_view *view);

#endif
