/* How much a user stores. Threads: any thread; may block. */
#ifndef VAULT_USAGE_H
#define VAULT_USAGE_H

#include "auth.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vault_usage {
  uint32_t size; /* in: sizeof(vault_usage) */
  uint32_t reserved;
  uint64_t quota_bytes;
  uint64_t used_bytes;     /* the four below together */
  uint64_t live_bytes;     /* current versions */
  uint64_t versions_bytes; /* older versions */
  uint64_t trash_bytes;
  uint64_t partial_bytes;  /* reserved by uploads under way */
  uint64_t files;
  int64_t seq;             /* of the user's last change */
} vault_usage;

/* OK | NOT_FOUND | RETRY | IO */
VAULT_API vault_status vault_usage_get(vault *v, const vault_principal *who, vault_usage *out,
                                       vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
