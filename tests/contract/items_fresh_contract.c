/* The suite of the items port: items that are FRESH, as a commit of small bodies may leave
 * them. Each operation is tried on a fresh item and on one that was indexed; what comes of
 * it must be the same. */
#include "items_fixture.h"

#include <stdio.h>

#define WAYS 2 /* 0: on a fresh item, 1: after index_fresh */

static void go(vt_items *f, unsigned way) {
  if (way)
    (void)vt_index(f);
}

static uint64_t count_blobs(vt_items *f) {
  vault_blob_row rows[64];
  uint64_t n;
  vt_is(f->ops->list_blobs(f->self, &vt_root, rows, 64, &n, &f->err), VAULT_OK);
  return n;
}

static vault_blob_row blob_of(vt_items *f, const vault_id *item) {
  vault_item_row row = vt_get(f, item);
  vault_blob_row blob;
  vt_is(f->ops->get_blob(f->self, &row.blob, &blob, &f->err), VAULT_OK);
  return blob;
}

/* ---- the answer, and asking again -------------------------------------------------------- */

START_TEST(answer_is_the_row) {
  vt_items f;
  vt_items_open(&f, _i);
  for (unsigned way = 0; way < WAYS; way++) {
    vt_path p;
    vault_commit_item m = vt_inline_member(&f, &p, way ? "a/b/new folder" : "f", 10, way);
    m.has_mtime = 1;
    m.mtime_ns = -5;
    vault_commit_result r = vt_commit(&f, &m);
    vault_item_row row = vt_get(&f, &r.item.id);
    ck_assert_uint_eq(r.outcome, VAULT_OUTCOME_CREATED);
    ck_assert_mem_eq(&r.item, &row, sizeof row);
    (void)vt_index(&f);
    row = vt_get(&f, &r.item.id);
    ck_assert_mem_eq(&r.item, &row, sizeof row);
  }
  vt_items_close(&f);
}
END_TEST

START_TEST(asked_again) {
  vt_items f;
  vt_path p;
  vt_items_open(&f, _i);
  for (unsigned way = 0; way < WAYS; way++) {
    char name[8];
    (void)snprintf(name, sizeof name, "f%u", way);
    vault_commit_item m = vt_inline_member(&f, &p, name, 10, way);
    vault_commit_result one = vt_commit(&f, &m);
    go(&f, way);
    vault_commit_result again = vt_commit(&f, &m);
    vt_is(again.status, VAULT_OK);
    ck_assert_uint_eq(again.outcome, VAULT_OUTCOME_REPLAY);
    ck_assert_mem_eq(&again.item, &one.item, sizeof one.item);
    vt_is(vt_move(&f, &one.item.id, NULL, way ? "g1" : "g0"), VAULT_OK);
    again = vt_commit(&f, &m);
    ck_assert_uint_eq(again.outcome, VAULT_OUTCOME_REPLAY);
    ck_assert(vt_same_id(&again.item.id, &one.item.id));
    ck_assert_uint_eq(vt_usage(&f).files, way + 1);
  }
  vt_items_close(&f);
}
END_TEST

/* The first time it became a version of an item that has another name by now. */
START_TEST(version_asked_again) {
  vt_items f;
  vt_path p;
  vt_items_open(&f, _i);
  vault_id item = vt_put_inline(&f, "f", 10, 1).item.id;
  vault_commit_item m = vt_inline_member(&f, &p, "f", 20, 2);
  ck_assert_uint_eq(vt_commit(&f, &m).outcome, VAULT_OUTCOME_VERSION);
  vt_is(vt_move(&f, &item, NULL, "elsewhere"), VAULT_OK);
  vault_commit_result again = vt_commit(&f, &m);
  vt_is(again.status, VAULT_OK);
  ck_assert_uint_eq(again.outcome, VAULT_OUTCOME_REPLAY);
  ck_assert(vt_same_id(&again.item.id, &item));
  vt_items_close(&f);
}
END_TEST

START_TEST(with_a_key) {
  vt_items f;
  vt_path p;
  vt_items_open(&f, _i);
  vault_commit_item m = vt_inline_member(&f, &p, "f", 10, 1);
  m.op_key = (vault_str){"key", 3};
  vault_commit_result one = vt_commit(&f, &m);
  for (unsigned way = 0; way < WAYS; way++) {
    go(&f, way);
    m = vt_inline_member(&f, &p, "f", 10, 1);
    m.op_key = (vault_str){"key", 3};
    vault_commit_result again = vt_commit(&f, &m);
    ck_assert_uint_eq(again.outcome, VAULT_OUTCOME_REPLAY);
    ck_assert(vt_same_id(&again.item.id, &one.item.id));
    vt_holds(&f, &one.item.id, &vt_root, 10, 1);
  }
  m = vt_inline_member(&f, &p, "f", 11, 1);
  m.op_key = (vault_str){"key", 3};
  vt_is(vt_commit(&f, &m).status, VAULT_E_IDEMPOTENCY_KEY);
  vt_items_close(&f);
}
END_TEST

/* ---- changes --------------------------------------------------------------------------------- */

START_TEST(gets_versions) {
  vt_items f;
  vt_path p;
  vt_items_open(&f, _i);
  for (unsigned way = 0; way < WAYS; way++) {
    const char *name = way ? "b" : "a";
    vault_commit_result one = vt_put_inline(&f, name, 10, 1), two;
    go(&f, way);
    vault_commit_item m = vt_inline_member(&f, &p, name, 10, 1);
    ck_assert_uint_eq(vt_commit(&f, &m).outcome, VAULT_OUTCOME_SAME);
    m.has_mtime = 1;
    m.mtime_ns = 77;
    two = vt_commit(&f, &m);
    ck_assert_uint_eq(two.outcome, VAULT_OUTCOME_SAME);
    ck_assert_int_eq(two.item.mtime_ns, 77);
    two = vt_put_inline(&f, name, 20, 2);
    ck_assert_uint_eq(two.outcome, VAULT_OUTCOME_VERSION);
    ck_assert_uint_eq(two.item.n_versions, 2);
    vt_commit_item(&f, &m, NULL, 30, 3);
    vt_inline_body(&m, 3);
    m.item = one.item.id;
    ck_assert_uint_eq(vt_commit(&f, &m).outcome, VAULT_OUTCOME_VERSION);
    vt_holds(&f, &one.item.id, &one.item.version, 10, 1);
    vt_holds(&f, &one.item.id, &two.item.version, 20, 2);
    vt_holds(&f, &one.item.id, &vt_root, 30, 3);
  }
  ck_assert_uint_eq(vt_usage(&f).versions_bytes, 60);
  vt_items_close(&f);
}
END_TEST

START_TEST(by_item_and_if_version) {
  vt_items f;
  vt_items_open(&f, _i);
  for (unsigned way = 0; way < WAYS; way++) {
    vt_path p;
    vault_commit_result one = vt_put_inline(&f, way ? "b" : "a", 10, 1);
    go(&f, way);
    vault_commit_item m = vt_inline_member(&f, &p, way ? "b" : "a", 20, 2);
    m.flags |= VAULT_COMMIT_IF_NONE_MATCH;
    vt_is(vt_commit(&f, &m).status, VAULT_E_PRECONDITION);
    m.flags = VAULT_COMMIT_INLINE | VAULT_COMMIT_IF_VERSION;
    m.if_version = vt_new_id();
    vt_is(vt_commit(&f, &m).status, VAULT_E_PRECONDITION);
    m.if_version = one.item.version;
    ck_assert_uint_eq(vt_commit(&f, &m).outcome, VAULT_OUTCOME_VERSION);
    vt_holds(&f, &one.item.id, &vt_root, 20, 2);
  }
  vt_items_close(&f);
}
END_TEST

START_TEST(moves) {
  vt_items f;
  vault_item_row row;
  vt_items_open(&f, _i);
  vault_id folder = vt_folder(&f, NULL, "d");
  for (unsigned way = 0; way < WAYS; way++) {
    vault_id item = vt_put_inline(&f, way ? "b" : "a", 10, way).item.id;
    go(&f, way);
    vault_item_change c = vt_change(&f, &item);
    c.flags = VAULT_CHANGE_SET_MTIME | VAULT_CHANGE_SET_PARENT;
    c.mtime_ns = 5;
    c.parent = folder;
    vt_is(f.ops->change_item(f.self, &c, &row, &f.err), VAULT_OK);
    vault_version_row v;
    vt_is(f.ops->get_version(f.self, &f.user, &item, &vt_root, &v, &f.err), VAULT_OK);
    ck_assert_int_eq(v.mtime_ns, 5);
    ck_assert_uint_eq(v.has_mtime, 1);
    vt_holds(&f, &item, &vt_root, 10, way);
  }
  vt_items_close(&f);
}
END_TEST

START_TEST(goes_to_the_trash) {
  vt_items f;
  vault_item_row rows[4];
  uint64_t n;
  vt_items_open(&f, _i);
  for (unsigned way = 0; way < WAYS; way++) {
    vault_id item = vt_put_inline(&f, way ? "b/f" : "a/f", 10, way).item.id;
    vault_id folder = vt_get(&f, &item).parent;
    go(&f, way);
    vt_is(vt_trash(&f, &folder), VAULT_OK);
    ck_assert_uint_eq(vt_usage(&f).trash_bytes, 10);
    vt_holds(&f, &item, &vt_root, 10, way);
    vt_is(vt_restore(&f, &folder), VAULT_OK);
    ck_assert_uint_eq(vt_usage(&f).live_bytes, 10);
    vt_holds(&f, &item, &vt_root, 10, way);
    vault_blob_row blob = blob_of(&f, &item);
    vt_is(vt_trash(&f, &item), VAULT_OK);
    vt_is(f.ops->list_trash(f.self, &f.user, INT64_MAX, &vt_root, rows, 4, &n, &f.err), VAULT_OK);
    ck_assert_uint_eq(n, 1);
    vt_is(vt_purge(&f, &item), VAULT_OK);
    vt_is(f.ops->get_blob(f.self, &blob.key.blob, &blob, &f.err), VAULT_OK);
    ck_assert_int_eq(blob.refs, 0);
    ck_assert_int_eq(blob.dead_ms, VT_NOW_MS);
    ck_assert_uint_eq(vt_usage(&f).files, 0);
  }
  vt_items_close(&f);
}
END_TEST

/* ---- sharing ------------------------------------------------------------------------------------ */

START_TEST(is_found_and_shared) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  vault_blob_row blob;
  vt_items_open(&f, _i);
  for (unsigned way = 0; way < WAYS; way++) {
    vault_commit_result one = vt_put_inline(&f, way ? "b" : "a", 10, way + 1);
    go(&f, way);
    vt_is(f.ops->find_blob(f.self, &f.user, one.item.sha256, 11, &blob, &f.err), VAULT_E_NOT_FOUND);
    vt_is(f.ops->find_blob(f.self, &f.user, one.item.sha256, 10, &blob, &f.err), VAULT_OK);
    ck_assert(vt_same_id(&blob.key.blob, &one.item.blob));
    ck_assert_str_eq(blob.key.ext, ".txt");
    ck_assert_uint_eq(blob.loc, VAULT_LOC_INLINE);
    ck_assert_uint_eq(blob.state, VAULT_BLOB_LIVE);
    ck_assert_int_eq(blob.refs, 1);
    vt_path_set(&p, way ? "shared b" : "shared a");
    vt_commit_item(&f, &m, &p, 10, way + 1);
    m.flags = VAULT_COMMIT_SHARED;
    m.blob = blob.key;
    vault_commit_result two = vt_commit(&f, &m);
    vt_is(two.status, VAULT_OK);
    ck_assert_int_eq(blob_of(&f, &one.item.id).refs, 2);
    vt_holds(&f, &two.item.id, &vt_root, 10, way + 1);
  }
  vt_items_close(&f);
}
END_TEST

START_TEST(same_bytes_are_one_blob) {
  vt_items f;
  uint64_t bytes, count;
  int64_t oldest;
  vault_id items[4];
  vt_items_open(&f, _i);
  items[0] = vt_put_inline(&f, "a", 10, 1).item.id;
  items[1] = vt_put_inline(&f, "d/b", 10, 1).item.id;
  items[2] = vt_put_inline(&f, "other", 10, 2).item.id;
  ck_assert_uint_eq(vt_index(&f), 3);
  ck_assert_uint_eq(vt_index(&f), 0);
  ck_assert_uint_eq(count_blobs(&f), 2);
  ck_assert_int_eq(blob_of(&f, &items[0]).refs, 2);
  items[3] = vt_put_inline(&f, "later", 10, 1).item.id;
  (void)vt_index(&f);
  ck_assert_uint_eq(count_blobs(&f), 2);
  ck_assert_int_eq(blob_of(&f, &items[3]).refs, 3);
  ck_assert_int_eq(blob_of(&f, &items[2]).refs, 1);
  vt_is(f.ops->inline_usage(f.self, &bytes, &count, &oldest, &f.err), VAULT_OK);
  ck_assert_uint_eq(bytes, 20);
  ck_assert_uint_eq(count, 2);
  for (unsigned i = 0; i < 4; i++)
    vt_holds(&f, &items[i], &vt_root, 10, i == 2 ? 2 : 1);
  /* what was marked comes back */
  vt_is(vt_trash(&f, &items[2]), VAULT_OK);
  vt_is(vt_purge(&f, &items[2]), VAULT_OK);
  vt_is(f.ops->mark_blobs(f.self, INT64_MAX, VT_NOW_MS, 10, &count, &f.err), VAULT_OK);
  ck_assert_uint_eq(count, 1);
  items[2] = vt_put_inline(&f, "other", 10, 2).item.id;
  (void)vt_index(&f);
  ck_assert_uint_eq(count_blobs(&f), 2);
  vault_blob_row back = blob_of(&f, &items[2]);
  ck_assert_int_eq(back.refs, 1);
  ck_assert_int_eq(back.dead_ms, 0);
  ck_assert_uint_eq(back.state, VAULT_BLOB_LIVE);
  vt_items_close(&f);
}
END_TEST

/* A file that was spilled may be damaged by now; the new upload brings the bytes again. */
START_TEST(shared_file_is_inline_again) {
  vt_items f;
  uint8_t done = 0;
  vt_items_open(&f, _i);
  const vault_repositories *r = f.instance.ops;
  vault_job_row job = {.id = vt_new_id(), .kind = 7, .created_ms = VT_NOW_MS, .run_ms = VT_NOW_MS};
  vt_is(r->jobs->enqueue(r->jobs_self, &job, &f.err), VAULT_OK);
  vt_is(r->jobs->lease(r->jobs_self, 1u << 7, VT_NOW_MS, 1000, &job, &f.err), VAULT_OK);
  vault_id one = vt_put_inline(&f, "a", 10, 1).item.id;
  (void)vt_index(&f);
  vault_id blob = vt_get(&f, &one).blob;
  for (unsigned i = 0; i < 2; i++) {
    vt_is(f.ops->finish_spill(f.self, &job.id, job.fence, &blob, 1, &done, &f.err), VAULT_OK);
    ck_assert_uint_eq(done, 1);
    ck_assert_uint_eq(blob_of(&f, &one).loc, VAULT_LOC_FILE);
    vault_id two = vt_put_inline(&f, i ? "c" : "b", 10, 1).item.id;
    (void)vt_index(&f);
    ck_assert_uint_eq(count_blobs(&f), 1);
    ck_assert_int_eq(blob_of(&f, &two).refs, 2 + (int64_t)i);
    vault_item_row row = vt_get(&f, &two);
    ck_assert(vt_same_id(&row.blob, &blob));
    ck_assert_uint_eq(blob_of(&f, &one).loc, VAULT_LOC_INLINE);
    vt_holds(&f, &one, &vt_root, 10, 1);
    vt_holds(&f, &two, &vt_root, 10, 1);
  }
  vt_items_close(&f);
}
END_TEST

/* ANEW: the stored copy is known to be damaged, and is not shared with. */
START_TEST(anew_is_not_shared) {
  vt_items f;
  vt_path p;
  vt_items_open(&f, _i);
  (void)vt_put_inline(&f, "a", 10, 1);
  vault_commit_item m = vt_inline_member(&f, &p, "b", 10, 1);
  m.flags |= VAULT_COMMIT_ANEW;
  vault_commit_result r = vt_commit(&f, &m);
  (void)vt_index(&f);
  vault_item_row row = vt_get(&f, &r.item.id);
  ck_assert(vt_same_id(&row.blob, &m.blob.blob));
  m = vt_inline_member(&f, &p, "a", 10, 1);
  m.flags |= VAULT_COMMIT_ANEW;
  r = vt_commit(&f, &m);
  ck_assert_uint_eq(r.outcome, VAULT_OUTCOME_VERSION);
  row = vt_get(&f, &r.item.id);
  ck_assert(vt_same_id(&row.blob, &m.blob.blob));
  vt_items_close(&f);
}
END_TEST

START_TEST(survives_a_restart) {
  vt_items f;
  vt_items_open(&f, _i);
  if (f.adapter->caps & VT_CAP_REOPEN) {
    vault_id item = vt_put_inline(&f, "a", 10, 1).item.id;
    f.adapter->reopen(f.adapter, &f.instance);
    const vault_repositories *r = f.instance.ops;
    f.ops = r->items;
    f.self = r->items_self;
    vt_holds(&f, &item, &vt_root, 10, 1);
    ck_assert_uint_eq(vt_index(&f), 1);
    vt_holds(&f, &item, &vt_root, 10, 1);
  }
  vt_items_close(&f);
}
END_TEST

void vt_items_add_fresh(TCase *tcase, int adapter) {
  const TTest *const tests[] = {answer_is_the_row,
                                asked_again,
                                version_asked_again,
                                with_a_key,
                                gets_versions,
                                by_item_and_if_version,
                                moves,
                                goes_to_the_trash,
                                is_found_and_shared,
                                same_bytes_are_one_blob,
                                shared_file_is_inline_again,
                                anew_is_not_shared,
                                survives_a_restart,
                                NULL};
  vt_items_add(tcase, adapter, tests);
}
