/* The part of the blob store's suite about resumable bodies. Without VAULT_BLOB_CAP_RESUME
 * these tests have nothing to check. */
#include "blob_support.h"

#include <string.h>

static vault_blob_key some_key(void) {
  return vt_blob_key(3, 1, VAULT_SPACE_FILES, VT_NOV_2026_MS, ".mp4");
}

/* "hel" is there and durable, nobody has it open. */
static int leave_partial(vt_blob *b, int i, vault_blob_key *key) {
  vault_blob_writer *w = NULL;
  uint64_t offset = 0;
  vt_blob_open(b, i);
  *key = some_key();
  if (!(b->caps & VAULT_BLOB_CAP_RESUME))
    return 0;
  vt_is(b->ops->begin(b->self, key, VAULT_BLOB_RESUMABLE, &w, NULL), VAULT_OK);
  vt_is(b->ops->write(b->self, w, "hel", 3, NULL), VAULT_OK);
  vt_is(b->ops->flush(b->self, w, &offset, NULL), VAULT_OK);
  ck_assert_uint_eq(offset, 3);
  b->ops->discard(b->self, w, 1);
  return 1;
}

static void finish_from(vt_blob *b, const vault_blob_key *key, uint64_t offset) {
  vault_blob_writer *w = NULL;
  vault_blob_entry e[2];
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  vt_is(b->ops->resume(b->self, key, offset, 1, &w, NULL), VAULT_OK);
  vt_is(b->ops->write(b->self, w, &"hello"[offset], 5 - offset, NULL), VAULT_OK);
  vt_is(b->ops->seal(b->self, w, &meta, NULL), VAULT_OK);
  vt_is(b->ops->publish(b->self, w, NULL), VAULT_OK);
  b->ops->discard(b->self, w, 1);
  vt_blob_expect(b, key, "hello", 5);
  ck_assert_uint_eq(vt_blob_list(b, e, 2, 2), 1);
  ck_assert_uint_eq(e[0].partial, 0);
}

START_TEST(blob_resume_continues) {
  vt_blob b;
  vault_blob_key key;
  if (leave_partial(&b, _i, &key))
    finish_from(&b, &key, 3);
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_resume_cuts_what_is_behind) {
  vt_blob b;
  vault_blob_key key;
  if (leave_partial(&b, _i, &key))
    finish_from(&b, &key, 1);
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_resume_after_reopening) {
  vt_blob b;
  vault_blob_key key;
  if (leave_partial(&b, _i, &key) && (b.a->caps & VT_CAP_REOPEN)) {
    vt_blob_reopen(&b);
    finish_from(&b, &key, 3);
  }
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_resume_refuses) {
  vt_blob b;
  vault_blob_key key, other = vt_blob_key(3, 2, VAULT_SPACE_FILES, VT_NOV_2026_MS, ".mp4");
  vault_blob_writer *w = NULL;
  if (leave_partial(&b, _i, &key)) {
    vt_is(b.ops->resume(b.self, &other, 0, 1, &w, NULL), VAULT_E_NOT_FOUND);
    vt_is(b.ops->resume(b.self, &key, 4, 1, &w, NULL), VAULT_E_OFFSET);
    ck_assert_ptr_null(w);
    finish_from(&b, &key, 3);
    vt_is(b.ops->resume(b.self, &key, 0, 1, &w, NULL), VAULT_E_NOT_FOUND);
  }
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_partial_is_listed) {
  vt_blob b;
  vault_blob_key key, done = vt_blob_key(2, 1, VAULT_SPACE_NOTES, VT_NOV_2026_MS, "");
  vault_blob_entry e[3];
  if (leave_partial(&b, _i, &key)) {
    vt_blob_expect_none(&b, &key);
    vt_blob_put(&b, &done, "hello", 5, vt_sha_hello);
    for (uint64_t page = 1; page < 4; page++) {
      ck_assert_uint_eq(vt_blob_list(&b, e, 3, page), 2);
      int at = e[0].partial ? 0 : 1;
      ck_assert_uint_eq(e[at].partial, 1);
      ck_assert_uint_eq(e[at].size_bytes, 3);
      ck_assert_mem_eq(&e[at].key, &key, sizeof key);
      ck_assert_mem_eq(&e[1 - at].key, &done, sizeof done);
    }
  }
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_partial_is_removed) {
  vt_blob b;
  vault_blob_key key;
  vault_blob_entry e;
  vault_blob_writer *w = NULL;
  if (leave_partial(&b, _i, &key)) {
    vt_is(b.ops->remove(b.self, &key, NULL), VAULT_OK);
    vt_is(b.ops->resume(b.self, &key, 0, 1, &w, NULL), VAULT_E_NOT_FOUND);
    ck_assert_uint_eq(vt_blob_list(&b, &e, 1, 1), 0);
  }
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_discard_without_keep_removes) {
  vt_blob b;
  vault_blob_key key;
  vault_blob_entry e;
  vault_blob_writer *w = NULL;
  if (leave_partial(&b, _i, &key)) {
    vt_is(b.ops->resume(b.self, &key, 3, 1, &w, NULL), VAULT_OK);
    b.ops->discard(b.self, w, 0);
    ck_assert_uint_eq(vt_blob_list(&b, &e, 1, 1), 0);
  }
  vt_blob_close(&b);
}
END_TEST

START_TEST(blob_partial_is_read) {
  vt_blob b;
  vault_blob_key key, other = vt_blob_key(3, 2, VAULT_SPACE_FILES, VT_NOV_2026_MS, ".mp4");
  vault_blob_reader *r = NULL;
  char buf[8];
  uint64_t size = 0, got = 0;
  if (leave_partial(&b, _i, &key)) {
    vt_is(b.ops->open_partial(b.self, &other, &r, &size, NULL), VAULT_E_NOT_FOUND);
    ck_assert_ptr_null(r);
    vt_is(b.ops->open_partial(b.self, &key, &r, &size, NULL), VAULT_OK);
    ck_assert_uint_eq(size, 3);
    vt_is(b.ops->read(b.self, r, 1, buf, sizeof buf, &got, NULL), VAULT_OK);
    ck_assert_uint_eq(got, 2);
    ck_assert_mem_eq(buf, "el", 2);
    b.ops->close(b.self, r);
    r = NULL;
    finish_from(&b, &key, 3);
    vt_is(b.ops->open_partial(b.self, &key, &r, &size, NULL), VAULT_E_NOT_FOUND);
  }
  vt_blob_close(&b);
}
END_TEST

/* Where the store copies by itself: from any offset, more than once, never past the end. */
START_TEST(blob_partial_is_copied) {
  vt_blob b;
  vault_blob_key key, to = vt_blob_key(3, 2, VAULT_SPACE_FILES, VT_NOV_2026_MS, ".mp4");
  vault_blob_reader *r = NULL;
  vault_blob_writer *w = NULL;
  vault_blob_meta meta = vt_blob_meta(vt_sha_hello);
  uint64_t size = 0;
  if (leave_partial(&b, _i, &key) && b.ops->copy) {
    vt_is(b.ops->open_partial(b.self, &key, &r, &size, NULL), VAULT_OK);
    vt_is(b.ops->begin(b.self, &to, VAULT_BLOB_RESUMABLE, &w, NULL), VAULT_OK);
    vt_is(b.ops->copy(b.self, w, r, 0, 2, NULL), VAULT_OK);
    vt_is(b.ops->copy(b.self, w, r, 2, 1, NULL), VAULT_OK);
    vt_is(b.ops->copy(b.self, w, r, 0, 0, NULL), VAULT_OK);
    vt_is(b.ops->write(b.self, w, "lo", 2, NULL), VAULT_OK);
    vt_is(b.ops->seal(b.self, w, &meta, NULL), VAULT_OK);
    vt_is(b.ops->publish(b.self, w, NULL), VAULT_OK);
    b.ops->discard(b.self, w, 0);
    vt_blob_expect(&b, &to, "hello", 5);
    to.blob.b[15] ^= 1;
    vt_is(b.ops->begin(b.self, &to, VAULT_BLOB_RESUMABLE, &w, NULL), VAULT_OK);
    vt_is(b.ops->copy(b.self, w, r, 2, 2, NULL), VAULT_E_CORRUPT);
    b.ops->discard(b.self, w, 0);
    b.ops->close(b.self, r);
  }
  vt_blob_close(&b);
}
END_TEST

void vt_blob_add_resume(TCase *tcase, int i) {
  const TTest *const all[] = {blob_resume_continues,
                              blob_resume_cuts_what_is_behind,
                              blob_partial_is_read,
                              blob_partial_is_copied,
                              blob_resume_after_reopening,
                              blob_resume_refuses,
                              blob_partial_is_listed,
                              blob_partial_is_removed,
                              blob_discard_without_keep_removes,
                              NULL};
  for (const TTest *const *t = all; *t; t++)
    tcase_add_loop_test(tcase, *t, i, i + 1);
}
