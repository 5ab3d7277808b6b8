/* What the jobs make of uploads and blobs that a dead process, or a failed call, left. */
#include <string.h>

#include "libvault/base/err.h"
#include "libvault/usecases/upload.h"
#include "tests/support/vt_files.h"

#define DAY_MS INT64_C(86400000)

static vt_world *w;
static vault *v;
static vault_principal me;

/* The store of the vault, with methods of the test in front. */
static const vault_blob_store_ops *real;
static vault_blob_store_ops mine;
static int confirm_fails, confirmed;
static vault_id stuck; /* a blob that cannot be removed */

static vault_status confirm(void *self, const vault_blob_key *key, vault_err *err) {
  (void)self, (void)key, (void)err;
  confirmed++;
  return confirm_fails ? VAULT_E_IO : VAULT_OK;
}

static vault_status remove_blob(void *self, const vault_blob_key *key, vault_err *err) {
  if (memcmp(&key->blob, &stuck, sizeof stuck) == 0)
    return VAULT_E_IO;
  return real->remove(self, key, err);
}

/* Small bodies, and yet files from the start. */
static void setup(void) {
  const vault_settings settings = {.size = sizeof settings, .inline_max_bytes = VAULT_INLINE_OFF};
  w = vt_vault_open(&settings);
  v = w->v;
  me = vt_who(w, VT_PHONE);
  real = v->blobs;
  mine = *real;
  mine.size = sizeof mine;
  mine.confirm = confirm;
  mine.remove = remove_blob;
  v->blobs = &mine;
  confirm_fails = confirmed = 0;
  memset(&stuck, 0, sizeof stuck);
}

static void teardown(void) {
  v->blobs = real;
  ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
  vt_clean(v);
  vt_vault_close(w);
}

/* An upload whose process died between its steps L5 and L6. */
static void leave_published(const char *path, const char *body) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at(path, strlen(body), VAULT_UP_RESUMABLE);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, body, strlen(body), NULL));
  vt_ok(vault_upload_seal(u, NULL));
  vt_ok(vault__upload_publish(u, NULL));
  vault_upload_suspend(u);
}

/* On a shared database another process might still be at work: its time must be over. */
static void later(void) {
  vt_pass(w, DAY_MS + 3600000);
}

START_TEST(a_published_body_is_finished) {
  leave_published("f", "bytes");
  later();
  vt_run_jobs(w);
  vt_content(v, &me, "f", "bytes");
  ck_assert_int_eq(confirmed, 1);
}
END_TEST

START_TEST(it_becomes_the_next_version) {
  vt_ok(vt_put(v, &me, "f", "one", NULL));
  leave_published("f", "two");
  later();
  vt_run_jobs(w);
  vt_content(v, &me, "f", "two");
}
END_TEST

/* Nobody was told that it succeeded; what came later was acknowledged. */
START_TEST(it_never_covers_what_is_newer) {
  vault_item_view row;
  leave_published("f", "old");
  vt_ok(vt_put(v, &me, "f", "new", NULL));
  later();
  vt_run_jobs(w);
  vt_content(v, &me, "f", "new");
  vt_ok(vt_lookup(v, &me, "f", &row));
  ck_assert_uint_eq(row.n_versions, 1);
}
END_TEST

/* The process may have died before it flushed the name: no row before that is made good. */
START_TEST(no_row_before_the_name_is_durable) {
  leave_published("f", "bytes");
  confirm_fails = 1;
  later();
  vt_run_jobs(w);
  ck_assert_int_ge(confirmed, 1);
  vt_status(vt_lookup(v, &me, "f", NULL), VAULT_E_NOT_FOUND);
  confirm_fails = 0;
  later();
  vt_run_jobs(w);
  vt_content(v, &me, "f", "bytes");
}
END_TEST

START_TEST(one_stuck_blob_does_not_stop_collection) {
  vault_id file;
  vault_item_row row;
  vault_check_report r = {.size = sizeof r};
  vault_items *items = NULL;
  const char *const names[] = {"a", "b", "c"};
  for (unsigned i = 0; i < 3; i++) {
    vt_ok(vt_put(v, &me, names[i], names[i], &file));
    vt_ok(v->items->get_item(v->items_self, &me.user, &file, &row, NULL));
    if (i == 0)
      stuck = row.blob;
    vt_ok(vault_trash_move(v, &me, &file, NULL, &items, NULL));
    vault_items_free(items);
    vt_ok(vault_trash_purge(v, &me, &file, NULL, NULL));
  }
  for (int pass = 0; pass < 3; pass++) {
    later();
    vt_run_jobs(w);
  }
  vault_blob_entry entries[4];
  char cursor[VAULT_BLOB_PATH_MAX] = "";
  uint64_t n = 0;
  vt_ok(v->blobs->list(v->blobs_self, cursor, entries, 4, &n, NULL));
  ck_assert_uint_eq(n, 1);
  memset(&stuck, 0, sizeof stuck);
  later();
  vt_run_jobs(w);
  memset(cursor, 0, sizeof cursor);
  vt_ok(v->blobs->list(v->blobs_self, cursor, entries, 4, &n, NULL));
  ck_assert_uint_eq(n, 0);
  vt_ok(vault_admin_check(v, 0, &r, NULL));
  ck_assert_uint_eq(r.blobs, 0);
}
END_TEST

/* A blob that is taken between the look at it and the commit: the bytes are stored anew. */
START_TEST(sharing_loses_against_collection) {
  vault_upload *u = NULL;
  vault_id file;
  vault_items *items = NULL;
  vt_ok(vt_put(v, &me, "a", "same", &file));
  vault_upload_opts opts = vt_at("b", 4, 0);
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, "same", 4, NULL));
  vt_ok(vault_upload_seal(u, NULL));
  ck_assert_int_eq(u->is_shared, 1);
  vt_ok(vault_trash_move(v, &me, &file, NULL, &items, NULL));
  vault_items_free(items);
  vt_ok(vault_trash_purge(v, &me, &file, NULL, NULL));
  for (int pass = 0; pass < 3; pass++) {
    later();
    vt_run_jobs(w);
  }
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  vt_content(v, &me, "b", "same");
}
END_TEST

/* ---- two processes ---- */

static const vault_items_repo_ops *real_items;
static int committed; /* by the other process, under its lease */

/* This process's commit is late: meanwhile another one has taken the upload's lease (its time was
 * over), and may have committed it; and what this one is told is that it shall try again. */
static vault_status late_commit(void *self, const vault_commit_item *m, uint64_t n,
                                vault_commit_result *r, vault_err *err) {
  vault_upload_row row;
  vault_commit_item theirs = *m;
  vt_ok(real_items->lease_upload(self, &m->blob.user, &m->upload, VAULT_FENCE_ANY, v->owner, &row,
                                 NULL, err));
  theirs.fence = row.fence;
  if (committed)
    vt_ok(real_items->commit(self, &theirs, n, r, err));
  r->status = VAULT_E_RETRY;
  return VAULT_OK;
}

static void fail_late(void) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at("f", 5, 0);
  vault_items_repo_ops items = *v->items;
  vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
  vt_ok(vault_upload_append(u, "bytes", 5, NULL));
  real_items = v->items;
  items.size = sizeof items;
  items.commit = late_commit;
  v->items = &items;
  v->caps &= ~VAULT_CAP_EXCLUSIVE;
  vt_status(vault_upload_finish(u, NULL, NULL, NULL), VAULT_E_RETRY);
  v->caps |= VAULT_CAP_EXCLUSIVE;
  v->items = real_items;
}

START_TEST(what_another_process_committed_stays) {
  committed = 1;
  fail_late();
  vt_content(v, &me, "f", "bytes");
}
END_TEST

START_TEST(what_another_process_works_on_stays) {
  committed = 0;
  fail_late();
  later();
  vt_run_jobs(w); /* as that process would */
  vt_content(v, &me, "f", "bytes");
}
END_TEST

static vault_id cancelled;
static int died; /* the process, before it removed anything */

/* Between lease and removal another process takes the next lease, and would commit. */
static vault_status remove_late(void *self, const vault_blob_key *key, vault_err *err) {
  vault_upload_row row;
  vault_commit_result r = {.size = sizeof r};
  vault_commit_item m = {.size = sizeof m,
                         .kind = VAULT_COMMIT_FINISH,
                         .flags = VAULT_COMMIT_REMEMBER,
                         .upload = cancelled,
                         .blob = *key,
                         .size_bytes = 3,
                         .now_ms = w->clock.now_ms};
  vault_name name = {.text = VAULT__STR("f"), .key = VAULT__STR("f")};
  vt_ok(v->items->lease_upload(v->items_self, &me.user, &cancelled, VAULT_FENCE_ANY, v->owner, &row,
                               NULL, NULL));
  ck_assert_int_le(row.expires_ms, m.now_ms); /* so no client goes on with it */
  m.fence = row.fence;
  m.path = &name;
  m.n_path = 1;
  vt_ok(vault__new_id(v, &m.new_item, NULL));
  vt_ok(vault__new_id(v, &m.new_version, NULL));
  vt_ok(v->items->commit(v->items_self, &m, 1, &r, NULL));
  vt_status(r.status, VAULT_E_NOT_FOUND);
  return died ? vault__fail(err, VAULT_E_IO, VAULT_ORIGIN_BLOB, 0, "it died here")
              : real->remove(self, key, err);
}

/* Cancelling is in two processes' hands: what one removes the other cannot commit. */
START_TEST(cancelling_is_final) {
  for (died = 0; died < 2; died++) {
    vault_upload *u = NULL;
    vault_upload_opts opts = vt_at("f", 3, VAULT_UP_RESUMABLE);
    vt_ok(vault_upload_begin(v, &me, &opts, &u, NULL));
    cancelled = vault_upload_get(u)->id;
    vt_ok(vault_upload_append(u, "abc", 3, NULL));
    vault_upload_suspend(u);
    mine.remove = remove_late;
    v->caps &= ~VAULT_CAP_EXCLUSIVE;
    ck_assert_int_ne(vault_upload_cancel(v, &me, &cancelled, NULL), VAULT_OK);
    v->caps |= VAULT_CAP_EXCLUSIVE;
    mine.remove = remove_blob;
    vt_status(vt_lookup(v, &me, "f", NULL), VAULT_E_NOT_FOUND);
    later(); /* and what is left goes */
    vt_run_jobs(w);
    ck_assert_uint_eq(vt_usage(v, &me).partial_bytes, 0);
    vt_status(vault_upload_cancel(v, &me, &cancelled, NULL), VAULT_E_NOT_FOUND);
  }
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {a_published_body_is_finished,
                                it_becomes_the_next_version,
                                it_never_covers_what_is_newer,
                                no_row_before_the_name_is_durable,
                                one_stuck_blob_does_not_stop_collection,
                                sharing_loses_against_collection,
                                what_another_process_committed_stays,
                                what_another_process_works_on_stays,
                                cancelling_is_final,
                                NULL};
  return vt_suite_with("settle", tests, setup, teardown);
}

VT_MAIN(suite)
