#include <string.h>

#include "driver.h"
#include "libvault/base/err.h"

/* Six bits for each of the five characters, as the server itself packs them. */
static int32_t pack(const char *state) {
  int32_t v = 0;
  for (int i = 0; i < 5 && state[i]; i++)
    v |= ((state[i] - '0') & 0x3f) << (6 * i);
  return v;
}

/* The longest prefix that fits comes first. Appendix A of the PostgreSQL manual. */
static vault_status class_of(const char *state) {
  static const struct {
    const char *prefix;
    vault_status status;
  } classes[] = {
    {"23505", VAULT_E_CONFLICT},  /* unique_violation */
    {"40001", VAULT_E_RETRY},     /* serialization_failure */
    {"40P01", VAULT_E_RETRY},     /* deadlock_detected */
    {"55P03", VAULT_E_RETRY},     /* lock_not_available */
    {"57014", VAULT_E_RETRY},     /* query_canceled: our statement timeout */
    {"57P0", VAULT_E_RETRY},      /* shutdown, crash, cannot connect now */
    {"25P03", VAULT_E_RETRY},     /* idle_in_transaction_session_timeout */
    {"26000", VAULT_E_RETRY},     /* a pooler gave us another session: its statements are gone */
    {"0A000", VAULT_E_RETRY},     /* a cached plan no longer fits after a change of the schema */
    {"08", VAULT_E_RETRY},        /* connection exceptions */
    {"53100", VAULT_E_NO_SPACE},  /* disk_full */
    {"53", VAULT_E_RETRY},        /* out of memory or connections over there */
    {"25006", VAULT_E_READ_ONLY}, /* read_only_sql_transaction: a standby */
    {"22021", VAULT_E_INPUT},     /* text that is not UTF-8, or with NUL */
    {"58", VAULT_E_IO},           /* system errors over there */
    {"XX001", VAULT_E_CORRUPT},   {"XX002", VAULT_E_CORRUPT},
  };
  for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
    if (strncmp(state, classes[i].prefix, strlen(classes[i].prefix)) == 0)
      return classes[i].status;
  return VAULT_E_INTERNAL;
}

/* These leave a session that must not be used again. */
static int is_stale(const char *state) {
  return strncmp(state, "26000", 5) == 0 || strncmp(state, "0A000", 5) == 0 ||
         strncmp(state, "57P0", 4) == 0 || strncmp(state, "08", 2) == 0 ||
         strncmp(state, "25P03", 5) == 0;
}

static void lose(vault__conn *c) {
  c->broken = 1;
  (void)pthread_mutex_lock(&c->db->mutex);
  if (c->generation == c->db->generation)
    c->db->generation++;
  (void)pthread_mutex_unlock(&c->db->mutex);
}

vault_status vault__pg_fail(vault__conn *c, const PGresult *r, int in_commit, const char *what,
                            vault_err *err) {
  const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
  int lost = !state || PQstatus(c->pg) != CONNECTION_OK;
  if (lost || is_stale(state))
    lose(c);
  vault_status s = state ? class_of(state) : VAULT_E_RETRY;
  if (lost && s != VAULT_E_NO_SPACE)
    s = VAULT_E_RETRY;
  if (in_commit && c->broken)
    s = VAULT_E_UNCERTAIN;
  /* The primary message names tables and columns; values are in the detail, which stays out. */
  const char *text = state ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  return vault__fail(err, s, VAULT_ORIGIN_DATABASE, state ? pack(state) : 0,
                     "the database refused %s: %s", what,
                     text ? text : "the connection was lost or the server does not answer");
}
