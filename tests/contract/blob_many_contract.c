/* The part of the blob store's suite about publish_many. A store without it has nothing to
 * check here. */
#include "blob_support.h"

#include <string.h>

#define MANY VAULT_BLOB_MANY_MAX

typedef struct many {
  vt_blob b;
  uint64_t n;
  vault_blob_key keys[MANY + 1];
  vault_blob_writer *w[MANY + 1];
  vault_blob_meta metas[MANY + 1];
  vault_status got[MANY + 1];
} many;

static many m;

/* n bodies "hello" of three users in two months, none sealed. 0: the store has no such thing. */
static int begin_many(int i, uint64_t n) {
  memset(&m, 0, sizeof m);
  vt_blob_open(&m.b, i);
  if (!m.b.ops->publish_many)
    return 0;
  m.n = n;
  for (unsigned k = 0; k < n; k++) {
    int64_t month = k % 2 ? VT_NOV_2026_MS : VT_NOV_2026_MS + INT64_C(3000000000);
    m.keys[k] = vt_blob_key(1 + k % 3, k, VAULT_SPACE_FILES, month, ".txt");
    m.metas[k] = vt_blob_meta(vt_sha_hello);
    vt_is(m.b.ops->begin(m.b.self, &m.keys[k], 0, &m.w[k], NULL), VAULT_OK);
    vt_is(m.b.ops->write(m.b.self, m.w[k], "hello", 5, NULL), VAULT_OK);
    m.got[k] = VAULT_E_INTERNAL; /* not what is expected below */
  }
  return 1;
}

static void publish_all(vault_err *err) {
  m.b.ops->publish_many(m.b.self, m.w, m.metas, m.n, m.got, err);
}

static void end_many(void) {
  for (uint64_t k = 0; k < m.n; k++)
    m.b.ops->discard(m.b.self, m.w[k], 0);
  vt_blob_close(&m.b);
}

static void expect_from(uint64_t k) {
  for (; k < m.n; k++) {
    vt_is(m.got[k], VAULT_OK);
    vt_blob_expect(&m.b, &m.keys[k], "hello", 5);
  }
}

START_TEST(many_are_published) {
  static const uint64_t counts[] = {1, 7, 8, 9, MANY};
  static vault_blob_entry e[MANY + 1];
  for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
    if (begin_many(_i, counts[c])) {
      publish_all(NULL);
      expect_from(0);
      ck_assert_uint_eq(vt_blob_list(&m.b, e, MANY + 1, MANY + 1), m.n);
      if (m.b.caps & VAULT_BLOB_CAP_META) {
        vault_blob_meta meta = {.size = sizeof meta};
        uint64_t size = 0;
        vt_is(m.b.ops->stat(m.b.self, &m.keys[0], &size, &meta, NULL), VAULT_OK);
        ck_assert_uint_eq(meta.format, 0);
        ck_assert_mem_eq(meta.sha256, vt_sha_hello, sizeof meta.sha256);
      }
    }
    end_many();
  }
}
END_TEST

START_TEST(many_refuses_one_too_many) {
  vault_err err = VAULT_ERR_INIT;
  if (begin_many(_i, MANY + 1)) {
    publish_all(&err);
    ck_assert_str_ne(err.msg, "");
    for (uint64_t k = 0; k < m.n; k++) {
      vt_is(m.got[k], VAULT_E_USAGE);
      vt_blob_expect_none(&m.b, &m.keys[k]);
    }
  }
  end_many();
}
END_TEST

START_TEST(many_after_reopening) {
  if (begin_many(_i, 10)) {
    publish_all(NULL);
    for (uint64_t k = 0; k < m.n; k++)
      m.b.ops->discard(m.b.self, m.w[k], 0);
    memset(m.w, 0, sizeof m.w);
    if (m.b.a->caps & VT_CAP_REOPEN)
      vt_blob_reopen(&m.b);
    expect_from(0);
  }
  end_many();
}
END_TEST

/* The first has another body in its way, the second its own from an earlier try. */
START_TEST(many_members_fail_alone) {
  vault_err err = VAULT_ERR_INIT;
  if (begin_many(_i, 12)) {
    vt_blob_put(&m.b, &m.keys[0], "jello", 5, vt_sha_jello);
    vt_blob_put(&m.b, &m.keys[1], "hello", 5, vt_sha_hello);
    publish_all(&err);
    vt_is(m.got[0], VAULT_E_CONFLICT);
    vt_is(err.status, VAULT_E_CONFLICT);
    vt_blob_expect(&m.b, &m.keys[0], "jello", 5);
    expect_from(1);
  }
  end_many();
}
END_TEST

/* What the single calls did already is not done again, and repeating changes nothing. */
START_TEST(many_goes_on_from_where_each_is) {
  if (begin_many(_i, 12)) {
    vt_is(m.b.ops->seal(m.b.self, m.w[0], &m.metas[0], NULL), VAULT_OK);
    vt_is(m.b.ops->seal(m.b.self, m.w[1], &m.metas[1], NULL), VAULT_OK);
    vt_is(m.b.ops->publish(m.b.self, m.w[1], NULL), VAULT_OK);
    publish_all(NULL);
    expect_from(0);
    publish_all(NULL);
    expect_from(0);
    vt_is(m.b.ops->seal(m.b.self, m.w[5], &m.metas[5], NULL), VAULT_OK);
    vt_is(m.b.ops->publish(m.b.self, m.w[5], NULL), VAULT_OK);
  }
  end_many();
}
END_TEST

START_TEST(many_takes_resumable_ones) {
  static vault_blob_entry e[16];
  if (begin_many(_i, 9) && (m.b.caps & VAULT_BLOB_CAP_RESUME)) {
    m.b.ops->discard(m.b.self, m.w[3], 0);
    vt_is(m.b.ops->begin(m.b.self, &m.keys[3], VAULT_BLOB_RESUMABLE, &m.w[3], NULL), VAULT_OK);
    vt_is(m.b.ops->write(m.b.self, m.w[3], "hello", 5, NULL), VAULT_OK);
    publish_all(NULL);
    expect_from(0);
    ck_assert_uint_eq(vt_blob_list(&m.b, e, 16, 16), 9); /* no partial body is left */
  }
  end_many();
}
END_TEST

void vt_blob_add_many(TCase *tcase, int i) {
  tcase_add_loop_test(tcase, many_are_published, i, i + 1);
  tcase_add_loop_test(tcase, many_refuses_one_too_many, i, i + 1);
  tcase_add_loop_test(tcase, many_after_reopening, i, i + 1);
  tcase_add_loop_test(tcase, many_members_fail_alone, i, i + 1);
  tcase_add_loop_test(tcase, many_goes_on_from_where_each_is, i, i + 1);
  tcase_add_loop_test(tcase, many_takes_resumable_ones, i, i + 1);
}
