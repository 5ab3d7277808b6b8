/* Opening a vault: every configuration that open.h refuses, and what closing leaves. */
#include <string.h>

#include "tests/support/vt_files.h"

static vt_world *w;

static void setup(void) {
  w = vt_vault_open(NULL);
}

static void teardown(void) {
  vt_vault_close(w);
}

/* A vault in memory of its own, whatever database the world has. */
static vault_config config(void) {
  return (vault_config){.size = sizeof(vault_config),
                        .database = {"sqlite::memory:", 15},
                        .storage = {"memory:", 7},
                        .sms = {"none:", 5},
                        .keys = {"memory:", 7},
                        .public_url = {VT_URL, strlen(VT_URL)}};
}

static void refused(const vault_config *c, vault_status want) {
  vault *v = NULL;
  vault_err err = VAULT_ERR_INIT;
  vt_status(vault_open(c, &v, &err), want);
  ck_assert_ptr_null(v);
  ck_assert(err.status == want && err.msg[0]);
}

START_TEST(opens_and_closes) {
  vault *v = NULL;
  vault_config c = config();
  vt_ok(vault_open(&c, &v, NULL));
  ck_assert_uint_ne(vault_caps(v) & VAULT_CAP_EXCLUSIVE, 0);
  ck_assert_uint_eq(vault_settings_get(v)->code_ttl_ms, VAULT_DEFAULT_CODE_TTL_MS);
  vt_ok(vault_ping(v, NULL));
  vt_ok(vault_close(v, NULL));
  vt_ok(vault_close(NULL, NULL));
  vt_status(vault_ping(NULL, NULL), VAULT_E_USAGE);
  ck_assert_ptr_null(vault_settings_get(NULL));
  ck_assert_uint_eq(vault_caps(NULL), 0);
}
END_TEST

START_TEST(refuses_what_it_cannot_use) {
  static const vault_str bad = {"nothing:", 8}, none = {NULL, 0};
  vault_config c = config();
  refused(NULL, VAULT_E_USAGE);
  c.size = 8;
  refused(&c, VAULT_E_USAGE);
  c = config();
  vt_status(vault_open(&c, NULL, NULL), VAULT_E_USAGE);
  vault_str *const fields[] = {&c.database, &c.storage, &c.sms, &c.keys, &c.public_url};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    c = config();
    *fields[i] = bad;
    refused(&c, VAULT_E_USAGE);
    *fields[i] = none;
    refused(&c, VAULT_E_USAGE);
  }
  vault_settings settings = {.size = sizeof settings, .code_attempts = UINT32_MAX};
  c = config();
  c.settings = &settings;
  refused(&c, VAULT_E_USAGE);
}
END_TEST

START_TEST(log_of_sqlite_has_limits) {
  static const struct {
    uint64_t bytes;
    vault_status s;
  } cases[] = {{(1u << 20) - 1, VAULT_E_USAGE},
               {1u << 20, VAULT_OK},
               {1u << 30, VAULT_OK},
               {(1u << 30) + 1, VAULT_E_USAGE}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    vault *other = NULL;
    vault_settings settings = {.size = sizeof settings, .wal_bytes = cases[i].bytes};
    vault_config c = config();
    c.settings = &settings;
    vt_status(vault_open(&c, &other, NULL), cases[i].s);
    vt_ok(vault_close(other, NULL));
  }
}
END_TEST

START_TEST(refuses_half_a_table) {
  vault_clock_ops clock = *w->config.clock;
  vault_config c = config();
  clock.now_ms = NULL;
  c.clock = &clock;
  refused(&c, VAULT_E_OPS);
  clock = *w->config.clock;
  clock.version = 99;
  refused(&c, VAULT_E_OPS);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {opens_and_closes, refuses_what_it_cannot_use,
                                log_of_sqlite_has_limits, refuses_half_a_table, NULL};
  return vt_suite_with("open", tests, setup, teardown);
}

VT_MAIN(suite)
