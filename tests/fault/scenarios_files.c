#include <stdlib.h>
#include <string.h>

#include "libvault/usecases/handle.h"
#include "scenarios.h"
#include "tests/support/vt_main.h"

/* ---- shared helpers --------------------------------------------------------------------------- */

vault_status vt_put(vt_world *w, const char *path, const char *body, vault_id *item) {
  vault_upload_opts opts = {.size = sizeof opts,
                            .flags = VAULT_UP_MTIME,
                            .space = VAULT_SPACE_FILES,
                            .path = {path, strlen(path)},
                            .mtime_ns = 1234567890};
  vault_items *items = NULL;
  uint32_t outcome = 0;
  vault_status s = vault_put(w->v, &w->who, &opts, body, strlen(body), &items, &outcome, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(items);
    ck_assert_uint_eq(outcome, 0);
    return s;
  }
  if (item)
    *item = vault_items_rows(items, NULL, NULL)->id;
  vault_items_free(items);
  return VAULT_OK;
}

static vault_status lookup(vt_world *w, const char *path, vault_id *item) {
  vault_items *items = NULL;
  vault_status s =
    vault_item_lookup(w->v, &w->who, VAULT_SPACE_FILES, path, strlen(path), &items, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(items);
    return s;
  }
  *item = vault_items_rows(items, NULL, NULL)->id;
  vault_items_free(items);
  return VAULT_OK;
}

static vault_status read_all(vt_world *w, const vault_id *item, char *out, uint64_t room,
                             uint64_t *n, uint64_t step) {
  vault_reader *r = NULL;
  uint64_t at = 0, got = 0;
  vault_status s = vault_read_open(w->v, &w->who, item, NULL, 0, VAULT_TO_END, &r, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(r);
    return s;
  }
  ck_assert_uint_le(vault_reader_get(r)->size_bytes, room);
  s = vault_read_range(r, 0, VAULT_TO_END, NULL);
  while (s == VAULT_OK) {
    s = vault_read_next(r, out + at, room - at < step ? room - at : step, &got, NULL);
    if (s != VAULT_OK || got == 0)
      break;
    at += got;
  }
  vault_reader_free(r);
  *n = at;
  return s;
}

void vt_expect_content(vt_world *w, const char *path, const char *body) {
  char buf[256];
  vault_id item;
  uint64_t n = 0;
  vt_ok(lookup(w, path, &item));
  vt_ok(read_all(w, &item, buf, sizeof buf, &n, 3));
  ck_assert_uint_eq(n, strlen(body));
  ck_assert_mem_eq(buf, body, n);
}

void vt_expect_nothing(vt_world *w, const char *path) {
  vault_id item;
  vt_status(lookup(w, path, &item), VAULT_E_NOT_FOUND);
}

/* ---- scenarios ------------------------------------------------------------------------------------ */

static void prepare_tree(vt_world *w) {
  vt_ok(vt_put(w, "a/b/one.txt", "first", NULL));
  vt_ok(vt_put(w, "a/b/two.txt", "second", NULL));
  vt_ok(vt_put(w, "a/three.txt", "third", NULL));
}

/* A try whose answer was lost may have made it: then the name is taken, by a folder. */
static vault_status act_folder(vt_world *w) {
  vault_guard guard = {.size = sizeof guard, .op_key = {"folder-1", 8}};
  vault_items *items = NULL;
  vault_status s =
    vault_folder_create(w->v, &w->who, VAULT_SPACE_FILES, NULL, "Klasör", 7, &guard, &items, NULL);
  ck_assert(s == VAULT_OK || items == NULL);
  vault_items_free(items);
  return s;
}

static void verify_folder(vt_world *w) {
  vault_id item;
  vt_ok(lookup(w, "klasör", &item));
}

static vault_status act_look(vt_world *w) {
  char buf[64];
  vault_id item;
  uint64_t n = 0;
  vault_items *items = NULL;
  vault_status s = lookup(w, "a/b/one.txt", &item);
  if (s == VAULT_OK)
    s = vault_item_get(w->v, &w->who, &item, &items, NULL);
  ck_assert(s == VAULT_OK || items == NULL);
  vault_items_free(items);
  return s == VAULT_OK ? read_all(w, &item, buf, sizeof buf, &n, 3) : s;
}

#define LARGE_BYTES (VAULT_CHAIN_STEP + 1) /* two pieces, so that there is a chain */

static void prepare_large(vt_world *w) {
  vault_upload_opts opts = {.size = sizeof opts, .space = VAULT_SPACE_FILES, .path = {"large", 5}};
  uint8_t *body = calloc(1, LARGE_BYTES);
  ck_assert_ptr_nonnull(body);
  prepare_tree(w);
  vt_ok(vault_put(w->v, &w->who, &opts, body, LARGE_BYTES, NULL, NULL, NULL));
  free(body);
}

/* A small body and both pieces of a file. No failure is taken for damage. */
static vault_status act_read_verified(vt_world *w) {
  char small[16];
  uint8_t *body = malloc(LARGE_BYTES);
  vault_id item;
  uint64_t n = 0;
  ck_assert_ptr_nonnull(body);
  w->v->settings.verify_reads = 1;
  vault_status s = lookup(w, "a/three.txt", &item);
  if (s == VAULT_OK)
    s = read_all(w, &item, small, sizeof small, &n, 3);
  if (s == VAULT_OK)
    s = lookup(w, "large", &item);
  if (s == VAULT_OK)
    s = read_all(w, &item, (char *)body, LARGE_BYTES, &n, LARGE_BYTES);
  free(body);
  if (s == VAULT_OK)
    ck_assert_uint_eq(n, LARGE_BYTES);
  ck_assert_uint_eq(vault_admin_damaged_reads(w->v), 0);
  return s;
}

static vault_status act_list(vt_world *w) {
  vault_items *page = NULL, *rest = NULL;
  uint64_t n = 0;
  vault_id folder;
  vault_status s = lookup(w, "a/b", &folder);
  if (s == VAULT_OK)
    s = vault_item_list(w->v, &w->who, VAULT_SPACE_FILES, &folder, NULL, 0, 1, &page, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(page);
    return s;
  }
  vault_str cursor = vault_items_cursor(page);
  ck_assert_uint_gt(cursor.n, 0);
  s =
    vault_item_list(w->v, &w->who, VAULT_SPACE_FILES, &folder, cursor.p, cursor.n, 1, &rest, NULL);
  if (s == VAULT_OK) {
    const vault_item_view *row = vault_items_rows(rest, &n, NULL);
    ck_assert(n == 1 && row->name.n == 7 && memcmp(row->name.p, "two.txt", 7) == 0);
    ck_assert_uint_eq(vault_items_cursor(rest).n, 0);
  }
  vault_items_free(rest);
  vault_items_free(page);
  return s;
}

static vault_status act_move(vt_world *w) {
  vault_items *items = NULL;
  vault_id item, target;
  vault_status s = lookup(w, "a/three.txt", &item);
  if (s == VAULT_E_NOT_FOUND) /* the try whose answer was lost had moved it */
    return lookup(w, "a/b/moved.txt", &item);
  if (s == VAULT_OK)
    s = lookup(w, "a/b", &target);
  if (s != VAULT_OK)
    return s;
  vault_item_patch patch = {.size = sizeof patch,
                            .flags = VAULT_UPDATE_PARENT | VAULT_UPDATE_NAME | VAULT_UPDATE_MTIME,
                            .parent = target,
                            .name = {"moved.txt", 9},
                            .mtime_ns = -1};
  s = vault_item_update(w->v, &w->who, &item, &patch, NULL, &items, NULL);
  ck_assert(s == VAULT_OK || items == NULL);
  vault_items_free(items);
  return s;
}

static void verify_move(vt_world *w) {
  vt_expect_nothing(w, "a/three.txt");
  vt_expect_content(w, "a/b/moved.txt", "third");
}

static vault_status trash(vt_world *w, const char *path) {
  vault_items *items = NULL;
  vault_id item;
  vault_status s = lookup(w, path, &item);
  if (s != VAULT_OK)
    return s;
  s = vault_trash_move(w->v, &w->who, &item, NULL, &items, NULL);
  ck_assert(s == VAULT_OK || items == NULL);
  vault_items_free(items);
  return s;
}

static vault_status act_trash(vt_world *w) {
  vault_status s = trash(w, "a/b");
  return s == VAULT_E_NOT_FOUND ? VAULT_OK : s;
}

static void verify_trash(vt_world *w) {
  vault_usage usage = {.size = sizeof usage};
  vt_expect_nothing(w, "a/b/one.txt");
  vt_expect_content(w, "a/three.txt", "third");
  vt_ok(vault_usage_get(w->v, &w->who, &usage, NULL));
  ck_assert_uint_eq(usage.trash_bytes, 11);
  ck_assert_uint_eq(usage.live_bytes, 5);
}

static void prepare_trash(vt_world *w) {
  prepare_tree(w);
  vt_ok(trash(w, "a/b"));
}

static vault_status first_in_trash(vt_world *w, vault_id *item, uint64_t *n) {
  vault_items *items = NULL;
  vault_status s = vault_trash_list(w->v, &w->who, NULL, 0, 0, &items, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(items);
    return s;
  }
  const vault_item_view *row = vault_items_rows(items, n, NULL);
  if (*n)
    *item = row->id;
  vault_items_free(items);
  return VAULT_OK;
}

static vault_status act_restore(vt_world *w) {
  vault_items *items = NULL;
  vault_id item;
  uint64_t n = 0;
  vault_status s = first_in_trash(w, &item, &n);
  if (s != VAULT_OK || n == 0)
    return s;
  s = vault_trash_restore(w->v, &w->who, &item, NULL, NULL, &items, NULL);
  ck_assert(s == VAULT_OK || items == NULL);
  vault_items_free(items);
  return s;
}

static void verify_restore(vt_world *w) {
  vt_expect_content(w, "a/b/one.txt", "first");
  vt_expect_content(w, "a/b/two.txt", "second");
}

static vault_status act_purge(vt_world *w) {
  vault_id item;
  uint64_t n = 0;
  vault_status s = first_in_trash(w, &item, &n);
  return s != VAULT_OK || n == 0 ? s : vault_trash_purge(w->v, &w->who, &item, NULL, NULL);
}

static void verify_purge(vt_world *w) {
  vault_usage usage = {.size = sizeof usage};
  vt_expect_nothing(w, "a/b/one.txt");
  vt_ok(vault_usage_get(w->v, &w->who, &usage, NULL));
  ck_assert_uint_eq(usage.used_bytes, 5);
}

static void prepare_purged(vt_world *w) {
  prepare_trash(w);
  vt_ok(act_purge(w));
}

#define DAY_MS INT64_C(86400000)

/* Jobs in `rounds` rounds, with time in between. One that fails is tried again by itself. */
static vault_status run_jobs(vt_world *w, int rounds, int64_t pause_ms) {
  vault_jobs_report report = {.size = sizeof report};
  for (int i = 0; i < rounds; i++) {
    w->now_ms += pause_ms;
    vault_status s = vault_jobs_run(w->v, 10000, &report, NULL);
    if (s != VAULT_OK)
      return s;
    if (report.failed)
      return VAULT_E_RETRY;
  }
  return VAULT_OK;
}

/* Marking, taking, unlinking: two grace periods. */
static vault_status act_collect(vt_world *w) {
  return run_jobs(w, 4, DAY_MS);
}

static void verify_collect(vt_world *w) {
  vault_check_report r = {.size = sizeof r};
  vt_ok(vault_admin_check(w->v, 0, &r, NULL));
  ck_assert_uint_eq(r.blobs, 1); /* a/three.txt */
  ck_assert_uint_eq(r.orphans, 0);
}

/* Small bodies of several users' folders in the database, two with the same bytes, one purged. */
static void prepare_inline(vt_world *w) {
  vault_id gone;
  vault_items *items = NULL;
  prepare_tree(w);
  vt_ok(vt_put(w, "c/same.txt", "first", NULL));
  vt_ok(vt_put(w, "gone.txt", "gone", &gone));
  vt_ok(vault_trash_move(w->v, &w->who, &gone, NULL, &items, NULL));
  vault_items_free(items);
  vt_ok(vault_trash_purge(w->v, &w->who, &gone, NULL, NULL));
}

#define QUIET_MS INT64_C(600000) /* longer than a failed job waits */

static vault_status act_spill(vt_world *w) {
  return run_jobs(w, 2, QUIET_MS);
}

static void verify_spill(vt_world *w) {
  vault_inline_report left = {.size = sizeof left};
  vault_check_report r = {.size = sizeof r};
  vt_ok(vault_admin_inline(w->v, &left, NULL));
  if (left.stops == 0) { /* a store that was full is looked at again later */
    ck_assert_uint_eq(left.count, 0);
    ck_assert_uint_eq(left.bytes, 0);
  }
  ck_assert_uint_eq(left.refused, 0);
  vt_ok(vault_admin_check(w->v, 0, &r, NULL));
  ck_assert_uint_eq(r.missing + r.wrong_size + r.orphans, 0);
  vt_expect_content(w, "a/b/one.txt", "first");
  vt_expect_content(w, "a/b/two.txt", "second");
  vt_expect_content(w, "a/three.txt", "third");
  vt_expect_content(w, "c/same.txt", "first");
}

static vault_status act_inline_report(vt_world *w) {
  vault_inline_report left = {.size = sizeof left};
  vault_status s = vault_admin_inline(w->v, &left, NULL);
  ck_assert_uint_eq(left.count, s == VAULT_OK ? 3 : 0); /* two items share one; one is purged */
  return s;
}

static vault_status act_usage(vt_world *w) {
  vault_usage usage = {.size = sizeof usage};
  vault_status s = vault_usage_get(w->v, &w->who, &usage, NULL);
  if (s == VAULT_OK)
    ck_assert_uint_eq(usage.used_bytes, 16);
  else
    ck_assert_uint_eq(usage.quota_bytes, 0);
  return s;
}

const vt_scenario vt_file_scenarios[] = {
  {"make a folder", NULL, act_folder, verify_folder, 0},
  {"look up and read", prepare_tree, act_look, NULL, 0},
  {"read verified", prepare_large, act_read_verified, NULL, 0},
  {"list in pages", prepare_tree, act_list, NULL, 0},
  {"move and rename", prepare_tree, act_move, verify_move, 0},
  {"move to the trash", prepare_tree, act_trash, verify_trash, 0},
  {"restore", prepare_trash, act_restore, verify_restore, 0},
  {"purge", prepare_trash, act_purge, verify_purge, 0},
  {"collect blobs", prepare_purged, act_collect, verify_collect, 0},
  {"spill", prepare_inline, act_spill, verify_spill, 0},
  {"what waits to be spilled", prepare_inline, act_inline_report, NULL, 0},
  {"usage", prepare_tree, act_usage, NULL, 0},
};
const int vt_n_file_scenarios = sizeof vt_file_scenarios / sizeof *vt_file_scenarios;
