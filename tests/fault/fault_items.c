/* The items repository when the database fails at call 1, 2, ... N: a member of a commit
 * that is answered OK is there, one that is not answered OK left nothing (or is UNCERTAIN
 * and says so), the ledger is what the rows say, and asking again works. */
#include <stdio.h>
#include <stdlib.h>

#include "libvault/adapters/sql/repository.h"
#include "tests/contract/items_fixture.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/sqlite.h"
#include "vt_fault.h"

/* One database below the wrapper. */
typedef struct rig {
  vault_repositories r;
  vt_fault fault, alloc_fault;
  vt_fault_alloc alloc;
  vt_fault_db wrapper;
  char watched[32]; /* trace: remember where this call was */
  uint64_t at;
} rig;

static void trace(void *user, uint64_t n, const char *call) {
  rig *g = user;
  if (g->at == 0 && strcmp(call, g->watched) == 0)
    g->at = n;
}

static void make(const vt_adapter *a, vt_instance *out) {
  (void)a;
  rig *g = calloc(1, sizeof *g);
  ck_assert_ptr_nonnull(g);
  g->r.size = sizeof g->r;
  vt_fault_init(&g->fault);
  vt_fault_init(&g->alloc_fault);
  vt_fault_alloc_init(&g->alloc, &g->alloc_fault);
  vault_sqlite_opts o = {.size = sizeof o, .alloc = &g->alloc.alloc};
  vt_ok(vault_sqlite_open(":memory:", 8, &o, &g->r, NULL));
  vault__repo *repo = vault__repositories_repo(&g->r);
  repo->db = vt_fault_db_wrap(&g->wrapper, &g->fault, repo->db);
  g->fault.trace = trace;
  g->fault.trace_user = g;
  out->ops = &g->r;
  out->ctx = g;
}

static void destroy(const vt_adapter *a, vt_instance *i) {
  (void)a;
  rig *g = i->ctx;
  vault_repositories_close(&g->r);
  ck_assert_uint_eq(vt_fault_alloc_live(&g->alloc), 0);
  vt_fault_alloc_free(&g->alloc);
  vt_fault_free(&g->alloc_fault);
  vt_fault_free(&g->fault);
  free(g);
}

static const vt_adapter faulty = {.name = "faulty", .make = make, .destroy = destroy};

static void disarm(rig *g) {
  vt_fault_arm(&g->fault, VT_FAULT_NONE, 0, VAULT_E_IO);
  vt_fault_arm(&g->alloc_fault, VT_FAULT_NONE, 0, VAULT_E_NO_MEMORY);
}

/* ---- one batch ------------------------------------------------------------------------- */

#define MEMBERS 5u

typedef struct scene {
  vt_items f;
  rig *g;
  vault_id users[2];
  vt_path paths[MEMBERS];
  vault_commit_item m[MEMBERS];
  vault_commit_result r[MEMBERS];
  vault_status returned;
} scene;

/* Two users; a new file in a new folder, a version, the end of an upload, bytes that are
 * there already, and one that breaks a rule. */
static void scene_make(scene *s) {
  static const char *const at[MEMBERS] = {"new/file", "old", "end", "same", "OLD"};
  vt_items_open(&s->f, vt_adapter_add(&faulty));
  s->g = s->f.instance.ctx;
  s->users[0] = s->f.user;
  s->users[1] = vt_items_user(&s->f, VT_QUOTA_BYTES);
  for (unsigned i = 0; i < MEMBERS; i++) {
    s->f.user = s->users[i % 2];
    vt_path_set(&s->paths[i], at[i]);
    vt_commit_item(&s->f, &s->m[i], &s->paths[i], 10, 100 + i);
  }
  for (unsigned i = 0; i < 2; i++) {
    s->f.user = s->users[i];
    (void)vt_file(&s->f, "old", 5, 1);
    (void)vt_file(&s->f, "same", 10, 103);
  }
  s->f.user = s->users[0];
  vault_upload_row row = vt_upload_row(&s->f, 10);
  vt_ok(vt_begin(&s->f, &row, "end"));
  s->m[2].kind = VAULT_COMMIT_FINISH;
  s->m[2].upload = row.id;
  s->m[2].blob = row.blob;
  disarm(s->g);
}

static void scene_commit(scene *s) {
  memset(s->r, 0, sizeof s->r);
  s->returned = s->f.ops->commit(s->f.self, s->m, MEMBERS, s->r, &s->f.err);
  disarm(s->g);
}

static int is_there(scene *s, unsigned i) {
  vault_item_row row;
  s->f.user = s->users[i % 2];
  vault_status st = s->f.ops->find_item(s->f.self, &s->f.user, VAULT_SPACE_FILES, &vt_root,
                                        s->paths[i].names, s->paths[i].n, &row, NULL);
  return st == VAULT_OK && memcmp(row.sha256, s->m[i].sha256, sizeof row.sha256) == 0;
}

/* Statuses are true, the books balance, and a second try makes what is missing. */
static void scene_check(scene *s) {
  for (unsigned i = 0; i + 1 < MEMBERS; i++) {
    vault_status st = s->returned == VAULT_OK ? s->r[i].status : s->returned;
    if (i != 3 && st != VAULT_E_UNCERTAIN)
      ck_assert_msg(is_there(s, i) == (st == VAULT_OK), "member %u: %s", i, vault_status_code(st));
  }
  for (unsigned i = 0; i < 2; i++) {
    s->f.user = s->users[i];
    vt_balanced(&s->f);
  }
  scene_commit(s);
  vt_ok(s->returned);
  for (unsigned i = 0; i < MEMBERS; i++)
    vt_status(s->r[i].status, i == 4 ? VAULT_E_NAME_TAKEN : VAULT_OK);
  for (unsigned i = 0; i < 2; i++) {
    s->f.user = s->users[i];
    vt_balanced(&s->f);
    ck_assert_uint_eq(vt_usage(&s->f).partial_bytes, 0);
  }
  vt_items_close(&s->f);
}

static uint64_t commit_at(void) {
  scene s;
  scene_make(&s);
  s.g->at = 0;
  (void)snprintf(s.g->watched, sizeof s.g->watched, "db.commit");
  scene_commit(&s);
  uint64_t at = s.g->at;
  ck_assert_uint_gt(at, 0);
  scene_check(&s);
  return at;
}

static void run_lost(vt_fault_mode mode, scene *s) {
  uint64_t at = commit_at();
  scene_make(s);
  vt_fault_arm(&s->g->fault, mode, at, VAULT_E_UNCERTAIN);
  scene_commit(s);
  vt_ok(s->returned);
}

START_TEST(lost_commit_is_found_durable) {
  scene s;
  run_lost(VT_FAULT_LOST, &s);
  static const uint32_t want[] = {VAULT_OUTCOME_CREATED, VAULT_OUTCOME_VERSION,
                                  VAULT_OUTCOME_CREATED, VAULT_OUTCOME_SAME};
  for (unsigned i = 0; i < 4; i++) {
    vt_ok(s.r[i].status);
    ck_assert_uint_eq(s.r[i].outcome, want[i]);
  }
  vt_status(s.r[4].status, VAULT_E_NAME_TAKEN);
  scene_check(&s);
}
END_TEST

START_TEST(lost_commit_is_found_undone) {
  scene s;
  run_lost(VT_FAULT_ONCE, &s);
  for (unsigned i = 0; i < 4; i++)
    vt_status(s.r[i].status, VAULT_E_RETRY);
  vt_status(s.r[4].status, VAULT_E_NAME_TAKEN);
  scene_check(&s);
}
END_TEST

START_TEST(lost_commit_that_cannot_be_looked_up) {
  scene s;
  run_lost(VT_FAULT_FROM, &s);
  for (unsigned i = 0; i < 4; i++)
    vt_status(s.r[i].status, VAULT_E_UNCERTAIN);
  vt_status(s.r[4].status, VAULT_E_NAME_TAKEN);
  scene_check(&s);
}
END_TEST

/* Every call fails once: nothing happened but for that member's answer. */
static void torture(vt_fault_mode mode, vault_status status) {
  for (uint64_t k = 1;; k++) {
    scene s;
    scene_make(&s);
    vt_fault_arm(&s.g->fault, mode, k, status);
    memset(s.r, 0, sizeof s.r);
    s.returned = s.f.ops->commit(s.f.self, s.m, MEMBERS, s.r, &s.f.err);
    uint64_t hits = vt_fault_hits(&s.g->fault);
    disarm(s.g);
    scene_check(&s);
    if (hits == 0)
      return;
  }
}

START_TEST(commit_fails_at_any_call) {
  torture(VT_FAULT_ONCE, VAULT_E_IO);
  torture(VT_FAULT_ONCE, VAULT_E_RETRY);
  torture(VT_FAULT_FROM, VAULT_E_IO);
}
END_TEST

START_TEST(commit_without_memory) {
  uint64_t hits = 1;
  for (uint64_t k = 1; hits; k++) {
    scene s;
    scene_make(&s);
    vt_fault_arm(&s.g->alloc_fault, VT_FAULT_ONCE, k, VAULT_E_NO_MEMORY);
    memset(s.r, 0, sizeof s.r);
    s.returned = s.f.ops->commit(s.f.self, s.m, MEMBERS, s.r, &s.f.err);
    hits = vt_fault_hits(&s.g->alloc_fault);
    disarm(s.g);
    scene_check(&s);
  }
}
END_TEST

/* ---- the other methods -------------------------------------------------------------------- */

typedef struct tools {
  vt_items f;
  rig *g;
  vault_id folder, file, gone;
  vault_upload_row upload;
} tools;

static vault_status do_folder(tools *t) {
  return vt_make(&t->f, &t->folder, "sub", NULL);
}
static vault_status do_move(tools *t) {
  return vt_move(&t->f, &t->file, &vt_root, "moved");
}
static vault_status do_trash(tools *t) {
  return vt_trash(&t->f, &t->folder);
}
static vault_status do_restore(tools *t) {
  return vt_restore(&t->f, &t->gone);
}
static vault_status do_purge(tools *t) {
  return vt_purge(&t->f, &t->gone);
}
static vault_status do_begin(tools *t) {
  vault_upload_row row = vt_upload_row(&t->f, 7);
  return vt_begin(&t->f, &row, "x/y");
}
static vault_status do_grow(tools *t) {
  return t->f.ops->grow_upload(t->f.self, &t->f.user, &t->upload.id, 0, 9, &t->f.err);
}
static vault_status do_lease(tools *t) {
  vault_upload_row row;
  return t->f.ops->lease_upload(t->f.self, &t->f.user, &t->upload.id, VAULT_FENCE_ANY, t->upload.owner, &row,
                                NULL, &t->f.err);
}
static vault_status do_length(tools *t) {
  return t->f.ops->set_length(t->f.self, &t->f.user, &t->upload.id, 0, 99, &t->f.err);
}
static vault_status do_save(tools *t) {
  static const uint8_t states[2 * VAULT_CHAIN_STATE];
  vault_upload_save save = {.size = sizeof save,
                            .user = t->f.user,
                            .upload = t->upload.id,
                            .offset = 3 * VAULT_CHAIN_STEP,
                            .blob = t->upload.blob.blob,
                            .chain = {1, 2, states}};
  return t->f.ops->save_offset(t->f.self, &save, &t->f.err);
}
static vault_status do_abort(tools *t) {
  return t->f.ops->abort_upload(t->f.self, &t->f.user, &t->upload.id, 0, &t->f.err);
}

static void tools_make(tools *t) {
  vt_items_open(&t->f, vt_adapter_add(&faulty));
  t->g = t->f.instance.ctx;
  t->file = vt_file(&t->f, "dir/file", 10, 1);
  vault_item_row row = vt_get(&t->f, &t->file);
  t->folder = row.parent;
  t->gone = vt_file(&t->f, "dir/gone", 20, 2);
  vt_ok(vt_trash(&t->f, &t->gone));
  t->upload = vt_upload_row(&t->f, 30);
  vt_ok(vt_begin(&t->f, &t->upload, "up"));
  disarm(t->g);
}

static int same_books(const vault_usage_row *a, const vault_usage_row *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

static void method_torture(vault_status (*call)(tools *)) {
  uint64_t hits = 1;
  for (uint64_t k = 1; hits; k++) {
    tools t;
    tools_make(&t);
    vault_usage_row before = vt_usage(&t.f);
    vt_fault_arm(&t.g->fault, VT_FAULT_ONCE, k, VAULT_E_IO);
    vault_status st = call(&t);
    hits = vt_fault_hits(&t.g->fault);
    disarm(t.g);
    vault_usage_row after = vt_usage(&t.f);
    vt_status(st, hits ? VAULT_E_IO : VAULT_OK);
    if (hits) {
      ck_assert(same_books(&before, &after));
      vt_ok(call(&t));
    }
    vt_items_close(&t.f);
  }
}

START_TEST(methods_fail_at_any_call) {
  vault_status (*const all[])(tools *) = {do_folder, do_move,  do_trash, do_restore,
                                          do_purge,  do_begin, do_grow,  do_lease,
                                          do_length, do_save,  do_abort};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    method_torture(all[i]);
}
END_TEST

/* ---- a ledger that is wrong ------------------------------------------------------------------ */

static vault_status spoil(vault__tx *tx, void *ctx, vault_err *err) {
  const vault_id *user = ctx;
  return vault__run(tx, VAULT__SQL_LEDGER_WRITE,
                    VAULT__P(vault__p_id(user), vault__p_int(1), vault__p_int(2), vault__p_int(3),
                             vault__p_int(4), vault__p_int(5)),
                    NULL, err);
}

START_TEST(recount_repairs_when_asked) {
  tools t;
  uint32_t differs = 0;
  vault_usage_row counted, right, wrong;
  tools_make(&t);
  right = vt_usage(&t.f);
  vault__repo *repo = vault__repositories_repo(&t.g->r);
  vt_ok(vault__sql_write(repo, spoil, &t.f.user, NULL));
  wrong = vt_usage(&t.f);
  ck_assert_uint_eq(wrong.partial_bytes, 4);
  vt_ok(t.f.ops->recount(t.f.self, &t.f.user, 0, &counted, &differs, NULL));
  ck_assert_uint_eq(differs, 1);
  ck_assert(same_books(&counted, &right));
  counted = vt_usage(&t.f);
  ck_assert(same_books(&counted, &wrong));
  vt_ok(t.f.ops->recount(t.f.self, &t.f.user, 1, &counted, &differs, NULL));
  ck_assert_uint_eq(differs, 1);
  counted = vt_usage(&t.f);
  ck_assert(same_books(&counted, &right));
  vt_items_close(&t.f);
}
END_TEST

static Suite *items(void) {
  const TTest *const tests[] = {lost_commit_is_found_durable,
                                lost_commit_is_found_undone,
                                lost_commit_that_cannot_be_looked_up,
                                commit_fails_at_any_call,
                                commit_without_memory,
                                methods_fail_at_any_call,
                                recount_repairs_when_asked,
                                NULL};
  return vt_suite("items", tests);
}

VT_MAIN(items)
