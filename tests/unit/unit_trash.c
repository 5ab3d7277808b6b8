/* The trash: in, out and for good; every status that trash.h names and that a caller can
 * bring about; and what collection does with the bytes. */
#include <string.h>

#include "libvault/usecases/handle.h"
#include "tests/support/vt_files.h"

#define DAY_MS INT64_C(86400000)

static vt_world *w;
static vault *v;
static vault_principal me, other;

static void setup(void) {
  w = vt_vault_open(NULL);
  v = w->v;
  me = vt_who(w, VT_PHONE);
  other = vt_who(w, "+905321234568");
}

static void teardown(void) {
  vt_clean(v);
  vt_vault_close(w);
}

static vault_status trash(const vault_id *item, const vault_guard *guard) {
  vault_items *items = NULL;
  vault_status s = vault_trash_move(v, &me, item, guard, &items, NULL);
  ck_assert((s == VAULT_OK) == (items != NULL));
  vault_items_free(items);
  return s;
}

static vault_status restore(const vault_id *item, const vault_item_patch *to, vault_err *err) {
  vault_items *items = NULL;
  vault_status s = vault_trash_restore(v, &me, item, to, NULL, &items, err);
  ck_assert((s == VAULT_OK) == (items != NULL));
  vault_items_free(items);
  return s;
}

static vault_status purge(const vault_id *item) {
  return vault_trash_purge(v, &me, item, NULL, NULL);
}

/* How many blobs have a row that is not on its way out. */
static uint64_t blobs(void) {
  vault_check_report r = {.size = sizeof r};
  vt_ok(vault_admin_check(v, 0, &r, NULL));
  return r.blobs;
}

static void collect(void) {
  for (int pass = 0; pass < 3; pass++) {
    vt_pass(w, DAY_MS + 3600000);
    vt_run_jobs(w);
  }
}

START_TEST(a_folder_goes_and_comes_back_whole) {
  vault_id dir;
  vault_item_view row;
  vt_ok(vt_put(v, &me, "d/a", "one", NULL));
  vt_ok(vt_put(v, &me, "d/e/b", "three", NULL));
  vt_ok(vt_lookup(v, &me, "d", &row));
  dir = row.id;
  vt_ok(trash(&dir, NULL));
  vt_ok(trash(&dir, NULL)); /* there already */
  vt_status(vt_lookup(v, &me, "d/a", NULL), VAULT_E_NOT_FOUND);
  vault_usage usage = vt_usage(v, &me);
  ck_assert_uint_eq(usage.trash_bytes, 8);
  ck_assert_uint_eq(usage.live_bytes, 0);
  ck_assert_uint_eq(usage.files, 0);
  vt_ok(restore(&dir, NULL, NULL));
  vt_content(v, &me, "d/e/b", "three");
  usage = vt_usage(v, &me);
  ck_assert_uint_eq(usage.live_bytes, 8);
  ck_assert_uint_eq(usage.files, 2);
  vt_status(restore(&dir, NULL, NULL), VAULT_E_NOT_FOUND);
}
END_TEST

START_TEST(says_why_not) {
  vault_id file, nobody = {{9}};
  vault_item_view row;
  vault_items *items = NULL;
  vt_ok(vt_put(v, &me, "f", "x", &file));
  vt_ok(vt_lookup(v, &me, "f", &row));
  vault_guard stale = {.size = sizeof stale, .flags = VAULT_GUARD_SEQ, .seq = row.seq + 9};
  vt_status(trash(&file, &stale), VAULT_E_PRECONDITION);
  vt_status(trash(&nobody, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_trash_move(v, &other, &file, NULL, &items, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_trash_move(v, &me, &file, NULL, NULL, NULL), VAULT_E_USAGE);
  vt_status(vault_trash_move(v, &me, NULL, NULL, &items, NULL), VAULT_E_USAGE);
  vt_status(purge(&file), VAULT_E_NOT_FOUND);
  vault_guard key = {.size = sizeof key, .op_key = {"k", 1}};
  vt_ok(trash(&file, &key));
  vt_status(vault_trash_purge(v, &me, &file, &key, NULL), VAULT_E_IDEMPOTENCY_KEY);
  vt_status(vault_trash_restore(v, &me, &file, NULL, &key, &items, NULL), VAULT_E_IDEMPOTENCY_KEY);
  vt_status(vault_trash_purge(v, &other, &file, NULL, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_trash_purge(v, &me, &file, &stale, NULL), VAULT_E_PRECONDITION);
  ck_assert_ptr_null(items);
  vt_ok(purge(&file));
  vt_status(purge(&file), VAULT_E_NOT_FOUND);
  vt_status(restore(&file, NULL, NULL), VAULT_E_NOT_FOUND);
}
END_TEST

START_TEST(restores_elsewhere) {
  vault_id file, folder, plain, nobody = {{9}};
  vault_err err = VAULT_ERR_INIT;
  vt_ok(vt_put(v, &me, "f", "old", &file));
  vt_ok(vt_folder(v, &me, NULL, "dir", &folder));
  vt_ok(trash(&file, NULL));
  vt_ok(vt_put(v, &me, "f", "new", &plain));
  vt_status(restore(&file, NULL, &err), VAULT_E_NAME_TAKEN);
  ck_assert_mem_eq(err.item.b, plain.b, sizeof plain.b);
  vault_item_patch to = {.size = sizeof to, .flags = VAULT_UPDATE_PARENT, .parent = nobody};
  vt_status(restore(&file, &to, NULL), VAULT_E_PARENT_NOT_FOUND);
  to.parent = plain;
  vt_status(restore(&file, &to, NULL), VAULT_E_NOT_A_FOLDER);
  to = (vault_item_patch){.size = sizeof to, .flags = VAULT_UPDATE_NAME, .name = {"a/b", 3}};
  vt_status(restore(&file, &to, NULL), VAULT_E_NAME);
  to.flags = VAULT_UPDATE_MTIME;
  vt_status(restore(&file, &to, NULL), VAULT_E_USAGE);
  to = (vault_item_patch){.size = sizeof to,
                          .flags = VAULT_UPDATE_NAME | VAULT_UPDATE_PARENT,
                          .parent = folder,
                          .name = {"g", 1}};
  vt_ok(restore(&file, &to, NULL));
  vt_content(v, &me, "dir/g", "old");
  vt_content(v, &me, "f", "new");
}
END_TEST

START_TEST(too_deep_to_come_back) {
  vault_id at = {{0}}, dir;
  vault_item_view row;
  for (unsigned i = 1; i < VAULT_PATH_DEPTH_MAX; i++)
    vt_ok(vt_folder(v, &me, &at, "d", &at));
  vt_ok(vt_put(v, &me, "e/f", "x", NULL));
  vt_ok(vt_lookup(v, &me, "e", &row));
  dir = row.id;
  vt_ok(trash(&dir, NULL));
  vault_item_patch to = {.size = sizeof to, .flags = VAULT_UPDATE_PARENT, .parent = at};
  vt_status(restore(&dir, &to, NULL), VAULT_E_DEPTH);
}
END_TEST

START_TEST(comes_back_to_the_root_when_its_folder_is_gone) {
  vault_id file;
  vault_item_view dir;
  vt_ok(vt_put(v, &me, "d/f", "x", &file));
  vt_ok(vt_lookup(v, &me, "d", &dir));
  vt_ok(trash(&file, NULL));
  vt_ok(trash(&dir.id, NULL));
  vt_ok(purge(&dir.id));
  vt_ok(restore(&file, NULL, NULL));
  vt_content(v, &me, "f", "x");
}
END_TEST

START_TEST(lists_in_pages) {
  vault_id id;
  vault_items *page = NULL;
  char cursor[256];
  vault_str at = {NULL, 0};
  uint64_t seen = 0;
  const char *const names[] = {"a", "b", "c", "d", "e"};
  for (unsigned i = 0; i < 5; i++) {
    vt_ok(vt_put(v, &me, names[i], names[i], &id));
    vt_ok(trash(&id, NULL)); /* all in the same millisecond */
  }
  do {
    vt_ok(vault_trash_list(v, &me, at.p, at.n, 2, &page, NULL));
    seen += vt_count(page);
    at = vault_items_cursor(page);
    ck_assert_uint_lt(at.n, sizeof cursor);
    if (at.n)
      memcpy(cursor, at.p, (size_t)at.n);
    at.p = cursor;
    vault_items_free(page);
    page = NULL;
  } while (at.n);
  ck_assert_uint_eq(seen, 5);
  vt_status(vault_trash_list(v, &me, "AAAA", 4, 2, &page, NULL), VAULT_E_CURSOR);
  vt_status(vault_trash_list(v, &me, NULL, 3, 2, &page, NULL), VAULT_E_CURSOR);
  vt_status(vault_trash_list(v, &me, NULL, 0, VAULT_LIST_MAX + 1, &page, NULL), VAULT_E_TOO_LARGE);
  vt_status(vault_trash_list(v, &me, NULL, 0, 2, NULL, NULL), VAULT_E_USAGE);
  ck_assert_ptr_null(page);
  vt_ok(vault_trash_list(v, &other, NULL, 0, 0, &page, NULL));
  ck_assert_uint_eq(vt_count(page), 0);
  vault_items_free(page);
}
END_TEST

START_TEST(what_is_purged_leaves_the_store_after_two_waits) {
  vault_id file;
  vt_ok(vt_put(v, &me, "f", "bytes", &file));
  ck_assert_uint_eq(blobs(), 1);
  vt_ok(trash(&file, NULL));
  collect();
  ck_assert_uint_eq(blobs(), 1); /* the trash keeps it */
  vt_ok(purge(&file));
  ck_assert_uint_eq(vt_usage(v, &me).used_bytes, 0);
  vt_pass(w, DAY_MS - 7200000);
  vt_run_jobs(w);
  ck_assert_uint_eq(blobs(), 1);
  vt_pass(w, 3 * 3600000);
  vt_run_jobs(w); /* marked */
  ck_assert_uint_eq(blobs(), 1);
  collect();
  ck_assert_uint_eq(blobs(), 0);
}
END_TEST

START_TEST(a_shared_blob_stays_as_long_as_somebody_needs_it) {
  vault_id a, b;
  v->settings.inline_max_bytes = VAULT_INLINE_OFF;
  vt_ok(vt_put(v, &me, "a", "same", &a));
  vt_ok(vt_put(v, &me, "b", "same", &b));
  ck_assert_uint_eq(blobs(), 1);
  vt_ok(trash(&a, NULL));
  vt_ok(purge(&a));
  collect();
  vt_content(v, &me, "b", "same");
  vt_ok(trash(&b, NULL));
  vt_ok(purge(&b));
  vt_pass(w, DAY_MS + 3600000);
  vt_run_jobs(w); /* marked: a new reference still saves it */
  vt_ok(vt_put(v, &me, "c", "same", NULL));
  ck_assert_uint_eq(blobs(), 1);
  collect();
  vt_content(v, &me, "c", "same");
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {a_folder_goes_and_comes_back_whole,
                                says_why_not,
                                restores_elsewhere,
                                too_deep_to_come_back,
                                comes_back_to_the_root_when_its_folder_is_gone,
                                lists_in_pages,
                                what_is_purged_leaves_the_store_after_two_waits,
                                a_shared_blob_stays_as_long_as_somebody_needs_it,
                                NULL};
  return vt_suite_with("trash", tests, setup, teardown);
}

VT_MAIN(suite)
