/* Uploads: every status that upload.h names and that a caller can bring about, batches with
 * mixed outcomes, and what a failed upload leaves: nothing. */
#include <poll.h>
#include <string.h>

#include "tests/support/vt_files.h"

#define DAY_MS INT64_C(86400000)
#define MAX_BYTES 100000u

static vt_world *w;
static vault *v;
static vault_principal me, other;

static void setup(void) {
  vault_settings settings = {.size = sizeof settings, .upload_max_bytes = MAX_BYTES};
  w = vt_vault_open(&settings);
  v = w->v;
  me = vt_who(w, VT_PHONE);
  other = vt_who(w, "+905321234568");
}

static void teardown(void) {
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
  vt_clean(v);
  vt_vault_close(w);
}

static vault_status begin(const vault_upload_opts *opts, vault_upload **u) {
  vault_status s = vault_upload_begin(v, &me, opts, u, NULL);
  ck_assert(s == VAULT_OK || *u == NULL);
  return s;
}

static vault_status put(const vault_upload_opts *opts, const char *body, uint32_t *outcome,
                        vault_err *err) {
  return vault_put(v, &me, opts, body, strlen(body), NULL, outcome, err);
}

START_TEST(begin_says_why_not) {
  vault_upload *u = NULL;
  vault_id file, folder;
  vault_upload_opts opts = vt_at("../x", 1, 0);
  vt_status(begin(&opts, &u), VAULT_E_NAME);
  opts = vt_at("d/", 1, 0);
  vt_status(begin(&opts, &u), VAULT_E_NAME);
  opts = vt_at("", 1, 0);
  vt_status(begin(&opts, &u), VAULT_E_NAME);
  opts = vt_at("x", MAX_BYTES + 1, 0);
  vt_status(begin(&opts, &u), VAULT_E_TOO_LARGE);
  opts = vt_at("x", 1, 0);
  opts.space = 77;
  vt_status(begin(&opts, &u), VAULT_E_INPUT);
  opts = vt_at("x", 1, 0);
  opts.size = 8;
  vt_status(begin(&opts, &u), VAULT_E_USAGE);
  vt_status(vault_upload_begin(v, &me, NULL, &u, NULL), VAULT_E_USAGE);
  vt_ok(vt_put(v, &me, "f", "x", &file));
  vt_ok(vt_folder(v, &me, NULL, "d", &folder));
  opts = vt_at("", 1, 0);
  opts.item = folder;
  vt_status(begin(&opts, &u), VAULT_E_IS_A_FOLDER);
  opts.item.b[0] ^= 1;
  vt_status(begin(&opts, &u), VAULT_E_NOT_FOUND);
  opts.item = file;
  vt_status(vault_upload_begin(v, &other, &opts, &u, NULL), VAULT_E_NOT_FOUND);
  opts.path = (vault_str){"x", 1};
  vt_status(begin(&opts, &u), VAULT_E_USAGE);
  vt_ok(vault_admin_set_quota(v, &me.user, 10, NULL));
  opts = vt_at("x", 10, VAULT_UP_RESUMABLE);
  vt_status(begin(&opts, &u), VAULT_E_QUOTA);
  opts.length = 9;
  vt_ok(begin(&opts, &u));
  vt_status(vt_put(v, &me, "y", "1", NULL), VAULT_E_QUOTA); /* the reservation counts */
  vault_upload_abort(u);
  vt_ok(vt_put(v, &me, "y", "1", NULL));
  vault_upload_abort(NULL);
  vault_upload_suspend(NULL);
}
END_TEST

START_TEST(append_holds_the_length) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("f", 3, 0);
  vt_ok(begin(&opts, &u));
  vt_ok(vault_upload_append(u, "ab", 2, NULL));
  vt_status(vault_upload_flush(u, NULL), VAULT_E_USAGE);
  vt_status(vault_upload_append(u, "cd", 2, NULL), VAULT_E_BODY_LONG);
  vt_status(vault_upload_append(u, "c", 1, NULL), VAULT_E_USAGE);
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_USAGE);
  u = NULL;
  vt_ok(begin(&opts, &u));
  vt_ok(vault_upload_append(u, "ab", 2, NULL));
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_BODY_SHORT);
  vt_status(vt_lookup(v, &me, "f", NULL), VAULT_E_NOT_FOUND);
}
END_TEST

START_TEST(unknown_length_ends_at_the_limits) {
  static char big[MAX_BYTES];
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("f", VAULT_LENGTH_UNKNOWN, 0);
  vt_ok(begin(&opts, &u));
  vt_ok(vault_upload_append(u, big, sizeof big, NULL));
  vt_status(vault_upload_append(u, "x", 1, NULL), VAULT_E_TOO_LARGE);
  vault_upload_abort(u);
  u = NULL;
  vt_ok(vault_admin_set_quota(v, &me.user, 100, NULL));
  vt_ok(begin(&opts, &u));
  vt_ok(vault_upload_append(u, big, 100, NULL));
  vt_status(vault_upload_append(u, "x", 1, NULL), VAULT_E_QUOTA);
  vault_upload_abort(u);
}
END_TEST

START_TEST(the_digest_decides) {
  vault_upload_opts opts = vt_at("f", 0, VAULT_UP_SHA256);
  vt_status(put(&opts, "hello", NULL, NULL), VAULT_E_DIGEST);
  vt_status(vt_lookup(v, &me, "f", NULL), VAULT_E_NOT_FOUND);
  (void)vt_hex("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", opts.sha256,
               sizeof opts.sha256);
  vt_ok(put(&opts, "hello", NULL, NULL));
}
END_TEST

/* What was announced at the start holds after a pause as well. */
START_TEST(announcements_survive_a_pause) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("f", 5, VAULT_UP_SHA256 | VAULT_UP_RESUMABLE);
  vt_ok(begin(&opts, &u));
  vault_id id = vault_upload_get(u)->id;
  vt_ok(vault_upload_append(u, "hel", 3, NULL));
  vault_upload_suspend(u);
  u = NULL;
  vt_ok(vault_upload_resume(v, &me, &id, &u, NULL));
  vt_ok(vault_upload_append(u, "lo", 2, NULL));
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_DIGEST);

  u = NULL;
  opts = vt_at("g", 1, VAULT_UP_NEW_ONLY | VAULT_UP_RESUMABLE);
  vt_ok(begin(&opts, &u));
  id = vault_upload_get(u)->id;
  vault_upload_suspend(u);
  vt_ok(vt_put(v, &me, "g", "first", NULL));
  u = NULL;
  vt_ok(vault_upload_resume(v, &me, &id, &u, NULL));
  vt_ok(vault_upload_append(u, "x", 1, NULL));
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_PRECONDITION);
  vt_content(v, &me, "g", "first");

  vault_item_view row;
  u = NULL;
  vt_ok(vt_lookup(v, &me, "g", &row));
  opts = vt_at("g", 1, VAULT_UP_IF_VERSION | VAULT_UP_RESUMABLE);
  opts.if_version = row.version;
  vt_ok(begin(&opts, &u));
  id = vault_upload_get(u)->id;
  vault_upload_suspend(u);
  vt_ok(vt_put(v, &me, "g", "second", NULL));
  u = NULL;
  vt_ok(vault_upload_resume(v, &me, &id, &u, NULL));
  vt_ok(vault_upload_append(u, "x", 1, NULL));
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_PRECONDITION);
  vt_content(v, &me, "g", "second");
}
END_TEST

START_TEST(preconditions_are_checked_early_and_late) {
  vault_upload *u = NULL;
  vault_item_view row;
  uint32_t outcome = 0;
  vault_err err = VAULT_ERR_INIT;
  vt_ok(vt_put(v, &me, "f", "one", NULL));
  vt_ok(vt_lookup(v, &me, "f", &row));
  vault_upload_opts opts = vt_at("f", 1, VAULT_UP_NEW_ONLY);
  vt_status(put(&opts, "x", NULL, &err), VAULT_E_PRECONDITION);
  ck_assert_mem_eq(err.item.b, row.id.b, sizeof row.id.b);
  opts = vt_at("none", 1, VAULT_UP_IF_VERSION);
  vt_status(put(&opts, "x", NULL, NULL), VAULT_E_PRECONDITION);
  opts = vt_at("g", 1, VAULT_UP_NEW_ONLY); /* late: it appears while the body is sent */
  vt_ok(begin(&opts, &u));
  vt_ok(vt_put(v, &me, "g", "mine", NULL));
  vt_ok(vault_upload_append(u, "x", 1, NULL));
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_PRECONDITION);
  vt_content(v, &me, "g", "mine");
  opts = vt_at("f", 1, VAULT_UP_IF_VERSION);
  opts.if_version = row.version;
  vt_ok(put(&opts, "two", &outcome, NULL));
  ck_assert_uint_eq(outcome, VAULT_OUTCOME_VERSION);
  vt_status(put(&opts, "three", NULL, NULL), VAULT_E_PRECONDITION);
  vt_content(v, &me, "f", "two");
}
END_TEST

START_TEST(an_item_by_id) {
  vault_id file;
  uint32_t outcome = 0;
  vault_items *items = NULL;
  vt_ok(vt_put(v, &me, "d/f", "one", &file));
  vault_upload_opts opts = vt_at("", 0, 0);
  opts.item = file;
  vt_ok(put(&opts, "two", &outcome, NULL));
  ck_assert_uint_eq(outcome, VAULT_OUTCOME_VERSION);
  vt_content(v, &me, "d/f", "two");
  vt_ok(put(&opts, "two", &outcome, NULL));
  ck_assert_uint_eq(outcome, VAULT_OUTCOME_SAME);
  vault_upload *u = NULL;
  opts.length = 5;
  vt_ok(begin(&opts, &u));
  vt_ok(vault_upload_append(u, "three", 5, NULL));
  vt_ok(vault_trash_move(v, &me, &file, NULL, &items, NULL));
  vault_items_free(items);
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_NOT_FOUND);
  vt_status(put(&opts, "four", NULL, NULL), VAULT_E_NOT_FOUND);
}
END_TEST

START_TEST(names_in_the_way) {
  vault_id folder;
  vault_err err = VAULT_ERR_INIT;
  vt_ok(vt_folder(v, &me, NULL, "d", &folder));
  vt_ok(vt_put(v, &me, "f", "x", NULL));
  vt_status(vt_put(v, &me, "d", "x", NULL), VAULT_E_IS_A_FOLDER);
  vt_status(vt_put(v, &me, "f/g", "x", NULL), VAULT_E_NOT_A_FOLDER);
  vault_upload_opts opts = vt_at("D/x", 0, 0);
  vt_status(put(&opts, "x", NULL, &err), VAULT_E_NAME_TAKEN);
  ck_assert_mem_eq(err.item.b, folder.b, sizeof folder.b);
  opts = vt_at("x", 0, 0);
  opts.parent = folder;
  opts.parent.b[0] ^= 1;
  vt_status(put(&opts, "x", NULL, NULL), VAULT_E_PARENT_NOT_FOUND);
}
END_TEST

START_TEST(a_key_is_done_once) {
  uint32_t outcome = 0;
  vault_upload_opts opts = vt_at("f", 0, 0);
  opts.op_key = (vault_str){"key", 3};
  vt_ok(put(&opts, "one", &outcome, NULL));
  ck_assert_uint_eq(outcome, VAULT_OUTCOME_CREATED);
  vt_ok(put(&opts, "one", &outcome, NULL));
  ck_assert_uint_eq(outcome, VAULT_OUTCOME_REPLAY);
  vault_guard guard = {.size = sizeof guard, .op_key = {"folder", 6}};
  vault_items *items = NULL;
  vt_ok(vault_folder_create(v, &me, VAULT_SPACE_FILES, NULL, "d", 1, &guard, &items, NULL));
  vault_items_free(items);
  opts.op_key = guard.op_key;
  vt_status(put(&opts, "two", NULL, NULL), VAULT_E_IDEMPOTENCY_KEY);
  char key[VAULT_OP_KEY_MAX + 1] = {0};
  opts.op_key = (vault_str){key, sizeof key};
  vt_status(put(&opts, "two", NULL, NULL), VAULT_E_INPUT);
}
END_TEST

START_TEST(resuming) {
  vault_upload *u = NULL, *again = NULL;
  vault_upload_opts opts = vt_at("f", 6, VAULT_UP_RESUMABLE);
  vt_ok(begin(&opts, &u));
  vault_id id = vault_upload_get(u)->id;
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vt_ok(vault_upload_flush(u, NULL));
  ck_assert_uint_eq(vault_upload_get(u)->durable_offset, 3);
  vault_upload_suspend(u);
  vt_status(vault_upload_resume(v, &other, &id, &again, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_upload_resume(v, &me, NULL, &again, NULL), VAULT_E_USAGE);
  ck_assert_ptr_null(again);
  vt_run_jobs(w); /* it waits for its owner */
  vt_ok(vault_upload_resume(v, &me, &id, &again, NULL));
  ck_assert_uint_eq(vault_upload_get(again)->offset, 3);
  vt_ok(vault_upload_append(again, "def", 3, NULL));
  vt_ok(vault_upload_finish(again, NULL, NULL, NULL));
  vt_content(v, &me, "f", "abcdef");
}
END_TEST

START_TEST(an_upload_without_progress_is_given_up) {
  vault_upload *u = NULL, *again = NULL;
  vault_upload_opts opts = vt_at("f", 6, VAULT_UP_RESUMABLE);
  vt_ok(begin(&opts, &u));
  vault_id id = vault_upload_get(u)->id;
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vault_upload_suspend(u);
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 6);
  vt_pass(w, DAY_MS + 1);
  vt_status(vault_upload_resume(v, &me, &id, &again, NULL), VAULT_E_NOT_FOUND);
  vt_run_jobs(w);
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
}
END_TEST

/* Somebody on a slow line is still sending after a day. */
START_TEST(an_upload_that_is_open_is_never_given_up) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("slow", 6, 0);
  vt_ok(begin(&opts, &u));
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vt_pass(w, DAY_MS + 3600001);
  vt_run_jobs(w);
  vt_ok(vault_upload_append(u, "def", 3, NULL));
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  vt_content(v, &me, "slow", "abcdef");
}
END_TEST

/* ---- submit and drive ------------------------------------------------------------------- */

static void submit(vault_cq *q, const vault_upload_opts *opts, const char *body, uint64_t tag) {
  vault_upload *u = NULL;
  vault_upload_opts known = *opts;
  known.length = strlen(body);
  vt_ok(begin(&known, &u));
  vt_ok(vault_upload_append(u, body, strlen(body), NULL));
  vt_ok(vault_upload_submit(u, q, tag, NULL));
}

START_TEST(a_batch_with_mixed_outcomes) {
  enum { NEW, FOLDER, SAME, SHARED, TAKEN, VERSION, N };
  static const struct {
    const char *path, *body;
    vault_status status;
    uint32_t outcome;
  } rows[N] = {
    [NEW] = {"new", "n", VAULT_OK, VAULT_OUTCOME_CREATED},
    [FOLDER] = {"d", "x", VAULT_E_IS_A_FOLDER, 0},
    [SAME] = {"old", "old", VAULT_OK, VAULT_OUTCOME_SAME},
    [SHARED] = {"d/copy", "old", VAULT_OK, VAULT_OUTCOME_CREATED},
    [TAKEN] = {"OLD", "y", VAULT_E_NAME_TAKEN, 0},
    [VERSION] = {"old", "newer", VAULT_OK, VAULT_OUTCOME_VERSION},
  };
  vault_cq *q = NULL;
  vault_event ev = {.size = sizeof ev};
  uint64_t n = 0;
  vt_ok(vt_folder(v, &me, NULL, "d", NULL));
  vt_ok(vt_put(v, &me, "old", "old", NULL));
  vt_ok(vault_cq_open(v, &q, NULL));
  for (uint64_t i = 0; i < N; i++) {
    vault_upload_opts opts = vt_at(rows[i].path, 0, 0);
    submit(q, &opts, rows[i].body, i);
  }
  vt_status(vault_cq_next(q, &ev, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_cq_close(q, NULL), VAULT_E_BUSY);
  vt_status(vault_close(v, NULL), VAULT_E_BUSY);
  vt_ok(vault_commit_drive(v, 1000, &n, NULL));
  ck_assert_uint_eq(n, N);
  struct pollfd p = {.fd = vault_cq_fd(q), .events = POLLIN};
  ck_assert_int_eq(poll(&p, 1, 0), 1);
  for (uint64_t i = 0; i < N; i++) {
    vt_ok(vault_cq_next(q, &ev, NULL));
    ck_assert_uint_eq(ev.tag, i);
    vt_status(ev.status, rows[i].status);
    ck_assert_uint_eq(ev.outcome, rows[i].outcome);
    ck_assert((ev.item != NULL) == (ev.status == VAULT_OK));
    ck_assert(ev.status == VAULT_OK || ev.err->status == ev.status);
  }
  vt_status(vault_cq_next(q, &ev, NULL), VAULT_E_NOT_FOUND);
  vt_ok(vault_cq_close(q, NULL));
  vt_content(v, &me, "old", "newer");
  vt_content(v, &me, "d/copy", "old");
}
END_TEST

START_TEST(submit_says_why_not) {
  vault_upload *u = NULL;
  vault_cq *q = NULL;
  vault_event ev = {.size = sizeof ev};
  vt_ok(vault_cq_open(v, &q, NULL));
  vault_upload_opts opts = vt_at("f", 2, 0);
  vt_ok(begin(&opts, &u));
  vt_ok(vault_upload_append(u, "a", 1, NULL));
  vt_status(vault_upload_submit(u, NULL, 0, NULL), VAULT_E_USAGE);
  vt_status(vault_upload_submit(u, q, 0, NULL), VAULT_E_BODY_SHORT);
  vt_ok(vault_upload_append(u, "b", 1, NULL)); /* still the caller's */
  vt_ok(vault_upload_submit(u, q, 5, NULL));
  vt_ok(vault_commit_drive(v, 0, NULL, NULL));
  ev.size = 4;
  vt_status(vault_cq_next(q, &ev, NULL), VAULT_E_USAGE);
  ev.size = sizeof ev;
  vt_ok(vault_cq_next(q, &ev, NULL));
  vt_ok(ev.status);
  vt_ok(vault_cq_close(q, NULL));
  vt_ok(vault_cq_close(NULL, NULL));
  vt_status(vault_commit_drive(NULL, 0, NULL, NULL), VAULT_E_USAGE);
  vt_status(vault_cq_open(v, NULL, NULL), VAULT_E_USAGE);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {begin_says_why_not,
                                append_holds_the_length,
                                unknown_length_ends_at_the_limits,
                                the_digest_decides,
                                announcements_survive_a_pause,
                                preconditions_are_checked_early_and_late,
                                an_item_by_id,
                                names_in_the_way,
                                a_key_is_done_once,
                                resuming,
                                an_upload_without_progress_is_given_up,
                                an_upload_that_is_open_is_never_given_up,
                                a_batch_with_mixed_outcomes,
                                submit_says_why_not,
                                NULL};
  return vt_suite_with("upload", tests, setup, teardown);
}

VT_MAIN(suite)
