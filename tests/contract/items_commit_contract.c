/* The suite of the items port: commits, and the blobs that they refer to. */
#include "items_fixture.h"

#include <stdio.h>

START_TEST(put_makes_folders) {
  vt_items f;
  vt_items_open(&f, _i);
  vault_commit_result r = vt_put(&f, "a/b/file.txt", 10, 1);
  vt_is(r.status, VAULT_OK);
  ck_assert_uint_eq(r.outcome, VAULT_OUTCOME_CREATED);
  ck_assert_str_eq(r.item.name, "file.txt");
  ck_assert_uint_eq(r.item.size_bytes, 10);
  ck_assert_uint_eq(r.item.n_versions, 1);
  vault_item_row b = vt_get(&f, &r.item.parent), a = vt_get(&f, &b.parent);
  ck_assert_str_eq(b.name, "b");
  ck_assert_str_eq(a.name, "a");
  ck_assert(vt_same_id(&a.parent, &vt_root));
  ck_assert_int_eq(a.seq, 1);
  ck_assert_int_eq(b.seq, 2);
  ck_assert_int_eq(r.item.seq, 3);
  ck_assert_int_eq(vt_usage(&f).seq, 3);
  ck_assert_uint_eq(vt_usage(&f).live_bytes, 10);
  ck_assert_uint_eq(vt_usage(&f).files, 1);
  vt_items_close(&f);
}
END_TEST

START_TEST(put_versions_and_same) {
  vt_items f;
  vault_blob_row blob;
  vt_path p;
  vault_commit_item m;
  vt_items_open(&f, _i);
  vault_commit_result one = vt_put(&f, "f", 10, 1), two = vt_put(&f, "f", 15, 2);
  ck_assert_uint_eq(two.outcome, VAULT_OUTCOME_VERSION);
  ck_assert(vt_same_id(&one.item.id, &two.item.id));
  ck_assert_uint_eq(vt_usage(&f).versions_bytes, 10);
  ck_assert_uint_eq(vt_usage(&f).live_bytes, 15);
  vt_path_set(&p, "f");
  vt_commit_item(&f, &m, &p, 15, 2);
  vault_commit_result same = vt_commit(&f, &m);
  ck_assert_uint_eq(same.outcome, VAULT_OUTCOME_SAME);
  ck_assert_int_eq(same.item.seq, two.item.seq);
  ck_assert(vt_same_id(&same.item.version, &two.item.version));
  vt_is(f.ops->get_blob(f.self, &m.blob.blob, &blob, &f.err), VAULT_E_NOT_FOUND);
  m.has_mtime = 1;
  m.mtime_ns = 77;
  same = vt_commit(&f, &m);
  ck_assert_uint_eq(same.outcome, VAULT_OUTCOME_SAME);
  ck_assert_int_eq(same.item.mtime_ns, 77);
  ck_assert_int_eq(same.item.seq, two.item.seq + 1);
  vt_items_close(&f);
}
END_TEST

START_TEST(put_by_item) {
  vt_items f;
  vault_commit_item m;
  vt_items_open(&f, _i);
  vault_id file = vt_file(&f, "d/f", 10, 1), folder = vt_get(&f, &file).parent;
  vt_commit_item(&f, &m, NULL, 5, 2);
  m.item = file;
  ck_assert_uint_eq(vt_commit(&f, &m).outcome, VAULT_OUTCOME_VERSION);
  vt_commit_item(&f, &m, NULL, 5, 3);
  m.item = folder;
  vault_commit_result r = vt_commit(&f, &m);
  vt_is(r.status, VAULT_E_IS_A_FOLDER);
  ck_assert(vt_same_id(&r.in_the_way, &folder));
  m.item = vt_new_id();
  vt_is(vt_commit(&f, &m).status, VAULT_E_NOT_FOUND);
  vt_is(vt_trash(&f, &file), VAULT_OK);
  m.item = file;
  vt_is(vt_commit(&f, &m).status, VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

START_TEST(put_in_the_way) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  vt_items_open(&f, _i);
  vault_id file = vt_file(&f, "Dir/File", 10, 1), dir = vt_get(&f, &file).parent;
  int64_t seq = vt_usage(&f).seq;
  vault_commit_result r = vt_put(&f, "dir/x", 1, 2);
  vt_is(r.status, VAULT_E_NAME_TAKEN);
  ck_assert(vt_same_id(&r.in_the_way, &dir));
  r = vt_put(&f, "Dir/file", 1, 2);
  vt_is(r.status, VAULT_E_NAME_TAKEN);
  ck_assert(vt_same_id(&r.in_the_way, &file));
  r = vt_put(&f, "Dir/File/x", 1, 2);
  vt_is(r.status, VAULT_E_NOT_A_FOLDER);
  ck_assert(vt_same_id(&r.in_the_way, &file));
  r = vt_put(&f, "Dir", 1, 2);
  vt_is(r.status, VAULT_E_IS_A_FOLDER);
  ck_assert(vt_same_id(&r.in_the_way, &dir));
  vt_path_set(&p, "x");
  vt_commit_item(&f, &m, &p, 1, 2);
  m.parent = file;
  vt_is(vt_commit(&f, &m).status, VAULT_E_NOT_A_FOLDER);
  m.parent = vt_new_id();
  vt_is(vt_commit(&f, &m).status, VAULT_E_PARENT_NOT_FOUND);
  m.parent = dir;
  m.space = VAULT_SPACE_PHOTOS;
  vt_is(vt_commit(&f, &m).status, VAULT_E_PARENT_NOT_FOUND);
  ck_assert_int_eq(vt_usage(&f).seq, seq);
  vt_items_close(&f);
}
END_TEST

START_TEST(put_preconditions) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  vt_items_open(&f, _i);
  vt_path_set(&p, "f");
  vt_commit_item(&f, &m, &p, 1, 1);
  m.flags = VAULT_COMMIT_IF_VERSION;
  m.if_version = vt_new_id();
  vt_is(vt_commit(&f, &m).status, VAULT_E_PRECONDITION);
  m.flags = VAULT_COMMIT_IF_NONE_MATCH;
  vault_commit_result one = vt_commit(&f, &m);
  vt_is(one.status, VAULT_OK);
  vt_commit_item(&f, &m, &p, 2, 2);
  m.flags = VAULT_COMMIT_IF_NONE_MATCH;
  vt_is(vt_commit(&f, &m).status, VAULT_E_PRECONDITION);
  m.flags = VAULT_COMMIT_IF_VERSION;
  m.if_version = vt_new_id();
  vt_is(vt_commit(&f, &m).status, VAULT_E_PRECONDITION);
  m.if_version = one.item.version;
  vt_is(vt_commit(&f, &m).status, VAULT_OK);
  vt_items_close(&f);
}
END_TEST

START_TEST(put_depth) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  char text[2 * VAULT_PATH_DEPTH_MAX + 2];
  vt_items_open(&f, _i);
  for (unsigned i = 0; i <= VAULT_PATH_DEPTH_MAX; i++) {
    text[2 * i] = 'd';
    text[2 * i + 1] = '/';
  }
  text[2 * VAULT_PATH_DEPTH_MAX + 1] = 0;
  vt_path_set(&p, text);
  vt_commit_item(&f, &m, &p, 1, 1);
  vt_is(vt_commit(&f, &m).status, VAULT_E_DEPTH);
  m.n_path--;
  m.path++;
  m.parent = vt_folder(&f, NULL, "top");
  vt_is(vt_commit(&f, &m).status, VAULT_E_DEPTH);
  m.parent = vt_root;
  vt_is(vt_commit(&f, &m).status, VAULT_OK);
  vt_items_close(&f);
}
END_TEST

START_TEST(put_quota) {
  vt_items f;
  vt_items_open(&f, _i);
  vt_is(f.ops->set_quota(f.self, &f.user, 100, &f.err), VAULT_OK);
  vt_is(vt_put(&f, "d/a", 101, 1).status, VAULT_E_QUOTA);
  vt_is(vt_put(&f, "d/a", UINT64_MAX, 1).status, VAULT_E_QUOTA);
  ck_assert_int_eq(vt_usage(&f).seq, 0);
  vt_is(vt_put(&f, "d/a", 100, 1).status, VAULT_OK);
  vt_is(vt_put(&f, "d/a", 1, 2).status, VAULT_E_QUOTA);
  vt_is(vt_put(&f, "d/a", 100, 1).status, VAULT_OK);
  vt_is(vt_put(&f, "d/b", 0, 3).status, VAULT_OK);
  vt_items_close(&f);
}
END_TEST

START_TEST(put_asked_again) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  vt_items_open(&f, _i);
  vt_path_set(&p, "a/f");
  vt_commit_item(&f, &m, &p, 10, 1);
  vault_commit_result one = vt_commit(&f, &m), two = vt_commit(&f, &m);
  ck_assert_uint_eq(two.outcome, VAULT_OUTCOME_REPLAY);
  ck_assert(vt_same_id(&one.item.id, &two.item.id));
  vt_path_set(&p, "b/f");
  vt_commit_item(&f, &m, &p, 10, 2);
  m.op_key = (vault_str){"put-1", 5};
  one = vt_commit(&f, &m);
  /* Other bytes, or another place, are another request: refused, never taken for the first. */
  vt_commit_item(&f, &m, &p, 20, 3);
  m.op_key = (vault_str){"put-1", 5};
  vt_is(vt_commit(&f, &m).status, VAULT_E_IDEMPOTENCY_KEY);
  vt_path_set(&p, "b/g");
  vt_commit_item(&f, &m, &p, 10, 2);
  m.op_key = (vault_str){"put-1", 5};
  vt_is(vt_commit(&f, &m).status, VAULT_E_IDEMPOTENCY_KEY);
  vt_path_set(&p, "b/f");
  vt_commit_item(&f, &m, &p, 10, 2);
  m.op_key = (vault_str){"put-1", 5};
  two = vt_commit(&f, &m);
  ck_assert_uint_eq(two.outcome, VAULT_OUTCOME_REPLAY);
  ck_assert(vt_same_id(&one.item.version, &two.item.version));
  ck_assert_uint_eq(vt_usage(&f).live_bytes, 20);
  vault_item_row row;
  vault_item_change c = vt_change(&f, &one.item.id);
  c.op_key = m.op_key;
  vt_is(f.ops->trash_item(f.self, &c, &row, &f.err), VAULT_E_IDEMPOTENCY_KEY);
  vt_is(vt_trash(&f, &one.item.id), VAULT_OK);
  vt_is(vt_purge(&f, &one.item.id), VAULT_OK);
  vt_is(vt_commit(&f, &m).status, VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

static vault_upload_row begin(vt_items *f, const vt_path *p, uint64_t bytes, vault_commit_item *m,
                              unsigned content) {
  vault_upload_row row = vt_upload_row(f, bytes);
  vault_id existing;
  vt_is(f->ops->begin_upload(f->self, &row, p->names, p->n, (vault_str){NULL, 0}, NULL, &existing,
                             &f->err),
        VAULT_OK);
  vt_commit_item(f, m, p, bytes, content);
  m->kind = VAULT_COMMIT_FINISH;
  m->upload = row.id;
  m->blob = row.blob;
  return row;
}

START_TEST(finish_settles) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  vt_items_open(&f, _i);
  vt_path_set(&p, "f");
  vt_is(f.ops->set_quota(f.self, &f.user, 100, &f.err), VAULT_OK);
  vault_upload_row row = begin(&f, &p, 100, &m, 1);
  m.size_bytes = 101;
  vt_is(vt_commit(&f, &m).status, VAULT_E_QUOTA);
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 100);
  m.size_bytes = 90;
  vt_is(f.ops->set_quota(f.self, &f.user, 10, &f.err), VAULT_OK);
  ck_assert_uint_eq(vt_commit(&f, &m).outcome, VAULT_OUTCOME_CREATED);
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 0);
  ck_assert_uint_eq(vt_usage(&f).live_bytes, 90);
  vt_is(f.ops->abort_upload(f.self, &f.user, &row.id, 0, &f.err), VAULT_E_NOT_FOUND);
  ck_assert_uint_eq(vt_commit(&f, &m).outcome, VAULT_OUTCOME_REPLAY);
  vt_is(f.ops->set_quota(f.self, &f.user, 1000, &f.err), VAULT_OK);
  (void)begin(&f, &p, 90, &m, 1);
  ck_assert_uint_eq(vt_commit(&f, &m).outcome, VAULT_OUTCOME_SAME);
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 0);
  row = begin(&f, &p, 50, &m, 2);
  vt_is(f.ops->abort_upload(f.self, &f.user, &row.id, 0, &f.err), VAULT_OK);
  vt_is(vt_commit(&f, &m).status, VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

START_TEST(finish_replay_ends_the_second_upload) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  vt_items_open(&f, _i);
  vt_path_set(&p, "f");
  for (unsigned i = 0; i < 2; i++) {
    (void)begin(&f, &p, 30, &m, 1); /* the same bytes, sent again under another blob */
    m.op_key = (vault_str){"once", 4};
    vault_commit_result r = vt_commit(&f, &m);
    vt_is(r.status, VAULT_OK);
    ck_assert_uint_eq(r.outcome, i ? VAULT_OUTCOME_REPLAY : VAULT_OUTCOME_CREATED);
  }
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 0);
  ck_assert_uint_eq(vt_usage(&f).live_bytes, 30);
  vt_items_close(&f);
}
END_TEST

START_TEST(batch_of_mixed_outcomes) {
  vt_items f;
  vt_path paths[6];
  vault_commit_item m[6];
  vault_commit_result r[6];
  static const char *const at[6] = {"x/one", "x/ONE", "x/two", "x/big", "x/one", "x"};
  vt_items_open(&f, _i);
  vault_id first = f.user, second = vt_items_user(&f, 50);
  for (unsigned i = 0; i < 6; i++) {
    f.user = i == 2 || i == 3 ? second : first;
    vt_path_set(&paths[i], at[i]);
    vt_commit_item(&f, &m[i], &paths[i], i == 3 ? 60 : 40, i + 1);
  }
  vt_is(f.ops->commit(f.self, m, 6, r, &f.err), VAULT_OK);
  static const vault_status want[6] = {VAULT_OK,      VAULT_E_NAME_TAKEN, VAULT_OK,
                                       VAULT_E_QUOTA, VAULT_OK,           VAULT_E_IS_A_FOLDER};
  for (unsigned i = 0; i < 6; i++)
    vt_is(r[i].status, want[i]);
  ck_assert_uint_eq(r[0].outcome, VAULT_OUTCOME_CREATED);
  ck_assert_uint_eq(r[4].outcome, VAULT_OUTCOME_VERSION);
  ck_assert(vt_same_id(&r[0].item.id, &r[4].item.id));
  ck_assert(vt_same_id(&r[1].in_the_way, &r[0].item.id));
  f.user = second;
  vt_balanced(&f);
  f.user = vt_new_id();
  vt_commit_item(&f, &m[0], &paths[0], 1, 1);
  vt_is(vt_commit(&f, &m[0]).status, VAULT_E_NOT_FOUND);
  m[0].blob.user = first;
  m[0].size = 4;
  vt_is(vt_commit(&f, &m[0]).status, VAULT_E_USAGE);
  vt_is(f.ops->commit(f.self, m, 0, r, &f.err), VAULT_E_USAGE);
  f.user = first;
  vt_items_close(&f);
}
END_TEST

/* A member that the database itself refuses: an id that another user's blob has. */
START_TEST(batch_with_a_bad_member) {
  vt_items f;
  vt_path paths[5];
  vault_commit_item m[5];
  vault_commit_result r[5];
  char name[16];
  vt_items_open(&f, _i);
  vault_id first = f.user;
  f.user = vt_items_user(&f, VT_QUOTA_BYTES);
  vt_path_set(&paths[0], "theirs");
  vt_commit_item(&f, &m[0], &paths[0], 1, 1);
  vault_id used = m[0].blob.blob;
  vt_is(vt_commit(&f, &m[0]).status, VAULT_OK);
  f.user = first;
  for (unsigned i = 0; i < 5; i++) {
    (void)snprintf(name, sizeof name, "d/f%u", i);
    vt_path_set(&paths[i], name);
    vt_commit_item(&f, &m[i], &paths[i], 10, i);
  }
  m[3].blob.blob = used;
  vt_is(f.ops->commit(f.self, m, 5, r, &f.err), VAULT_OK);
  for (unsigned i = 0; i < 5; i++)
    vt_is(r[i].status, i == 3 ? VAULT_E_CONFLICT : VAULT_OK);
  ck_assert_uint_eq(vt_usage(&f).live_bytes, 40);
  vt_items_close(&f);
}
END_TEST

/* ---- blobs -------------------------------------------------------------------------------- */

static vault_commit_result share(vt_items *f, const char *path, const vault_blob_row *blob) {
  vt_path p;
  vault_commit_item m;
  vt_path_set(&p, path);
  vt_commit_item(f, &m, &p, blob->size_bytes, 0);
  m.flags = VAULT_COMMIT_SHARED;
  m.blob = blob->key;
  memcpy(m.sha256, blob->sha256, sizeof m.sha256);
  return vt_commit(f, &m);
}

START_TEST(blob_shared_and_collected) {
  vt_items f;
  vault_blob_row blob, rows[4];
  uint64_t n;
  vt_items_open(&f, _i);
  vault_commit_result one = vt_put(&f, "a", 10, 1), two;
  vt_is(f.ops->find_blob(f.self, &f.user, one.item.sha256, 11, &blob, &f.err), VAULT_E_NOT_FOUND);
  vt_is(f.ops->find_blob(f.self, &f.user, one.item.sha256, 10, &blob, &f.err), VAULT_OK);
  two = share(&f, "b", &blob);
  vt_is(two.status, VAULT_OK);
  vt_is(f.ops->get_blob(f.self, &blob.key.blob, &blob, &f.err), VAULT_OK);
  ck_assert_int_eq(blob.refs, 2);
  ck_assert_uint_eq(vt_usage(&f).live_bytes, 20);
  vt_is(vt_trash(&f, &one.item.id), VAULT_OK);
  vt_is(vt_purge(&f, &one.item.id), VAULT_OK);
  vt_is(f.ops->mark_blobs(f.self, INT64_MAX, VT_NOW_MS + 1, 10, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vt_is(vt_trash(&f, &two.item.id), VAULT_OK);
  vt_is(vt_purge(&f, &two.item.id), VAULT_OK);
  vt_is(f.ops->get_blob(f.self, &blob.key.blob, &blob, &f.err), VAULT_OK);
  ck_assert_int_eq(blob.refs, 0);
  ck_assert_int_eq(blob.dead_ms, VT_NOW_MS);
  vt_is(f.ops->mark_blobs(f.self, VT_NOW_MS - 1, VT_NOW_MS + 1, 10, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vt_is(f.ops->mark_blobs(f.self, VT_NOW_MS, VT_NOW_MS + 1, 10, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  vt_is(share(&f, "c", &blob).status, VAULT_OK); /* a marked one comes back */
  vt_is(f.ops->take_blobs(f.self, INT64_MAX, rows, 4, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vt_is(f.ops->drop_blob(f.self, &blob.key.blob, &f.err), VAULT_E_CONFLICT);
  vt_items_close(&f);
}
END_TEST

START_TEST(blob_cannot_come_back) {
  vt_items f;
  vault_blob_row blob, rows[4];
  uint64_t n;
  vt_items_open(&f, _i);
  vault_commit_result one = vt_put(&f, "a", 10, 1);
  vt_is(f.ops->get_blob(f.self, &one.item.blob, &blob, &f.err), VAULT_OK);
  vt_is(vt_trash(&f, &one.item.id), VAULT_OK);
  vt_is(vt_purge(&f, &one.item.id), VAULT_OK);
  vt_is(f.ops->mark_blobs(f.self, VT_NOW_MS, VT_NOW_MS + 5, 10, &n, &f.err), VAULT_OK);
  vt_is(f.ops->take_blobs(f.self, VT_NOW_MS + 4, rows, 4, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  for (unsigned i = 0; i < 2; i++) {
    vt_is(f.ops->take_blobs(f.self, VT_NOW_MS + 5, rows, 4, &n, &f.err), VAULT_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(rows[0].state, VAULT_BLOB_DELETING);
    ck_assert(vt_same_id(&rows[0].key.blob, &blob.key.blob));
  }
  vt_is(share(&f, "b", &blob).status, VAULT_E_RETRY);
  vt_is(f.ops->find_blob(f.self, &f.user, blob.sha256, 10, &blob, &f.err), VAULT_E_NOT_FOUND);
  vt_is(f.ops->drop_blob(f.self, &blob.key.blob, &f.err), VAULT_OK);
  vt_is(f.ops->drop_blob(f.self, &blob.key.blob, &f.err), VAULT_OK);
  vt_is(f.ops->get_blob(f.self, &blob.key.blob, &blob, &f.err), VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

START_TEST(blob_lists) {
  vt_items f;
  vault_blob_row rows[2];
  vault_id after = vt_root;
  uint64_t n, seen = 0;
  vt_items_open(&f, _i);
  for (unsigned i = 0; i < 5; i++) {
    char name[8];
    (void)snprintf(name, sizeof name, "f%u", i);
    (void)vt_file(&f, name, 1, i);
  }
  do {
    vt_is(f.ops->list_blobs(f.self, &after, rows, 2, &n, &f.err), VAULT_OK);
    for (uint64_t i = 0; i < n; i++) {
      ck_assert_int_lt(memcmp(after.b, rows[i].key.blob.b, sizeof after.b), 0);
      after = rows[i].key.blob;
    }
    seen += n;
  } while (n);
  ck_assert_uint_eq(seen, 5);
  vt_items_close(&f);
}
END_TEST

void vt_items_add_commit(TCase *tcase, int adapter) {
  const TTest *const tests[] = {put_makes_folders,
                                put_versions_and_same,
                                put_by_item,
                                put_in_the_way,
                                put_preconditions,
                                put_depth,
                                put_quota,
                                put_asked_again,
                                finish_settles,
                                finish_replay_ends_the_second_upload,
                                batch_of_mixed_outcomes,
                                batch_with_a_bad_member,
                                blob_shared_and_collected,
                                blob_cannot_come_back,
                                blob_lists,
                                NULL};
  vt_items_add(tcase, adapter, tests);
}
