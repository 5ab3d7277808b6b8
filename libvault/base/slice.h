/* Borrowed text and bytes. */
#ifndef VAULT__SLICE_H
#define VAULT__SLICE_H

#include <string.h>

#include "vault/base.h"

#define VAULT__STR(literal) ((vault_str){literal, sizeof(literal) - 1})

static inline vault_str vault__str(const char *p, uint64_t n) {
  return (vault_str){p, n};
}

static inline int vault__str_eq(vault_str a, vault_str b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, (size_t)a.n) == 0);
}

static inline int vault__str_starts(vault_str s, const char *prefix) {
  uint64_t n = strlen(prefix);
  return s.n >= n && memcmp(s.p, prefix, (size_t)n) == 0;
}

#endif
