/* The effective configuration: defaults, then file, then environment, then flags. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "config_private.h"

vd_config *vd_config_new(void) {
  vd_config *cfg = calloc(1, sizeof *cfg);
  if (cfg == NULL)
    return NULL;
  for (size_t i = 0; i < vd_config_n_rows; i++)
    cfg->entries[i].number = vd_config_rows[i].preset;
  return cfg;
}

void vd_config_free(vd_config *cfg) {
  if (cfg == NULL)
    return;
  for (size_t i = 0; i < vd_config_n_rows; i++)
    free(cfg->entries[i].text);
  free(cfg);
}

/* ---- one value ---------------------------------------------------------------------------- */

/* *place: which of the choices it is, from 0. */
static bool is_choice(const char *choices, const char *value, uint64_t *place) {
  size_t n = strlen(value);
  const char *p = choices;

  for (*place = 0;; (*place)++) {
    size_t len = strcspn(p, "|");
    if (len == n && memcmp(p, value, n) == 0)
      return true;
    if (p[len] == '\0')
      return false;
    p += len + 1;
  }
}

static const char *units_text(vd_value_type type) {
  if (type == VD_TYPE_BYTES)
    return " bytes (KiB, MiB, GiB and TiB are known)";
  if (type == VD_TYPE_MS)
    return " milliseconds (ms, s, m, h and d are known)";
  return "";
}

static int check_value(const vd_config_row *row, const char *value, const char *name,
                       uint64_t *number, char *err) {
  if (strlen(value) > VD_CONFIG_VALUE_MAX) {
    (void)snprintf(err, VD_CONFIG_ERR, "%s is longer than %u bytes", name, VD_CONFIG_VALUE_MAX);
    return -1;
  }
  for (const char *p = value; *p != '\0'; p++) {
    if ((unsigned char)*p < 0x20 || *p == 0x7f) {
      (void)snprintf(err, VD_CONFIG_ERR, "%s holds a control character", name);
      return -1;
    }
  }
  if (row->type == VD_TYPE_TEXT)
    return 0;
  if (row->type == VD_TYPE_WORD) {
    if (is_choice(row->choices, value, number))
      return 0;
    (void)snprintf(err, VD_CONFIG_ERR, "%s is \"%.60s\"; it must be one of %s", name, value,
                   row->choices);
    return -1;
  }
  if (!vd_config_parse_number(row->type, value, number) || *number < row->min ||
      *number > row->max) {
    (void)snprintf(err, VD_CONFIG_ERR, "%s is \"%.60s\"; it must be %llu to %llu%s", name, value,
                   (unsigned long long)row->min, (unsigned long long)row->max,
                   units_text(row->type));
    return -1;
  }
  return 0;
}

int vd_config_set(vd_config *cfg, size_t at, const char *value, vd_config_origin origin, int line,
                  char *err) {
  const vd_config_row *row = &vd_config_rows[at];
  vd_config_entry *e = &cfg->entries[at];
  uint64_t number = e->number;
  char name[128], *copy;

  vd_config_spelling(row, origin, name, sizeof name);
  if (check_value(row, value, name, &number, err) != 0)
    return -1;
  copy = strdup(value);
  if (copy == NULL) {
    (void)snprintf(err, VD_CONFIG_ERR, "out of memory");
    return -1;
  }
  free(e->text);
  e->text = copy;
  e->number = number;
  e->origin = origin;
  e->line = line;
  return 0;
}

const char *vd_config_text(const vd_config *cfg, vd_key key) {
  const vd_config_entry *e = &cfg->entries[key];
  return e->text != NULL ? e->text : vd_config_rows[key].text;
}

/* ---- the sources -------------------------------------------------------------------------- */

static int refuse_unknown(const char *name, vd_config_origin origin, char *err) {
  const vd_config_row *near_row = vd_config_nearest(name, origin);
  const char *what = origin == VD_FROM_FLAG ? "option" : "environment variable";
  char hint[128];

  if (near_row == NULL) {
    (void)snprintf(err, VD_CONFIG_ERR, "unknown %s %s; `vaultd config help` lists the keys", what,
                   name);
  } else {
    vd_config_spelling(near_row, origin, hint, sizeof hint);
    (void)snprintf(err, VD_CONFIG_ERR, "unknown %s %s; did you mean %s?", what, name, hint);
  }
  return -1;
}

/* "NAME=value" of the environment or "--name=value": split, find, set. */
static int set_pair(vd_config *cfg, const char *pair, vd_config_origin origin, char *err) {
  const char *equals = strchr(pair, '=');
  char name[128];
  size_t n = equals != NULL ? (size_t)(equals - pair) : strlen(pair), row;

  if (n >= sizeof name)
    n = sizeof name - 1;
  memcpy(name, pair, n);
  name[n] = '\0';
  row = vd_config_find(name, origin);
  if (row == vd_config_n_rows)
    return refuse_unknown(name, origin, err);
  if (equals == NULL) {
    (void)snprintf(err, VD_CONFIG_ERR, "%s needs a value: %s=VALUE", name, name);
    return -1;
  }
  return vd_config_set(cfg, row, equals + 1, origin, 0, err);
}

static bool names_config(const char *pair, vd_config_origin origin) {
  char name[32];
  vd_config_spelling(&vd_config_rows[VD_KEY_CONFIG], origin, name, sizeof name);
  return strncmp(pair, name, strlen(name)) == 0 && pair[strlen(name)] == '=';
}

/* The file is named by a flag or the environment, but is read before them. */
static int load_file(vd_config *cfg, const char *const *flags, size_t n_flags,
                     const char *const *env, char *err) {
  const char *path;

  for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
    if (names_config(env[i], VD_FROM_ENVIRONMENT) &&
        set_pair(cfg, env[i], VD_FROM_ENVIRONMENT, err) != 0)
      return -1;
  }
  for (size_t i = 0; i < n_flags; i++) {
    if (names_config(flags[i], VD_FROM_FLAG) && set_pair(cfg, flags[i], VD_FROM_FLAG, err) != 0)
      return -1;
  }
  path = vd_config_text(cfg, VD_KEY_CONFIG);
  return *path != '\0' ? vd_config_read_file(cfg, path, err) : 0;
}

/* ---- what follows from other values --------------------------------------------------------- */

char *vd_config_below_data(const vd_config *cfg, const char *name) {
  const char *data = vd_config_text(cfg, VD_KEY_DATA);
  size_t n = strlen(data) + strlen(name) + 2;
  char *path = malloc(n);
  if (path != NULL)
    (void)snprintf(path, n, "%s/%s", data, name);
  return path;
}

/* The default of something below the data directory; its origin stays VD_FROM_DEFAULT. */
static int derive_path(vd_config *cfg, vd_key key, const char *scheme, const char *name,
                       char *err) {
  const char *data = vd_config_text(cfg, VD_KEY_DATA);
  char value[VD_CONFIG_VALUE_MAX];

  if (*vd_config_text(cfg, key) != '\0')
    return 0;
  if ((size_t)snprintf(value, sizeof value, "%s%s/%s", scheme, data, name) >= sizeof value) {
    (void)snprintf(err, VD_CONFIG_ERR, "data: the path is too long");
    return -1;
  }
  return vd_config_set(cfg, key, value, VD_FROM_DEFAULT, 0, err);
}

static int check_listen(const vd_config *cfg, char *err) {
  const char *listen = vd_config_text(cfg, VD_KEY_LISTEN), *colon = strrchr(listen, ':');
  uint64_t port;

  if (colon == NULL || colon == listen || strlen(colon + 1) > 5 ||
      !vd_config_parse_number(VD_TYPE_COUNT, colon + 1, &port) || port > 65535) {
    (void)snprintf(err, VD_CONFIG_ERR,
                   "listen is \"%.100s\"; it must be HOST:PORT or [IPv6]:PORT, as 127.0.0.1:8080",
                   listen);
    return -1;
  }
  return 0;
}

static int check_public_url(const vd_config *cfg, char *err) {
  const char *url = vd_config_text(cfg, VD_KEY_PUBLIC_URL), *host = NULL;

  if (*url == '\0')
    return 0; /* the port may not be known before the socket is open */
  if (strncmp(url, "https://", 8) == 0)
    host = url + 8;
  if (strncmp(url, "http://", 7) == 0)
    host = url + 7;
  if (host == NULL || *host == '\0' || strpbrk(host, "/?#@ \"\\") != NULL) {
    (void)snprintf(
      err, VD_CONFIG_ERR,
      "public_url is \"%.100s\"; it must be http(s)://HOST[:PORT] with nothing behind it", url);
    return -1;
  }
  return 0;
}

static int finish(vd_config *cfg, char *err) {
  if (*vd_config_text(cfg, VD_KEY_DATA) == '\0') {
    (void)snprintf(err, VD_CONFIG_ERR, "data must name a directory");
    return -1;
  }
  if (derive_path(cfg, VD_KEY_DATABASE, "sqlite:", "vault.db", err) != 0)
    return -1;
  if (derive_path(cfg, VD_KEY_STORAGE, "file:", "storage", err) != 0)
    return -1;
  if (derive_path(cfg, VD_KEY_KEYS, "", "keys", err) != 0)
    return -1;
  if (check_listen(cfg, err) != 0)
    return -1;
  return check_public_url(cfg, err);
}

int vd_config_load(vd_config *cfg, const char *const *flags, size_t n_flags, const char *const *env,
                   char *err) {
  if (load_file(cfg, flags, n_flags, env, err) != 0)
    return -1;
  for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
    if (strncmp(env[i], "VAULT_", 6) == 0 && !names_config(env[i], VD_FROM_ENVIRONMENT) &&
        set_pair(cfg, env[i], VD_FROM_ENVIRONMENT, err) != 0)
      return -1;
  }
  for (size_t i = 0; i < n_flags; i++) {
    if (!names_config(flags[i], VD_FROM_FLAG) && set_pair(cfg, flags[i], VD_FROM_FLAG, err) != 0)
      return -1;
  }
  return finish(cfg, err);
}

/* ---- what the others take -------------------------------------------------------------------- */

static void fill_home(const vd_config *cfg, vd_value_home home, void *out) {
  for (size_t i = 0; i < vd_config_n_rows; i++) {
    const vd_config_row *row = &vd_config_rows[i];
    unsigned char *at = (unsigned char *)out + row->offset;
    if (row->home != home)
      continue;
    if (row->width == 0) {
      const char *text = vd_config_text(cfg, (vd_key)i);
      vault_str s = {text, strlen(text)};
      memcpy(at, &s, sizeof s);
    } else if (row->width == sizeof(uint32_t)) {
      uint32_t v = (uint32_t)cfg->entries[i].number;
      memcpy(at, &v, sizeof v);
    } else {
      memcpy(at, &cfg->entries[i].number, sizeof(uint64_t));
    }
  }
}

void vd_config_settings(const vd_config *cfg, vault_settings *out) {
  memset(out, 0, sizeof *out);
  out->size = sizeof *out;
  fill_home(cfg, VD_HOME_SETTINGS, out);
  if (out->inline_max_bytes == 0) /* off; to the library 0 is the default */
    out->inline_max_bytes = VAULT_INLINE_OFF;
}

void vd_config_http(const vd_config *cfg, vd_http_config *out) {
  fill_home(cfg, VD_HOME_HTTP, out);
}
