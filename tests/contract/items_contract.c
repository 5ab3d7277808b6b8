/* The suite of the items port: folders, moves, reading, uploads, blobs, usage. Trash,
 * commits and concurrency are in the files beside. */
#include "items_fixture.h"

#include <stdio.h>

/* ---- the vault ------------------------------------------------------------------------ */

START_TEST(store_is_marked_once) {
  vt_items f;
  vault_store_row row, again;
  vt_items_open(&f, _i);
  vt_is(f.ops->get_store(f.self, &row, &f.err), VAULT_OK);
  ck_assert_uint_eq(row.attached, 0);
  ck_assert(!vt_same_id(&row.store, &vt_root));
  ck_assert(!vt_same_id(&row.incarnation, &vt_root));
  vt_is(f.ops->set_attached(f.self, &f.err), VAULT_OK);
  vt_is(f.ops->set_attached(f.self, &f.err), VAULT_OK);
  vt_is(f.ops->get_store(f.self, &again, &f.err), VAULT_OK);
  ck_assert_uint_eq(again.attached, 1);
  ck_assert(vt_same_id(&row.store, &again.store));
  vt_items_close(&f);
}
END_TEST

/* ---- folders ---------------------------------------------------------------------------- */

START_TEST(folder_rules) {
  vt_items f;
  vault_id id = vt_new_id(), other;
  vt_items_open(&f, _i);
  vault_id a = vt_folder(&f, NULL, "Album");
  vt_is(vt_make(&f, NULL, "album", &other), VAULT_E_NAME_TAKEN);
  ck_assert(vt_same_id(&f.err.item, &a));
  vt_is(vt_make(&f, &id, "x", &other), VAULT_E_PARENT_NOT_FOUND);
  vault_id file = vt_file(&f, "plain.txt", 5, 1);
  vt_is(vt_make(&f, &file, "x", &other), VAULT_E_NOT_A_FOLDER);
  vt_is(vt_make(&f, &a, "album", &other), VAULT_OK);
  vault_item_row row = vt_get(&f, &other);
  ck_assert_str_eq(row.name, "album");
  ck_assert_uint_eq(row.kind, VAULT_KIND_FOLDER);
  ck_assert(vt_same_id(&row.parent, &a));
  vt_is(vt_trash(&f, &a), VAULT_OK);
  vt_is(vt_make(&f, &a, "late", &other), VAULT_E_PARENT_NOT_FOUND);
  vt_is(vt_make(&f, NULL, "ALBUM", &other), VAULT_OK);
  vt_items_close(&f);
}
END_TEST

START_TEST(folder_of_another_user_or_space) {
  vt_items f;
  vault_item_row row;
  vt_items_open(&f, _i);
  vault_id mine = vt_folder(&f, NULL, "mine"), me = f.user;
  vt_path p;
  vt_path_set(&p, "sub");
  vault_item_change c = vt_change(&f, NULL);
  c.parent = mine;
  c.name = p.names[0];
  c.space = VAULT_SPACE_PHOTOS;
  vt_is(f.ops->make_folder(f.self, &c, &row, &f.err), VAULT_E_PARENT_NOT_FOUND);
  f.user = vt_items_user(&f, VT_QUOTA_BYTES);
  vt_is(vt_make(&f, &mine, "sub", NULL), VAULT_E_PARENT_NOT_FOUND);
  vt_is(vt_move(&f, &mine, NULL, "yours"), VAULT_E_NOT_FOUND);
  vt_is(vt_trash(&f, &mine), VAULT_E_NOT_FOUND);
  vt_is(f.ops->get_item(f.self, &f.user, &mine, &row, &f.err), VAULT_E_NOT_FOUND);
  f.user = vt_new_id();
  vt_is(vt_make(&f, NULL, "x", NULL), VAULT_E_NOT_FOUND);
  f.user = me;
  vt_items_close(&f);
}
END_TEST

START_TEST(folder_depth) {
  vt_items f;
  vt_items_open(&f, _i);
  vault_id at = vt_root;
  for (unsigned i = 0; i < VAULT_PATH_DEPTH_MAX; i++)
    at = vt_folder(&f, &at, "d");
  vt_is(vt_make(&f, &at, "d", NULL), VAULT_E_DEPTH);
  vault_id tree = vt_folder(&f, NULL, "tree"), leaf = vt_folder(&f, &tree, "leaf");
  vault_item_row last = vt_get(&f, &at);
  vt_is(vt_move(&f, &tree, &last.parent, NULL), VAULT_E_DEPTH);
  vt_is(vt_move(&f, &leaf, &last.parent, NULL), VAULT_OK);
  vt_items_close(&f);
}
END_TEST

START_TEST(folder_keys) {
  vt_items f;
  vault_item_row first, again;
  vt_path p;
  vt_items_open(&f, _i);
  vt_path_set(&p, "once");
  vault_item_change c = vt_change(&f, NULL);
  c.name = p.names[0];
  c.op_key = (vault_str){"key-1", 5};
  vt_is(f.ops->make_folder(f.self, &c, &first, &f.err), VAULT_OK);
  int64_t seq = vt_usage(&f).seq;
  c.item = vt_new_id();
  vt_is(f.ops->make_folder(f.self, &c, &again, &f.err), VAULT_OK);
  ck_assert(vt_same_id(&first.id, &again.id));
  ck_assert_int_eq(vt_usage(&f).seq, seq);
  c.item = first.id;
  vt_is(f.ops->trash_item(f.self, &c, &again, &f.err), VAULT_E_IDEMPOTENCY_KEY);
  c.op_key = (vault_str){"key-2", 5};
  vt_is(f.ops->trash_item(f.self, &c, &again, &f.err), VAULT_OK);
  vt_is(f.ops->trash_item(f.self, &c, &again, &f.err), VAULT_OK);
  c.item = vt_new_id();
  vt_is(f.ops->trash_item(f.self, &c, &again, &f.err), VAULT_E_IDEMPOTENCY_KEY);
  c.item = first.id;
  vt_is(f.ops->make_folder(f.self, &c, &again, &f.err), VAULT_E_IDEMPOTENCY_KEY);
  uint64_t n = 0;
  vt_is(f.ops->sweep_ops(f.self, VT_NOW_MS, 10, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vt_is(f.ops->sweep_ops(f.self, VT_NOW_MS + 1, 1, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  vt_is(f.ops->sweep_ops(f.self, VT_NOW_MS + 1, 10, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  vt_items_close(&f);
}
END_TEST

/* ---- rename, move, date --------------------------------------------------------------------- */

START_TEST(change_rules) {
  vt_items f;
  vault_item_row row;
  vt_items_open(&f, _i);
  vault_id a = vt_folder(&f, NULL, "a"), b = vt_folder(&f, &a, "b"), c = vt_folder(&f, &b, "c");
  vault_id file = vt_file(&f, "f.txt", 3, 1), gone = vt_new_id();
  vt_is(vt_move(&f, &gone, NULL, "x"), VAULT_E_NOT_FOUND);
  vt_is(vt_move(&f, &a, &c, NULL), VAULT_E_CYCLE);
  vt_is(vt_move(&f, &a, &a, NULL), VAULT_E_CYCLE);
  vt_is(vt_move(&f, &a, &gone, NULL), VAULT_E_PARENT_NOT_FOUND);
  vt_is(vt_move(&f, &a, &file, NULL), VAULT_E_NOT_A_FOLDER);
  vt_is(vt_move(&f, &file, NULL, "A"), VAULT_E_NAME_TAKEN);
  ck_assert(vt_same_id(&f.err.item, &a));
  vt_is(vt_move(&f, &a, NULL, "A"), VAULT_OK);
  ck_assert_str_eq(vt_get(&f, &a).name, "A");
  vt_is(vt_move(&f, &file, &c, "moved.txt"), VAULT_OK);
  row = vt_get(&f, &file);
  ck_assert_str_eq(row.name, "moved.txt");
  ck_assert(vt_same_id(&row.parent, &c));
  vt_is(vt_move(&f, &c, &vt_root, NULL), VAULT_OK);
  row = vt_get(&f, &c);
  ck_assert(vt_same_id(&row.parent, &vt_root));
  vt_is(vt_trash(&f, &c), VAULT_OK);
  vt_is(vt_move(&f, &file, NULL, "x"), VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

START_TEST(change_if_seq_and_mtime) {
  vt_items f;
  vault_item_row row;
  vault_version_row version;
  vt_items_open(&f, _i);
  vault_id file = vt_file(&f, "f.txt", 3, 1), folder = vt_folder(&f, NULL, "d");
  vault_item_change c = vt_change(&f, &file);
  c.flags = VAULT_CHANGE_IF_SEQ | VAULT_CHANGE_SET_MTIME;
  c.if_seq = vt_get(&f, &file).seq + 1;
  c.mtime_ns = -5;
  c.now_ms = VT_NOW_MS + 7;
  vt_is(f.ops->change_item(f.self, &c, &row, &f.err), VAULT_E_PRECONDITION);
  ck_assert_uint_eq(vt_get(&f, &file).has_mtime, 0);
  c.if_seq--;
  vt_is(f.ops->change_item(f.self, &c, &row, &f.err), VAULT_OK);
  ck_assert_int_eq(row.mtime_ns, -5);
  ck_assert_uint_eq(row.has_mtime, 1);
  ck_assert_int_eq(row.modified_ms, VT_NOW_MS + 7);
  ck_assert_int_eq(row.seq, vt_usage(&f).seq);
  vt_is(f.ops->get_version(f.self, &f.user, &file, &vt_root, &version, &f.err), VAULT_OK);
  ck_assert_int_eq(version.mtime_ns, -5);
  c.item = folder;
  c.flags = VAULT_CHANGE_SET_MTIME;
  vt_is(f.ops->change_item(f.self, &c, &row, &f.err), VAULT_OK);
  ck_assert_int_eq(row.mtime_ns, -5);
  vt_items_close(&f);
}
END_TEST

START_TEST(usage_errors) {
  vt_items f;
  vault_item_row row;
  uint64_t n;
  vt_items_open(&f, _i);
  vault_item_change c = vt_change(&f, NULL);
  c.size = 8;
  vt_is(f.ops->change_item(f.self, &c, &row, &f.err), VAULT_E_USAGE);
  c.size = sizeof c;
  c.item = vt_root;
  vt_is(f.ops->trash_item(f.self, &c, &row, &f.err), VAULT_E_USAGE);
  c.item = vt_new_id();
  c.name.text = c.name.key = (vault_str){"a/b", 3};
  vt_is(f.ops->make_folder(f.self, &c, &row, &f.err), VAULT_E_USAGE);
  vt_is(f.ops->list_children(f.self, &f.user, VAULT_SPACE_FILES, &vt_root, (vault_str){"", 0}, &row,
                             NULL, 0, &n, &f.err),
        VAULT_E_USAGE);
  vt_items_close(&f);
}
END_TEST

/* ---- reading ----------------------------------------------------------------------------------- */

START_TEST(find_by_path) {
  vt_items f;
  vault_item_row row;
  vt_path p;
  vt_items_open(&f, _i);
  vault_id file = vt_file(&f, "One/Two/three.txt", 3, 1);
  vt_path_set(&p, "one/two/THREE.txt");
  vt_is(f.ops->find_item(f.self, &f.user, VAULT_SPACE_FILES, &vt_root, p.names, p.n, &row, &f.err),
        VAULT_OK);
  ck_assert(vt_same_id(&row.id, &file));
  vt_path_set(&p, "one/two/three.txt/four");
  vt_is(f.ops->find_item(f.self, &f.user, VAULT_SPACE_FILES, &vt_root, p.names, p.n, &row, &f.err),
        VAULT_E_NOT_A_FOLDER);
  vt_path_set(&p, "one/none/three.txt");
  vt_is(f.ops->find_item(f.self, &f.user, VAULT_SPACE_FILES, &vt_root, p.names, p.n, &row, &f.err),
        VAULT_E_NOT_FOUND);
  vt_path_set(&p, "one");
  vt_is(f.ops->find_item(f.self, &f.user, VAULT_SPACE_PHOTOS, &vt_root, p.names, p.n, &row, &f.err),
        VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

START_TEST(children_page_by_key) {
  static const char *const names[] = {"b", "Zeta", "a", "\xc3\xa7", "c"};
  static const char *const sorted[] = {"a", "b", "c", "Zeta", "\xc3\xa7"};
  vt_items f;
  vault_item_row rows[2];
  char keys[2 * VAULT_NAME_KEY_TEXT], last[VAULT_NAME_KEY_TEXT];
  vault_str after = {"", 0};
  uint64_t n, seen = 0;
  vt_items_open(&f, _i);
  for (size_t i = 0; i < 5; i++)
    (void)vt_folder(&f, NULL, names[i]);
  do {
    vt_is(f.ops->list_children(f.self, &f.user, VAULT_SPACE_FILES, &vt_root, after, rows, keys, 2,
                               &n, &f.err),
          VAULT_OK);
    for (uint64_t i = 0; i < n; i++)
      ck_assert_str_eq(rows[i].name, sorted[seen++]);
    if (n) { /* a copy: the next page overwrites the key that it starts from */
      memcpy(last, keys + (n - 1) * VAULT_NAME_KEY_TEXT, sizeof last);
      after = (vault_str){last, strlen(last)};
    }
  } while (n);
  ck_assert_uint_eq(seen, 5);
  vt_items_close(&f);
}
END_TEST

START_TEST(versions) {
  vt_items f;
  vault_version_row row;
  vt_items_open(&f, _i);
  vault_commit_result one = vt_put(&f, "v.txt", 10, 1), two = vt_put(&f, "v.txt", 20, 2);
  ck_assert_uint_eq(two.outcome, VAULT_OUTCOME_VERSION);
  ck_assert_uint_eq(two.item.n_versions, 2);
  vt_is(f.ops->get_version(f.self, &f.user, &one.item.id, &vt_root, &row, &f.err), VAULT_OK);
  ck_assert_uint_eq(row.size_bytes, 20);
  ck_assert_str_eq(row.content_type, "text/plain");
  ck_assert_str_eq(row.blob.ext, ".txt");
  ck_assert(vt_same_id(&row.blob.user, &f.user));
  vt_is(f.ops->get_version(f.self, &f.user, &one.item.id, &one.item.version, &row, &f.err),
        VAULT_OK);
  ck_assert_uint_eq(row.size_bytes, 10);
  vault_id other = vt_folder(&f, NULL, "d"), none = vt_new_id();
  vt_is(f.ops->get_version(f.self, &f.user, &other, &vt_root, &row, &f.err), VAULT_E_NOT_FOUND);
  vt_is(f.ops->get_version(f.self, &f.user, &one.item.id, &none, &row, &f.err), VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

/* ---- usage ---------------------------------------------------------------------------------------------- */

START_TEST(usage_of_nobody) {
  vt_items f;
  vault_usage_row row;
  uint32_t differs;
  vt_items_open(&f, _i);
  vault_id nobody = vt_new_id();
  vt_is(f.ops->get_usage(f.self, &nobody, &row, &f.err), VAULT_E_NOT_FOUND);
  vt_is(f.ops->set_quota(f.self, &nobody, 1, &f.err), VAULT_E_NOT_FOUND);
  vt_is(f.ops->recount(f.self, &nobody, 1, &row, &differs, &f.err), VAULT_E_NOT_FOUND);
  vt_is(f.ops->set_quota(f.self, &f.user, UINT64_MAX, &f.err), VAULT_E_TOO_LARGE);
  vt_is(f.ops->set_quota(f.self, &f.user, 77, &f.err), VAULT_OK);
  ck_assert_uint_eq(vt_usage(&f).quota_bytes, 77);
  vt_items_close(&f);
}
END_TEST

/* Seconds for one test: the concurrent ones are slow under a sanitizer. */
#define TEST_TIMEOUT_S 240

TCase *vt_items_contract(const vt_adapter *a) {
  const TTest *const own[] = {store_is_marked_once,
                              folder_rules,
                              folder_of_another_user_or_space,
                              folder_depth,
                              folder_keys,
                              change_rules,
                              change_if_seq_and_mtime,
                              usage_errors,
                              find_by_path,
                              children_page_by_key,
                              versions,
                              usage_of_nobody,
                              NULL};
  TCase *tcase = vt_contract("items", a, own);
  int i = vt_adapter_add(a);
  vt_items_add_trash(tcase, i);
  vt_items_add_commit(tcase, i);
  vt_items_add_upload(tcase, i);
  vt_items_add_inline(tcase, i);
  vt_items_add_fresh(tcase, i);
  vt_items_add_batch(tcase, i);
  vt_items_add_random(tcase, i);
  vt_items_add_digest(tcase, i);
  vt_items_add_parallel(tcase, i);
  tcase_set_timeout(tcase, TEST_TIMEOUT_S);
  return tcase;
}
