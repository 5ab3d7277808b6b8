/* The table of configuration keys. Private to config*.c. */
#ifndef VD_CONFIG_TABLE_H
#define VD_CONFIG_TABLE_H

#include "config.h"

typedef enum vd_value_type {
  VD_TYPE_TEXT,
  VD_TYPE_WORD,  /* one of a list: "a|b|c" in choices */
  VD_TYPE_COUNT, /* a plain number */
  VD_TYPE_BYTES, /* a number, or with KiB, MiB, GiB, TiB */
  VD_TYPE_MS     /* a number of milliseconds, or with ms, s, m, h, d */
} vd_value_type;

typedef enum vd_value_home {
  VD_HOME_NONE,     /* read with vd_config_text */
  VD_HOME_SETTINGS, /* a member of vault_settings */
  VD_HOME_HTTP      /* a member of vd_http_config */
} vd_value_home;

typedef struct vd_config_row {
  const char *key; /* "section.name", or a name alone for the eight fixed ones */
  vd_value_type type;
  vd_value_home home;
  size_t offset; /* in the home */
  size_t width;  /* 4 or 8 bytes; text: 0; word: 0 for its text, else for its place in choices */
  uint64_t preset;
  uint64_t min;
  uint64_t max;
  const char *text;    /* text: default; word: default */
  const char *choices; /* word */
  const char *help;
} vd_config_row;

extern const vd_config_row vd_config_rows[];
extern const size_t vd_config_n_rows;

/* Number of a value as a user writes it ("15GiB", "2m"). false: not one, or out of 64 bits. */
bool vd_config_parse_number(vd_value_type type, const char *text, uint64_t *out);

#endif
