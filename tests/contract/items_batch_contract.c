/* The suite of the items port: batches of small bodies whose members meet each other, what is
 * there already, and the limits. */
#include "items_fixture.h"

#include <stdio.h>

#define BATCH 8

typedef struct fresh_batch {
  vt_path paths[BATCH];
  vault_commit_item m[BATCH];
  vault_commit_result r[BATCH];
  unsigned n;
} fresh_batch;

static vault_commit_item *add(vt_items *f, fresh_batch *b, const char *path, uint64_t size,
                              unsigned content) {
  static char bodies[BATCH][64];
  ck_assert_uint_lt(b->n, BATCH);
  vault_commit_item *m = &b->m[b->n];
  *m = vt_inline_member(f, &b->paths[b->n], path, size, content);
  memcpy(bodies[b->n], m->body.p, size);
  m->body.p = bodies[b->n++];
  return m;
}

static void commit(vt_items *f, fresh_batch *b) {
  vt_is(f->ops->commit(f->self, b->m, b->n, b->r, &f->err), VAULT_OK);
}

START_TEST(batch_with_one_name) {
  vt_items f;
  fresh_batch b = {.n = 0};
  vt_items_open(&f, _i);
  vault_id folder = vt_folder(&f, NULL, "d");
  (void)add(&f, &b, "x", 10, 1);
  (void)add(&f, &b, "y", 10, 2);
  (void)add(&f, &b, "x", 10, 3);
  (void)add(&f, &b, "X", 10, 4);
  (void)add(&f, &b, "x", 10, 3);
  add(&f, &b, "y", 10, 5)->flags |= VAULT_COMMIT_IF_NONE_MATCH;
  (void)add(&f, &b, "d", 10, 6);
  (void)add(&f, &b, "x", 10, 1);
  commit(&f, &b);
  ck_assert_uint_eq(b.r[0].outcome, VAULT_OUTCOME_CREATED);
  ck_assert_uint_eq(b.r[1].outcome, VAULT_OUTCOME_CREATED);
  ck_assert_uint_eq(b.r[2].outcome, VAULT_OUTCOME_VERSION);
  vt_is(b.r[3].status, VAULT_E_NAME_TAKEN);
  ck_assert(vt_same_id(&b.r[3].in_the_way, &b.r[0].item.id));
  ck_assert_uint_eq(b.r[4].outcome, VAULT_OUTCOME_SAME);
  vt_is(b.r[5].status, VAULT_E_PRECONDITION);
  vt_is(b.r[6].status, VAULT_E_IS_A_FOLDER);
  ck_assert(vt_same_id(&b.r[6].in_the_way, &folder));
  ck_assert_uint_eq(b.r[7].outcome, VAULT_OUTCOME_VERSION);
  ck_assert_uint_eq(b.r[7].item.n_versions, 3);
  vt_holds(&f, &b.r[0].item.id, &vt_root, 10, 1);
  vt_holds(&f, &b.r[0].item.id, &b.r[2].item.version, 10, 3);
  ck_assert_uint_eq(vt_usage(&f).files, 2);
  ck_assert_uint_eq(vt_usage(&f).live_bytes, 20);
  ck_assert_uint_eq(vt_usage(&f).versions_bytes, 20);
  vt_items_close(&f);
}
END_TEST

/* Folders that a batch makes, and uses again. */
START_TEST(batch_with_folders) {
  vt_items f;
  fresh_batch b = {.n = 0};
  vt_items_open(&f, _i);
  vault_id folder = vt_folder(&f, NULL, "there");
  (void)add(&f, &b, "there/1", 10, 1);
  (void)add(&f, &b, "new/1", 10, 2);
  (void)add(&f, &b, "new/2", 10, 3);
  (void)add(&f, &b, "There/2", 10, 4);
  (void)add(&f, &b, "there/1/x", 10, 5);
  (void)add(&f, &b, "there/2", 10, 6);
  add(&f, &b, "2", 10, 7)->parent = folder;
  add(&f, &b, "3", 10, 8)->parent = folder;
  commit(&f, &b);
  vt_is(b.r[3].status, VAULT_E_NAME_TAKEN);
  ck_assert(vt_same_id(&b.r[3].in_the_way, &folder));
  vt_is(b.r[4].status, VAULT_E_NOT_A_FOLDER);
  ck_assert(vt_same_id(&b.r[4].in_the_way, &b.r[0].item.id));
  ck_assert(vt_same_id(&b.r[1].item.parent, &b.r[2].item.parent));
  ck_assert(vt_same_id(&b.r[5].item.parent, &folder));
  ck_assert_uint_eq(b.r[6].outcome, VAULT_OUTCOME_VERSION);
  ck_assert(vt_same_id(&b.r[6].item.id, &b.r[5].item.id));
  ck_assert_uint_eq(b.r[7].outcome, VAULT_OUTCOME_CREATED);
  ck_assert_uint_eq(vt_usage(&f).files, 5);
  vt_items_close(&f);
}
END_TEST

START_TEST(batch_in_the_wrong_place) {
  vt_items f;
  fresh_batch b = {.n = 0};
  vt_items_open(&f, _i);
  vault_id file = vt_put_inline(&f, "file", 1, 1).item.id, gone = vt_folder(&f, NULL, "gone");
  vt_is(vt_trash(&f, &gone), VAULT_OK);
  add(&f, &b, "a", 10, 1)->parent = file;
  add(&f, &b, "a", 10, 1)->parent = gone;
  add(&f, &b, "a", 10, 1)->parent = vt_new_id();
  add(&f, &b, "a", 10, 1)->size = 4;
  (void)add(&f, &b, "a", 10, 1);
  int64_t seq = vt_usage(&f).seq;
  commit(&f, &b);
  vt_is(b.r[0].status, VAULT_E_NOT_A_FOLDER);
  vt_is(b.r[1].status, VAULT_E_PARENT_NOT_FOUND);
  vt_is(b.r[2].status, VAULT_E_PARENT_NOT_FOUND);
  vt_is(b.r[3].status, VAULT_E_USAGE);
  vt_is(b.r[4].status, VAULT_OK);
  ck_assert_int_eq(vt_usage(&f).seq, seq + 1);
  vt_items_close(&f);
}
END_TEST

START_TEST(batch_at_the_depth) {
  vt_items f;
  fresh_batch b = {.n = 0};
  char text[2 * VAULT_PATH_DEPTH_MAX];
  vt_items_open(&f, _i);
  for (unsigned i = 0; i < VAULT_PATH_DEPTH_MAX - 1; i++) {
    text[2 * i] = 'd';
    text[2 * i + 1] = '/';
  }
  text[2 * VAULT_PATH_DEPTH_MAX - 2] = 'f';
  text[2 * VAULT_PATH_DEPTH_MAX - 1] = 0;
  vault_commit_result r = vt_put_inline(&f, text, 10, 1);
  vt_is(r.status, VAULT_OK);
  add(&f, &b, "g", 10, 1)->parent = r.item.parent;
  vault_id last = vt_get(&f, &r.item.parent).parent;
  add(&f, &b, "d/h", 10, 1)->parent = last;
  add(&f, &b, "d/x", 10, 1)->parent = r.item.parent;
  commit(&f, &b);
  vt_is(b.r[0].status, VAULT_OK);
  vt_is(b.r[1].status, VAULT_OK);
  ck_assert(vt_same_id(&b.r[1].item.parent, &r.item.parent));
  vt_is(b.r[2].status, VAULT_E_DEPTH);
  vt_items_close(&f);
}
END_TEST

START_TEST(batch_at_the_quota) {
  vt_items f;
  fresh_batch b = {.n = 0};
  vt_items_open(&f, _i);
  vault_id first = f.user;
  f.user = vt_items_user(&f, 40);
  (void)vt_put_inline(&f, "x", 10, 1);
  /* x is the same and needs nothing; y and z fill it, exactly */
  (void)add(&f, &b, "x", 10, 1);
  (void)add(&f, &b, "y", 20, 2);
  (void)add(&f, &b, "z", 10, 3);
  (void)add(&f, &b, "one too many", 1, 4);
  (void)add(&f, &b, "empty", 0, 5);
  commit(&f, &b);
  ck_assert_uint_eq(b.r[0].outcome, VAULT_OUTCOME_SAME);
  vt_is(b.r[1].status, VAULT_OK);
  vt_is(b.r[2].status, VAULT_OK);
  vt_is(b.r[3].status, VAULT_E_QUOTA);
  vt_is(b.r[4].status, VAULT_OK);
  ck_assert_uint_eq(vt_usage(&f).live_bytes, 40);
  vt_balanced(&f);
  f.user = first;
  vt_items_close(&f);
}
END_TEST

START_TEST(batch_of_users) {
  vt_items f;
  fresh_batch b = {.n = 0};
  vt_items_open(&f, _i);
  vault_id users[3] = {f.user, vt_items_user(&f, 15), vt_items_user(&f, VT_QUOTA_BYTES)};
  for (unsigned i = 0; i < 6; i++) {
    f.user = users[i % 3];
    (void)add(&f, &b, i < 3 ? "a" : "d/b", 10, i);
  }
  commit(&f, &b);
  for (unsigned i = 0; i < 6; i++) {
    vt_is(b.r[i].status, i == 4 ? VAULT_E_QUOTA : VAULT_OK);
    f.user = users[i % 3];
    if (i != 4)
      vt_holds(&f, &b.r[i].item.id, &vt_root, 10, i);
  }
  for (unsigned i = 0; i < 3; i++) {
    f.user = users[i];
    ck_assert_uint_eq(vt_usage(&f).live_bytes, i == 1 ? 10 : 20);
    vt_balanced(&f);
  }
  ck_assert_uint_eq(vt_index(&f), 5);
  f.user = users[0];
  vt_items_close(&f);
}
END_TEST

/* More users than one look holds, two of whom do not exist. */
START_TEST(batch_of_many_users) {
  enum { N = 35 };
  vt_items f;
  static vt_path paths[N];
  static vault_commit_item m[N];
  static vault_commit_result r[N];
  vt_items_open(&f, _i);
  vault_id first = f.user;
  for (unsigned i = 0; i < N; i++) {
    f.user = i == 4 || i == 17 ? vt_new_id() : vt_items_user(&f, VT_QUOTA_BYTES);
    m[N - 1 - i] = vt_inline_member(&f, &paths[i], "f", 10, 7);
  }
  vt_is(f.ops->commit(f.self, m, N, r, &f.err), VAULT_OK);
  for (unsigned i = 0; i < N; i++) {
    const vault_commit_result *one = &r[N - 1 - i];
    f.user = m[N - 1 - i].blob.user;
    vt_is(one->status, i == 4 || i == 17 ? VAULT_E_NOT_FOUND : VAULT_OK);
    if (one->status != VAULT_OK)
      continue;
    ck_assert(vt_same_id(&one->item.user, &f.user));
    ck_assert_int_eq(vt_usage(&f).seq, 1);
    ck_assert_uint_eq(vt_usage(&f).live_bytes, 10);
  }
  f.user = first;
  vt_items_close(&f);
}
END_TEST

/* An id of a body that is there already is the database's to refuse, for this member only. */
START_TEST(batch_with_a_used_blob) {
  vt_items f;
  fresh_batch b = {.n = 0};
  vt_items_open(&f, _i);
  vault_id used = vt_put_inline(&f, "a", 10, 1).item.blob;
  for (unsigned i = 0; i < 5; i++) {
    char name[8];
    (void)snprintf(name, sizeof name, "f%u", i);
    vault_commit_item *m = add(&f, &b, name, 10, i + 2);
    if (i == 3)
      m->blob.blob = used;
  }
  commit(&f, &b);
  for (unsigned i = 0; i < 5; i++)
    vt_is(b.r[i].status, i == 3 ? VAULT_E_CONFLICT : VAULT_OK);
  ck_assert_uint_eq(vt_usage(&f).live_bytes, 50);
  vt_items_close(&f);
}
END_TEST

void vt_items_add_batch(TCase *tcase, int adapter) {
  const TTest *const tests[] = {
    batch_with_one_name, batch_with_folders,     batch_in_the_wrong_place,
    batch_at_the_depth,  batch_at_the_quota,     batch_of_users,
    batch_of_many_users, batch_with_a_used_blob, NULL};
  vt_items_add(tcase, adapter, tests);
}
