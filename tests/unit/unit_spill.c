/* When small bodies become files, and what the job does when the store, the rows or another
 * worker are not as it expects. Crashes: tests/vault/spill_crash.c. */
#include <stdio.h>
#include <string.h>

#include "libvault/usecases/handle.h"
#include "libvault/usecases/job_kinds.h"
#include "tests/support/vt_files.h"

#define IDLE_MS VAULT_DEFAULT_SPILL_IDLE_MS
#define AFTER_MS VAULT_DEFAULT_SPILL_AFTER_MS

static vt_world *w;
static vault *v;
static vault_principal me;
static const vault_blob_store_ops *real;
static const vault_items_repo_ops *real_items;
static vault_blob_store_ops mine;
static vault_items_repo_ops items;
static vault_status write_gives;
static void (*before_turn)(void); /* between link and the last transaction */
static int removed;

static vault_status write_blob(void *self, vault_blob_writer *b, const void *p, uint64_t n,
                               vault_err *err) {
  return write_gives == VAULT_OK ? real->write(self, b, p, n, err) : write_gives;
}

static vault_status remove_blob(void *self, const vault_blob_key *key, vault_err *err) {
  removed++;
  return real->remove(self, key, err);
}

static vault_status finish_spill(void *self, const vault_id *job, int64_t fence,
                                 const vault_id *ids, uint64_t n, uint8_t *done, vault_err *err) {
  if (before_turn)
    before_turn();
  return real_items->finish_spill(self, job, fence, ids, n, done, err);
}

static void setup(void) {
  w = vt_vault_open(NULL);
  v = w->v;
  me = vt_who(w, VT_PHONE);
  real = v->blobs;
  mine = *real;
  mine.size = sizeof mine;
  mine.write = write_blob;
  mine.remove = remove_blob;
  v->blobs = &mine;
  real_items = v->items;
  items = *real_items;
  items.size = sizeof items;
  items.finish_spill = finish_spill;
  v->items = &items;
  write_gives = VAULT_OK;
  before_turn = NULL;
  vt_run_jobs(w); /* what is due since the start */
  removed = 0;
}

static void teardown(void) {
  before_turn = NULL;
  v->blobs = real;
  v->items = real_items;
  vt_clean(v);
  vt_vault_close(w);
}

static vault_inline_report report(void) {
  vault_inline_report r = {.size = sizeof r};
  vt_ok(vault_admin_inline(v, &r, NULL));
  return r;
}

static vault_blob_key key_of(const char *path) {
  vault_item_view row;
  vault_version_row version;
  vt_ok(vt_lookup(v, &me, path, &row));
  vt_ok(v->items->get_version(v->items_self, &me.user, &row.id, &row.version, &version, NULL));
  return version.blob;
}

static void keep_busy(void) {
  static unsigned n;
  char name[16];
  (void)snprintf(name, sizeof name, "busy%u", n++);
  vt_ok(vt_put(v, &me, name, name, NULL));
}

START_TEST(after_five_quiet_seconds) {
  vault_jobs_report jobs = {.size = sizeof jobs};
  uint32_t told = w->notices.count[VAULT_NOTICE_JOB_READY];
  vt_ok(vt_put(v, &me, "f", "hello", NULL));
  ck_assert_uint_eq(w->notices.count[VAULT_NOTICE_JOB_READY], told + 1);
  vt_ok(vt_put(v, &me, "g", "world", NULL));
  ck_assert_uint_eq(w->notices.count[VAULT_NOTICE_JOB_READY], told + 1); /* it knows */
  vt_ok(vault_jobs_run(v, 1000, &jobs, NULL));
  ck_assert_int_le(jobs.next_in_ms, IDLE_MS);
  vt_pass(w, IDLE_MS - 1);
  vt_run_jobs(w);
  ck_assert_uint_eq(report().count, 2);
  ck_assert_uint_eq(report().bytes, 10);
  ck_assert_int_eq(report().oldest_age_ms, IDLE_MS - 1);
  vt_pass(w, 1);
  vt_run_jobs(w);
  ck_assert_uint_eq(report().count, 0);
  ck_assert_int_eq(report().oldest_age_ms, 0);
  ck_assert_uint_eq(report().spilled, 2);
  vt_content(v, &me, "f", "hello");
  vt_content(v, &me, "g", "world");
  vault_item_view row;
  vault_blob_meta meta = {.size = sizeof meta};
  const vault_blob_key key = key_of("f");
  uint64_t size = 0;
  vt_ok(vt_lookup(v, &me, "f", &row));
  vt_ok(real->stat(v->blobs_self, &key, &size, &meta, NULL));
  ck_assert_mem_eq(&meta.item, &row.id, sizeof row.id); /* a blob says what it is */
  ck_assert_mem_eq(meta.sha256, row.sha256, sizeof row.sha256);
}
END_TEST

/* Somebody uploads all the time: not before ten minutes, and then all the same. */
START_TEST(at_the_latest_after_ten_minutes) {
  vt_ok(vt_put(v, &me, "f", "hello", NULL));
  for (int64_t passed = 0; passed + 4000 < AFTER_MS; passed += 4000) {
    vt_pass(w, 4000);
    keep_busy();
    if (passed % 40000 == 0)
      vt_run_jobs(w);
  }
  vt_run_jobs(w);
  ck_assert_uint_eq(report().spilled, 0);
  vt_pass(w, 4000);
  keep_busy();
  vt_run_jobs(w);
  ck_assert_uint_ge(report().spilled, 1);
  vt_content(v, &me, "f", "hello");
}
END_TEST

START_TEST(at_the_latest_at_so_many_bytes) {
  v->settings.spill_bytes = 100;
  vt_ok(vt_put(v, &me, "f", "hello", NULL));
  vt_run_jobs(w);
  ck_assert_uint_eq(report().spilled, 0);
  char body[101];
  memset(body, 'b', 100);
  body[100] = 0;
  vt_ok(vt_put(v, &me, "g", body, NULL));
  vt_run_jobs(w);
  ck_assert_uint_eq(report().count, 0);
  vt_content(v, &me, "g", body);
}
END_TEST

/* Several groups, shared bytes, an empty body. */
START_TEST(many_bodies) {
  char name[16];
  for (unsigned i = 0; i < 150; i++) {
    (void)snprintf(name, sizeof name, "f%u", i);
    vt_ok(vt_put(v, &me, name, i % 10 == 0 ? "same" : name, NULL));
  }
  vt_ok(vt_put(v, &me, "empty", "", NULL));
  vt_pass(w, IDLE_MS);
  vt_run_jobs(w);
  ck_assert_uint_eq(report().count, 0);
  ck_assert_uint_eq(report().spilled, 137);
  for (unsigned i = 0; i < 150; i++) {
    (void)snprintf(name, sizeof name, "f%u", i);
    vt_content(v, &me, name, i % 10 == 0 ? "same" : name);
  }
  vt_content(v, &me, "empty", "");
}
END_TEST

START_TEST(a_full_store_stops_it_and_nothing_else) {
  static const vault_status full[] = {VAULT_E_NO_SPACE, VAULT_E_READ_ONLY};
  vt_ok(vt_put(v, &me, "f", "hello", NULL));
  vt_pass(w, IDLE_MS);
  for (uint32_t i = 0; i < 2; i++) {
    write_gives = full[i];
    vault_jobs_report jobs = {.size = sizeof jobs};
    vt_ok(vault_jobs_run(v, 60000, &jobs, NULL));
    ck_assert_uint_eq(jobs.failed, 0);
    ck_assert_uint_eq(report().stops, i + 1);
    ck_assert_uint_eq(vt_logged(w, "spill_stopped"), i + 1);
    ck_assert_uint_eq(report().count, 1 + i);
    vt_content(v, &me, "f", "hello");
    keep_busy(); /* uploading goes on as well */
    vt_pass(w, 60000);
  }
  write_gives = VAULT_OK;
  vt_run_jobs(w);
  ck_assert_uint_eq(report().count, 0);
  vt_content(v, &me, "f", "hello");
}
END_TEST

static void plant(const vault_blob_key *key, const char *body, uint64_t n) {
  vault_blob_writer *b = NULL;
  vault_blob_meta meta = {.size = sizeof meta};
  vt_ok(real->begin(v->blobs_self, key, 0, &b, NULL));
  vt_ok(real->write(v->blobs_self, b, body, n, NULL));
  vt_ok(real->seal(v->blobs_self, b, &meta, NULL));
  vt_ok(real->publish(v->blobs_self, b, NULL));
  real->discard(v->blobs_self, b, 0);
}

/* The same bytes are an earlier try's; others are not touched, and the body stays. */
START_TEST(what_has_the_name_already) {
  vt_ok(vt_put(v, &me, "ours", "hello", NULL));
  vt_ok(vt_put(v, &me, "theirs", "world", NULL));
  vt_ok(vt_put(v, &me, "free", "third", NULL));
  const vault_blob_key ours = key_of("ours"), theirs = key_of("theirs");
  vault_check_report check = {.size = sizeof check};
  plant(&ours, "hello", 5);
  plant(&theirs, "other", 5);
  vt_ok(vault_admin_check(v, 0, &check, NULL));
  ck_assert_uint_eq(check.inline_blobs, 3);
  ck_assert_uint_eq(check.half_spilled, 2);
  ck_assert_uint_eq(check.orphans + check.missing + check.wrong_size, 0);
  vt_pass(w, IDLE_MS);
  vt_run_jobs(w);
  ck_assert_uint_eq(report().spilled, 2);
  ck_assert_uint_eq(report().count, 1);
  ck_assert_uint_eq(report().refused, 1);
  ck_assert_uint_eq(vt_logged(w, "spill_refused"), 1);
  vt_content(v, &me, "ours", "hello");
  vt_content(v, &me, "theirs", "world");
  vt_content(v, &me, "free", "third");
  vt_ok(real->remove(v->blobs_self, &theirs, NULL)); /* by hand */
  vt_pass(w, AFTER_MS);
  vt_run_jobs(w);
  ck_assert_uint_eq(report().count, 0);
  vt_content(v, &me, "theirs", "world");
}
END_TEST

static vault_id victim;

static void purge_victim(void) {
  vault_items *rows = NULL;
  vt_ok(vault_trash_move(v, &me, &victim, NULL, &rows, NULL));
  vault_items_free(rows);
  vt_ok(vault_trash_purge(v, &me, &victim, NULL, NULL));
}

/* Purged between link and the last step: not turned; what was made goes with its row. */
START_TEST(purged_in_between) {
  vt_ok(vt_put(v, &me, "f", "hello", &victim));
  vt_ok(vt_put(v, &me, "g", "world", NULL));
  const vault_blob_key key = key_of("f");
  uint64_t size = 0;
  before_turn = purge_victim;
  vt_pass(w, IDLE_MS);
  vt_run_jobs(w);
  before_turn = NULL;
  ck_assert_uint_eq(report().spilled, 1);
  vt_content(v, &me, "g", "world");
  vt_clean(v);
  for (int day = 0; day < 4; day++) {
    vt_pass(w, VAULT_DEFAULT_BLOB_GRACE_MS + 3600000);
    vt_run_jobs(w);
  }
  vt_status(real->stat(v->blobs_self, &key, &size, NULL, NULL), VAULT_E_NOT_FOUND);
}
END_TEST

static void purge_and_collect(void) {
  vault_blob_row row;
  uint64_t n = 0;
  purge_victim();
  for (int pass = 0; pass < 2; pass++) {
    vt_pass(w, VAULT_DEFAULT_BLOB_GRACE_MS + 1);
    vt_ok(v->items->mark_blobs(v->items_self, vault__now_ms(v) - 1, vault__now_ms(v), 1, &n, NULL));
  }
  vt_ok(v->items->take_blobs(v->items_self, vault__now_ms(v), &row, 1, &n, NULL));
  ck_assert_uint_eq(n, 1);
  vt_ok(v->items->drop_blob(v->items_self, &row.key.blob, NULL));
}

/* Even its row is gone: then nobody else would remove the file. */
START_TEST(collected_in_between) {
  uint64_t size = 0;
  vt_ok(vt_put(v, &me, "f", "hello", &victim));
  const vault_blob_key key = key_of("f");
  before_turn = purge_and_collect;
  vt_pass(w, IDLE_MS);
  vt_run_jobs(w);
  before_turn = NULL;
  ck_assert_int_eq(removed, 1);
  vt_status(real->stat(v->blobs_self, &key, &size, NULL, NULL), VAULT_E_NOT_FOUND);
}
END_TEST

/* While this worker wrote, its lease ran out and another took the job. */
static vault_job_row successor;

static void lose_the_lease(void) {
  vt_pass(w, INT64_C(400000));
  vt_ok(v->jobs->lease(v->jobs_self, UINT64_C(1) << VAULT__JOB_SPILL, vault__now_ms(v), 1000,
                       &successor, NULL));
}

START_TEST(a_worker_without_its_lease_touches_nothing) {
  uint64_t size = 0;
  vt_ok(vt_put(v, &me, "f", "hello", NULL));
  const vault_blob_key key = key_of("f");
  before_turn = lose_the_lease;
  vt_pass(w, IDLE_MS);
  vt_ok(vault_jobs_run(v, 0, NULL, NULL));
  for (int i = 0; i < 8 && successor.fence == 0; i++)
    vt_ok(vault_jobs_run(v, 0, NULL, NULL));
  before_turn = NULL;
  ck_assert_int_ne(successor.fence, 0);
  ck_assert_uint_eq(report().count, 1);
  ck_assert_int_eq(removed, 0);
  vt_ok(real->stat(v->blobs_self, &key, &size, NULL, NULL)); /* the successor may rely on it */
  vt_pass(w, 2000);
  vt_run_jobs(w);
  ck_assert_uint_eq(report().count, 0);
  vt_content(v, &me, "f", "hello");
}
END_TEST

/* Inline without a body is damage, and is said so. */
static vault_status no_inline(void *self, const vault_id *blob, void *p, uint64_t room, uint64_t *n,
                              vault_err *err) {
  (void)self, (void)blob, (void)p, (void)room, (void)n, (void)err;
  return VAULT_E_NOT_FOUND;
}

static vault_status short_inline(void *self, const vault_id *blob, void *p, uint64_t room,
                                 uint64_t *n, vault_err *err) {
  vault_status s = real_items->get_inline(self, blob, p, room, n, err);
  *n -= s == VAULT_OK;
  return s;
}

START_TEST(damage_in_the_database_is_told) {
  vault_check_report check = {.size = sizeof check};
  vt_ok(vt_put(v, &me, "f", "hello", NULL));
  items.get_inline = no_inline;
  vt_ok(vault_admin_check(v, 0, &check, NULL));
  ck_assert_uint_eq(check.missing, 1);
  items.get_inline = short_inline;
  vt_ok(vault_admin_check(v, 0, &check, NULL));
  ck_assert_uint_eq(check.missing, 0);
  ck_assert_uint_eq(check.wrong_size, 1);
  vt_pass(w, IDLE_MS);
  vt_run_jobs(w);
  ck_assert_uint_eq(report().refused, 1);
  ck_assert_uint_eq(report().count, 1);
  items.get_inline = real_items->get_inline;
  vt_pass(w, AFTER_MS);
  vt_run_jobs(w);
  ck_assert_uint_eq(report().count, 0);
  vt_content(v, &me, "f", "hello");
}
END_TEST

START_TEST(the_report_needs_its_size) {
  vault_inline_report r = {.size = 4};
  vt_status(vault_admin_inline(v, &r, NULL), VAULT_E_USAGE);
  vt_status(vault_admin_inline(v, NULL, NULL), VAULT_E_USAGE);
  vt_status(vault_admin_inline(NULL, &r, NULL), VAULT_E_USAGE);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {after_five_quiet_seconds,
                                at_the_latest_after_ten_minutes,
                                at_the_latest_at_so_many_bytes,
                                many_bodies,
                                a_full_store_stops_it_and_nothing_else,
                                what_has_the_name_already,
                                purged_in_between,
                                collected_in_between,
                                a_worker_without_its_lease_touches_nothing,
                                damage_in_the_database_is_told,
                                the_report_needs_its_size,
                                NULL};
  return vt_suite_with("spill", tests, setup, teardown);
}

VT_MAIN(suite)
