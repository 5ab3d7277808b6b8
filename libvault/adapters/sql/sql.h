/* The statement registry and what a repository method needs to run statements: parameters,
 * columns. All SQL of the library is in the statements_*.h files, one row per statement:
 *
 *   S(ID, n_params, n_cols, "text")                      the same text on both engines
 *   D(ID, n_params, n_cols, "text", sqlite, postgres)    NULL: `text`; comment says why
 *
 * Parameters are $1..$n, each used at least once. n_cols 0: gives no rows. A SELECT that can
 * give several rows has a total ORDER BY. Portable traps: no $1::type (CAST instead), no
 * SUM without CAST(... AS BIGINT), no booleans, no now().
 *
 * A family is a file here, a line in statements.h, and nothing else. */
#ifndef VAULT__SQL_H
#define VAULT__SQL_H

#include "libvault/adapters/sql/db.h"
#include "libvault/base/slice.h"

#define S(id, n_params, n_cols, text) VAULT__SQL_##id,
#define D(id, n_params, n_cols, text, sqlite, postgres) VAULT__SQL_##id,
typedef enum vault__sql_id {
#include "libvault/adapters/sql/statements.h"
  VAULT__SQL_COUNT
} vault__sql_id;
#undef S
#undef D

extern const vault__sql vault__statements[VAULT__SQL_COUNT];

/* The text for a dialect. */
const char *vault__sql_text(const vault__sql *sql, int dialect);

/* The number of a registered statement, for a driver's cache; -1 for any other. */
int vault__sql_index(const vault__sql *sql);

/* ---- parameters: what they point to is borrowed until the statement has run ---- */

vault__val vault__p_int(int64_t v);
vault__val vault__p_u64(uint64_t v);   /* above INT64_MAX becomes -1, "not known" */
vault__val vault__p_limit(uint64_t n); /* for LIMIT: what is above INT64_MAX means no limit */
vault__val vault__p_text(vault_str s);
vault__val vault__p_cstr(const char *s);
vault__val vault__p_blob(const void *p, uint64_t n);
vault__val vault__p_id(const vault_id *id); /* NULL pointer: 16 zero bytes */
vault__val vault__p_null(vault__type type);

/* ---- columns: read from left to right ---- */

/* One row of a result. `bad` sticks when a column is missing, NULL, of another type or too
 * long; read all columns, then ask vault__row_check once. Outputs of a bad column are zero. */
typedef struct vault__row {
  const vault__val *vals;
  int n_cols, col, bad;
} vault__row;

vault__row vault__row_at(const vault__rows *rows, int64_t i);

int64_t vault__get_int(vault__row *r);
uint32_t vault__get_u32(vault__row *r);
uint64_t vault__get_u64(vault__row *r); /* a negative number is bad */
int vault__get_null(vault__row *r);     /* is the next column NULL? It is skipped only if so. */
void vault__get_id(vault__row *r, vault_id *out);
void vault__get_fixed(vault__row *r, void *out, uint64_t n);       /* a BLOB of exactly n bytes */
uint64_t vault__get_blob(vault__row *r, void *out, uint64_t room); /* up to room bytes */
void vault__get_text(vault__row *r, char *out, uint64_t room);     /* room counts the NUL */
vault_str vault__get_str(vault__row *r); /* TEXT or BLOB, borrowed from the arena */

/* OK, or CORRUPT: the row is not what its statement says. */
vault_status vault__row_check(const vault__row *r, vault_err *err);

#endif
