/* Where a blob lies: {user}/{files|photos|notes}/{yyyy}/{mm}/{blob}{.ext}, the same text on a disk
 * and as a key of an object store. yyyy/mm is UTC, from the time in the blob's UUIDv7, so the
 * path follows from (user, space of birth, blob, extension). Pure functions, any thread. */
#ifndef VAULT__BLOB_PATH_H
#define VAULT__BLOB_PATH_H

#include "vault/base.h"

#define VAULT__SPACE_FILES 1u
#define VAULT__SPACE_PHOTOS 2u
#define VAULT__SPACE_NOTES 3u

#define VAULT__BLOB_PATH 104 /* with the NUL */

/* "files", "photos", "notes"; NULL for another value. */
const char *vault__space_name(uint32_t space);
/* 0 when it is none of them. */
uint32_t vault__space_parse(const char *p, uint64_t n);

/* ext: one of the list in names.h, without the dot, or "" (NULL counts as "").
 * OK | INPUT (unknown space, an extension that is not in the list, a time beyond year 9999) */
vault_status vault__blob_path(const vault_id *user, uint32_t space, const vault_id *blob,
                              const char *ext, char out[VAULT__BLOB_PATH], vault_err *err);

/* The reverse: only texts that vault__blob_path makes. *ext is static. Outputs untouched on failure.
 * OK | INPUT */
vault_status vault__blob_path_parse(const char *p, uint64_t n, vault_id *user, uint32_t *space,
                                    vault_id *blob, const char **ext, vault_err *err);

typedef struct vault__date {
  int64_t year;
  uint32_t month, day; /* from 1 */
} vault__date;

/* The UTC date of milliseconds since 1970 (Gregorian, also before 1970). */
vault__date vault__date_of_ms(int64_t ms);

#endif
