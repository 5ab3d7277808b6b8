/* What the files of the items repository share: one transaction, one user's lock and
 * ledger, the rules that several methods check, and decoding of rows.
 * Threads: an items_tx is confined; the repository is any-thread. */
#ifndef VAULT__ITEMS_SQL_H
#define VAULT__ITEMS_SQL_H

#include "libvault/adapters/sql/repository.h"
#include "libvault/adapters/sql/tx.h"
#include "libvault/base/err.h"
#include "libvault/base/id.h"
#include "libvault/base/slice.h"
#include "vault/ports/repository/items.h"

/* No single amount of bytes may be larger, so that the sums of a ledger cannot overflow. */
#define VAULT__ITEMS_BYTES_MAX ((uint64_t)1 << 60)
#define VAULT__ITEMS_PAGE_MAX 10000u /* rows of one page */
/* Fresh items of one user; a commit that would pass it gives the oldest their rows first: as
 * many as it adds, and one more step, so that no single commit pays for the others. */
#define VAULT__FRESH_MAX 20000
#define VAULT__FRESH_STEP 64
/* So many a change of their user indexes itself; where there are more, they are indexed in
 * transactions of so many, and a few times as often as FRESH_MAX needs, before it runs. */
#define VAULT__CATCH_UP_STEP 500
#define VAULT__CATCH_UP_STEPS (4 * VAULT__FRESH_MAX / VAULT__CATCH_UP_STEP)

/* What an operation key was used for (op_result.kind): never renumber. */
#define VAULT__OP_COMMIT 1
#define VAULT__OP_FOLDER 2
#define VAULT__OP_CHANGE 3
#define VAULT__OP_TRASH 4
#define VAULT__OP_RESTORE 5
#define VAULT__OP_PURGE 6

/* A key, and the digest of what was asked with it (items_ops.c). */
typedef struct vault__items_op {
  vault_str key; /* n = 0: none */
  int64_t kind;
  uint8_t request[32];
} vault__items_op;

/* ---- the transaction ---------------------------------------------------------- */

typedef struct vault__items_tx {
  vault__tx *tx;
  vault_err *err; /* may be NULL */
  int dead;       /* a statement failed, or a rule broke after the first write */
  vault_id behind; /* a user whom vault__items_lock refused, for too many fresh items */
} vault__items_tx;

typedef vault_status (*vault__items_work)(vault__items_tx *t, void *arg);

/* Run work in a transaction that is durable when OK comes back, and again (a few times)
 * when the database says RETRY. work must start from the same input each time and leave
 * its result in arg; the caller copies it out only when OK. */
vault_status vault__items_write(void *self, vault__items_work work, void *arg, vault_err *err);

/* Run work on a reading connection, without a transaction. */
vault_status vault__items_read(void *self, vault__items_work work, void *arg, vault_err *err);

/* vault__items_run(t, VAULT__SQL_X, VAULT__P(a, b), &rows); rows may be NULL. */
vault_status vault__items_run(vault__items_tx *t, vault__sql_id id, const vault__val *params,
                              int n_params, vault__rows *rows);
/* The same for one that must change exactly one row: INTERNAL otherwise. */
vault_status vault__items_run1(vault__items_tx *t, vault__sql_id id, const vault__val *params,
                               int n_params);
/* n_sets sets of parameters for one statement; affected may be NULL. */
vault_status vault__items_run_many(vault__items_tx *t, vault__sql_id id, const vault__val *params,
                                   uint64_t n_sets, int64_t *affected);
/* vault__row_check, and a bad row ends the transaction. */
vault_status vault__items_row_ok(vault__items_tx *t, const vault__row *r);

/* ---- one user -------------------------------------------------------------------- */

typedef struct vault__items_user {
  vault_id id;
  vault_usage_row usage; /* as of the last statement of this transaction */
  int64_t outside_bytes;
  int64_t seq0, seq; /* as read, and as handed out */
  int64_t fresh;     /* items whose version, part and blob rows are not made yet */
  int charged;       /* usage is ahead of its row (vault__items_charge) */
} vault__items_user;

/* What a change moves between the accounts; OUTSIDE takes the difference. */
typedef struct vault__items_delta {
  int64_t live, versions, trash, partial, files;
} vault__items_delta;

/* Wait for this user's other changes to end, and hold the user until the transaction ends.
 * NOT_FOUND. Must come before anything that the user's rules are checked against. */
vault_status vault__items_hold(vault__items_tx *t, const vault_id *user, vault__items_user *u);
/* The same for n users, whose ids are set, different and ascending; there[i] = 0: there is no
 * such user. */
vault_status vault__items_hold_many(vault__items_tx *t, vault__items_user *users, uint64_t n,
                                    uint8_t *there);
/* The same, and fresh items get their rows: whoever looks at version, part or blob. */
vault_status vault__items_lock(vault__items_tx *t, const vault_id *user, vault__items_user *u);
/* Give the fresh items of a user who is held their rows. RETRY: a blob to share went away. */
vault_status vault__items_index(vault__items_tx *t, vault__items_user *u);
/* The same for the oldest `most` of them. */
vault_status vault__items_index_some(vault__items_tx *t, vault__items_user *u, uint64_t most);

/* Whether n more bytes fit; always when n <= 0. */
int vault__items_fits(const vault__items_user *u, int64_t n);

/* Move bytes in memory only: a commit writes the ledger of a user once, at its end. QUOTA. */
vault_status vault__items_charge(vault__items_user *u, const vault__items_delta *d, vault_err *err);
/* Write ledger and numbers of the n users of a commit. */
vault_status vault__items_settle_all(vault__items_tx *t, const vault__items_user *users,
                                     uint64_t n);

/* QUOTA: nothing was changed. */
vault_status vault__items_move(vault__items_tx *t, vault__items_user *u,
                               const vault__items_delta *d);

/* Write the numbers that were handed out (u->seq); the last statement about a user. */
vault_status vault__items_settle(vault__items_tx *t, vault__items_user *u);

/* ---- rules -------------------------------------------------------------------------- */

typedef struct vault__items_found {
  int yes;
  vault_item_row row;
  vault_str key; /* in the arena */
  uint32_t fresh;
} vault__items_found;

/* An item that is no tombstone. Not finding it is OK with yes = 0. */
vault_status vault__items_get(vault__items_tx *t, const vault_id *user, const vault_id *item,
                              vault__items_found *out);
/* The same, but NOT_FOUND when there is none. */
vault_status vault__items_need(vault__items_tx *t, const vault_id *user, const vault_id *item,
                               vault__items_found *out);
/* Who has this name key in a folder. */
vault_status vault__items_child(vault__items_tx *t, const vault_id *user, uint32_t space,
                                const vault_id *parent, vault_str key, vault__items_found *out);
/* A folder that can take items, and how deep it is (the root is 0). PARENT_NOT_FOUND,
 * NOT_A_FOLDER. in_the_way (may be NULL) is set with NOT_A_FOLDER. below (may be NULL):
 * CYCLE when that item is the folder itself or above it. */
vault_status vault__items_parent(vault__items_tx *t, const vault_id *user, uint32_t space,
                                 const vault_id *parent, const vault_id *below, uint32_t *depth,
                                 vault_id *in_the_way);
/* How many levels the item and what is in it take: in its folder what is there, in the
 * trash what went with it. */
vault_status vault__items_height(vault__items_tx *t, const vault_item_row *row, uint32_t *height);
/* PRECONDITION: IF_SEQ does not hold. */
vault_status vault__items_check_seq(const vault_item_change *c, const vault_item_row *row,
                                    vault_err *err);
/* What is asked, with its key. */
void vault__items_op_of_change(const vault_item_change *c, int64_t kind, vault__items_op *out);
void vault__items_op_of_commit(const vault_commit_item *m, vault__items_op *out);
/* The item that this key made; yes = 0 when the key is new or empty. IDEMPOTENCY_KEY when
 * it was used for another request. NOT_FOUND when what it made is gone for good and
 * want_item = 1. */
vault_status vault__items_replay(vault__items_tx *t, const vault_id *user,
                                 const vault__items_op *op, int want_item, vault__items_found *out);
vault_status vault__items_remember(vault__items_tx *t, const vault_id *user,
                                   const vault__items_op *op, const vault_id *item, int64_t now_ms);
/* USAGE unless the parts of a name, key or idempotency key have the lengths they may have. */
vault_status vault__items_check_name(const vault_name *name, vault_err *err);
vault_status vault__items_check_page(uint64_t max, vault_err *err); /* USAGE */
vault_status vault__items_check_op_key(vault_str op_key, vault_err *err);
vault_status vault__items_check_change(const vault_item_change *c, vault_err *err);

/* ---- writing items -------------------------------------------------------------------- */

/* Insert row with its name's key. */
vault_status vault__items_insert(vault__items_tx *t, const vault_item_row *row, vault_str key,
                                 int fresh);
/* The row of a new file that a commit makes. */
void vault__items_new_file(const vault_commit_item *m, const vault_id *parent, int64_t seq,
                           vault_item_row *out);
vault_status vault__items_touch(vault__items_tx *t, vault__items_user *u, const vault_id *item,
                                int64_t now_ms);

void vault__items_new_folder(vault_id user, uint32_t space, vault_id parent, const vault_name *name,
                             int64_t now_ms, vault_item_row *out);
vault_status vault__items_set_mtime(vault__items_tx *t, const vault_item_row *row,
                                    int64_t mtime_ns);

/* ---- decoding -------------------------------------------------------------------------- */

/* Each reads its columns (statements_items.h) from left to right. key may be NULL. */
void vault__items_decode(vault__row *r, vault_item_row *out, vault_str *key);
void vault__items_decode_blob(vault__row *r, vault_blob_row *out);
void vault__items_decode_version(vault__row *r, vault_version_row *out);
void vault__items_decode_usage(vault__row *r, vault_usage_row *out, int64_t *outside);

/* ---- uploads and chains ---------------------------------------------------------------- */

#define VAULT__CHAIN_ROW 256u /* states of one row of blob_chain */

/* What a change of an upload has to know of its row. */
typedef struct vault__upload_held {
  int yes; /* 0: there is no such row */
  uint32_t state;
  int64_t reserved, fence;
  vault_id blob, done_item;
} vault__upload_held;

vault_status vault__items_held(vault__items_tx *t, const vault_id *user, const vault_id *upload,
                               vault__upload_held *out);
/* OK | NOT_FOUND (no row) | PREEMPTED (another lease) */
vault_status vault__items_held_by(const vault__upload_held *h, int64_t fence, vault_err *err);
vault_status vault__items_no_upload(vault_err *err); /* NOT_FOUND */
vault_status vault__items_add_chain(vault__items_tx *t, const vault_id *blob,
                                    const vault_chain *chain);
/* Does nothing while the blob has its row. */
vault_status vault__items_drop_chain(vault__items_tx *t, const vault_id *blob);

/* ---- the methods ------------------------------------------------------------------------ */

vault_status vault__items_get_store(void *self, vault_store_row *out, vault_err *err);
vault_status vault__items_set_attached(void *self, vault_err *err);

vault_status vault__items_begin_upload(void *self, const vault_upload_row *row,
                                       const vault_name *path, uint32_t n_path,
                                       vault_str client_meta, const vault_id *parts,
                                       vault_id *existing, vault_err *err);
vault_status vault__items_lease_upload(void *self, const vault_id *user, const vault_id *upload,
                                       int64_t fence, const uint8_t *owner, vault_upload_row *out,
                                       vault_upload_more *more, vault_err *err);
vault_status vault__items_grow_upload(void *self, const vault_id *user, const vault_id *upload,
                                      int64_t fence, uint64_t more_bytes, vault_err *err);
vault_status vault__items_set_length(void *self, const vault_id *user, const vault_id *upload,
                                     int64_t fence, uint64_t length, vault_err *err);
vault_status vault__items_save_offset(void *self, const vault_upload_save *save, vault_err *err);
vault_status vault__items_get_upload(void *self, const vault_id *user, const vault_id *upload,
                                     vault_upload_row *out, vault_upload_more *more,
                                     vault_err *err);
vault_status vault__items_abort_upload(void *self, const vault_id *user, const vault_id *upload,
                                       int64_t fence, vault_err *err);
vault_status vault__items_list_uploads(void *self, const vault_id *after, int64_t expires_before_ms,
                                       const uint8_t *owner, vault_upload_row *rows, uint64_t max,
                                       uint64_t *n, vault_err *err);
vault_status vault__items_list_waiting(void *self, const vault_id *user, const vault_id *after,
                                       vault_id *ids, uint64_t max, uint64_t *n, vault_err *err);
vault_status vault__items_get_chain(void *self, const vault_id *blob, uint64_t first,
                                    uint8_t *states, uint64_t max, uint64_t *n, vault_err *err);

vault_status vault__items_commit(void *self, const vault_commit_item *items, uint64_t n,
                                 vault_commit_result *results, vault_err *err);
/* One member inside the batch's transaction, by the general way. t->dead stays 0 when it only broke a rule;
 * r is then untouched but for in_the_way. */
vault_status vault__items_commit_member(vault__items_tx *t, vault__items_user *u,
                                        const vault_commit_item *m, vault_commit_result *r);
vault_status vault__items_check_member(const vault_commit_item *m, vault_err *err);

/* Small new files of a commit, gathered (items_put.c). In the transaction's arena. */
typedef struct vault__items_puts vault__items_puts;

/* Room for n of them. NULL: no memory. */
vault__items_puts *vault__items_puts_new(vault__items_tx *t, uint64_t n);
/* Gather m if it can only be an item like any other. *taken = 0: it needs the general way,
 * and before that a flush. What it points to is borrowed until the flush. */
vault_status vault__items_puts_take(vault__items_puts *p, vault__items_user *u,
                                    const vault_commit_item *m, vault_commit_result *r, int *taken);
/* Write what was gathered; what is in the way of one sends it the general way. */
vault_status vault__items_puts_flush(vault__items_puts *p);

vault_status vault__items_make_folder(void *self, const vault_item_change *change,
                                      vault_item_row *out, vault_err *err);
vault_status vault__items_change_item(void *self, const vault_item_change *change,
                                      vault_item_row *out, vault_err *err);
vault_status vault__items_trash_item(void *self, const vault_item_change *change,
                                     vault_item_row *out, vault_err *err);
vault_status vault__items_restore_item(void *self, const vault_item_change *change,
                                       vault_item_row *out, vault_err *err);
vault_status vault__items_purge_item(void *self, const vault_item_change *change, vault_err *err);

vault_status vault__items_get_item(void *self, const vault_id *user, const vault_id *item,
                                   vault_item_row *out, vault_err *err);
vault_status vault__items_find_item(void *self, const vault_id *user, uint32_t space,
                                    const vault_id *parent, const vault_name *path, uint32_t n_path,
                                    vault_item_row *out, vault_err *err);
vault_status vault__items_list_children(void *self, const vault_id *user, uint32_t space,
                                        const vault_id *parent, vault_str after_key,
                                        vault_item_row *rows, char *keys, uint64_t max, uint64_t *n,
                                        vault_err *err);
vault_status vault__items_list_trash(void *self, const vault_id *user, int64_t before_ms,
                                     const vault_id *before_id, vault_item_row *rows, uint64_t max,
                                     uint64_t *n, vault_err *err);
vault_status vault__items_get_version(void *self, const vault_id *user, const vault_id *item,
                                      const vault_id *version, vault_version_row *out,
                                      vault_err *err);

vault_status vault__items_get_content(void *self, const vault_id *user, const vault_id *item,
                                      const vault_id *version, vault_item_row *item_out,
                                      vault_version_row *out, void *body, uint64_t room,
                                      uint64_t *body_n, vault_err *err);

vault_status vault__items_find_digests(void *self, const vault_id *user, const uint8_t *digests,
                                       uint64_t n, uint8_t *have, vault_err *err);
vault_status vault__items_find_blob(void *self, const vault_id *user, const uint8_t *sha256,
                                    uint64_t size_bytes, vault_blob_row *out, vault_err *err);
vault_status vault__items_get_blob(void *self, const vault_id *blob, vault_blob_row *out,
                                   vault_err *err);
vault_status vault__items_list_blobs(void *self, const vault_id *after, vault_blob_row *rows,
                                     uint64_t max, uint64_t *n, vault_err *err);
vault_status vault__items_mark_blobs(void *self, int64_t dead_before_ms, int64_t now_ms,
                                     uint64_t max, uint64_t *n, vault_err *err);
vault_status vault__items_take_blobs(void *self, int64_t dead_before_ms, vault_blob_row *rows,
                                     uint64_t max, uint64_t *n, vault_err *err);
vault_status vault__items_drop_blob(void *self, const vault_id *blob, vault_err *err);

vault_status vault__items_index_fresh(void *self, uint64_t max, uint64_t *n, vault_err *err);
vault_status vault__items_list_inline(void *self, int64_t born_before_ms, vault_blob_row *rows,
                                      uint64_t max, uint64_t *n, vault_err *err);
vault_status vault__items_get_inline(void *self, const vault_id *blob, void *body, uint64_t room,
                                     uint64_t *n, vault_err *err);
vault_status vault__items_inline_usage(void *self, uint64_t *bytes, uint64_t *count,
                                       int64_t *oldest_ms, vault_err *err);
vault_status vault__items_finish_spill(void *self, const vault_id *job, int64_t fence,
                                       const vault_id *blobs, uint64_t n, uint8_t *done,
                                       vault_err *err);

vault_status vault__items_get_usage(void *self, const vault_id *user, vault_usage_row *out,
                                    vault_err *err);
vault_status vault__items_set_quota(void *self, const vault_id *user, uint64_t quota_bytes,
                                    vault_err *err);
vault_status vault__items_recount(void *self, const vault_id *user, uint32_t repair,
                                  vault_usage_row *out, uint32_t *differs, vault_err *err);
vault_status vault__items_sweep_ops(void *self, int64_t before_ms, uint64_t max, uint64_t *n,
                                    vault_err *err);

#endif
