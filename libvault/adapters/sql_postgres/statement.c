/* Statements: values travel in binary, NULLs with their type; numbers are decoded by the
 * width that the server says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "libvault/base/err.h"

/* pg_type.h of the server; these never change. */
#define OID_BOOL 16u
#define OID_BYTEA 17u
#define OID_INT8 20u
#define OID_INT2 21u
#define OID_INT4 23u
#define OID_TEXT 25u
#define OID_VARCHAR 1043u

#define NAME_BYTES 16
#define NAME_FORMAT "v%d"
#define BINARY 1

static Oid oid_of(vault__type type) {
  return type == VAULT__INT ? OID_INT8 : type == VAULT__TEXT ? OID_TEXT : OID_BYTEA;
}

vault_status vault__pg_encode(const vault__sql *sql, const vault__val *params, vault__pg_wire *w,
                              vault_err *err) {
  w->signature[0] = w->signature[1] = 0;
  for (int i = 0; i < sql->n_params; i++) {
    const vault__val *v = &params[i];
    if (v->s.n > INT32_MAX)
      return vault__fail(err, VAULT_E_TOO_LARGE, VAULT_ORIGIN_DATABASE, 0,
                         "a value for the database is larger than 2 GiB");
    w->signature[i / 32] |= (uint64_t)v->type << (2 * (i % 32));
    w->types[i] = oid_of(v->type);
    w->formats[i] = BINARY;
    w->values[i] = v->s.p ? v->s.p : "";
    w->lengths[i] = (int)v->s.n;
    if (v->type == VAULT__INT) {
      for (int k = 0; k < 8; k++)
        w->numbers[i][k] = (unsigned char)((uint64_t)v->i >> (56 - 8 * k));
      w->values[i] = (const char *)w->numbers[i];
      w->lengths[i] = 8;
    }
    if (v->is_null)
      w->values[i] = NULL;
  }
  return VAULT_OK;
}

static vault_status decode_int(const char *p, int n, int64_t *out) {
  if (n != 1 && n != 2 && n != 4 && n != 8)
    return VAULT_E_INTERNAL;
  uint64_t v = (unsigned char)p[0] & 0x80 && n > 1 ? UINT64_MAX : 0; /* the sign */
  for (int i = 0; i < n; i++)
    v = v << 8 | (unsigned char)p[i];
  memcpy(out, &v, sizeof v);
  return VAULT_OK;
}

static vault_status decode(const PGresult *r, int row, int col, vault__arena *arena,
                           vault__val *out, vault_err *err) {
  Oid type = PQftype(r, col);
  const char *p = PQgetvalue(r, row, col);
  int n = PQgetlength(r, row, col);
  int is_int = type == OID_INT8 || type == OID_INT4 || type == OID_INT2 || type == OID_BOOL;
  int is_text = type == OID_TEXT || type == OID_VARCHAR;
  vault__val v = {is_int ? VAULT__INT : is_text ? VAULT__TEXT : VAULT__BLOB, 0, 0, {NULL, 0}};
  v.is_null = PQgetisnull(r, row, col);
  if (!is_int && !is_text && type != OID_BYTEA)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, (int32_t)type,
                       "column %s has a type that is not used here; CAST it", PQfname(r, col));
  if (v.is_null) {
    *out = v;
    return VAULT_OK;
  }
  if (is_int && decode_int(p, n, &v.i) != VAULT_OK)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, n,
                       "column %s is a number of %d bytes", PQfname(r, col), n);
  if (!is_int) {
    v.s.n = (uint64_t)n;
    v.s.p = vault__arena_dup(arena, p, v.s.n);
    if (!v.s.p)
      return vault__no_memory(err);
  }
  *out = v;
  return VAULT_OK;
}

int64_t vault__pg_affected(const PGresult *r) {
  const char *tag = PQcmdStatus((PGresult *)(uintptr_t)r); /* libpq forgot the const */
  const char *count = PQcmdTuples((PGresult *)(uintptr_t)r);
  return strncmp(tag, "SELECT", 6) != 0 ? strtoll(count, NULL, 10) : 0;
}

static vault_status read_rows(const vault__sql *sql, const PGresult *r, vault__arena *arena,
                              vault__rows *out, vault_err *err) {
  int n = PQntuples(r), cols = PQnfields(r);
  if (cols != sql->n_cols)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                       "statement %s gave %d columns and should give %d", sql->name, cols,
                       sql->n_cols);
  vault__val *vals = NULL;
  uint64_t n_vals = (uint64_t)n * (uint64_t)cols;
  if (n_vals && !(vals = vault__arena_get(arena, n_vals * sizeof *vals)))
    return vault__no_memory(err);
  for (int row = 0; row < n; row++)
    for (int col = 0; col < cols; col++)
      VAULT_TRY(decode(r, row, col, arena, &vals[row * cols + col], err));
  *out = (vault__rows){vault__pg_affected(r), n, cols, vals};
  return VAULT_OK;
}

static vault_status prepare_named(vault__conn *c, const vault__sql *sql, const char *name,
                                  int n_types, const Oid *types, vault_err *err) {
  PGresult *r = NULL;
  const char *text = vault__sql_text(sql, VAULT__DIALECT_POSTGRES);
  vault_status s =
    vault__pg_finish(c, PQsendPrepare(c->pg, name, text, n_types, types), 0, sql->name, &r, err);
  PQclear(r);
  return s;
}

int vault__pg_number(const vault__conn *c, const vault__sql *sql) {
  return c->db->unprepared ? -1 : vault__sql_index(sql);
}

vault_status vault__pg_make_ready(vault__conn *c, int at, const vault__sql *sql,
                                  const vault__pg_wire *w, vault_err *err) {
  if (at < 0)
    return VAULT_OK;
  vault__pg_stmt *stmt = &c->stmts[at];
  if (!stmt->ready) {
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof name, NAME_FORMAT, at);
    VAULT_TRY(prepare_named(c, sql, name, sql->n_params, w->types, err));
    memcpy(stmt->types, w->signature, sizeof stmt->types);
    stmt->ready = 1;
  }
  if (memcmp(stmt->types, w->signature, sizeof stmt->types) != 0)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                       "statement %s was given other types of parameters than before", sql->name);
  return VAULT_OK;
}

int vault__pg_send(vault__conn *c, int at, const vault__sql *sql, const vault__pg_wire *w) {
  if (at < 0)
    return PQsendQueryParams(c->pg, vault__sql_text(sql, VAULT__DIALECT_POSTGRES), sql->n_params,
                             w->types, w->values, w->lengths, w->formats, BINARY);
  char name[NAME_BYTES];
  (void)snprintf(name, sizeof name, NAME_FORMAT, at);
  return PQsendQueryPrepared(c->pg, name, sql->n_params, w->values, w->lengths, w->formats, BINARY);
}

vault_status vault__pg_check_alive(const vault__conn *c, vault_err *err) {
  if (!c->dead)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                     "an earlier statement failed and ended this transaction");
}

vault_status vault__pg_die(vault__conn *c, vault_status s) {
  if (s != VAULT_OK && c->in_tx)
    c->dead = 1;
  return s;
}

vault_status vault__pg_run(vault__conn *c, const vault__sql *sql, const vault__val *params,
                           vault__arena *arena, vault__rows *out, vault_err *err) {
  VAULT_TRY(vault__pg_check_alive(c, err));
  vault__pg_wire w;
  PGresult *r = NULL;
  int at = vault__pg_number(c, sql);
  vault_status s = vault__pg_encode(sql, params, &w, err);
  if (s == VAULT_OK)
    s = vault__pg_make_ready(c, at, sql, &w, err);
  if (s == VAULT_OK)
    s = vault__pg_finish(c, vault__pg_send(c, at, sql, &w), 0, sql->name, &r, err);
  if (s == VAULT_OK && out)
    s = read_rows(sql, r, arena, out, err);
  PQclear(r);
  return vault__pg_die(c, s);
}

vault_status vault__pg_script(vault__conn *c, const char *text, vault_err *err) {
  VAULT_TRY(vault__pg_check_alive(c, err));
  PGresult *r = NULL;
  vault_status s =
    vault__pg_finish(c, PQsendQuery(c->pg, text), 0, "a change of the schema", &r, err);
  PQclear(r);
  return vault__pg_die(c, s);
}

/* run() always knows the types; here there are no values, so the server infers them. Where a
 * text leaves one parameter open (an operator between two of them, a SELECT of one), it is
 * tried as each type in turn. */
static vault_status prepare_untyped(vault__conn *c, const vault__sql *sql, vault_err *err) {
  Oid types[VAULT__SQL_PARAMS_MAX] = {0};
  vault_status s = prepare_named(c, sql, "", 0, NULL, err);
  for (int i = 0; i < sql->n_params && s == VAULT_E_INTERNAL; i++) {
    for (int type = VAULT__INT; type <= VAULT__BLOB && s == VAULT_E_INTERNAL; type++) {
      types[i] = oid_of((vault__type)type);
      s = prepare_named(c, sql, "", sql->n_params, types, NULL);
    }
    types[i] = 0;
  }
  return s;
}

/* Outside a transaction: a text that does not prepare at first would end it. */
vault_status vault__pg_prepare(vault__conn *c, const vault__sql *sql, vault_err *err) {
  VAULT_TRY(vault__pg_check_alive(c, err));
  VAULT_TRY(prepare_untyped(c, sql, err));
  PGresult *r = NULL;
  VAULT_TRY(vault__pg_finish(c, PQsendDescribePrepared(c->pg, ""), 0, sql->name, &r, err));
  int params = PQnparams(r), cols = PQnfields(r);
  PQclear(r);
  if (params == sql->n_params && cols == sql->n_cols)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                     "statement %s needs %d parameters and %d columns, and its text has %d and %d",
                     sql->name, sql->n_params, sql->n_cols, params, cols);
}
