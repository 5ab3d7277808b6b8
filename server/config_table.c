/* One row for every key. The defaults of the library and of the HTTP core are taken from their
 * headers, so that they are stated once. */
#include "config_table.h"

#include "http/limits.h"

#define DAY_MS UINT64_C(86400000)

#define SETTING(k, type, member, preset, min, max, help)                                           \
  {k, type, VD_HOME_SETTINGS, offsetof(vault_settings, member),                                    \
   sizeof(((vault_settings *)0)->member), (uint64_t)(preset), min, max, NULL, NULL, help}
#define HTTP(k, type, member, preset, min, max, help)                                              \
  {k, type, VD_HOME_HTTP, offsetof(vd_http_config, member), sizeof(((vd_http_config *)0)->member), \
   (uint64_t)(preset), min, max, NULL, NULL, help}
#define TEXT(k, preset, help)                                                                      \
  {k, VD_TYPE_TEXT, VD_HOME_NONE, 0, 0, 0, 0, 0, preset, NULL, help}
#define WORD(k, preset, choices, help)                                                             \
  {k, VD_TYPE_WORD, VD_HOME_NONE, 0, 0, 0, 0, 0, preset, choices, help}

const vd_config_row vd_config_rows[] = {
  /* The order of the first rows is that of vd_key. */
  TEXT("config", "", "INI file to read"),
  TEXT("data", "/var/lib/vaultd", "directory of the database, the files, the keys and the socket"),
  TEXT("listen", "127.0.0.1:8080", "HOST:PORT or [IPv6]:PORT; port 0 picks a free one"),
  TEXT("database", "", "sqlite:PATH or postgresql://...; default sqlite:{data}/vault.db"),
  TEXT("storage", "", "file:DIR; default file:{data}/storage"),
  TEXT("sms", "console:", "console:, file:PATH or none:"),
  TEXT("keys", "", "directory of the keys (0700), or memory:; default {data}/keys"),
  TEXT("public_url", "", "http(s)://HOST[:PORT] that people use; default http://localhost:PORT"),
  WORD("log.level", "info", "debug|info|warn|error", "least important line that is written"),
  WORD("log.format", "auto", "auto|json|text", "auto: text on a terminal, else JSON"),
  WORD("log.requests", "on", "on|errors|off", "a line per request, or only for 5xx answers"),
  TEXT("http.cors_origins", "", "pages of these origins may use the API: https://HOST[:PORT] ..., or *"),

  SETTING("auth.code_ttl_ms", VD_TYPE_MS, code_ttl_ms, VAULT_DEFAULT_CODE_TTL_MS, 1000, 600000,
          "how long a code is valid"),
  SETTING("auth.code_attempts", VD_TYPE_COUNT, code_attempts, VAULT_DEFAULT_CODE_ATTEMPTS, 1, 10,
          "guesses per challenge"),
  SETTING("auth.access_ttl_ms", VD_TYPE_MS, access_ttl_ms, VAULT_DEFAULT_ACCESS_TTL_MS, 1000,
          3600000, "life of an access token"),
  SETTING("auth.refresh_grace_ms", VD_TYPE_MS, refresh_grace_ms, VAULT_DEFAULT_REFRESH_GRACE_MS,
          1, 300000, "how long a lost answer to a refresh may be asked for again"),
  SETTING("auth.revoke_lag_ms", VD_TYPE_MS, revoke_lag_ms, VAULT_DEFAULT_REVOKE_LAG_MS, 1, 60000,
          "how old a cached check of a session may be"),
  SETTING("auth.session_idle_ms", VD_TYPE_MS, session_idle_ms, VAULT_DEFAULT_SESSION_IDLE_MS, 1000,
          3650 * DAY_MS, "a session that is not refreshed this long has ended"),
  SETTING("auth.session_max_ms", VD_TYPE_MS, session_max_ms, VAULT_DEFAULT_SESSION_MAX_MS, 1000,
          3650 * DAY_MS, "longest life of a session"),
  SETTING("limits.code_gap_ms", VD_TYPE_MS, code_gap_ms, VAULT_DEFAULT_CODE_GAP_MS, 1, 3600000,
          "between two codes to one number"),
  SETTING("limits.codes_per_hour", VD_TYPE_COUNT, codes_per_hour, VAULT_DEFAULT_CODES_PER_HOUR, 1,
          1000000, "codes to one number"),
  SETTING("limits.codes_per_day", VD_TYPE_COUNT, codes_per_day, VAULT_DEFAULT_CODES_PER_DAY, 1,
          1000000, "codes to one number"),
  SETTING("limits.codes_per_hour_all", VD_TYPE_COUNT, codes_per_hour_all,
          VAULT_DEFAULT_CODES_PER_HOUR_ALL, 1, 100000000, "codes to all numbers: the cost cap"),
  SETTING("limits.codes_per_hour_address", VD_TYPE_COUNT, codes_per_hour_address,
          VAULT_DEFAULT_CODES_PER_HOUR_ADDRESS, 1, 100000000, "codes asked for from one network"),
  SETTING("limits.wrong_per_day_phone", VD_TYPE_COUNT, wrong_per_day_phone,
          VAULT_DEFAULT_WRONG_PER_DAY_PHONE, 1, 1000000, "wrong codes for one number"),
  SETTING("limits.wrong_per_hour_all", VD_TYPE_COUNT, wrong_per_hour_all,
          VAULT_DEFAULT_WRONG_PER_HOUR_ALL, 1, 100000000, "wrong codes in all"),
  SETTING("limits.bad_tokens_per_minute_address", VD_TYPE_COUNT, bad_tokens_per_minute_address,
          VAULT_DEFAULT_BAD_TOKENS_PER_MINUTE_ADDRESS, 1, 100000000,
          "access tokens from one network that did not verify"),
  SETTING("quota.bytes", VD_TYPE_BYTES, quota_bytes, VAULT_DEFAULT_QUOTA_BYTES, 1,
          INT64_MAX, "of a new user"),
  SETTING("upload.max_bytes", VD_TYPE_BYTES, upload_max_bytes, VAULT_DEFAULT_UPLOAD_MAX_BYTES, 1,
          INT64_MAX, "largest file"),
  SETTING("upload.inline_max_bytes", VD_TYPE_BYTES, inline_max_bytes,
          VAULT_DEFAULT_INLINE_MAX_BYTES, 0, VAULT_INLINE_MAX,
          "small files are kept in the database at first; 0: none"),
  SETTING("upload.spill_idle_ms", VD_TYPE_MS, spill_idle_ms, VAULT_DEFAULT_SPILL_IDLE_MS, 1, DAY_MS,
          "they move to the storage when nothing was uploaded for so long"),
  SETTING("upload.spill_after_ms", VD_TYPE_MS, spill_after_ms, VAULT_DEFAULT_SPILL_AFTER_MS, 1,
          DAY_MS, "or when one has waited for so long"),
  SETTING("upload.spill_bytes", VD_TYPE_BYTES, spill_bytes, VAULT_DEFAULT_SPILL_BYTES, 1,
          UINT64_C(1) << 40, "or when so many bytes wait"),
  SETTING("upload.ttl_ms", VD_TYPE_MS, upload_ttl_ms, VAULT_DEFAULT_UPLOAD_TTL_MS, 1000,
          3650 * DAY_MS, "an upload without progress is given up"),
  SETTING("blobs.grace_ms", VD_TYPE_MS, blob_grace_ms, VAULT_DEFAULT_BLOB_GRACE_MS, 1,
          3650 * DAY_MS, "how long bytes stay on the disk after they were removed for good (twice)"),
  {"storage.verify_reads", VD_TYPE_WORD, VD_HOME_SETTINGS, offsetof(vault_settings, verify_reads),
   sizeof(((vault_settings *)0)->verify_reads), 0, 0, 1, "off", "off|on",
   "compare each MiB with what was uploaded before it is sent; without sendfile"},
  SETTING("database.wal_bytes", VD_TYPE_BYTES, wal_bytes, VAULT_DEFAULT_WAL_BYTES, 1 << 20, 1 << 30,
          "how far the log of SQLite is written out ahead, and its lasting size; whole MiB"),
  SETTING("idempotency.memory_ms", VD_TYPE_MS, op_memory_ms, VAULT_DEFAULT_OP_MEMORY_MS, 1000,
          3650 * DAY_MS, "how long an Idempotency-Key is remembered"),
  {"sms.dial_codes", VD_TYPE_TEXT, VD_HOME_SETTINGS, offsetof(vault_settings, dial_codes), 0, 0, 0,
   0, "90", NULL, "country codes that get messages: 90,49 or *"},
  {"sms.language", VD_TYPE_WORD, VD_HOME_SETTINGS, offsetof(vault_settings, sms_language), 0, 0, 0,
   0, "tr", "tr|en", "language of the messages"},

  HTTP("http.workers", VD_TYPE_COUNT, workers, VD_WORKERS, 1, 256, "worker threads"),
  HTTP("http.connections_max", VD_TYPE_COUNT, connections_max, VD_CONNECTIONS_MAX, 1, 1000000,
       "connections at a time"),
  HTTP("http.work_queue_max", VD_TYPE_COUNT, work_queue_max, VD_WORK_QUEUE_MAX, 1, 1000000,
       "requests that wait for a worker; more are answered 503"),
  HTTP("http.upload_buffers_max", VD_TYPE_COUNT, upload_buffers_max, VD_UPLOAD_BUFFERS_MAX, 2, 65536,
       "buffers of 256 KiB for bodies"),
  HTTP("http.header_timeout_ms", VD_TYPE_MS, header_timeout_ms, VD_HEADER_TIMEOUT_MS, 10, 3600000,
       "from the first byte of a request to the end of its header"),
  HTTP("http.body_idle_timeout_ms", VD_TYPE_MS, body_idle_timeout_ms, VD_BODY_IDLE_TIMEOUT_MS, 10,
       3600000, "between two pieces of a body"),
  HTTP("http.body_rate_min_bytes_per_s", VD_TYPE_BYTES, body_rate_min_bytes_per_s,
       VD_BODY_RATE_MIN_BYTES_PER_S, 0, 1073741824, "a slower body is given up; 0: not checked"),
  HTTP("http.body_rate_window_ms", VD_TYPE_MS, body_rate_window_ms, VD_BODY_RATE_WINDOW_MS, 10,
       3600000, "the time over which that rate is taken"),
  HTTP("http.keepalive_timeout_ms", VD_TYPE_MS, keepalive_timeout_ms, VD_KEEPALIVE_TIMEOUT_MS, 10,
       3600000, "an idle connection is closed"),
  HTTP("http.write_stall_timeout_ms", VD_TYPE_MS, write_stall_timeout_ms, VD_WRITE_STALL_TIMEOUT_MS,
       10, 3600000, "a client that does not read is given up"),
  HTTP("http.stop_timeout_ms", VD_TYPE_MS, stop_timeout_ms, VD_STOP_TIMEOUT_MS, 10, 3600000,
       "what is in flight at SIGTERM may take this long"),
  HTTP("http.drain_timeout_ms", VD_TYPE_MS, drain_timeout_ms, VD_DRAIN_TIMEOUT_MS, 10, 600000,
       "a body that was refused is read this long before the connection is closed"),
  HTTP("http.drain_bytes_max", VD_TYPE_BYTES, drain_bytes_max, VD_DRAIN_BYTES_MAX, 0, 1073741824,
       "and at most this much of it"),
};

const size_t vd_config_n_rows = sizeof vd_config_rows / sizeof vd_config_rows[0];

static const struct unit {
  vd_value_type type;
  const char *suffix;
  uint64_t factor;
} units[] = {
  {VD_TYPE_BYTES, "KiB", UINT64_C(1) << 10}, {VD_TYPE_BYTES, "MiB", UINT64_C(1) << 20},
  {VD_TYPE_BYTES, "GiB", UINT64_C(1) << 30}, {VD_TYPE_BYTES, "TiB", UINT64_C(1) << 40},
  {VD_TYPE_MS, "ms", 1},                     {VD_TYPE_MS, "s", 1000},
  {VD_TYPE_MS, "m", 60000},                  {VD_TYPE_MS, "h", 3600000},
  {VD_TYPE_MS, "d", DAY_MS},
};

static bool factor_of(vd_value_type type, const char *suffix, uint64_t *factor) {
  while (*suffix == ' ') suffix++;
  if (*suffix == '\0') {
    *factor = 1;
    return true;
  }
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    size_t n = 0;
    if (units[i].type != type) continue;
    while (suffix[n] != '\0' && suffix[n] == units[i].suffix[n]) n++;
    if (suffix[n] == '\0' && units[i].suffix[n] == '\0') {
      *factor = units[i].factor;
      return true;
    }
  }
  return false;
}

bool vd_config_parse_number(vd_value_type type, const char *text, uint64_t *out) {
  uint64_t value = 0, factor;
  const char *p = text;

  if (*p < '0' || *p > '9') return false;
  for (; *p >= '0' && *p <= '9'; p++) {
    uint64_t digit = (uint64_t)(*p - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  if (!factor_of(type, p, &factor) || value > UINT64_MAX / factor) return false;
  *out = value * factor;
  return true;
}
