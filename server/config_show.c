/* `vaultd config show` and `vaultd config help`. */
#include <string.h>

#include "config_private.h"

/* Write a URL with the password of its authority, and a password in its query, as "***". */
static void write_masked(const char *url, FILE *out) {
  const char *authority = strstr(url, "://"), *query;
  const char *p = url;

  if (authority != NULL) {
    const char *host = authority + 3, *at = NULL, *colon = NULL;
    size_t n = strcspn(host, "/?#");
    for (const char *q = host; q < host + n; q++)
      at = *q == '@' ? q : at;
    if (at != NULL)
      colon = memchr(host, ':', (size_t)(at - host));
    if (colon != NULL) {
      (void)fprintf(out, "%.*s:***", (int)(colon - url), url);
      p = at;
    }
  }
  while ((query = strstr(p, "password=")) != NULL) {
    (void)fprintf(out, "%.*spassword=***", (int)(query - p), p);
    p = query + 9;
    p += strcspn(p, "& ");
  }
  (void)fputs(p, out);
}

/* What is not said is shown as what it will be. */
static void write_text(const vd_config *cfg, vd_key key, FILE *out) {
  const char *text = vd_config_text(cfg, key), *listen = vd_config_text(cfg, VD_KEY_LISTEN);
  const char *port = strrchr(listen, ':');
  if (key == VD_KEY_PUBLIC_URL && *text == '\0' && port != NULL) {
    (void)fprintf(out, "http://localhost%s", port);
  } else {
    write_masked(text, out);
  }
}

static void write_origin(const vd_config *cfg, size_t i, FILE *out) {
  const vd_config_entry *e = &cfg->entries[i];
  char name[128];

  vd_config_spelling(&vd_config_rows[i], e->origin, name, sizeof name);
  switch (e->origin) {
  case VD_FROM_FILE:
    (void)fprintf(out, "%s:%d", vd_config_text(cfg, VD_KEY_CONFIG), e->line);
    break;
  case VD_FROM_ENVIRONMENT: (void)fprintf(out, "environment %s", name); break;
  case VD_FROM_FLAG: (void)fprintf(out, "flag %s", name); break;
  case VD_FROM_DEFAULT: (void)fputs("default", out); break;
  }
}

void vd_config_show(const vd_config *cfg, FILE *out) {
  for (size_t i = 0; i < vd_config_n_rows; i++) {
    const vd_config_row *row = &vd_config_rows[i];
    (void)fprintf(out, "%s = ", row->key);
    if (row->type == VD_TYPE_TEXT || row->type == VD_TYPE_WORD) {
      write_text(cfg, (vd_key)i, out);
    } else {
      (void)fprintf(out, "%llu", (unsigned long long)cfg->entries[i].number);
    }
    (void)fputs("  (", out);
    write_origin(cfg, i, out);
    (void)fputs(")\n", out);
  }
}

void vd_config_help(FILE *out) {
  (void)fputs("Each key can stand in the INI file ([section], then name = value), in the\n"
              "environment (VAULT_SECTION_NAME) and on the command line (--section-name=VALUE).\n"
              "The command line wins over the environment, the environment over the file.\n\n",
              out);
  for (size_t i = 0; i < vd_config_n_rows; i++) {
    const vd_config_row *row = &vd_config_rows[i];
    (void)fprintf(out, "%s\n    %s", row->key, row->help);
    if (row->type == VD_TYPE_WORD) {
      (void)fprintf(out, "\n    one of %s, default %s\n", row->choices, row->text);
    } else if (row->type == VD_TYPE_TEXT) {
      (void)fprintf(out, "%s%s\n", *row->text != '\0' ? "\n    default " : "", row->text);
    } else {
      const char *unit = row->type == VD_TYPE_BYTES ? " bytes"
                         : row->type == VD_TYPE_MS  ? " ms"
                                                    : "";
      (void)fprintf(out, "\n    %llu to %llu%s, default %llu\n", (unsigned long long)row->min,
                    (unsigned long long)row->max, unit, (unsigned long long)row->preset);
    }
  }
}
