/* verify_reads: bytes of a damaged content are never given out. The store is a real folder, so
 * that bits are turned in the file itself. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libvault/crypto/sha256.h"
#include "libvault/usecases/handle.h"
#include "libvault/usecases/read_verify.h"
#include "tests/support/vt_dir.h"
#include "tests/support/vt_files.h"

#define MIB (1u << 20)
#define PLACES 200u
#define LARGE (3u * MIB + 17u)
#define SMALL 1000u
#define ROOM ((VAULT__VERIFY_STATES + 2u) * MIB)

static char dir[VT_DIR_MAX];
static vt_world *w;
static vault *v;
static vault_principal me;
static uint8_t body[ROOM], got[ROOM];
static uint64_t seed;

/* The vault's ports, with methods of the test in front. */
static const vault_items_repo_ops *real_items;
static const vault_blob_store_ops *real_blobs;
static vault_items_repo_ops items;
static vault_blob_store_ops blobs;
static uint64_t bytes_read, short_from, chain_gives; /* how many states there are */
static int64_t turn_bit, turn_state;                 /* of an inline body, of the chain; -1: none */
static vault_status read_gives, chain_status;
static int chains;

static vault_status read_blob(void *self, vault_blob_reader *r, uint64_t offset, void *p,
                              uint64_t n, uint64_t *n_got, vault_err *err) {
  if (read_gives != VAULT_OK)
    return read_gives;
  if (offset + n > short_from)
    n = offset < short_from ? short_from - offset : 0;
  *n_got = 0;
  if (n == 0)
    return VAULT_OK;
  vault_status s = real_blobs->read(self, r, offset, p, n, n_got, err);
  bytes_read += *n_got;
  return s;
}

static vault_status get_chain(void *self, const vault_id *blob, uint64_t first, uint8_t *states,
                              uint64_t max, uint64_t *n, vault_err *err) {
  chains++;
  if (chain_status != VAULT_OK)
    return chain_status;
  VAULT_TRY(real_items->get_chain(self, blob, first, states, max, n, err));
  uint64_t left = first <= chain_gives ? chain_gives - first + 1 : 0;
  *n = *n < left ? *n : left;
  if (turn_state >= 0)
    states[turn_state / 8] ^= (uint8_t)(1 << turn_state % 8);
  return VAULT_OK;
}

static vault_status get_content(void *self, const vault_id *user, const vault_id *item,
                                const vault_id *version, vault_item_row *item_out,
                                vault_version_row *out, void *to, uint64_t room, uint64_t *n,
                                vault_err *err) {
  VAULT_TRY(real_items->get_content(self, user, item, version, item_out, out, to, room, n, err));
  if (turn_bit >= 0 && out->loc == VAULT_LOC_INLINE)
    ((uint8_t *)to)[turn_bit / 8] ^= (uint8_t)(1 << turn_bit % 8);
  return VAULT_OK;
}

static void begin(uint32_t inline_max) {
  vt_dir_make(dir);
  const vault_settings settings = {.size = sizeof settings,
                                   .verify_reads = 1,
                                   .inline_max_bytes = inline_max};
  w = vt_vault_open_in(dir, &settings);
  v = w->v;
  me = vt_who(w, VT_PHONE);
  real_items = v->items;
  real_blobs = v->blobs;
  items = *real_items;
  items.size = sizeof items;
  items.get_chain = get_chain;
  items.get_content = get_content;
  blobs = *real_blobs;
  blobs.size = sizeof blobs;
  blobs.read = read_blob;
  v->items = &items;
  v->blobs = &blobs;
  bytes_read = 0;
  short_from = chain_gives = UINT64_MAX;
  turn_bit = turn_state = -1;
  read_gives = chain_status = VAULT_OK;
  chains = 0;
  seed = 20261124;
  for (uint32_t i = 0; i < sizeof body; i++)
    body[i] = (uint8_t)(i * 31 + i / 251 + i / MIB * 7);
}

static void setup(void) {
  begin(VAULT_INLINE_OFF);
}

static void teardown(void) {
  v->items = real_items;
  v->blobs = real_blobs;
  vt_clean(v);
  vt_vault_close(w);
  vt_dir_remove(dir);
}

static uint64_t draw(uint64_t below) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed % below;
}

static vault_id put(const char *path, uint64_t size) {
  vault_items *result = NULL;
  vault_upload_opts opts = vt_at(path, size, 0);
  vt_ok(vault_put(v, &me, &opts, body, size, &result, NULL, NULL));
  vault_id id = vault_items_rows(result, NULL, NULL)->id;
  vault_items_free(result);
  return id;
}

static vault_reader *open_at(const vault_id *item, uint64_t offset, uint64_t length) {
  vault_reader *r = NULL;
  vt_ok(vault_read_open(v, &me, item, NULL, offset, length, &r, NULL));
  return r;
}

/* What comes until the end or a failure, in reads of cap bytes; all of it must be right. */
static vault_status drain(vault_reader *r, uint64_t cap, uint64_t *n) {
  uint64_t more = 0, offset = vault_reader_get(r)->offset;
  vault_status s;
  *n = 0;
  memset(got, 0xa5, vault_reader_get(r)->length + 1);
  do {
    s = vault_read_next(r, got + *n, cap, &more, NULL);
    if (s == VAULT_OK)
      *n += more;
  } while (s == VAULT_OK && more);
  ck_assert_int_eq(memcmp(got, body + offset, *n), 0);
  ck_assert_uint_eq(got[*n], 0xa5); /* nor was anything left behind in the buffer */
  return s;
}

static void expect_range(const vault_id *item, uint64_t offset, uint64_t length) {
  uint64_t n = 0;
  vault_reader *r = open_at(item, offset, length);
  vt_ok(drain(r, 300001, &n));
  ck_assert_uint_eq(n, vault_reader_get(r)->length);
  vault_reader_free(r);
}

static int open_file(const vault_id *item) {
  char path[VAULT_BLOB_PATH_MAX], file[VT_DIR_MAX + VAULT_BLOB_PATH_MAX + 16];
  vault_item_row row;
  vault_version_row version;
  uint64_t n = 0;
  vt_ok(real_items->get_content(v->items_self, &me.user, item, &(vault_id){{0}}, &row, &version,
                                NULL, 0, &n, NULL));
  vt_ok(vault_blob_key_path(&version.blob, path, NULL));
  (void)snprintf(file, sizeof file, "%s/storage/%s", dir, path);
  int fd = open(file, O_RDWR | O_CLOEXEC);
  ck_assert_int_ge(fd, 0);
  return fd;
}

static void turn(int fd, uint64_t at, unsigned bit) {
  uint8_t byte;
  ck_assert_int_eq(pread(fd, &byte, 1, (off_t)at), 1);
  byte ^= (uint8_t)(1u << bit);
  ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
}

/* ---- what is right comes -------------------------------------------------------------------- */

/* Each size at each kind of boundary, with the chain, without one, and with a part of it. */
START_TEST(every_range_comes) {
  static const uint64_t sizes[] = {1,       1000,        MIB - 1,     MIB,         MIB + 1,
                                   2 * MIB, 2 * MIB + 1, 3 * MIB - 1, 3 * MIB + 17};
  static const uint64_t at[] = {0,           1,           MIB - 1,     MIB,
                                MIB + 1,     2 * MIB - 1, 2 * MIB,     2 * MIB + 1,
                                3 * MIB - 2, 3 * MIB,     3 * MIB + 16};
  static const uint64_t lengths[] = {1, 2, MIB - 1, MIB, MIB + 1, VAULT_TO_END};
  const uint64_t gives[] = {0, 1, UINT64_MAX};
  chain_gives = gives[_i];
  vault_id item;
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char path[16];
    (void)snprintf(path, sizeof path, "f%u", i);
    body[0] = (uint8_t)i;
    item = put(path, sizes[i]);
    for (unsigned j = 0; j < sizeof at / sizeof *at && at[j] < sizes[i]; j++)
      for (unsigned k = 0; k < sizeof lengths / sizeof *lengths; k++)
        expect_range(&item, at[j], lengths[k]);
  }
  ck_assert_uint_eq(vault_admin_damaged_reads(v), 0);
}
END_TEST

START_TEST(an_empty_content_is_right) {
  vault_id item = put("empty", 0);
  expect_range(&item, 0, VAULT_TO_END);
  ck_assert_uint_eq(bytes_read, 0);
}
END_TEST

/* With a chain: the pieces that the range touches, each once, whatever the reads are. */
START_TEST(a_range_costs_its_pieces) {
  static const struct {
    uint64_t offset, length, bytes;
  } rows[] = {{0, 1, MIB},
              {MIB - 1, 1, MIB},
              {MIB - 1, 2, 2 * MIB},
              {MIB, MIB, MIB},
              {MIB, MIB + 1, 2 * MIB},
              {2 * MIB + 5, 10, MIB},
              {3 * MIB, 1, 17},
              {3 * MIB + 16, 1, 17},
              {3 * MIB - 1, 2, MIB + 17},
              {0, VAULT_TO_END, LARGE}};
  vault_id item = put("f", LARGE);
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint64_t n = 0;
    vault_reader *r = open_at(&item, rows[i].offset, rows[i].length);
    bytes_read = 0;
    vt_ok(drain(r, 65537, &n));
    ck_assert_uint_eq(bytes_read, rows[i].bytes);
    vault_reader_free(r);
  }
}
END_TEST

/* Without one: everything once more, at the first read only. */
START_TEST(without_a_chain_all_is_read_first) {
  uint64_t n = 0;
  chain_gives = 0;
  vault_id item = put("f", LARGE);
  vault_reader *r = open_at(&item, MIB, 1);
  vt_ok(drain(r, 1, &n));
  ck_assert_uint_eq(bytes_read, LARGE + MIB);
  vt_ok(vault_read_range(r, 3 * MIB, 17, NULL));
  vt_ok(drain(r, 17, &n));
  ck_assert_uint_eq(bytes_read, LARGE + MIB + 17);
  ck_assert_int_eq(chains, 1);
  vault_reader_free(r);
}
END_TEST

START_TEST(states_are_asked_for_by_the_window) {
  vault_id at = put("at", (VAULT__VERIFY_STATES + 1) * (uint64_t)MIB);
  expect_range(&at, 0, VAULT_TO_END);
  ck_assert_int_eq(chains, 1);
  vault_id above = put("above", (VAULT__VERIFY_STATES + 1) * (uint64_t)MIB + 1);
  expect_range(&above, 0, VAULT_TO_END);
  ck_assert_int_eq(chains, 3);
}
END_TEST

START_TEST(another_range_uses_what_is_there) {
  uint64_t n = 0;
  vault_id item = put("f", LARGE);
  vault_reader *r = open_at(&item, 10, 5);
  vt_ok(drain(r, 2, &n));
  vt_ok(vault_read_range(r, 0, 100, NULL));
  vt_ok(drain(r, 64, &n));
  ck_assert_uint_eq(bytes_read, MIB);
  vt_ok(vault_read_range(r, LARGE - 1, 1, NULL)); /* behind it, and back */
  vt_ok(drain(r, 64, &n));
  vt_ok(vault_read_range(r, MIB, 1, NULL));
  vt_ok(drain(r, 64, &n));
  vault_reader_free(r);
}
END_TEST

/* ---- what is not, does not --------------------------------------------------------------------- */

static uint64_t place(unsigned i, uint64_t size) {
  const uint64_t edges[] = {0, size - 1, MIB - 1, MIB, 2 * MIB - 1, 2 * MIB, 3 * MIB - 1, 3 * MIB};
  return i < sizeof edges / sizeof *edges && edges[i] < size ? edges[i] : draw(size);
}

/* Everything before the damaged MiB comes, nothing of it; what is behind can be had. */
START_TEST(a_turned_bit_is_never_given) {
  uint64_t n = 0;
  chain_gives = _i ? 0 : UINT64_MAX;
  vault_id item = put("f", LARGE);
  int fd = open_file(&item);
  for (unsigned i = 0; i < PLACES; i++) {
    uint64_t at = place(i, LARGE), piece = at / MIB * MIB;
    unsigned bit = (unsigned)draw(8);
    turn(fd, at, bit);
    vault_reader *r = open_at(&item, 0, VAULT_TO_END);
    vt_status(drain(r, 1 + draw(2 * MIB), &n), VAULT_E_CORRUPT);
    ck_assert_uint_eq(n, _i ? 0 : piece); /* without a chain nothing is known to be right */
    vt_status(vault_read_range(r, at, 1, NULL), VAULT_OK);
    vt_status(drain(r, 1, &n), VAULT_E_CORRUPT);
    ck_assert_uint_eq(n, 0);
    if (!_i && piece + MIB < LARGE) {
      vt_ok(vault_read_range(r, piece + MIB, 1, NULL));
      vt_ok(drain(r, 1, &n));
    }
    vault_reader_free(r);
    ck_assert_uint_eq(vault_admin_damaged_reads(v), 2 * (i + 1));
    turn(fd, at, bit);
  }
  (void)close(fd);
  ck_assert_uint_ge(vt_logged(w, "read_damaged"), 2 * PLACES);
  expect_range(&item, 0, VAULT_TO_END);
}
END_TEST

/* Up to a MiB the whole file is one piece. */
START_TEST(nor_of_a_file_of_one_piece) {
  static const uint64_t sizes[] = {1, SMALL, MIB};
  uint64_t n = 0;
  vault_id item = put("f", sizes[_i]);
  int fd = open_file(&item);
  for (unsigned i = 0; i < PLACES; i++) {
    uint64_t at = place(i, sizes[_i]);
    turn(fd, at, i % 8);
    vault_reader *r = open_at(&item, draw(sizes[_i]), 1 + draw(sizes[_i]));
    vt_status(drain(r, 1 + draw(sizes[_i]), &n), VAULT_E_CORRUPT);
    ck_assert_uint_eq(n, 0);
    vault_reader_free(r);
    turn(fd, at, i % 8);
  }
  (void)close(fd);
  ck_assert_int_eq(chains, 0);
  expect_range(&item, 0, VAULT_TO_END);
}
END_TEST

START_TEST(nor_of_a_body_in_the_database) {
  uint64_t n = 0;
  vault_str bytes;
  vault_id item = put("f", SMALL);
  for (unsigned i = 0; i < PLACES; i++) {
    turn_bit = (int64_t)(place(i, SMALL) * 8 + draw(8));
    vault_reader *r = open_at(&item, draw(SMALL), 1 + draw(SMALL));
    bytes = (vault_str){"x", 1};
    vt_status(vault_read_inline(r, &bytes, NULL), VAULT_E_CORRUPT);
    ck_assert_ptr_null(bytes.p);
    vt_status(drain(r, 1 + draw(SMALL), &n), VAULT_E_CORRUPT);
    ck_assert_uint_eq(n, 0);
    vault_reader_free(r);
    ck_assert_uint_eq(vault_admin_damaged_reads(v), 2 * (i + 1));
  }
  turn_bit = -1;
  expect_range(&item, 0, VAULT_TO_END);
  expect_range(&item, SMALL - 1, 1);
  vault_reader *r = open_at(&item, 5, 7);
  vt_ok(vault_read_inline(r, &bytes, NULL));
  ck_assert_uint_eq(bytes.n, 7);
  ck_assert_int_eq(memcmp(bytes.p, body + 5, 7), 0);
  vault_reader_free(r);
  ck_assert_uint_eq(bytes_read, 0);
}
END_TEST

/* A damaged chain makes no wrong byte right, and no state of it is left unused. */
START_TEST(a_damaged_chain) {
  uint64_t n = 0;
  vault_id item = put("f", LARGE);
  for (unsigned i = 0; i < 3 * 8 * VAULT_CHAIN_STATE; i += 5) {
    turn_state = (int64_t)i;
    vault_reader *r = open_at(&item, 0, VAULT_TO_END);
    vt_status(drain(r, MIB, &n), VAULT_E_CORRUPT);
    ck_assert_uint_eq(n, i / (8 * VAULT_CHAIN_STATE) * MIB);
    vault_reader_free(r);
  }
}
END_TEST

START_TEST(a_content_that_ends_early) {
  uint64_t n = 0;
  vault_id item = put("f", LARGE);
  short_from = 2 * MIB + 5; /* it was longer when it was opened */
  vault_reader *r = open_at(&item, 0, VAULT_TO_END);
  vt_status(drain(r, MIB, &n), VAULT_E_CORRUPT);
  ck_assert_uint_eq(n, 2 * MIB);
  ck_assert_uint_eq(vault_admin_damaged_reads(v), 1);
  vault_reader_free(r);
}
END_TEST

/* No damage, only no answer: what it is comes through, is not counted, and passes. */
START_TEST(failures_are_not_damage) {
  uint64_t n = 0;
  vault_id item = put("f", LARGE);
  vault_reader *r = open_at(&item, MIB, 3);
  chain_status = VAULT_E_RETRY;
  vt_status(drain(r, MIB, &n), VAULT_E_RETRY);
  chain_status = VAULT_OK;
  read_gives = VAULT_E_IO;
  vt_status(drain(r, MIB, &n), VAULT_E_IO);
  chain_gives = 0;
  vt_status(drain(r, MIB, &n), VAULT_E_IO);
  read_gives = VAULT_OK;
  vt_ok(drain(r, MIB, &n));
  ck_assert_uint_eq(n, 3);
  ck_assert_uint_eq(vault_admin_damaged_reads(v), 0);
  vault_reader_free(r);
}
END_TEST

/* ---- the setting ----------------------------------------------------------------------------------- */

START_TEST(there_is_no_descriptor) {
  int32_t fd = 0;
  vault_id item = put("f", LARGE);
  ck_assert_uint_eq(vault_caps(v) & VAULT_CAP_FILE_READS, 0);
  vault_reader *r = open_at(&item, 0, VAULT_TO_END);
  vt_ok(vault_read_fd(r, &fd, NULL));
  ck_assert_int_eq(fd, -1);
  vault_reader_free(r);
}
END_TEST

/* Without it, as it is by default, the damaged byte comes, and through a descriptor. */
START_TEST(off_by_default) {
  int32_t fd = -1;
  uint64_t n = 0;
  vault_id item = put("f", LARGE);
  v->items = real_items;
  v->blobs = real_blobs;
  vt_vault_stop(w);
  w->config.settings = NULL;
  vt_ok(vt_vault_start(w, NULL));
  v = w->v;
  ck_assert_uint_eq(vault_settings_get(v)->verify_reads, 0);
  ck_assert_uint_ne(vault_caps(v) & VAULT_CAP_FILE_READS, 0);
  real_items = v->items;
  real_blobs = v->blobs;
  int file = open_file(&item);
  turn(file, MIB, 0);
  (void)close(file);
  vault_reader *r = open_at(&item, 0, VAULT_TO_END);
  vt_ok(vault_read_fd(r, &fd, NULL));
  ck_assert_int_ge(fd, 0);
  body[MIB] ^= 1;
  vt_ok(drain(r, LARGE, &n));
  ck_assert_uint_eq(n, LARGE);
  vault_reader_free(r);
}
END_TEST

START_TEST(the_setting_has_both_ends) {
  static const vault_status want[] = {VAULT_OK, VAULT_OK, VAULT_E_USAGE};
  for (uint32_t i = 0; i < 3; i++) {
    const vault_settings s = {.size = sizeof s, .verify_reads = i};
    vault *another = NULL;
    vault_config c = {.size = sizeof c,
                      .database = {"sqlite::memory:", 15},
                      .storage = {"memory:", 7},
                      .sms = {"none:", 5},
                      .keys = {"memory:", 7},
                      .public_url = {VT_URL, strlen(VT_URL)},
                      .settings = &s};
    vt_status(vault_open(&c, &another, NULL), want[i]);
    if (want[i] == VAULT_OK)
      ck_assert_uint_eq(vault_settings_get(another)->verify_reads, i);
    vt_ok(vault_close(another, NULL));
  }
  ck_assert_uint_eq(vault_admin_damaged_reads(NULL), 0);
}
END_TEST

static void setup_inline(void) {
  begin(SMALL);
}

static Suite *suite(void) {
  Suite *s = suite_create("read_verify");
  TCase *t = tcase_create("files");
  tcase_set_timeout(t, 120);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(t, every_range_comes, 0, 3);
  tcase_add_test(t, an_empty_content_is_right);
  tcase_add_test(t, a_range_costs_its_pieces);
  tcase_add_test(t, without_a_chain_all_is_read_first);
  tcase_add_test(t, states_are_asked_for_by_the_window);
  tcase_add_test(t, another_range_uses_what_is_there);
  tcase_add_loop_test(t, a_turned_bit_is_never_given, 0, 2);
  tcase_add_loop_test(t, nor_of_a_file_of_one_piece, 0, 3);
  tcase_add_test(t, a_damaged_chain);
  tcase_add_test(t, a_content_that_ends_early);
  tcase_add_test(t, failures_are_not_damage);
  tcase_add_test(t, there_is_no_descriptor);
  tcase_add_test(t, off_by_default);
  tcase_add_test(t, the_setting_has_both_ends);
  suite_add_tcase(s, t);
  t = tcase_create("inline");
  tcase_set_timeout(t, 120);
  tcase_add_checked_fixture(t, setup_inline, teardown);
  tcase_add_test(t, nor_of_a_body_in_the_database);
  suite_add_tcase(s, t);
  return s;
}

VT_MAIN(suite)
