#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libvault/adapters/sys/keys_dir.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/sys.h"

#define NOW INT64_C(1790000000000)
#define GOOD "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static char base[64], dir[96];

static void setup(void) {
  (void)snprintf(base, sizeof base, "%s", "/tmp/vt_keys_XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(base));
  (void)snprintf(dir, sizeof dir, "%s/keys", base);
}

static void teardown(void) {
  char command[160];
  (void)snprintf(command, sizeof command, "rm -rf '%s'", base);
  ck_assert_int_eq(system(command), 0);
}

static vault_status load(int64_t now_ms, vault__keyring *ring, vault_err *err) {
  return vault__keys_dir_load(dir, now_ms, vault_sys_random(), NULL, ring, err);
}

static void put(const char *name, const char *text, mode_t mode) {
  char path[160];
  (void)snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  ck_assert_int_ge(fputs(text, f), 0);
  ck_assert_int_eq(fclose(f), 0);
  ck_assert_int_eq(chmod(path, mode), 0);
}

START_TEST(makes_what_is_missing_and_reads_it_again) {
  static const char *const names[] = {"limit", "otp", "outbox", "refresh", "token"};
  vault__keyring first, again;
  struct stat st;
  vt_ok(load(NOW, &first, NULL));
  ck_assert_uint_eq(first.n, 5);
  ck_assert_int_eq(stat(dir, &st), 0);
  ck_assert_uint_eq(st.st_mode & 0777, 0700);
  for (unsigned i = 0; i < 5; i++) {
    char path[160];
    ck_assert_str_eq(first.keys[i].name, names[i]);
    (void)snprintf(path, sizeof path, "%s/%s.%s.key", dir, names[i], first.keys[i].kid);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    for (unsigned k = 0; k < i; k++)
      ck_assert_int_ne(memcmp(first.keys[i].bytes, first.keys[k].bytes, VAULT__KEY_BYTES), 0);
  }
  vt_ok(load(NOW + 1000, &again, NULL));
  ck_assert_int_eq(memcmp(&first, &again, sizeof first), 0);
}
END_TEST

START_TEST(the_newest_makes_and_all_check) {
  vault__keyring ring;
  vt_ok(load(NOW, &ring, NULL));
  put("otp.000000000001.key", GOOD "\n", 0600);
  put("otp.ffffffffffff.key", GOOD, 0600);
  put("notes.txt", "not a key, and left alone", 0644);
  put(".new.otp.000000000002.key", "half", 0600);
  vt_ok(load(NOW, &ring, NULL));
  ck_assert_uint_eq(ring.n, 7);
  ck_assert_str_eq(vault__keyring_newest(&ring, "otp")->kid, "ffffffffffff");
  const vault__key *old = vault__keyring_find(&ring, "otp", "000000000001", 12);
  ck_assert_ptr_nonnull(old);
  ck_assert_uint_eq(old->bytes[31], 31);
  ck_assert_ptr_null(vault__keyring_find(&ring, "otp", "000000000001", 11));
  ck_assert_ptr_null(vault__keyring_find(&ring, "token", "000000000001", 12));
  ck_assert_ptr_null(vault__keyring_newest(&ring, "nothing"));
  char path[160];
  (void)snprintf(path, sizeof path, "%s/.new.otp.000000000002.key", dir);
  ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(refuses) {
  static const struct {
    const char *name, *text;
    mode_t mode;
  } bad[] = {
    {"otp.000000000001.key", GOOD, 0640},
    {"otp.000000000001.key", GOOD, 0604},
    {"otp.000000000001.key", "", 0600},
    {"otp.000000000001.key", "AAEC", 0600},
    {"otp.000000000001.key", GOOD "\n\n", 0600},
    {"otp.000000000001.key", GOOD "A", 0600},
    {"otp.000000000001.key", "!AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 0600},
    {"otp.key", GOOD, 0600},
    {"OTP.000000000001.key", GOOD, 0600},
    {"otp.00000000000x.key", GOOD, 0600},
    {"averyveryverylongname.00.key", GOOD, 0600},
    {"otp.000000000001000000000002.key", GOOD, 0600},
  };
  vault__keyring ring, before;
  memset(&ring, 0x5a, sizeof ring);
  before = ring;
  vault__keyring made;
  vt_ok(load(NOW, &made, NULL));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    vault_err err = VAULT_ERR_INIT;
    char path[160];
    put(bad[i].name, bad[i].text, bad[i].mode);
    vt_status(load(NOW, &ring, &err), VAULT_E_USAGE);
    ck_assert_ptr_nonnull(strstr(err.msg, bad[i].name));
    ck_assert_ptr_null(strstr(err.msg, "AAEC"));
    ck_assert_int_eq(memcmp(&ring, &before, sizeof ring), 0);
    (void)snprintf(path, sizeof path, "%s/%s", dir, bad[i].name);
    ck_assert_int_eq(unlink(path), 0);
  }
  ck_assert_int_eq(chmod(dir, 0750), 0);
  vt_status(load(NOW, &ring, NULL), VAULT_E_USAGE);
  ck_assert_int_eq(chmod(dir, 0700), 0);
  vt_ok(load(NOW, &ring, NULL));
}
END_TEST

START_TEST(refuses_links_and_places) {
  vault__keyring ring;
  vault_err err = VAULT_ERR_INIT;
  char path[160];
  vt_ok(load(NOW, &ring, NULL));
  (void)snprintf(path, sizeof path, "%s/otp.000000000001.key", dir);
  ck_assert_int_eq(symlink("elsewhere", path), 0);
  vt_status(load(NOW, &ring, NULL), VAULT_E_USAGE);
  ck_assert_int_eq(unlink(path), 0);
  ck_assert_int_eq(mkdir(path, 0700), 0);
  vt_status(load(NOW, &ring, NULL), VAULT_E_USAGE);
  (void)snprintf(path, sizeof path, "%s/no/parent", base);
  vt_status(vault__keys_dir_load(path, NOW, vault_sys_random(), NULL, &ring, &err), VAULT_E_IO);
  vt_status(vault__keys_dir_load("", NOW, vault_sys_random(), NULL, &ring, &err), VAULT_E_USAGE);
}
END_TEST

START_TEST(too_many_keys) {
  vault__keyring ring;
  vt_ok(load(NOW, &ring, NULL));
  for (unsigned i = 5; i < VAULT__KEYS_MAX; i++) {
    char name[64];
    (void)snprintf(name, sizeof name, "otp.%012x.key", i);
    put(name, GOOD, 0600);
  }
  vt_ok(load(NOW, &ring, NULL));
  put("otp.0000000000ff.key", GOOD, 0600);
  vt_status(load(NOW, &ring, NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(memory) {
  vault__keyring a, b;
  vt_ok(vault__keys_memory(NOW, vault_sys_random(), NULL, &a, NULL));
  vt_ok(vault__keys_memory(NOW, vault_sys_random(), NULL, &b, NULL));
  ck_assert_uint_eq(a.n, 5);
  ck_assert_int_ne(memcmp(a.keys[0].bytes, b.keys[0].bytes, VAULT__KEY_BYTES), 0);
  ck_assert_int_ne(access(dir, F_OK), 0);
}
END_TEST

static vault_status no_bytes(void *self, void *p, uint64_t n, vault_err *err) {
  (void)self, (void)p, (void)n, (void)err;
  return VAULT_E_IO;
}

START_TEST(no_randomness_no_key) {
  static const vault_random_ops broken = {sizeof broken, VAULT_RANDOM_V1, no_bytes, NULL};
  vault__keyring ring = {.n = 7};
  vt_status(vault__keys_dir_load(dir, NOW, &broken, NULL, &ring, NULL), VAULT_E_IO);
  vt_status(vault__keys_memory(NOW, &broken, NULL, &ring, NULL), VAULT_E_IO);
  ck_assert_uint_eq(ring.n, 7);
  vt_ok(load(NOW, &ring, NULL)); /* and the next start works */
}
END_TEST

static Suite *keys_suite(void) {
  const TTest *const tests[] = {makes_what_is_missing_and_reads_it_again,
                                the_newest_makes_and_all_check,
                                refuses,
                                refuses_links_and_places,
                                too_many_keys,
                                memory,
                                no_randomness_no_key,
                                NULL};
  Suite *suite = suite_create("keys");
  TCase *tcase = tcase_create("keys");
  tcase_add_checked_fixture(tcase, setup, teardown);
  for (const TTest *const *t = tests; *t; t++)
    tcase_add_test(tcase, *t);
  suite_add_tcase(suite, tcase);
  return suite;
}

VT_MAIN(keys_suite)
