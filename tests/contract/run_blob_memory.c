/* The blob store's suite on the memory adapter, and what only it has: a limit. */
#include "contract.h"

#include <string.h>

#include "blob_support.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/blob_memory.h"

static void make(const vt_adapter *a, vt_instance *out) {
  const vault_blob_store_ops *ops = NULL;
  (void)a;
  vt_ok(vault_blob_memory_new(0, NULL, &ops, &out->self, NULL));
  out->ops = ops;
}

static void destroy(const vt_adapter *a, vt_instance *i) {
  const vault_blob_store_ops *ops = i->ops;
  (void)a;
  ops->destroy(i->self);
}

START_TEST(memory_limit_is_no_space_and_frees_up) {
  const vault_blob_store_ops *ops = NULL;
  vt_blob b = {0};
  vault_id owner = vt_blob_owner(0);
  vault_blob_writer *w = NULL;
  vault_blob_entry e;
  vault_blob_key key = vt_blob_key(1, 1, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vault_blob_key next = vt_blob_key(1, 2, VAULT_SPACE_FILES, VT_NOV_2026_MS, "");
  vt_ok(vault_blob_memory_new(6, NULL, &ops, &b.self, NULL));
  b.ops = ops;
  vt_ok(ops->attach(b.self, &owner, 1, NULL));
  vt_blob_put(&b, &key, "hello", 5, vt_sha_hello);
  vt_ok(ops->begin(b.self, &next, 0, &w, NULL));
  vt_ok(ops->write(b.self, w, "j", 1, NULL));
  vt_status(ops->write(b.self, w, "e", 1, NULL), VAULT_E_NO_SPACE);
  vt_status(ops->write(b.self, w, "", 0, NULL), VAULT_E_USAGE);
  ops->discard(b.self, w, 0);
  ck_assert_uint_eq(vt_blob_list(&b, &e, 1, 1), 1);
  vt_ok(ops->remove(b.self, &key, NULL));
  vt_blob_put(&b, &next, "jello", 5, vt_sha_jello);
  ops->destroy(b.self);
}
END_TEST

START_TEST(memory_refuses_null) {
  void *self = NULL;
  vt_status(vault_blob_memory_new(0, NULL, NULL, &self, NULL), VAULT_E_USAGE);
}
END_TEST

static Suite *blob_memory(void) {
  static const vt_adapter memory = {.name = "memory", .make = make, .destroy = destroy};
  Suite *s = suite_create("blob_memory");
  TCase *own = tcase_create("memory");
  suite_add_tcase(s, vt_blob_contract(&memory));
  tcase_add_test(own, memory_limit_is_no_space_and_frees_up);
  tcase_add_test(own, memory_refuses_null);
  suite_add_tcase(s, own);
  return s;
}

VT_MAIN(blob_memory)
