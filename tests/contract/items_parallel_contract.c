/* The suite of the items port: many threads on one user. What holds on one connection must
 * hold on sixteen; on an engine with one writer these tests are quick. */
#include "items_fixture.h"

#include <pthread.h>
#include <stdio.h>

#define THREADS 16u
#define ROUNDS 4u

typedef struct worker worker;
struct worker {
  vt_items f; /* a copy: its own err */
  unsigned no;
  unsigned ok, other; /* answers */
  uint64_t bytes;
  vault_id id;
  void (*run)(worker *w);
};

static void *start(void *arg) {
  worker *w = arg;
  w->run(w);
  return NULL;
}

/* Run on THREADS threads at once. Asserts in threads are allowed: check forks each test, and
 * a failed assertion in any thread ends it. */
static void together(vt_items *f, worker *w, void (*run)(worker *)) {
  pthread_t threads[THREADS];
  for (unsigned i = 0; i < THREADS; i++) {
    w[i].f = *f;
    w[i].no = i;
    w[i].run = run;
    ck_assert_int_eq(pthread_create(&threads[i], NULL, start, &w[i]), 0);
  }
  for (unsigned i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

static void count(worker *w, vault_status s, vault_status other) {
  w->ok += s == VAULT_OK;
  w->other += s == other;
}

static void sum(const worker *w, unsigned *ok, unsigned *other, uint64_t *bytes) {
  *ok = *other = 0;
  *bytes = 0;
  for (unsigned i = 0; i < THREADS; i++) {
    *ok += w[i].ok;
    *other += w[i].other;
    *bytes += w[i].bytes;
  }
}

static void reserve(worker *w) {
  for (unsigned i = 0; i < ROUNDS; i++) {
    vault_upload_row row = vt_upload_row(&w->f, 300 + w->no);
    vault_status s = vt_begin(&w->f, &row, "x");
    count(w, s, VAULT_E_QUOTA);
    w->bytes += s == VAULT_OK ? row.reserved_bytes : 0;
  }
}

START_TEST(quota_race) {
  static worker w[THREADS];
  vt_items f;
  unsigned ok, full;
  uint64_t bytes;
  vt_items_open(&f, _i);
  vt_is(f.ops->set_quota(f.self, &f.user, 5000, &f.err), VAULT_OK);
  together(&f, w, reserve);
  sum(w, &ok, &full, &bytes);
  ck_assert_uint_eq(ok + full, THREADS * ROUNDS);
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, bytes);
  ck_assert_uint_le(bytes, 5000);
  ck_assert_uint_gt(bytes, 5000 - 316);
  vt_items_close(&f);
}
END_TEST

static void same_name(worker *w) {
  for (unsigned i = 0; i < ROUNDS; i++) {
    vault_commit_result r = vt_put(&w->f, "d/same", 10, w->no * ROUNDS + i + 1);
    count(w, r.status, VAULT_E_RETRY);
    w->id = r.item.id;
  }
}

START_TEST(one_name_one_item) {
  static worker w[THREADS];
  vt_items f;
  unsigned ok, other;
  uint64_t bytes;
  vt_items_open(&f, _i);
  together(&f, w, same_name);
  sum(w, &ok, &other, &bytes);
  ck_assert_uint_eq(ok, THREADS * ROUNDS);
  for (unsigned i = 1; i < THREADS; i++)
    ck_assert(vt_same_id(&w[i].id, &w[0].id));
  ck_assert_uint_eq(vt_get(&f, &w[0].id).n_versions, THREADS * ROUNDS);
  ck_assert_uint_eq(vt_usage(&f).files, 1);
  /* the folder and every version took one number each */
  ck_assert_int_eq(vt_usage(&f).seq, THREADS * ROUNDS + 1);
  vt_items_close(&f);
}
END_TEST

static void same_folder(worker *w) {
  count(w, vt_make(&w->f, NULL, w->no % 2 ? "Folder" : "folder", NULL), VAULT_E_NAME_TAKEN);
}

START_TEST(one_folder_one_winner) {
  static worker w[THREADS];
  vt_items f;
  unsigned ok, taken;
  uint64_t bytes;
  vt_items_open(&f, _i);
  together(&f, w, same_folder);
  sum(w, &ok, &taken, &bytes);
  ck_assert_uint_eq(ok, 1);
  ck_assert_uint_eq(taken, THREADS - 1);
  ck_assert_int_eq(vt_usage(&f).seq, 1);
  vt_items_close(&f);
}
END_TEST

/* ---- numbers --------------------------------------------------------------------------------- */

static void many_changes(worker *w) {
  char name[16];
  for (unsigned i = 0; i < ROUNDS; i++) {
    (void)snprintf(name, sizeof name, "t%u-%u", w->no, i);
    vt_is(vt_put(&w->f, name, 1, i).status, VAULT_OK);
  }
}

START_TEST(numbers_have_no_gaps) {
  static worker w[THREADS];
  static vault_item_row rows[THREADS * ROUNDS + 1];
  char seen[THREADS * ROUNDS + 1] = {0};
  vt_items f;
  uint64_t n;
  vt_items_open(&f, _i);
  together(&f, w, many_changes);
  vt_is(f.ops->list_children(f.self, &f.user, VAULT_SPACE_FILES, &vt_root, (vault_str){"", 0}, rows,
                             NULL, THREADS * ROUNDS + 1, &n, &f.err),
        VAULT_OK);
  ck_assert_uint_eq(n, THREADS * ROUNDS);
  for (uint64_t i = 0; i < n; i++) {
    ck_assert_int_ge(rows[i].seq, 1);
    ck_assert_int_le(rows[i].seq, THREADS * ROUNDS);
    ck_assert_int_eq(seen[rows[i].seq]++, 0);
  }
  vt_items_close(&f);
}
END_TEST

/* ---- trash against commit ---------------------------------------------------------------------- */

static void trash_or_put(worker *w) {
  char path[32];
  vault_item_row row;
  for (unsigned i = 0; i < ROUNDS; i++) {
    (void)snprintf(path, sizeof path, "dir/f%u-%u", w->no, i);
    vault_commit_result r = vt_put(&w->f, path, 5, 1);
    vt_is(r.status, VAULT_OK);
    if (w->no % 4)
      continue;
    vault_item_change c = vt_change(&w->f, &r.item.parent);
    vt_is(w->f.ops->trash_item(w->f.self, &c, &row, &w->f.err), VAULT_OK);
  }
}

/* Nothing stands untrashed in a trashed folder. */
START_TEST(trash_against_commit) {
  static worker w[THREADS];
  vault_item_row folders[64], child;
  vt_items f;
  uint64_t n, m;
  vt_items_open(&f, _i);
  together(&f, w, trash_or_put);
  vt_balanced(&f);
  vt_is(f.ops->list_trash(f.self, &f.user, INT64_MAX, &vt_root, folders, 64, &n, &f.err), VAULT_OK);
  ck_assert_uint_ge(n, 1);
  for (uint64_t i = 0; i < n; i++) {
    vt_is(f.ops->list_children(f.self, &f.user, VAULT_SPACE_FILES, &folders[i].id,
                               (vault_str){"", 0}, &child, NULL, 1, &m, &f.err),
          VAULT_OK);
    ck_assert_uint_eq(m, 0);
  }
  vt_items_close(&f);
}
END_TEST

/* ---- batches of several users ---------------------------------------------------------------------- */

static vault_id two_users[2];

static void cross_batches(worker *w) {
  vt_path paths[4];
  vault_commit_item m[4];
  vault_commit_result r[4];
  char name[24];
  for (unsigned k = 0; k < ROUNDS; k++) {
    for (unsigned i = 0; i < 4; i++) {
      w->f.user = two_users[(i + w->no) % 2];
      (void)snprintf(name, sizeof name, "d/%u-%u-%u", w->no, k, i);
      vt_path_set(&paths[i], name);
      vt_commit_item(&w->f, &m[i], &paths[i], 1, i);
    }
    vt_is(w->f.ops->commit(w->f.self, m, 4, r, &w->f.err), VAULT_OK);
    for (unsigned i = 0; i < 4; i++)
      vt_is(r[i].status, VAULT_OK);
  }
}

START_TEST(batches_of_two_users) {
  static worker w[THREADS];
  vt_items f;
  vt_items_open(&f, _i);
  two_users[0] = f.user;
  two_users[1] = vt_items_user(&f, VT_QUOTA_BYTES);
  together(&f, w, cross_batches);
  for (unsigned i = 0; i < 2; i++) {
    f.user = two_users[i];
    ck_assert_uint_eq(vt_usage(&f).files, THREADS * ROUNDS * 2);
    ck_assert_int_eq(vt_usage(&f).seq, THREADS * ROUNDS * 2 + 1);
    vt_balanced(&f);
  }
  vt_items_close(&f);
}
END_TEST

void vt_items_add_parallel(TCase *tcase, int adapter) {
  const TTest *const tests[] = {quota_race,
                                one_name_one_item,
                                one_folder_one_winner,
                                numbers_have_no_gaps,
                                trash_against_commit,
                                batches_of_two_users,
                                NULL};
  vt_items_add(tcase, adapter, tests);
}
