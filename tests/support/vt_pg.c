#include "vt_pg.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vault/adapters/postgres.h"
#include "vt_main.h"

#define WAIT_MS 60000u /* a busy machine is not a failure */
#define TEXT_MAX 1024

static const char *server(void) {
  const char *text = getenv("VT_PG_CONNINFO");
  ck_assert_msg(text != NULL, "run this below tests/support/with_postgres");
  return text;
}

static void execute(const char *verb, const char *schema, const char *rest) {
  char sql[TEXT_MAX];
  (void)snprintf(sql, sizeof sql, "SET client_min_messages = warning; %s SCHEMA %s %s", verb,
                 schema, rest);
  PGconn *pg = PQconnectdb(server());
  ck_assert_msg(PQstatus(pg) == CONNECTION_OK, "%s", PQerrorMessage(pg));
  PGresult *r = PQexec(pg, sql);
  ck_assert_msg(PQresultStatus(r) == PGRES_COMMAND_OK, "%s: %s", sql, PQerrorMessage(pg));
  PQclear(r);
  PQfinish(pg);
}

void vt_pg_open(vault_repositories *out, char schema[VT_SCHEMA_TEXT]) {
  static unsigned n;
  char text[TEXT_MAX];
  vault_err err = VAULT_ERR_INIT;
  vault_postgres_opts o = {.size = sizeof o, .wait_ms = WAIT_MS};
  const char *there = getenv(VT_PG_SCHEMA_THERE);
  if (there) {
    (void)snprintf(schema, VT_SCHEMA_TEXT, "%s", there);
  } else {
    (void)snprintf(schema, VT_SCHEMA_TEXT, "vt_%ld_%u", (long)getpid(), n++);
    execute("CREATE", schema, "");
  }
  (void)snprintf(text, sizeof text, "%s options='-c search_path=%s'", server(), schema);
  out->size = sizeof *out;
  vault_status s = vault_postgres_open(text, strlen(text), &o, out, &err);
  ck_assert_msg(s == VAULT_OK, "%s", err.msg);
}

void vt_pg_close(vault_repositories *r, const char *schema) {
  vault_repositories_close(r);
  execute("DROP", schema, "CASCADE");
}
