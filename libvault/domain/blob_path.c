#include "blob_path.h"

#include <stdio.h>
#include <string.h>

#include "ext.h"
#include "libvault/base/err.h"
#include "libvault/base/id.h"

#define MS_PER_DAY INT64_C(86400000)
#define YEAR_MAX 9999 /* four digits in the path */
#define ID_CHARS (VAULT_ID_TEXT - 1)

static const char *const spaces[] = {"files", "photos", "notes"};

const char *vault__space_name(uint32_t space) {
  return space >= VAULT__SPACE_FILES && space <= VAULT__SPACE_NOTES ? spaces[space - 1] : NULL;
}

uint32_t vault__space_parse(const char *p, uint64_t n) {
  for (uint32_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
    if (n == strlen(spaces[i]) && memcmp(p, spaces[i], (size_t)n) == 0)
      return i + 1;
  return 0;
}

/* Without tables: count from 1 March of year 0, so that the leap day is the last of its year;
 * 400 years have 146,097 days, and from March on every five months have 153. */
vault__date vault__date_of_ms(int64_t ms) {
  int64_t day =
    ms / MS_PER_DAY - (ms % MS_PER_DAY < 0) + 719468; /* 1970-01-01 counted from there */
  int64_t era = (day >= 0 ? day : day - 146096) / 146097;
  int64_t of_era = day - era * 146097;
  int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  int64_t month = (5 * of_year + 2) / 153;
  vault__date d;
  d.day = (uint32_t)(of_year - (153 * month + 2) / 5 + 1);
  d.month = (uint32_t)(month < 10 ? month + 3 : month - 9);
  d.year = year + era * 400 + (d.month <= 2);
  return d;
}

vault_status vault__blob_path(const vault_id *user, uint32_t space, const vault_id *blob,
                              const char *ext, char out[VAULT__BLOB_PATH], vault_err *err) {
  const char *space_text = vault__space_name(space);
  vault__date date = vault__date_of_ms(vault__id_time_ms(blob));
  char user_text[VAULT_ID_TEXT], blob_text[VAULT_ID_TEXT];
  if (!ext)
    ext = "";
  if (!space_text || (*ext && !vault__ext_find(ext, strlen(ext))) || date.year > YEAR_MAX)
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                       "a blob has no path with this space, extension or time");
  vault_id_format(user, user_text);
  vault_id_format(blob, blob_text);
  (void)snprintf(out, VAULT__BLOB_PATH, "%s/%s/%04u/%02u/%s%s%s", user_text, space_text,
                 (unsigned)date.year % 10000, date.month % 100, blob_text, *ext ? "." : "", ext);
  return VAULT_OK;
}

/* Find the pieces, make the path again, compare: whatever is not exactly ours differs. */
static int take_apart(const char *text, vault_id *user, uint32_t *space, vault_id *blob,
                      const char **ext) {
  char again[VAULT__BLOB_PATH];
  if (strlen(text) <= ID_CHARS || text[ID_CHARS] != '/' ||
      vault_id_parse(text, ID_CHARS, user) != VAULT_OK)
    return 0;
  const char *space_text = text + ID_CHARS + 1, *slash = strchr(space_text, '/');
  const char *blob_text = strrchr(text, '/') + 1;
  if (!slash || strlen(blob_text) < ID_CHARS ||
      vault_id_parse(blob_text, ID_CHARS, blob) != VAULT_OK)
    return 0;
  *space = vault__space_parse(space_text, (uint64_t)(slash - space_text));
  const char *dot = blob_text + ID_CHARS;
  *ext = *dot == '.' ? vault__ext_find(dot + 1, strlen(dot + 1)) : "";
  return *ext && vault__blob_path(user, *space, blob, *ext, again, NULL) == VAULT_OK &&
         strcmp(text, again) == 0;
}

vault_status vault__blob_path_parse(const char *p, uint64_t n, vault_id *user, uint32_t *space,
                                    vault_id *blob, const char **ext, vault_err *err) {
  char text[VAULT__BLOB_PATH] = {0};
  vault_id found_user, found_blob;
  uint32_t found_space;
  const char *found_ext;
  if (n < sizeof text && n)
    memcpy(text, p, (size_t)n);
  /* A NUL inside would hide what follows it. */
  if (strlen(text) != n || !take_apart(text, &found_user, &found_space, &found_blob, &found_ext))
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0, "this is not the path of a blob");
  *user = found_user;
  *space = found_space;
  *blob = found_blob;
  *ext = found_ext;
  return VAULT_OK;
}
