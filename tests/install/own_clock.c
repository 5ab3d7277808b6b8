/* A stranger's adapter, tried with the installed contract suite. With an argument its time runs
 * backwards, which the suite has to find. */
#include <contract.h>
#include <stdlib.h>
#include <time.h>
#include <vault/ports/clock.h>

static int64_t direction = 1;

static int64_t wall(void *self) {
  (void)self;
  return (int64_t)time(NULL) * 1000;
}

static int64_t mono(void *self) {
  static int64_t ms = 1000000;
  (void)self;
  return ms += direction;
}

static const vault_clock_ops own = {sizeof own, VAULT_CLOCK_V1, wall, mono, NULL};

static void make(const vt_adapter *a, vt_instance *out) {
  (void)a;
  out->ops = &own;
}

static void destroy(const vt_adapter *a, vt_instance *i) {
  (void)a, (void)i;
}

int main(int argc, char **argv) {
  static const vt_adapter adapter = {.name = "own", .make = make, .destroy = destroy};
  (void)argv;
  if (argc > 1)
    direction = -1;
  Suite *suite = suite_create("own");
  suite_add_tcase(suite, vt_clock_contract(&adapter));
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
