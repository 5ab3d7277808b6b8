/* Torture: run each scenario once and count its allocations and its calls of ports; then
 * run it again for every k with allocation k failing, and with call k failing.
 *
 * Whatever fails: no crash, no leak, no output touched by a call that failed, nothing that
 * was answered with OK is missing, ledgers agree, and the same calls work afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios.h"
#include "tests/support/vt_main.h"

typedef struct way {
  const char *name;
  int memory; /* fail allocations, not calls */
  vt_fault_mode mode;
  vault_status status;
  int only_long;
} way;

static const way ways[] = {
  {"allocation fails once", 1, VT_FAULT_ONCE, VAULT_E_NO_MEMORY, 0},
  {"allocations fail from then on", 1, VT_FAULT_FROM, VAULT_E_NO_MEMORY, 0},
  {"call fails with IO", 0, VT_FAULT_ONCE, VAULT_E_IO, 0},
  {"calls fail with IO from then on", 0, VT_FAULT_FROM, VAULT_E_IO, 0},
  {"answer is lost", 0, VT_FAULT_LOST, VAULT_E_UNCERTAIN, 0},
  {"call fails with RETRY", 0, VT_FAULT_ONCE, VAULT_E_RETRY, 1},
  {"call fails with NO_SPACE", 0, VT_FAULT_ONCE, VAULT_E_NO_SPACE, 1},
};
#define N_WAYS (sizeof ways / sizeof *ways)

static void begin(vt_world *w, const vt_scenario *s) {
  vt_world_make(w, NULL);
  if (s->bare)
    return;
  vt_ok(vt_world_start(w, NULL));
  vt_ok(vt_world_sign_in(w, NULL));
  if (s->prepare)
    s->prepare(w);
}

/* Ledgers must agree at once; blobs that a failed call could not remove may wait for the
 * jobs, and codes and reservations of it for their end. */
static void settle(vt_world *w) {
  if (!w->v)
    vt_ok(vt_world_start(w, NULL));
  for (int day = 0; day < 4; day++)
    vt_world_later(w, INT64_C(90000000));
  vt_world_check(w);
}

/* 1: call or allocation k was reached. */
static int run_one(const vt_scenario *s, const way *how, uint64_t k) {
  vt_world w;
  begin(&w, s);
  vt_fault *f = how->memory ? &w.alloc_fault : &w.fault;
  vt_fault_arm(f, how->mode, k, how->status);
  vault_status first = s->act(&w);
  int hit = vt_fault_hits(f) > 0;
  vt_world_calm(&w);
  if (first == VAULT_OK && s->verify)
    s->verify(&w);
  if (first != VAULT_OK) {
    ck_assert_msg(hit, "%s: failed with %s though nothing was made to fail", s->name,
                  vault_status_code(first));
    vault_status again = s->act(&w);
    ck_assert_msg(again == VAULT_OK, "%s, %s %llu: gave %s, and then %s", s->name, how->name,
                  (unsigned long long)k, vault_status_code(first), vault_status_code(again));
    if (s->verify)
      s->verify(&w);
  }
  settle(&w);
  vt_world_free(&w);
  return hit;
}

static void torture(const vt_scenario *s) {
  uint64_t injected = 0;
  int all = getenv("VT_LONG") != NULL;
  for (size_t i = 0; i < N_WAYS; i++) {
    if (ways[i].only_long && !all)
      continue;
    uint64_t k = 1;
    while (run_one(s, &ways[i], k))
      k++;
    injected += k - 1;
  }
  printf("# %s: %llu failures injected\n", s->name, (unsigned long long)injected);
  (void)fflush(stdout);
}

START_TEST(auth) {
  torture(&vt_auth_scenarios[_i]);
}
END_TEST
START_TEST(files) {
  torture(&vt_file_scenarios[_i]);
}
END_TEST
START_TEST(uploads) {
  torture(&vt_upload_scenarios[_i]);
}
END_TEST
START_TEST(resumable) {
  torture(&vt_resume_scenarios[_i]);
}
END_TEST
START_TEST(host) {
  torture(&vt_host_scenarios[_i]);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("torture");
  TCase *t = tcase_create("torture");
  tcase_set_timeout(t, 1200);
  tcase_add_loop_test(t, auth, 0, vt_n_auth_scenarios);
  tcase_add_loop_test(t, files, 0, vt_n_file_scenarios);
  tcase_add_loop_test(t, uploads, 0, vt_n_upload_scenarios);
  tcase_add_loop_test(t, resumable, 0, vt_n_resume_scenarios);
  tcase_add_loop_test(t, host, 0, vt_n_host_scenarios);
  suite_add_tcase(s, t);
  return s;
}

VT_MAIN(suite)
