/* Uploads that are handed over together: one batch, in their order, a result for each. */
#include <string.h>

#include "tests/support/vt_files.h"

static vt_world *w;
static vault *v;
static vault_principal me, other;
static vault_cq *q;

static void setup(void) {
  w = vt_vault_open(NULL);
  v = w->v;
  me = vt_who(w, VT_PHONE);
  other = vt_who(w, "+905321234568");
  vt_ok(vault_cq_open(v, &q, NULL));
}

static void teardown(void) {
  vt_ok(vault_cq_close(q, NULL));
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
  vt_clean(v);
  vt_vault_close(w);
}

static vault_upload *begun(const vault_principal *who, const char *path, const char *body) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at(path, strlen(body), 0);
  vt_ok(vault_upload_begin(v, who, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, body, strlen(body), NULL));
  return u;
}

static const char *name_of(uint64_t i, char out[4]) {
  out[0] = 'a';
  out[1] = (char)('a' + i / 26);
  out[2] = (char)('a' + i % 26);
  out[3] = '\0';
  return out;
}

/* Takes n events and gives how many of them say OK. */
static uint64_t take(uint64_t n) {
  vault_event ev = {.size = sizeof ev};
  uint64_t good = 0;
  for (uint64_t i = 0; i < n; i++) {
    vt_ok(vault_cq_next(q, &ev, NULL));
    good += ev.status == VAULT_OK;
  }
  vt_status(vault_cq_next(q, &ev, NULL), VAULT_E_NOT_FOUND);
  return good;
}

static uint64_t drive(void) {
  uint64_t n = 0;
  vt_ok(vault_commit_drive(v, 0, &n, NULL));
  return n;
}

/* The largest number in one batch, although others of the same user wait before it; those behind take the rest. */
START_TEST(they_stay_together) {
  vault_upload *u[VAULT_COMMIT_MANY_MAX];
  uint64_t tags[VAULT_COMMIT_MANY_MAX];
  char name[4];
  vt_ok(vault_upload_submit(begun(&me, "before", "1"), q, 0, NULL));
  for (uint64_t i = 0; i < VAULT_COMMIT_MANY_MAX; i++) {
    u[i] = begun(&me, name_of(i, name), name);
    tags[i] = i;
  }
  vt_ok(vault_upload_submit_many(u, tags, VAULT_COMMIT_MANY_MAX, q, NULL));
  vt_ok(vault_upload_submit(begun(&me, "behind", "2"), q, 0, NULL));
  ck_assert_uint_eq(drive(), 1);
  ck_assert_uint_eq(take(1), 1);
  ck_assert_uint_eq(drive(), VAULT_COMMIT_MANY_MAX);
  ck_assert_uint_eq(take(VAULT_COMMIT_MANY_MAX), VAULT_COMMIT_MANY_MAX);
  ck_assert_uint_eq(drive(), 1);
  ck_assert_uint_eq(take(1), 1);
  for (uint64_t i = 0; i < VAULT_COMMIT_MANY_MAX; i++)
    vt_content(v, &me, name_of(i, name), name);
}
END_TEST

START_TEST(two_groups_share_a_batch_when_both_fit) {
  char name[4];
  vault_upload *u[6];
  uint64_t tags[6] = {0, 1, 2, 3, 4, 5};
  for (uint64_t i = 0; i < 6; i++)
    u[i] = begun(i < 3 ? &me : &other, name_of(i, name), name);
  vt_ok(vault_upload_submit_many(u, tags, 3, q, NULL));
  vt_ok(vault_upload_submit_many(u + 3, tags + 3, 3, q, NULL));
  ck_assert_uint_eq(drive(), 6);
  ck_assert_uint_eq(take(6), 6);
}
END_TEST

START_TEST(each_has_its_own_result) {
  static const char digest_of_other[32] = {1};
  vault_upload *u[4];
  const uint64_t tags[4] = {10, 11, 12, 13};
  const vault_status said[4] = {VAULT_OK, VAULT_E_DIGEST, VAULT_E_BODY_SHORT, VAULT_OK};
  vault_event ev = {.size = sizeof ev};
  vault_upload_opts wrong = vt_at("wrong", 1, VAULT_UP_SHA256), brief = vt_at("brief", 2, 0);
  memcpy(wrong.sha256, digest_of_other, sizeof wrong.sha256);
  u[0] = begun(&me, "first", "1");
  vt_ok(vault_upload_begin(v, &me, &wrong, &u[1], NULL));
  vt_ok(vault_upload_append(u[1], "2", 1, NULL));
  vt_ok(vault_upload_begin(v, &me, &brief, &u[2], NULL));
  vt_ok(vault_upload_append(u[2], "3", 1, NULL));
  u[3] = begun(&me, "first", "4"); /* the same name: a version, after the first */
  vt_ok(vault_upload_submit_many(u, tags, 4, q, NULL));
  ck_assert_uint_eq(drive(), 4);
  for (uint64_t i = 0; i < 4; i++) {
    vt_ok(vault_cq_next(q, &ev, NULL));
    ck_assert_uint_eq(ev.tag, tags[i]);
    vt_status(ev.status, said[i]);
    ck_assert(ev.status == VAULT_OK || ev.err->status == ev.status);
  }
  vt_content(v, &me, "first", "4");
  ck_assert_uint_eq(vt_usage(v, &me).files, 1);
}
END_TEST

START_TEST(it_says_why_not) {
  vault_upload *u[2], *broken = NULL;
  uint64_t tags[2] = {1, 2};
  vault_upload_opts one = vt_at("broken", 1, VAULT_UP_SHA256);
  u[0] = begun(&me, "a", "1");
  u[1] = begun(&other, "b", "2");
  vt_status(vault_upload_submit_many(NULL, tags, 1, q, NULL), VAULT_E_USAGE);
  vt_status(vault_upload_submit_many(u, NULL, 1, q, NULL), VAULT_E_USAGE);
  vt_status(vault_upload_submit_many(u, tags, 1, NULL, NULL), VAULT_E_USAGE);
  vt_status(vault_upload_submit_many(u, tags, 0, q, NULL), VAULT_E_USAGE);
  vt_status(vault_upload_submit_many(u, tags, VAULT_COMMIT_MANY_MAX + 1, q, NULL), VAULT_E_USAGE);
  vt_status(vault_upload_submit_many(u, tags, 2, q, NULL), VAULT_E_USAGE); /* two users */
  vault_upload_abort(u[1]);
  vt_ok(vault_upload_begin(v, &me, &one, &broken, NULL));
  vt_ok(vault_upload_append(broken, "x", 1, NULL));
  vt_status(vault_upload_submit(broken, q, 0, NULL), VAULT_E_DIGEST);
  u[1] = broken;
  vt_status(vault_upload_submit_many(u, tags, 2, q, NULL), VAULT_E_USAGE);
  vault_upload_abort(broken);
  vt_ok(vault_upload_submit_many(u, tags, 1, q, NULL)); /* still the caller's, and whole */
  ck_assert_uint_eq(drive(), 1);
  ck_assert_uint_eq(take(1), 1);
}
END_TEST

/* All or none: the last places are too few. */
START_TEST(too_many_wait) {
  vault_upload *u[VAULT_COMMIT_MANY_MAX];
  uint64_t tags[VAULT_COMMIT_MANY_MAX] = {0}, n = 0;
  char name[4];
  for (uint64_t i = 0; i < VAULT_COMMIT_WAITING_MAX - 1; i++)
    vt_ok(vault_upload_submit(begun(&me, "same", ""), q, 0, NULL));
  u[0] = begun(&me, name_of(0, name), "1");
  u[1] = begun(&me, name_of(1, name), "2");
  vt_status(vault_upload_submit_many(u, tags, 2, q, NULL), VAULT_E_RETRY);
  vt_ok(vault_upload_submit_many(u, tags, 1, q, NULL));
  while (drive() > 0) {
  }
  for (vault_event ev = {.size = sizeof ev}; vault_cq_next(q, &ev, NULL) == VAULT_OK; n++)
    vt_ok(ev.status);
  ck_assert_uint_eq(n, VAULT_COMMIT_WAITING_MAX);
  vt_ok(vault_upload_submit_many(u + 1, tags, 1, q, NULL));
  ck_assert_uint_eq(drive(), 1);
  ck_assert_uint_eq(take(1), 1);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {they_stay_together,      two_groups_share_a_batch_when_both_fit,
                                each_has_its_own_result, it_says_why_not,
                                too_many_wait,           NULL};
  return vt_suite_with("submit_many", tests, setup, teardown);
}

VT_MAIN(suite)
