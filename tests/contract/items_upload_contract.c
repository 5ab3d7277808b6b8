/* The part of the items suite about uploads: rows, leases, remembered ends, chains. */
#include <stdio.h>

#include "items_fixture.h"

#define STALE_FENCE 0

static vault_upload_save save_of(const vt_items *f, const vault_upload_row *row, int64_t fence,
                                 uint64_t offset) {
  static const uint8_t state[9] = "midstate";
  return (vault_upload_save){.size = sizeof(vault_upload_save),
                             .user = f->user,
                             .upload = row->id,
                             .fence = fence,
                             .offset = offset,
                             .expires_ms = VT_NOW_MS + 9,
                             .sha_state = state,
                             .sha_state_n = sizeof state,
                             .blob = row->blob.blob};
}

static vault_status save(vt_items *f, const vault_upload_row *row, int64_t fence, uint64_t offset) {
  vault_upload_save s = save_of(f, row, fence, offset);
  return f->ops->save_offset(f->self, &s, &f->err);
}

static vault_status get(vt_items *f, const vault_upload_row *row, vault_upload_row *out) {
  return f->ops->get_upload(f->self, &f->user, &row->id, out, NULL, &f->err);
}

static vault_status lease(vt_items *f, const vault_upload_row *row, int64_t fence,
                          vault_upload_row *out) {
  static const uint8_t me[16] = "process number 2";
  return f->ops->lease_upload(f->self, &f->user, &row->id, fence, me, out, NULL, &f->err);
}

static vault_status abort_it(vt_items *f, const vault_upload_row *row, int64_t fence) {
  return f->ops->abort_upload(f->self, &f->user, &row->id, fence, &f->err);
}

START_TEST(upload_life) {
  static vault_upload_more more;
  vt_items f;
  vault_upload_row row, got;
  vt_items_open(&f, _i);
  row = vt_upload_row(&f, 100);
  row.length = UINT64_MAX;
  row.mtime_ns = -1;
  row.has_mtime = 1;
  (void)snprintf(row.op_key, sizeof row.op_key, "key");
  vt_is(vt_begin(&f, &row, "in/deep/file.txt"), VAULT_OK);
  vt_is(f.ops->grow_upload(f.self, &f.user, &row.id, 0, 50, &f.err), VAULT_OK);
  vt_is(save(&f, &row, 0, 70), VAULT_OK);
  vt_is(f.ops->get_upload(f.self, &f.user, &row.id, &got, &more, &f.err), VAULT_OK);
  ck_assert_uint_eq(got.reserved_bytes, 150);
  ck_assert_uint_eq(got.offset, 70);
  ck_assert_uint_eq(got.length, UINT64_MAX);
  ck_assert_int_eq(got.mtime_ns, -1);
  ck_assert_int_eq(got.expires_ms, VT_NOW_MS + 9);
  ck_assert_str_eq(got.op_key, "key");
  ck_assert_uint_eq(got.sha_state_n, 9);
  ck_assert_str_eq((char *)got.sha_state, "midstate");
  ck_assert_uint_eq(more.names_n, sizeof "in\0deep\0file.txt");
  ck_assert_int_eq(memcmp(more.names, "in\0deep\0file.txt", more.names_n), 0);
  ck_assert_uint_eq(more.client_meta_n, 0);
  ck_assert_uint_eq(got.n_parts, 0);
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 150);
  vt_balanced(&f);
  vt_is(abort_it(&f, &row, 0), VAULT_OK);
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 0);
  vt_is(abort_it(&f, &row, 0), VAULT_E_NOT_FOUND);
  vt_is(get(&f, &row, &got), VAULT_E_NOT_FOUND);
  vt_is(lease(&f, &row, VAULT_FENCE_ANY, &got), VAULT_E_NOT_FOUND);
  vt_is(f.ops->grow_upload(f.self, &f.user, &row.id, 0, 1, &f.err), VAULT_E_NOT_FOUND);
  vt_is(f.ops->set_length(f.self, &f.user, &row.id, 0, 1, &f.err), VAULT_E_NOT_FOUND);
  vt_is(save(&f, &row, 0, 1), VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

START_TEST(upload_quota) {
  vt_items f;
  vt_items_open(&f, _i);
  vt_is(f.ops->set_quota(f.self, &f.user, 100, &f.err), VAULT_OK);
  vault_upload_row a = vt_upload_row(&f, 60), b = vt_upload_row(&f, 41);
  vt_is(vt_begin(&f, &a, "a"), VAULT_OK);
  vt_is(vt_begin(&f, &b, "b"), VAULT_E_QUOTA);
  vt_is(f.ops->grow_upload(f.self, &f.user, &a.id, 0, 41, &f.err), VAULT_E_QUOTA);
  vt_is(f.ops->grow_upload(f.self, &f.user, &a.id, 0, UINT64_MAX, &f.err), VAULT_E_QUOTA);
  vt_is(f.ops->grow_upload(f.self, &f.user, &a.id, 0, 40, &f.err), VAULT_OK);
  b.reserved_bytes = 0;
  vt_is(vt_begin(&f, &b, "b"), VAULT_OK);
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 100);
  vt_is(f.ops->set_length(f.self, &f.user, &b.id, 0, 1, &f.err), VAULT_E_QUOTA);
  vt_is(f.ops->set_length(f.self, &f.user, &a.id, 0, 99, &f.err), VAULT_OK);
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 99);
  vt_is(f.ops->set_length(f.self, &f.user, &b.id, 0, 1, &f.err), VAULT_OK);
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 100);
  vt_items_close(&f);
}
END_TEST

START_TEST(upload_lists) {
  vt_items f;
  vault_upload_row rows[4], got[4];
  uint8_t me[16] = "process number 2";
  uint64_t n;
  vt_items_open(&f, _i);
  for (int i = 0; i < 4; i++) {
    rows[i] = vt_upload_row(&f, 1);
    rows[i].expires_ms = VT_NOW_MS + i;
    rows[i].flags = i == 3 ? VAULT_UPLOAD_RESUMABLE : 0;
    if (i == 2)
      memcpy(rows[i].owner, me, sizeof me);
    vt_is(vt_begin(&f, &rows[i], "x"), VAULT_OK);
  }
  vt_is(f.ops->list_uploads(f.self, &vt_root, VT_NOW_MS + 2, NULL, got, 4, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 2);
  ck_assert(vt_same_id(&got[0].id, &rows[0].id));
  vt_is(f.ops->list_uploads(f.self, &vt_root, 0, me, got, 4, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 3);
  vt_is(f.ops->list_uploads(f.self, &rows[0].id, INT64_MAX, NULL, got, 2, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 2);
  ck_assert(vt_same_id(&got[1].id, &rows[2].id));
  vt_items_close(&f);
}
END_TEST

/* Nothing that a stale lease says changes anything. */
START_TEST(upload_lease_fences_off) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  vault_upload_row row, got, before;
  vt_items_open(&f, _i);
  row = vt_upload_row(&f, 100);
  vt_is(vt_begin(&f, &row, "f"), VAULT_OK);
  vt_is(save(&f, &row, STALE_FENCE, 10), VAULT_OK);
  vt_is(lease(&f, &row, 7, &got), VAULT_E_PREEMPTED);
  vt_is(lease(&f, &row, 0, &got), VAULT_OK);
  ck_assert_int_eq(got.fence, 1);
  ck_assert_uint_eq(got.offset, 10);
  ck_assert_int_eq(memcmp(got.owner, "process number 2", sizeof got.owner), 0);
  vt_is(get(&f, &row, &before), VAULT_OK);
  vt_is(save(&f, &row, STALE_FENCE, 20), VAULT_E_PREEMPTED);
  vt_is(f.ops->grow_upload(f.self, &f.user, &row.id, STALE_FENCE, 5, &f.err), VAULT_E_PREEMPTED);
  vt_is(f.ops->set_length(f.self, &f.user, &row.id, STALE_FENCE, 5, &f.err), VAULT_E_PREEMPTED);
  vt_is(abort_it(&f, &row, STALE_FENCE), VAULT_E_PREEMPTED);
  vt_path_set(&p, "f");
  vt_commit_item(&f, &m, &p, 20, 1);
  m.kind = VAULT_COMMIT_FINISH;
  m.upload = row.id;
  m.blob = row.blob;
  m.fence = STALE_FENCE;
  vt_is(vt_commit(&f, &m).status, VAULT_E_PREEMPTED);
  vt_is(get(&f, &row, &got), VAULT_OK);
  ck_assert_int_eq(memcmp(&got, &before, sizeof got), 0);
  vt_is(lease(&f, &row, VAULT_FENCE_ANY, &got), VAULT_OK);
  ck_assert_int_eq(got.fence, 2);
  m.fence = 2;
  vt_is(vt_commit(&f, &m).status, VAULT_OK);
  vt_is(get(&f, &row, &got), VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

START_TEST(upload_is_remembered) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  vault_upload_row row, got;
  uint64_t n;
  uint8_t me[16] = "process number 2";
  vt_items_open(&f, _i);
  row = vt_upload_row(&f, 100);
  row.flags = VAULT_UPLOAD_RESUMABLE;
  row.length = UINT64_MAX;
  vt_is(vt_begin(&f, &row, "f"), VAULT_OK);
  vt_path_set(&p, "f");
  vt_commit_item(&f, &m, &p, 20, 1);
  m.kind = VAULT_COMMIT_FINISH;
  m.flags = VAULT_COMMIT_REMEMBER;
  m.upload = row.id;
  m.blob = row.blob;
  vault_commit_result r = vt_commit(&f, &m);
  vt_is(r.status, VAULT_OK);
  vt_is(get(&f, &row, &got), VAULT_OK);
  ck_assert_uint_eq(got.state, VAULT_UPLOAD_DONE);
  ck_assert_uint_eq(got.length, 20);
  ck_assert_uint_eq(got.offset, 20);
  ck_assert(vt_same_id(&got.done_item, &r.item.id));
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 0);
  vt_is(save(&f, &row, 0, 30), VAULT_E_PREEMPTED);
  m.blob.blob = vt_new_id(); /* another body for it */
  m.new_version = vt_new_id();
  ck_assert_uint_eq(vt_commit(&f, &m).outcome, VAULT_OUTCOME_REPLAY);
  vt_is(f.ops->list_uploads(f.self, &vt_root, 0, me, &got, 1, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vt_is(f.ops->list_uploads(f.self, &vt_root, INT64_MAX, NULL, &got, 1, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  vt_is(abort_it(&f, &row, 0), VAULT_OK);
  ck_assert_uint_eq(vt_get(&f, &r.item.id).size_bytes, 20);
  vt_items_close(&f);
}
END_TEST

/* One unfinished creation for one key, of resumable uploads; each user has own keys. */
START_TEST(upload_key_is_found) {
  vt_items f;
  vt_path p;
  vault_id existing = {{0}};
  const vault_str none = {NULL, 0};
  vt_items_open(&f, _i);
  vt_path_set(&p, "f");
  vault_upload_row row = vt_upload_row(&f, 10), again = vt_upload_row(&f, 10);
  (void)snprintf(row.op_key, sizeof row.op_key, "key");
  (void)snprintf(again.op_key, sizeof again.op_key, "key");
  vt_is(f.ops->begin_upload(f.self, &row, p.names, p.n, none, NULL, &existing, &f.err), VAULT_OK);
  again.flags = VAULT_UPLOAD_RESUMABLE;
  vt_is(f.ops->begin_upload(f.self, &again, p.names, p.n, none, NULL, &existing, &f.err), VAULT_OK);
  row = again;
  again.id = vt_new_id();
  vt_is(f.ops->begin_upload(f.self, &again, p.names, p.n, none, NULL, &existing, &f.err),
        VAULT_E_CONFLICT);
  ck_assert(vt_same_id(&existing, &row.id));
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 20);
  again.blob.user = vt_items_user(&f, 1000);
  vt_is(f.ops->begin_upload(f.self, &again, p.names, p.n, none, NULL, &existing, &f.err), VAULT_OK);
  vt_items_close(&f);
}
END_TEST

START_TEST(upload_texts_and_pieces) {
  static vault_upload_more more;
  static char meta[VAULT_UPLOAD_CLIENT_META_MAX + 1];
  static vault_id parts[VAULT_UPLOAD_PARTS_MAX + 1];
  vt_items f;
  vault_upload_row got;
  vault_id existing, ids[4];
  uint64_t n;
  vt_path p;
  vt_items_open(&f, _i);
  vt_path_set(&p, "f");
  memset(meta, 0xff, sizeof meta);
  memset(parts, 7, sizeof parts);
  vault_upload_row row = vt_upload_row(&f, 0);
  row.state = VAULT_UPLOAD_WAITING;
  row.n_parts = VAULT_UPLOAD_PARTS_MAX + 1;
  vt_is(f.ops->begin_upload(f.self, &row, p.names, p.n, (vault_str){NULL, 0}, parts, &existing,
                            &f.err),
        VAULT_E_USAGE);
  row.n_parts = VAULT_UPLOAD_PARTS_MAX;
  vt_is(f.ops->begin_upload(f.self, &row, p.names, p.n, (vault_str){meta, sizeof meta}, parts,
                            &existing, &f.err),
        VAULT_E_USAGE);
  vt_is(f.ops->begin_upload(f.self, &row, p.names, p.n, (vault_str){meta, sizeof meta - 1}, parts,
                            &existing, &f.err),
        VAULT_OK);
  vt_is(f.ops->get_upload(f.self, &f.user, &row.id, &got, &more, &f.err), VAULT_OK);
  ck_assert_uint_eq(more.client_meta_n, VAULT_UPLOAD_CLIENT_META_MAX);
  ck_assert_int_eq(memcmp(more.client_meta, meta, more.client_meta_n), 0);
  ck_assert_uint_eq(got.n_parts, VAULT_UPLOAD_PARTS_MAX);
  ck_assert_int_eq(memcmp(more.parts, parts, sizeof more.parts), 0);
  vt_is(f.ops->list_waiting(f.self, &f.user, &vt_root, ids, 4, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  ck_assert(vt_same_id(&ids[0], &row.id));
  vt_is(f.ops->list_waiting(f.self, &f.user, &ids[0], ids, 4, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vault_upload_row piece = vt_upload_row(&f, 5);
  piece.flags = VAULT_UPLOAD_RESUMABLE | VAULT_UPLOAD_PARTIAL;
  vt_is(vt_begin(&f, &piece, "no"), VAULT_E_USAGE);
  vt_is(f.ops->begin_upload(f.self, &piece, NULL, 0, (vault_str){NULL, 0}, NULL, &existing, &f.err),
        VAULT_OK);
  vault_upload_save s = save_of(&f, &piece, 0, 5);
  s.state = VAULT_UPLOAD_DONE;
  vt_is(f.ops->save_offset(f.self, &s, &f.err), VAULT_OK);
  vt_is(get(&f, &piece, &got), VAULT_OK);
  ck_assert_uint_eq(got.state, VAULT_UPLOAD_DONE);
  ck_assert_uint_eq(vt_usage(&f).partial_bytes, 5);
  vt_items_close(&f);
}
END_TEST

/* ---- chains ------------------------------------------------------------------------------- */

#define STATES 700u /* more than two rows of them */

static uint8_t states[STATES * VAULT_CHAIN_STATE];

static void expect_chain(vt_items *f, const vault_id *blob, uint64_t first, uint64_t max,
                         uint64_t want) {
  static uint8_t got[(STATES + 1) * VAULT_CHAIN_STATE];
  uint64_t n = 99;
  vt_is(f->ops->get_chain(f->self, blob, first, got, max, &n, &f->err), VAULT_OK);
  ck_assert_uint_eq(n, want);
  ck_assert_int_eq(memcmp(got, states + (first - 1) * VAULT_CHAIN_STATE,
                          (size_t)(n * VAULT_CHAIN_STATE)),
                   0);
}

START_TEST(chain_is_kept_with_the_blob) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  uint64_t n;
  vt_items_open(&f, _i);
  for (unsigned i = 0; i < sizeof states; i++)
    states[i] = (uint8_t)(i * 7 + i / 256);
  vault_upload_row row = vt_upload_row(&f, (STATES + 1) * VAULT_CHAIN_STEP);
  vt_is(vt_begin(&f, &row, "f"), VAULT_OK);
  vault_upload_save s = save_of(&f, &row, 0, 8 * VAULT_CHAIN_STEP);
  s.chain = (vault_chain){1, 9, states};
  vt_is(f.ops->save_offset(f.self, &s, &f.err), VAULT_E_USAGE);
  s.chain.n = 8;
  vt_is(f.ops->save_offset(f.self, &s, &f.err), VAULT_OK);
  s.fence = 5;
  s.chain = (vault_chain){9, 1, states};
  vt_is(f.ops->save_offset(f.self, &s, &f.err), VAULT_E_PREEMPTED);
  expect_chain(&f, &row.blob.blob, 1, STATES + 1, 8);
  vt_path_set(&p, "f");
  vt_commit_item(&f, &m, &p, (STATES + 1) * VAULT_CHAIN_STEP, 1);
  m.kind = VAULT_COMMIT_FINISH;
  m.upload = row.id;
  m.blob = row.blob;
  m.chain = (vault_chain){9, STATES - 8, states + 8 * VAULT_CHAIN_STATE};
  vt_is(vt_commit(&f, &m).status, VAULT_OK);
  expect_chain(&f, &row.blob.blob, 1, STATES + 1, STATES);
  expect_chain(&f, &row.blob.blob, 8, 2, 2);
  expect_chain(&f, &row.blob.blob, 264, 300, 300);
  expect_chain(&f, &row.blob.blob, STATES, 3, 1);
  expect_chain(&f, &row.blob.blob, STATES + 1, 3, 0);
  vt_is(f.ops->get_chain(f.self, &row.blob.blob, 0, states, 1, &n, &f.err), VAULT_E_USAGE);
  vt_is(f.ops->get_chain(f.self, &row.blob.blob, 1, states, VAULT_CHAIN_MAX + 1, &n, &f.err),
        VAULT_E_USAGE);
  vt_items_close(&f);
}
END_TEST

/* What is given up, or not needed, takes its chain along; what is purged as well. */
START_TEST(chain_goes_with_the_bytes) {
  vt_items f;
  vt_path p;
  vault_commit_item m;
  vault_blob_row rows[2];
  uint64_t n;
  vt_items_open(&f, _i);
  vt_path_set(&p, "f");
  vault_id blobs[3];
  for (int i = 0; i < 3; i++) {
    vault_upload_row row = vt_upload_row(&f, 3 * VAULT_CHAIN_STEP);
    vt_is(vt_begin(&f, &row, "f"), VAULT_OK);
    vault_upload_save s = save_of(&f, &row, 0, 2 * VAULT_CHAIN_STEP);
    s.chain = (vault_chain){1, 2, states};
    vt_is(f.ops->save_offset(f.self, &s, &f.err), VAULT_OK);
    blobs[i] = row.blob.blob;
    vt_commit_item(&f, &m, &p, 3 * VAULT_CHAIN_STEP, 1);
    m.kind = VAULT_COMMIT_FINISH;
    m.upload = row.id;
    m.blob = row.blob;
    if (i == 2)
      vt_is(abort_it(&f, &row, 0), VAULT_OK);
    else
      vt_is(vt_commit(&f, &m).status, VAULT_OK); /* the second time: the same bytes */
  }
  expect_chain(&f, &blobs[0], 1, 3, 2);
  expect_chain(&f, &blobs[1], 1, 3, 0);
  expect_chain(&f, &blobs[2], 1, 3, 0);
  vault_item_row item;
  vt_is(f.ops->find_item(f.self, &f.user, VAULT_SPACE_FILES, &vt_root, p.names, 1, &item, &f.err),
        VAULT_OK);
  vt_is(vt_trash(&f, &item.id), VAULT_OK);
  vt_is(vt_purge(&f, &item.id), VAULT_OK);
  vt_is(f.ops->mark_blobs(f.self, VT_NOW_MS, VT_NOW_MS, 2, &n, &f.err), VAULT_OK);
  vt_is(f.ops->take_blobs(f.self, VT_NOW_MS, rows, 2, &n, &f.err), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  vt_is(f.ops->drop_blob(f.self, &rows[0].key.blob, &f.err), VAULT_OK);
  expect_chain(&f, &blobs[0], 1, 3, 0);
  vt_items_close(&f);
}
END_TEST

void vt_items_add_upload(TCase *tcase, int adapter) {
  const TTest *const tests[] = {upload_life,
                                upload_quota,
                                upload_lists,
                                upload_lease_fences_off,
                                upload_is_remembered,
                                upload_key_is_found,
                                upload_texts_and_pieces,
                                chain_is_kept_with_the_blob,
                                chain_goes_with_the_bytes,
                                NULL};
  vt_items_add(tcase, adapter, tests);
}
