/* A process that ends before, or right after, each call of a port while it uploads, moves,
 * trashes, purges or collects. The next process must find every answered operation done,
 * every other one wholly done or wholly absent, and nothing left over once jobs have run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios.h"
#include "tests/support/vt_dir.h"
#include "tests/support/vt_main.h"

static const vt_scenario *find(const vt_scenario *all, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (strcmp(all[i].name, name) == 0)
      return &all[i];
  ck_abort_msg("no scenario %s", name);
  return NULL;
}

#define N_OTHERS 17

static const vt_scenario *scenario_at(int i) {
  static const char *const uploads[] = {"put",
                                        "put a new version",
                                        "put bytes that are there",
                                        "upload of unknown length",
                                        "suspend and resume",
                                        "submit and drive",
                                        "put a file",
                                        "put a new version of a file",
                                        "put bytes that a file has",
                                        "submit and drive files"};
  static const int n_uploads = sizeof uploads / sizeof *uploads;
  static const char *const files[] = {"make a folder", "move and rename", "move to the trash",
                                      "restore",       "purge",           "collect blobs",
                                      "spill"};
  if (i >= N_OTHERS)
    return &vt_resume_scenarios[i - N_OTHERS];
  return i < n_uploads ? find(vt_upload_scenarios, vt_n_upload_scenarios, uploads[i])
                       : find(vt_file_scenarios, vt_n_file_scenarios, files[i - n_uploads]);
}

/* What the child tells the parent when its operation was answered. */
static void child(const vt_scenario *s, const char *dir, vt_fault_mode mode, uint64_t k,
                  int answered) {
  vt_world w;
  vt_world_make(&w, dir);
  vt_ok(vt_world_start(&w, NULL));
  vt_ok(vt_world_sign_in(&w, NULL));
  if (s->prepare)
    s->prepare(&w);
  ck_assert_int_eq(write(answered, &w.who, sizeof w.who), sizeof w.who);
  vt_fault_arm(&w.fault, mode, k, VAULT_E_IO);
  vt_ok(s->act(&w));
  char yes = 1;
  ck_assert_int_eq(write(answered, &yes, 1), 1);
  uint64_t calls = vt_fault_count(&w.fault);
  _exit(calls < k ? 0 : VT_FAULT_EXIT_CODE);
}

/* 1: the child was ended at call k; 0: there is no call k. */
static int run_one(const vt_scenario *s, vt_fault_mode mode, uint64_t k) {
  char dir[VT_DIR_MAX];
  vt_world w;
  vault_principal who = {0};
  char yes = 0;
  int pipe_fd[2], status = 0;
  vt_dir_make(dir);
  ck_assert_int_eq(pipe(pipe_fd), 0);
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    (void)close(pipe_fd[0]);
    child(s, dir, mode, k, pipe_fd[1]);
  }
  (void)close(pipe_fd[1]);
  ck_assert_int_eq(read(pipe_fd[0], &who, sizeof who), sizeof who);
  int answered = read(pipe_fd[0], &yes, 1) == 1;
  (void)close(pipe_fd[0]);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_msg(WIFEXITED(status) &&
                  (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == VT_FAULT_EXIT_CODE),
                "%s, call %llu: the child ended with %d", s->name, (unsigned long long)k, status);

  vt_world_make(&w, dir);
  w.now_ms += INT64_C(7200000);
  vt_ok(vt_world_start(&w, NULL));
  w.who = who;
  if (answered && s->verify)
    s->verify(&w); /* before any job: an answer needs no mending */
  vt_world_later(&w, 0);
  vt_world_check(&w);
  vt_ok(s->act(&w)); /* whatever happened, the same calls work now */
  if (s->verify)
    s->verify(&w);
  for (int day = 0; day < 4; day++)
    vt_world_later(&w, INT64_C(90000000));
  vt_world_check(&w);
  vt_world_free(&w);
  vt_dir_remove(dir);
  return WEXITSTATUS(status) == VT_FAULT_EXIT_CODE;
}

/* Every step, unless there are very many: then, in the short form, every fifth of the rest. */
#define EVERY_STEP 80u
#define STRIDE 5u

static uint64_t next(uint64_t k) {
  return k < EVERY_STEP || getenv("VT_LONG") ? k + 1 : k + STRIDE;
}

START_TEST(killed) {
  const vt_scenario *s = scenario_at(_i);
  uint64_t n = 0;
  for (uint64_t k = 1; run_one(s, VT_FAULT_EXIT_BEFORE, k); k = next(k))
    n++;
  for (uint64_t k = 1; run_one(s, VT_FAULT_EXIT_AFTER, k); k = next(k))
    n++;
  printf("# %s: killed at %llu steps\n", s->name, (unsigned long long)n);
  (void)fflush(stdout);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("kill");
  TCase *t = tcase_create("kill at every step");
  tcase_set_timeout(t, 1200);
  tcase_add_loop_test(t, killed, 0, N_OTHERS + vt_n_resume_scenarios);
  suite_add_tcase(s, t);
  return s;
}

VT_MAIN(suite)
