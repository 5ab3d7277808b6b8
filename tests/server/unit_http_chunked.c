#include <stdlib.h>
#include <string.h>

#include "http/chunked.h"
#include "http/limits.h"
#include "tests/support/vt_main.h"

#define BODY_MAX 256u

typedef struct row {
  const char *input;
  vd_chunked_result result;
  const char *body;
  size_t behind; /* bytes that are left for the next request */
} row;

static const row ROWS[] = {
  {"0\r\n\r\n", VD_CHUNKED_END, "", 0},
  {"3\r\nabc\r\n0\r\n\r\nGET /", VD_CHUNKED_END, "abc", 5},
  {"003\r\nabc\r\nA\r\n0123456789\r\n00\r\n\r\n", VD_CHUNKED_END, "abc0123456789", 0},
  {"3;a=b;c=\"d;e\"\r\nabc\r\n0;x\r\n\r\n", VD_CHUNKED_END, "abc", 0},
  {"1\r\n\n\r\n1\r\n\r\r\n0\r\n\r\n", VD_CHUNKED_END, "\n\r", 0},
  {"0\r\nContent-Length: 4\r\nT:\r\n\r\nnext", VD_CHUNKED_END, "", 4},
  {"3\r\nab", VD_CHUNKED_MORE, "ab", 0},
  {"0\r\n", VD_CHUNKED_MORE, "", 0},
  {"", VD_CHUNKED_MORE, "", 0},
  {"\r\n", VD_CHUNKED_BAD, "", 0},
  {" 3\r\nabc", VD_CHUNKED_BAD, "", 0},
  {"3 \r\nabc", VD_CHUNKED_BAD, "", 0},
  {"x\r\n", VD_CHUNKED_BAD, "", 0},
  {"0x3\r\nabc", VD_CHUNKED_BAD, "", 0},
  {"-3\r\nabc", VD_CHUNKED_BAD, "", 0},
  {";a\r\nabc", VD_CHUNKED_BAD, "", 0},
  {"3\nabc\r\n", VD_CHUNKED_BAD, "", 0},
  {"3\r\rabc\r\n", VD_CHUNKED_BAD, "", 0},
  {"3;a\nbc\r\n", VD_CHUNKED_BAD, "", 0},
  {"3;a\x01\r\n", VD_CHUNKED_BAD, "", 0},
  {"3\r\nabc\n0\r\n\r\n", VD_CHUNKED_BAD, "abc", 0},
  {"3\r\nabcd\r\n", VD_CHUNKED_BAD, "abc", 0},
  {"0\r\n\n", VD_CHUNKED_BAD, "", 0},
  {"0\r\nT: v\n\r\n", VD_CHUNKED_BAD, "", 0},
  {"0\r\nT: v\r\n\n", VD_CHUNKED_BAD, "", 0},
  {"0\r\nT: v\r\n folded\r\n\r\n", VD_CHUNKED_BAD, "", 0},
  {"0\r\n: v\r\n\r\n", VD_CHUNKED_BAD, "", 0},
  {"0\r\nT : v\r\n\r\n", VD_CHUNKED_BAD, "", 0},
  {"0\r\nno colon\r\n\r\n", VD_CHUNKED_BAD, "", 0},
  {"00000000000000003\r\nabc", VD_CHUNKED_BAD, "", 0},
  {"fffffffffffffffff\r\nabc", VD_CHUNKED_BAD, "", 0},
  {"ffffffffffffffff\r\nabc", VD_CHUNKED_MORE, "abc", 0},
};

/* Feeds pieces of at most step bytes, each in memory of its own, so that a read beyond it is seen. */
static vd_chunked_result feed(const char *input, size_t len, size_t step, char *body,
                              size_t *body_len, size_t *behind) {
  vd_chunked d = {0};
  vd_chunked_result r = VD_CHUNKED_MORE;
  *body_len = 0;
  for (size_t at = 0; at < len;) {
    size_t n = len - at < step ? len - at : step, used = 0, data_len = 0;
    const char *data = NULL;
    char *piece = malloc(n);
    ck_assert_ptr_nonnull(piece);
    memcpy(piece, input + at, n);
    r = vd_chunked_next(&d, piece, n, &used, &data, &data_len);
    ck_assert_uint_gt(used, 0);
    ck_assert_uint_le(used, n);
    if (r == VD_CHUNKED_DATA) {
      ck_assert_uint_le(*body_len + data_len, BODY_MAX);
      memcpy(body + *body_len, data, data_len);
      *body_len += data_len;
    }
    free(piece);
    at += used;
    *behind = len - at;
    if (r != VD_CHUNKED_DATA && r != VD_CHUNKED_MORE)
      return r;
  }
  return r == VD_CHUNKED_DATA ? VD_CHUNKED_MORE : r;
}

START_TEST(table_in_pieces_of_any_size) {
  for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
    size_t len = strlen(ROWS[i].input);
    for (size_t step = 1; step <= len + 1; step++) {
      char body[BODY_MAX];
      size_t body_len = 0, behind = 0;
      vd_chunked_result r = feed(ROWS[i].input, len, step, body, &body_len, &behind);
      ck_assert_msg(r == ROWS[i].result, "row %zu, step %zu: %d", i, step, (int)r);
      ck_assert_msg(body_len == strlen(ROWS[i].body) && !memcmp(body, ROWS[i].body, body_len),
                    "row %zu, step %zu", i, step);
      if (r == VD_CHUNKED_END)
        ck_assert_uint_eq(behind, ROWS[i].behind);
    }
  }
}
END_TEST

/* head, then n times unit, then tail. */
static vd_chunked_result repeated(const char *head, const char *unit, size_t n, const char *tail) {
  size_t unit_len = strlen(unit), len = strlen(head) + n * unit_len + strlen(tail), body_len,
         behind;
  char body[BODY_MAX];
  char *input = malloc(len + 1);
  ck_assert_ptr_nonnull(input);
  memcpy(input, head, strlen(head));
  for (size_t i = 0; i < n; i++)
    memcpy(input + strlen(head) + i * unit_len, unit, unit_len);
  memcpy(input + strlen(head) + n * unit_len, tail, strlen(tail) + 1);
  vd_chunked_result r = feed(input, len, len, body, &body_len, &behind);
  free(input);
  return r;
}

START_TEST(extensions_are_bounded_in_all) {
  ck_assert_int_eq(repeated("0;", "a", VD_CHUNK_EXTENSION_BYTES_MAX, "\r\n\r\n"), VD_CHUNKED_END);
  ck_assert_int_eq(repeated("0;", "a", VD_CHUNK_EXTENSION_BYTES_MAX + 1, "\r\n\r\n"),
                   VD_CHUNKED_EXTENSIONS_BIG);
  ck_assert_int_eq(repeated("", "1;0123456789012345678901234567890\r\nx\r\n", 200, "0\r\n\r\n"),
                   VD_CHUNKED_EXTENSIONS_BIG);
}
END_TEST

START_TEST(trailers_are_bounded_in_all) {
  ck_assert_int_eq(repeated("0\r\n", "T: v\r\n", VD_TRAILER_BYTES_MAX / 6 - 1, "\r\n"),
                   VD_CHUNKED_END);
  ck_assert_int_eq(repeated("0\r\n", "T: v\r\n", VD_TRAILER_BYTES_MAX / 6 + 1, "\r\n"),
                   VD_CHUNKED_TRAILERS_BIG);
  ck_assert_int_eq(repeated("0\r\nT:", " ", VD_TRAILER_BYTES_MAX, "\r\n\r\n"),
                   VD_CHUNKED_TRAILERS_BIG);
}
END_TEST

/* "0 CRLF T: vvv CRLF CRLF" of which trailer_bytes count as the section. */
static vd_chunked_result keep(uint32_t trailer_bytes, char *kept) {
  size_t value = trailer_bytes - strlen("T: \r\n\r"), used, data_len;
  const char *data;
  vd_chunked d = {.trailers = kept};
  char *input = malloc(trailer_bytes + strlen("0\r\n\n"));
  ck_assert_ptr_nonnull(input);
  memcpy(input, "0\r\nT: ", 6);
  memset(input + 6, 'v', value);
  memcpy(input + 6 + value, "\r\n\r\n", 4);
  vd_chunked_result r = vd_chunked_next(&d, input, 6 + value + 4, &used, &data, &data_len);
  if (r == VD_CHUNKED_END) {
    ck_assert_uint_eq(d.trailer_bytes, trailer_bytes);
    ck_assert(!memcmp(kept, input + 3, trailer_bytes));
  }
  free(input);
  return r;
}

START_TEST(trailers_are_kept_up_to_the_limit) {
  char *kept = malloc(VD_TRAILER_BYTES_MAX);
  ck_assert_ptr_nonnull(kept);
  ck_assert_int_eq(keep(20, kept), VD_CHUNKED_END);
  ck_assert_int_eq(keep(VD_TRAILER_BYTES_MAX, kept), VD_CHUNKED_END);
  ck_assert_int_eq(keep(VD_TRAILER_BYTES_MAX + 1, kept), VD_CHUNKED_TRAILERS_BIG);
  free(kept);
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {table_in_pieces_of_any_size, extensions_are_bounded_in_all,
                              trailers_are_bounded_in_all, trailers_are_kept_up_to_the_limit, NULL};
  return vt_suite("chunked", all);
}

VT_MAIN(suite)
