#include "quota.h"

#include "libvault/base/err.h"

int vault__quota_fits(uint64_t used, uint64_t more, uint64_t quota) {
  return used <= quota && more <= quota - used;
}

uint64_t vault__quota_left(uint64_t used, uint64_t quota) {
  return used < quota ? quota - used : 0;
}

vault_status vault__quota_grow(uint64_t need, uint64_t step, uint64_t max, uint64_t *out,
                               vault_err *err) {
  if (!step)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "a reservation grows by at least 1 byte");
  if (need > max)
    return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0,
                       "this is larger than the limit of %llu bytes", (unsigned long long)max);
  uint64_t missing = need % step ? step - need % step : 0;
  *out = missing > max - need ? max : need + missing;
  return VAULT_OK;
}

static int known(int32_t account) {
  return account >= 0 && account < VAULT__ACCOUNTS;
}

vault_status vault__ledger_apply(vault__ledger *ledger, const vault__transfer *transfers,
                                 uint64_t n, vault_err *err) {
  vault__ledger after = *ledger;
  for (uint64_t i = 0; i < n; i++) {
    const vault__transfer *t = transfers + i;
    if (!known(t->from) || !known(t->to) || t->from == t->to)
      return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                         "a transfer needs two different accounts");
    /* Looked at before adding, so that nothing overflows. */
    if (t->bytes > VAULT__BYTES_MAX ||
        after.balance[t->to] > VAULT__BYTES_MAX - (int64_t)t->bytes ||
        after.balance[t->from] < -VAULT__BYTES_MAX + (int64_t)t->bytes)
      return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_CORE, 0,
                         "the usage account cannot count that many bytes");
    after.balance[t->from] -= (int64_t)t->bytes;
    after.balance[t->to] += (int64_t)t->bytes;
  }
  if (!vault__ledger_sound(&after))
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_CORE, 0,
                       "a usage account would fall below zero; run fsck to recount");
  *ledger = after;
  return VAULT_OK;
}

uint64_t vault__ledger_used(const vault__ledger *ledger) {
  uint64_t used = 0;
  for (int i = VAULT__ACCOUNT_LIVE; i < VAULT__ACCOUNTS; i++)
    if (ledger->balance[i] > 0)
      used += (uint64_t)ledger->balance[i];
  return used;
}

int vault__ledger_sound(const vault__ledger *ledger) {
  uint64_t inside = 0; /* four times 2^63 would wrap: stop before */
  for (int i = VAULT__ACCOUNT_LIVE; i < VAULT__ACCOUNTS; i++) {
    if (ledger->balance[i] < 0 || (uint64_t)ledger->balance[i] > VAULT__BYTES_MAX - inside)
      return 0;
    inside += (uint64_t)ledger->balance[i];
  }
  return ledger->balance[VAULT__ACCOUNT_OUTSIDE] == -(int64_t)inside;
}
