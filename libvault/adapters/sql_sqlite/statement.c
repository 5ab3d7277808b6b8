/* Statements: prepared once per connection, bound by name, read whole into the arena, reset
 * at once, so that no read transaction stays open. */
#include <stdio.h>
#include <string.h>

#include "driver.h"
#include "libvault/base/err.h"
#include "libvault/base/utf8.h"

#define FIRST_ROWS 8 /* room for results, doubled when it is full */

/* The parameters of the text must be exactly $1..$n. */
static vault_status map_params(const vault__sql *sql, vault__sqlite_stmt *s, vault_err *err) {
  int ok = sql->n_params <= VAULT__SQL_PARAMS_MAX &&
           sqlite3_bind_parameter_count(s->stmt) == sql->n_params;
  for (int i = 0; ok && i < sql->n_params; i++) {
    char name[16];
    (void)snprintf(name, sizeof name, "$%d", i + 1);
    s->index[i] = sqlite3_bind_parameter_index(s->stmt, name);
    ok = s->index[i] != 0;
  }
  if (ok && sqlite3_column_count(s->stmt) == sql->n_cols)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                     "statement %s needs the parameters $1 to $%d and %d columns, and its text "
                     "has %d and %d",
                     sql->name, sql->n_params, sql->n_cols, sqlite3_bind_parameter_count(s->stmt),
                     sqlite3_column_count(s->stmt));
}

static vault_status compile(vault__conn *c, const vault__sql *sql, unsigned flags,
                            vault__sqlite_stmt *out, vault_err *err) {
  const char *tail = NULL;
  vault__sqlite_stmt s = {0};
  int rc = sqlite3_prepare_v3(c->h, vault__sql_text(sql, VAULT__DIALECT_SQLITE), -1, flags, &s.stmt,
                              &tail);
  if (rc != SQLITE_OK)
    return vault__sqlite_fail(c, rc, 0, sql->name, err);
  vault_status status = map_params(sql, &s, err);
  if (status == VAULT_OK && tail && *tail)
    status = vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                         "statement %s is more than one statement", sql->name);
  if (status != VAULT_OK) {
    (void)sqlite3_finalize(s.stmt);
    return status;
  }
  *out = s;
  return VAULT_OK;
}

static int bind_one(sqlite3_stmt *stmt, int at, const vault__val *v) {
  if (v->is_null)
    return sqlite3_bind_null(stmt, at);
  if (v->type == VAULT__INT)
    return sqlite3_bind_int64(stmt, at, v->i);
  if (v->type == VAULT__TEXT)
    return sqlite3_bind_text64(stmt, at, v->s.p ? v->s.p : "", v->s.n, SQLITE_STATIC, SQLITE_UTF8);
  return sqlite3_bind_blob64(stmt, at, v->s.p ? v->s.p : "", v->s.n, SQLITE_STATIC);
}

/* SQLite would store any bytes as text; PostgreSQL would not. */
static vault_status check_text(const vault__val *v, vault_err *err) {
  if (v->type != VAULT__TEXT || v->is_null || v->s.n == 0)
    return VAULT_OK;
  if (vault__utf8_valid(v->s.p, v->s.n) && !memchr(v->s.p, 0, (size_t)v->s.n))
    return VAULT_OK;
  return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_DATABASE, 0,
                     "text for the database must be UTF-8 without NUL");
}

static vault_status bind_all(vault__conn *c, const vault__sql *sql, const vault__sqlite_stmt *s,
                             const vault__val *params, vault_err *err) {
  for (int i = 0; i < sql->n_params; i++) {
    VAULT_TRY(check_text(&params[i], err));
    int rc = bind_one(s->stmt, s->index[i], &params[i]);
    if (rc != SQLITE_OK)
      return vault__sqlite_fail(c, rc, 0, sql->name, err);
  }
  return VAULT_OK;
}

static vault_status read_bytes(sqlite3_stmt *stmt, int col, vault__type type, vault__arena *arena,
                               vault__val *out, vault_err *err) {
  const void *p = type == VAULT__TEXT ? (const void *)sqlite3_column_text(stmt, col)
                                      : sqlite3_column_blob(stmt, col);
  uint64_t n = (uint64_t)sqlite3_column_bytes(stmt, col);
  const char *copy = p || n == 0 ? vault__arena_dup(arena, p, p ? n : 0) : NULL;
  if (!copy)
    return vault__no_memory(err);
  *out = (vault__val){type, 0, 0, {copy, n}};
  return VAULT_OK;
}

static vault_status read_row(const vault__sql *sql, sqlite3_stmt *stmt, vault__arena *arena,
                             vault__val *vals, vault_err *err) {
  for (int col = 0; col < sql->n_cols; col++) {
    switch (sqlite3_column_type(stmt, col)) {
    case SQLITE_INTEGER:
      vals[col] = (vault__val){VAULT__INT, 0, sqlite3_column_int64(stmt, col), {NULL, 0}};
      break;
    case SQLITE_TEXT: VAULT_TRY(read_bytes(stmt, col, VAULT__TEXT, arena, &vals[col], err)); break;
    case SQLITE_BLOB: VAULT_TRY(read_bytes(stmt, col, VAULT__BLOB, arena, &vals[col], err)); break;
    case SQLITE_NULL: vals[col] = (vault__val){VAULT__INT, 1, 0, {NULL, 0}}; break;
    default: /* a number that overflowed: PostgreSQL would have refused it */
      return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                         "statement %s gave a fraction", sql->name);
    }
  }
  return VAULT_OK;
}

/* Room for one more row in the arena. */
static vault__val *next_row(vault__arena *arena, vault__rows *rows, vault__val **vals,
                            int64_t *room, vault_err *err) {
  uint64_t row_bytes = (uint64_t)rows->n_cols * sizeof **vals;
  if (rows->n == *room) {
    int64_t more = *room ? *room * 2 : FIRST_ROWS;
    vault__val *grown = vault__arena_get(arena, (uint64_t)more * row_bytes);
    if (!grown) {
      (void)vault__no_memory(err);
      return NULL;
    }
    if (rows->n)
      memcpy(grown, *vals, (size_t)((uint64_t)rows->n * row_bytes));
    *vals = grown;
    *room = more;
  }
  return *vals + rows->n * rows->n_cols;
}

static vault_status step_all(vault__conn *c, const vault__sql *sql, sqlite3_stmt *stmt,
                             vault__arena *arena, vault__rows *out, vault_err *err) {
  vault__rows rows = {.n_cols = sql->n_cols};
  vault__val *vals = NULL;
  int64_t room = 0;
  int rc;
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
    if (!out)
      continue;
    vault__val *at = next_row(arena, &rows, &vals, &room, err);
    if (!at)
      return VAULT_E_NO_MEMORY;
    VAULT_TRY(read_row(sql, stmt, arena, at, err));
    rows.n++;
  }
  if (rc != SQLITE_DONE)
    return vault__sqlite_fail(c, rc, 0, sql->name, err);
  rows.affected = sqlite3_stmt_readonly(stmt) ? 0 : sqlite3_changes64(c->h);
  rows.vals = vals;
  if (out)
    *out = rows;
  return VAULT_OK;
}

/* The lenient engine made strict: whatever failed, the transaction is gone. */
static vault_status die(vault__conn *c, vault_status s) {
  if (s != VAULT_OK && c->in_tx && !c->dead) {
    c->dead = 1;
    if (!c->in_savepoint && !sqlite3_get_autocommit(c->h))
      (void)sqlite3_exec(c->h, "ROLLBACK", NULL, NULL, NULL);
  }
  return s;
}

static vault_status check_alive(const vault__conn *c, vault_err *err) {
  if (!c->dead)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                     "an earlier statement failed and ended this transaction");
}

/* The prepared statement: the connection's own if it is registered, else made in *once. */
static vault_status take(vault__conn *c, const vault__sql *sql, vault__sqlite_stmt *once,
                         vault__sqlite_stmt **out, vault_err *err) {
  int at = vault__sql_index(sql);
  *out = at >= 0 ? &c->cache[at] : once;
  if ((*out)->stmt)
    return VAULT_OK;
  return compile(c, sql, at >= 0 ? SQLITE_PREPARE_PERSISTENT : 0, *out, err);
}

static void put_back(vault__sqlite_stmt *s, vault__sqlite_stmt *once) {
  if (s->stmt) {
    (void)sqlite3_reset(s->stmt);
    (void)sqlite3_clear_bindings(s->stmt);
  }
  (void)sqlite3_finalize(once->stmt);
}

vault_status vault__sqlite_run(vault__conn *c, const vault__sql *sql, const vault__val *params,
                               vault__arena *arena, vault__rows *out, vault_err *err) {
  VAULT_TRY(check_alive(c, err));
  vault__sqlite_stmt once = {0}, *s;
  vault_status status = take(c, sql, &once, &s, err);
  if (status == VAULT_OK)
    status = bind_all(c, sql, s, params, err);
  if (status == VAULT_OK)
    status = step_all(c, sql, s->stmt, arena, out, err);
  put_back(s, &once);
  return die(c, status);
}

static vault_status step_only(vault__conn *c, const vault__sql *sql, sqlite3_stmt *stmt,
                              int64_t *affected, vault_err *err) {
  int rc;
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
  }
  if (rc != SQLITE_DONE)
    return vault__sqlite_fail(c, rc, 0, sql->name, err);
  if (affected)
    *affected = sqlite3_stmt_readonly(stmt) ? 0 : sqlite3_changes64(c->h);
  (void)sqlite3_reset(stmt); /* it was a success: reset has nothing to say */
  return VAULT_OK;
}

vault_status vault__sqlite_run_many(vault__conn *c, const vault__sql *sql, const vault__val *params,
                                    int n_sets, int64_t *affected, vault_err *err) {
  VAULT_TRY(check_alive(c, err));
  if (!c->in_tx)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_DATABASE, 0,
                       "statement %s may run many times in a transaction only", sql->name);
  vault__sqlite_stmt once = {0}, *s;
  vault_status status = take(c, sql, &once, &s, err);
  for (int i = 0; i < n_sets && status == VAULT_OK; i++) {
    status = bind_all(c, sql, s, params + (size_t)i * (size_t)sql->n_params, err);
    if (status == VAULT_OK)
      status = step_only(c, sql, s->stmt, affected ? &affected[i] : NULL, err);
  }
  put_back(s, &once);
  return die(c, status);
}

vault_status vault__sqlite_script(vault__conn *c, const char *text, vault_err *err) {
  VAULT_TRY(check_alive(c, err));
  int rc = sqlite3_exec(c->h, text, NULL, NULL, NULL);
  if (rc == SQLITE_OK)
    return VAULT_OK;
  return die(c, vault__sqlite_fail(c, rc, 0, "a change of the schema", err));
}

vault_status vault__sqlite_prepare(vault__conn *c, const vault__sql *sql, vault_err *err) {
  VAULT_TRY(check_alive(c, err));
  vault__sqlite_stmt s;
  VAULT_TRY(compile(c, sql, 0, &s, err));
  (void)sqlite3_finalize(s.stmt);
  return VAULT_OK;
}

int vault__sqlite_say(vault__conn *c, vault__sqlite_word word) {
  static const char *const texts[VAULT__SQLITE_WORDS] = {
    [VAULT__SQLITE_BEGIN] = "BEGIN IMMEDIATE", [VAULT__SQLITE_COMMIT] = "COMMIT",
    [VAULT__SQLITE_SAVEPOINT] = "SAVEPOINT m", [VAULT__SQLITE_KEEP] = "RELEASE m",
    [VAULT__SQLITE_UNDO] = "ROLLBACK TO m",
  };
  sqlite3_stmt **stmt = &c->words[word];
  int rc = SQLITE_OK;
  if (!*stmt)
    rc = sqlite3_prepare_v3(c->h, texts[word], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
  if (rc != SQLITE_OK)
    return rc;
  rc = sqlite3_step(*stmt);
  (void)sqlite3_reset(*stmt);
  return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void vault__sqlite_forget(vault__conn *c) {
  for (size_t i = 0; i < VAULT__SQLITE_WORDS; i++) {
    (void)sqlite3_finalize(c->words[i]);
    c->words[i] = NULL;
  }
  for (size_t i = 0; i < VAULT__SQL_COUNT; i++) {
    (void)sqlite3_finalize(c->cache[i].stmt);
    c->cache[i].stmt = NULL;
  }
}
