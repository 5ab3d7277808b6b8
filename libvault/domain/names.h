/* Names of files and folders, and paths made of them. Names are kept as given; two names are
 * the same when their keys are. Pure functions, any thread. */
#ifndef VAULT__NAMES_H
#define VAULT__NAMES_H

#include "libvault/base/arena.h"
#include "libvault/domain/ext.h"
#include "vault/base.h"

#define VAULT__NAME_BYTES 255 /* as given, and in NFC */
#define VAULT__PATH_DEPTH 64
#define VAULT__PATH_BYTES (VAULT__PATH_DEPTH * (VAULT__NAME_BYTES + 1) + 1)

/* Refused: empty, ".", "..", "/", NUL and other control characters, marks that change the
 * reading direction, invalid UTF-8, more than 255 bytes.  OK | NAME (says why) */
vault_status vault__name_check(const char *p, uint64_t n, vault_err *err);

/* Check the name and make its key: NFC of the Unicode case fold. The key lives in the arena
 * and is NUL-terminated. It may be longer than the name.  OK | NAME | NO_MEMORY */
vault_status vault__name_key(const char *p, uint64_t n, vault__arena *a, vault_str *out,
                             vault_err *err);

/* The components of a path, borrowed from it. */
typedef struct vault__path {
  uint32_t n;         /* 0: the root */
  int trailing_slash; /* only a folder may be meant */
  vault_str part[VAULT__PATH_DEPTH];
} vault__path;

/* Split "/a/b/c.txt" (the first slash may be missing, one last slash may follow). Every
 * component is checked as a name. "" and "/" are the root.  OK | NAME | DEPTH */
vault_status vault__path_split(const char *p, uint64_t n, vault__path *out, vault_err *err);

/* The same for a path that must name a file: also refuses the root and a last slash. */
vault_status vault__path_split_file(const char *p, uint64_t n, vault__path *out, vault_err *err);

#endif
