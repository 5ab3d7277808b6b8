#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "libvault/usecases/handle.h"
#include "scenarios.h"
#include "tests/support/vt_main.h"

static vault_upload_opts at(const char *path, uint64_t length, uint32_t flags) {
  return (vault_upload_opts){.size = sizeof(vault_upload_opts),
                             .flags = flags,
                             .space = VAULT_SPACE_FILES,
                             .path = {path, strlen(path)},
                             .length = length};
}

static vault_status begin(vt_world *w, const vault_upload_opts *opts, vault_upload **u) {
  vault_status s = vault_upload_begin(w->v, &w->who, opts, u, NULL);
  ck_assert(s == VAULT_OK || *u == NULL);
  return s;
}

static vault_status act_put(vt_world *w) {
  return vt_put(w, "d/e/put.txt", "hello", NULL);
}

static void verify_put(vt_world *w) {
  vt_expect_content(w, "d/e/put.txt", "hello");
}

static void prepare_version(vt_world *w) {
  vt_ok(vt_put(w, "d/e/put.txt", "before", NULL));
}

/* The same bytes elsewhere share the blob. */
static void prepare_shared(vt_world *w) {
  vt_ok(vt_put(w, "other.txt", "hello", NULL));
}

/* Bodies of any size become files at once. */
static void prepare_files(vt_world *w) {
  w->v->settings.inline_max_bytes = VAULT_INLINE_OFF;
}

static void prepare_file_version(vt_world *w) {
  prepare_files(w);
  prepare_version(w);
}

static void prepare_file_shared(vt_world *w) {
  prepare_files(w);
  prepare_shared(w);
}

static void prepare_shared_file(vt_world *w) {
  prepare_file_shared(w);
  w->v->settings.inline_max_bytes = VAULT_INLINE_MAX;
}

static vault_status act_unknown_length(vt_world *w) {
  vault_upload *u = NULL;
  vault_items *items = NULL;
  uint32_t outcome = 0;
  vault_upload_opts opts = at("unknown.txt", VAULT_LENGTH_UNKNOWN, 0);
  vault_status s = begin(w, &opts, &u);
  if (s == VAULT_OK)
    s = vault_upload_append(u, "12", 2, NULL);
  if (s == VAULT_OK)
    s = vault_upload_append(u, "345", 3, NULL);
  if (s == VAULT_OK)
    s = vault_upload_seal(u, NULL);
  if (s != VAULT_OK) {
    vault_upload_abort(u);
    return s;
  }
  ck_assert_uint_eq(vault_upload_get(u)->offset, 5);
  s = vault_upload_finish(u, &items, &outcome, NULL);
  ck_assert(s == VAULT_OK || (items == NULL && outcome == 0));
  vault_items_free(items);
  return s;
}

static void verify_unknown_length(vt_world *w) {
  vt_expect_content(w, "unknown.txt", "12345");
}

static vault_status act_abort(vt_world *w) {
  vault_upload *u = NULL;
  vault_upload_opts opts = at("aborted.txt", 100, 0);
  vault_status s = begin(w, &opts, &u);
  if (s == VAULT_OK)
    s = vault_upload_append(u, "12", 2, NULL);
  vault_upload_abort(u);
  return s;
}

static void verify_abort(vt_world *w) {
  vt_expect_nothing(w, "aborted.txt");
}

static vault_status act_resume(vt_world *w) {
  vault_upload *u = NULL, *again = NULL;
  vault_upload_opts opts = at("resumed.txt", 6, VAULT_UP_RESUMABLE);
  vault_status s = begin(w, &opts, &u);
  if (s != VAULT_OK)
    return s;
  vault_id id = vault_upload_get(u)->id;
  s = vault_upload_append(u, "abc", 3, NULL);
  if (s == VAULT_OK)
    s = vault_upload_flush(u, NULL);
  if (s != VAULT_OK) {
    vault_upload_abort(u);
    return s;
  }
  vault_upload_suspend(u);
  s = vault_upload_resume(w->v, &w->who, &id, &again, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(again);
    return s;
  }
  ck_assert_uint_eq(vault_upload_get(again)->durable_offset, 3);
  s = vault_upload_append(again, "def", 3, NULL);
  if (s == VAULT_OK)
    return vault_upload_finish(again, NULL, NULL, NULL);
  vault_upload_abort(again);
  return s;
}

static void verify_resume(vt_world *w) {
  vt_expect_content(w, "resumed.txt", "abcdef");
}

/* Submit two, drive, take their events; a queue that is busy does not close. */
static vault_status submit(vt_world *w, vault_cq *q, const char *path, uint64_t tag) {
  vault_upload *u = NULL;
  vault_upload_opts opts = at(path, strlen(path), 0);
  vault_status s = begin(w, &opts, &u);
  if (s == VAULT_OK)
    s = vault_upload_append(u, path, strlen(path), NULL);
  if (s == VAULT_OK)
    s = vault_upload_submit(u, q, tag, NULL);
  if (s != VAULT_OK)
    vault_upload_abort(u);
  return s;
}

static vault_status take_events(vault_cq *q, uint64_t expected) {
  vault_status worst = VAULT_OK;
  vault_event ev = {.size = sizeof ev};
  struct pollfd p = {.fd = vault_cq_fd(q), .events = POLLIN};
  ck_assert(expected == 0 || poll(&p, 1, 0) == 1);
  for (; vault_cq_next(q, &ev, NULL) == VAULT_OK; expected--) {
    ck_assert(ev.tag == 7 || ev.tag == 8);
    ck_assert_int_eq(ev.status == VAULT_OK, ev.item != NULL);
    ck_assert_int_eq(ev.status != VAULT_OK, ev.err != NULL);
    if (ev.status != VAULT_OK)
      worst = ev.status;
  }
  ck_assert_uint_eq(expected, 0);
  return worst;
}

static vault_status act_submit(vt_world *w) {
  vault_cq *q = NULL;
  uint64_t n = 0, drove = 0;
  vault_status s = vault_cq_open(w->v, &q, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(q);
    return s;
  }
  s = submit(w, q, "seven.txt", 7);
  n += s == VAULT_OK;
  vault_status t = submit(w, q, "eight.txt", 8);
  n += t == VAULT_OK;
  if (n)
    vt_status(vault_cq_close(q, NULL), VAULT_E_BUSY);
  vt_ok(vault_commit_drive(w->v, 0, &drove, NULL));
  ck_assert_uint_eq(drove, n);
  vault_status worst = take_events(q, n);
  vt_ok(vault_cq_close(q, NULL));
  return s != VAULT_OK ? s : t != VAULT_OK ? t : worst;
}

/* The same two in one call. */
static vault_status act_submit_many(vt_world *w) {
  static const char *const paths[] = {"seven.txt", "eight.txt"};
  const uint64_t tags[] = {7, 8};
  vault_cq *q = NULL;
  vault_upload *u[2] = {NULL, NULL};
  uint64_t drove = 0;
  vault_status s = vault_cq_open(w->v, &q, NULL);
  for (int i = 0; i < 2 && s == VAULT_OK; i++) {
    vault_upload_opts opts = at(paths[i], strlen(paths[i]), 0);
    s = begin(w, &opts, &u[i]);
    if (s == VAULT_OK)
      s = vault_upload_append(u[i], paths[i], strlen(paths[i]), NULL);
  }
  if (s == VAULT_OK)
    s = vault_upload_submit_many(u, tags, 2, q, NULL);
  if (s != VAULT_OK) {
    vault_upload_abort(u[0]);
    vault_upload_abort(u[1]);
  } else {
    vt_ok(vault_commit_drive(w->v, 0, &drove, NULL));
    ck_assert_uint_eq(drove, 2);
    s = take_events(q, 2);
  }
  vt_ok(vault_cq_close(q, NULL));
  return s;
}

static void verify_submit(vt_world *w) {
  vt_expect_content(w, "seven.txt", "seven.txt");
  vt_expect_content(w, "eight.txt", "eight.txt");
}

static vault_status act_check(vt_world *w) {
  uint8_t sha256[64] = {0}, have[2] = {9, 9};
  vault_items *items = NULL;
  uint64_t n;
  uint32_t stride;
  vault_status s =
    vault_item_lookup(w->v, &w->who, VAULT_SPACE_FILES, "other.txt", 9, &items, NULL);
  if (s != VAULT_OK)
    return s;
  const vault_item_view *row = vault_items_rows(items, &n, &stride);
  ck_assert_ptr_nonnull(row);
  memcpy(sha256 + 32, row->sha256, 32);
  vault_items_free(items);
  s = vault_upload_check(w->v, &w->who, sha256, 2, have, NULL);
  ck_assert(s == VAULT_OK ? have[0] == 0 && have[1] == 1 : have[0] == 9 && have[1] == 9);
  return s;
}

/* What a dead process left is settled or given up by the job. */
static void prepare_left(vt_world *w) {
  vault_upload *u = NULL;
  vault_upload_opts opts = at("left.txt", 6, VAULT_UP_RESUMABLE);
  vt_ok(begin(w, &opts, &u));
  vt_ok(vault_upload_append(u, "abc", 3, NULL));
  vault_upload_suspend(u);
}

static vault_status act_left(vt_world *w) {
  vault_jobs_report report = {.size = sizeof report};
  w->now_ms += INT64_C(2) * 86400000;
  vault_status s = vault_jobs_run(w->v, 10000, &report, NULL);
  return s == VAULT_OK && report.failed ? VAULT_E_RETRY : s;
}

static void verify_left(vt_world *w) {
  vault_usage usage = {.size = sizeof usage};
  vt_ok(vault_usage_get(w->v, &w->who, &usage, NULL));
  ck_assert_uint_eq(usage.partial_bytes, 0);
}

const vt_scenario vt_upload_scenarios[] = {
  {"put", NULL, act_put, verify_put, 0},
  {"put a new version", prepare_version, act_put, verify_put, 0},
  {"put bytes that are there", prepare_shared, act_put, verify_put, 0},
  {"put a file", prepare_files, act_put, verify_put, 0},
  {"put a new version of a file", prepare_file_version, act_put, verify_put, 0},
  {"put bytes that a file has", prepare_file_shared, act_put, verify_put, 0},
  {"put small bytes that a file has", prepare_shared_file, act_put, verify_put, 0},
  {"upload of unknown length", NULL, act_unknown_length, verify_unknown_length, 0},
  {"abort", NULL, act_abort, verify_abort, 0},
  {"suspend and resume", NULL, act_resume, verify_resume, 0},
  {"submit and drive", NULL, act_submit, verify_submit, 0},
  {"submit and drive files", prepare_files, act_submit, verify_submit, 0},
  {"submit many", NULL, act_submit_many, verify_submit, 0},
  {"check digests", prepare_shared, act_check, NULL, 0},
  {"give up what was left", prepare_left, act_left, verify_left, 0},
};
const int vt_n_upload_scenarios = sizeof vt_upload_scenarios / sizeof *vt_upload_scenarios;
