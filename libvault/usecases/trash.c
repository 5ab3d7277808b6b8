/* The trash. What a purge leaves on the disk is the work of job_blobs.c. */
#include "vault/trash.h"

#include <string.h>

#include "changes.h"
#include "libvault/base/encode.h"

typedef vault_status change_fn(void *self, const vault_item_change *change, vault_item_row *out,
                               vault_err *err);

/* Run one change that answers with the item. */
static vault_status apply(vault *v, change_fn *fn, const vault_item_change *change,
                          vault_items **out, vault_err *err) {
  vault_items *items = NULL;
  if (!out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no place for the result");
  VAULT_TRY(vault__items_new(v, 1, &items, err));
  vault_status s = fn(v->items_self, change, &items->rows[0], err);
  if (s != VAULT_OK) {
    vault_items_free(items);
    return s;
  }
  vault__items_show(items, 1);
  vault__changed(v, &items->rows[0]);
  *out = items;
  return VAULT_OK;
}

vault_status vault_trash_move(vault *v, const vault_principal *who, const vault_id *item,
                              const vault_guard *guard, vault_items **out, vault_err *err) {
  vault_item_change change;
  VAULT_TRY(vault__change_begin(v, who, item, guard, &change, err));
  return apply(v, v->items->trash_item, &change, out, err);
}

vault_status vault_trash_restore(vault *v, const vault_principal *who, const vault_id *item,
                                 const vault_item_patch *to, const vault_guard *guard,
                                 vault_items **out, vault_err *err) {
  vault__arena scratch;
  vault_item_change change;
  VAULT_TRY(vault__change_begin(v, who, item, guard, &change, err));
  vault__scratch(v, &scratch);
  vault_status s = VAULT_OK;
  if (to)
    s = vault__change_patch(&scratch, to, VAULT_UPDATE_PARENT | VAULT_UPDATE_NAME, &change, err);
  if (s == VAULT_OK)
    s = apply(v, v->items->restore_item, &change, out, err);
  vault__arena_free(&scratch);
  return s;
}

vault_status vault_trash_purge(vault *v, const vault_principal *who, const vault_id *item,
                               const vault_guard *guard, vault_err *err) {
  vault_item_change change;
  VAULT_TRY(vault__change_begin(v, who, item, guard, &change, err));
  VAULT_TRY(v->items->purge_item(v->items_self, &change, err));
  vault__notify(v, VAULT_NOTICE_ITEMS_CHANGED, &who->user, item, 0);
  return VAULT_OK;
}

/* A cursor is the time and the id of the last row. */
#define CURSOR_BYTES (8 + sizeof(vault_id))

static void set_cursor(vault_items *items) {
  const vault_item_row *last = &items->rows[items->n - 1];
  uint8_t raw[CURSOR_BYTES];
  for (unsigned i = 0; i < 8; i++)
    raw[i] = (uint8_t)((uint64_t)last->trashed_ms >> (56 - 8 * i));
  memcpy(raw + 8, last->id.b, sizeof last->id.b);
  vault__b64url(raw, sizeof raw, items->cursor);
  items->cursor_n = VAULT__B64URL_LEN(sizeof raw);
}

static vault_status read_cursor(const char *cursor, uint64_t len, int64_t *before_ms,
                                vault_id *before, vault_err *err) {
  uint8_t raw[CURSOR_BYTES];
  uint64_t n = 0, ms = 0;
  *before_ms = INT64_MAX;
  memset(before->b, 0xff, sizeof before->b);
  if (len == 0)
    return VAULT_OK;
  if (!cursor || vault__b64url_decode(cursor, len, raw, sizeof raw, &n) != VAULT_OK ||
      n != sizeof raw || raw[0] > 0x7f)
    return vault__fail(err, VAULT_E_CURSOR, VAULT_ORIGIN_CORE, 0, NULL);
  for (unsigned i = 0; i < 8; i++)
    ms = ms << 8 | raw[i];
  *before_ms = (int64_t)ms;
  memcpy(before->b, raw + 8, sizeof before->b);
  return VAULT_OK;
}

vault_status vault_trash_list(vault *v, const vault_principal *who, const char *cursor,
                              uint64_t cursor_len, uint32_t limit, vault_items **out,
                              vault_err *err) {
  vault_items *items = NULL;
  int64_t before_ms = 0;
  vault_id before;
  uint64_t n = 0;
  VAULT_TRY(vault__check_who(v, who, err));
  VAULT_TRY(vault__check_limit(limit, &limit, err));
  VAULT_TRY(read_cursor(cursor, cursor_len, &before_ms, &before, err));
  if (!out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no place for the result");
  VAULT_TRY(vault__items_new(v, (uint64_t)limit + 1, &items, err));
  vault_status s = v->items->list_trash(v->items_self, &who->user, before_ms, &before, items->rows,
                                        (uint64_t)limit + 1, &n, err);
  if (s != VAULT_OK) {
    vault_items_free(items);
    return s;
  }
  vault__items_show(items, n > limit ? limit : n);
  if (n > limit)
    set_cursor(items);
  *out = items;
  return VAULT_OK;
}
