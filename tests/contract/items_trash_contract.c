/* The suite of the items port: the trash, and a long run of random changes after each of
 * which the ledger must be what the rows say. */
#include "items_fixture.h"

#include <stdio.h>

START_TEST(trash_and_back) {
  vt_items f;
  vt_items_open(&f, _i);
  vault_id file = vt_file(&f, "a/b/file", 10, 1);
  (void)vt_put(&f, "a/b/file", 20, 2);
  vault_id b = vt_get(&f, &file).parent, a = vt_get(&f, &b).parent;
  int64_t seq = vt_usage(&f).seq;
  vt_is(vt_trash(&f, &a), VAULT_OK);
  ck_assert_int_eq(vt_usage(&f).seq, seq + 1);
  vt_is(vt_trash(&f, &a), VAULT_OK);
  vt_is(vt_trash(&f, &file), VAULT_OK);
  ck_assert_int_eq(vt_usage(&f).seq, seq + 1);
  vault_usage_row u = vt_usage(&f);
  ck_assert_uint_eq(u.live_bytes + u.versions_bytes, 0);
  ck_assert_uint_eq(u.trash_bytes, 30);
  ck_assert_uint_eq(u.files, 0);
  vt_balanced(&f);
  vault_item_row row = vt_get(&f, &file);
  ck_assert(vt_same_id(&row.trash_root, &a));
  ck_assert_int_eq(row.trashed_ms, VT_NOW_MS);
  vt_is(vt_restore(&f, &file), VAULT_E_NOT_FOUND);
  vt_is(vt_purge(&f, &b), VAULT_E_NOT_FOUND);
  vt_is(vt_restore(&f, &a), VAULT_OK);
  vt_is(vt_restore(&f, &a), VAULT_E_NOT_FOUND);
  row = vt_get(&f, &file);
  ck_assert_int_eq(row.trashed_ms, 0);
  ck_assert(vt_same_id(&row.trash_root, &vt_root));
  ck_assert_int_eq(row.seq, seq + 2);
  u = vt_usage(&f);
  ck_assert_uint_eq(u.live_bytes, 20);
  ck_assert_uint_eq(u.versions_bytes, 10);
  ck_assert_uint_eq(u.files, 1);
  vt_items_close(&f);
}
END_TEST

START_TEST(restore_to_another_place) {
  vt_items f;
  vault_item_row row;
  vt_path p;
  vt_items_open(&f, _i);
  vault_id file = vt_file(&f, "a/file", 10, 1), a = vt_get(&f, &file).parent;
  vt_is(vt_trash(&f, &file), VAULT_OK);
  vault_id other = vt_file(&f, "a/FILE", 5, 2);
  vt_is(vt_restore(&f, &file), VAULT_E_NAME_TAKEN);
  ck_assert(vt_same_id(&f.err.item, &other));
  vault_item_change c = vt_change(&f, &file);
  vt_path_set(&p, "second");
  c.flags = VAULT_CHANGE_SET_NAME;
  c.name = p.names[0];
  vt_is(f.ops->restore_item(f.self, &c, &row, &f.err), VAULT_OK);
  ck_assert_str_eq(row.name, "second");
  ck_assert(vt_same_id(&row.parent, &a));
  vt_is(vt_trash(&f, &file), VAULT_OK);
  c.flags = VAULT_CHANGE_SET_PARENT;
  c.parent = other;
  vt_is(f.ops->restore_item(f.self, &c, &row, &f.err), VAULT_E_NOT_A_FOLDER);
  c.parent = vt_new_id();
  vt_is(f.ops->restore_item(f.self, &c, &row, &f.err), VAULT_E_PARENT_NOT_FOUND);
  vt_is(vt_trash(&f, &a), VAULT_OK);
  vt_is(vt_restore(&f, &file), VAULT_OK); /* its folder is in the trash: to the root */
  row = vt_get(&f, &file);
  ck_assert(vt_same_id(&row.parent, &vt_root));
  vt_is(vt_trash(&f, &file), VAULT_OK);
  vt_is(vt_restore(&f, &a), VAULT_OK);
  vt_is(vt_restore(&f, &file), VAULT_OK);
  vt_is(vt_restore(&f, &c.parent), VAULT_E_NOT_FOUND);
  vt_items_close(&f);
}
END_TEST

START_TEST(restore_only_what_went_along) {
  vt_items f;
  vt_items_open(&f, _i);
  vault_id early = vt_file(&f, "a/early", 1, 1), late = vt_file(&f, "a/late", 2, 2);
  vault_id a = vt_get(&f, &late).parent;
  vt_is(vt_trash(&f, &early), VAULT_OK);
  vt_is(vt_trash(&f, &a), VAULT_OK);
  vt_is(vt_restore(&f, &a), VAULT_OK);
  ck_assert_int_eq(vt_get(&f, &late).trashed_ms, 0);
  ck_assert_int_ne(vt_get(&f, &early).trashed_ms, 0);
  vt_is(vt_trash(&f, &a), VAULT_OK);
  vt_is(vt_purge(&f, &a), VAULT_OK);
  ck_assert_uint_eq(vt_usage(&f).trash_bytes, 1);
  vt_is(vt_restore(&f, &early), VAULT_OK); /* its folder is gone: to the root */
  vault_item_row row = vt_get(&f, &early);
  ck_assert(vt_same_id(&row.parent, &vt_root));
  vt_items_close(&f);
}
END_TEST

START_TEST(purge_is_for_good) {
  vt_items f;
  vault_item_row row;
  vault_blob_row blob;
  vault_version_row version;
  vt_items_open(&f, _i);
  vault_commit_result one = vt_put(&f, "d/f", 10, 1), two = vt_put(&f, "d/f", 20, 2);
  vault_id d = one.item.parent;
  vt_is(vt_purge(&f, &d), VAULT_E_NOT_FOUND);
  vault_item_change c = vt_change(&f, &d);
  vt_is(vt_trash(&f, &d), VAULT_OK);
  c.flags = VAULT_CHANGE_IF_SEQ;
  c.if_seq = -1;
  vt_is(f.ops->purge_item(f.self, &c, &f.err), VAULT_E_PRECONDITION);
  c.flags = 0;
  c.op_key = (vault_str){"purge", 5};
  int64_t seq = vt_usage(&f).seq;
  vt_is(f.ops->purge_item(f.self, &c, &f.err), VAULT_OK);
  vt_is(f.ops->purge_item(f.self, &c, &f.err), VAULT_OK); /* by its key */
  ck_assert_int_eq(vt_usage(&f).seq, seq + 1);
  vt_is(vt_purge(&f, &d), VAULT_E_NOT_FOUND);
  vt_is(vt_trash(&f, &d), VAULT_E_NOT_FOUND);
  vt_is(f.ops->get_item(f.self, &f.user, &one.item.id, &row, &f.err), VAULT_E_NOT_FOUND);
  vt_is(f.ops->get_version(f.self, &f.user, &one.item.id, &vt_root, &version, &f.err),
        VAULT_E_NOT_FOUND);
  vt_is(f.ops->get_blob(f.self, &one.item.blob, &blob, &f.err), VAULT_OK);
  ck_assert_int_eq(blob.dead_ms, VT_NOW_MS);
  vt_is(f.ops->get_blob(f.self, &two.item.blob, &blob, &f.err), VAULT_OK);
  ck_assert_int_eq(blob.refs, 0);
  ck_assert_uint_eq(vt_usage(&f).trash_bytes, 0);
  vt_items_close(&f);
}
END_TEST

START_TEST(trash_if_seq_and_time) {
  vt_items f;
  vault_item_row row;
  vt_items_open(&f, _i);
  vault_id file = vt_file(&f, "f", 1, 1);
  vault_item_change c = vt_change(&f, &file);
  c.flags = VAULT_CHANGE_IF_SEQ;
  c.if_seq = 99;
  vt_is(f.ops->trash_item(f.self, &c, &row, &f.err), VAULT_E_PRECONDITION);
  vt_is(f.ops->restore_item(f.self, &c, &row, &f.err), VAULT_E_PRECONDITION);
  c.flags = 0;
  c.now_ms = 0;
  vt_is(f.ops->trash_item(f.self, &c, &row, &f.err), VAULT_E_USAGE);
  vt_items_close(&f);
}
END_TEST

START_TEST(trash_lists_newest_first) {
  vt_items f;
  vault_item_row rows[2], row;
  vault_id before = vt_root;
  int64_t before_ms = INT64_MAX;
  uint64_t n, seen = 0;
  vt_items_open(&f, _i);
  for (unsigned i = 0; i < 5; i++) {
    char name[8];
    (void)snprintf(name, sizeof name, "d/f%u", i);
    vault_id file = vt_file(&f, name, 1, i);
    vault_item_change c = vt_change(&f, &file);
    c.now_ms += i / 2;
    vt_is(f.ops->trash_item(f.self, &c, &row, &f.err), VAULT_OK);
  }
  vault_id d = row.parent;
  vt_is(vt_trash(&f, &d), VAULT_OK);
  vt_is(vt_purge(&f, &d), VAULT_OK);
  do {
    vt_is(f.ops->list_trash(f.self, &f.user, before_ms, &before, rows, 2, &n, &f.err), VAULT_OK);
    for (uint64_t i = 0; i < n; i++) {
      int later =
        rows[i].trashed_ms < before_ms ||
        (rows[i].trashed_ms == before_ms && memcmp(rows[i].id.b, before.b, sizeof before.b) < 0);
      ck_assert(later);
      before_ms = rows[i].trashed_ms;
      before = rows[i].id;
    }
    seen += n;
  } while (n);
  ck_assert_uint_eq(seen, 5);
  vt_items_close(&f);
}
END_TEST

/* ---- random changes ------------------------------------------------------------------------ */

#define RANDOM_STEPS 300
#define RANDOM_SEED 20240229u
#define POOL 24u

typedef struct play {
  vt_items f;
  uint64_t state;
  vault_id pool[POOL]; /* items that exist or did */
  unsigned n;
} play;

static unsigned pick(play *p, unsigned below) {
  p->state = p->state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(p->state >> 33) % below;
}

static void keep(play *p, const vault_id *id) {
  p->pool[p->n < POOL ? p->n++ : pick(p, POOL)] = *id;
}

static const vault_id *any(play *p) {
  return p->n ? &p->pool[pick(p, p->n)] : &vt_root;
}

static void random_put(play *p) {
  char path[32];
  (void)snprintf(path, sizeof path, "d%u/%s%u", pick(p, 3), pick(p, 2) ? "e/f" : "f", pick(p, 4));
  vault_commit_result r = vt_put(&p->f, path, pick(p, 1000), pick(p, 5));
  if (r.status != VAULT_OK)
    return;
  keep(p, &r.item.id);
  keep(p, &r.item.parent);
}

static void random_upload(play *p) {
  vault_upload_row row = vt_upload_row(&p->f, pick(p, 500));
  vt_path path;
  vault_commit_item m;
  if (vt_begin(&p->f, &row, "up/load") != VAULT_OK || pick(p, 3) == 0)
    return;
  if (pick(p, 2)) {
    vt_is(p->f.ops->abort_upload(p->f.self, &p->f.user, &row.id, 0, &p->f.err), VAULT_OK);
    return;
  }
  vt_path_set(&path, "up/load");
  vt_commit_item(&p->f, &m, &path, row.reserved_bytes, pick(p, 4));
  m.kind = VAULT_COMMIT_FINISH;
  m.upload = row.id;
  m.blob = row.blob;
  vault_commit_result r = vt_commit(&p->f, &m);
  if (r.status == VAULT_OK)
    keep(p, &r.item.id);
}

static void random_step(play *p) {
  vt_items *f = &p->f;
  char name[8];
  vault_id made;
  (void)snprintf(name, sizeof name, "d%u", pick(p, 5));
  switch (pick(p, 8)) {
  case 0:
    if (vt_make(f, any(p), name, &made) == VAULT_OK)
      keep(p, &made);
    break;
  case 1: (void)vt_move(f, any(p), any(p), pick(p, 2) ? name : NULL); break;
  case 2: (void)vt_trash(f, any(p)); break;
  case 3: (void)vt_restore(f, any(p)); break;
  case 4: (void)vt_purge(f, any(p)); break;
  case 5: random_upload(p); break;
  default: random_put(p);
  }
}

START_TEST(random_changes_keep_the_ledger) {
  play p = {.state = RANDOM_SEED};
  vault_blob_row blobs[64];
  uint64_t n;
  vt_items_open(&p.f, _i);
  int64_t seq = 0;
  for (unsigned i = 0; i < RANDOM_STEPS; i++) {
    random_step(&p);
    vt_balanced(&p.f);
    ck_assert_int_ge(vt_usage(&p.f).seq, seq);
    seq = vt_usage(&p.f).seq;
  }
  ck_assert_int_gt(seq, 50);
  vt_is(p.f.ops->list_blobs(p.f.self, &vt_root, blobs, 64, &n, &p.f.err), VAULT_OK);
  for (uint64_t i = 0; i < n; i++)
    ck_assert_int_eq(blobs[i].refs > 0, blobs[i].dead_ms == 0);
  vt_items_close(&p.f);
}
END_TEST

void vt_items_add_trash(TCase *tcase, int adapter) {
  const TTest *const tests[] = {trash_and_back,
                                restore_to_another_place,
                                restore_only_what_went_along,
                                purge_is_for_good,
                                trash_if_seq_and_time,
                                trash_lists_newest_first,
                                random_changes_keep_the_ledger,
                                NULL};
  vt_items_add(tcase, adapter, tests);
}
