/* The composition root: a configuration becomes a vault. Everything is validated before
 * anything is called, and a failure undoes what was made in reverse order. */
#include "vault/open.h"

#include <string.h>
#include <time.h>

#include "adapters.h"
#include "libvault/base/alloc.h"
#include "libvault/crypto/crypto.h"
#include "libvault/ports/validate.h"
#include "libvault/usecases/committer.h"
#include "libvault/usecases/janitor.h"
#include "libvault/usecases/job_kinds.h"
#include "libvault/usecases/token_cache.h"
#include "settings.h"
#include "vault/adapters/repositories.h"
#include "vault/adapters/sys.h"
#include "vault/version.h"

#define PUBLIC_URL_MAX 200u /* so that a token always fits (domain/claims.h) */

const char *vault_version(void) {
  return VAULT_VERSION;
}

uint32_t vault_version_number(void) {
  return VAULT_VERSION_NUMBER;
}

void vault_repositories_close(vault_repositories *r) {
  if (!r || !r->close)
    return;
  void (*close)(void *owner) = r->close;
  void *owner = r->owner;
  uint32_t size = r->size;
  memset(r, 0, sizeof *r);
  r->size = size;
  close(owner);
}

/* ---- what the host brought ---------------------------------------------------------------- */

static vault_status check_table(vault__port port, const void *ops, vault_err *err) {
  return ops ? vault__ops_check(port, ops, err) : VAULT_OK;
}

static vault_status check_tables(const vault_config *c, vault_err *err) {
  VAULT_TRY(check_table(VAULT__PORT_CLOCK, c->clock, err));
  VAULT_TRY(check_table(VAULT__PORT_RANDOM, c->random, err));
  VAULT_TRY(check_table(VAULT__PORT_LOG, c->log, err));
  VAULT_TRY(check_table(VAULT__PORT_NOTIFIER, c->notifier, err));
  VAULT_TRY(check_table(VAULT__PORT_SMS, c->sms_ops, err));
  VAULT_TRY(check_table(VAULT__PORT_LIMITER, c->limiter, err));
  VAULT_TRY(check_table(VAULT__PORT_BLOB_STORE, c->blobs, err));
  VAULT_TRY(check_table(VAULT__PORT_IDENTITY, c->identity, err));
  VAULT_TRY(check_table(VAULT__PORT_ITEMS, c->items, err));
  return check_table(VAULT__PORT_JOBS, c->jobs, err);
}

static void take_tables(vault *v, const vault_config *c) {
  v->clock = c->clock ? c->clock : vault_sys_clock();
  v->clock_self = c->clock_self;
  v->random = c->random ? c->random : vault_sys_random();
  v->random_self = c->random_self;
  v->log = c->log;
  v->log_self = c->log_self;
  v->notifier = c->notifier;
  v->notifier_self = c->notifier_self;
  v->sms = c->sms_ops;
  v->sms_self = c->sms_self;
  v->limiter = c->limiter;
  v->limiter_self = c->limiter_self;
  v->blobs = c->blobs;
  v->blobs_self = c->blobs_self;
  v->identity = c->identity;
  v->identity_self = c->identity_self;
  v->items = c->items;
  v->items_self = c->items_self;
  v->jobs = c->jobs;
  v->jobs_self = c->jobs_self;
}

/* ---- text --------------------------------------------------------------------------------- */

/* "https://vault.example:8443/x" -> "vault.example". */
static vault_status find_host(vault_str url, vault_str *host, vault_err *err) {
  uint64_t start = vault__str_starts(url, "https://")  ? 8
                   : vault__str_starts(url, "http://") ? 7
                                                       : 0;
  uint64_t end = start;
  while (end < url.n && url.p[end] != '/' && url.p[end] != ':')
    end++;
  if (start == 0 || end == start)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "public_url must start with https:// or http:// and name a host");
  if (url.n > PUBLIC_URL_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "public_url may have at most %u bytes: every token carries it twice",
                       PUBLIC_URL_MAX);
  *host = vault__str(url.p + start, end - start);
  return VAULT_OK;
}

/* The configuration is the caller's: copy what is read later. */
static vault_status copy_text(vault *v, const vault_config *c, vault_err *err) {
  vault_str *from[] = {&v->settings.dial_codes, &v->settings.sms_language, &v->public_url};
  uint64_t total = 0, at = 0;
  v->public_url = c->public_url;
  for (unsigned i = 0; i < 3; i++)
    total += from[i]->n;
  v->text = vault__new(&v->alloc, total);
  if (!v->text)
    return vault__no_memory(err);
  for (unsigned i = 0; i < 3; i++) {
    if (from[i]->n)
      memcpy(v->text + at, from[i]->p, (size_t)from[i]->n);
    from[i]->p = v->text + at;
    at += from[i]->n;
  }
  return find_host(v->public_url, &v->host, err);
}

/* ---- making and unmaking -------------------------------------------------------------------- */

static void destroy_stores(vault *v) {
  if (v->blobs && VAULT__OPS_HAS(v->blobs, destroy))
    v->blobs->destroy(v->blobs_self);
  if (v->sms && VAULT__OPS_HAS(v->sms, destroy))
    v->sms->destroy(v->sms_self);
  if (v->limiter && VAULT__OPS_HAS(v->limiter, destroy))
    v->limiter->destroy(v->limiter_self);
}

static void destroy_repositories(vault *v) {
  if (v->identity && VAULT__OPS_HAS(v->identity, destroy))
    v->identity->destroy(v->identity_self);
  if (v->items && VAULT__OPS_HAS(v->items, destroy))
    v->items->destroy(v->items_self);
  if (v->jobs && VAULT__OPS_HAS(v->jobs, destroy))
    v->jobs->destroy(v->jobs_self);
  if (v->repositories_close)
    v->repositories_close(v->repositories);
}

/* Last: what came before may still have asked for the time or written to the log. */
static void destroy_services(vault *v) {
  if (v->notifier && VAULT__OPS_HAS(v->notifier, destroy))
    v->notifier->destroy(v->notifier_self);
  if (v->random && VAULT__OPS_HAS(v->random, destroy))
    v->random->destroy(v->random_self);
  if (v->clock && VAULT__OPS_HAS(v->clock, destroy))
    v->clock->destroy(v->clock_self);
  if (v->log && VAULT__OPS_HAS(v->log, destroy))
    v->log->destroy(v->log_self);
}

static void destroy(vault *v) {
  vault_alloc alloc = v->alloc;
  vault__committer_free(v, v->committer);
  vault__token_cache_free(v, v->tokens);
  destroy_stores(v);
  destroy_repositories(v);
  destroy_services(v);
  (void)pthread_cond_destroy(&v->claim_changed);
  (void)pthread_mutex_destroy(&v->claim_lock);
  (void)pthread_mutex_destroy(&v->id_lock);
  vault__delete(&alloc, v->text);
  vault__wipe(v, sizeof *v);
  vault__delete(&alloc, v);
}

static vault_status choose_adapters(vault *v, const vault_config *c, vault_err *err) {
  VAULT_TRY(vault__choose_keys(v, c, err));
  VAULT_TRY(vault__choose_sms(v, c, err));
  VAULT_TRY(vault__choose_storage(v, c, err));
  VAULT_TRY(vault__blob_caps_check(v->blobs, v->blobs_self, err));
  VAULT_TRY(vault__choose_database(v, c, err));
  if (!v->limiter)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "a vault needs a limiter: bring one, or build the one in the database");
  return VAULT_OK;
}

/* The store must carry this vault's mark. It is made only for a database that never had
 * one, so that an unmounted disk is not mistaken for a new one (D11). */
static vault_status attach_store(vault *v, vault_err *err) {
  VAULT_TRY(v->items->get_store(v->items_self, &v->store, err));
  VAULT_TRY(v->blobs->attach(v->blobs_self, &v->store.store, !v->store.attached, err));
  if (!v->store.attached)
    VAULT_TRY(v->items->set_attached(v->items_self, err));
  uint32_t caps = v->blobs->caps(v->blobs_self);
  if ((caps & VAULT_BLOB_CAP_FD) && !v->settings.verify_reads)
    v->caps |= VAULT_CAP_FILE_READS;
  if (caps & VAULT_BLOB_CAP_RESUME)
    v->caps |= VAULT_CAP_RESUME;
  return VAULT_OK;
}

static vault_status start(vault *v, vault_err *err) {
  int64_t floor = 0;
  VAULT_TRY(vault__random(v, v->owner, sizeof v->owner, err));
  VAULT_TRY(attach_store(v, err));
  VAULT_TRY(v->identity->clock_floor(v->identity_self, vault__now_ms(v), &floor, err));
  vault__raise_floor(v, floor);
  VAULT_TRY(vault__token_cache_new(v, &v->tokens, err));
  VAULT_TRY(vault__committer_new(v, &v->committer, err));
  vault__janitor_start(v);
  return vault__jobs_install(v, err);
}

/* Waits end in time even when the wall clock is set back. */
static void make_cond(pthread_cond_t *cond) {
  pthread_condattr_t attr;
  (void)pthread_condattr_init(&attr);
  (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  (void)pthread_cond_init(cond, &attr);
  (void)pthread_condattr_destroy(&attr);
}

vault_status vault_open(const vault_config *config, vault **out, vault_err *err) {
  vault_settings settings;
  if (!config || config->size < sizeof *config || !out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "no configuration, its size is not set, or no place for the vault");
  VAULT_TRY(vault__settings_fill(config->settings, &settings, err));
  VAULT_TRY(check_tables(config, err));
  VAULT_TRY(vault__crypto_init(err));
  const vault_alloc *alloc = config->alloc ? config->alloc : vault__alloc_default();
  vault *v = vault__new(alloc, sizeof *v);
  if (!v)
    return vault__no_memory(err);
  v->alloc = *alloc;
  v->settings = settings;
  (void)pthread_mutex_init(&v->id_lock, NULL);
  (void)pthread_mutex_init(&v->claim_lock, NULL);
  make_cond(&v->claim_changed);
  take_tables(v, config);
  vault_status s = copy_text(v, config, err);
  if (s == VAULT_OK)
    s = choose_adapters(v, config, err);
  if (s == VAULT_OK)
    s = start(v, err);
  if (s != VAULT_OK) {
    destroy(v);
    return s;
  }
  *out = v;
  return VAULT_OK;
}

vault_status vault_close(vault *v, vault_err *err) {
  if (!v)
    return VAULT_OK;
  uint64_t open_things = atomic_load(&v->open_things);
  if (open_things)
    return vault__fail(err, VAULT_E_BUSY, VAULT_ORIGIN_CORE, 0,
                       "%llu uploads, downloads or completion queues are still open",
                       (unsigned long long)open_things);
  destroy(v);
  return VAULT_OK;
}

/* Changes of what nobody has: they change nothing, and prove that both would take a change. */
vault_status vault_ping(vault *v, vault_err *err) {
  vault_store_row row;
  vault_blob_key nobody = {.space = VAULT_SPACE_FILES};
  const vault_id no_user = {{0}};
  if (!v)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no vault was given");
  VAULT_TRY(v->items->get_store(v->items_self, &row, err));
  vault_status s = v->items->set_quota(v->items_self, &no_user, 0, err);
  if (s != VAULT_OK && s != VAULT_E_NOT_FOUND)
    return s;
  return v->blobs->remove(v->blobs_self, &nobody, err);
}
