#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "http/gzip.h"
#include "tests/support/vt_main.h"

static const struct {
  const char *value;
  bool gzip;
} ROWS[] = {
  {"gzip", true},
  {"GZip", true},
  {"x-gzip", true},
  {"gzip, deflate, br, zstd", true},
  {"deflate,gzip;q=0.5", true},
  {"gzip;q=1.000", true},
  {"gzip;q=0.001", true},
  {"gzip ; q=1", true},
  {"*", true},
  {"*;q=0.1", true},
  {"br, *", true},
  {"gzip;q=1, identity;q=0.5", true},
  {"gzip;q=0.5, identity;q=0", true},
  {",, gzip ,", true},
  {"", false},
  {"br", false},
  {"identity", false},
  {"gzip;q=0", false},
  {"gzip;q=0.000", false},
  {"gzip;q=0, *", false},
  {"*;q=0", false},
  {"gzip;q=0.4, identity;q=0.5", false},
  {"gzipped", false},
  {"gzip;q=1.001", false},
  {"gzip;q=2", false},
  {"gzip;q=0.0001", false},
  {"gzip;q=", false},
  {"gzip;q=.5", false},
  {"gzip;q=-1", false},
  {"gzip;q=1x", false},
  {"gzip;level=9", false},
  {"gzip;q=1;q=0", false},
  {"gzip deflate", false},
  {";q=1, gzip", false},
};

START_TEST(accepting) {
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    vd_accept_encoding a;
    vd_accept_encoding_init(&a);
    vd_accept_encoding_read(&a, ROWS[i].value);
    ck_assert_msg(vd_accept_encoding_gzip(&a) == ROWS[i].gzip, "row %zu: %s", i, ROWS[i].value);
  }
}
END_TEST

START_TEST(several_fields) {
  vd_accept_encoding a;
  vd_accept_encoding_init(&a);
  ck_assert(!vd_accept_encoding_gzip(&a)); /* no field at all: the plain bytes */
  vd_accept_encoding_read(&a, "br");
  vd_accept_encoding_read(&a, "gzip");
  ck_assert(vd_accept_encoding_gzip(&a));
  vd_accept_encoding_read(&a, "identity;q=");
  ck_assert(!vd_accept_encoding_gzip(&a));
}
END_TEST

START_TEST(there_and_back) {
  static uint8_t body[300000], back[300000];
  size_t n = 0;
  for (size_t i = 0; n + 40 < sizeof body; i++)
    n += (size_t)snprintf((char *)body + n, 40, "{\"index\":%zu,\"name\":\"photo\"},", i);
  size_t packed_n = 0;
  uint8_t *packed = vd_gzip(body, n, &packed_n);
  ck_assert_ptr_nonnull(packed);
  ck_assert_uint_lt(packed_n, n / 4);
  z_stream z;
  memset(&z, 0, sizeof z);
  ck_assert_int_eq(inflateInit2(&z, 31), Z_OK);
  z.next_in = packed;
  z.avail_in = (uInt)packed_n;
  z.next_out = back;
  z.avail_out = sizeof back;
  ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
  ck_assert_uint_eq(z.total_out, n);
  ck_assert_mem_eq(back, body, n);
  ck_assert_int_eq(inflateEnd(&z), Z_OK);
  free(packed);
}
END_TEST

/* What does not get shorter is left alone. */
START_TEST(no_gain) {
  uint8_t noise[2048];
  size_t n = 0;
  uint32_t seed = 1;
  for (size_t i = 0; i < sizeof noise; i++) {
    seed = seed * 1664525u + 1013904223u;
    noise[i] = (uint8_t)(seed >> 24);
  }
  ck_assert_ptr_null(vd_gzip(noise, sizeof noise, &n));
  ck_assert_ptr_null(vd_gzip(noise, 1, &n));
  ck_assert_ptr_null(vd_gzip(noise, 0, &n));
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {accepting, several_fields, there_and_back, no_gain, NULL};
  return vt_suite("gzip", all);
}

VT_MAIN(suite)
