/* The suite of the items port: which digests are the content of files. */
#include "items_fixture.h"

#define N 40u /* more than one statement of any implementation may take */

static void digest(vt_items *f, unsigned content, uint8_t out[32]) {
  vt_path p;
  vault_commit_item m;
  vt_path_set(&p, "x");
  vt_commit_item(f, &m, &p, 1, content);
  memcpy(out, m.sha256, 32);
}

static int has_for(vt_items *f, const vault_id *user, unsigned content) {
  uint8_t sha256[32], have = 9;
  digest(f, content, sha256);
  vt_is(f->ops->find_digests(f->self, user, sha256, 1, &have, &f->err), VAULT_OK);
  ck_assert(have <= 1);
  return have;
}

static int has(vt_items *f, unsigned content) {
  return has_for(f, &f->user, content);
}

START_TEST(only_what_a_file_is_now) {
  vt_items f;
  vt_items_open(&f, _i);
  ck_assert(!has(&f, 1));
  vault_id a = vt_file(&f, "a", 10, 1);
  ck_assert(has(&f, 1));
  vault_id other = vt_items_user(&f, VT_QUOTA_BYTES);
  ck_assert(!has_for(&f, &other, 1));
  vt_is(vt_put(&f, "a", 10, 2).status, VAULT_OK); /* 1 is an older version now */
  ck_assert(!has(&f, 1) && has(&f, 2));
  vt_is(vt_trash(&f, &a), VAULT_OK);
  ck_assert(!has(&f, 2));
  vt_is(vt_restore(&f, &a), VAULT_OK);
  ck_assert(has(&f, 2));
  vault_id b = vt_file(&f, "b", 10, 2); /* shares the blob */
  vt_is(vt_trash(&f, &a), VAULT_OK);
  vt_is(vt_purge(&f, &a), VAULT_OK);
  ck_assert(has(&f, 2));
  vt_is(vt_trash(&f, &b), VAULT_OK);
  vt_is(vt_purge(&f, &b), VAULT_OK);
  ck_assert(!has(&f, 2));
  vt_items_close(&f);
}
END_TEST

START_TEST(in_a_folder_that_is_trashed) {
  vt_items f;
  vt_items_open(&f, _i);
  vault_id folder = vt_folder(&f, NULL, "d");
  (void)vt_file(&f, "d/e/a", 10, 1);
  ck_assert(has(&f, 1));
  vt_is(vt_trash(&f, &folder), VAULT_OK);
  ck_assert(!has(&f, 1));
  vt_items_close(&f);
}
END_TEST

START_TEST(fresh_ones_count) {
  vt_items f;
  vt_items_open(&f, _i);
  vault_commit_result r = vt_put_inline(&f, "a", 10, 1);
  vt_is(r.status, VAULT_OK);
  ck_assert(has(&f, 1));
  (void)vt_index(&f);
  ck_assert(has(&f, 1));
  vt_is(vt_trash(&f, &r.item.id), VAULT_OK);
  ck_assert(!has(&f, 1));
  vt_items_close(&f);
}
END_TEST

START_TEST(the_order_is_kept) {
  static uint8_t sha256[VAULT_DIGESTS_MAX + 1][32], have[VAULT_DIGESTS_MAX + 1];
  vt_items f;
  vt_items_open(&f, _i);
  for (unsigned i = 0; i < N; i++) {
    digest(&f, i, sha256[i]);
    if (i % 3 == 0)
      vt_is((i % 2 ? vt_put_inline : vt_put)(&f, i % 2 ? "odd" : "even", i + 1, i).status,
            VAULT_OK);
  }
  /* "odd" and "even" hold the last of each: 39 and 36 */
  vt_is(f.ops->find_digests(f.self, &f.user, sha256[0], N, have, &f.err), VAULT_OK);
  for (unsigned i = 0; i < N; i++)
    ck_assert_msg(have[i] == (i == 36 || i == 39), "digest %u: %u", i, have[i]);
  memcpy(sha256[7], sha256[36], 32); /* asked twice */
  vt_is(f.ops->find_digests(f.self, &f.user, sha256[0], 33, have, &f.err), VAULT_OK);
  ck_assert(have[7] == 1 && have[8] == 0 && have[32] == 0);
  vt_is(f.ops->find_digests(f.self, &f.user, sha256[0], 0, have, &f.err), VAULT_OK);
  vt_is(f.ops->find_digests(f.self, &f.user, sha256[0], VAULT_DIGESTS_MAX, have, &f.err), VAULT_OK);
  ck_assert(have[36] == 1 && have[VAULT_DIGESTS_MAX - 1] == 0);
  have[0] = 7;
  vt_is(f.ops->find_digests(f.self, &f.user, sha256[0], VAULT_DIGESTS_MAX + 1, have, &f.err),
        VAULT_E_USAGE);
  ck_assert_uint_eq(have[0], 7);
  vt_items_close(&f);
}
END_TEST

void vt_items_add_digest(TCase *tcase, int adapter) {
  const TTest *const tests[] = {only_what_a_file_is_now, in_a_folder_that_is_trashed,
                                fresh_ones_count, the_order_is_kept, NULL};
  vt_items_add(tcase, adapter, tests);
}
