/* Which digests are the content of a user's files: the question before a backup uploads. */
#include <string.h>

#include "items_sql.h"

#define SHA256_BYTES 32u
#define ASKED 32u /* digests in one statement */

typedef struct digest_args {
  const vault_id *user;
  const uint8_t *digests;
  uint64_t n;
  uint8_t have[VAULT_DIGESTS_MAX];
} digest_args;

static void mark(digest_args *a, uint64_t from, uint64_t n, const uint8_t *found) {
  for (uint64_t i = from; i < from + n; i++)
    if (memcmp(a->digests + i * SHA256_BYTES, found, SHA256_BYTES) == 0)
      a->have[i] = 1;
}

/* What is missing in the last statement is the last digest once more. */
static vault_status ask(vault__items_tx *t, digest_args *a, uint64_t from, uint64_t n) {
  vault__val params[1 + ASKED];
  vault__rows rows;
  params[0] = vault__p_id(a->user);
  for (uint64_t i = 0; i < ASKED; i++)
    params[1 + i] =
      vault__p_blob(a->digests + (from + (i < n ? i : n - 1)) * SHA256_BYTES, SHA256_BYTES);
  VAULT_TRY(vault__items_run(t, VAULT__SQL_ITEM_DIGESTS, params, 1 + ASKED, &rows));
  for (int64_t i = 0; i < rows.n; i++) {
    vault__row r = vault__row_at(&rows, i);
    uint8_t found[SHA256_BYTES] = {0};
    vault__get_fixed(&r, found, sizeof found);
    VAULT_TRY(vault__items_row_ok(t, &r));
    mark(a, from, n, found);
  }
  return VAULT_OK;
}

static vault_status digest_work(vault__items_tx *t, void *arg) {
  digest_args *a = arg;
  memset(a->have, 0, sizeof a->have);
  for (uint64_t at = 0; at < a->n; at += ASKED)
    VAULT_TRY(ask(t, a, at, a->n - at < ASKED ? a->n - at : ASKED));
  return VAULT_OK;
}

vault_status vault__items_find_digests(void *self, const vault_id *user, const uint8_t *digests,
                                       uint64_t n, uint8_t *have, vault_err *err) {
  digest_args a = {.user = user, .digests = digests, .n = n};
  if (n > VAULT_DIGESTS_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0, "at most %u digests at once",
                       VAULT_DIGESTS_MAX);
  VAULT_TRY(vault__items_read(self, digest_work, &a, err));
  if (n)
    memcpy(have, a.have, (size_t)n);
  return VAULT_OK;
}
