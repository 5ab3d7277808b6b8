/* The suite of the blob store port. Adapters make stores that are not attached yet. */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "blob_support.h"

#define BIG_BYTES (300u << 10)
#define THREADS 4
#define PUTS 20
#define LIST_ROOM 256

START_TEST(blob_table_is_complete) {
  vt_blob b;
  vt_blob_open(&b, _i);
  ck_assert_uint_ge(b.ops->size, sizeof *b.ops);
  ck_assert_uint_eq(b.ops->version, VAULT_BLOB_STORE_V1);
  ck_assert(b.ops->write && b.ops->seal && b.ops->publish && b.ops->discard && b.ops->open &&
            b.ops->read && b.ops->close && b.ops->stat && b.ops->remove && b.ops->list);
  if (b.caps & VAULT_BLOB_CAP_RESUME)
    ck_assert(b.ops->resume && b.ops->flush);
  if (b.caps & VAULT_BLOB_CAP_FD)
    ck_assert(b.ops->fd != NULL);
  b.ops->discard(b.self, NULL, 0);
  b.ops->close(b.self, NULL);
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_attach_needs_a_store) {
  const vt_adapter *a = vt_adapter_at(_i);
  vt_instance in = {0};
  vault_id owner = vt_blob_owner(0);
  vault_err err = VAULT_ERR_INIT;
  a->make(a, &in);
  const vault_blob_store_ops *ops = in.ops;
  vt_is(ops->attach(in.self, &owner, 0, &err), VAULT_E_STORE_MISSING);
  ck_assert_str_ne(err.msg, "");
  vt_is(ops->attach(in.self, &owner, 1, NULL), VAULT_OK);
  a->destroy(a, &in);
}
END_TEST

START_TEST(blob_attach_refuses_another_vault) {
  vt_blob b;
  vault_id other = vt_blob_owner(9), mine = vt_blob_owner(0);
  vt_blob_open(&b, _i);
  if (b.a->caps & VT_CAP_REOPEN) {
    b.a->reopen(b.a, &b.in);
    b.ops = b.in.ops;
    vt_is(b.ops->attach(b.in.self, &other, 1, NULL), VAULT_E_STORE_FOREIGN);
    vt_is(b.ops->attach(b.in.self, &other, 0, NULL), VAULT_E_STORE_FOREIGN);
    vt_is(b.ops->attach(b.in.self, &mine, 0, NULL), VAULT_OK);
  }
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_comes_back_as_it_went_in) {
  static unsigned char body[BIG_BYTES];
  vt_blob b;
  vault_blob_writer *w = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello), got;
  vault_blob_key key = vt_blob_key(1, 1, VAULT_SPACE_FILES, VT_NOV_2026_MS, ".jpg");
  uint64_t size = 0;
  vt_blob_open(&b, _i);
  for (size_t i = 0; i < sizeof body; i++)
    body[i] = (unsigned char)(i * 31 + i / 251);
  vt_is(b.ops->begin(b.self, &key, 0, &w, NULL), VAULT_OK);
  for (uint64_t at = 0, n; at < sizeof body; at += n) {
    n = at % 7000 + 1;
    if (n > sizeof body - at)
      n = sizeof body - at;
    vt_is(b.ops->write(b.self, w, body + at, n, NULL), VAULT_OK);
  }
  vt_is(b.ops->seal(b.self, w, &meta, NULL), VAULT_OK);
  vt_is(b.ops->publish(b.self, w, NULL), VAULT_OK);
  b.ops->discard(b.self, w, 0);
  vt_blob_expect(&b, &key, body, sizeof body);
  memset(&got, 0, sizeof got);
  got.size = sizeof got;
  vt_is(b.ops->stat(b.self, &key, &size, &got, NULL), VAULT_OK);
  ck_assert_uint_eq(size, sizeof body);
  if (b.caps & VAULT_BLOB_CAP_META) {
    ck_assert_uint_eq(got.format, 0);
    ck_assert_mem_eq(&got.item, &meta.item, sizeof got.item);
    ck_assert_mem_eq(got.sha256, meta.sha256, sizeof got.sha256);
  }
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_reads_ranges) {
  vt_blob b;
  vault_blob_reader *r = NULL;
  vault_blob_key key = vt_blob_key(1, 2, VAULT_SPACE_PHOTOS, VT_NOV_2026_MS, "");
  uint64_t size = 0, got = 42;
  char p[8] = "";
  vt_blob_open(&b, _i);
  vt_blob_put(&b, &key, "hello", 5, vt_sha_hello);
  vt_is(b.ops->open(b.self, &key, &r, &size, NULL), VAULT_OK);
  vt_is(b.ops->read(b.self, r, 1, p, 3, &got, NULL), VAULT_OK);
  ck_assert_uint_ge(got, 1);
  ck_assert_mem_eq(p, "ell", got);
  vt_is(b.ops->read(b.self, r, 5, p, sizeof p, &got, NULL), VAULT_OK);
  ck_assert_uint_eq(got, 0);
  vt_is(b.ops->read(b.self, r, UINT64_MAX, p, sizeof p, &got, NULL), VAULT_OK);
  ck_assert_uint_eq(got, 0);
  if (b.caps & VAULT_BLOB_CAP_FD) {
    int fd = b.ops->fd(b.self, r);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, p, 5, 0), 5);
    ck_assert_mem_eq(p, "hello", 5);
  } else if (b.ops->fd) {
    ck_assert_int_eq(b.ops->fd(b.self, r), -1);
  }
  b.ops->close(b.self, r);
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_may_be_empty) {
  static const uint8_t any[32] = {1};
  vt_blob b;
  vault_blob_key key = vt_blob_key(1, 3, VAULT_SPACE_NOTES, VT_NOV_2026_MS, "");
  vt_blob_open(&b, _i);
  vt_blob_put(&b, &key, "", 0, any);
  vt_blob_expect(&b, &key, "", 0);
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_is_invisible_until_published) {
  vt_blob b;
  vault_blob_writer *w = NULL;
  vault_blob_entry e;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  vault_blob_key key = vt_blob_key(1, 4, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vt_blob_open(&b, _i);
  vt_is(b.ops->begin(b.self, &key, 0, &w, NULL), VAULT_OK);
  vt_is(b.ops->write(b.self, w, "hello", 5, NULL), VAULT_OK);
  vt_blob_expect_none(&b, &key);
  vt_is(b.ops->seal(b.self, w, &meta, NULL), VAULT_OK);
  vt_blob_expect_none(&b, &key);
  b.ops->discard(b.self, w, 0);
  vt_blob_expect_none(&b, &key);
  ck_assert_uint_eq(vt_blob_list(&b, &e, 1, 1), 0);
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_steps_may_be_repeated) {
  vt_blob b;
  vault_blob_writer *w = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  vault_blob_key key = vt_blob_key(1, 5, VAULT_SPACE_FILES, VT_NOV_2026_MS, ".png");
  vt_blob_open(&b, _i);
  vt_is(b.ops->begin(b.self, &key, 0, &w, NULL), VAULT_OK);
  vt_is(b.ops->write(b.self, w, "hello", 5, NULL), VAULT_OK);
  vt_is(b.ops->seal(b.self, w, &meta, NULL), VAULT_OK);
  vt_is(b.ops->seal(b.self, w, &meta, NULL), VAULT_OK);
  vt_is(b.ops->publish(b.self, w, NULL), VAULT_OK);
  vt_is(b.ops->publish(b.self, w, NULL), VAULT_OK);
  b.ops->discard(b.self, w, 0);
  vt_blob_expect(&b, &key, "hello", 5);
  vt_blob_put(&b, &key, "hello", 5, vt_sha_hello); /* the answer of the first was lost */
  vt_blob_expect(&b, &key, "hello", 5);
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_is_never_replaced) {
  static const uint8_t any[32] = {1};
  static const struct {
    const char *body;
    uint64_t n;
    const uint8_t *sha;
  } others[] = {{"jello", 5, vt_sha_jello}, {"hello!", 6, any}, {"", 0, any}};
  vt_blob b;
  vault_blob_key key = vt_blob_key(1, 6, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vt_blob_open(&b, _i);
  vt_blob_put(&b, &key, "hello", 5, vt_sha_hello);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    vault_blob_writer *w = NULL;
    vault_blob_meta meta = vt_blob_meta(others[i].sha);
    vt_is(b.ops->begin(b.self, &key, 0, &w, NULL), VAULT_OK);
    vt_is(b.ops->write(b.self, w, others[i].body, others[i].n, NULL), VAULT_OK);
    vt_is(b.ops->seal(b.self, w, &meta, NULL), VAULT_OK);
    vt_is(b.ops->publish(b.self, w, NULL), VAULT_E_CONFLICT);
    b.ops->discard(b.self, w, 0);
    vt_blob_expect(&b, &key, "hello", 5);
  }
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_publish_needs_seal) {
  vt_blob b;
  vault_blob_writer *w = NULL;
  vault_blob_key key = vt_blob_key(1, 7, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vt_blob_open(&b, _i);
  vt_is(b.ops->begin(b.self, &key, 0, &w, NULL), VAULT_OK);
  vt_is(b.ops->publish(b.self, w, NULL), VAULT_E_USAGE);
  b.ops->discard(b.self, w, 0);
  vt_blob_expect_none(&b, &key);
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_remove_is_repeatable) {
  vt_blob b;
  vault_blob_entry e;
  vault_blob_key key = vt_blob_key(1, 8, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vault_blob_key next = vt_blob_key(1, 9, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vt_blob_open(&b, _i);
  vt_is(b.ops->remove(b.self, &key, NULL), VAULT_OK);
  vt_blob_put(&b, &key, "hello", 5, vt_sha_hello);
  vt_blob_put(&b, &next, "jello", 5, vt_sha_jello);
  vt_is(b.ops->remove(b.self, &key, NULL), VAULT_OK);
  vt_is(b.ops->remove(b.self, &key, NULL), VAULT_OK);
  vt_blob_expect_none(&b, &key);
  vt_blob_expect(&b, &next, "jello", 5);
  ck_assert_uint_eq(vt_blob_list(&b, &e, 1, 1), 1);
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_refuses_bad_keys) {
  vt_blob b;
  vault_blob_writer *w = NULL;
  vault_blob_reader *r = NULL;
  uint64_t size = 0;
  vault_blob_key bad[4];
  vt_blob_open(&b, _i);
  for (unsigned i = 0; i < 4; i++)
    bad[i] = vt_blob_key(1, 1, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  bad[0].space = 0;
  bad[1].space = 99;
  memcpy(bad[2].ext, "./../x", 7);
  memset(bad[3].ext, 'a', sizeof bad[3].ext);
  for (unsigned i = 0; i < 4; i++) {
    vt_is(b.ops->begin(b.self, &bad[i], 0, &w, NULL), VAULT_E_INPUT);
    vt_is(b.ops->open(b.self, &bad[i], &r, &size, NULL), VAULT_E_INPUT);
    vt_is(b.ops->remove(b.self, &bad[i], NULL), VAULT_E_INPUT);
  }
  ck_assert(!w && !r);
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_survives_reopening) {
  vt_blob b;
  vault_blob_key key = vt_blob_key(1, 10, VAULT_SPACE_FILES, VT_NOV_2026_MS, ".pdf");
  vt_blob_open(&b, _i);
  vt_blob_put(&b, &key, "hello", 5, vt_sha_hello);
  if (b.a->caps & VT_CAP_REOPEN) {
    vt_blob_reopen(&b);
    vt_blob_expect(&b, &key, "hello", 5);
  }
  vt_blob_close(&b);
}
END_TEST

/* Fill with keys in an order that is not theirs; every page size must give the same list. */
START_TEST(blob_list_pages_in_one_order) {
  static const int64_t months[] = {0, VT_NOV_2026_MS, VT_NOV_2026_MS + INT64_C(3000000000)};
  static const uint64_t pages[] = {1, 3, 7, LIST_ROOM};
  static vault_blob_entry first[LIST_ROOM], other[LIST_ROOM];
  vt_blob b;
  unsigned count = 0;
  vt_blob_open(&b, _i);
  for (unsigned i = 0; i < 60; i++) {
    unsigned x = i * 37 % 60;
    vault_blob_key key =
      vt_blob_key(1 + x % 3, x, 1 + x / 3 % 3, months[x / 9 % 3], x % 2 ? ".jpg" : "");
    vt_blob_put(&b, &key, "hello", x % 6, vt_sha_hello);
    count++;
  }
  ck_assert_uint_eq(vt_blob_list(&b, first, LIST_ROOM, LIST_ROOM), count);
  for (unsigned i = 0; i < count; i++) {
    ck_assert_uint_eq(first[i].partial, 0);
    for (unsigned k = 0; k < i; k++)
      ck_assert_int_ne(memcmp(&first[i].key, &first[k].key, sizeof first[i].key), 0);
  }
  for (size_t p = 0; p < sizeof pages / sizeof pages[0]; p++) {
    ck_assert_uint_eq(vt_blob_list(&b, other, LIST_ROOM, pages[p]), count);
    for (unsigned i = 0; i < count; i++)
      ck_assert_mem_eq(&first[i].key, &other[i].key, sizeof first[i].key);
  }
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_list_refuses_a_strange_cursor) {
  vt_blob b;
  vault_blob_entry e;
  char cursor[VAULT_BLOB_PATH_MAX] = "../../etc/passwd";
  uint64_t n = 42;
  vt_blob_open(&b, _i);
  ck_assert_int_eq(vault_status_class(b.ops->list(b.self, cursor, &e, 1, &n, NULL)),
                   VAULT_CLASS_INPUT);
  ck_assert_uint_eq(n, 42);
  vt_blob_close(&b);
}
END_TEST

typedef struct putter {
  vt_blob *b;
  unsigned user;
  int bad;
} putter;

/* No assertions here: check's are for the main thread. */
static void *put_many(void *user) {
  putter *p = user;
  const vault_blob_store_ops *ops = p->b->ops;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  for (unsigned i = 0; i < PUTS; i++) {
    vault_blob_key key =
      vt_blob_key(p->user % 2, p->user * PUTS + i, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
    vault_blob_writer *w = NULL;
    p->bad |= ops->begin(p->b->self, &key, 0, &w, NULL) != VAULT_OK;
    if (!w)
      continue;
    p->bad |= ops->write(p->b->self, w, "hello", 5, NULL) != VAULT_OK ||
              ops->seal(p->b->self, w, &meta, NULL) != VAULT_OK ||
              ops->publish(p->b->self, w, NULL) != VAULT_OK;
    ops->discard(p->b->self, w, 0);
  }
  return NULL;
}

START_TEST(blob_threads_do_not_disturb) {
  static vault_blob_entry e[LIST_ROOM];
  vt_blob b;
  pthread_t thread[THREADS];
  putter p[THREADS];
  vt_blob_open(&b, _i);
  for (unsigned i = 0; i < THREADS; i++) {
    p[i] = (putter){&b, i, 0};
    ck_assert_int_eq(pthread_create(&thread[i], NULL, put_many, &p[i]), 0);
  }
  for (unsigned i = 0; i < THREADS; i++) {
    (void)pthread_join(thread[i], NULL);
    ck_assert_int_eq(p[i].bad, 0);
  }
  ck_assert_uint_eq(vt_blob_list(&b, e, LIST_ROOM, 50), THREADS * PUTS);
  vt_blob_close(&b);
}
END_TEST

TCase *vt_blob_contract(const vt_adapter *a) {
  const TTest *const all[] = {blob_table_is_complete,
                              blob_attach_needs_a_store,
                              blob_attach_refuses_another_vault,
                              blob_comes_back_as_it_went_in,
                              blob_reads_ranges,
                              blob_may_be_empty,
                              blob_is_invisible_until_published,
                              blob_steps_may_be_repeated,
                              blob_is_never_replaced,
                              blob_publish_needs_seal,
                              blob_remove_is_repeatable,
                              blob_refuses_bad_keys,
                              blob_survives_reopening,
                              blob_list_pages_in_one_order,
                              blob_list_refuses_a_strange_cursor,
                              blob_threads_do_not_disturb,
                              NULL};
  TCase *tcase = vt_contract("blob", a, all);
  vt_blob_add_resume(tcase, vt_adapter_add(a));
  vt_blob_add_many(tcase, vt_adapter_add(a));
  return tcase;
}
