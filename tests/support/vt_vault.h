/* A vault over a database and a store in memory, whose clock, randomness, SMS, log and notices
 * belong to the test. Tests only.
 * Threads: the fakes may be used by many at once; opening and closing by one. */
#ifndef VT_VAULT_H
#define VT_VAULT_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/support/vt_main.h"
#include "tests/support/vt_pg.h"
#include "vault/vault.h"

#define VT_START_MS INT64_C(1790000000000) /* 2026 */
#define VT_URL "https://vault.example"
#define VT_PHONE "+905321234567"

/* A clock that only the test moves. */
typedef struct vt_clock {
  _Atomic int64_t now_ms;  /* the wall: may be set to anything */
  _Atomic int64_t mono_ms; /* never goes back */
} vt_clock;

/* Every message that was sent, oldest first. */
#define VT_SMS_MAX 1200u
typedef struct vt_sms {
  pthread_mutex_t lock;
  vault_status answer; /* what send returns; the message is kept whatever it is */
  uint32_t n;
  struct {
    char to[32], text[160], key[64];
  } sent[VT_SMS_MAX];
} vt_sms;

/* A generator with a seed: the same test draws the same ids, keys and codes. */
typedef struct vt_random {
  _Atomic uint64_t state;
  _Atomic uint32_t fail; /* not 0: it fails */
} vt_random;

/* Everything that was logged, as text, one line per event. */
#define VT_LOG_BYTES (256u << 10)
typedef struct vt_log {
  pthread_mutex_t lock;
  uint32_t n, lost;
  char text[VT_LOG_BYTES];
} vt_log;

#define VT_NOTICE_KINDS 8u
typedef struct vt_notices {
  _Atomic uint32_t count[VT_NOTICE_KINDS];
} vt_notices;

typedef struct vt_world {
  vault *v;
  vt_clock clock;
  vt_sms sms;
  vt_random random;
  vt_log log;
  vt_notices notices;
  vault_repositories repositories; /* PostgreSQL only: the vault borrows them */
  char schema[VT_SCHEMA_TEXT];
  vault_config config;
  char database[600], storage[600], keys[600]; /* what config points to */
} vt_world;

/* settings: NULL for the defaults. The database is SQLite in memory; PostgreSQL where the
 * environment has VT_VAULT_DATABASE=postgres (see vt_pg.h). */
vt_world *vt_vault_open(const vault_settings *settings);
/* The same with its store, keys and (SQLite) database in a directory. */
vt_world *vt_vault_open_in(const char *dir, const vault_settings *settings);
/* Close it but keep its directory, or open it again: vt_vault_open_in made it. */
void vt_vault_stop(vt_world *w);
vault_status vt_vault_start(vt_world *w, vault_err *err);
void vt_vault_close(vt_world *w);

/* Both clocks. */
void vt_pass(vt_world *w, int64_t ms);

/* Run every job that is due. */
void vt_run_jobs(vt_world *w);

/* The code of the newest message to this number; fails the test if there is none. */
void vt_code(vt_world *w, const char *phone, char out[7]);

/* Ask for a code and let it be sent. out->size is set here. */
vault_status vt_ask(vt_world *w, const char *phone, vault_challenge *out);
/* A code that is not this one. */
void vt_other_code(const char *code, char out[7]);

vault_status vt_verify(vt_world *w, const char *challenge, const char *code, vault_grant **out);

/* Ask, read the SMS, verify. Fails the test if anything does; free with vault_grant_free. */
vault_grant *vt_sign_in(vt_world *w, const char *phone);

vault_status vt_authenticate(vt_world *w, vault_str token, vault_principal *out);

/* How many log lines are of this event. */
uint32_t vt_logged(vt_world *w, const char *event);

/* Fails the test if any of this text was ever logged. */
void vt_never_logged(vt_world *w, const char *text, uint64_t n);

/* LIMIT, and when to come back. */
#define vt_limit(expr, err, wait_ms)                   \
  do {                                                 \
    (err).retry_after_ms = 0;                          \
    vt_status(expr, VAULT_E_LIMIT);                    \
    ck_assert_int_eq((err).retry_after_ms, (wait_ms)); \
  } while (0)

#endif
