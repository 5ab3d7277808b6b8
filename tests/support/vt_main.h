/* What every test program shares: running suites, reading test data.
 * Tests only; may abort, print and read the environment. */
#ifndef VT_MAIN_H
#define VT_MAIN_H

#include <check.h>
#include <stddef.h>

#include "vault/base.h"

typedef Suite *(*vt_suite_fn)(void);

/* Run the suites and print one TAP line per test. Returns what main() returns: 0 when
 * every test passed. CK_FORK=no in the environment runs without forking (for a debugger). */
int vt_run(const vt_suite_fn *suites, size_t n);

/* The main() of a program with one suite. */
#define VT_MAIN(suite_fn)                        \
  int main(void) {                               \
    static const vt_suite_fn all[] = {suite_fn}; \
    return vt_run(all, 1);                       \
  }

/* Say that this whole program cannot run here, and why; return it from main(). */
int vt_skip(const char *reason);

/* A suite of one test case. Give a NULL-terminated list of START_TEST names. */
Suite *vt_suite(const char *name, const TTest *const *tests);

/* The same, with a fixture that runs before and after each test. */
Suite *vt_suite_with(const char *name, const TTest *const *tests, void (*setup)(void),
                     void (*teardown)(void));

/* The whole of tests/data/NAME, with a NUL behind it; free() it. Fails the test when it
 * cannot be read. len may be NULL. */
char *vt_data(const char *name, size_t *len);

/* Decode an even number of hex digits into out; returns the number of bytes. */
size_t vt_hex(const char *hex, void *out, size_t room);

/* Compare statuses and show their names. */
#define vt_status(expr, expected)                                                         \
  do {                                                                                    \
    vault_status vt_got_ = (expr), vt_want_ = (expected);                                 \
    ck_assert_msg(vt_got_ == vt_want_, "%s gave %s (%d), not %s", #expr,                  \
                  vault_status_code(vt_got_), (int)vt_got_, vault_status_code(vt_want_)); \
  } while (0)

#define vt_ok(expr) vt_status(expr, VAULT_OK)

#endif
