/* Connecting, and what is asked of a server before it is trusted. */
#include <string.h>

#include "driver.h"
#include "libvault/base/err.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define TIMEOUTS(set)               \
  set " statement_timeout = " TEXT( \
    VAULT__PG_STATEMENT_TIMEOUT_MS) ";" set " lock_timeout = " TEXT(VAULT__PG_LOCK_TIMEOUT_MS)

#define TEST_APPLICATION "vault-test" /* its server may forget what it acknowledged */

static void ignore(void *arg, const PGresult *r) { /* a library does not print notices */
  (void)arg;
  (void)r;
}

void vault__pg_disconnect(vault__conn *c) {
  PQfinish(c->pg);
  c->pg = NULL;
  c->in_tx = c->dead = c->broken = 0;
  memset(c->stmts, 0, sizeof c->stmts);
}

vault_status vault__pg_connect(vault__conn *c, vault_err *err) {
  /* Before dbname: defaults that conninfo may override. Behind it: what it may not. */
  static const char *const keys[] = {"fallback_application_name",
                                     "connect_timeout",
                                     "keepalives",
                                     "keepalives_idle",
                                     "keepalives_interval",
                                     "keepalives_count",
                                     "tcp_user_timeout",
                                     "dbname",
                                     "client_encoding",
                                     NULL};
  const char *const values[] = {"libvault",      "10",   "1", "10", "5", "3", "30000",
                                c->db->conninfo, "UTF8", NULL};
  vault__pg_disconnect(c);
  (void)pthread_mutex_lock(&c->db->mutex);
  c->generation = c->db->generation;
  (void)pthread_mutex_unlock(&c->db->mutex);
  c->pg = PQconnectdbParams(keys, values, 1);
  if (!c->pg)
    return vault__no_memory(err);
  (void)PQsetNoticeReceiver(c->pg, ignore, NULL);
  if (PQstatus(c->pg) != CONNECTION_OK || PQsetnonblocking(c->pg, 1) != 0) {
    vault__pg_disconnect(c); /* libpq's text may quote conninfo: it stays out */
    return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_DATABASE, 0,
                       "cannot connect to PostgreSQL; check that the server runs and that the "
                       "name, user and password in the database setting are right");
  }
  /* A pooler in transaction mode would give these to someone else: there, begin sets them. */
  if (c->db->unprepared)
    return VAULT_OK;
  return vault__pg_command(c, TIMEOUTS("SET"), 0, err);
}

static const vault__sql check = {
  .name = "POSTGRES_CHECK",
  .text = "SELECT current_setting('fsync'), current_setting('synchronous_commit'),"
          " current_setting('server_encoding')",
  .n_cols = 3,
};

static vault_status refuse(vault_err *err, const char *why) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_DATABASE, 0, "%s", why);
}

static vault_status check_settings(vault__conn *c, vault__arena *arena, vault_err *err) {
  vault__rows rows;
  VAULT_TRY(vault__pg_run(c, &check, NULL, arena, &rows, err));
  vault__row r = vault__row_at(&rows, 0);
  vault_str fsync = vault__get_str(&r), commit = vault__get_str(&r), encoding = vault__get_str(&r);
  VAULT_TRY(vault__row_check(&r, err));
  if (!vault__str_eq(encoding, VAULT__STR("UTF8")))
    return refuse(err, "the PostgreSQL database must have the encoding UTF8");
  const char *name = PQparameterStatus(c->pg, "application_name");
  if (name && strcmp(name, TEST_APPLICATION) == 0)
    return VAULT_OK;
  if (vault__str_eq(fsync, VAULT__STR("off")))
    return refuse(err, "PostgreSQL runs with fsync = off and would lose files in a power "
                       "failure; set fsync = on");
  if (vault__str_eq(commit, VAULT__STR("off")))
    return refuse(err, "PostgreSQL runs with synchronous_commit = off and would lose what was "
                       "acknowledged; set synchronous_commit = on");
  return VAULT_OK;
}

vault_status vault__pg_check_server(vault__conn *c, vault_err *err) {
  if (PQserverVersion(c->pg) < VAULT__PG_VERSION_MIN)
    return refuse(err, "PostgreSQL 13 or newer is needed");
  vault__arena arena;
  vault__arena_init(&arena, c->db->alloc, 1u << 16);
  vault_status s = check_settings(c, &arena, err);
  vault__arena_free(&arena);
  return s;
}
