#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUBLIC_DIR_MODE 0755
#define DATA_DIR_MODE 0700 /* phone numbers, keys and people's files: nobody else's business */

/* mkdir -p; only the last one is private. */
static int make_dirs(const char *path, char *err, size_t err_size) {
  char *copy = strdup(path);
  int rc = 0;

  if (copy == NULL) {
    (void)snprintf(err, err_size, "out of memory");
    return -1;
  }
  for (char *p = copy + 1; rc == 0 && *p != '\0'; p++) {
    if (*p != '/')
      continue;
    *p = '\0';
    if (mkdir(copy, PUBLIC_DIR_MODE) != 0 && errno != EEXIST)
      rc = -1;
    *p = '/';
  }
  if (rc == 0 && mkdir(copy, DATA_DIR_MODE) != 0 && errno != EEXIST)
    rc = -1;
  if (rc != 0) {
    (void)snprintf(err, err_size,
                   "cannot make the data directory %.200s: %s; choose another with VAULT_DATA",
                   path, strerror(errno));
  }
  free(copy);
  return rc;
}

static vault_str str_of(const char *s) {
  vault_str out = {s, strlen(s)};
  return out;
}

vault_status vd_store_open(const vd_store_opts *opts, vault **out, char *err, size_t err_size) {
  const char *keys = vd_config_text(opts->cfg, VD_KEY_KEYS);
  char keys_url[VD_CONFIG_VALUE_MAX + 8];
  vault_config c = {.size = sizeof c, .console_fd = STDOUT_FILENO};
  vault_err verr = VAULT_ERR_INIT;
  vault_settings settings;
  vault_status s;

  if (make_dirs(vd_config_text(opts->cfg, VD_KEY_DATA), err, err_size) != 0)
    return VAULT_E_IO;
  (void)snprintf(keys_url, sizeof keys_url, "%s%s",
                 strcmp(keys, "memory:") == 0 ? "" : "dir:", keys);
  vd_config_settings(opts->cfg, &settings);
  c.database = str_of(vd_config_text(opts->cfg, VD_KEY_DATABASE));
  c.storage = str_of(vd_config_text(opts->cfg, VD_KEY_STORAGE));
  c.sms = str_of(vd_config_text(opts->cfg, VD_KEY_SMS));
  c.keys = str_of(keys_url);
  c.public_url = str_of(opts->public_url);
  c.settings = &settings;
  c.log = &vd_log_ops;
  c.log_self = opts->log;
  c.notifier = opts->notifier;
  c.notifier_self = opts->notifier_self;
  s = vault_open(&c, out, &verr);
  if (s != VAULT_OK) {
    (void)snprintf(err, err_size, "%s", verr.msg[0] != '\0' ? verr.msg : vault_status_text(s));
  }
  return s;
}
