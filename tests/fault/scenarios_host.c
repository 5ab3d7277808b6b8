/* Opening, the operator's calls, and the constructors of the adapters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/blob_fs.h"
#include "vault/adapters/blob_memory.h"
#include "vault/adapters/postgres.h"
#include "vault/adapters/sms.h"
#include "vault/adapters/sqlite.h"
#include "vault/adapters/sys.h"

static vault_status act_open(vt_world *w) {
  vault_status s = vt_world_start(w, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(w->v);
    return s;
  }
  ck_assert_uint_ne(vault_caps(w->v) & VAULT_CAP_EXCLUSIVE, 0);
  ck_assert_uint_eq(vault_settings_get(w->v)->code_attempts, VAULT_DEFAULT_CODE_ATTEMPTS);
  s = vault_ping(w->v, NULL);
  vt_ok(vault_close(w->v, NULL));
  w->v = NULL;
  return s;
}

static vault_status act_admin(vt_world *w) {
  vault_users *users = NULL, *one = NULL, *same = NULL;
  uint64_t n = 0, revoked = 0;
  vault_status s = vault_admin_users(w->v, NULL, 0, &users, NULL);
  ck_assert(s == VAULT_OK || users == NULL);
  if (s == VAULT_OK)
    s = vault_admin_find_user(w->v, "05321234567", 11, &one, NULL);
  if (s == VAULT_OK) {
    const vault_user_view *row = vault_users_rows(users, &n, NULL);
    ck_assert(n == 1 && row->phone.n == strlen(VT_WORLD_PHONE));
    ck_assert_mem_eq(&row->id, &vault_users_rows(one, NULL, NULL)->id, sizeof row->id);
    s = vault_admin_get_user(w->v, &row->id, &same, NULL);
    ck_assert(s == VAULT_OK || same == NULL);
    if (s == VAULT_OK) {
      ck_assert_mem_eq(&row->id, &vault_users_rows(same, NULL, NULL)->id, sizeof row->id);
      s = vault_admin_set_quota(w->v, &row->id, 1000000, NULL);
    }
    if (s == VAULT_OK)
      s = vault_admin_revoke_sessions(w->v, &row->id, &revoked, NULL);
    if (s == VAULT_OK)
      s = vault_admin_set_disabled(w->v, &row->id, 1, NULL);
    if (s == VAULT_OK)
      s = vault_admin_set_disabled(w->v, &row->id, 0, NULL);
  }
  vault_users_free(same);
  vault_users_free(one);
  vault_users_free(users);
  return s;
}

static vault_status act_check(vt_world *w) {
  vault_check_report r = {.size = sizeof r};
  vault_status s = vault_admin_check(w->v, VAULT_CHECK_REPAIR, &r, NULL);
  if (s == VAULT_OK)
    ck_assert(r.users == 1 && r.missing == 0 && r.ledgers == 0);
  else
    ck_assert_uint_eq(r.users, 0);
  return s;
}

static vault_status act_jobs(vt_world *w) {
  vault_jobs_report report = {.size = sizeof report};
  w->now_ms += INT64_C(2) * 86400000;
  vault_status s = vault_jobs_run(w->v, 10000, &report, NULL);
  return s == VAULT_OK && report.failed ? VAULT_E_RETRY : s;
}

/* ---- constructors ---------------------------------------------------------------------------- */

static vault_status make_stores(const vault_alloc *a, const char *dir) {
  const vault_blob_store_ops *ops = NULL;
  void *self = NULL;
  vault_status s = vault_blob_fs_new(dir, strlen(dir), a, &ops, &self, NULL);
  if (s == VAULT_OK)
    ops->destroy(self);
  else
    return s;
  s = vault_blob_memory_new(0, a, &ops, &self, NULL);
  if (s == VAULT_OK)
    ops->destroy(self);
  return s;
}

static vault_status make_senders(const vault_alloc *a, const char *dir) {
  const vault_sms_ops *ops = NULL;
  void *self = NULL;
  char path[300];
  (void)snprintf(path, sizeof path, "%s/sms", dir);
  vault_status s = vault_sms_console_new(STDERR_FILENO, a, &ops, &self, NULL);
  if (s == VAULT_OK)
    ops->destroy(self);
  else
    return s;
  s = vault_sms_file_new(path, strlen(path), a, &ops, &self, NULL);
  if (s == VAULT_OK)
    ops->destroy(self);
  (void)unlink(path);
  return s;
}

/* There is no server behind this address: the call must fail cleanly, whatever else fails. */
static vault_status make_databases(const vault_alloc *a) {
  vault_repositories r = {.size = sizeof r};
  vault_sqlite_opts lite = {.size = sizeof lite, .alloc = a};
  vault_postgres_opts pg = {.size = sizeof pg, .alloc = a, .wait_ms = 100};
  const char *nowhere = "host=/nonexistent-vault-test dbname=x";
  vault_status s = vault_sqlite_open(":memory:", 8, &lite, &r, NULL);
  if (s != VAULT_OK)
    return s;
  vault_repositories_close(&r);
  r = (vault_repositories){.size = sizeof r};
  s = vault_postgres_open(nowhere, strlen(nowhere), &pg, &r, NULL);
  ck_assert_int_ne(s, VAULT_OK);
  return s == VAULT_E_NO_MEMORY ? s : VAULT_OK;
}

static vault_status act_adapters(vt_world *w) {
  char dir[] = "/tmp/vault-torture-XXXXXX";
  const vault_alloc *a = &w->alloc.alloc;
  uint8_t bytes[4];
  ck_assert_ptr_nonnull(mkdtemp(dir));
  ck_assert_int_gt(vault_sys_clock()->now_ms(NULL), VT_WORLD_START_MS);
  vt_ok(vault_sys_random()->bytes(NULL, bytes, sizeof bytes, NULL));
  vault_status s = make_stores(a, dir);
  if (s == VAULT_OK)
    s = make_senders(a, dir);
  if (s == VAULT_OK)
    s = make_databases(a);
  ck_assert_int_eq(rmdir(dir), 0);
  return s;
}

/* Functions that touch no port and no memory. */
static vault_status act_pure(vt_world *w) {
  char id_text[VAULT_ID_TEXT], path[VAULT_BLOB_PATH_MAX];
  vault_id id;
  vault_blob_key back;
  vault_blob_key key = {.user = w->who.user,
                        .blob = w->who.user,
                        .space = VAULT_SPACE_PHOTOS,
                        .ext = ".jpg"};
  vault_id_format(&w->who.user, id_text);
  vt_ok(vault_id_parse(id_text, strlen(id_text), &id));
  ck_assert_mem_eq(&id, &w->who.user, sizeof id);
  vt_ok(vault_blob_key_path(&key, path, NULL));
  vt_ok(vault_blob_key_parse(path, strlen(path), &back, NULL));
  ck_assert_str_eq(back.ext, ".jpg");
  ck_assert_int_eq(vault_status_class(VAULT_E_QUOTA), VAULT_CLASS_LIMIT);
  ck_assert_str_eq(vault_status_code(VAULT_E_QUOTA), "quota_exceeded");
  ck_assert_uint_gt(strlen(vault_status_text(VAULT_E_QUOTA)), 10);
  ck_assert_uint_eq(vault_admin_damaged_reads(w->v), 0);
  ck_assert_str_eq(vault_version(), VAULT_VERSION);
  ck_assert_uint_eq(vault_version_number(), VAULT_VERSION_NUMBER);
  return VAULT_OK;
}

/* Descriptors exist only where the store has them; what is in memory is given at once. */
static vault_status act_fd(vt_world *w) {
  vault_reader *r = NULL;
  vault_id item;
  vault_str bytes = {NULL, 0};
  int32_t fd = -2;
  vault_status s = vt_put(w, "fd.txt", "x", &item);
  if (s == VAULT_OK)
    s = vault_read_open(w->v, &w->who, &item, NULL, 0, VAULT_TO_END, &r, NULL);
  if (s != VAULT_OK)
    return s;
  vt_ok(vault_read_inline(r, &bytes, NULL));
  s = vault_read_fd(r, &fd, NULL);
  if (s == VAULT_OK)
    ck_assert_int_eq(fd >= 0, !bytes.p && (vault_caps(w->v) & VAULT_CAP_FILE_READS) != 0);
  else
    ck_assert_int_eq(fd, -2);
  vault_reader_free(r);
  return s;
}

const vt_scenario vt_host_scenarios[] = {
  {"open and close", NULL, act_open, NULL, 1},
  {"operator's calls", NULL, act_admin, NULL, 0},
  {"check", NULL, act_check, NULL, 0},
  {"jobs", NULL, act_jobs, NULL, 0},
  {"constructors of adapters", NULL, act_adapters, NULL, 0},
  {"pure functions", NULL, act_pure, NULL, 0},
  {"descriptor of a download", NULL, act_fd, NULL, 0},
};
const int vt_n_host_scenarios = sizeof vt_host_scenarios / sizeof *vt_host_scenarios;
