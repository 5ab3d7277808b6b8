/* What a vault is inside: its ports, its settings, its keys, and the little state that use
 * cases share. Only the use cases and the composition root see this. */
#ifndef VAULT__HANDLE_H
#define VAULT__HANDLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "libvault/base/arena.h"
#include "libvault/base/err.h"
#include "libvault/base/slice.h"
#include "libvault/crypto/keyring.h"
#include "vault/open.h"

typedef struct vault__token_cache vault__token_cache; /* token_cache.h */
typedef struct vault__committer vault__committer;     /* committer.h */

/* Scratch memory of one call at most: a full listing page fits with room to spare. */
#define VAULT__SCRATCH_MAX (UINT64_C(16) << 20)

#define VAULT__ID_RANDOM_BYTES 8u /* of an id; the rest is time and count */
#define VAULT__ID_RANDOM_IDS 32u  /* asked for at once */

/* Numbers that are written without a country code belong to this country. */
#define VAULT__HOME_DIAL_CODE "90"

struct vault {
  vault_alloc alloc;
  vault_settings settings; /* every default filled in; its text lives in `text` */
  char *text;              /* copies of the configuration's strings */
  vault_str public_url;    /* "https://vault.example"; issuer and audience */
  vault_str host;          /* of public_url, for the SMS line */

  const vault_clock_ops *clock;
  void *clock_self;
  const vault_random_ops *random;
  void *random_self;
  const vault_log_ops *log; /* may be NULL: use vault__log */
  void *log_self;
  const vault_notifier_ops *notifier; /* may be NULL: use vault__notify */
  void *notifier_self;
  const vault_sms_ops *sms; /* NULL: no codes are sent */
  void *sms_self;
  const vault_limiter_ops *limiter;
  void *limiter_self;
  const vault_blob_store_ops *blobs;
  void *blobs_self;
  const vault_identity_repo_ops *identity;
  void *identity_self;
  const vault_items_repo_ops *items;
  void *items_self;
  const vault_jobs_repo_ops *jobs;
  void *jobs_self;
  void *repositories; /* of a shipped database: closed last; or NULL */
  void (*repositories_close)(void *);

  vault__keyring keyring;
  vault_store_row store;
  uint32_t caps;     /* VAULT_CAP_* */
  uint8_t owner[16]; /* random: tells this process's uploads from those of a dead one */

  _Atomic int64_t floor_ms; /* the latest time ever seen */
  _Atomic int64_t lead_ms;  /* the largest difference ever seen of the wall to the other clock */
  pthread_mutex_t id_lock;
  int64_t id_ms;     /* of the last id made */
  uint32_t id_count; /* within that millisecond */
  uint32_t id_random_left;
  uint8_t id_random[VAULT__ID_RANDOM_IDS][VAULT__ID_RANDOM_BYTES];

  pthread_mutex_t claim_lock;
  pthread_cond_t claim_changed; /* a call on an upload has ended */
  struct vault__claim *claims; /* uploads that somebody works on (claim.h) */

  _Atomic int64_t commit_mono_ms;  /* when a batch was committed last */
  _Atomic int64_t fresh_since_ms;  /* mono: rows wait to be indexed since then; 0: none */
  _Atomic int64_t inline_since_ms; /* mono: bodies wait to be spilled since then; 0: none */
  _Atomic uint64_t inline_bytes;   /* of these; a few more, see janitor.c */
  _Atomic uint64_t inline_held;    /* bytes of uploads that are in memory until their commit */
  _Atomic uint64_t spilled;        /* bodies, since this vault was opened */
  _Atomic uint64_t spill_stops;    /* runs that found the store full or read-only */
  _Atomic uint64_t spill_refused;  /* bodies that were left where they are (job_spill.c) */
  _Atomic uint64_t reads_damaged;  /* pieces that were not what was uploaded (read_verify.c) */

  _Atomic uint32_t builds;         /* large uploads that are being put together (upload_concat.c) */

  vault__token_cache *tokens;
  vault__committer *committer;
  _Atomic uint64_t open_things; /* uploads, readers and queues: close is BUSY while > 0 */
};

/* Time for all rules: never earlier than any time seen before, and it goes on while the wall
 * clock is behind that: a wall that was set back makes nothing live longer. */
int64_t vault__now_ms(vault *v);

/* Let no time be earlier than now_ms from here on. */
void vault__raise_floor(vault *v, int64_t now_ms);

/* A new UUIDv7, monotonic in this process (RFC 9562, 6.2 method 1). IO: no randomness. */
vault_status vault__new_id(vault *v, vault_id *out, vault_err *err);

vault_status vault__random(vault *v, void *p, uint64_t n, vault_err *err);

void vault__scratch(vault *v, vault__arena *a);

/* fields: key, value pairs with keys static; see vault/ports/log.h. Does nothing without a log. */
void vault__log(vault *v, uint32_t level, const char *event, const vault_log_field *fields,
                uint64_t n_fields);

void vault__notify(vault *v, uint32_t kind, const vault_id *user, const vault_id *subject,
                   uint64_t number);

/* USAGE unless the caller's struct has at least `need` bytes and who is a principal. */
vault_status vault__check_who(const vault *v, const void *who, vault_err *err);

#endif
