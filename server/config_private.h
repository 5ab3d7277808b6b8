/* What the files of the configuration share. Private to config*.c. */
#ifndef VD_CONFIG_PRIVATE_H
#define VD_CONFIG_PRIVATE_H

#include "config_table.h"

#define VD_CONFIG_KEYS_MAX 64u

typedef enum vd_config_origin {
  VD_FROM_DEFAULT,
  VD_FROM_FILE,
  VD_FROM_ENVIRONMENT,
  VD_FROM_FLAG
} vd_config_origin;

typedef struct vd_config_entry {
  char *text; /* as it was written; NULL: the default of the row */
  uint64_t number;
  vd_config_origin origin;
  int line; /* VD_FROM_FILE */
} vd_config_entry;

struct vd_config {
  vd_config_entry entries[VD_CONFIG_KEYS_MAX]; /* one per row of the table */
};

/* Where a value stands: "limits.codes_per_hour" in the file, VAULT_LIMITS_CODES_PER_HOUR,
 * --limits-codes-per-hour. The one that the origin uses is written to out. */
void vd_config_spelling(const vd_config_row *row, vd_config_origin origin, char *out, size_t n);

/* Index of the row whose key, in the spelling of origin, is name; n_rows when there is none. */
size_t vd_config_find(const char *name, vd_config_origin origin);
/* The known key that is most like name, or NULL when none is near. */
const vd_config_row *vd_config_nearest(const char *name, vd_config_origin origin);

/* Check and keep one value. 0, or -1 with a sentence in err. */
int vd_config_set(vd_config *cfg, size_t at, const char *value, vd_config_origin origin, int line,
                  char *err);

/* Read an INI file. 0, or -1 with a sentence in err. */
int vd_config_read_file(vd_config *cfg, const char *path, char *err);

#endif
