/* {data}/admin.sock: line-delimited JSON, for whoever owns the data directory (mode 0600).
 * One line asks, one line answers; a connection may ask many times. */
#ifndef VD_ADMIN_SOCKET_H
#define VD_ADMIN_SOCKET_H

#include <jansson.h>
#include <stddef.h>

#include <vault/open.h>

#include "config.h"
#include "log.h"

#define VD_ADMIN_LINE_MAX 65536u /* of a question */

typedef struct vd_admin vd_admin;

/* Listens, and answers on a thread of its own, one connection at a time. A socket that a killed
 * server left is replaced, one that is answered is not. NULL with a sentence in err. */
vd_admin *vd_admin_start(const vd_config *cfg, vault *v, const vd_log *log, char *err,
                         size_t err_size);
void vd_admin_stop(vd_admin *admin); /* NULL is legal */

/* ---- the other end: a command ---- */

/* A connected descriptor, or -1: nobody listens (*absent true), or a sentence in err. */
int vd_admin_connect(const vd_config *cfg, bool *absent, char *err, size_t err_size);
/* Ask, and wait for the answer. NULL with a sentence in err. */
json_t *vd_admin_ask(int fd, const json_t *request, char *err, size_t err_size);

#endif
