/* The configuration of vaultd: one table of keys, read from an INI file, the environment and
 * flags, the later winning. Every mistake is an error that names what is wrong and what is meant.
 *
 * Threads: written while starting, by one thread; read-only afterwards.
 * Ownership: everything that the accessors return lives as long as the vd_config. */
#ifndef VD_CONFIG_H
#define VD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <vault/open.h>

#include "http/server.h"

#define VD_CONFIG_ERR 512u        /* room for one sentence */
#define VD_CONFIG_VALUE_MAX 4096u /* bytes of one value */

typedef enum vd_key {
  VD_KEY_CONFIG,
  VD_KEY_DATA,
  VD_KEY_LISTEN,
  VD_KEY_DATABASE,
  VD_KEY_STORAGE,
  VD_KEY_SMS,
  VD_KEY_KEYS,
  VD_KEY_PUBLIC_URL,
  VD_KEY_LOG_LEVEL,
  VD_KEY_LOG_FORMAT,
  VD_KEY_LOG_REQUESTS,
  VD_KEY_CORS_ORIGINS,
  VD_KEY_FIRST_NUMBER /* the rows behind it are reached through vault_settings and vd_http_config */
} vd_key;

typedef struct vd_config vd_config;

/* NULL: no memory. */
vd_config *vd_config_new(void);
void vd_config_free(vd_config *cfg);

/* Read what the flags ("--limits-codes-per-hour=5") and the environment (NULL-terminated, as
 * environ) name as the file, the file, the environment, and the flags, in this order; then fill
 * in what follows from other values. 0, or -1 with a sentence in err (VD_CONFIG_ERR bytes). */
int vd_config_load(vd_config *cfg, const char *const *flags, size_t n_flags, const char *const *env,
                   char *err);

/* A text value; "" when it is not set. */
const char *vd_config_text(const vd_config *cfg, vd_key key);
/* {data}/name in memory of the config; NULL: no memory. */
char *vd_config_below_data(const vd_config *cfg, const char *name); /* free() it */

/* What the library and the HTTP core take. Text in settings is borrowed from cfg. */
void vd_config_settings(const vd_config *cfg, vault_settings *out);
void vd_config_http(const vd_config *cfg, vd_http_config *out);

/* Every effective value and where it came from, one per line, passwords masked. */
void vd_config_show(const vd_config *cfg, FILE *out);
/* Every key with its type, default and meaning. */
void vd_config_help(FILE *out);

#endif
