/* `vaultd user …`, `vaultd session …`, `vaultd fsck …`: the commands that look into a vault. */
#ifndef VD_ADMIN_COMMANDS_H
#define VD_ADMIN_COMMANDS_H

#include <stddef.h>

#include "config.h"

/* Exit codes of fsck. */
#define VD_FSCK_CLEAN 0
#define VD_FSCK_REPAIRED 1
#define VD_FSCK_DAMAGE 2
#define VD_FSCK_NOT_CHECKED 3

/* args: what follows the command, without the flags of the configuration. Returns an exit code;
 * results go to stdout, sentences about failures to stderr. */
int vd_command_user(const vd_config *cfg, const char *const *args, size_t n_args);
int vd_command_session(const vd_config *cfg, const char *const *args, size_t n_args);
int vd_command_fsck(const vd_config *cfg, const char *const *args, size_t n_args);

extern const char vd_help_user[];
extern const char vd_help_session[];
extern const char vd_help_fsck[];

#endif
