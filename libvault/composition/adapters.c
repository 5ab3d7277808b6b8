#include "adapters.h"

#include <string.h>

#include "libvault/adapters/sys/keys_dir.h"
#include "vault/adapters/blob_fs.h"
#include "vault/adapters/blob_memory.h"
#include "vault/adapters/postgres.h"
#include "vault/adapters/sms.h"
#include "vault/adapters/sqlite.h"

__attribute__((unused)) static vault_status not_built(vault_err *err, const char *what) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                     "this library was built without %s; build it in, or choose another", what);
}

/* What stands behind "scheme:". */
static vault_str rest(vault_str url, const char *scheme) {
  uint64_t n = strlen(scheme);
  return vault__str(url.p + n, url.n - n);
}

/* ---- database --------------------------------------------------------------------------- */

static vault_status open_sqlite(vault *v, vault_str path, vault_repositories *r, vault_err *err) {
#if VAULT__WITH_SQLITE
  vault_sqlite_opts opts = {.size = sizeof opts, .alloc = &v->alloc};
  opts.wal_mib = (uint32_t)(v->settings.wal_bytes >> 20);
  return vault_sqlite_open(path.p, path.n, &opts, r, err);
#else
  (void)v, (void)path, (void)r;
  return not_built(err, "SQLite");
#endif
}

static vault_status open_postgres(vault *v, vault_str url, vault_repositories *r, vault_err *err) {
#if VAULT__WITH_POSTGRES
  vault_postgres_opts opts = {.size = sizeof opts, .alloc = &v->alloc};
  return vault_postgres_open(url.p, url.n, &opts, r, err);
#else
  (void)v, (void)url, (void)r;
  return not_built(err, "PostgreSQL");
#endif
}

static void adopt(vault *v, const vault_repositories *r) {
  v->identity = r->identity;
  v->identity_self = r->identity_self;
  v->items = r->items;
  v->items_self = r->items_self;
  v->jobs = r->jobs;
  v->jobs_self = r->jobs_self;
  if (!v->limiter) {
    v->limiter = r->limiter;
    v->limiter_self = r->limiter_self;
  }
  v->repositories = r->owner;
  v->repositories_close = r->close;
  if (r->caps & VAULT_REPO_CAP_LOCAL)
    v->caps |= VAULT_CAP_LOCAL_READS;
  if (r->caps & VAULT_REPO_CAP_EXCLUSIVE)
    v->caps |= VAULT_CAP_EXCLUSIVE;
}

vault_status vault__choose_database(vault *v, const vault_config *config, vault_err *err) {
  vault_repositories r = {.size = sizeof r};
  vault_str url = config->database;
  if (v->identity && v->items && v->jobs)
    return VAULT_OK;
  if (v->identity || v->items || v->jobs)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "bring all of identity, items and jobs, or none of them");
  if (vault__str_starts(url, "sqlite:"))
    VAULT_TRY(open_sqlite(v, rest(url, "sqlite:"), &r, err));
  else if (vault__str_starts(url, "postgresql:") || vault__str_starts(url, "postgres:"))
    VAULT_TRY(open_postgres(v, url, &r, err));
  else
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "database must be sqlite:PATH, sqlite::memory: or postgresql://...");
  adopt(v, &r);
  return VAULT_OK;
}

/* ---- storage ------------------------------------------------------------------------------ */

vault_status vault__choose_storage(vault *v, const vault_config *config, vault_err *err) {
  vault_str url = config->storage;
  if (v->blobs)
    return VAULT_OK;
  if (vault__str_starts(url, "file:") && url.n > 5) {
#if VAULT__WITH_BLOB_FS
    vault_str root = rest(url, "file:");
    return vault_blob_fs_new(root.p, root.n, &v->alloc, &v->blobs, &v->blobs_self, err);
#else
    return not_built(err, "storage in files");
#endif
  }
  if (vault__str_eq(url, VAULT__STR("memory:"))) {
#if VAULT__WITH_BLOB_MEMORY
    return vault_blob_memory_new(0, &v->alloc, &v->blobs, &v->blobs_self, err);
#else
    return not_built(err, "storage in memory");
#endif
  }
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                     "storage must be file:DIRECTORY or memory:");
}

/* ---- sms ---------------------------------------------------------------------------------- */

vault_status vault__choose_sms(vault *v, const vault_config *config, vault_err *err) {
  vault_str url = config->sms;
  if (v->sms || vault__str_eq(url, VAULT__STR("none:")))
    return VAULT_OK;
  if (vault__str_eq(url, VAULT__STR("console:"))) {
#if VAULT__WITH_SMS_CONSOLE
    return vault_sms_console_new(config->console_fd, &v->alloc, &v->sms, &v->sms_self, err);
#else
    return not_built(err, "codes on the console");
#endif
  }
  if (vault__str_starts(url, "file:") && url.n > 5) {
#if VAULT__WITH_SMS_FILE
    vault_str path = rest(url, "file:");
    return vault_sms_file_new(path.p, path.n, &v->alloc, &v->sms, &v->sms_self, err);
#else
    return not_built(err, "codes in a file");
#endif
  }
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                     "sms must be console:, file:PATH or none:");
}

/* ---- keys --------------------------------------------------------------------------------- */

vault_status vault__choose_keys(vault *v, const vault_config *config, vault_err *err) {
  vault_str url = config->keys;
  int64_t now = v->clock->now_ms(v->clock_self);
  if (vault__str_eq(url, VAULT__STR("memory:")))
    return vault__keys_memory(now, v->random, v->random_self, &v->keyring, err);
  if (!vault__str_starts(url, "dir:") || url.n <= 4 || url.n - 4 > VAULT__KEYS_PATH_MAX)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "keys must be dir:DIRECTORY or memory:");
  vault__arena scratch;
  vault__scratch(v, &scratch);
  vault_str dir = rest(url, "dir:");
  const char *path = vault__arena_dup(&scratch, dir.p, dir.n);
  vault_status s = path
                     ? vault__keys_dir_load(path, now, v->random, v->random_self, &v->keyring, err)
                     : vault__no_memory(err);
  vault__arena_free(&scratch);
  return s;
}
