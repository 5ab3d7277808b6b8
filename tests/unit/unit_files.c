/* Making, finding, listing, changing and reading items; every status that item.h names and
 * that a caller can bring about. */
#include <stdio.h>
#include <string.h>

#include "libvault/usecases/handle.h"
#include "tests/support/vt_files.h"

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

static vault_status update(const vault_id *item, const vault_item_patch *patch,
                           const vault_guard *guard, vault_err *err) {
  vault_items *items = NULL;
  vault_status s = vault_item_update(v, &me, item, patch, guard, &items, err);
  ck_assert((s == VAULT_OK) == (items != NULL));
  vault_items_free(items);
  return s;
}

static vault_item_patch rename_to(const char *name) {
  return (vault_item_patch){.size = sizeof(vault_item_patch),
                            .flags = VAULT_UPDATE_NAME,
                            .name = {name, strlen(name)}};
}

static vault_item_patch move_to(const vault_id *parent) {
  return (vault_item_patch){.size = sizeof(vault_item_patch),
                            .flags = VAULT_UPDATE_PARENT,
                            .parent = *parent};
}

START_TEST(makes_folders_and_says_why_not) {
  vault_id a, b, file, nobody = {{9}};
  vault_items *items = NULL;
  vault_err err = VAULT_ERR_INIT;
  vt_ok(vt_folder(v, &me, NULL, "Belgeler", &a));
  vt_ok(vt_folder(v, &me, &a, "\xc3\xa7", &b));
  vt_ok(vt_put(v, &me, "f.txt", "x", &file));
  vt_status(vt_folder(v, &me, NULL, "..", NULL), VAULT_E_NAME);
  vt_status(vt_folder(v, &me, NULL, "", NULL), VAULT_E_NAME);
  vt_status(vt_folder(v, &me, &nobody, "x", NULL), VAULT_E_PARENT_NOT_FOUND);
  vt_status(vt_folder(v, &other, &a, "x", NULL), VAULT_E_PARENT_NOT_FOUND);
  vt_status(vt_folder(v, &me, &file, "x", NULL), VAULT_E_NOT_A_FOLDER);
  vt_status(vault_folder_create(v, &me, VAULT_SPACE_FILES, NULL, "BELGELER", 8, NULL, &items, &err),
            VAULT_E_NAME_TAKEN);
  ck_assert_mem_eq(err.item.b, a.b, sizeof a.b);
  vt_status(vault_folder_create(v, &me, 99, NULL, "x", 1, NULL, &items, NULL), VAULT_E_INPUT);
  vt_status(vault_folder_create(v, &me, VAULT_SPACE_FILES, NULL, "x", 1, NULL, NULL, NULL),
            VAULT_E_USAGE);
  vt_status(vault_folder_create(NULL, &me, VAULT_SPACE_FILES, NULL, "x", 1, NULL, &items, NULL),
            VAULT_E_USAGE);
  vt_status(vault_folder_create(v, NULL, VAULT_SPACE_FILES, NULL, "x", 1, NULL, &items, NULL),
            VAULT_E_USAGE);
  ck_assert_ptr_null(items);
}
END_TEST

START_TEST(refuses_the_65th_level) {
  vault_id at = {{0}};
  for (unsigned i = 0; i < VAULT_PATH_DEPTH_MAX; i++)
    vt_ok(vt_folder(v, &me, &at, "d", &at));
  vt_status(vt_folder(v, &me, &at, "d", NULL), VAULT_E_DEPTH);
  vault_upload_opts opts = vt_at("f", 0, 0);
  opts.parent = at;
  vt_status(vault_put(v, &me, &opts, "x", 1, NULL, NULL, NULL), VAULT_E_DEPTH);
  vault_id a, b;
  vault_item_patch patch = move_to(&at);
  vt_ok(vt_folder(v, &me, NULL, "a", &a));
  vt_ok(vt_folder(v, &me, &a, "b", &b));
  vt_status(update(&a, &patch, NULL, NULL), VAULT_E_DEPTH);
}
END_TEST

START_TEST(a_key_is_done_once) {
  vault_guard guard = {.size = sizeof guard, .op_key = {"k1", 2}};
  vault_items *first = NULL, *again = NULL;
  vt_ok(vault_folder_create(v, &me, VAULT_SPACE_FILES, NULL, "a", 1, &guard, &first, NULL));
  vt_ok(vault_folder_create(v, &me, VAULT_SPACE_FILES, NULL, "a", 1, &guard, &again, NULL));
  vault_id id = vault_items_rows(first, NULL, NULL)->id;
  ck_assert_mem_eq(&vault_items_rows(again, NULL, NULL)->id, &id, sizeof id);
  vault_items_free(first);
  vault_items_free(again);
  vault_item_patch patch = rename_to("b");
  vt_status(update(&id, &patch, &guard, NULL), VAULT_E_IDEMPOTENCY_KEY);
  char key[VAULT_OP_KEY_MAX + 1] = {0};
  guard.op_key = (vault_str){key, sizeof key};
  vt_status(update(&id, &patch, &guard, NULL), VAULT_E_INPUT);
}
END_TEST

START_TEST(finds_by_id_and_path) {
  vault_id file;
  vault_items *items = NULL;
  vt_ok(vt_put(v, &me, "a/b.txt", "hello", &file));
  vt_ok(vault_item_get(v, &me, &file, &items, NULL));
  const vault_item_view *row = vault_items_rows(items, NULL, NULL);
  ck_assert_uint_eq(row->size_bytes, 5);
  ck_assert_uint_eq(row->n_versions, 1);
  ck_assert_int_eq(row->trashed_ms, 0);
  vault_items_free(items);
  items = NULL;
  vt_status(vault_item_get(v, &other, &file, &items, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_item_get(v, &me, NULL, &items, NULL), VAULT_E_USAGE);
  vt_status(vt_lookup(v, &me, "a/none", NULL), VAULT_E_NOT_FOUND);
  vt_status(vt_lookup(v, &other, "a/b.txt", NULL), VAULT_E_NOT_FOUND);
  vt_status(vt_lookup(v, &me, "a/b.txt/c", NULL), VAULT_E_NOT_A_FOLDER);
  vt_status(vt_lookup(v, &me, "a/../b", NULL), VAULT_E_NAME);
  vt_status(vt_lookup(v, &me, "/", NULL), VAULT_E_NAME);
  vt_status(vault_item_lookup(v, &me, VAULT_SPACE_FILES, NULL, 0, &items, NULL), VAULT_E_USAGE);
  ck_assert_ptr_null(items);
}
END_TEST

static vault_status list(const vault_id *parent, vault_str cursor, uint32_t limit,
                         vault_items **out) {
  return vault_item_list(v, &me, VAULT_SPACE_FILES, parent, cursor.p, cursor.n, limit, out, NULL);
}

START_TEST(lists_in_pages) {
  vault_id dir, file;
  vault_items *page = NULL;
  char name[8];
  const vault_str start = {NULL, 0}, bad = {"!!", 2};
  vt_ok(vt_folder(v, &me, NULL, "dir", &dir));
  for (int i = 0; i < 5; i++) {
    (void)snprintf(name, sizeof name, "dir/%d", i);
    vt_ok(vt_put(v, &me, name, name, &file));
  }
  uint64_t seen = 0;
  char cursor[4096];
  vault_str at = start;
  do {
    vt_ok(list(&dir, at, 2, &page));
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
  vt_status(list(&file, start, 0, &page), VAULT_E_NOT_A_FOLDER);
  vault_id nobody = {{9}};
  vt_status(list(&nobody, start, 0, &page), VAULT_E_NOT_FOUND);
  vt_status(list(&dir, bad, 0, &page), VAULT_E_CURSOR);
  vt_status(list(&dir, start, VAULT_LIST_MAX + 1, &page), VAULT_E_TOO_LARGE);
  vt_status(vault_item_list(v, &other, VAULT_SPACE_FILES, &dir, NULL, 0, 0, &page, NULL),
            VAULT_E_NOT_FOUND);
  ck_assert_ptr_null(page);
  vault_id empty;
  vt_ok(vt_folder(v, &me, NULL, "empty", &empty));
  vt_ok(list(&empty, start, 0, &page));
  ck_assert_uint_eq(vt_count(page), 0);
  vault_items_free(page);
}
END_TEST

START_TEST(renames_and_moves) {
  vault_id a, b, file, nobody = {{9}};
  vault_item_view row;
  vt_ok(vt_folder(v, &me, NULL, "a", &a));
  vt_ok(vt_folder(v, &me, &a, "b", &b));
  vt_ok(vt_put(v, &me, "f.txt", "one", &file));
  vault_item_patch patch = rename_to("g.txt");
  vt_ok(update(&file, &patch, NULL, NULL));
  vt_ok(vt_lookup(v, &me, "g.txt", &row));
  vault_guard stale = {.size = sizeof stale, .flags = VAULT_GUARD_SEQ, .seq = row.seq - 1};
  vt_status(update(&file, &patch, &stale, NULL), VAULT_E_PRECONDITION);
  patch = move_to(&b);
  vt_ok(update(&file, &patch, NULL, NULL));
  vt_content(v, &me, "a/b/g.txt", "one");
  vt_status(update(&a, &patch, NULL, NULL), VAULT_E_CYCLE);
  vt_status(update(&b, &patch, NULL, NULL), VAULT_E_CYCLE);
  patch = move_to(&nobody);
  vt_status(update(&file, &patch, NULL, NULL), VAULT_E_PARENT_NOT_FOUND);
  patch = move_to(&file);
  vt_status(update(&a, &patch, NULL, NULL), VAULT_E_NOT_A_FOLDER);
  vt_status(update(&nobody, &patch, NULL, NULL), VAULT_E_NOT_FOUND);
  patch = rename_to("a/b");
  vt_status(update(&file, &patch, NULL, NULL), VAULT_E_NAME);
  patch.flags = 0;
  vt_status(update(&file, &patch, NULL, NULL), VAULT_E_USAGE);
  patch.flags = 64;
  vt_status(update(&file, &patch, NULL, NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(a_taken_name_is_told) {
  vault_id a, b;
  vault_err err = VAULT_ERR_INIT;
  vt_ok(vt_put(v, &me, "a", "1", &a));
  vt_ok(vt_put(v, &me, "b", "2", &b));
  vault_item_patch patch = rename_to("A");
  vt_status(update(&b, &patch, NULL, &err), VAULT_E_NAME_TAKEN);
  ck_assert_mem_eq(err.item.b, a.b, sizeof a.b);
  vt_ok(update(&a, &patch, NULL, NULL)); /* only the case of its own name */
  vault_item_patch date = {.size = sizeof date,
                           .flags = VAULT_UPDATE_MTIME,
                           .mtime_ns = -1000000001};
  vault_item_view row;
  vt_ok(update(&a, &date, NULL, NULL));
  vt_ok(vt_lookup(v, &me, "A", &row));
  ck_assert_int_eq(row.mtime_ns, -1000000001);
}
END_TEST

START_TEST(reads_ranges) {
  vault_id file, folder, nobody = {{9}};
  vault_reader *r = NULL;
  char buf[16];
  uint64_t got = 0;
  vt_ok(vt_folder(v, &me, NULL, "d", &folder));
  vt_ok(vt_put(v, &me, "d/f", "0123456789", &file));
  vt_ok(vault_read_open(v, &me, &file, NULL, 3, 4, &r, NULL));
  vt_ok(vault_read_next(r, buf, 2, &got, NULL));
  ck_assert_uint_eq(got, 2);
  vt_status(vault_close(v, NULL), VAULT_E_BUSY);
  vt_ok(vault_read_next(r, buf + 2, sizeof buf - 2, &got, NULL));
  ck_assert_mem_eq(buf, "3456", 4);
  vt_ok(vault_read_next(r, buf, sizeof buf, &got, NULL));
  ck_assert_uint_eq(got, 0);
  vt_ok(vault_read_range(r, 8, 9, NULL)); /* another range, after the end of the first */
  vt_status(vault_read_range(r, 10, 1, NULL), VAULT_E_RANGE); /* which changes nothing */
  ck_assert_uint_eq(vault_reader_get(r)->length, 2);
  vt_ok(vault_read_next(r, buf, 1, &got, NULL));
  vt_ok(vault_read_range(r, 1, 3, NULL)); /* and in the middle of one */
  vt_ok(vault_read_next(r, buf, sizeof buf, &got, NULL));
  ck_assert_uint_eq(got, 3);
  ck_assert_mem_eq(buf, "123", 3);
  vt_status(vault_read_range(NULL, 0, 1, NULL), VAULT_E_USAGE);
  vault_reader_free(r);
  r = NULL;
  vt_status(vault_read_open(v, &me, &file, NULL, 10, 1, &r, NULL), VAULT_E_RANGE);
  vt_status(vault_read_open(v, &me, &folder, NULL, 0, 1, &r, NULL), VAULT_E_IS_A_FOLDER);
  vt_status(vault_read_open(v, &other, &file, NULL, 0, 1, &r, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_read_open(v, &me, &file, &nobody, 0, 1, &r, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_read_open(v, &me, NULL, NULL, 0, 1, &r, NULL), VAULT_E_USAGE);
  ck_assert_ptr_null(r);
  vt_ok(vt_put(v, &me, "empty", "", &file));
  vt_ok(vault_read_open(v, &me, &file, NULL, 0, VAULT_TO_END, &r, NULL));
  vt_status(vault_read_range(r, 1, 1, NULL), VAULT_E_RANGE);
  vt_ok(vault_read_next(r, buf, sizeof buf, &got, NULL));
  ck_assert_uint_eq(got, 0);
  vault_reader_free(r);
}
END_TEST

START_TEST(older_versions_stay_readable) {
  vault_id file;
  vault_item_view first;
  vault_reader *r = NULL;
  char buf[8];
  uint64_t got = 0;
  vt_ok(vt_put(v, &me, "f", "one", &file));
  vt_ok(vt_lookup(v, &me, "f", &first));
  vt_ok(vt_put(v, &me, "f", "second", NULL));
  vt_content(v, &me, "f", "second");
  vt_ok(vault_read_open(v, &me, &file, &first.version, 0, VAULT_TO_END, &r, NULL));
  vt_ok(vault_read_next(r, buf, sizeof buf, &got, NULL));
  ck_assert_uint_eq(got, 3);
  vault_reader_free(r);
  vault_usage usage = vt_usage(v, &me);
  ck_assert_uint_eq(usage.live_bytes, 6);
  ck_assert_uint_eq(usage.versions_bytes, 3);
  ck_assert_uint_eq(usage.used_bytes, 9);
  ck_assert_uint_eq(usage.files, 1);
}
END_TEST

/* What stands under the blob's name is not what the row says. */
START_TEST(damage_is_told_and_not_served) {
  vault_id file;
  vault_item_row stored;
  vault_blob_row blob;
  vault_reader *r = NULL;
  char buf[8];
  uint64_t got = 77;
  vault_check_report report = {.size = sizeof report};
  v->settings.inline_max_bytes = VAULT_INLINE_OFF;
  vt_ok(vt_put(v, &me, "f", "hello", &file));
  vt_ok(w->v->items->get_item(w->v->items_self, &me.user, &file, &stored, NULL));
  vt_ok(w->v->items->get_blob(w->v->items_self, &stored.blob, &blob, NULL));
  vt_ok(w->v->blobs->remove(w->v->blobs_self, &blob.key, NULL));
  vt_ok(vault_read_open(v, &me, &file, NULL, 0, VAULT_TO_END, &r, NULL));
  vt_status(vault_read_next(r, buf, sizeof buf, &got, NULL), VAULT_E_NOT_FOUND);
  ck_assert_uint_eq(got, 77);
  vault_reader_free(r);
  vt_ok(vault_admin_check(v, 0, &report, NULL));
  ck_assert_uint_eq(report.missing, 1);
  /* The same bytes once more, elsewhere: they must not lean on a blob that is gone. */
  vt_ok(vt_put(v, &me, "again", "hello", NULL));
  vt_content(v, &me, "again", "hello");
  /* And in the same place: what is said to be stored can be read. */
  vt_ok(vt_put(v, &me, "f", "hello", NULL));
  vt_content(v, &me, "f", "hello");
  /* Put back what teardown wants to find whole. */
  vault_blob_writer *b = NULL;
  vault_blob_meta meta = {.size = sizeof meta};
  vt_ok(v->blobs->begin(v->blobs_self, &blob.key, 0, &b, NULL));
  vt_ok(v->blobs->write(v->blobs_self, b, "hello", 5, NULL));
  vt_ok(v->blobs->seal(v->blobs_self, b, &meta, NULL));
  vt_ok(v->blobs->publish(v->blobs_self, b, NULL));
  v->blobs->discard(v->blobs_self, b, 0);
}
END_TEST

START_TEST(usage_needs_a_user) {
  vault_usage usage = {.size = sizeof usage};
  vault_principal nobody = me;
  nobody.user.b[3] ^= 1;
  vt_status(vault_usage_get(v, &nobody, &usage, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_usage_get(v, &me, NULL, NULL), VAULT_E_USAGE);
  usage.size = 4;
  vt_status(vault_usage_get(v, &me, &usage, NULL), VAULT_E_USAGE);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {
    makes_folders_and_says_why_not, refuses_the_65th_level, a_key_is_done_once,
    finds_by_id_and_path,           lists_in_pages,         renames_and_moves,
    a_taken_name_is_told,           reads_ranges,           older_versions_stay_readable,
    damage_is_told_and_not_served,  usage_needs_a_user,     NULL};
  return vt_suite_with("files", tests, setup, teardown);
}

VT_MAIN(suite)
