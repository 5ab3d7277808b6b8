#include "libvault/adapters/sql/sql.h"

#include <string.h>

#include "libvault/base/err.h"

#define S(id, n_params, n_cols, text) {#id, text, n_params, n_cols, {NULL, NULL}},
#define D(id, n_params, n_cols, text, sqlite, postgres) \
  {#id, text, n_params, n_cols, {sqlite, postgres}},
const vault__sql vault__statements[VAULT__SQL_COUNT] = {
#include "libvault/adapters/sql/statements.h"
};
#undef S
#undef D

static const char nothing[1]; /* what an empty value points to: NULL would mean SQL NULL */

const char *vault__sql_text(const vault__sql *sql, int dialect) {
  const char *own = sql->text_of[dialect];
  return own ? own : sql->text;
}

int vault__sql_index(const vault__sql *sql) {
  uintptr_t at = (uintptr_t)sql, from = (uintptr_t)vault__statements;
  if (at < from || at >= from + sizeof vault__statements)
    return -1;
  return (int)((at - from) / sizeof vault__statements[0]);
}

vault__val vault__p_int(int64_t v) {
  return (vault__val){VAULT__INT, 0, v, {NULL, 0}};
}

vault__val vault__p_u64(uint64_t v) {
  return vault__p_int(v > INT64_MAX ? -1 : (int64_t)v);
}

vault__val vault__p_limit(uint64_t n) {
  return vault__p_int(n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

vault__val vault__p_text(vault_str s) {
  return (vault__val){VAULT__TEXT, 0, 0, {s.n ? s.p : nothing, s.n}};
}

vault__val vault__p_cstr(const char *s) {
  return vault__p_text((vault_str){s, strlen(s)});
}

vault__val vault__p_blob(const void *p, uint64_t n) {
  return (vault__val){VAULT__BLOB, 0, 0, {n ? (const char *)p : nothing, n}};
}

vault__val vault__p_id(const vault_id *id) {
  static const vault_id none;
  return vault__p_blob(id ? id->b : none.b, sizeof none.b);
}

vault__val vault__p_null(vault__type type) {
  return (vault__val){type, 1, 0, {nothing, 0}};
}

vault__row vault__row_at(const vault__rows *rows, int64_t i) {
  if (i < 0 || i >= rows->n)
    return (vault__row){NULL, 0, 0, 1};
  return (vault__row){rows->vals + i * rows->n_cols, rows->n_cols, 0, 0};
}

/* The next column if it has this type; otherwise the row is bad. */
static const vault__val *next(vault__row *r, vault__type type) {
  const vault__val *v = r->col < r->n_cols ? &r->vals[r->col] : NULL;
  r->col++;
  if (v && !v->is_null && v->type == type)
    return v;
  r->bad = 1;
  return NULL;
}

int64_t vault__get_int(vault__row *r) {
  const vault__val *v = next(r, VAULT__INT);
  return v ? v->i : 0;
}

uint32_t vault__get_u32(vault__row *r) {
  int64_t v = vault__get_int(r);
  if (v >= 0 && v <= UINT32_MAX)
    return (uint32_t)v;
  r->bad = 1;
  return 0;
}

uint64_t vault__get_u64(vault__row *r) {
  int64_t v = vault__get_int(r);
  if (v >= 0)
    return (uint64_t)v;
  r->bad = 1;
  return 0;
}

int vault__get_null(vault__row *r) {
  if (r->col >= r->n_cols || !r->vals[r->col].is_null)
    return 0;
  r->col++;
  return 1;
}

void vault__get_fixed(vault__row *r, void *out, uint64_t n) {
  const vault__val *v = next(r, VAULT__BLOB);
  if (v && v->s.n == n) {
    memcpy(out, v->s.p, (size_t)n);
    return;
  }
  memset(out, 0, (size_t)n);
  r->bad = 1;
}

void vault__get_id(vault__row *r, vault_id *out) {
  vault__get_fixed(r, out->b, sizeof out->b);
}

uint64_t vault__get_blob(vault__row *r, void *out, uint64_t room) {
  const vault__val *v = next(r, VAULT__BLOB);
  memset(out, 0, (size_t)room);
  if (!v)
    return 0;
  if (v->s.n > room) {
    r->bad = 1;
    return 0;
  }
  if (v->s.n)
    memcpy(out, v->s.p, (size_t)v->s.n);
  return v->s.n;
}

void vault__get_text(vault__row *r, char *out, uint64_t room) {
  const vault__val *v = next(r, VAULT__TEXT);
  memset(out, 0, (size_t)room);
  if (!v)
    return;
  if (v->s.n >= room) {
    r->bad = 1;
    return;
  }
  if (v->s.n)
    memcpy(out, v->s.p, (size_t)v->s.n);
}

vault_str vault__get_str(vault__row *r) {
  const vault__val *v = r->col < r->n_cols ? &r->vals[r->col] : NULL;
  r->col++;
  if (v && !v->is_null && v->type != VAULT__INT)
    return v->s;
  r->bad = 1;
  return (vault_str){nothing, 0};
}

vault_status vault__row_check(const vault__row *r, vault_err *err) {
  if (!r->bad)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_DATABASE, 0,
                     "column %d of a stored row has an unexpected type or size; check the "
                     "database with vaultd fsck",
                     r->col);
}
