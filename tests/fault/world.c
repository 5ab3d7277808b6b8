#include "world.h"

#include <stdio.h>
#include <string.h>

#include "libvault/adapters/sql/repository.h"
#include "libvault/usecases/handle.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/blob_fs.h"
#include "vault/adapters/blob_memory.h"
#include "vault/adapters/sqlite.h"

/* ---- clock and messages ---------------------------------------------------------------------- */

static int64_t now_ms(void *self) {
  return ((vt_world *)self)->now_ms;
}

static const vault_clock_ops clock_ops = {sizeof clock_ops, VAULT_CLOCK_V1, now_ms, now_ms, NULL};

static vault_status take_message(void *self, const vault_sms *m, vault_err *err) {
  vt_world *w = self;
  (void)err;
  memcpy(w->code, m->text.p + m->text.n - 6, 6);
  w->code[6] = 0;
  return VAULT_OK;
}

static const vault_sms_ops sms_ops = {sizeof sms_ops, VAULT_SMS_V1, take_message, NULL};

/* ---- making ------------------------------------------------------------------------------------ */

static vault_str text(const char *s) {
  return (vault_str){s, strlen(s)};
}

static void open_store(vt_world *w, const char *dir) {
  const vault_blob_store_ops *ops = NULL;
  void *self = NULL;
  if (dir) {
    (void)snprintf(w->storage, sizeof w->storage, "%s/storage", dir);
    vt_ok(vault_blob_fs_new(w->storage, strlen(w->storage), &w->alloc.alloc, &ops, &self, NULL));
  } else {
    vt_ok(vault_blob_memory_new(0, &w->alloc.alloc, &ops, &self, NULL));
  }
  w->blob_ops = vt_fault_blob_wrap(&w->blob, &w->fault, ops, self);
}

static void open_database(vt_world *w, const char *dir) {
  vault_sqlite_opts opts = {.size = sizeof opts, .readers = 1, .alloc = &w->alloc.alloc};
  (void)snprintf(w->database, sizeof w->database, dir ? "%s/vault.db" : ":memory:", dir);
  w->repos.size = sizeof w->repos;
  vt_ok(vault_sqlite_open(w->database, strlen(w->database), &opts, &w->repos, NULL));
  vault__repo *repo = vault__repositories_repo(&w->repos);
  repo->db = vt_fault_db_wrap(&w->db, &w->fault, repo->db);
}

void vt_world_make(vt_world *w, const char *dir) {
  memset(w, 0, sizeof *w);
  w->now_ms = VT_WORLD_START_MS;
  vt_fault_init(&w->fault);
  vt_fault_init(&w->alloc_fault);
  vt_fault_alloc_init(&w->alloc, &w->alloc_fault);
  open_store(w, dir);
  open_database(w, dir);
  w->sms_ops = vt_fault_sms_wrap(&w->sms, &w->fault, &sms_ops, w);
  if (dir)
    (void)snprintf(w->keys, sizeof w->keys, "dir:%s/keys", dir);
  w->config = (vault_config){
    .size = sizeof w->config,
    .keys = text(dir ? w->keys : "memory:"),
    .public_url = text("http://localhost"),
    .alloc = &w->alloc.alloc,
    .clock = &clock_ops,
    .clock_self = w,
    .sms_ops = w->sms_ops,
    .sms_self = &w->sms,
    .limiter = w->repos.limiter,
    .limiter_self = w->repos.limiter_self,
    .blobs = w->blob_ops,
    .blobs_self = &w->blob,
    .identity = w->repos.identity,
    .identity_self = w->repos.identity_self,
    .items = w->repos.items,
    .items_self = w->repos.items_self,
    .jobs = w->repos.jobs,
    .jobs_self = w->repos.jobs_self,
  };
}

/* The vault destroys the tables that it was given; ours live until vt_world_free, so that a
 * scenario can open it again. */
static vault_blob_store_ops kept_blobs;
static vault_sms_ops kept_sms;

vault_status vt_world_start(vt_world *w, vault_err *err) {
  kept_blobs = *w->blob_ops;
  kept_blobs.destroy = NULL;
  kept_sms = *w->sms_ops;
  kept_sms.destroy = NULL;
  w->config.blobs = &kept_blobs;
  w->config.sms_ops = &kept_sms;
  vault_status s = vault_open(&w->config, &w->v, err);
  /* The database is SQLite's own: vault_open would know if it had opened it by its URL. */
  if (s == VAULT_OK)
    w->v->caps |= VAULT_CAP_EXCLUSIVE;
  return s;
}

vault_status vt_world_sign_in(vt_world *w, vault_err *err) {
  vault_challenge challenge = {.size = sizeof challenge};
  vault_grant *grant = NULL;
  vault_principal who = {.size = sizeof who};
  vault_status s = vault_auth_request_code(w->v, VT_WORLD_PHONE, strlen(VT_WORLD_PHONE), NULL, 0,
                                           NULL, &challenge, err);
  if (s == VAULT_OK)
    s = vault_jobs_run(w->v, 1000, NULL, err);
  if (s == VAULT_OK)
    s = vault_auth_verify_code(w->v, challenge.token, strlen(challenge.token), w->code,
                               strlen(w->code), NULL, &grant, err);
  if (s != VAULT_OK)
    return s;
  vault_str token = vault_grant_get(grant)->access_token;
  s = vault_auth_authenticate(w->v, token.p, token.n, NULL, 0, &who, err);
  vault_grant_free(grant);
  if (s == VAULT_OK)
    w->who = who;
  return s;
}

void vt_world_calm(vt_world *w) {
  vt_fault_arm(&w->fault, VT_FAULT_NONE, 0, VAULT_E_IO);
  vt_fault_arm(&w->alloc_fault, VT_FAULT_NONE, 0, VAULT_E_NO_MEMORY);
}

void vt_world_later(vt_world *w, int64_t ms) {
  vault_jobs_report report = {.size = sizeof report};
  w->now_ms += ms;
  for (int round = 0; round < 8; round++) {
    vt_ok(vault_jobs_run(w->v, 10000, &report, NULL));
    ck_assert_uint_eq(report.failed, 0);
    if (report.ran == 0)
      return;
  }
}

void vt_world_check(vt_world *w) {
  vault_check_report r = {.size = sizeof r};
  vt_ok(vault_admin_check(w->v, 0, &r, NULL));
  ck_assert_msg(r.missing == 0 && r.wrong_size == 0, "%llu blobs are missing, %llu of a wrong size",
                (unsigned long long)r.missing, (unsigned long long)r.wrong_size);
  ck_assert_msg(r.ledgers == 0, "a ledger differs from its rows");
  ck_assert_msg(r.orphans == 0, "%llu blobs have no row", (unsigned long long)r.orphans);
}

void vt_world_free(vt_world *w) {
  vt_world_calm(w);
  vt_ok(vault_close(w->v, NULL));
  vault_repositories_close(&w->repos);
  w->blob_ops->destroy(&w->blob);
  ck_assert_msg(vt_fault_alloc_live(&w->alloc) == 0, "%llu blocks of memory are left",
                (unsigned long long)vt_fault_alloc_live(&w->alloc));
  vt_fault_alloc_free(&w->alloc);
  vt_fault_free(&w->alloc_fault);
  vt_fault_free(&w->fault);
}
