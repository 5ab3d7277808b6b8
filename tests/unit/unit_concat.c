/* Uploads that are put together from pieces. */
#include <string.h>

#include "libvault/usecases/upload.h"
#include "tests/support/vt_files.h"

#define DAY_MS INT64_C(86400000)
#define MAX_BYTES 1000u

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

/* Pieces stay until they expire. */
static void teardown(void) {
  vt_pass(w, 2 * DAY_MS);
  vt_run_jobs(w);
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
  vt_clean(v);
  vt_vault_close(w);
}

static vault_upload *begin_piece(uint64_t length, vault_id *id) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("", length, VAULT_UP_RESUMABLE | VAULT_UP_PARTIAL);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  *id = vault_upload_get(u)->id;
  return u;
}

static void end_piece(vault_upload *u, const char *body) {
  vault_items *items = NULL;
  uint32_t outcome = 9;
  uint64_t n = 9;
  vt_ok(vault_upload_append(u, body, strlen(body), NULL));
  vt_ok(vault_upload_finish(u, &items, &outcome, NULL));
  (void)vault_items_rows(items, &n, NULL);
  ck_assert_uint_eq(n, 0);
  ck_assert_uint_eq(outcome, 0);
  vault_items_free(items);
}

static vault_id piece(const char *body) {
  vault_id id;
  vault_upload *u = begin_piece(strlen(body), &id);
  end_piece(u, body);
  return id;
}

static vault_status concat(const char *path, const vault_id *parts, uint64_t n, vault_upload **u) {
  vault_upload_opts opts = vt_at(path, 0, 0);
  *u = NULL;
  vault_status s = vault_upload_concat(v, &me, &opts, parts, n, u, NULL);
  ck_assert(s == VAULT_OK || *u == NULL);
  return s;
}

static uint32_t state_of(const vault_id *id) {
  vault_upload_info *info = NULL;
  vt_ok(vault_upload_stat(v, &me, id, &info, NULL));
  uint32_t state = vault_upload_info_get(info)->state;
  vault_upload_info_free(info);
  return state;
}

START_TEST(in_order_and_repeated) {
  vault_id parts[4] = {piece("ab"), piece("c"), piece("")};
  vault_upload *u;
  parts[3] = parts[0];
  ck_assert_uint_eq(state_of(&parts[0]), VAULT_UPLOAD_DONE);
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 3);
  vt_ok(concat("f", parts, 4, &u));
  const vault_upload_view *view = vault_upload_get(u);
  ck_assert_uint_eq(view->offset, 5);
  ck_assert_uint_eq(view->length, 5);
  ck_assert_uint_eq(view->n_parts, 4);
  ck_assert_int_eq(memcmp(view->parts, parts, sizeof parts), 0);
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  vt_content(v, &me, "f", "abcab");
  vt_ok(concat("g", parts, 1, &u)); /* used once more */
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  vt_content(v, &me, "g", "ab");
}
END_TEST

START_TEST(what_cannot_be_put_together) {
  static vault_id many[VAULT_CONCAT_PARTS_MAX + 1];
  vault_id one = piece("abc"), nobody = {{9}}, whole;
  vault_upload *u;
  vt_status(concat("f", &one, 0, &u), VAULT_E_INPUT);
  for (uint32_t i = 0; i <= VAULT_CONCAT_PARTS_MAX; i++)
    many[i] = one;
  vt_status(concat("f", many, VAULT_CONCAT_PARTS_MAX + 1, &u), VAULT_E_INPUT);
  vt_status(concat("f", many, VAULT_CONCAT_PARTS_MAX, &u), VAULT_E_TOO_LARGE); /* 3 KiB */
  many[0] = piece("");
  for (uint32_t i = 1; i < VAULT_CONCAT_PARTS_MAX; i++)
    many[i] = many[0];
  vt_ok(concat("f", many, VAULT_CONCAT_PARTS_MAX, &u));
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  vt_status(concat("f", &nobody, 1, &u), VAULT_E_NOT_FOUND);
  vault_upload_opts opts = vt_at("whole", 1, VAULT_UP_RESUMABLE);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  whole = vault_upload_get(u)->id;
  vault_upload_suspend(u);
  vt_status(concat("f", &whole, 1, &u), VAULT_E_INPUT);
  opts = vt_at("f", 0, 0);
  u = NULL;
  vt_status(vault_upload_concat(v, &other, &opts, &one, 1, &u, NULL), VAULT_E_NOT_FOUND);
  opts = vt_at("f", 0, VAULT_UP_PARTIAL);
  vt_status(vault_upload_concat(v, &me, &opts, &one, 1, &u, NULL), VAULT_E_USAGE);
  opts = vt_at("f", 1, VAULT_UP_RESUMABLE | VAULT_UP_PARTIAL);
  vt_status(vault_upload_begin(v, &me, &opts, &u, NULL), VAULT_E_USAGE); /* has a path */
}
END_TEST

START_TEST(the_last_piece_finishes_those_that_wait) {
  vault_id parts[2] = {piece("one"), {{0}}}, other_id, id;
  vault_upload *last = begin_piece(3, &parts[1]), *u, *again;
  vt_ok(concat("f", parts, 2, &u));
  ck_assert_uint_eq(vault_upload_get(u)->state, VAULT_UPLOAD_WAITING);
  id = vault_upload_get(u)->id;
  vt_status(vault_upload_append(u, "x", 1, NULL), VAULT_E_CONFLICT);
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_CONFLICT); /* takes u */
  ck_assert_uint_eq(state_of(&id), VAULT_UPLOAD_WAITING);
  vt_ok(concat("g", parts, 1, &u));
  other_id = vault_upload_get(u)->id;
  vault_upload_suspend(u); /* built, and not finished: looking does it */
  end_piece(last, "two");
  vt_content(v, &me, "f", "onetwo");
  ck_assert_uint_eq(state_of(&id), VAULT_UPLOAD_DONE);
  ck_assert_uint_eq(state_of(&other_id), VAULT_UPLOAD_DONE);
  vt_content(v, &me, "g", "one");
  again = NULL;
  vt_ok(vault_upload_resume(v, &me, &id, &again, NULL));
  vt_ok(vault_upload_finish(again, NULL, NULL, NULL));
}
END_TEST

START_TEST(a_piece_of_unknown_length) {
  vault_id id;
  vault_upload *u = begin_piece(VAULT_LENGTH_UNKNOWN, &id);
  vt_status(vault_upload_submit(u, NULL, 0, NULL), VAULT_E_USAGE);
  vt_status(vault_upload_seal(u, NULL), VAULT_E_USAGE);
  end_piece(u, "abc");
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 3);
  vt_ok(concat("f", &id, 1, &u));
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  vt_content(v, &me, "f", "abc");
  u = begin_piece(4, &id);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_BODY_SHORT);
  vt_ok(vault_upload_resume(v, &me, &id, &u, NULL));
  ck_assert_uint_eq(vault_upload_get(u)->offset, 3);
  end_piece(u, "d");
}
END_TEST

/* Pieces and the file count while both are there. */
START_TEST(pieces_count) {
  vault_id id = piece("abc");
  vault_upload *u;
  vt_ok(vault_admin_set_quota(v, &me.user, 5, NULL));
  vt_status(concat("f", &id, 1, &u), VAULT_E_QUOTA);
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 3);
  vt_ok(vault_admin_set_quota(v, &me.user, 6, NULL));
  vt_ok(concat("f", &id, 1, &u));
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  vt_ok(vault_upload_cancel(v, &me, &id, NULL));
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
  vt_status(concat("f", &id, 1, &u), VAULT_E_NOT_FOUND);
  vt_content(v, &me, "f", "abc");
}
END_TEST

START_TEST(pieces_expire) {
  vault_id parts[2] = {piece("abc"), {{0}}}, id;
  vault_upload *last = begin_piece(3, &parts[1]), *u = NULL;
  vt_ok(concat("f", parts, 2, &u));
  id = vault_upload_get(u)->id;
  vault_upload_suspend(u);
  vault_upload_suspend(last);
  vt_pass(w, DAY_MS + 1);
  vt_status(concat("f", parts, 1, &u), VAULT_E_NOT_FOUND);
  vault_upload_info *info = NULL;
  vt_status(vault_upload_stat(v, &me, &id, &info, NULL), VAULT_E_NOT_FOUND);
  vt_run_jobs(w);
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
}
END_TEST

START_TEST(the_same_key_again) {
  vault_id parts[2] = {piece("abc"), piece("def")};
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("f", 0, 0);
  opts.op_key = (vault_str){"concat", 6};
  vt_ok(vault_upload_concat(v, &me, &opts, parts, 2, &u, NULL));
  vault_id id = vault_upload_get(u)->id;
  vault_upload_suspend(u);
  vt_ok(vault_upload_concat(v, &me, &opts, parts, 2, &u, NULL));
  const vault_upload_view *view = vault_upload_get(u);
  ck_assert_ptr_nonnull(view);
  ck_assert_int_eq(memcmp(&view->id, &id, sizeof id), 0);
  ck_assert_uint_eq(view->state, VAULT_UPLOAD_DONE);
  vault_upload_suspend(u);
  u = NULL;
  vt_status(vault_upload_concat(v, &me, &opts, parts, 1, &u, NULL), VAULT_E_IDEMPOTENCY_KEY);
  vt_content(v, &me, "f", "abcdef");
}
END_TEST

/* Large copies: only some at a time, and nobody waits for one. */
START_TEST(large_ones_take_turns) {
  static char bytes[VAULT__BUILD_BYTES_LARGE];
  vault_id parts[2] = {{{0}}, piece("x")}, id;
  vault_upload *u = NULL, *again = NULL;
  v->settings.upload_max_bytes = VAULT__BUILD_BYTES_LARGE + 1;
  u = begin_piece(VAULT__BUILD_BYTES_LARGE - 1, &parts[0]);
  vt_ok(vault_upload_append(u, bytes, VAULT__BUILD_BYTES_LARGE - 1, NULL));
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  atomic_store(&v->builds, VAULT__BUILDS_MAX);
  vt_status(concat("f", parts, 2, &u), VAULT_E_RETRY);
  vt_ok(concat("small", parts, 1, &u));
  vault_upload_abort(u);
  atomic_store(&v->builds, VAULT__BUILDS_MAX - 1);
  vt_ok(concat("f", parts, 2, &u));
  ck_assert_uint_eq(atomic_load(&v->builds), VAULT__BUILDS_MAX - 1);
  atomic_store(&v->builds, 0);
  id = vault_upload_get(u)->id;
  u->claim.busy = u->claim.slow = 1; /* as while it is made */
  vt_status(vault_upload_resume(v, &me, &id, &again, NULL), VAULT_E_RETRY);
  vt_status(vault_upload_cancel(v, &me, &id, NULL), VAULT_E_RETRY);
  vault__claim_slow(v, &u->claim, 0);
  vault__claim_leave(v, &u->claim);
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {in_order_and_repeated,
                                what_cannot_be_put_together,
                                the_last_piece_finishes_those_that_wait,
                                a_piece_of_unknown_length,
                                pieces_count,
                                pieces_expire,
                                the_same_key_again,
                                large_ones_take_turns,
                                NULL};
  return vt_suite_with("concat", tests, setup, teardown);
}

VT_MAIN(suite)
