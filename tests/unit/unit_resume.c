/* Resumable uploads: taken over, held, told about later, remembered, looked at, given up; and the
 * keys of their URLs. Pieces are in unit_concat.c. */
#include <stdio.h>
#include <string.h>

#include "libvault/base/encode.h"
#include "libvault/base/err.h"
#include "libvault/crypto/sha256.h"
#include "libvault/usecases/upload.h"
#include "tests/support/vt_files.h"

#define DAY_MS INT64_C(86400000)
#define MIB (1u << 20)
#define MAX_BYTES (4u * MIB)

static vt_world *w;
static vault *v;
static vault_principal me, other;
static char body[MAX_BYTES];

static void setup(void) {
  vault_settings settings = {.size = sizeof settings, .upload_max_bytes = MAX_BYTES};
  w = vt_vault_open(&settings);
  v = w->v;
  me = vt_who(w, VT_PHONE);
  other = vt_who(w, "+905321234568");
  for (uint32_t i = 0; i < sizeof body; i++)
    body[i] = (char)(i * 31 + i / 251);
}

static void teardown(void) {
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
  vt_clean(v);
  vt_vault_close(w);
}

static vault_upload *begin(const char *path, uint64_t length) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at(path, length, VAULT_UP_RESUMABLE);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  return u;
}

static vault_upload *resume(const vault_id *id) {
  vault_upload *u = NULL;
  vt_ok(vault_upload_resume(v, &me, id, &u, NULL));
  return u;
}

static vault_id id_of(vault_upload *u) {
  return vault_upload_get(u)->id;
}

static void finish(vault_upload *u) {
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
}

static vault_upload_info *look(const vault_id *id) {
  vault_upload_info *info = NULL;
  vt_ok(vault_upload_stat(v, &me, id, &info, NULL));
  return info;
}

static uint64_t offset_of(const vault_id *id) {
  vault_upload_info *info = look(id);
  uint64_t offset = vault_upload_info_get(info)->durable_offset;
  vault_upload_info_free(info);
  return offset;
}

/* ---- taking over ----------------------------------------------------------------------------- */

START_TEST(the_newer_request_has_it) {
  vault_upload *u = begin("f", 6);
  vault_id id = id_of(u);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vault_upload *newer = resume(&id);
  ck_assert_uint_eq(vault_upload_get(newer)->offset, 3); /* what the older one had taken */
  vt_status(vault_upload_append(u, "x", 1, NULL), VAULT_E_PREEMPTED);
  vt_status(vault_upload_flush(u, NULL), VAULT_E_PREEMPTED);
  vt_status(vault_upload_hold(u, NULL), VAULT_E_PREEMPTED);
  vt_status(vault_upload_settle(u, 0, NULL), VAULT_E_PREEMPTED);
  vt_status(vault_upload_set_length(u, 6, NULL), VAULT_E_PREEMPTED);
  vt_status(vault_upload_seal(u, NULL), VAULT_E_PREEMPTED);
  vault_upload_abort(u); /* touches nothing */
  vt_ok(vault_upload_append(newer, "def", 3, NULL));
  u = resume(&id);
  vt_status(vault_upload_finish(newer, NULL, NULL, NULL), VAULT_E_PREEMPTED);
  finish(u);
  vt_content(v, &me, "f", "abcdef");
}
END_TEST

START_TEST(looking_ends_a_running_append) {
  vault_upload *u = begin("f", 6);
  vault_id id = id_of(u);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  ck_assert_uint_eq(offset_of(&id), 3);
  vt_status(vault_upload_append(u, "def", 3, NULL), VAULT_E_PREEMPTED);
  vault_upload_suspend(u);
  u = resume(&id);
  vt_ok(vault_upload_append(u, "def", 3, NULL));
  finish(u);
}
END_TEST

static vault_status no_flush(void *self, vault_blob_writer *writer, uint64_t *offset,
                             vault_err *err) {
  (void)self, (void)writer, (void)offset;
  return vault__fail(err, VAULT_E_IO, VAULT_ORIGIN_BLOB, 0, "this test lets no flush through");
}

/* What the older one had taken could not be flushed when it was taken over: its end finds no writer
 * any more, and touches nothing. */
START_TEST(a_lost_handle_ends) {
  for (int aborts = 0; aborts < 2; aborts++) {
    vault_upload *u = begin("f", 6);
    vault_id id = id_of(u);
    const vault_blob_store_ops *real = v->blobs;
    vault_blob_store_ops failing = *real;
    failing.size = sizeof failing;
    failing.flush = no_flush;
    vt_ok(vault_upload_append(u, "abc", 3, NULL));
    v->blobs = &failing;
    vault_upload *newer = resume(&id);
    v->blobs = real;
    ck_assert_uint_eq(vault_upload_get(newer)->offset, 0);
    vt_ok(vault_upload_append(newer, "abc", 3, NULL));
    if (aborts)
      vault_upload_abort(u);
    else
      vault_upload_suspend(u);
    vt_ok(vault_upload_append(newer, "def", 3, NULL));
    finish(newer);
    vt_content(v, &me, "f", "abcdef");
  }
}
END_TEST

/* Nobody stops, sees or ends what belongs to somebody else, or what cannot be resumed. */
START_TEST(only_ones_own) {
  vault_upload *u = begin("f", 3), *got = NULL, *plain = NULL;
  vault_upload_info *info = NULL;
  vault_id id = id_of(u);
  vt_status(vault_upload_resume(v, &other, &id, &got, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_upload_stat(v, &other, &id, &info, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_upload_cancel(v, &other, &id, NULL), VAULT_E_NOT_FOUND);
  vault_upload_opts opts = vt_at("plain", VAULT_LENGTH_UNKNOWN, 0);
  vt_ok(vault_upload_begin(v, &me, &opts, &plain, NULL));
  vault_id plain_id = id_of(plain);
  vt_status(vault_upload_resume(v, &me, &plain_id, &got, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_upload_stat(v, &me, &plain_id, &info, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_upload_cancel(v, &me, &plain_id, NULL), VAULT_E_NOT_FOUND);
  vt_ok(vault_upload_append(plain, "abc", 3, NULL));
  finish(plain);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  finish(u);
}
END_TEST

/* A commit that is under way is not taken over: it is waited for, here by driving it. */
START_TEST(a_submitted_one_is_waited_for) {
  vault_cq *q = NULL;
  vault_event ev = {.size = sizeof ev};
  vault_upload *u = begin("f", 3);
  vault_id id = id_of(u);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vt_ok(vault_cq_open(v, &q, NULL));
  vt_ok(vault_upload_submit(u, q, 1, NULL));
  u = resume(&id);
  ck_assert_uint_eq(vault_upload_get(u)->state, VAULT_UPLOAD_DONE);
  finish(u);
  vt_ok(vault_cq_next(q, &ev, NULL));
  vt_ok(ev.status);
  vt_ok(vault_cq_close(q, NULL));
}
END_TEST

/* ---- durable offsets --------------------------------------------------------------------------- */

static void expect_chain(const vault_id *blob, uint64_t size) {
  uint8_t states[8 * VAULT_CHAIN_STATE], want[VAULT_CHAIN_STATE];
  uint64_t n = 0;
  vault__sha256 sha;
  vt_ok(v->items->get_chain(v->items_self, blob, 1, states, 8, &n, NULL));
  ck_assert_uint_eq(n, size ? (size - 1) / MIB : 0);
  vault__sha256_init(&sha);
  for (uint64_t i = 0; i < n; i++) {
    vault__sha256_add(&sha, body + i * MIB, MIB);
    vault__sha256_chain(&sha, want);
    ck_assert_int_eq(memcmp(want, states + i * VAULT_CHAIN_STATE, sizeof want), 0);
  }
}

static void expect_body(const char *path, uint64_t size) {
  vault_item_view view;
  vault_item_row row;
  uint8_t sha256[VAULT__SHA256_BYTES];
  vt_ok(vt_lookup(v, &me, path, &view));
  vault__sha256_of(body, size, sha256);
  ck_assert_uint_eq(view.size_bytes, size);
  ck_assert_int_eq(memcmp(view.sha256, sha256, sizeof sha256), 0);
  vt_ok(v->items->get_item(v->items_self, &me.user, &view.id, &row, NULL));
  expect_chain(&row.blob, size);
}

/* Suspended at a, lost from a to b without a flush, resumed at a. */
START_TEST(the_digest_goes_on_from_any_offset) {
  static const uint32_t at[] = {0,   1,       55,  56,      63,           64,      65,
                                127, MIB - 1, MIB, MIB + 1, 2 * MIB - 64, 2 * MIB, 3 * MIB};
  const uint64_t size = 3 * MIB + 17;
  char path[16];
  for (unsigned i = 0; i < sizeof at / sizeof *at; i++) {
    (void)snprintf(path, sizeof path, "f%u", i);
    body[0] = (char)i; /* other bytes, so that nothing is shared */
    vault_upload *u = begin(path, size);
    vault_id id = id_of(u);
    vt_ok(vault_upload_append(u, body, at[i], NULL));
    vault_upload_suspend(u);
    u = resume(&id);
    ck_assert_uint_eq(vault_upload_get(u)->durable_offset, at[i]);
    vt_ok(vault_upload_append(u, body + at[i], 10, NULL));
    u->state = VAULT__UPLOAD_BROKEN; /* as a process that died: no flush */
    vault_upload_suspend(u);
    u = resume(&id);
    ck_assert_uint_eq(vault_upload_get(u)->offset, at[i]);
    vt_ok(vault_upload_append(u, body + at[i], size - at[i], NULL));
    finish(u);
    expect_body(path, size);
  }
}
END_TEST

/* Bodies that are sent in one go have the chain as well; those up to a MiB need none. */
START_TEST(every_large_body_has_its_chain) {
  static const uint32_t sizes[] = {MIB - 1, MIB, MIB + 1, 2 * MIB, 4 * MIB};
  char path[16];
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    (void)snprintf(path, sizeof path, "p%u", i);
    vault_upload_opts opts = vt_at(path, 0, 0);
    body[0] = (char)(100 + i);
    vt_ok(vault_put(v, &me, &opts, body, sizes[i], NULL, NULL, NULL));
    expect_body(path, sizes[i]);
  }
}
END_TEST

/* ---- finished ones ------------------------------------------------------------------------------ */

START_TEST(finished_ones_are_remembered_until_they_expire) {
  vault_upload *u = begin("f", VAULT_LENGTH_UNKNOWN);
  vault_items *items = NULL;
  vault_item_view item;
  uint32_t outcome = 0;
  vault_id id = id_of(u);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  finish(u);
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
  vt_ok(vt_lookup(v, &me, "f", &item));
  vault_upload_info *info = look(&id);
  const vault_upload_view *view = vault_upload_info_get(info);
  ck_assert_uint_eq(view->state, VAULT_UPLOAD_DONE);
  ck_assert_uint_eq(view->offset, 3);
  ck_assert_uint_eq(view->length, 3);
  ck_assert_int_eq(memcmp(&view->item, &item.id, sizeof item.id), 0);
  vault_upload_info_free(info);
  u = resume(&id);
  vt_status(vault_upload_append(u, "x", 1, NULL), VAULT_E_COMPLETED);
  vault_upload_abort(u); /* the file stays */
  u = resume(&id);
  vt_ok(vault_upload_finish(u, &items, &outcome, NULL));
  ck_assert_uint_eq(outcome, VAULT_OUTCOME_REPLAY);
  const vault_item_view *row = vault_items_rows(items, NULL, NULL);
  ck_assert_ptr_nonnull(row);
  ck_assert_int_eq(memcmp(&row->id, &item.id, sizeof item.id), 0);
  vault_items_free(items);
  vt_pass(w, DAY_MS + 1);
  u = NULL;
  vt_status(vault_upload_resume(v, &me, &id, &u, NULL), VAULT_E_NOT_FOUND);
  vt_run_jobs(w);
  vt_content(v, &me, "f", "abc");
  vt_status(vault_upload_cancel(v, &me, &id, NULL), VAULT_E_NOT_FOUND);
}
END_TEST

START_TEST(expiry_slides_with_each_part) {
  vault_upload *u = begin("f", 4);
  vault_id id = id_of(u);
  for (int i = 0; i < 4; i++) {
    vt_ok(vault_upload_append(u, "x", 1, NULL));
    vault_upload_suspend(u);
    vt_pass(w, DAY_MS - 1);
    u = resume(&id);
  }
  finish(u);
}
END_TEST

/* ---- held bytes ---------------------------------------------------------------------------------- */

START_TEST(held_bytes_count_when_they_are_settled) {
  vault_upload *u = begin("f", 6);
  vault_id id = id_of(u);
  vt_status(vault_upload_settle(u, 1, NULL), VAULT_E_USAGE);
  vt_ok(vault_upload_append(u, "ab", 2, NULL));
  vt_ok(vault_upload_hold(u, NULL));
  vt_status(vault_upload_hold(u, NULL), VAULT_E_USAGE);
  vt_ok(vault_upload_append(u, "xxxx", 4, NULL));
  vt_ok(vault_upload_flush(u, NULL));
  ck_assert_uint_eq(vault_upload_get(u)->durable_offset, 2);
  vt_status(vault_upload_seal(u, NULL), VAULT_E_USAGE);
  vt_ok(vault_upload_settle(u, 0, NULL));
  ck_assert_uint_eq(vault_upload_get(u)->offset, 2);
  vt_ok(vault_upload_hold(u, NULL));
  vt_status(vault_upload_append(u, "12345", 5, NULL), VAULT_E_BODY_LONG);
  vt_ok(vault_upload_settle(u, 0, NULL));
  vt_ok(vault_upload_hold(u, NULL));
  vt_ok(vault_upload_append(u, "yy", 2, NULL));
  vault_upload_suspend(u); /* not settled: as a broken connection leaves it */
  ck_assert_uint_eq(offset_of(&id), 2);
  u = resume(&id);
  vt_ok(vault_upload_hold(u, NULL));
  vt_ok(vault_upload_append(u, "zz", 2, NULL));
  ck_assert_uint_eq(offset_of(&id), 2); /* taken over while it is held */
  vault_upload_suspend(u);
  u = resume(&id);
  vt_ok(vault_upload_hold(u, NULL));
  vt_ok(vault_upload_append(u, "cdef", 4, NULL));
  vt_ok(vault_upload_settle(u, 1, NULL));
  ck_assert_uint_eq(vault_upload_get(u)->durable_offset, 6);
  finish(u);
  vt_content(v, &me, "f", "abcdef");
  vault_upload_opts opts = vt_at("g", VAULT_LENGTH_UNKNOWN, 0);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vt_status(vault_upload_hold(u, NULL), VAULT_E_USAGE);
  vault_upload_abort(u);
}
END_TEST

/* ---- told later ------------------------------------------------------------------------------------ */

START_TEST(the_length_is_told_once) {
  vt_ok(vault_admin_set_quota(v, &me.user, MIB, NULL));
  vault_upload *u = begin("f", VAULT_LENGTH_UNKNOWN);
  vault_id id = id_of(u);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vt_status(vault_upload_set_length(u, VAULT_LENGTH_UNKNOWN, NULL), VAULT_E_USAGE);
  vt_status(vault_upload_set_length(u, 2, NULL), VAULT_E_LENGTH);
  vt_status(vault_upload_set_length(u, MAX_BYTES + 1, NULL), VAULT_E_TOO_LARGE);
  vt_status(vault_upload_set_length(u, MIB + 1, NULL), VAULT_E_QUOTA);
  vt_ok(vault_upload_set_length(u, MIB, NULL));
  vt_ok(vault_upload_set_length(u, MIB, NULL));
  vt_status(vault_upload_set_length(u, 3, NULL), VAULT_E_LENGTH);
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, MIB);
  vault_upload_suspend(u);
  u = resume(&id);
  ck_assert_uint_eq(vault_upload_get(u)->length, MIB);
  vault_upload_abort(u);
  u = begin("f", VAULT_LENGTH_UNKNOWN);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vt_ok(vault_upload_set_length(u, 3, NULL));
  vt_status(vault_upload_append(u, "d", 1, NULL), VAULT_E_BODY_LONG);
  finish(u); /* what was refused spoilt nothing */
  vt_content(v, &me, "f", "abc");
}
END_TEST

START_TEST(the_digest_is_told_later) {
  uint8_t hello[32], wrong[32] = {1};
  (void)vt_hex("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", hello,
               sizeof hello);
  vault_upload *u = begin("f", 5);
  vault_id id = id_of(u);
  vt_status(vault_upload_expect_sha256(u, NULL, NULL), VAULT_E_USAGE);
  vt_ok(vault_upload_expect_sha256(u, hello, NULL));
  vt_ok(vault_upload_expect_sha256(u, hello, NULL));
  vt_status(vault_upload_expect_sha256(u, wrong, NULL), VAULT_E_DIGEST);
  vt_ok(vault_upload_append(u, "jel", 3, NULL));
  vault_upload_suspend(u);
  u = resume(&id);
  vt_ok(vault_upload_append(u, "lo", 2, NULL));
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_DIGEST);
  vt_status(vt_lookup(v, &me, "f", NULL), VAULT_E_NOT_FOUND);
}
END_TEST

START_TEST(a_short_end_keeps_what_arrived) {
  vault_upload *u = begin("f", 5);
  vault_id id = id_of(u);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_BODY_SHORT);
  u = resume(&id);
  ck_assert_uint_eq(vault_upload_get(u)->offset, 3);
  vt_ok(vault_upload_append(u, "de", 2, NULL));
  finish(u);
  vt_content(v, &me, "f", "abcde");
}
END_TEST

/* ---- creation ---------------------------------------------------------------------------------------- */

START_TEST(client_meta_comes_back) {
  static char meta[VAULT_CLIENT_META_MAX + 1];
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("f", 1, VAULT_UP_RESUMABLE);
  memset(meta, 0xfe, sizeof meta);
  opts.client_meta = (vault_str){meta, sizeof meta};
  vt_status(vault_upload_begin(v, &me, &opts, &u, NULL), VAULT_E_INPUT);
  opts.client_meta.n = VAULT_CLIENT_META_MAX;
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vault_id id = id_of(u);
  ck_assert_uint_eq(vault_upload_get(u)->client_meta.n, VAULT_CLIENT_META_MAX);
  vault_upload_suspend(u);
  vault_upload_info *info = look(&id);
  const vault_upload_view *view = vault_upload_info_get(info);
  ck_assert_uint_eq(view->client_meta.n, VAULT_CLIENT_META_MAX);
  ck_assert_int_eq(memcmp(view->client_meta.p, meta, VAULT_CLIENT_META_MAX), 0);
  ck_assert_int_eq(view->expires_ms - view->created_ms, DAY_MS);
  ck_assert_uint_eq(view->flags, VAULT_UP_RESUMABLE);
  vault_upload_info_free(info);
  vt_ok(vault_upload_cancel(v, &me, &id, NULL));
  opts.flags = 0;
  vt_status(vault_upload_begin(v, &me, &opts, &u, NULL), VAULT_E_USAGE);
}
END_TEST

static vault_status begin_with_key(const char *path, uint64_t length, vault_upload **u) {
  vault_upload_opts opts = vt_at(path, length, VAULT_UP_RESUMABLE);
  opts.op_key = (vault_str){"key", 3};
  return vault_upload_begin(v, &me, &opts, u, NULL);
}

START_TEST(a_key_begins_one_upload) {
  vault_upload *u = NULL, *again = NULL;
  vt_ok(begin_with_key("d/f", 3, &u));
  vault_id id = id_of(u);
  vt_ok(vault_upload_append(u, "a", 1, NULL));
  vt_ok(begin_with_key("d/f", 3, &again));
  const vault_upload_view *view = vault_upload_get(again);
  ck_assert_ptr_nonnull(view);
  ck_assert_int_eq(memcmp(&view->id, &id, sizeof id), 0);
  ck_assert_uint_eq(vault_upload_get(again)->offset, 1);
  vault_upload_suspend(u);
  u = NULL;
  vt_status(begin_with_key("d/g", 3, &u), VAULT_E_IDEMPOTENCY_KEY);
  vt_status(begin_with_key("f", 3, &u), VAULT_E_IDEMPOTENCY_KEY);
  vt_status(begin_with_key("d/f", 4, &u), VAULT_E_IDEMPOTENCY_KEY);
  ck_assert_ptr_null(u);
  vault_upload_suspend(again);
  vt_ok(begin_with_key("d/f", VAULT_LENGTH_UNKNOWN, &u));
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 3);
  vt_ok(vault_upload_append(u, "bc", 2, NULL));
  finish(u);
  vt_ok(begin_with_key("d/f", 3, &u));
  ck_assert_uint_eq(vault_upload_get(u)->state, VAULT_UPLOAD_DONE);
  finish(u);
  /* Expired, swept or not: the key begins a new one. */
  vt_pass(w, DAY_MS + 1);
  vt_ok(begin_with_key("d/f", 3, &u));
  ck_assert_uint_eq(vault_upload_get(u)->state, VAULT_UPLOAD_RECEIVING);
  ck_assert_int_ne(memcmp(&vault_upload_get(u)->id, &id, sizeof id), 0);
  vault_upload_abort(u);
}
END_TEST

/* ---- giving up --------------------------------------------------------------------------------------- */

START_TEST(cancelling) {
  vault_upload *u = begin("f", 6);
  vault_id id = id_of(u);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vt_status(vault_upload_cancel(v, &me, NULL, NULL), VAULT_E_USAGE);
  vt_ok(vault_upload_cancel(v, &me, &id, NULL));
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
  vt_status(vault_upload_append(u, "def", 3, NULL), VAULT_E_PREEMPTED);
  vault_upload_suspend(u);
  vt_status(vault_upload_cancel(v, &me, &id, NULL), VAULT_E_NOT_FOUND);
  u = begin("f", 3);
  id = id_of(u);
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  finish(u);
  vt_ok(vault_upload_cancel(v, &me, &id, NULL));
  vt_content(v, &me, "f", "abc");
  u = NULL;
  vt_status(vault_upload_resume(v, &me, &id, &u, NULL), VAULT_E_NOT_FOUND);
}
END_TEST

/* ---- keys ---------------------------------------------------------------------------------------------- */

static vault_status use_key(const char *key, uint64_t n, vault_principal *who, vault_id *upload) {
  *who = (vault_principal){.size = sizeof *who};
  return vault_upload_authenticate(v, key, n, who, upload, NULL);
}

START_TEST(a_key_is_for_one_upload) {
  char key[VAULT_UPLOAD_KEY_TEXT], again[VAULT_UPLOAD_KEY_TEXT];
  vault_principal who;
  vault_id id = {{1, 2, 3}}, got;
  const uint64_t n = VAULT_UPLOAD_KEY_TEXT - 1;
  vt_ok(vault_upload_key(v, &me, &id, key, NULL));
  vt_ok(vault_upload_key(v, &me, &id, again, NULL));
  ck_assert_str_eq(key, again);
  ck_assert_uint_eq(strlen(key), n);
  vt_ok(use_key(key, n, &who, &got));
  ck_assert_int_eq(memcmp(&got, &id, sizeof id), 0);
  ck_assert_int_eq(memcmp(&who.user, &me.user, sizeof who.user), 0);
  ck_assert_int_eq(memcmp(&who.session, &me.session, sizeof who.session), 0);
  for (uint64_t i = 0; i < n; i++) {
    char changed[VAULT_UPLOAD_KEY_TEXT];
    memcpy(changed, key, sizeof changed);
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    vt_status(use_key(changed, n, &who, &got), VAULT_E_NOT_FOUND);
  }
  vt_status(use_key(key, n - 1, &who, &got), VAULT_E_NOT_FOUND);
  vt_status(use_key("", 0, &who, &got), VAULT_E_NOT_FOUND);
  vt_status(vault_upload_authenticate(v, key, n, NULL, &got, NULL), VAULT_E_USAGE);
  /* A principal of the host's own has no session. */
  vault_principal host = {.size = sizeof host, .user = me.user};
  vt_ok(vault_upload_key(v, &host, &id, key, NULL));
  vt_ok(use_key(key, n, &who, &got));
}
END_TEST

START_TEST(a_key_lives_as_long_as_its_session) {
  char key[VAULT_UPLOAD_KEY_TEXT], others[VAULT_UPLOAD_KEY_TEXT];
  vault_principal who;
  vault_id id = {{1}}, got;
  const uint64_t n = VAULT_UPLOAD_KEY_TEXT - 1;
  vt_ok(vault_upload_key(v, &me, &id, key, NULL));
  vt_ok(vault_upload_key(v, &other, &id, others, NULL));
  vt_pass(w, DAY_MS); /* the access token has long expired */
  vt_ok(use_key(key, n, &who, &got));
  vt_ok(use_key(others, n, &who, &got));
  vt_ok(vault_auth_logout(v, &me, NULL));
  vt_status(use_key(key, n, &who, &got), VAULT_E_NOT_FOUND); /* at once in this process */
  vt_ok(vault_admin_set_disabled(v, &other.user, 1, NULL));
  vt_status(use_key(others, n, &who, &got), VAULT_E_NOT_FOUND);
}
END_TEST

/* What is remembered of a key never lets its bytes pass for a token. */
START_TEST(a_key_is_no_token) {
  char key[VAULT_UPLOAD_KEY_TEXT];
  uint8_t raw[VAULT_UPLOAD_KEY_TEXT];
  vault_principal who;
  vault_id id = {{1}}, got;
  uint64_t raw_n = 0;
  const uint64_t n = VAULT_UPLOAD_KEY_TEXT - 1;
  vt_ok(vault_upload_key(v, &me, &id, key, NULL));
  vt_ok(use_key(key, n, &who, &got));
  vt_ok(vault__b64url_decode(key, n, raw, sizeof raw, &raw_n));
  who = (vault_principal){.size = sizeof who};
  vt_status(vault_auth_authenticate(v, key, n, NULL, 0, &who, NULL), VAULT_E_TOKEN);
  vt_status(vault_auth_authenticate(v, (const char *)raw, raw_n, NULL, 0, &who, NULL),
            VAULT_E_TOKEN);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {the_newer_request_has_it,
                                looking_ends_a_running_append,
                                a_lost_handle_ends,
                                only_ones_own,
                                a_submitted_one_is_waited_for,
                                the_digest_goes_on_from_any_offset,
                                every_large_body_has_its_chain,
                                finished_ones_are_remembered_until_they_expire,
                                expiry_slides_with_each_part,
                                held_bytes_count_when_they_are_settled,
                                the_length_is_told_once,
                                the_digest_is_told_later,
                                a_short_end_keeps_what_arrived,
                                client_meta_comes_back,
                                a_key_begins_one_upload,
                                cancelling,
                                a_key_is_for_one_upload,
                                a_key_lives_as_long_as_its_session,
                                a_key_is_no_token,
                                NULL};
  return vt_suite_with("resume", tests, setup, teardown);
}

VT_MAIN(suite)
