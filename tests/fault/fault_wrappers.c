/* The wrappers themselves: do they count, fail, lose and end where they were told to? */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libvault/base/alloc.h"
#include "libvault/base/err.h"
#include "tests/contract/blob_support.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/blob_memory.h"
#include "vt_fault.h"

typedef struct rig {
  vt_fault fault;
  vt_fault_alloc alloc;
  vt_fault alloc_fault;
  vt_fault_blob wrapper;
  const vault_blob_store_ops *ops;
  vault_blob_key key;
} rig;

static void rig_make(rig *r) {
  const vault_blob_store_ops *ops = NULL;
  void *self = NULL;
  vault_id owner = vt_blob_owner(0);
  vt_fault_init(&r->fault);
  vt_fault_init(&r->alloc_fault);
  vt_fault_alloc_init(&r->alloc, &r->alloc_fault);
  vt_ok(vault_blob_memory_new(0, &r->alloc.alloc, &ops, &self, NULL));
  r->ops = vt_fault_blob_wrap(&r->wrapper, &r->fault, ops, self);
  vt_ok(r->ops->attach(&r->wrapper, &owner, 1, NULL));
  r->key = vt_blob_key(1, 1, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vt_fault_arm(&r->fault, VT_FAULT_NONE, 0, VAULT_E_IO);
}

static void rig_free(rig *r) {
  r->ops->destroy(&r->wrapper);
  ck_assert_uint_eq(vt_fault_alloc_live(&r->alloc), 0);
  vt_fault_alloc_free(&r->alloc);
  vt_fault_free(&r->alloc_fault);
  vt_fault_free(&r->fault);
}

/* begin, write, seal, publish, discard: five steps. */
static vault_status put(rig *r) {
  vault_blob_writer *w = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  vault_status st = r->ops->begin(&r->wrapper, &r->key, 0, &w, NULL);
  if (st == VAULT_OK)
    st = r->ops->write(&r->wrapper, w, "hello", 5, NULL);
  if (st == VAULT_OK)
    st = r->ops->seal(&r->wrapper, w, &meta, NULL);
  if (st == VAULT_OK)
    st = r->ops->publish(&r->wrapper, w, NULL);
  r->ops->discard(&r->wrapper, w, 0);
  return st;
}

static int is_there(rig *r) {
  uint64_t size = 0;
  vt_fault_arm(&r->fault, VT_FAULT_NONE, 0, VAULT_E_IO);
  return r->ops->stat(&r->wrapper, &r->key, &size, NULL, NULL) == VAULT_OK;
}

START_TEST(counts_and_traces) {
  rig r;
  rig_make(&r);
  vt_ok(put(&r));
  ck_assert_uint_eq(vt_fault_count(&r.fault), 5);
  ck_assert_uint_eq(vt_fault_hits(&r.fault), 0);
  rig_free(&r);
}
END_TEST

START_TEST(fails_each_call_once) {
  for (uint64_t at = 1; at <= 4; at++) {
    rig r;
    rig_make(&r);
    vt_fault_arm(&r.fault, VT_FAULT_ONCE, at, VAULT_E_NO_SPACE);
    vt_status(put(&r), VAULT_E_NO_SPACE);
    ck_assert_uint_eq(vt_fault_hits(&r.fault), 1);
    ck_assert_int_eq(is_there(&r), 0);
    vt_ok(put(&r));
    rig_free(&r);
  }
}
END_TEST

START_TEST(fails_from_a_call_on) {
  rig r;
  rig_make(&r);
  vt_fault_arm(&r.fault, VT_FAULT_FROM, 1, VAULT_E_IO);
  vt_status(put(&r), VAULT_E_IO);
  vt_status(put(&r), VAULT_E_IO);
  ck_assert_uint_eq(vt_fault_hits(&r.fault), 2);
  rig_free(&r);
}
END_TEST

START_TEST(loses_the_answer_of_what_happened) {
  rig r;
  rig_make(&r);
  for (uint64_t at = 1; at <= 4; at++) {
    vt_fault_arm(&r.fault, VT_FAULT_LOST, at, VAULT_E_UNCERTAIN);
    vt_status(put(&r), VAULT_E_UNCERTAIN);
    ck_assert_int_eq(is_there(&r), at == 4);
  }
  rig_free(&r);
}
END_TEST

/* Ends in a child at call `at`; returns how the child ended. */
static int ended(rig *r, vt_fault_mode mode, uint64_t at) {
  int status = 0;
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    vt_fault_arm(&r->fault, mode, at, VAULT_E_IO);
    (void)put(r);
    _exit(0);
  }
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(ends_the_process_at_each_call) {
  rig r;
  rig_make(&r);
  for (uint64_t at = 1; at <= 5; at++) {
    ck_assert_int_eq(ended(&r, VT_FAULT_EXIT_BEFORE, at), VT_FAULT_EXIT_CODE);
    ck_assert_int_eq(ended(&r, VT_FAULT_EXIT_AFTER, at), VT_FAULT_EXIT_CODE);
  }
  ck_assert_int_eq(ended(&r, VT_FAULT_EXIT_AFTER, 6), 0);
  rig_free(&r);
}
END_TEST

/* Torture in small: every allocation of a put fails once; nothing leaks, a retry works. */
START_TEST(allocations_fail_one_by_one) {
  uint64_t at = 1;
  for (;; at++) {
    rig r;
    rig_make(&r);
    vt_fault_arm(&r.alloc_fault, VT_FAULT_ONCE, at, VAULT_E_NO_MEMORY);
    vault_status st = put(&r);
    uint64_t hits = vt_fault_hits(&r.alloc_fault);
    if (hits)
      vt_status(st, VAULT_E_NO_MEMORY);
    vt_fault_arm(&r.alloc_fault, VT_FAULT_NONE, 0, VAULT_E_IO);
    vt_ok(put(&r));
    rig_free(&r);
    if (!hits)
      break;
  }
  ck_assert_uint_ge(at, 4);
}
END_TEST

START_TEST(allocator_counts_and_moves) {
  vt_fault f;
  vt_fault_alloc a;
  vt_fault_init(&f);
  vt_fault_alloc_init(&a, &f);
  char *p = vault__new(&a.alloc, 8);
  memcpy(p, "1234567", 8);
  char *q = vault__resize(&a.alloc, p, 4096);
  ck_assert_str_eq(q, "1234567");
  ck_assert_uint_eq(vt_fault_alloc_live(&a), 1);
  ck_assert_uint_eq(a.live_bytes, 4096);
  vt_fault_arm(&f, VT_FAULT_ONCE, 1, VAULT_E_NO_MEMORY);
  ck_assert_ptr_null(vault__resize(&a.alloc, q, 8192));
  ck_assert_str_eq(q, "1234567");
  vault__delete(&a.alloc, q);
  ck_assert_uint_eq(vt_fault_alloc_live(&a), 0);
  vt_fault_alloc_free(&a);
  vt_fault_free(&f);
}
END_TEST

/* ---- the driver table, over a driver that only notes what reaches it ---- */

typedef struct noted {
  char log[128];
} noted;

static void note(noted *x, const char *what) {
  size_t n = strlen(x->log);
  (void)snprintf(x->log + n, sizeof x->log - n, "%s ", what);
}

static noted *of(vault__conn *c) {
  return (noted *)(void *)c;
}

static vault_status f_acquire(void *self, int mode, vault__conn **out, vault_err *err) {
  (void)mode;
  (void)err;
  *out = (vault__conn *)self;
  return VAULT_OK;
}

static void f_release(void *self, vault__conn *conn) {
  (void)self;
  note(of(conn), "release");
}

static vault_status f_begin(vault__conn *c, vault_err *err) {
  (void)err;
  note(of(c), "begin");
  return VAULT_OK;
}

static vault_status f_commit(vault__conn *c, vault_err *err) {
  (void)err;
  note(of(c), "commit");
  return VAULT_OK;
}

static void f_rollback(vault__conn *c) {
  note(of(c), "rollback");
}

static vault_status f_run(vault__conn *c, const vault__sql *sql, const vault__val *params,
                          vault__arena *arena, vault__rows *out, vault_err *err) {
  (void)params;
  (void)arena;
  (void)err;
  note(of(c), sql->name);
  if (out)
    out->affected = 1;
  return VAULT_OK;
}

static const vault__db_ops noting = {.size = sizeof noting,
                                     .version = VAULT__DB_V1,
                                     .dialect = VAULT__DIALECT_POSTGRES,
                                     .acquire = f_acquire,
                                     .release = f_release,
                                     .begin = f_begin,
                                     .commit = f_commit,
                                     .rollback = f_rollback,
                                     .run = f_run};

/* One transaction with one statement, as every use of the table goes. */
static vault_status transact(vault__db db, vault__rows *rows) {
  static const vault__sql sql = {.name = "stmt", .text = "SELECT 1"};
  vault__conn *c = NULL;
  VAULT_TRY(db.ops->acquire(db.self, VAULT__DB_WRITE, &c, NULL));
  vault_status st = db.ops->begin(c, NULL);
  if (st == VAULT_OK) {
    st = db.ops->run(c, &sql, NULL, NULL, rows, NULL);
    if (st != VAULT_OK)
      vt_status(db.ops->commit(c, NULL), VAULT_E_INTERNAL); /* dead until rollback */
    if (st == VAULT_OK)
      st = db.ops->commit(c, NULL);
    if (st != VAULT_OK)
      db.ops->rollback(c);
  }
  db.ops->release(db.self, c);
  return st;
}

START_TEST(driver_table_fails_like_a_database) {
  static const struct {
    vt_fault_mode mode;
    uint64_t at;
    const char *log;
  } rows[] = {
    {VT_FAULT_NONE, 0, "begin stmt commit release "},
    {VT_FAULT_ONCE, 1, ""},
    {VT_FAULT_ONCE, 2, "release "},
    {VT_FAULT_ONCE, 3, "begin rollback release "},
    {VT_FAULT_ONCE, 4, "begin stmt rollback release "},
    {VT_FAULT_LOST, 1, "release "},
    {VT_FAULT_LOST, 2, "begin rollback release "},
    {VT_FAULT_LOST, 3, "begin stmt rollback release "},
    {VT_FAULT_LOST, 4, "begin stmt commit release "},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    vt_fault f;
    vt_fault_db w;
    noted x = {""};
    vault__rows out = {0};
    vt_fault_init(&f);
    vault__db db = vt_fault_db_wrap(&w, &f, (vault__db){&noting, &x});
    ck_assert_int_eq(db.ops->dialect, VAULT__DIALECT_POSTGRES);
    vt_fault_arm(&f, rows[i].mode, rows[i].at, VAULT_E_RETRY);
    vt_status(transact(db, &out), rows[i].at ? VAULT_E_RETRY : VAULT_OK);
    ck_assert_str_eq(x.log, rows[i].log);
    vt_fault_free(&f);
  }
}
END_TEST

/* ---- the SMS sender ---- */

static vault_status count_sent(void *self, const vault_sms *m, vault_err *err) {
  (void)m;
  (void)err;
  ++*(int *)self;
  return VAULT_OK;
}

START_TEST(sms_shares_the_counter) {
  static const vault_sms_ops counting = {sizeof counting, VAULT_SMS_V1, count_sent, NULL};
  rig r;
  vt_fault_sms w;
  int sent = 0;
  vault_sms m = {.size = sizeof m};
  rig_make(&r);
  const vault_sms_ops *sms = vt_fault_sms_wrap(&w, &r.fault, &counting, &sent);
  vt_fault_arm(&r.fault, VT_FAULT_ONCE, 6, VAULT_E_RETRY);
  vt_ok(put(&r));
  vt_status(sms->send(&w, &m, NULL), VAULT_E_RETRY);
  ck_assert_int_eq(sent, 0);
  vt_fault_arm(&r.fault, VT_FAULT_LOST, 1, VAULT_E_UNCERTAIN);
  vt_status(sms->send(&w, &m, NULL), VAULT_E_UNCERTAIN);
  ck_assert_int_eq(sent, 1);
  sms->destroy(&w);
  rig_free(&r);
}
END_TEST

static Suite *wrappers(void) {
  const TTest *const all[] = {counts_and_traces,
                              fails_each_call_once,
                              fails_from_a_call_on,
                              loses_the_answer_of_what_happened,
                              ends_the_process_at_each_call,
                              allocations_fail_one_by_one,
                              allocator_counts_and_moves,
                              driver_table_fails_like_a_database,
                              sms_shares_the_counter,
                              NULL};
  return vt_suite("wrappers", all);
}

VT_MAIN(wrappers)
