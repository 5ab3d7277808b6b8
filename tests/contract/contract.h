/* Contract suites: what every implementation of a port has to do, as `check` test cases.
 * Whoever writes an adapter describes it with a vt_adapter, adds the test case of its port to
 * a suite, and runs it. Uses only vault/ headers and check. Tests only; a failure ends the test.
 *
 *   static const vt_adapter mine = {.name = "mine", .caps = ..., .make = ..., .destroy = ...};
 *   Suite *s = suite_create("mine");
 *   suite_add_tcase(s, vt_blob_contract(&mine));
 *
 * What an adapter cannot do it says by its capabilities; no suite looks at the name. The
 * vt_adapter must live as long as the run. */
#ifndef VT_CONTRACT_H
#define VT_CONTRACT_H

#include <check.h>
#include <stdint.h>

#include "vault/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One opened implementation. `ops` is the table of the port that the suite is for. */
typedef struct vt_instance {
  const void *ops;
  void *self;
  void *ctx; /* for the adapter's make and destroy */
} vt_instance;

typedef struct vt_adapter vt_adapter;
struct vt_adapter {
  const char *name;
  uint32_t caps;    /* VT_CAP_*: what a suite may expect beyond the port's own capabilities */
  const void *user; /* for the functions below */
  /* Must provide. A new, empty instance. Fails the test when it cannot. */
  void (*make)(const vt_adapter *a, vt_instance *out);
  /* Must provide. Close it and remove what it left. */
  void (*destroy)(const vt_adapter *a, vt_instance *i);
  /* With VT_CAP_REOPEN: close it and open it again on the same data. */
  void (*reopen)(const vt_adapter *a, vt_instance *i);
  /* SMS suite: what was sent so far, as the receiver sees it. Returns bytes, NUL-ended. */
  uint64_t (*received)(const vt_adapter *a, vt_instance *i, char *out, uint64_t room);
};

#define VT_CAP_REOPEN 1u     /* data survives reopen */
#define VT_CAP_CONCURRENT 2u /* several threads are really served at once (a server database) */

/* Remember an adapter for a test case's loop index and the reverse: check hands a test only
 * a number. At most VT_ADAPTERS_MAX in one program; the test fails above it. */
#define VT_ADAPTERS_MAX 32
int vt_adapter_add(const vt_adapter *a);
const vt_adapter *vt_adapter_at(int i);

/* A test case named "PORT/ADAPTER" with every test of the NULL-ended list, run on `a`. In a
 * test vt_adapter_at(_i) is the adapter. */
TCase *vt_contract(const char *port, const vt_adapter *a, const TTest *const *tests);

TCase *vt_clock_contract(const vt_adapter *a);
TCase *vt_random_contract(const vt_adapter *a);
TCase *vt_sms_contract(const vt_adapter *a);
TCase *vt_blob_contract(const vt_adapter *a);
/* Repositories. The adapter should wait long for its database: 200 callers come at once. */
TCase *vt_identity_contract(const vt_adapter *a);
TCase *vt_jobs_contract(const vt_adapter *a);
TCase *vt_limiter_contract(const vt_adapter *a);

/* Here vt_instance.ops is a `const vault_repositories *`: users are made by its identity. */
TCase *vt_items_contract(const vt_adapter *a);

/* Compare statuses and show their names. */
#define vt_is(expr, expected)                                                                      \
  do {                                                                                             \
    vault_status vt_is_got_ = (expr), vt_is_want_ = (expected);                                    \
    ck_assert_msg(vt_is_got_ == vt_is_want_, "%s gave %s (%d), not %s", #expr,                     \
                  vault_status_code(vt_is_got_), (int)vt_is_got_, vault_status_code(vt_is_want_)); \
  } while (0)

#ifdef __cplusplus
}
#endif
#endif
