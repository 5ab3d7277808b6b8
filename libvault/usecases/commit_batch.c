/* One batch: make the bodies that are files durable together, commit all rows in one
 * transaction (bodies that are kept inline with them), then clear up what each outcome leaves
 * over. */
#include <string.h>

#include "committer.h"
#include "janitor.h"
#include "libvault/base/alloc.h"
#include "libvault/ports/validate.h"
#include "upload_inline.h"

static void describe(const vault_upload *u, vault_commit_item *item) {
  *item = (vault_commit_item){
    .size = sizeof *item,
    .kind = VAULT_COMMIT_FINISH,
    .flags = (u->is_shared ? VAULT_COMMIT_SHARED : 0) | (u->anew ? VAULT_COMMIT_ANEW : 0) |
             (u->flags & VAULT_UP_NEW_ONLY ? VAULT_COMMIT_IF_NONE_MATCH : 0) |
             (u->flags & VAULT_UP_IF_VERSION ? VAULT_COMMIT_IF_VERSION : 0) |
             (u->row.flags & VAULT_UPLOAD_RESUMABLE ? VAULT_COMMIT_REMEMBER : 0),
    .n_path = u->n_path,
    .path = u->path,
    .upload = u->row.id,
    .parent = u->row.parent,
    .item = u->row.item,
    .new_item = u->new_item,
    .new_version = u->new_version,
    .blob = u->is_shared ? u->shared.key : u->row.blob,
    .if_version = u->if_version,
    .size_bytes = u->offset,
    .mtime_ns = u->row.mtime_ns,
    .has_mtime = u->row.has_mtime,
    .space = u->row.space,
    .now_ms = vault__now_ms(u->v),
    .content_type = {u->row.content_type, strlen(u->row.content_type)},
    .op_key = {u->row.op_key, strlen(u->row.op_key)},
    .fence = u->row.fence,
    .chain = vault__upload_chain_view(u, u->is_shared ? 0 : u->offset),
  };
  memcpy(item->sha256, u->sha256, sizeof item->sha256);
  if (u->is_inline)
    vault__inline_describe(u, item);
  if (u->is_inline && u->anew)
    item->op_key.n = 0; /* the commit before this one has remembered it, and must not answer */
}

static void set_failed(vault_upload *u, vault_status s) {
  u->result.status = s;
  u->result.outcome = 0;
  if (u->result_err.status != s)
    (void)vault__fail(&u->result_err, s, VAULT_ORIGIN_ITEMS, 0, NULL);
}

static void take_result(vault_upload *u, const vault_commit_result *r) {
  static const vault_id nobody;
  if (r->status == VAULT_OK)
    u->result = *r;
  else if (memcmp(&r->in_the_way, &nobody, sizeof nobody) != 0)
    (void)vault__fail_item(&u->result_err, r->status, VAULT_ORIGIN_ITEMS, &r->in_the_way, NULL);
  if (r->status != VAULT_OK)
    set_failed(u, r->status);
}

static void commit_alone(vault_upload *u) {
  vault *v = u->v;
  vault_commit_item item;
  vault_commit_result result = {.size = sizeof result};
  describe(u, &item);
  vault_status s = v->items->commit(v->items_self, &item, 1, &result, &u->result_err);
  if (s == VAULT_OK)
    take_result(u, &result);
  else
    set_failed(u, s);
}

/* The blob that this one wanted to share is being collected: store its own bytes. */
static void commit_unshared(vault_upload *u) {
  vault_status s = vault__upload_unshare(u, &u->result_err);
  if (s == VAULT_OK)
    s = vault__upload_publish(u, &u->result_err);
  if (s == VAULT_OK)
    commit_alone(u);
  else
    set_failed(u, s);
}

struct vault__commit_space {
  uint64_t n, n_files;
  vault_upload *members[VAULT_COMMIT_MAX]; /* whose bytes are durable: rows to commit */
  vault_commit_item items[VAULT_COMMIT_MAX];
  vault_commit_result results[VAULT_COMMIT_MAX];
  vault_upload *files[VAULT_COMMIT_MAX]; /* whose bytes have to become a file */
  vault_blob_writer *writers[VAULT_COMMIT_MAX];
  vault_blob_meta metas[VAULT_COMMIT_MAX];
  vault_status statuses[VAULT_COMMIT_MAX];
};

_Static_assert(VAULT_COMMIT_MAX <= VAULT_BLOB_MANY_MAX, "a batch is published in one call");

static void commit_together(vault *v, vault__commit_space *b) {
  vault_err err = VAULT_ERR_INIT;
  for (uint64_t i = 0; i < b->n; i++) {
    describe(b->members[i], &b->items[i]);
    b->results[i] = (vault_commit_result){.size = sizeof b->results[i]};
  }
  vault_status s = v->items->commit(v->items_self, b->items, b->n, b->results, &err);
  for (uint64_t i = 0; i < b->n; i++) {
    vault_upload *u = b->members[i];
    if (s == VAULT_OK) {
      take_result(u, &b->results[i]);
      continue;
    }
    u->result_err = err;
    set_failed(u, s);
  }
}

/* The upload's bytes were in the vault already, under another blob: its own goes, unless a
 * row has it after all (the commit that was replayed was this one). */
static void drop_own_blob(vault_upload *u) {
  vault *v = u->v;
  vault_blob_row row;
  if (!u->is_shared &&
      v->items->get_blob(v->items_self, &u->row.blob.blob, &row, NULL) == VAULT_E_NOT_FOUND)
    (void)v->blobs->remove(v->blobs_self, &u->row.blob, NULL);
}

static void clear_up(vault_upload *u) {
  if (u->result.status == VAULT_E_UNCERTAIN)
    return; /* row and blob stay: job_uploads.c finds out */
  if (u->result.status == VAULT_E_PREEMPTED)
    u->state = VAULT__UPLOAD_LOST;
  if (vault__upload_is_kept(u, u->result.status) && u->result.status != VAULT_OK)
    return;
  if (u->result.status != VAULT_OK) {
    vault__upload_undo(u);
    return;
  }
  if (u->result.outcome == VAULT_OUTCOME_SAME || u->result.outcome == VAULT_OUTCOME_REPLAY)
    drop_own_blob(u);
  vault__changed(u->v, &u->result.item);
}

/* ---- bytes ------------------------------------------------------------------------------- */

static vault_status make_durable(vault_upload *u) {
  VAULT_TRY(vault__upload_seal(u, &u->result_err));
  return vault__upload_publish(u, &u->result_err);
}

/* Whether u's bytes still have to become a file; inline ones and shared ones have not. */
static int is_file_to_make(vault_upload *u) {
  if (u->result.status != VAULT_OK)
    return 0; /* its length or digest was wrong (vault_upload_submit_many) */
  vault_status s = vault__upload_choose(u, &u->result_err);
  if (s != VAULT_OK)
    set_failed(u, s);
  return s == VAULT_OK && !u->is_inline && !u->is_shared && u->state != VAULT__UPLOAD_PUBLISHED;
}

static void make_files(vault *v, vault__commit_space *b) {
  vault_err err = VAULT_ERR_INIT;
  for (uint64_t i = 0; i < b->n_files; i++) {
    b->writers[i] = b->files[i]->writer;
    vault__upload_meta(b->files[i], &b->metas[i]);
  }
  v->blobs->publish_many(v->blobs_self, b->writers, b->metas, b->n_files, b->statuses, &err);
  for (uint64_t i = 0; i < b->n_files; i++) {
    vault_upload *u = b->files[i];
    /* One that failed may have its name nevertheless: undo looks from SEALED on. */
    u->state = b->statuses[i] == VAULT_OK ? VAULT__UPLOAD_PUBLISHED : VAULT__UPLOAD_SEALED;
    if (b->statuses[i] == VAULT_OK)
      continue;
    if (err.status == b->statuses[i])
      u->result_err = err;
    set_failed(u, b->statuses[i]);
  }
}

static void make_all_durable(vault *v, vault_upload *list, vault__commit_space *b) {
  b->n = b->n_files = 0;
  for (vault_upload *u = list; u; u = u->next) {
    if (!is_file_to_make(u))
      continue;
    if (VAULT__OPS_HAS(v->blobs, publish_many)) {
      b->files[b->n_files++] = u;
      continue;
    }
    vault_status s = make_durable(u);
    if (s != VAULT_OK)
      set_failed(u, s);
  }
  if (b->n_files)
    make_files(v, b);
  for (vault_upload *u = list; u; u = u->next)
    if (u->result.status == VAULT_OK)
      b->members[b->n++] = u;
}

/* ---- the batch --------------------------------------------------------------------------- */

static void run_together(vault *v, vault_upload *list, vault__commit_space *b) {
  make_all_durable(v, list, b);
  if (b->n)
    commit_together(v, b);
}

static void run_one_by_one(vault_upload *list) {
  for (vault_upload *u = list; u; u = u->next) {
    vault_status s = u->result.status;
    if (s == VAULT_OK)
      s = make_durable(u);
    if (s == VAULT_OK)
      commit_alone(u);
    else
      set_failed(u, s);
  }
}

/* The exceptions that take a second commit: what was to be shared is being collected, or the
 * copy that would stand for these bytes is damaged. */
static void commit_again(vault_upload *u) {
  if (u->is_shared && u->result.status == VAULT_E_RETRY)
    commit_unshared(u);
  else if (u->is_inline && vault__inline_is_unsafe(u))
    commit_alone(u);
}

/* Memory for a whole batch is asked for before anything is published; without it the
 * members are committed one by one. */
void vault__commit_batch(vault *v, vault_upload *list, vault__commit_space **space) {
  uint64_t inline_bytes = 0;
  if (list->next && !*space)
    *space = vault__new(&v->alloc, sizeof **space);
  if (list->next && *space)
    run_together(v, list, *space);
  else
    run_one_by_one(list);
  for (vault_upload *u = list; u; u = u->next) {
    commit_again(u);
    clear_up(u);
    vault__claim_drop(v, &u->claim); /* who waits for this upload need not wait for its event */
    if (u->is_inline && u->result.status == VAULT_OK)
      inline_bytes += u->offset + 1; /* an empty body is work for the janitor as well */
  }
  vault__janitor_saw(v, inline_bytes);
}
