/* What every module gets as vd_request_app(). Made by the composition root, read-only for modules.
 * Threads: any thread. */
#ifndef VD_COMMON_CONTEXT_H
#define VD_COMMON_CONTEXT_H

#include <stdbool.h>

#include <vault/vault.h>

#include "commits.h"
#include "log.h"

typedef struct vd_context {
  vault *vault;
  vd_commits *commits;
  const vd_log *log;
  const char *public_url; /* without a slash at the end */
  bool https;             /* public_url is */
} vd_context;

#endif
