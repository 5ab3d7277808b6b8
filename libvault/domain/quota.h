/* Storage arithmetic that cannot overflow, and the usage ledger: bytes only move between
 * accounts, so that the sum of all of them is always 0. Pure functions, any thread. */
#ifndef VAULT__QUOTA_H
#define VAULT__QUOTA_H

#include "vault/base.h"

#define VAULT__BYTES_MAX INT64_MAX /* sizes are stored as int64 */

/* Whether `more` bytes fit beside `used` under `quota`. Safe for any values. */
int vault__quota_fits(uint64_t used, uint64_t more, uint64_t quota);

/* How many bytes are left; 0 when used is above quota. */
uint64_t vault__quota_left(uint64_t used, uint64_t quota);

/* The next reservation of an upload of unknown length that has `need` bytes: `step` bytes at a
 * time, never above max.  OK | USAGE (step 0) | TOO_LARGE (need above max) */
vault_status vault__quota_grow(uint64_t need, uint64_t step, uint64_t max, uint64_t *out,
                               vault_err *err);

enum {
  VAULT__ACCOUNT_OUTSIDE,  /* the world: the only one that goes below 0 */
  VAULT__ACCOUNT_LIVE,     /* newest versions of items that are not in the trash */
  VAULT__ACCOUNT_VERSIONS, /* older versions */
  VAULT__ACCOUNT_TRASH,
  VAULT__ACCOUNT_PARTIAL, /* reserved by uploads that are not finished */
  VAULT__ACCOUNTS,
};

/* One double entry. */
typedef struct vault__transfer {
  int32_t from, to; /* VAULT__ACCOUNT_* */
  uint64_t bytes;
} vault__transfer;

typedef struct vault__ledger {
  int64_t balance[VAULT__ACCOUNTS];
} vault__ledger;

/* Apply n transfers, all or none.
 * OK | USAGE (unknown account, from == to) | TOO_LARGE (above VAULT__BYTES_MAX)
 * | INTERNAL (an account would fall below 0: the books are wrong) */
vault_status vault__ledger_apply(vault__ledger *ledger, const vault__transfer *transfers,
                                 uint64_t n, vault_err *err);

/* Bytes that count against the quota: everything but OUTSIDE. */
uint64_t vault__ledger_used(const vault__ledger *ledger);

/* Whether the books balance: sum 0, nothing below 0 but OUTSIDE. */
int vault__ledger_sound(const vault__ledger *ledger);

#endif
