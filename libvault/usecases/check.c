/* fsck --quick: rows against the store's listing and sizes, ledgers against rows. Reports,
 * and mends only sums: it never removes, moves or cuts anything that a user stored. */
#include <string.h>

#include "handle.h"
#include "vault/admin.h"

#define BLOB_PAGE 128u
#define ENTRY_PAGE 64u
#define ACCOUNT_PAGE 64u
#define INDEX_ROWS 500u

/* Bytes in the database. Between the list and now they may have moved to the store, or gone. */
static vault_status check_inline(vault *v, const vault_blob_row *listed, vault_check_report *r,
                                 vault_err *err) {
  vault_blob_row row;
  uint64_t size = 0;
  vault_status s =
    v->items->get_inline(v->items_self, &listed->key.blob, NULL, 0, &size, err);
  if (s == VAULT_OK) {
    r->inline_blobs++;
    r->wrong_size += size != listed->size_bytes;
    return VAULT_OK;
  }
  if (s != VAULT_E_NOT_FOUND)
    return s;
  s = v->items->get_blob(v->items_self, &listed->key.blob, &row, err);
  r->missing += s == VAULT_OK && row.loc == VAULT_LOC_INLINE && row.state != VAULT_BLOB_DELETING;
  return s == VAULT_E_NOT_FOUND ? VAULT_OK : s;
}

static vault_status check_rows(vault *v, vault_check_report *r, vault_err *err) {
  vault_blob_row rows[BLOB_PAGE];
  vault_id after = {{0}};
  uint64_t n = 0;
  do {
    VAULT_TRY(v->items->list_blobs(v->items_self, &after, rows, BLOB_PAGE, &n, err));
    for (uint64_t i = 0; i < n; i++) {
      uint64_t size = 0;
      after = rows[i].key.blob;
      if (rows[i].state == VAULT_BLOB_DELETING)
        continue; /* it may be gone already */
      r->blobs++;
      if (rows[i].loc == VAULT_LOC_INLINE) {
        VAULT_TRY(check_inline(v, &rows[i], r, err));
        continue;
      }
      vault_status s = v->blobs->stat(v->blobs_self, &rows[i].key, &size, NULL, err);
      if (s == VAULT_E_NOT_FOUND)
        r->missing++;
      else if (s != VAULT_OK)
        return s;
      else if (size != rows[i].size_bytes)
        r->wrong_size++;
    }
  } while (n == BLOB_PAGE);
  return VAULT_OK;
}

static vault_status check_store(vault *v, vault_check_report *r, vault_err *err) {
  vault_blob_entry entries[ENTRY_PAGE];
  vault_blob_row row;
  char cursor[VAULT_BLOB_PATH_MAX] = "";
  uint64_t n = 0;
  do {
    VAULT_TRY(v->blobs->list(v->blobs_self, cursor, entries, ENTRY_PAGE, &n, err));
    for (uint64_t i = 0; i < n; i++) {
      if (entries[i].partial)
        continue;
      vault_status s = v->items->get_blob(v->items_self, &entries[i].key.blob, &row, err);
      if (s == VAULT_E_NOT_FOUND)
        r->orphans++;
      else if (s != VAULT_OK)
        return s;
      else
        r->half_spilled += row.loc == VAULT_LOC_INLINE;
    }
  } while (n);
  return VAULT_OK;
}

static vault_status check_ledgers(vault *v, uint32_t repair, vault_check_report *r,
                                  vault_err *err) {
  vault_account_row rows[ACCOUNT_PAGE];
  vault_usage_row counted;
  vault_id after = {{0}};
  uint64_t n = 0;
  do {
    VAULT_TRY(v->identity->list_accounts(v->identity_self, &after, rows, ACCOUNT_PAGE, &n, err));
    for (uint64_t i = 0; i < n; i++) {
      uint32_t differs = 0;
      after = rows[i].id;
      r->users++;
      VAULT_TRY(v->items->recount(v->items_self, &after, repair, &counted, &differs, err));
      r->ledgers += differs;
      r->ledgers_mended += differs && repair;
    }
  } while (n == ACCOUNT_PAGE);
  return VAULT_OK;
}

/* Rows that are made later are made now, so that there is something to look at. A database that
 * takes no changes is looked at as it is. */
static vault_status index_all(vault *v, vault_err *err) {
  uint64_t n = INDEX_ROWS;
  vault_status s = VAULT_OK;
  while (s == VAULT_OK && n >= INDEX_ROWS)
    s = v->items->index_fresh(v->items_self, INDEX_ROWS, &n, err);
  return s == VAULT_E_READ_ONLY ? VAULT_OK : s;
}

vault_status vault_admin_check(vault *v, uint32_t flags, vault_check_report *out, vault_err *err) {
  if (!v || !out || out->size < sizeof *out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "no vault, or no report whose size is set");
  vault_check_report r = {.size = out->size};
  VAULT_TRY(index_all(v, err));
  VAULT_TRY(check_rows(v, &r, err));
  VAULT_TRY(check_store(v, &r, err));
  VAULT_TRY(check_ledgers(v, flags & VAULT_CHECK_REPAIR, &r, err));
  *out = r;
  return VAULT_OK;
}
