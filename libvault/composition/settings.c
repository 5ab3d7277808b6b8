#include "settings.h"

#include <stddef.h>
#include <string.h>

#include "libvault/base/err.h"
#include "libvault/base/slice.h"

#define DAY_MS (INT64_C(86400000))

/* One row per number: where it is, what it is when nobody says, and what it may be. */
typedef struct number {
  const char *name;
  size_t offset;
  int is_64;
  uint64_t standard, min, max;
} number;

#define U32(field, standard, min, max) \
  {#field, offsetof(vault_settings, field), 0, standard, min, max}
#define U64(field, standard, min, max) \
  {#field, offsetof(vault_settings, field), 1, (uint64_t)(standard), min, max}

static const number numbers[] = {
  U32(code_ttl_ms, VAULT_DEFAULT_CODE_TTL_MS, 1000, 600000),
  U32(code_attempts, VAULT_DEFAULT_CODE_ATTEMPTS, 1, 10),
  U32(code_gap_ms, VAULT_DEFAULT_CODE_GAP_MS, 1, 3600000),
  U32(codes_per_hour, VAULT_DEFAULT_CODES_PER_HOUR, 1, 1000000),
  U32(codes_per_day, VAULT_DEFAULT_CODES_PER_DAY, 1, 1000000),
  U32(codes_per_hour_all, VAULT_DEFAULT_CODES_PER_HOUR_ALL, 1, 100000000),
  U32(codes_per_hour_address, VAULT_DEFAULT_CODES_PER_HOUR_ADDRESS, 1, 100000000),
  U32(wrong_per_day_phone, VAULT_DEFAULT_WRONG_PER_DAY_PHONE, 1, 1000000),
  U32(wrong_per_hour_all, VAULT_DEFAULT_WRONG_PER_HOUR_ALL, 1, 100000000),
  U32(bad_tokens_per_minute_address, VAULT_DEFAULT_BAD_TOKENS_PER_MINUTE_ADDRESS, 1, 100000000),
  U32(access_ttl_ms, VAULT_DEFAULT_ACCESS_TTL_MS, 1000, 3600000),
  U32(refresh_grace_ms, VAULT_DEFAULT_REFRESH_GRACE_MS, 1, 300000),
  U32(revoke_lag_ms, VAULT_DEFAULT_REVOKE_LAG_MS, 1, 60000),
  U32(inline_max_bytes, VAULT_DEFAULT_INLINE_MAX_BYTES, 1, VAULT_INLINE_MAX),
  U32(verify_reads, 0, 0, 1),
  U64(session_idle_ms, VAULT_DEFAULT_SESSION_IDLE_MS, 1000, 3650 * DAY_MS),
  U64(session_max_ms, VAULT_DEFAULT_SESSION_MAX_MS, 1000, 3650 * DAY_MS),
  U64(quota_bytes, VAULT_DEFAULT_QUOTA_BYTES, 1, INT64_MAX),
  U64(upload_max_bytes, VAULT_DEFAULT_UPLOAD_MAX_BYTES, 1, INT64_MAX),
  U64(upload_ttl_ms, VAULT_DEFAULT_UPLOAD_TTL_MS, 1000, 3650 * DAY_MS),
  U64(blob_grace_ms, VAULT_DEFAULT_BLOB_GRACE_MS, 1, 3650 * DAY_MS),
  U64(op_memory_ms, VAULT_DEFAULT_OP_MEMORY_MS, 1000, 3650 * DAY_MS),
  U64(spill_idle_ms, VAULT_DEFAULT_SPILL_IDLE_MS, 1, DAY_MS),
  U64(spill_after_ms, VAULT_DEFAULT_SPILL_AFTER_MS, 1, DAY_MS),
  U64(spill_bytes, VAULT_DEFAULT_SPILL_BYTES, 1, UINT64_C(1) << 40),
  U64(wal_bytes, VAULT_DEFAULT_WAL_BYTES, 1u << 20, 1u << 30),
};

static uint64_t get(const vault_settings *s, const number *n) {
  uint32_t small;
  uint64_t large;
  if (n->is_64) {
    memcpy(&large, (const char *)s + n->offset, sizeof large);
    return large;
  }
  memcpy(&small, (const char *)s + n->offset, sizeof small);
  return small;
}

static void set(vault_settings *s, const number *n, uint64_t value) {
  uint32_t small = (uint32_t)value;
  if (n->is_64)
    memcpy((char *)s + n->offset, &value, sizeof value);
  else
    memcpy((char *)s + n->offset, &small, sizeof small);
}

static vault_status check_dial_codes(vault_str codes, vault_err *err) {
  int digits = 0;
  if (codes.n == 1 && codes.p[0] == '*')
    return VAULT_OK;
  for (uint64_t i = 0; i <= codes.n; i++) {
    char c = i < codes.n ? codes.p[i] : ',';
    if (c >= '0' && c <= '9' && digits < 3)
      digits++;
    else if (c == ',' && digits > 0)
      digits = 0;
    else
      return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                         "dial_codes is a list like \"90,49\", or \"*\"");
  }
  return VAULT_OK;
}

vault_status vault__settings_fill(const vault_settings *given, vault_settings *out,
                                  vault_err *err) {
  vault_settings s = {.size = sizeof s};
  if (given && given->size > sizeof s)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "the settings are of a newer version of this library");
  if (given)
    memcpy(&s, given, given->size);
  s.size = sizeof s;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    const number *n = &numbers[i];
    uint64_t value = get(&s, n);
    if (n->offset == offsetof(vault_settings, inline_max_bytes) && value == VAULT_INLINE_OFF)
      continue;
    if (value == 0)
      set(&s, n, n->standard);
    else if (value < n->min || value > n->max)
      return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                         "%s must be between %llu and %llu", n->name, (unsigned long long)n->min,
                         (unsigned long long)n->max);
  }
  if (s.dial_codes.n == 0)
    s.dial_codes = VAULT__STR("90");
  if (s.sms_language.n == 0)
    s.sms_language = VAULT__STR("tr");
  if (!vault__str_eq(s.sms_language, VAULT__STR("tr")) &&
      !vault__str_eq(s.sms_language, VAULT__STR("en")))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "sms_language is \"tr\" or \"en\"");
  VAULT_TRY(check_dial_codes(s.dial_codes, err));
  *out = s;
  return VAULT_OK;
}
