/* The suite of the items port: small bodies that are kept with their row, read, spilled to
 * the blob store and collected. */
#include "items_fixture.h"

#include <stdlib.h>

/* What get_content says of an item's version; fails unless OK. */
typedef struct content {
  vault_item_row item;
  vault_version_row version;
  uint64_t n;
  uint8_t body[VAULT_INLINE_MAX];
} content;

static void read_content(vt_items *f, const vault_id *item, const vault_id *version, uint64_t room,
                         content *out) {
  memset(out, 0, sizeof *out);
  vt_is(f->ops->get_content(f->self, &f->user, item, version, &out->item, &out->version,
                            room ? out->body : NULL, room, &out->n, &f->err),
        VAULT_OK);
}

static void check_body(const content *c, uint64_t size, unsigned byte) {
  ck_assert_uint_eq(c->version.loc, VAULT_LOC_INLINE);
  ck_assert_uint_eq(c->version.size_bytes, size);
  ck_assert_uint_eq(c->n, size);
  for (uint64_t i = 0; i < size; i++)
    ck_assert_uint_eq(c->body[i], byte);
}

/* A job that is leased, and its fence. */
static vault_job_row lease_job(vt_items *f) {
  const vault_repositories *r = f->instance.ops;
  vault_job_row job = {.id = vt_new_id(), .kind = 7, .created_ms = VT_NOW_MS, .run_ms = VT_NOW_MS};
  vault_job_row leased;
  vt_is(r->jobs->enqueue(r->jobs_self, &job, &f->err), VAULT_OK);
  vt_is(r->jobs->lease(r->jobs_self, 1u << 7, VT_NOW_MS, 1000, &leased, &f->err), VAULT_OK);
  return leased;
}

static vault_blob_row the_blob(vt_items *f, const vault_id *item) {
  vault_item_row row = vt_get(f, item);
  vault_blob_row blob;
  vt_is(f->ops->get_blob(f->self, &row.blob, &blob, &f->err), VAULT_OK);
  return blob;
}

/* ---- reading ------------------------------------------------------------------------------ */

START_TEST(inline_is_read) {
  vt_items f;
  content *c = calloc(1, sizeof *c);
  vault_version_row v;
  vt_items_open(&f, _i);
  vault_commit_result one = vt_put_inline(&f, "d/f.txt", 4096, 7);
  vt_is(one.status, VAULT_OK);
  ck_assert_uint_eq(one.outcome, VAULT_OUTCOME_CREATED);
  for (unsigned indexed = 0; indexed < 2; indexed++) {
    read_content(&f, &one.item.id, &vt_root, sizeof c->body, c);
    check_body(c, 4096, 7);
    ck_assert_str_eq(c->item.name, "f.txt");
    ck_assert(vt_same_id(&c->item.id, &one.item.id));
    ck_assert(vt_same_id(&c->version.item, &one.item.id));
    ck_assert(vt_same_id(&c->version.id, &one.item.version));
    ck_assert(vt_same_id(&c->version.blob.blob, &one.item.blob));
    ck_assert(vt_same_id(&c->version.blob.user, &f.user));
    ck_assert_str_eq(c->version.blob.ext, ".txt");
    ck_assert_uint_eq(c->version.blob.space, VAULT_SPACE_FILES);
    ck_assert_str_eq(c->version.content_type, "text/plain");
    ck_assert_int_eq(c->version.created_ms, VT_NOW_MS);
    ck_assert_mem_eq(c->version.sha256, one.item.sha256, sizeof one.item.sha256);
    read_content(&f, &one.item.id, &one.item.version, 4096, c);
    check_body(c, 4096, 7);
    vt_is(f.ops->get_version(f.self, &f.user, &one.item.id, &vt_root, &v, &f.err), VAULT_OK);
    ck_assert_mem_eq(&v, &c->version, sizeof v);
    (void)vt_index(&f);
  }
  free(c);
  vt_items_close(&f);
}
END_TEST

START_TEST(inline_room) {
  vt_items f;
  content *c = calloc(1, sizeof *c);
  vault_id other = vt_new_id();
  vt_items_open(&f, _i);
  vault_id item = vt_put_inline(&f, "f", 100, 7).item.id, folder = vt_folder(&f, NULL, "d");
  vault_id empty = vt_put_inline(&f, "empty", 0, 7).item.id, file = vt_file(&f, "file", 10, 1);
  read_content(&f, &item, &vt_root, 0, c);
  ck_assert_uint_eq(c->n, 100);
  read_content(&f, &item, &vt_root, 99, c);
  ck_assert_uint_eq(c->n, 100);
  ck_assert_uint_eq(c->body[0], 0);
  read_content(&f, &item, &vt_root, 100, c);
  check_body(c, 100, 7);
  read_content(&f, &empty, &vt_root, 1, c);
  check_body(c, 0, 7);
  read_content(&f, &file, &vt_root, sizeof c->body, c);
  ck_assert_uint_eq(c->version.loc, VAULT_LOC_FILE);
  ck_assert_uint_eq(c->n, 0);
  vt_is(f.ops->get_content(f.self, &f.user, &folder, &vt_root, &c->item, &c->version, c->body, 1,
                           &c->n, &f.err),
        VAULT_E_NOT_FOUND);
  vt_is(f.ops->get_content(f.self, &f.user, &item, &other, &c->item, &c->version, c->body, 1, &c->n,
                           &f.err),
        VAULT_E_NOT_FOUND);
  vt_is(f.ops->get_content(f.self, &other, &item, &vt_root, &c->item, &c->version, c->body, 1,
                           &c->n, &f.err),
        VAULT_E_NOT_FOUND);
  free(c);
  vt_items_close(&f);
}
END_TEST

START_TEST(inline_versions) {
  vt_items f;
  content *c = calloc(1, sizeof *c);
  vt_items_open(&f, _i);
  vault_commit_result one = vt_put_inline(&f, "f", 10, 1), two = vt_put_inline(&f, "f", 20, 2);
  ck_assert_uint_eq(two.outcome, VAULT_OUTCOME_VERSION);
  ck_assert(vt_same_id(&one.item.id, &two.item.id));
  ck_assert_uint_eq(vt_put_inline(&f, "f", 20, 2).outcome, VAULT_OUTCOME_SAME);
  read_content(&f, &one.item.id, &one.item.version, 100, c);
  check_body(c, 10, 1);
  read_content(&f, &one.item.id, &vt_root, 100, c);
  check_body(c, 20, 2);
  ck_assert_uint_eq(vt_usage(&f).versions_bytes, 10);
  vt_is(vt_trash(&f, &one.item.id), VAULT_OK);
  read_content(&f, &one.item.id, &vt_root, 100, c);
  check_body(c, 20, 2);
  vt_is(vt_restore(&f, &one.item.id), VAULT_OK);
  read_content(&f, &one.item.id, &one.item.version, 100, c);
  check_body(c, 10, 1);
  free(c);
  vt_items_close(&f);
}
END_TEST

/* ---- what may be asked ---------------------------------------------------------------------- */

START_TEST(inline_limits) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  vt_items_open(&f, _i);
  vt_is(vt_put_inline(&f, "most", VAULT_INLINE_MAX, 1).status, VAULT_OK);
  vt_path_set(&p, "f");
  vt_commit_item(&f, &m, &p, VAULT_INLINE_MAX, 1);
  vt_inline_body(&m, 1);
  m.size_bytes = m.body.n = VAULT_INLINE_MAX + 1;
  vt_is(vt_commit(&f, &m).status, VAULT_E_USAGE);
  m.size_bytes = 10;
  vt_is(vt_commit(&f, &m).status, VAULT_E_USAGE); /* another length than the body's */
  m.body = (vault_str){NULL, 10};
  vt_is(vt_commit(&f, &m).status, VAULT_E_USAGE);
  vt_inline_body(&m, 1);
  m.flags |= VAULT_COMMIT_SHARED;
  vt_is(vt_commit(&f, &m).status, VAULT_E_USAGE);
  m.flags = VAULT_COMMIT_INLINE;
  m.kind = VAULT_COMMIT_FINISH;
  vt_is(vt_commit(&f, &m).status, VAULT_E_USAGE);
  m.kind = VAULT_COMMIT_PUT;
  vt_is(vt_commit(&f, &m).status, VAULT_OK);
  vt_items_close(&f);
}
END_TEST

/* ---- spilling --------------------------------------------------------------------------------- */

START_TEST(inline_is_listed) {
  vt_items f;
  vault_blob_row rows[8];
  uint64_t n, bytes, count;
  int64_t oldest;
  uint8_t body[64];
  vt_items_open(&f, _i);
  vt_is(f.ops->inline_usage(f.self, &bytes, &count, &oldest, &f.err), VAULT_OK);
  ck_assert_uint_eq(bytes, 0);
  ck_assert_uint_eq(count, 0);
  ck_assert_int_eq(oldest, INT64_MAX);
  vault_id a = vt_put_inline(&f, "a", 10, 1).item.id;
  (void)vt_put_inline(&f, "b", 20, 2);
  (void)vt_file(&f, "not inline", 1000, 3);
  for (unsigned indexed = 0; indexed < 2; indexed++) {
    vt_is(f.ops->inline_usage(f.self, &bytes, &count, &oldest, &f.err), VAULT_OK);
    ck_assert_uint_eq(bytes, 30);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(oldest, VT_NOW_MS);
    (void)vt_index(&f);
  }
  vt_is(f.ops->list_inline(f.self, VT_NOW_MS, rows, 8, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vt_is(f.ops->list_inline(f.self, VT_NOW_MS + 1, rows, 1, &n, &f.err), VAULT_OK);
  static const vault_id nobody;
  ck_assert_mem_ne(&rows[0].item, &nobody, sizeof nobody);
  ck_assert_uint_eq(n, 1);
  vt_is(f.ops->list_inline(f.self, VT_NOW_MS + 1, rows, 8, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 2);
  ck_assert_uint_eq(rows[0].size_bytes, 10);
  ck_assert_uint_eq(rows[0].loc, VAULT_LOC_INLINE);
  ck_assert_str_eq(rows[0].key.ext, ".txt");
  ck_assert_int_eq(rows[0].refs, 1);
  vault_item_row item = vt_get(&f, &a);
  ck_assert(vt_same_id(&rows[0].key.blob, &item.blob));
  vt_is(f.ops->get_inline(f.self, &item.blob, body, 9, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 10);
  vt_is(f.ops->get_inline(f.self, &item.blob, body, 10, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 10);
  ck_assert_uint_eq(body[9], 1);
  vt_is(f.ops->get_inline(f.self, &vt_root, body, 10, &n, &f.err), VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

START_TEST(spill_turns_live_ones) {
  vt_items f;
  uint8_t done[3] = {9, 9, 9}, body[64];
  uint64_t n, bytes, count;
  int64_t oldest;
  content *c = calloc(1, sizeof *c);
  vt_items_open(&f, _i);
  vault_id a = vt_put_inline(&f, "a", 10, 1).item.id, b = vt_put_inline(&f, "b", 20, 2).item.id;
  vault_id file = vt_file(&f, "file", 30, 3);
  (void)vt_index(&f);
  vault_job_row job = lease_job(&f);
  vault_id blobs[3] = {vt_get(&f, &a).blob, vt_get(&f, &b).blob, vt_get(&f, &file).blob};
  vt_is(vt_trash(&f, &b), VAULT_OK);
  vt_is(vt_purge(&f, &b), VAULT_OK);
  vt_is(f.ops->finish_spill(f.self, &job.id, job.fence + 1, blobs, 3, done, &f.err),
        VAULT_E_CONFLICT);
  ck_assert_uint_eq(done[0], 9);
  ck_assert_uint_eq(the_blob(&f, &a).loc, VAULT_LOC_INLINE);
  vt_is(f.ops->finish_spill(f.self, &job.id, job.fence, blobs, 0, done, &f.err), VAULT_E_USAGE);
  for (unsigned again = 0; again < 2; again++) {
    vt_is(f.ops->finish_spill(f.self, &job.id, job.fence, blobs, 3, done, &f.err), VAULT_OK);
    ck_assert_uint_eq(done[0], again ? 0 : 1);
    ck_assert_uint_eq(done[1], 0); /* purged in between */
    ck_assert_uint_eq(done[2], 0);
  }
  ck_assert_uint_eq(the_blob(&f, &a).loc, VAULT_LOC_FILE);
  vt_is(f.ops->get_inline(f.self, &blobs[0], body, 64, &n, &f.err), VAULT_E_NOT_FOUND);
  read_content(&f, &a, &vt_root, 64, c);
  ck_assert_uint_eq(c->version.loc, VAULT_LOC_FILE);
  ck_assert_uint_eq(c->n, 0);
  vt_is(f.ops->inline_usage(f.self, &bytes, &count, &oldest, &f.err), VAULT_OK);
  ck_assert_uint_eq(count, 0);
  free(c);
  vt_items_close(&f);
}
END_TEST

START_TEST(spill_at_most) {
  vt_items f;
  vault_id *blobs = calloc(VAULT_SPILL_MAX + 1, sizeof *blobs);
  uint8_t *done = calloc(VAULT_SPILL_MAX + 1, 1);
  vt_items_open(&f, _i);
  vault_job_row job = lease_job(&f);
  vt_is(f.ops->finish_spill(f.self, &job.id, job.fence, blobs, VAULT_SPILL_MAX, done, &f.err),
        VAULT_OK);
  ck_assert_uint_eq(done[0], 0);
  vt_is(f.ops->finish_spill(f.self, &job.id, job.fence, blobs, VAULT_SPILL_MAX + 1, done, &f.err),
        VAULT_E_USAGE);
  free(done);
  free(blobs);
  vt_items_close(&f);
}
END_TEST

START_TEST(inline_is_collected) {
  vt_items f;
  vault_blob_row rows[4];
  uint64_t n;
  uint8_t body[64];
  vt_items_open(&f, _i);
  vault_id a = vt_put_inline(&f, "a", 10, 1).item.id;
  vault_id blob = vt_get(&f, &a).blob;
  vt_is(vt_trash(&f, &a), VAULT_OK);
  vt_is(vt_purge(&f, &a), VAULT_OK);
  vt_is(f.ops->list_inline(f.self, INT64_MAX, rows, 4, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vt_is(f.ops->get_inline(f.self, &blob, body, 64, &n, &f.err), VAULT_OK);
  vt_is(f.ops->mark_blobs(f.self, INT64_MAX, VT_NOW_MS + 1, 10, &n, &f.err), VAULT_OK);
  vt_is(f.ops->take_blobs(f.self, INT64_MAX, rows, 4, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  ck_assert_uint_eq(rows[0].loc, VAULT_LOC_INLINE);
  vt_is(f.ops->drop_blob(f.self, &blob, &f.err), VAULT_OK);
  vt_is(f.ops->get_inline(f.self, &blob, body, 64, &n, &f.err), VAULT_E_NOT_FOUND);
  /* the row of the bytes is gone, too: the same id can be used again */
  vt_path p;
  vault_commit_item m;
  vt_path_set(&p, "b");
  vt_commit_item(&f, &m, &p, 10, 1);
  vt_inline_body(&m, 1);
  m.blob.blob = blob;
  vt_is(vt_commit(&f, &m).status, VAULT_OK);
  vt_items_close(&f);
}
END_TEST

void vt_items_add_inline(TCase *tcase, int adapter) {
  const TTest *const tests[] = {inline_is_read, inline_room,         inline_versions,
                                inline_limits,  inline_is_listed,    spill_turns_live_ones,
                                spill_at_most,  inline_is_collected, NULL};
  vt_items_add(tcase, adapter, tests);
}
