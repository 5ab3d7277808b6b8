/* Small bodies that go with their row: what they cost until the commit, where the limit is, what
 * the commit says, whose turn it is, and how they are read. */
#include <stdio.h>
#include <string.h>

#include "libvault/usecases/commit_queue.h"
#include "libvault/usecases/handle.h"
#include "libvault/usecases/upload_inline.h"
#include "tests/support/vt_files.h"

#define LIMIT 1000u

static vt_world *w;
static vault *v;
static vault_principal me, other;
static char body[VAULT_INLINE_MAX + 1];

/* The vault's ports, with methods of the test in front. */
static const vault_items_repo_ops *real_items;
static const vault_blob_store_ops *real_blobs;
static vault_items_repo_ops items;
static vault_blob_store_ops blobs;
static int looks, uploads, writers, tidied[2];

static vault_status get_item(void *self, const vault_id *user, const vault_id *item,
                             vault_item_row *out, vault_err *err) {
  looks++;
  return real_items->get_item(self, user, item, out, err);
}

static vault_status find_item(void *self, const vault_id *user, uint32_t space,
                              const vault_id *parent, const vault_name *path, uint32_t n_path,
                              vault_item_row *out, vault_err *err) {
  looks++;
  return real_items->find_item(self, user, space, parent, path, n_path, out, err);
}

static vault_status begin_upload(void *self, const vault_upload_row *row, const vault_name *path,
                                 uint32_t n_path, vault_str client_meta, const vault_id *parts,
                                 vault_id *existing, vault_err *err) {
  uploads++;
  return real_items->begin_upload(self, row, path, n_path, client_meta, parts, existing, err);
}

static int32_t maintain(void *self, uint32_t idle) {
  (void)self;
  tidied[idle != 0]++;
  return 0;
}

static vault_status begin_blob(void *self, const vault_blob_key *key, uint32_t flags,
                               vault_blob_writer **out, vault_err *err) {
  writers++;
  return real_blobs->begin(self, key, flags, out, err);
}

static void setup(void) {
  const vault_settings settings = {.size = sizeof settings, .inline_max_bytes = LIMIT};
  w = vt_vault_open(&settings);
  v = w->v;
  me = vt_who(w, VT_PHONE);
  other = vt_who(w, "+905321234568");
  real_items = v->items;
  real_blobs = v->blobs;
  items = *real_items;
  items.size = sizeof items;
  items.get_item = get_item;
  items.find_item = find_item;
  items.begin_upload = begin_upload;
  items.maintain = maintain;
  blobs = *real_blobs;
  blobs.size = sizeof blobs;
  blobs.begin = begin_blob;
  v->items = &items;
  v->blobs = &blobs;
  looks = uploads = writers = tidied[0] = tidied[1] = 0;
  memset(body, 'x', sizeof body);
}

static void teardown(void) {
  v->items = real_items;
  v->blobs = real_blobs;
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
  vt_clean(v);
  vt_vault_close(w);
}

static vault_status put_n(const char *path, uint64_t n) {
  vault_upload_opts opts = vt_at(path, n, 0);
  return vault_put(v, &me, &opts, body, n, NULL, NULL, NULL);
}

static uint64_t n_inline(void) {
  vault_inline_report r = {.size = sizeof r};
  vt_ok(vault_admin_inline(v, &r, NULL));
  return r.count;
}

/* ---- begin ---- */

START_TEST(begin_by_path_does_nothing_outside_of_memory) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("d/f", 3, VAULT_UP_NEW_ONLY);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, "ab", 2, NULL));
  ck_assert_uint_eq(vault_upload_get(u)->offset, 2);
  ck_assert_uint_eq(vault_upload_get(u)->durable_offset, 0);
  ck_assert_int_eq(looks + uploads + writers, 0);
  vault_upload_abort(u);
  ck_assert_int_eq(looks + uploads + writers, 0);
  vt_status(vt_lookup(v, &me, "d", NULL), VAULT_E_NOT_FOUND);
}
END_TEST

START_TEST(begin_by_item_reads_its_row_only) {
  vault_id file;
  vault_upload *u = NULL;
  vt_ok(vt_put(v, &me, "f", "one", &file));
  looks = uploads = writers = 0;
  vault_upload_opts opts = vt_at("", 3, 0);
  opts.item = file;
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  ck_assert_int_eq(looks, 1);
  ck_assert_int_eq(uploads + writers, 0);
  vt_ok(vault_upload_append(u, "two", 3, NULL));
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  vt_content(v, &me, "f", "two");
}
END_TEST

START_TEST(the_setting_is_the_limit) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("resumable", 3, VAULT_UP_RESUMABLE);
  vt_ok(put_n("empty", 0));
  vt_ok(put_n("below", LIMIT - 1));
  vt_ok(put_n("at", LIMIT));
  ck_assert_int_eq(uploads + writers, 0);
  ck_assert_uint_eq(n_inline(), 3);
  vt_ok(put_n("above", LIMIT + 1));
  ck_assert_int_eq(writers, 1);
  ck_assert_uint_eq(n_inline(), 3);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  ck_assert_int_eq(writers, 2);
  vault_upload_abort(u);
  opts = vt_at("unknown", VAULT_LENGTH_UNKNOWN, 0);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  ck_assert_int_eq(writers, 3);
  vault_upload_abort(u);
  v->settings.inline_max_bytes = VAULT_INLINE_OFF;
  vt_ok(put_n("off", 1));
  ck_assert_int_eq(writers, 4);
}
END_TEST

START_TEST(settings_have_both_ends) {
  static const struct {
    vault_settings s;
    vault_status want;
  } rows[] = {
    {{.inline_max_bytes = 1}, VAULT_OK},
    {{.inline_max_bytes = VAULT_INLINE_MAX}, VAULT_OK},
    {{.inline_max_bytes = VAULT_INLINE_OFF}, VAULT_OK},
    {{.inline_max_bytes = VAULT_INLINE_MAX + 1}, VAULT_E_USAGE},
    {{.inline_max_bytes = VAULT_INLINE_OFF - 1}, VAULT_E_USAGE},
    {{.spill_idle_ms = 1, .spill_after_ms = 1, .spill_bytes = 1}, VAULT_OK},
    {{.spill_idle_ms = 86400000, .spill_after_ms = 86400000, .spill_bytes = UINT64_C(1) << 40},
     VAULT_OK},
    {{.spill_idle_ms = -1}, VAULT_E_USAGE},
    {{.spill_idle_ms = 86400001}, VAULT_E_USAGE},
    {{.spill_after_ms = -1}, VAULT_E_USAGE},
    {{.spill_after_ms = 86400001}, VAULT_E_USAGE},
    {{.spill_bytes = (UINT64_C(1) << 40) + 1}, VAULT_E_USAGE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    vault_settings s = rows[i].s;
    vault *another = NULL;
    s.size = sizeof s;
    vault_config c = {.size = sizeof c,
                      .database = {"sqlite::memory:", 15},
                      .storage = {"memory:", 7},
                      .sms = {"none:", 5},
                      .keys = {"memory:", 7},
                      .public_url = {VT_URL, strlen(VT_URL)},
                      .settings = &s};
    vt_status(vault_open(&c, &another, NULL), rows[i].want);
    vt_ok(vault_close(another, NULL));
  }
}
END_TEST

/* The largest there is, to the last byte; one more is a file. */
START_TEST(the_largest_inline_body) {
  vault_reader *r = NULL;
  vault_item_view row;
  vault_str all = {NULL, 0};
  v->settings.inline_max_bytes = VAULT_INLINE_MAX;
  body[VAULT_INLINE_MAX - 1] = 'y';
  vt_ok(put_n("f", VAULT_INLINE_MAX));
  vt_ok(put_n("g", VAULT_INLINE_MAX + 1));
  ck_assert_uint_eq(n_inline(), 1);
  vt_ok(vt_lookup(v, &me, "f", &row));
  vt_ok(vault_read_open(v, &me, &row.id, NULL, 0, VAULT_TO_END, &r, NULL));
  vt_ok(vault_read_inline(r, &all, NULL));
  ck_assert_uint_eq(all.n, VAULT_INLINE_MAX);
  ck_assert_int_eq(memcmp(all.p, body, VAULT_INLINE_MAX), 0);
  vault_reader_free(r);
}
END_TEST

/* ---- append and the commit ---- */

START_TEST(append_holds_the_length) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("f", 3, 0);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vt_ok(vault_upload_append(u, "", 0, NULL));
  vt_status(vault_upload_append(u, "d", 1, NULL), VAULT_E_BODY_LONG);
  vt_status(vault_upload_append(u, "d", 1, NULL), VAULT_E_USAGE);
  vault_upload_abort(u);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, "ab", 2, NULL));
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_BODY_SHORT);
  opts.flags = VAULT_UP_SHA256; /* of nothing that is sent */
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vt_status(vault_upload_seal(u, NULL), VAULT_E_DIGEST);
  vault_upload_suspend(u); /* not resumable: given up */
  vt_status(vt_lookup(v, &me, "f", NULL), VAULT_E_NOT_FOUND);
}
END_TEST

START_TEST(the_commit_says_what_begin_did_not) {
  vault_item_view row;
  vault_err err = VAULT_ERR_INIT;
  vault_upload_opts opts = vt_at("f", 0, VAULT_UP_NEW_ONLY);
  vt_ok(vt_put(v, &me, "f", "one", NULL));
  vt_ok(vt_lookup(v, &me, "f", &row));
  vt_status(vault_put(v, &me, &opts, "two", 3, NULL, NULL, &err), VAULT_E_PRECONDITION);
  ck_assert_mem_eq(err.item.b, row.id.b, sizeof row.id.b);
  opts = vt_at("none", 0, VAULT_UP_IF_VERSION);
  vt_status(vault_put(v, &me, &opts, "two", 3, NULL, NULL, NULL), VAULT_E_PRECONDITION);
  vt_ok(vault_admin_set_quota(v, &me.user, 10, NULL));
  vt_status(put_n("large", 8), VAULT_E_QUOTA);
  vt_ok(put_n("fits", 7));
  vt_status(put_n("one", 1), VAULT_E_QUOTA);
}
END_TEST

START_TEST(a_key_is_done_once) {
  uint32_t outcome = 0;
  vault_upload_opts opts = vt_at("f", 0, VAULT_UP_NEW_ONLY);
  opts.op_key = (vault_str){"key", 3};
  vt_ok(vault_put(v, &me, &opts, "one", 3, NULL, &outcome, NULL));
  ck_assert_uint_eq(outcome, VAULT_OUTCOME_CREATED);
  vt_ok(vault_put(v, &me, &opts, "one", 3, NULL, &outcome, NULL));
  ck_assert_uint_eq(outcome, VAULT_OUTCOME_REPLAY); /* not PRECONDITION by its own success */
  vt_status(vault_put(v, &me, &opts, "two", 3, NULL, &outcome, NULL), VAULT_E_IDEMPOTENCY_KEY);
}
END_TEST

/* "It is stored already" must be true: the file that stands for it is looked at. */
static void lean_on_a_lost_file(int with_key) {
  vault_item_row row;
  vault_blob_row blob;
  vault_id file;
  uint32_t outcome = 0;
  vault_upload_opts opts = vt_at("f", 0, 0);
  v->settings.inline_max_bytes = VAULT_INLINE_OFF;
  vt_ok(vt_put(v, &me, "f", "hello", &file));
  v->settings.inline_max_bytes = LIMIT;
  vt_ok(vault_put(v, &me, &opts, "hello", 5, NULL, &outcome, NULL));
  ck_assert_uint_eq(outcome, VAULT_OUTCOME_SAME);
  vt_ok(v->items->get_item(v->items_self, &me.user, &file, &row, NULL));
  vt_ok(v->items->get_blob(v->items_self, &row.blob, &blob, NULL));
  vt_ok(v->blobs->remove(v->blobs_self, &blob.key, NULL));
  if (with_key)
    opts.op_key = (vault_str){"key", 3}; /* which the first commit remembers */
  vt_ok(vault_put(v, &me, &opts, "hello", 5, NULL, &outcome, NULL));
  ck_assert_uint_eq(outcome, VAULT_OUTCOME_VERSION);
  vt_content(v, &me, "f", "hello");
  vault_blob_writer *b = NULL; /* for teardown: the old version is whole again */
  vault_blob_meta meta = {.size = sizeof meta};
  vt_ok(v->blobs->begin(v->blobs_self, &blob.key, 0, &b, NULL));
  vt_ok(v->blobs->write(v->blobs_self, b, "hello", 5, NULL));
  vt_ok(v->blobs->seal(v->blobs_self, b, &meta, NULL));
  vt_ok(v->blobs->publish(v->blobs_self, b, NULL));
  v->blobs->discard(v->blobs_self, b, 0);
}

START_TEST(same_bytes_never_lean_on_a_lost_file) {
  lean_on_a_lost_file(0);
}
END_TEST

START_TEST(nor_do_they_with_a_key) {
  lean_on_a_lost_file(1);
}
END_TEST

/* ---- the queue ---- */

static void submit(vault_cq *q, const vault_principal *who, unsigned n, uint64_t length,
                   uint64_t tag) {
  char name[16];
  vault_upload *u = NULL;
  (void)snprintf(name, sizeof name, "f%u", n);
  vault_upload_opts opts = vt_at(name, length, 0);
  vt_ok(vault_upload_begin(v, who, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, body, length, NULL));
  vt_ok(vault_upload_submit(u, q, tag, NULL));
}

/* Events of the batch just driven, and how many are of `tag`. */
static uint64_t take(vault_cq *q, uint64_t tag, uint64_t *of_tag) {
  vault_event ev = {.size = sizeof ev};
  uint64_t n = 0;
  *of_tag = 0;
  for (; vault_cq_next(q, &ev, NULL) == VAULT_OK; n++) {
    vt_ok(ev.status);
    *of_tag += ev.tag == tag;
  }
  return n;
}

/* One user has two batches waiting; the other's only upload is in the first. */
START_TEST(users_take_turns) {
  static const struct {
    unsigned n;
    uint64_t length, first;
  } rows[] = {
    {VAULT_COMMIT_MAX + 10, 4, VAULT_COMMIT_MAX}, /* the members are the limit */
    {65, VAULT_INLINE_MAX, 64},                   /* the bytes are: 63 of them, and 4 bytes */
  };
  v->settings.inline_max_bytes = VAULT_INLINE_MAX;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    vault_cq *q = NULL;
    uint64_t n = 0, of_tag = 0;
    vt_ok(vault_cq_open(v, &q, NULL));
    for (unsigned k = 0; k < rows[i].n; k++)
      submit(q, &me, k, rows[i].length, 1);
    submit(q, &other, (unsigned)i, 4, 2);
    vt_ok(vault_commit_drive(v, 0, &n, NULL));
    ck_assert_uint_eq(n, rows[i].first);
    ck_assert_uint_eq(take(q, 2, &of_tag), n);
    ck_assert_uint_eq(of_tag, 1);
    vt_ok(vault_commit_drive(v, 0, &n, NULL));
    ck_assert_uint_eq(n, rows[i].n + 1 - rows[i].first);
    ck_assert_uint_eq(take(q, 1, &of_tag), n);
    vt_ok(vault_commit_drive(v, 0, &n, NULL));
    ck_assert_uint_eq(n, 0);
    vt_ok(vault_cq_close(q, NULL));
  }
}
END_TEST

/* The queue by itself: in turn, each user's own in order, nothing lost. */
START_TEST(turns_are_exact) {
  enum { USERS = 600, EACH = 3 }; /* more users than slots */
  static vault_upload all[USERS * EACH];
  static vault__commit_queue q;
  uint64_t n = 0, total = 0;
  memset(&q, 0, sizeof q);
  memset(all, 0, sizeof all);
  for (unsigned i = 0; i < USERS * EACH; i++) {
    unsigned user = i / EACH;
    all[i].tag = i;
    all[i].row.blob.user.b[14] = (uint8_t)(user >> 8);
    all[i].row.blob.user.b[15] = (uint8_t)user;
    vault__commit_queue_push(&q, &all[i]);
  }
  for (vault_upload *u; (u = vault__commit_queue_pull(&q, &n)) != NULL;)
    for (; u; u = u->next, total++) {
      ck_assert_uint_eq(u->tag % EACH, total / USERS); /* the first of all, then the second */
      ck_assert_uint_eq(u->tag / EACH, total % USERS);
    }
  ck_assert_uint_eq(total, USERS * EACH);
  ck_assert_uint_eq(q.n, 0);
  ck_assert(!q.head && !q.tail);
}
END_TEST

/* After each batch, and once more when there was nothing for a while. */
START_TEST(the_database_gets_its_time) {
  vt_ok(put_n("f", 3));
  ck_assert_int_eq(tidied[0], 1);
  ck_assert_int_eq(tidied[1], 0);
  vt_ok(vault_commit_drive(v, 5000, NULL, NULL)); /* waits in vain for work */
  ck_assert_int_eq(tidied[0], 1);
  ck_assert_int_eq(tidied[1], 1);
}
END_TEST

/* ---- reading ---- */

static vault_reader *open_at(const char *path, uint64_t offset, uint64_t length) {
  vault_item_view row;
  vault_reader *r = NULL;
  vt_ok(vt_lookup(v, &me, path, &row));
  vt_ok(vault_read_open(v, &me, &row.id, NULL, offset, length, &r, NULL));
  return r;
}

START_TEST(ranges_come_from_memory) {
  vault_str bytes;
  char buf[8];
  uint64_t got = 0;
  int32_t fd = 7;
  vt_ok(vt_put(v, &me, "f", "0123456789", NULL));
  vault_reader *r = open_at("f", 3, 5);
  vt_ok(vault_read_inline(r, &bytes, NULL));
  ck_assert_uint_eq(bytes.n, 5);
  ck_assert_mem_eq(bytes.p, "34567", 5);
  vt_ok(vault_read_fd(r, &fd, NULL));
  ck_assert_int_eq(fd, -1);
  vt_ok(vault_read_range(r, 8, VAULT_TO_END, NULL));
  vt_ok(vault_read_next(r, buf, 1, &got, NULL));
  ck_assert(got == 1 && buf[0] == '8');
  vt_ok(vault_read_next(r, buf, sizeof buf, &got, NULL));
  ck_assert(got == 1 && buf[0] == '9');
  vt_ok(vault_read_next(r, buf, sizeof buf, &got, NULL));
  ck_assert_uint_eq(got, 0);
  vault_reader_free(r);
  vt_status(vault_read_inline(NULL, &bytes, NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(an_empty_body_is_inline_too) {
  vault_str bytes = {NULL, 7};
  vt_ok(put_n("empty", 0));
  vault_reader *r = open_at("empty", 0, VAULT_TO_END);
  vt_ok(vault_read_inline(r, &bytes, NULL));
  ck_assert_ptr_nonnull(bytes.p);
  ck_assert_uint_eq(bytes.n, 0);
  vault_reader_free(r);
  vt_ok(put_n("file", LIMIT + 1));
  r = open_at("file", 0, VAULT_TO_END);
  bytes.n = 7;
  vt_ok(vault_read_inline(r, &bytes, NULL));
  ck_assert(!bytes.p && bytes.n == 0);
  vault_reader_free(r);
}
END_TEST

/* An open download keeps what it has seen; one that is opened afterwards reads the file. */
START_TEST(a_read_across_the_spill) {
  vault_str bytes;
  char buf[8];
  uint64_t got = 0;
  vt_ok(vt_put(v, &me, "f", "hello", NULL));
  vault_reader *before = open_at("f", 0, VAULT_TO_END);
  vt_run_jobs(w); /* what is due since the start */
  vt_pass(w, VAULT_DEFAULT_SPILL_IDLE_MS);
  vt_run_jobs(w);
  ck_assert_uint_eq(n_inline(), 0);
  vt_ok(vault_read_next(before, buf, sizeof buf, &got, NULL));
  ck_assert_uint_eq(got, 5);
  ck_assert_mem_eq(buf, "hello", 5);
  vault_reader_free(before);
  vault_reader *after = open_at("f", 0, VAULT_TO_END);
  vt_ok(vault_read_inline(after, &bytes, NULL));
  ck_assert_ptr_null(bytes.p);
  vt_ok(vault_read_next(after, buf, sizeof buf, &got, NULL));
  ck_assert_mem_eq(buf, "hello", 5);
  vault_reader_free(after);
}
END_TEST

/* The row was read before, and says now another place: it is asked once more. */
static vault_blob_key moved_from;
static int stale;

static vault_status get_content(void *self, const vault_id *user, const vault_id *item,
                                const vault_id *version, vault_item_row *item_out,
                                vault_version_row *out, void *p, uint64_t room, uint64_t *n,
                                vault_err *err) {
  vault_status s =
    real_items->get_content(self, user, item, version, item_out, out, p, room, n, err);
  if (s == VAULT_OK && stale-- > 0) {
    out->loc = VAULT_LOC_FILE;
    out->blob = moved_from;
    *n = 0;
  }
  return s;
}

START_TEST(a_file_that_is_not_there_is_asked_for_once_more) {
  char buf[8];
  uint64_t got = 0;
  vt_ok(vt_put(v, &me, "f", "hello", NULL));
  items.get_content = get_content;
  vault_version_row row;
  vault_item_view view;
  vt_ok(vt_lookup(v, &me, "f", &view));
  vt_ok(v->items->get_version(v->items_self, &me.user, &view.id, &view.version, &row, NULL));
  moved_from = row.blob;
  moved_from.blob.b[15] ^= 1;
  stale = 1;
  vault_reader *r = open_at("f", 1, 3);
  vt_ok(vault_read_next(r, buf, sizeof buf, &got, NULL));
  ck_assert_uint_eq(got, 3);
  ck_assert_mem_eq(buf, "ell", 3);
  vault_reader_free(r);
  stale = 2; /* the second look says the same: it is not there */
  r = open_at("f", 0, VAULT_TO_END);
  got = 77;
  vt_status(vault_read_next(r, buf, sizeof buf, &got, NULL), VAULT_E_NOT_FOUND);
  ck_assert_uint_eq(got, 77);
  vault_reader_free(r);
}
END_TEST

START_TEST(folders_and_old_versions) {
  vault_item_view row, now;
  vault_id folder;
  vault_reader *r = NULL;
  char buf[8];
  uint64_t got = 0;
  vt_ok(vt_folder(v, &me, NULL, "d", &folder));
  vt_status(vault_read_open(v, &me, &folder, NULL, 0, VAULT_TO_END, &r, NULL), VAULT_E_IS_A_FOLDER);
  vt_ok(vt_put(v, &me, "f", "one", NULL));
  vt_ok(vt_lookup(v, &me, "f", &row));
  vt_ok(vt_put(v, &me, "f", "two", NULL));
  vt_ok(vt_lookup(v, &me, "f", &now));
  vt_ok(vault_read_open(v, &me, &row.id, &row.version, 0, VAULT_TO_END, &r, NULL));
  vt_ok(vault_read_next(r, buf, sizeof buf, &got, NULL));
  ck_assert_mem_eq(buf, "one", 3);
  vault_reader_free(r);
  r = NULL;
  now.version.b[15] ^= 1;
  vt_status(vault_read_open(v, &me, &row.id, &now.version, 0, VAULT_TO_END, &r, NULL),
            VAULT_E_NOT_FOUND);
  vt_status(vault_read_open(v, &other, &row.id, NULL, 0, VAULT_TO_END, &r, NULL),
            VAULT_E_NOT_FOUND);
  ck_assert_ptr_null(r);
}
END_TEST

/* What is held counts as it was declared, from begin to the end of the upload, whichever that is. */
START_TEST(bodies_in_memory_have_one_bound) {
  vault_upload *u = NULL, *more = NULL;
  vault_upload_opts opts = vt_at("f", 10, 0), one = vt_at("g", 1, 0), none = vt_at("e", 0, 0);
  atomic_store(&v->inline_held, VAULT__INLINE_HELD_MAX - 10);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vt_status(vault_upload_begin(v, &me, &one, &more, NULL), VAULT_E_RETRY);
  ck_assert_ptr_null(more);
  vt_ok(vault_upload_begin(v, &me, &none, &more, NULL));
  vault_upload_abort(more);
  vault_upload_abort(u);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, body, 10, NULL));
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  ck_assert_uint_eq(atomic_load(&v->inline_held), VAULT__INLINE_HELD_MAX - 10);
  atomic_store(&v->inline_held, 0);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {begin_by_path_does_nothing_outside_of_memory,
                                begin_by_item_reads_its_row_only,
                                the_setting_is_the_limit,
                                settings_have_both_ends,
                                the_largest_inline_body,
                                bodies_in_memory_have_one_bound,
                                append_holds_the_length,
                                the_commit_says_what_begin_did_not,
                                a_key_is_done_once,
                                same_bytes_never_lean_on_a_lost_file,
                                nor_do_they_with_a_key,
                                users_take_turns,
                                turns_are_exact,
                                the_database_gets_its_time,
                                ranges_come_from_memory,
                                an_empty_body_is_inline_too,
                                a_read_across_the_spill,
                                a_file_that_is_not_there_is_asked_for_once_more,
                                folders_and_old_versions,
                                NULL};
  return vt_suite_with("inline", tests, setup, teardown);
}

VT_MAIN(suite)
