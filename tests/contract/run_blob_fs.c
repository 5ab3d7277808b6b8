/* The blob store's suite on the file system adapter. What only it has: tests/adapters. */
#include "contract.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/vt_dir.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/blob_fs.h"

static void open_store(const char *dir, vt_instance *out) {
  const vault_blob_store_ops *ops = NULL;
  vt_ok(vault_blob_fs_new(dir, strlen(dir), NULL, &ops, &out->self, NULL));
  out->ops = ops;
}

static void close_store(vt_instance *i) {
  const vault_blob_store_ops *ops = i->ops;
  ops->destroy(i->self);
}

static void make(const vt_adapter *a, vt_instance *out) {
  (void)a;
  char *dir = malloc(VT_DIR_MAX);
  ck_assert_ptr_nonnull(dir);
  vt_dir_make(dir);
  out->ctx = dir;
  open_store(dir, out);
}

static void reopen(const vt_adapter *a, vt_instance *i) {
  (void)a;
  close_store(i);
  open_store(i->ctx, i);
}

static void destroy(const vt_adapter *a, vt_instance *i) {
  (void)a;
  close_store(i);
  vt_dir_remove(i->ctx);
  free(i->ctx);
}

static Suite *blob_fs(void) {
  static const vt_adapter fs = {
    .name = "fs", .caps = VT_CAP_REOPEN, .make = make, .destroy = destroy, .reopen = reopen};
  Suite *s = suite_create("blob_fs");
  suite_add_tcase(s, vt_blob_contract(&fs));
  return s;
}

VT_MAIN(blob_fs)
