/* Reading the INI file with libinih. As Debian builds it, the handler gets no line numbers and
 * long lines are cut, so the lines come from a reader that counts them and refuses long ones. */
#include <errno.h>
#include <ini.h>
#include <string.h>

#include "config_private.h"

typedef struct reading {
  FILE *file;
  vd_config *cfg;
  const char *path;
  int line;
  bool too_long;
  bool failed;
  char err[VD_CONFIG_ERR];
} reading;

static char *next_line(char *str, int num, void *stream) {
  reading *r = stream;
  size_t n;

  if (r->failed || r->too_long || fgets(str, num, r->file) == NULL)
    return NULL;
  r->line++;
  n = strlen(str);
  if (n + 1 >= (size_t)num && str[n - 1] != '\n' && !feof(r->file)) {
    r->too_long = true;
    return NULL;
  }
  return str;
}

static int refuse_unknown(reading *r, const char *key) {
  const vd_config_row *near_row = vd_config_nearest(key, VD_FROM_FILE);
  if (near_row != NULL) {
    (void)snprintf(r->err, sizeof r->err, "%.200s:%d: unknown key \"%.80s\"; did you mean \"%s\"?",
                   r->path, r->line, key, near_row->key);
  } else {
    (void)snprintf(r->err, sizeof r->err,
                   "%.200s:%d: unknown key \"%.80s\"; `vaultd config help` lists the keys", r->path,
                   r->line, key);
  }
  r->failed = true;
  return 0;
}

static int take(void *user, const char *section, const char *name, const char *value) {
  reading *r = user;
  char key[160], why[VD_CONFIG_ERR];
  size_t row;

  if (r->failed)
    return 0;
  (void)snprintf(key, sizeof key, "%s%s%s", section, *section != '\0' ? "." : "", name);
  row = vd_config_find(key, VD_FROM_FILE);
  if (row == vd_config_n_rows)
    return refuse_unknown(r, key);
  if (row == VD_KEY_CONFIG) {
    (void)snprintf(r->err, sizeof r->err, "%.200s:%d: a configuration file cannot name another one",
                   r->path, r->line);
  } else if (r->cfg->entries[row].origin == VD_FROM_FILE) {
    (void)snprintf(r->err, sizeof r->err, "%.200s:%d: \"%s\" stands here for the second time",
                   r->path, r->line, key);
  } else if (vd_config_set(r->cfg, row, value, VD_FROM_FILE, r->line, why) != 0) {
    (void)snprintf(r->err, sizeof r->err, "%.200s:%d: %.280s", r->path, r->line, why);
  } else {
    return 1;
  }
  r->failed = true;
  return 0;
}

int vd_config_read_file(vd_config *cfg, const char *path, char *err) {
  reading r = {.cfg = cfg, .path = path};
  int rc = -1, bad_line;

  r.file = fopen(path, "re");
  if (r.file == NULL) {
    (void)snprintf(err, VD_CONFIG_ERR, "cannot read the configuration file %.200s: %s", path,
                   strerror(errno));
    return -1;
  }
  bad_line = ini_parse_stream(next_line, &r, take, &r);
  if (r.failed) {
    (void)snprintf(err, VD_CONFIG_ERR, "%s", r.err);
  } else if (r.too_long) {
    (void)snprintf(err, VD_CONFIG_ERR, "%.200s:%d: the line is too long", path, r.line);
  } else if (ferror(r.file)) {
    (void)snprintf(err, VD_CONFIG_ERR, "cannot read the configuration file %.200s", path);
  } else if (bad_line != 0) {
    (void)snprintf(err, VD_CONFIG_ERR,
                   "%.200s:%d: neither \"[section]\" nor \"name = value\" nor a comment", path,
                   bad_line);
  } else {
    rc = 0;
  }
  (void)fclose(r.file);
  return rc;
}
