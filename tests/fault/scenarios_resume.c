/* Resumable uploads: taken over, held, told about later, put together, looked at, given up. */
#include <string.h>

#include "scenarios.h"
#include "tests/support/vt_main.h"

static vault_upload_opts at(const char *path, uint64_t length, uint32_t flags) {
  return (vault_upload_opts){.size = sizeof(vault_upload_opts),
                             .flags = flags | VAULT_UP_RESUMABLE,
                             .space = VAULT_SPACE_FILES,
                             .path = {path, strlen(path)},
                             .length = length,
                             .client_meta = {"meta", 4}};
}

static vault_status begin(vt_world *w, const vault_upload_opts *opts, vault_upload **u) {
  vault_status s = vault_upload_begin(w->v, &w->who, opts, u, NULL);
  ck_assert(s == VAULT_OK || *u == NULL);
  return s;
}

static vault_status resume(vt_world *w, const vault_id *id, vault_upload **u) {
  vault_status s = vault_upload_resume(w->v, &w->who, id, u, NULL);
  ck_assert(s == VAULT_OK || *u == NULL);
  return s;
}

/* The end of an act: abort after a failure, finish otherwise. */
static vault_status end(vault_upload *u, vault_status s) {
  if (s == VAULT_OK)
    return vault_upload_finish(u, NULL, NULL, NULL);
  vault_upload_abort(u);
  return s;
}

/* ---- taken over ------------------------------------------------------------------------------ */

static vault_status act_take_over(vt_world *w) {
  vault_upload *u = NULL, *newer = NULL;
  vault_upload_opts opts = at("over.txt", 6, 0);
  vault_status s = begin(w, &opts, &u);
  if (s != VAULT_OK)
    return s;
  vault_id id = vault_upload_get(u)->id;
  s = vault_upload_append(u, "abc", 3, NULL);
  if (s == VAULT_OK)
    s = resume(w, &id, &newer);
  if (s != VAULT_OK) {
    vault_upload_suspend(u);
    return s;
  }
  vt_status(vault_upload_append(u, "x", 1, NULL), VAULT_E_PREEMPTED);
  vault_upload_abort(u); /* touches nothing */
  uint64_t offset = vault_upload_get(newer)->offset;
  ck_assert(offset == 3 || offset == 0); /* 0: what was taken could not be flushed */
  s = end(newer, vault_upload_append(newer, &"abcdef"[offset], 6 - offset, NULL));
  if (s != VAULT_OK)
    return s;
  /* Finished ones are remembered. */
  newer = NULL;
  s = resume(w, &id, &newer);
  if (s != VAULT_OK)
    return s;
  ck_assert_uint_eq(vault_upload_get(newer)->state, VAULT_UPLOAD_DONE);
  return vault_upload_finish(newer, NULL, NULL, NULL);
}

static void verify_take_over(vt_world *w) {
  vt_expect_content(w, "over.txt", "abcdef");
}

/* ---- held ---------------------------------------------------------------------------------------- */

static vault_status hold_and_settle(vault_upload *u) {
  vault_status s = vault_upload_hold(u, NULL);
  if (s == VAULT_OK)
    s = vault_upload_append(u, "xxxx", 4, NULL);
  if (s == VAULT_OK)
    s = vault_upload_settle(u, 0, NULL);
  if (s == VAULT_OK)
    s = vault_upload_append(u, "ab", 2, NULL);
  if (s == VAULT_OK)
    s = vault_upload_hold(u, NULL);
  if (s == VAULT_OK)
    s = vault_upload_append(u, "cd", 2, NULL);
  return s == VAULT_OK ? vault_upload_settle(u, 1, NULL) : s;
}

static vault_status act_hold(vt_world *w) {
  vault_upload *u = NULL;
  vault_upload_opts opts = at("held.txt", 4, 0);
  vault_status s = begin(w, &opts, &u);
  return s == VAULT_OK ? end(u, hold_and_settle(u)) : s;
}

static void verify_hold(vt_world *w) {
  vt_expect_content(w, "held.txt", "abcd");
}

/* ---- told later ------------------------------------------------------------------------------------ */

static vault_status tell(vault_upload *u) {
  static const uint8_t sha_of_hello[32] = {0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e,
                                           0x26, 0xe8, 0x3b, 0x2a, 0xc5, 0xb9, 0xe2, 0x9e,
                                           0x1b, 0x16, 0x1e, 0x5c, 0x1f, 0xa7, 0x42, 0x5e,
                                           0x73, 0x04, 0x33, 0x62, 0x93, 0x8b, 0x98, 0x24};
  vault_status s = vault_upload_append(u, "hel", 3, NULL);
  if (s == VAULT_OK)
    s = vault_upload_set_length(u, 5, NULL);
  if (s == VAULT_OK)
    s = vault_upload_expect_sha256(u, sha_of_hello, NULL);
  return s == VAULT_OK ? vault_upload_append(u, "lo", 2, NULL) : s;
}

static vault_status act_tell(vt_world *w) {
  vault_upload *u = NULL;
  vault_upload_opts opts = at("told.txt", VAULT_LENGTH_UNKNOWN, 0);
  vault_status s = begin(w, &opts, &u);
  return s == VAULT_OK ? end(u, tell(u)) : s;
}

static void verify_tell(vt_world *w) {
  vt_expect_content(w, "told.txt", "hello");
}

/* ---- put together ------------------------------------------------------------------------------------ */

static vault_status piece(vt_world *w, const char *body, vault_id *id) {
  vault_upload *u = NULL;
  vault_upload_opts opts = at("", strlen(body), VAULT_UP_PARTIAL);
  vault_status s = begin(w, &opts, &u);
  if (s != VAULT_OK)
    return s;
  *id = vault_upload_get(u)->id;
  return end(u, vault_upload_append(u, body, strlen(body), NULL));
}

static vault_status act_concat(vt_world *w) {
  vault_id parts[3];
  vault_upload *u = NULL;
  vault_upload_opts opts = at("together.txt", 0, 0);
  vault_status s = piece(w, "one", &parts[0]);
  if (s == VAULT_OK)
    s = piece(w, "two", &parts[1]);
  parts[2] = parts[0];
  if (s == VAULT_OK)
    s = vault_upload_concat(w->v, &w->who, &opts, parts, 3, &u, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(u);
    return s;
  }
  return vault_upload_finish(u, NULL, NULL, NULL);
}

static void verify_concat(vt_world *w) {
  vt_expect_content(w, "together.txt", "onetwoone");
}

/* OK once the concatenation has become its file. */
static vault_status is_done(vt_world *w, const vault_id *id) {
  vault_upload_info *info = NULL;
  vault_status s = vault_upload_stat(w->v, &w->who, id, &info, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(info);
    return s;
  }
  const vault_upload_view *view = vault_upload_info_get(info);
  ck_assert_uint_eq(view->n_parts, 2);
  ck_assert_uint_eq(view->client_meta.n, 4);
  s = view->state == VAULT_UPLOAD_DONE ? VAULT_OK : VAULT_E_RETRY;
  vault_upload_info_free(info);
  return s;
}

static vault_status act_concat_later(vt_world *w) {
  vault_id parts[2], id;
  vault_upload *last = NULL, *u = NULL;
  vault_upload_opts opts = at("later.txt", 0, 0), piece_opts = at("", 3, VAULT_UP_PARTIAL);
  vault_status s = piece(w, "one", &parts[0]);
  if (s == VAULT_OK)
    s = begin(w, &piece_opts, &last);
  if (s != VAULT_OK)
    return s;
  parts[1] = vault_upload_get(last)->id;
  s = vault_upload_concat(w->v, &w->who, &opts, parts, 2, &u, NULL);
  if (s != VAULT_OK) {
    vault_upload_abort(last);
    return s;
  }
  ck_assert_uint_eq(vault_upload_get(u)->state, VAULT_UPLOAD_WAITING);
  id = vault_upload_get(u)->id;
  vault_upload_suspend(u);
  s = end(last, vault_upload_append(last, "two", 3, NULL));
  return s == VAULT_OK ? is_done(w, &id) : s;
}

static void verify_concat_later(vt_world *w) {
  vt_expect_content(w, "later.txt", "onetwo");
}

/* ---- by its key, given up ------------------------------------------------------------------------------ */

static vault_status with_key(vt_world *w, const vault_id *id) {
  char key[VAULT_UPLOAD_KEY_TEXT];
  vault_principal who = {.size = sizeof who};
  vault_id upload;
  vault_upload_info *info = NULL;
  vault_status s = vault_upload_key(w->v, &w->who, id, key, NULL);
  if (s == VAULT_OK)
    s = vault_upload_authenticate(w->v, key, strlen(key), &who, &upload, NULL);
  if (s == VAULT_OK)
    s = vault_upload_stat(w->v, &who, &upload, &info, NULL);
  if (s == VAULT_OK)
    ck_assert_uint_eq(vault_upload_info_get(info)->durable_offset, 3);
  vault_upload_info_free(info);
  return s;
}

static vault_status act_cancel(vt_world *w) {
  vault_upload *u = NULL;
  vault_upload_opts opts = at("cancelled.txt", 6, 0);
  vault_status s = begin(w, &opts, &u);
  if (s != VAULT_OK)
    return s;
  vault_id id = vault_upload_get(u)->id;
  s = vault_upload_append(u, "abc", 3, NULL);
  if (s == VAULT_OK)
    s = vault_upload_flush(u, NULL);
  vault_upload_suspend(u);
  if (s == VAULT_OK)
    s = with_key(w, &id);
  return s == VAULT_OK ? vault_upload_cancel(w->v, &w->who, &id, NULL) : s;
}

static void verify_cancel(vt_world *w) {
  vt_expect_nothing(w, "cancelled.txt");
}

/* ---- a creation whose answer was lost ---------------------------------------------------------------------- */

static vault_status act_begin_again(vt_world *w) {
  vault_upload *u = NULL;
  vault_upload_opts opts = at("again.txt", 3, 0);
  opts.op_key = (vault_str){"creation", 8};
  vault_status s = begin(w, &opts, &u);
  if (s != VAULT_OK)
    return s;
  vault_id id = vault_upload_get(u)->id;
  vault_upload_suspend(u);
  u = NULL;
  s = begin(w, &opts, &u);
  if (s != VAULT_OK)
    return s;
  const vault_upload_view *view = vault_upload_get(u);
  ck_assert_int_eq(memcmp(&view->id, &id, sizeof id), 0);
  if (view->state == VAULT_UPLOAD_RECEIVING && view->offset < 3) {
    uint64_t offset = view->offset;
    s = vault_upload_append(u, &"abc"[offset], 3 - offset, NULL);
  }
  if (s == VAULT_OK)
    return vault_upload_finish(u, NULL, NULL, NULL);
  vault_upload_suspend(u);
  return s;
}

static void verify_begin_again(vt_world *w) {
  vt_expect_content(w, "again.txt", "abc");
}

const vt_scenario vt_resume_scenarios[] = {
  {"an upload is taken over", NULL, act_take_over, verify_take_over, 0},
  {"hold and settle", NULL, act_hold, verify_hold, 0},
  {"length and digest told later", NULL, act_tell, verify_tell, 0},
  {"concatenate", NULL, act_concat, verify_concat, 0},
  {"concatenate before the last piece", NULL, act_concat_later, verify_concat_later, 0},
  {"stat by its key, cancel", NULL, act_cancel, verify_cancel, 0},
  {"begin again with a key", NULL, act_begin_again, verify_begin_again, 0},
};
const int vt_n_resume_scenarios = sizeof vt_resume_scenarios / sizeof *vt_resume_scenarios;
