#include "libvault/adapters/sql/schema.h"

#include <errno.h>
#include <sys/random.h>

#include "libvault/base/err.h"

/* A random UUID (RFC 9562 version 4): the ids of the store and of this incarnation say
 * nothing about when or where they were made. */
static vault_status random_id(vault_id *out, vault_err *err) {
  if (getrandom(out->b, sizeof out->b, 0) != (ssize_t)sizeof out->b)
    return vault__fail(err, VAULT_E_IO, VAULT_ORIGIN_SYS, errno,
                       "the system gave no random bytes for the ids of a new database");
  out->b[6] = (uint8_t)((out->b[6] & 0x0f) | 0x40);
  out->b[8] = (uint8_t)((out->b[8] & 0x3f) | 0x80);
  return VAULT_OK;
}

static vault_status read_version(vault__tx *tx, int64_t *version, vault_err *err) {
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_SCHEMA_EXISTS, VAULT__P0, &rows, err));
  vault__row r = vault__row_at(&rows, 0);
  int64_t exists = vault__get_int(&r);
  VAULT_TRY(vault__row_check(&r, err));
  if (!exists) {
    *version = 0;
    return VAULT_OK;
  }
  VAULT_TRY(vault__run(tx, VAULT__SQL_SCHEMA_GET, VAULT__P0, &rows, err));
  r = vault__row_at(&rows, 0);
  int64_t found = vault__get_int(&r);
  int64_t min_reader = vault__get_int(&r);
  int64_t min_writer = vault__get_int(&r);
  VAULT_TRY(vault__row_check(&r, err));
  if (min_reader > VAULT__SCHEMA_VERSION || min_writer > VAULT__SCHEMA_VERSION)
    return vault__fail(err, VAULT_E_FORMAT, VAULT_ORIGIN_DATABASE, 0,
                       "the database has schema %lld and needs a newer libvault; this one knows "
                       "schema %d: update the program",
                       (long long)found, VAULT__SCHEMA_VERSION);
  *version = found;
  return VAULT_OK;
}

static vault_status write_row(vault__tx *tx, int64_t before, vault_err *err) {
  vault__val version = vault__p_int(VAULT__SCHEMA_VERSION);
  vault__val reader = vault__p_int(VAULT__SCHEMA_MIN_READER);
  vault__val writer = vault__p_int(VAULT__SCHEMA_MIN_WRITER);
  if (before > 0)
    return vault__run(tx, VAULT__SQL_SCHEMA_MOVE, VAULT__P(version, reader, writer), NULL, err);
  vault_id store, incarnation;
  VAULT_TRY(random_id(&store, err));
  VAULT_TRY(random_id(&incarnation, err));
  return vault__run(tx, VAULT__SQL_SCHEMA_INSERT,
                    VAULT__P(version, reader, writer, vault__p_id(&store),
                             vault__p_id(&incarnation)),
                    NULL, err);
}

static vault_status migrate(vault__tx *tx, void *ctx, vault_err *err) {
  (void)ctx;
  const vault__db_ops *ops = tx->db->ops;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_SCHEMA_LOCK, VAULT__P0, &rows, err));
  int64_t version = 0;
  VAULT_TRY(read_version(tx, &version, err));
  if (version >= VAULT__SCHEMA_VERSION) { /* another process was first */
    tx->discard = 1;
    return VAULT_OK;
  }
  for (int64_t v = version; v < VAULT__SCHEMA_VERSION; v++)
    VAULT_TRY(ops->script(tx->conn, vault__migrations[ops->dialect][v], err));
  return write_row(tx, version, err);
}

static vault_status look(vault__tx *tx, void *ctx, vault_err *err) {
  return read_version(tx, ctx, err);
}

vault_status vault__schema_open(vault__repo *repo, vault_err *err) {
  int64_t version = 0;
  VAULT_TRY(vault__sql_read(repo, look, &version, err));
  if (version >= VAULT__SCHEMA_VERSION)
    return VAULT_OK;
  return vault__sql_write(repo, migrate, NULL, err);
}
