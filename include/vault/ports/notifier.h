/* Port: something happened that other devices or processes may want to know.
 * Threads: any thread, several at once, after the commit and under no lock. Must not
 * block and must not call the library. */
#ifndef VAULT_PORTS_NOTIFIER_H
#define VAULT_PORTS_NOTIFIER_H

#include "../base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_NOTIFIER_V1 1u

#define VAULT_NOTICE_SESSION_NEW 1u     /* subject: the session */
#define VAULT_NOTICE_SESSION_REVOKED 2u /* subject: the session */
#define VAULT_NOTICE_REFRESH_THEFT 3u   /* subject: the session, now revoked */
#define VAULT_NOTICE_ITEMS_CHANGED 4u   /* number: the user's new sequence number */
#define VAULT_NOTICE_JOB_READY 5u       /* something for vault_jobs_run; user may be zero */

typedef struct vault_notice {
  uint32_t size; /* sizeof(vault_notice) */
  uint32_t kind; /* VAULT_NOTICE_*; ignore kinds that you do not know */
  vault_id user;
  vault_id subject;
  uint64_t number;
} vault_notice;

typedef struct vault_notifier_ops {
  uint32_t size;    /* sizeof(vault_notifier_ops) */
  uint32_t version; /* VAULT_NOTIFIER_V1 */
  /* Must provide. A lost notice costs promptness, never correctness. */
  void (*notify)(void *self, const vault_notice *notice);
  /* May provide. Called once. */
  void (*destroy)(void *self);
} vault_notifier_ops;

#ifdef __cplusplus
}
#endif
#endif
