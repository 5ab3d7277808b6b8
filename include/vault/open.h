/* Opening a vault: the one place where adapters are chosen.
 *
 * Threads: `vault *` is any-thread, except vault_close, which must be the last call. The
 * library starts no threads; work that happens later waits for vault_jobs_run (jobs.h).
 * A forked child may only _exit or exec. */
#ifndef VAULT_OPEN_H
#define VAULT_OPEN_H

#include "base.h"
#include "ports/blob_store.h"
#include "ports/clock.h"
#include "ports/limiter.h"
#include "ports/log.h"
#include "ports/notifier.h"
#include "ports/random.h"
#include "ports/repository/identity.h"
#include "ports/repository/items.h"
#include "ports/repository/jobs.h"
#include "ports/sms.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vault vault;

/* Every number that a host may want to change. In each, 0 means the default; a default
 * that reads "none" cannot be set by 0. All are checked at vault_open: USAGE if out of
 * range. */
typedef struct vault_settings {
  uint32_t size; /* sizeof(vault_settings) */

  uint32_t code_ttl_ms;          /* how long a code is valid */
  uint32_t code_attempts;        /* guesses per challenge */
  uint32_t code_gap_ms;          /* between two codes to one number */
  uint32_t codes_per_hour;       /* to one number */
  uint32_t codes_per_day;        /* to one number */
  uint32_t codes_per_hour_all;   /* to all numbers together: the cost cap */
  uint32_t codes_per_hour_address; /* asked for from one address (IPv4 /24, IPv6 /56) */
  uint32_t wrong_per_day_phone;  /* wrong codes for one number */
  uint32_t wrong_per_hour_all;   /* wrong codes in all: the guessing breaker */
  uint32_t bad_tokens_per_minute_address; /* access tokens from one address that did not verify */
  uint32_t access_ttl_ms;        /* life of an access token */
  uint32_t refresh_grace_ms;     /* a lost answer may be asked for again this long */
  uint32_t revoke_lag_ms;        /* how old a cached session check may be */
  uint32_t inline_max_bytes;     /* a body up to this size, of known length and sent in one go,
                                    is kept in the database at first; VAULT_INLINE_OFF: none */
  uint32_t verify_reads;         /* 1: each MiB is compared with what was uploaded before a byte
                                    of it is given out; 0 (default): content is not verified */
  int64_t session_idle_ms;       /* a session that is not refreshed this long has ended */
  int64_t session_max_ms;        /* absolute life of a session */
  uint64_t quota_bytes;          /* of a new user */
  uint64_t upload_max_bytes;     /* one body */
  int64_t upload_ttl_ms;         /* an upload without progress is given up */
  int64_t blob_grace_ms;         /* per pass of collection, before a blob is unlinked */
  int64_t op_memory_ms;          /* how long an idempotency key is remembered */
  int64_t spill_idle_ms;         /* bodies move from the database to the store when nothing was
                                    uploaded for so long, */
  int64_t spill_after_ms;        /* at the latest when one has been there for so long, */
  uint64_t spill_bytes;          /* or when there are so many bytes */
  uint64_t wal_bytes;            /* SQLite: how far its log is written out, in whole MiB */
  vault_str dial_codes;          /* "90" or "90,49", or "*": where codes are sent */
  vault_str sms_language;        /* "tr" or "en" */
} vault_settings;

#define VAULT_INLINE_OFF UINT32_MAX

#define VAULT_DEFAULT_INLINE_MAX_BYTES VAULT_INLINE_MAX
#define VAULT_DEFAULT_SPILL_IDLE_MS 5000
#define VAULT_DEFAULT_SPILL_AFTER_MS 600000
#define VAULT_DEFAULT_SPILL_BYTES (UINT64_C(256) << 20)
#define VAULT_DEFAULT_CODE_TTL_MS 120000u
#define VAULT_DEFAULT_CODE_ATTEMPTS 5u
#define VAULT_DEFAULT_CODE_GAP_MS 60000u
#define VAULT_DEFAULT_CODES_PER_HOUR 5u
#define VAULT_DEFAULT_CODES_PER_DAY 10u
#define VAULT_DEFAULT_CODES_PER_HOUR_ALL 1000u
#define VAULT_DEFAULT_CODES_PER_HOUR_ADDRESS 30u
#define VAULT_DEFAULT_WRONG_PER_DAY_PHONE 20u
#define VAULT_DEFAULT_WRONG_PER_HOUR_ALL 2000u
#define VAULT_DEFAULT_BAD_TOKENS_PER_MINUTE_ADDRESS 60u
#define VAULT_DEFAULT_ACCESS_TTL_MS 600000u
#define VAULT_DEFAULT_REFRESH_GRACE_MS 30000u
#define VAULT_DEFAULT_REVOKE_LAG_MS 2000u
#define VAULT_DEFAULT_SESSION_IDLE_MS (INT64_C(30) * 86400000)
#define VAULT_DEFAULT_SESSION_MAX_MS (INT64_C(180) * 86400000)
#define VAULT_DEFAULT_QUOTA_BYTES (UINT64_C(15) << 30)
#define VAULT_DEFAULT_UPLOAD_MAX_BYTES (UINT64_C(50) << 30)
#define VAULT_DEFAULT_UPLOAD_TTL_MS 86400000
#define VAULT_DEFAULT_BLOB_GRACE_MS 86400000
#define VAULT_DEFAULT_OP_MEMORY_MS (INT64_C(7) * 86400000)
#define VAULT_DEFAULT_WAL_BYTES (128u << 20)

/* What a vault is made of. Zero everything, set size, then what you need. For each port
 * either a URL chooses a shipped adapter, or a table of yours is used (and destroyed by
 * vault_close, also when vault_open fails after it was validated). All text is copied. */
typedef struct vault_config {
  uint32_t size;        /* sizeof(vault_config) */
  int32_t console_fd;   /* where sms "console:" writes; borrowed, must stay open */

  vault_str database;   /* "sqlite:PATH", "sqlite::memory:", "postgresql://..." */
  vault_str storage;    /* "file:DIR", "memory:" */
  vault_str sms;        /* "console:", "file:PATH", "none:" (no codes are ever sent) */
  vault_str keys;       /* "dir:PATH" (0700, made at the first start), or "memory:" (new each time) */
  vault_str public_url; /* issuer and audience of tokens, host of the SMS line; required */

  const vault_settings *settings; /* NULL: the defaults */
  const vault_alloc *alloc;       /* NULL: malloc; must outlive the vault */

  const vault_clock_ops *clock; /* NULL: the system's */
  void *clock_self;
  const vault_random_ops *random; /* NULL: the system's */
  void *random_self;
  const vault_log_ops *log; /* NULL: nothing is logged */
  void *log_self;
  const vault_notifier_ops *notifier; /* NULL: nobody is told */
  void *notifier_self;
  const vault_sms_ops *sms_ops; /* instead of `sms` */
  void *sms_self;
  const vault_limiter_ops *limiter; /* NULL: in the database */
  void *limiter_self;
  const vault_blob_store_ops *blobs; /* instead of `storage` */
  void *blobs_self;
  const vault_identity_repo_ops *identity; /* instead of `database`: all three */
  void *identity_self;
  const vault_items_repo_ops *items;
  void *items_self;
  const vault_jobs_repo_ops *jobs;
  void *jobs_self;
} vault_config;

/* Open a vault: adapters, keys, schema, the mark of the store. Blocking, bounded: what a
 * crash left behind is mended by jobs afterwards. out: owned by the caller, vault_close;
 * untouched on failure.
 * OK | USAGE (a field is missing, malformed or not built in) | OPS | LOCKED | FORMAT |
 * STORE_MISSING | STORE_FOREIGN | RETRY (database not reachable) | NO_SPACE | IO | NO_MEMORY */
VAULT_API vault_status vault_open(const vault_config *config, vault **out, vault_err *err);

/* Close it and destroy its adapters. NULL is allowed. BUSY: uploads, downloads or
 * completion queues are still open; nothing was closed.
 * OK | BUSY */
VAULT_API vault_status vault_close(vault *v, vault_err *err);

#define VAULT_CAP_LOCAL_READS 1u /* point reads never wait for a network */
#define VAULT_CAP_EXCLUSIVE 2u   /* this process has the database for itself */
#define VAULT_CAP_FILE_READS 4u  /* downloads have a file descriptor (vault_read_fd): not
                                    with verify_reads */
#define VAULT_CAP_RESUME 8u      /* uploads can be resumable */

/* VAULT_CAP_*. Constant over the vault's life. */
VAULT_API uint32_t vault_caps(const vault *v);

/* The settings in force, defaults filled in. Borrowed until vault_close. */
VAULT_API const vault_settings *vault_settings_get(const vault *v);

/* Whether the database and the store answer and take changes. Blocking. Any thread. For /readyz.
 * OK | RETRY | READ_ONLY | IO */
VAULT_API vault_status vault_ping(vault *v, vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
