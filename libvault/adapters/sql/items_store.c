/* The vault's own row, and the ops table of the items port. */
#include "items_sql.h"

static vault_status get_work(vault__items_tx *t, void *arg) {
  vault_store_row *out = arg;
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_STORE_GET, VAULT__P0, &rows));
  vault__row r = vault__row_at(&rows, 0);
  vault__get_id(&r, &out->store);
  vault__get_id(&r, &out->incarnation);
  out->attached = vault__get_u32(&r);
  out->schema = vault__get_u32(&r);
  return vault__items_row_ok(t, &r);
}

vault_status vault__items_get_store(void *self, vault_store_row *out, vault_err *err) {
  vault_store_row row = {0};
  VAULT_TRY(vault__items_read(self, get_work, &row, err));
  *out = row;
  return VAULT_OK;
}

static vault_status attach_work(vault__items_tx *t, void *arg) {
  (void)arg;
  return vault__items_run1(t, VAULT__SQL_STORE_ATTACHED, VAULT__P0);
}

vault_status vault__items_set_attached(void *self, vault_err *err) {
  return vault__items_write(self, attach_work, NULL, err);
}

static int32_t maintain(void *self, uint32_t idle) {
  const vault__repo *repo = self;
  return repo->db.ops->maintain(repo->db.self, idle);
}

const vault_items_repo_ops vault__sql_items_ops = {
  .size = sizeof(vault_items_repo_ops),
  .version = VAULT_ITEMS_REPO_V1,
  .get_store = vault__items_get_store,
  .set_attached = vault__items_set_attached,
  .begin_upload = vault__items_begin_upload,
  .lease_upload = vault__items_lease_upload,
  .grow_upload = vault__items_grow_upload,
  .set_length = vault__items_set_length,
  .save_offset = vault__items_save_offset,
  .get_upload = vault__items_get_upload,
  .abort_upload = vault__items_abort_upload,
  .list_uploads = vault__items_list_uploads,
  .list_waiting = vault__items_list_waiting,
  .get_chain = vault__items_get_chain,
  .commit = vault__items_commit,
  .make_folder = vault__items_make_folder,
  .change_item = vault__items_change_item,
  .trash_item = vault__items_trash_item,
  .restore_item = vault__items_restore_item,
  .purge_item = vault__items_purge_item,
  .get_item = vault__items_get_item,
  .find_item = vault__items_find_item,
  .list_children = vault__items_list_children,
  .list_trash = vault__items_list_trash,
  .get_version = vault__items_get_version,
  .get_content = vault__items_get_content,
  .find_digests = vault__items_find_digests,
  .find_blob = vault__items_find_blob,
  .get_blob = vault__items_get_blob,
  .list_blobs = vault__items_list_blobs,
  .mark_blobs = vault__items_mark_blobs,
  .take_blobs = vault__items_take_blobs,
  .drop_blob = vault__items_drop_blob,
  .index_fresh = vault__items_index_fresh,
  .list_inline = vault__items_list_inline,
  .get_inline = vault__items_get_inline,
  .inline_usage = vault__items_inline_usage,
  .finish_spill = vault__items_finish_spill,
  .get_usage = vault__items_get_usage,
  .set_quota = vault__items_set_quota,
  .recount = vault__items_recount,
  .sweep_ops = vault__items_sweep_ops,
  .destroy = NULL, /* vault_repositories owns what this table works on */
  .maintain = maintain,
};
