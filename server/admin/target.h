/* Where a command works: over the socket of the server that runs, or on the store itself. */
#ifndef VD_ADMIN_TARGET_H
#define VD_ADMIN_TARGET_H

#include <jansson.h>
#include <stddef.h>

#include <vault/open.h>

#include "config.h"
#include "log.h"

typedef struct vd_target {
  int fd; /* -1: the store itself */
  vault *v;
  vd_log log;
} vd_target;

/* 0, or -1 with a sentence in err. */
int vd_target_open(vd_target *t, const vd_config *cfg, char *err, size_t err_size);
/* Takes request. The answer if it is a good one; else NULL with a sentence in err. */
json_t *vd_target_ask(vd_target *t, json_t *request, char *err, size_t err_size);
void vd_target_close(vd_target *t);

#endif
