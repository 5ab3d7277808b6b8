/* Extensions under which blobs are kept, and their content types. Only media and documents: nothing
 * that a web server or a shell would run. Pure functions, any thread. */
#ifndef VAULT__EXT_H
#define VAULT__EXT_H

#include "vault/base.h"

#define VAULT__EXT_TEXT 8 /* longest extension of the list, and a NUL */

/* The extension of a name: lower case, without the dot, only from the list; "" for every other
 * one. Static storage. */
const char *vault__ext_of_name(const char *p, uint64_t n);

/* The list's own copy of an extension (lower case); NULL when it is not in the list. */
const char *vault__ext_find(const char *p, uint64_t n);

/* "image/jpeg" for "jpg"; "application/octet-stream" for "" and what is not in the list. */
const char *vault__ext_content_type(const char *ext);

#endif
