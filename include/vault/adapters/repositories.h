/* The repository ports of one database, as a database adapter hands them out.
 * Threads: any thread. */
#ifndef VAULT_ADAPTERS_REPOSITORIES_H
#define VAULT_ADAPTERS_REPOSITORIES_H

#include "../ports/limiter.h"
#include "../ports/repository/identity.h"
#include "../ports/repository/items.h"
#include "../ports/repository/jobs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_REPO_CAP_LOCAL 1u     /* reads never wait for a network */
#define VAULT_REPO_CAP_EXCLUSIVE 2u /* one process has it: what another left open is dead */
#define VAULT_REPO_CAP_MEMORY 4u    /* gone with the process */

/* All ports share one owner; the ops tables have no destroy of their own. */
typedef struct vault_repositories {
  uint32_t size; /* in: sizeof(vault_repositories) */
  uint32_t caps; /* VAULT_REPO_CAP_* */
  const vault_identity_repo_ops *identity;
  void *identity_self;
  const vault_items_repo_ops *items;
  void *items_self;
  const vault_jobs_repo_ops *jobs;
  void *jobs_self;
  const vault_limiter_ops *limiter; /* limits kept in the same database; may be NULL */
  void *limiter_self;
  void *owner;
  void (*close)(void *owner);
} vault_repositories;

/* Close the database. Takes NULL. No port of it may be in use. */
VAULT_API void vault_repositories_close(vault_repositories *r);

#ifdef __cplusplus
}
#endif
#endif
