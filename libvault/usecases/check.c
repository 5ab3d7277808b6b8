/* fsck --quick: rows against the store's listing and sizes, ledgers against rows. Reports,
 * and mends only sums: it never removes, moves or cuts anything that a user stored. */
#include <string.h>

#include "handle.h"
#include "vault/admin.h"

#define BLOB_PAGE 128u
#define ENTRY_PAGE 64u
#define ACCOUNT_PAGE 64u

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

vault_status vault_admin_check(vault *v, uint32_t flags, vault_check_report *out, vault_err *err) {
  if (!v || !out || out->size < sizeof *out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "no vault, or no report whose size is set");
  vault_check_report r = {.size = out->size};
  VAULT_TRY(check_rows(v, &r, err));
  VAULT_TRY(check_store(v, &r, err));
  VAULT_TRY(check_ledgers(v, flags & VAULT_CHECK_REPAIR, &r, err));
  *out = r;
  return VAULT_OK;
}
