#include "blob_support.h"

#include <stdlib.h>
#include <string.h>

vault_id vt_blob_owner(unsigned n) {
  vault_id id = {{1, 2, 3, 4, 5, 6, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0}};
  id.b[15] = (uint8_t)n;
  return id;
}

static void attach(vt_blob *b) {
  vault_id owner = vt_blob_owner(0);
  b->ops = b->in.ops;
  b->self = b->in.self;
  vt_is(b->ops->attach(b->self, &owner, 1, NULL), VAULT_OK);
  b->caps = b->ops->caps(b->self);
}

void vt_blob_open(vt_blob *b, int i) {
  memset(b, 0, sizeof *b);
  b->a = vt_adapter_at(i);
  b->a->make(b->a, &b->in);
  attach(b);
}

void vt_blob_reopen(vt_blob *b) {
  b->a->reopen(b->a, &b->in);
  attach(b);
}

void vt_blob_close(vt_blob *b) {
  b->a->destroy(b->a, &b->in);
}

vault_blob_key vt_blob_key(unsigned user, unsigned blob, uint32_t space, int64_t time_ms,
                           const char *ext) {
  vault_blob_key key;
  memset(&key, 0, sizeof key);
  key.user = vt_blob_owner(user);
  for (unsigned i = 0; i < 6; i++)
    key.blob.b[i] = (uint8_t)(time_ms >> (40 - 8 * i));
  key.blob.b[6] = 0x70;
  key.blob.b[8] = 0x80;
  key.blob.b[14] = (uint8_t)(blob >> 8);
  key.blob.b[15] = (uint8_t)blob;
  key.space = space;
  ck_assert_uint_lt(strlen(ext), sizeof key.ext);
  memcpy(key.ext, ext, strlen(ext));
  return key;
}

vault_blob_meta vt_blob_meta(const uint8_t sha256[32]) {
  vault_blob_meta meta;
  memset(&meta, 0, sizeof meta);
  meta.size = sizeof meta;
  meta.item = vt_blob_owner(77);
  memcpy(meta.sha256, sha256, sizeof meta.sha256);
  return meta;
}

void vt_blob_put(vt_blob *b, const vault_blob_key *key, const void *p, uint64_t n,
                 const uint8_t sha256[32]) {
  vault_blob_writer *w = NULL;
  vault_blob_meta meta = vt_blob_meta(sha256);
  vt_is(b->ops->begin(b->self, key, 0, &w, NULL), VAULT_OK);
  vt_is(b->ops->write(b->self, w, p, n, NULL), VAULT_OK);
  vt_is(b->ops->seal(b->self, w, &meta, NULL), VAULT_OK);
  vt_is(b->ops->publish(b->self, w, NULL), VAULT_OK);
  b->ops->discard(b->self, w, 0);
}

void vt_blob_expect(vt_blob *b, const vault_blob_key *key, const void *p, uint64_t n) {
  vault_blob_reader *r = NULL;
  uint64_t size = 0, got = 0, at = 0;
  vt_is(b->ops->open(b->self, key, &r, &size, NULL), VAULT_OK);
  ck_assert_uint_eq(size, n);
  unsigned char *have = malloc((size_t)n + 1);
  ck_assert_ptr_nonnull(have);
  do {
    vt_is(b->ops->read(b->self, r, at, have + at, n + 1 - at, &got, NULL), VAULT_OK);
    at += got;
  } while (got && at <= n);
  ck_assert_uint_eq(at, n);
  ck_assert(n == 0 || memcmp(have, p, (size_t)n) == 0);
  free(have);
  b->ops->close(b->self, r);
}

void vt_blob_expect_none(vt_blob *b, const vault_blob_key *key) {
  vault_blob_reader *r = NULL;
  uint64_t size = 42;
  vt_is(b->ops->open(b->self, key, &r, &size, NULL), VAULT_E_NOT_FOUND);
  vt_is(b->ops->stat(b->self, key, &size, NULL, NULL), VAULT_E_NOT_FOUND);
  ck_assert_ptr_null(r);
  ck_assert_uint_eq(size, 42);
}

uint64_t vt_blob_list(vt_blob *b, vault_blob_entry *out, uint64_t room, uint64_t page) {
  char cursor[VAULT_BLOB_PATH_MAX] = "";
  uint64_t total = 0, n = 0;
  for (;;) {
    uint64_t left = room - total;
    if (!left)
      break;
    vt_is(b->ops->list(b->self, cursor, out + total, page < left ? page : left, &n, NULL),
          VAULT_OK);
    if (!n)
      break;
    ck_assert_uint_le(n, page);
    total += n;
  }
  return total;
}

const uint8_t vt_sha_hello[32] = {0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e, 0x26, 0xe8, 0x3b,
                                  0x2a, 0xc5, 0xb9, 0xe2, 0x9e, 0x1b, 0x16, 0x1e, 0x5c, 0x1f, 0xa7,
                                  0x42, 0x5e, 0x73, 0x04, 0x33, 0x62, 0x93, 0x8b, 0x98, 0x24};

const uint8_t vt_sha_jello[32] = {0x18, 0x7c, 0x9b, 0xce, 0xeb, 0x91, 0x9e, 0x1b, 0x3e, 0x6d, 0x20,
                                  0xfa, 0x50, 0xec, 0xab, 0xf7, 0xd9, 0xd5, 0x0b, 0x53, 0x43, 0xe8,
                                  0xf9, 0xa3, 0xd9, 0x12, 0xab, 0xb1, 0x39, 0x29, 0x10, 0x2e};
