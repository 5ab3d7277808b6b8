/* `vaultd serve`: the composition root of the server. */
#ifndef VD_APP_H
#define VD_APP_H

#include "config.h"

/* Exit codes of every command. */
#define VD_EXIT_OK 0
#define VD_EXIT_FAILED 1 /* the command was understood, but did not work */
#define VD_EXIT_USAGE 2  /* the command line or the configuration is wrong */

/* Serves until SIGTERM or SIGINT. Returns an exit code; what is wrong was said on stderr. */
int vd_serve(const vd_config *cfg);

#endif
