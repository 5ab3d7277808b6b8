#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "tests/support/vt_main.h"

#define NO_ENV NULL

static vd_config *cfg;
static char err[VD_CONFIG_ERR];

static void setup(void) {
  cfg = vd_config_new();
  ck_assert_ptr_nonnull(cfg);
  err[0] = '\0';
}

static int load(const char *flag, const char *const *env) {
  const char *flags[] = {flag};
  int rc;
  setup();
  rc = vd_config_load(cfg, flags, flag != NULL ? 1 : 0, env, err);
  return rc;
}

/* Load a file with this content; the path is gone afterwards. */
static int load_file(const char *text, const char *const *env) {
  char path[] = "/tmp/vt_config_XXXXXX", flag[64];
  int fd = mkstemp(path), rc;
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  (void)close(fd);
  (void)snprintf(flag, sizeof flag, "--config=%s", path);
  rc = load(flag, env);
  (void)unlink(path);
  return rc;
}

static uint32_t codes_per_hour(void) {
  vault_settings s;
  vd_config_settings(cfg, &s);
  return s.codes_per_hour;
}

static void fails(int rc, const char *part) {
  ck_assert_int_eq(rc, -1);
  ck_assert_msg(strstr(err, part) != NULL, "\"%s\" is not in \"%s\"", part, err);
  vd_config_free(cfg);
}

START_TEST(defaults) {
  vault_settings s;
  vd_http_config h;
  ck_assert_int_eq(load(NULL, NO_ENV), 0);
  ck_assert_str_eq(vd_config_text(cfg, VD_KEY_DATA), "/var/lib/vaultd");
  ck_assert_str_eq(vd_config_text(cfg, VD_KEY_DATABASE), "sqlite:/var/lib/vaultd/vault.db");
  ck_assert_str_eq(vd_config_text(cfg, VD_KEY_STORAGE), "file:/var/lib/vaultd/storage");
  ck_assert_str_eq(vd_config_text(cfg, VD_KEY_KEYS), "/var/lib/vaultd/keys");
  ck_assert_str_eq(vd_config_text(cfg, VD_KEY_LISTEN), "127.0.0.1:8080");
  vd_config_settings(cfg, &s);
  ck_assert_uint_eq(s.quota_bytes, VAULT_DEFAULT_QUOTA_BYTES);
  ck_assert_int_eq(s.op_memory_ms, VAULT_DEFAULT_OP_MEMORY_MS);
  ck_assert_uint_eq(s.wal_bytes, VAULT_DEFAULT_WAL_BYTES);
  ck_assert_uint_eq(s.dial_codes.n, 2);
  ck_assert_uint_eq(s.verify_reads, 0);
  vd_config_http(cfg, &h);
  ck_assert_uint_eq(h.workers, 4);
  vd_config_free(cfg);
}
END_TEST

START_TEST(later_wins) {
  const char *env[] = {"HOME=/", "VAULT_LIMITS_CODES_PER_HOUR=7", NULL};
  const char *ini = "data = /d\n[limits]\ncodes_per_hour = 6 ; a comment\ncodes_per_day = 9\n";
  ck_assert_int_eq(load_file(ini, NO_ENV), 0);
  ck_assert_uint_eq(codes_per_hour(), 6);
  ck_assert_str_eq(vd_config_text(cfg, VD_KEY_DATABASE), "sqlite:/d/vault.db");
  vd_config_free(cfg);
  ck_assert_int_eq(load_file(ini, env), 0);
  ck_assert_uint_eq(codes_per_hour(), 7);
  vd_config_free(cfg);
  ck_assert_int_eq(load("--limits-codes_per_hour=8", env), 0);
  ck_assert_uint_eq(codes_per_hour(), 8);
  vd_config_free(cfg);
}
END_TEST

START_TEST(units) {
  vault_settings s;
  ck_assert_int_eq(load("--quota-bytes=20GiB", NO_ENV), 0);
  vd_config_settings(cfg, &s);
  ck_assert_uint_eq(s.quota_bytes, UINT64_C(20) << 30);
  vd_config_free(cfg);
  ck_assert_int_eq(load("--auth-code-ttl-ms=90 s", NO_ENV), 0);
  vd_config_settings(cfg, &s);
  ck_assert_uint_eq(s.code_ttl_ms, 90000);
  vd_config_free(cfg);
}
END_TEST

/* A word that is a number in the settings: its place among the choices. */
START_TEST(words_of_settings) {
  static const char *const words[] = {"off", "on"};
  char flag[64];
  vault_settings s;
  for (uint32_t i = 0; i < 2; i++) {
    (void)snprintf(flag, sizeof flag, "--storage-verify-reads=%s", words[i]);
    ck_assert_int_eq(load(flag, NO_ENV), 0);
    vd_config_settings(cfg, &s);
    ck_assert_uint_eq(s.verify_reads, i);
    vd_config_free(cfg);
  }
  fails(load("--storage-verify-reads=1", NO_ENV), "off|on");
  ck_assert_int_eq(load_file("storage = file:/s\n[storage]\nverify_reads = on\n", NO_ENV), 0);
  vd_config_settings(cfg, &s);
  ck_assert_uint_eq(s.verify_reads, 1);
  ck_assert_str_eq(vd_config_text(cfg, VD_KEY_STORAGE), "file:/s");
  vd_config_free(cfg);
}
END_TEST

START_TEST(unknown_keys) {
  const char *env[] = {"VAULT_LIMITS_CODE_PER_HOUR=7", NULL};
  const char *far[] = {"VAULT_SOMETHING_ELSE=7", NULL};
  fails(load(NULL, env), "VAULT_LIMITS_CODES_PER_HOUR");
  fails(load(NULL, far), "VAULT_SOMETHING_ELSE");
  fails(load("--lisen=1", NO_ENV), "--listen");
  fails(load_file("[quota]\nbites = 5\n", NO_ENV),
        ":2: unknown key \"quota.bites\"; did you mean \"quota.bytes\"");
  fails(load_file("[limit]\ncodes_per_hour = 5\n", NO_ENV), "limits.codes_per_hour");
}
END_TEST

START_TEST(bad_values) {
  const char *zero[] = {"VAULT_LIMITS_CODES_PER_HOUR=0", NULL};
  fails(load(NULL, zero), "1 to 1000000");
  fails(load("--http-workers=many", NO_ENV), "1 to 256");
  fails(load("--http-workers=-1", NO_ENV), "1 to 256");
  fails(load("--quota-bytes=99999999999999999999", NO_ENV), "KiB");
  fails(load("--quota-bytes=20000000TiB", NO_ENV), "--quota-bytes");
  fails(load("--log-level=loud", NO_ENV), "debug|info|warn|error");
  fails(load("--listen=8080", NO_ENV), "HOST:PORT");
  fails(load("--listen=127.0.0.1:70000", NO_ENV), "HOST:PORT");
  fails(load("--public-url=ftp://x", NO_ENV), "http(s)://");
  fails(load("--public-url=https://x/y", NO_ENV), "nothing behind");
  fails(load("--listen", NO_ENV), "needs a value");
  fails(load("--data=", NO_ENV), "directory");
  fails(load("--data=/a\nb", NO_ENV), "control");
}
END_TEST

START_TEST(bad_files) {
  char longer[6000];
  memset(longer, 'x', sizeof longer);
  memcpy(longer, "data = /", 8);
  longer[sizeof longer - 1] = '\0';
  fails(load("--config=/nonexistent/vaultd.ini", NO_ENV), "cannot read");
  fails(load_file("what is this\n", NO_ENV), ":1:");
  fails(load_file("data = /a\ndata = /b\n", NO_ENV), "second time");
  fails(load_file("config = /a\n", NO_ENV), "another one");
  fails(load_file(longer, NO_ENV), "too long");
}
END_TEST

START_TEST(show_masks_passwords) {
  const char *env[] = {"VAULT_DATABASE=postgresql://u:hunter2@db/v?password=hunter3&x=1", NULL};
  char *text = NULL;
  size_t n = 0;
  FILE *out = open_memstream(&text, &n);
  ck_assert_int_eq(load("--limits-codes-per-day=11", env), 0);
  vd_config_show(cfg, out);
  (void)fclose(out);
  ck_assert_ptr_null(strstr(text, "hunter"));
  ck_assert_ptr_nonnull(
    strstr(text,
           "database = postgresql://u:***@db/v?password=***&x=1  (environment VAULT_DATABASE)\n"));
  ck_assert_ptr_nonnull(strstr(text, "limits.codes_per_day = 11  (flag --limits-codes-per-day)\n"));
  ck_assert_ptr_nonnull(strstr(text, "quota.bytes = 16106127360  (default)\n"));
  free(text);
  vd_config_free(cfg);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {defaults,          later_wins,           units,
                                words_of_settings, unknown_keys,         bad_values,
                                bad_files,         show_masks_passwords, NULL};
  return vt_suite("config", tests);
}

VT_MAIN(suite)
