#include <stdlib.h>
#include <string.h>

#include "modules/uploads/checksum.h"
#include "tests/support/vt_main.h"

#define BIG 100003u

static const uint8_t *bytes_of(const char *text) {
  return (const uint8_t *)text;
}

START_TEST(crc32c_published) {
  /* RFC 3720 appendix B.4, and the check value of the catalogue of CRCs. */
  uint8_t in[32];
  ck_assert_uint_eq(vd_crc32c(0, bytes_of("123456789"), 9), 0xe3069283u);
  memset(in, 0, sizeof in);
  ck_assert_uint_eq(vd_crc32c(0, in, sizeof in), 0x8a9136aau);
  memset(in, 0xff, sizeof in);
  ck_assert_uint_eq(vd_crc32c(0, in, sizeof in), 0x62a8ab43u);
  for (unsigned i = 0; i < sizeof in; i++)
    in[i] = (uint8_t)i;
  ck_assert_uint_eq(vd_crc32c(0, in, sizeof in), 0x46dd794eu);
  ck_assert_uint_eq(vd_crc32c(0, in, 0), 0);
}
END_TEST

START_TEST(crc32c_in_pieces) {
  uint8_t *in = malloc(BIG);
  ck_assert_ptr_nonnull(in);
  for (size_t i = 0; i < BIG; i++)
    in[i] = (uint8_t)(i * 2654435761u >> 13);
  uint32_t whole = vd_crc32c(0, in, BIG), bit = 0xffffffffu;
  for (size_t i = 0; i < BIG; i++) { /* the definition, bit by bit */
    bit ^= in[i];
    for (int k = 0; k < 8; k++)
      bit = bit & 1 ? bit >> 1 ^ 0x82f63b78u : bit >> 1;
  }
  ck_assert_uint_eq(whole, ~bit);
  for (size_t step = 1; step < 20; step++) {
    uint32_t crc = 0;
    for (size_t at = 0; at < BIG; at += step)
      crc = vd_crc32c(crc, in + at, BIG - at < step ? BIG - at : step);
    ck_assert_uint_eq(crc, whole);
  }
  free(in);
}
END_TEST

START_TEST(fields) {
  vd_checksum c;
  ck_assert_int_eq(vd_checksum_parse("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", &c), VD_CHECKSUM_OK);
  ck_assert(c.kind == VD_SUM_SHA1 && c.n == 20);
  ck_assert_int_eq(vd_checksum_parse("crc32c 4waSgw==", &c), VD_CHECKSUM_OK);
  ck_assert(c.kind == VD_SUM_CRC32C && memcmp(c.bytes, "\xe3\x06\x92\x83", 4) == 0);
  ck_assert_int_eq(vd_checksum_parse("sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=", &c),
                   VD_CHECKSUM_OK);
  ck_assert_int_eq(vd_checksum_parse("md5 kAFQmDzST7DWlj99KOF/cg==", &c), VD_CHECKSUM_UNKNOWN);
  ck_assert_int_eq(vd_checksum_parse("SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", &c), VD_CHECKSUM_UNKNOWN);
  static const char *const bad[] = {"",
                                    "sha1",
                                    "sha1 ",
                                    " Kq5s",
                                    "sha1 Kq5s",
                                    "crc32c 4waSg=",
                                    "crc32c 4waS",
                                    "sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
                                    "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0= "};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg(vd_checksum_parse(bad[i], &c) == VD_CHECKSUM_BAD, "%s", bad[i]);
}
END_TEST

/* Of "hello world": the specification's sha1, and the others of the same bytes. */
START_TEST(sums) {
  static const char *const right[] = {"sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
                                      "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
                                      "crc32c yZRlqg=="};
  for (size_t i = 0; i < 3; i++) {
    vd_checksum c;
    ck_assert_int_eq(vd_checksum_parse(right[i], &c), VD_CHECKSUM_OK);
    vd_sum *one = vd_sum_new(c.kind), *all = vd_sum_new(VD_SUM_ALL);
    ck_assert(one != NULL && all != NULL);
    ck_assert(vd_sum_update(one, bytes_of("hello "), 6) &&
              vd_sum_update(one, bytes_of("world"), 5));
    ck_assert(vd_sum_update(all, bytes_of("hello world"), 11));
    ck_assert(vd_sum_equals(one, &c) && vd_sum_equals(all, &c));
    vd_sum_free(one);
    vd_sum_free(all);
    one = vd_sum_new(c.kind);
    ck_assert(one != NULL && vd_sum_update(one, bytes_of("hello World"), 11));
    ck_assert(!vd_sum_equals(one, &c));
    vd_sum_free(one);
    one = vd_sum_new(VD_SUM_ALL & ~c.kind); /* one that was not made */
    ck_assert(one != NULL && vd_sum_update(one, bytes_of("hello world"), 11));
    ck_assert(!vd_sum_equals(one, &c));
    vd_sum_free(one);
  }
  vd_sum_free(NULL);
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {crc32c_published, crc32c_in_pieces, fields, sums, NULL};
  return vt_suite("checksum", all);
}

VT_MAIN(suite)
