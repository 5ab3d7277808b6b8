/* The three spellings of a key, and guessing what a misspelt one means. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "config_private.h"

#define SPELLING_MAX 96u
#define NEAR_ENOUGH 2u /* edits: three would make VAULT_SMS of VAULT_FOO */

void vd_config_spelling(const vd_config_row *row, vd_config_origin origin, char *out, size_t n) {
  const char *before = origin == VD_FROM_ENVIRONMENT ? "VAULT_"
                       : origin == VD_FROM_FLAG      ? "--"
                                                     : "";
  size_t at = 0;

  if (n == 0)
    return;
  for (const char *p = before; *p != '\0' && at + 1 < n; p++)
    out[at++] = *p;
  for (const char *p = row->key; *p != '\0' && at + 1 < n; p++) {
    char c = *p;
    if (origin == VD_FROM_ENVIRONMENT)
      c = c == '.' ? '_' : (char)toupper((unsigned char)c);
    if (origin == VD_FROM_FLAG && (c == '.' || c == '_'))
      c = '-';
    out[at++] = c;
  }
  out[at] = '\0';
}

/* "--limits-codes_per_hour" means the same as "--limits-codes-per-hour". */
static void flag_form(const char *name, char *out, size_t n) {
  size_t at = 0;
  for (; name[at] != '\0' && at + 1 < n; at++) {
    out[at] = name[at] == '_' || name[at] == '.' ? '-' : name[at];
  }
  out[at] = '\0';
}

size_t vd_config_find(const char *name, vd_config_origin origin) {
  char wanted[SPELLING_MAX], have[SPELLING_MAX];

  if (strlen(name) >= sizeof wanted)
    return vd_config_n_rows;
  if (origin == VD_FROM_FLAG) {
    flag_form(name, wanted, sizeof wanted);
  } else {
    memcpy(wanted, name, strlen(name) + 1);
  }
  for (size_t i = 0; i < vd_config_n_rows; i++) {
    vd_config_spelling(&vd_config_rows[i], origin, have, sizeof have);
    if (strcmp(wanted, have) == 0)
      return i;
  }
  return vd_config_n_rows;
}

/* Levenshtein distance, letters compared without case; one row of the matrix is kept. */
static size_t distance(const char *a, const char *b) {
  size_t row[SPELLING_MAX], n = strlen(b);

  if (strlen(a) >= SPELLING_MAX || n >= SPELLING_MAX)
    return SPELLING_MAX;
  for (size_t j = 0; j <= n; j++)
    row[j] = j;
  for (size_t i = 1; a[i - 1] != '\0'; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      size_t above = row[j];
      bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
      size_t best = diagonal + (same ? 0 : 1);
      if (above + 1 < best)
        best = above + 1;
      if (row[j - 1] + 1 < best)
        best = row[j - 1] + 1;
      row[j] = best;
      diagonal = above;
    }
  }
  return row[n];
}

const vd_config_row *vd_config_nearest(const char *name, vd_config_origin origin) {
  const vd_config_row *best = NULL;
  size_t best_distance = NEAR_ENOUGH + 1;
  char have[SPELLING_MAX];

  for (size_t i = 0; i < vd_config_n_rows; i++) {
    vd_config_spelling(&vd_config_rows[i], origin, have, sizeof have);
    size_t d = distance(name, have);
    if (d < best_distance) {
      best_distance = d;
      best = &vd_config_rows[i];
    }
  }
  /* The right name in a wrong section is as good a hint as a slip of the finger. */
  for (size_t i = 0; best == NULL && origin == VD_FROM_FILE && i < vd_config_n_rows; i++) {
    const char *known = strchr(vd_config_rows[i].key, '.'), *given = strchr(name, '.');
    if (known != NULL && strcasecmp(known + 1, given != NULL ? given + 1 : name) == 0) {
      best = &vd_config_rows[i];
    }
  }
  return best;
}
