/* Opening the vault that a configuration describes: for `serve`, and for the commands that work on
 * the store themselves when no server runs. */
#ifndef VD_STORE_H
#define VD_STORE_H

#include <stddef.h>

#include <vault/open.h>

#include "config.h"
#include "log.h"

typedef struct vd_store_opts {
  const vd_config *cfg;
  vd_log *log; /* must outlive the vault */
  const char *public_url;
  const vault_notifier_ops *notifier; /* may be NULL */
  void *notifier_self;
} vd_store_opts;

/* Makes the data directory where it is missing. err: a sentence. */
vault_status vd_store_open(const vd_store_opts *opts, vault **out, char *err, size_t err_size);

#endif
