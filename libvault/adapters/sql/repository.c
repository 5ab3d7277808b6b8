#include "libvault/adapters/sql/repository.h"

#include <string.h>

#include "libvault/adapters/sql/schema.h"
#include "libvault/base/alloc.h"
#include "libvault/base/err.h"

static void close_repo(void *owner) {
  vault__repo *repo = owner;
  repo->db.ops->destroy(repo->db.self);
  vault__repo_end(repo);
  vault__delete(repo->alloc, repo);
}

static uint32_t caps_of(const vault__db *db) {
  uint32_t has = db->ops->caps(db->self), caps = 0;
  if (has & VAULT__DB_CAP_LOCAL)
    caps |= VAULT_REPO_CAP_LOCAL;
  if (has & VAULT__DB_CAP_EXCLUSIVE)
    caps |= VAULT_REPO_CAP_EXCLUSIVE;
  if (has & VAULT__DB_CAP_MEMORY)
    caps |= VAULT_REPO_CAP_MEMORY;
  return caps;
}

static void fill(vault__repo *repo, vault_repositories *out) {
  out->caps = caps_of(&repo->db);
  out->identity = &vault__sql_identity_ops;
  out->identity_self = repo;
  out->items = &vault__sql_items_ops;
  out->items_self = repo;
  out->jobs = &vault__sql_jobs_ops;
  out->jobs_self = repo;
#ifdef VAULT__LIMITER_SQL
  out->limiter = &vault__sql_limiter_ops;
  out->limiter_self = repo;
#else
  out->limiter = NULL;
  out->limiter_self = NULL;
#endif
  out->owner = repo;
  out->close = close_repo;
}

vault_status vault__repositories_make(vault__db db, const vault_alloc *alloc,
                                      vault_repositories *out, vault_err *err) {
  if (!out || out->size < sizeof *out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_DATABASE, 0,
                       "set vault_repositories.size to its sizeof before opening a database");
  vault__repo *repo = vault__new(alloc, sizeof *repo);
  if (!repo)
    return vault__no_memory(err);
  vault__repo_init(repo, db, alloc);
  vault_status s = vault__schema_open(repo, err);
  if (s != VAULT_OK) {
    vault__repo_end(repo);
    vault__delete(alloc, repo);
    return s;
  }
  fill(repo, out);
  return VAULT_OK;
}

vault__repo *vault__repositories_repo(const vault_repositories *r) {
  return r->owner;
}
