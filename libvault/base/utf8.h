/* Strict UTF-8 (RFC 3629). Pure functions, any thread. */
#ifndef VAULT__UTF8_H
#define VAULT__UTF8_H

#include "vault/base.h"

#define VAULT__UTF8_MAX 4 /* bytes of one code point */

/* Read one code point. Returns its bytes (1..4) and sets *cp; 0, with *cp untouched, at the
 * end or for anything that is not UTF-8: overlong forms, surrogates, above U+10FFFF, cut off. */
uint32_t vault__utf8_next(const char *p, uint64_t n, uint32_t *cp);

int vault__utf8_valid(const char *p, uint64_t n);

/* Write one code point, without a NUL. Returns its bytes; 0 for a surrogate or above U+10FFFF. */
uint32_t vault__utf8_put(uint32_t cp, char out[VAULT__UTF8_MAX]);

#endif
