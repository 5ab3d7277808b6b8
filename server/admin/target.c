#include "target.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ops.h"
#include "socket.h"
#include "store.h"

/* Looking must not make a new vault. */
static bool has_vault(const vd_config *cfg) {
  const char *database = vd_config_text(cfg, VD_KEY_DATABASE);
  const char *path =
    strncmp(database, "sqlite:", 7) == 0 ? database + 7 : vd_config_text(cfg, VD_KEY_DATA);
  return access(path, F_OK) == 0;
}

int vd_target_open(vd_target *t, const vd_config *cfg, char *err, size_t err_size) {
  const char *url = vd_config_text(cfg, VD_KEY_PUBLIC_URL);
  vd_store_opts opts = {cfg, &t->log, *url != '\0' ? url : "http://localhost", NULL, NULL};
  bool absent = false;

  memset(t, 0, sizeof *t);
  vd_log_init(&t->log, STDERR_FILENO, "text", "warn", "off");
  t->fd = vd_admin_connect(cfg, &absent, err, err_size);
  if (t->fd >= 0)
    return 0;
  if (!absent)
    return -1;
  if (!has_vault(cfg)) {
    (void)snprintf(err, err_size,
                   "there is no vault in %.200s: start `vaultd serve` first, or give --data",
                   vd_config_text(cfg, VD_KEY_DATA));
    return -1;
  }
  return vd_store_open(&opts, &t->v, err, err_size) == VAULT_OK ? 0 : -1;
}

json_t *vd_target_ask(vd_target *t, json_t *request, char *err, size_t err_size) {
  json_t *answer = NULL;
  const char *message;

  (void)snprintf(err, err_size, "out of memory");
  if (request != NULL && t->fd >= 0)
    answer = vd_admin_ask(t->fd, request, err, err_size);
  if (request != NULL && t->fd < 0)
    answer = vd_admin_run(t->v, request);
  json_decref(request);
  if (answer == NULL || json_is_true(json_object_get(answer, "ok")))
    return answer;
  message = json_string_value(json_object_get(answer, "message"));
  (void)snprintf(err, err_size, "%s",
                 message != NULL ? message : "the server's answer is not understood");
  json_decref(answer);
  return NULL;
}

void vd_target_close(vd_target *t) {
  if (t->fd >= 0)
    (void)close(t->fd);
  t->fd = -1;
  (void)vault_close(t->v, NULL);
  t->v = NULL;
}
