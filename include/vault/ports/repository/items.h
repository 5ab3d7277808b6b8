/* Port: items (files and folders), their versions, parts and blobs, uploads, the trash and
 * the usage ledger.
 * Threads: any thread, several at once. May block.
 * Rows are plain values in the caller's memory; text is NUL-terminated UTF-8.
 *
 * Every method is one transaction, durable before it returns OK, and changes nothing when
 * it returns anything else (UNCERTAIN: unknown). Every change of a user's items takes the
 * next number of that user's sequence in the same transaction, and moves bytes between the
 * accounts of the usage ledger, whose sum is always zero. A user's changes happen one
 * after the other. */
#ifndef VAULT_PORTS_REPOSITORY_ITEMS_H
#define VAULT_PORTS_REPOSITORY_ITEMS_H

#include "../../base.h"
#include "../blob_store.h"
#include "jobs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_ITEMS_REPO_V1 1u

#define VAULT_NAME_TEXT 256u         /* 255 bytes of UTF-8 and a NUL */
#define VAULT_NAME_KEY_TEXT 1024u    /* NFC and case fold of a name, NUL included */
#define VAULT_CONTENT_TYPE_TEXT 96u  /* NUL included */
#define VAULT_OP_KEY_MAX 64u         /* bytes of an idempotency key */
#define VAULT_SHA_STATE_MAX 128u     /* bytes of a stored hash midstate */
#define VAULT_PATH_DEPTH_MAX 64u     /* components of a path */
#define VAULT_DIGESTS_MAX 1000u       /* of one find_digests */
#define VAULT_COMMIT_MAX 256u        /* members of one commit */
#define VAULT_INLINE_MAX 65536u      /* bytes of a body that a row can hold (INLINE) */
#define VAULT_SPILL_MAX 1024u        /* blobs of one finish_spill */

#define VAULT_KIND_FOLDER 1u
#define VAULT_KIND_FILE 2u

#define VAULT_ROLE_PRIMARY 0u /* part 0 of a version */

#define VAULT_BLOB_LIVE 0u
#define VAULT_BLOB_MARKED 1u   /* first pass of collection: unreferenced for long enough */
#define VAULT_BLOB_DELETING 2u /* committed: it will be unlinked, it cannot come back */

/* Where the bytes of a blob are: never renumber. */
#define VAULT_LOC_FILE 0u   /* in the blob store */
#define VAULT_LOC_INLINE 1u /* in the repository, until finish_spill */

/* A name with its key: unique per (user, space, parent) among what is not in the trash. */
typedef struct vault_name {
  vault_str text; /* as given, 1 to 255 bytes */
  vault_str key;  /* NFC and case fold of it */
  vault_id id;    /* the folder's id if this component has to be made */
} vault_name;

typedef struct vault_item_row {
  vault_id id;
  vault_id user;
  vault_id parent;  /* zero: the root of the space */
  vault_id version; /* current; zero for a folder */
  vault_id blob;    /* of the current version's part 0; zero for a folder */
  uint32_t kind;    /* VAULT_KIND_* */
  uint32_t space;
  uint64_t size_bytes;
  int64_t mtime_ns;    /* the file's own time, signed */
  uint32_t has_mtime;
  uint32_t n_versions;
  int64_t created_ms;
  int64_t modified_ms; /* when it was last changed here */
  int64_t trashed_ms;  /* 0: not in the trash */
  int64_t seq;         /* of the last change */
  vault_id trash_root; /* the item that was moved to the trash with this one in it */
  uint8_t sha256[32];
  char name[VAULT_NAME_TEXT];
  char content_type[VAULT_CONTENT_TYPE_TEXT];
} vault_item_row;

/* What is needed to read one version's part 0. */
typedef struct vault_version_row {
  vault_id id;
  vault_id item;
  vault_blob_key blob;
  uint32_t format;
  uint32_t loc; /* VAULT_LOC_* */
  uint64_t size_bytes;
  int64_t mtime_ns;
  uint32_t has_mtime;
  uint32_t reserved2;
  int64_t created_ms;
  uint8_t sha256[32];
  char content_type[VAULT_CONTENT_TYPE_TEXT];
} vault_version_row;

typedef struct vault_blob_row {
  vault_blob_key key;
  uint32_t state; /* VAULT_BLOB_* */
  uint32_t format;
  uint32_t loc; /* VAULT_LOC_* */
  uint32_t reserved;
  uint64_t size_bytes;
  int64_t refs;
  int64_t dead_ms; /* since when refs is 0 */
  uint8_t sha256[32];
  vault_id item; /* list_inline only: one that has it; else zero */
} vault_blob_row;

/* ---- uploads ------------------------------------------------------------------ */

#define VAULT_UPLOAD_RESUMABLE 1u
#define VAULT_UPLOAD_NEW_ONLY 2u   /* what was asked for at the start holds to the end, */
#define VAULT_UPLOAD_IF_VERSION 4u /* whoever finishes the upload: if_version */
#define VAULT_UPLOAD_SHA256 8u     /* sha256 */
#define VAULT_UPLOAD_PARTIAL 16u   /* a piece of concatenations: no path, no item */

/* States. A DONE row of a finished upload reserves nothing; a DONE piece keeps what it has. */
#define VAULT_UPLOAD_RECEIVING 0u
#define VAULT_UPLOAD_DONE 1u    /* finished; a piece: it is whole */
#define VAULT_UPLOAD_WAITING 2u /* a concatenation whose pieces are not all whole */

#define VAULT_UPLOAD_PARTS_MAX 1024u       /* pieces of one concatenation */
#define VAULT_UPLOAD_CLIENT_META_MAX 4096u /* bytes */
#define VAULT_CHAIN_STATE 32u              /* bytes of a SHA-256 chaining value, big endian */
#define VAULT_CHAIN_STEP (UINT64_C(1) << 20)
#define VAULT_CHAIN_MAX 4096u              /* states of one get_chain */

typedef struct vault_upload_row {
  vault_id id;
  vault_blob_key blob;
  vault_id parent;   /* where the path starts; zero: the root */
  vault_id item;     /* not zero: a new version of this item, and path is empty */
  vault_id session;  /* who uploads; zero: nobody's */
  uint32_t space;
  uint32_t flags;    /* VAULT_UPLOAD_* */
  uint64_t length;   /* UINT64_MAX: not known yet */
  uint64_t reserved_bytes; /* taken from the quota, in PARTIAL */
  uint64_t offset;   /* durable so far */
  int64_t mtime_ns;
  uint32_t has_mtime;
  uint32_t sha_state_n;
  int64_t created_ms;
  int64_t expires_ms;
  uint8_t sha_state[VAULT_SHA_STATE_MAX]; /* hash midstate at offset */
  uint8_t owner[16]; /* the process that made it: random at vault_open */
  char content_type[VAULT_CONTENT_TYPE_TEXT];
  char op_key[VAULT_OP_KEY_MAX + 4];
  vault_id if_version; /* VAULT_UPLOAD_IF_VERSION */
  uint8_t sha256[32];  /* VAULT_UPLOAD_SHA256 */
  int64_t fence;       /* the lease: one more with each lease_upload; 0 at the start */
  uint32_t state;
  uint32_t n_parts;    /* a concatenation */
  vault_id done_item;  /* DONE: the item; zero for a piece */
} vault_upload_row;

/* What else an upload has: 36 KiB in the caller's memory. */
typedef struct vault_upload_more {
  uint32_t names_n; /* bytes of names: one NUL-ended component after the other */
  uint32_t client_meta_n;
  char names[VAULT_PATH_DEPTH_MAX * VAULT_NAME_TEXT];
  char client_meta[VAULT_UPLOAD_CLIENT_META_MAX];
  vault_id parts[VAULT_UPLOAD_PARTS_MAX]; /* vault_upload_row.n_parts of them */
} vault_upload_more;

/* SHA-256 chaining values of a body, at each whole MiB: state k is what the hash was after k
 * MiB, k > 0. MiB k (from 0) is verified from state k to state k + 1; state 0 is the
 * standard's initial value. Borrowed for the call. */
typedef struct vault_chain {
  uint64_t first; /* k of the first state; at least 1 where n > 0 */
  uint64_t n;
  const uint8_t *states; /* n * VAULT_CHAIN_STATE */
} vault_chain;

/* What save_offset writes. */
typedef struct vault_upload_save {
  uint32_t size; /* sizeof(vault_upload_save) */
  uint32_t state; /* RECEIVING, or DONE for a piece that is whole */
  vault_id user;
  vault_id upload;
  int64_t fence;
  uint64_t offset; /* durable */
  int64_t expires_ms;
  const uint8_t *sha_state;
  uint32_t sha_state_n;
  uint32_t has_sha256; /* 1: sha256 is expected from now on (VAULT_UPLOAD_SHA256) */
  uint8_t sha256[32];
  vault_id blob;     /* the upload's, for the chain */
  vault_chain chain; /* states that were not saved before */
} vault_upload_save;

#define VAULT_FENCE_ANY INT64_C(-1) /* whatever the lease is */

/* ---- commit --------------------------------------------------------------------- */

#define VAULT_COMMIT_PUT 1u    /* no upload row: the quota is taken here */
#define VAULT_COMMIT_FINISH 2u /* settles the upload `upload` */

#define VAULT_COMMIT_SHARED 1u        /* the blob exists already: one more reference */
#define VAULT_COMMIT_IF_NONE_MATCH 2u /* fail with PRECONDITION if the name exists */
#define VAULT_COMMIT_IF_VERSION 4u    /* fail with PRECONDITION unless this is the current one */
#define VAULT_COMMIT_ANEW 8u          /* never SAME: the stored copy of these bytes is damaged */
#define VAULT_COMMIT_INLINE 16u       /* PUT: `body` is kept with the row, nothing is in the store */
#define VAULT_COMMIT_REMEMBER 32u     /* FINISH: the row stays, DONE, until it expires */

typedef struct vault_commit_item {
  uint32_t size; /* sizeof(vault_commit_item) */
  uint32_t kind; /* VAULT_COMMIT_* */
  uint32_t flags;
  uint32_t n_path;        /* 1 to VAULT_PATH_DEPTH_MAX; 0 with `item` */
  const vault_name *path; /* folders to find or make, then the file's name */
  vault_id upload;        /* FINISH */
  vault_id parent;
  vault_id item;          /* a new version of this item; zero: by path */
  vault_id new_item;      /* ids for what has to be made */
  vault_id new_version;
  vault_blob_key blob;
  vault_id if_version;
  uint64_t size_bytes;
  int64_t mtime_ns;
  uint32_t has_mtime;
  uint32_t space;
  int64_t now_ms;
  uint8_t sha256[32];
  vault_str content_type;
  vault_str op_key;       /* idempotency; n = 0: none */
  vault_str body;         /* INLINE: size_bytes bytes, at most VAULT_INLINE_MAX; borrowed */
  int64_t fence;          /* FINISH: PREEMPTED unless the upload's lease is this */
  vault_chain chain;      /* of the blob, what save_offset has not written; not with SHARED */
} vault_commit_item;

#define VAULT_OUTCOME_CREATED 1u /* a new item */
#define VAULT_OUTCOME_VERSION 2u /* a new version of an item */
#define VAULT_OUTCOME_SAME 3u    /* these bytes were there already: blob and version not used */
#define VAULT_OUTCOME_REPLAY 4u  /* this op_key was done before: its item */

typedef struct vault_commit_result {
  uint32_t size;       /* sizeof(vault_commit_result) */
  vault_status status;
  uint32_t outcome;    /* VAULT_OUTCOME_* when OK */
  uint32_t reserved;
  vault_id in_the_way; /* NAME_TAKEN, IS_A_FOLDER, NOT_A_FOLDER, PRECONDITION: who */
  vault_item_row item; /* when OK */
} vault_commit_result;

/* ---- other changes ---------------------------------------------------------------- */

/* One change of an item. Fields that a method does not name are not read. */
typedef struct vault_item_change {
  uint32_t size; /* sizeof(vault_item_change) */
  uint32_t flags; /* VAULT_CHANGE_* */
  vault_id user;
  vault_id item;       /* the item to change, or the id of the folder to make */
  vault_id parent;     /* SET_PARENT */
  vault_name name;     /* SET_NAME */
  int64_t if_seq;      /* IF_SEQ: PRECONDITION unless this is the item's seq */
  int64_t now_ms;
  uint32_t space;
  uint32_t reserved;
  int64_t mtime_ns;    /* SET_MTIME */
  vault_str op_key;    /* idempotency; n = 0: none */
} vault_item_change;

#define VAULT_CHANGE_SET_PARENT 1u
#define VAULT_CHANGE_SET_NAME 2u
#define VAULT_CHANGE_SET_MTIME 4u
#define VAULT_CHANGE_IF_SEQ 8u

/* The ledger of one user, in bytes. used = live + versions + trash + partial, and the
 * account OUTSIDE holds -used, so that the sum is zero. */
typedef struct vault_usage_row {
  vault_id user;
  uint64_t quota_bytes;
  uint64_t live_bytes;     /* current versions of what is not in the trash */
  uint64_t versions_bytes; /* older versions of it */
  uint64_t trash_bytes;    /* all versions of what is in the trash */
  uint64_t partial_bytes;  /* reserved by uploads */
  uint64_t files;          /* files not in the trash */
  int64_t seq;
} vault_usage_row;

typedef struct vault_store_row {
  vault_id store;       /* the id that the blob store carries */
  vault_id incarnation; /* replaced by a restore */
  uint32_t attached;    /* 1: the store was marked once; it must exist from then on */
  uint32_t schema;
} vault_store_row;

typedef struct vault_items_repo_ops {
  uint32_t size;    /* sizeof(vault_items_repo_ops) */
  uint32_t version; /* VAULT_ITEMS_REPO_V1 */

  /* ---- the vault itself ---- */

  /* Must provide. */
  vault_status (*get_store)(void *self, vault_store_row *out, vault_err *err);
  /* Must provide. Remember that the blob store carries our mark. */
  vault_status (*set_attached)(void *self, vault_err *err);

  /* ---- uploads ---- */

  /* Must provide. Reserve row->reserved_bytes and write the row with its path, and
   * row->n_parts ids. QUOTA: the bytes do not fit, nothing is written. CONFLICT: RESUMABLE,
   * and op_key began a resumable upload that is still there: *existing is its id. */
  vault_status (*begin_upload)(void *self, const vault_upload_row *row, const vault_name *path,
                               uint32_t n_path, vault_str client_meta, const vault_id *parts,
                               vault_id *existing, vault_err *err);
  /* Must provide. Take the lease if it is `fence` (or VAULT_FENCE_ANY): one more fence, and
   * owner is who has it now; then give the row. more may be NULL. PREEMPTED: another lease.
   * NOT_FOUND. */
  vault_status (*lease_upload)(void *self, const vault_id *user, const vault_id *upload,
                               int64_t fence, const uint8_t *owner, vault_upload_row *out,
                               vault_upload_more *more, vault_err *err);
  /* Must provide. Reserve more for an upload. QUOTA. NOT_FOUND. PREEMPTED. */
  vault_status (*grow_upload)(void *self, const vault_id *user, const vault_id *upload,
                              int64_t fence, uint64_t more_bytes, vault_err *err);
  /* Must provide. Its length is known: reserve exactly that. QUOTA. NOT_FOUND. PREEMPTED. */
  vault_status (*set_length)(void *self, const vault_id *user, const vault_id *upload,
                             int64_t fence, uint64_t length, vault_err *err);
  /* Must provide. One statement, and the chain with it. NOT_FOUND. PREEMPTED: the lease is
   * another, or the upload is DONE; nothing was changed. */
  vault_status (*save_offset)(void *self, const vault_upload_save *save, vault_err *err);
  /* Must provide. The row; more may be NULL. NOT_FOUND. */
  vault_status (*get_upload)(void *self, const vault_id *user, const vault_id *upload,
                             vault_upload_row *out, vault_upload_more *more, vault_err *err);
  /* Must provide. Remove the row, give the reservation back, and forget the chain of a blob
   * that was not committed. NOT_FOUND. PREEMPTED. */
  vault_status (*abort_upload)(void *self, const vault_id *user, const vault_id *upload,
                               int64_t fence, vault_err *err);
  /* Must provide. Uploads by id after `after`: those that end before expires_before_ms, or
   * (owner not NULL) those of another process that are not DONE. */
  vault_status (*list_uploads)(void *self, const vault_id *after, int64_t expires_before_ms,
                               const uint8_t *owner, vault_upload_row *rows, uint64_t max,
                               uint64_t *n, vault_err *err);
  /* Must provide. A user's uploads in state WAITING, by id after `after`. */
  vault_status (*list_waiting)(void *self, const vault_id *user, const vault_id *after,
                               vault_id *ids, uint64_t max, uint64_t *n, vault_err *err);
  /* Must provide. States first, first + 1 ... of a blob, at most max, one after the other;
   * *n: how many there are. None is no error: a blob of at most a MiB, or one without. */
  vault_status (*get_chain)(void *self, const vault_id *blob, uint64_t first, uint8_t *states,
                            uint64_t max, uint64_t *n, vault_err *err);

  /* ---- commit ---- */

  /* Must provide. All members that can be are made durable together, in one flush; each
   * gets its own status. A member that breaks a rule (QUOTA, NAME_TAKEN, PRECONDITION,
   * IS_A_FOLDER, NOT_A_FOLDER, PARENT_NOT_FOUND, DEPTH, NOT_FOUND) changes nothing and does
   * not disturb the others. RETRY for a SHARED member: that blob is going away, store the
   * bytes anew. Order within a user is kept. The return value is OK unless no member could
   * be tried; results are then not set. results[i].status UNCERTAIN: unknown.
   *
   * INLINE: the bytes are durable with the row. The item may be FRESH for a while: its
   * version and blob are readable at once (get_item, get_version, get_content, find_blob),
   * and get their own rows, where list_blobs, get_blob and list_inline look, with
   * index_fresh or with the next other change of that user. Then the blob may become one
   * that the user had already with these bytes; if that is a FILE, it is INLINE again until
   * it is spilled once more, because nothing here can tell whether the file is whole.
   * A number of the sequence may be left out. */
  vault_status (*commit)(void *self, const vault_commit_item *items, uint64_t n,
                         vault_commit_result *results, vault_err *err);

  /* ---- folders, moves, trash ---- */

  /* Must provide. Make change->item in change->parent, space, name. NAME_TAKEN (err.item),
   * PARENT_NOT_FOUND, NOT_A_FOLDER, DEPTH. An op_key that was used: the folder it made. */
  vault_status (*make_folder)(void *self, const vault_item_change *change, vault_item_row *out,
                              vault_err *err);
  /* Must provide. SET_PARENT, SET_NAME, SET_MTIME in one step. NOT_FOUND, PRECONDITION,
   * NAME_TAKEN, PARENT_NOT_FOUND, NOT_A_FOLDER, CYCLE, DEPTH. The space stays. */
  vault_status (*change_item)(void *self, const vault_item_change *change, vault_item_row *out,
                              vault_err *err);
  /* Must provide (step T1). The item and all that is in it go to the trash. OK if it is
   * there already. */
  vault_status (*trash_item)(void *self, const vault_item_change *change, vault_item_row *out,
                             vault_err *err);
  /* Must provide. Back to where it was, or where SET_PARENT and SET_NAME say; to the root
   * when its folder is gone. NOT_FOUND: not in the trash by itself. NAME_TAKEN. */
  vault_status (*restore_item)(void *self, const vault_item_change *change, vault_item_row *out,
                               vault_err *err);
  /* Must provide (step T2). Remove for good what trash_item moved: tombstones stay, blobs
   * lose their references (dead_ms = now), the ledger gives the bytes back. NOT_FOUND. */
  vault_status (*purge_item)(void *self, const vault_item_change *change, vault_err *err);

  /* ---- reading ---- */

  /* Must provide. Trashed items are given, tombstones are NOT_FOUND. */
  vault_status (*get_item)(void *self, const vault_id *user, const vault_id *item,
                           vault_item_row *out, vault_err *err);
  /* Must provide. Walk a path by its keys, from a parent. NOT_FOUND, NOT_A_FOLDER. */
  vault_status (*find_item)(void *self, const vault_id *user, uint32_t space,
                            const vault_id *parent, const vault_name *path, uint32_t n_path,
                            vault_item_row *out, vault_err *err);
  /* Must provide. What is directly in a folder and not in the trash, by name key (byte
   * order), after after_key (n = 0: from the start). keys: NULL, or max texts of
   * VAULT_NAME_KEY_TEXT bytes each that receive the rows' keys. */
  vault_status (*list_children)(void *self, const vault_id *user, uint32_t space,
                                const vault_id *parent, vault_str after_key, vault_item_row *rows,
                                char *keys, uint64_t max, uint64_t *n, vault_err *err);
  /* Must provide. What was moved to the trash by itself, newest first, after
   * (before_ms, before_id); before_ms = INT64_MAX: the first page. */
  vault_status (*list_trash)(void *self, const vault_id *user, int64_t before_ms,
                             const vault_id *before_id, vault_item_row *rows, uint64_t max,
                             uint64_t *n, vault_err *err);
  /* Must provide. A version of an item; zero id: the current one. NOT_FOUND. */
  vault_status (*get_version)(void *self, const vault_id *user, const vault_id *item,
                              const vault_id *version, vault_version_row *out, vault_err *err);
  /* Must provide. get_item and get_version in one look, and the bytes of an INLINE body with
   * them, so that no spilling comes in between. *body_n is the size of an inline body and 0
   * for any other (out->loc says which it is); its bytes are copied into body when they fit
   * in room, else body is left alone (room 0: they are not wanted). NOT_FOUND. */
  vault_status (*get_content)(void *self, const vault_id *user, const vault_id *item,
                              const vault_id *version, vault_item_row *item_out,
                              vault_version_row *out, void *body, uint64_t room, uint64_t *body_n,
                              vault_err *err);

  /* Must provide. Which of n digests (32 bytes each, at most VAULT_DIGESTS_MAX) are the content of
   * a file now: of the current version of an item that is in its folder, a fresh one too.
   * have[i]: 1 or 0; not set on failure. USAGE: too many. */
  vault_status (*find_digests)(void *self, const vault_id *user, const uint8_t *digests,
                               uint64_t n, uint8_t *have, vault_err *err);

  /* ---- blobs ---- */

  /* Must provide. A live blob of the user with this digest and size. NOT_FOUND. */
  vault_status (*find_blob)(void *self, const vault_id *user, const uint8_t *sha256,
                            uint64_t size_bytes, vault_blob_row *out, vault_err *err);
  /* Must provide. NOT_FOUND. */
  vault_status (*get_blob)(void *self, const vault_id *blob, vault_blob_row *out, vault_err *err);
  /* Must provide. By id, after `after`. */
  vault_status (*list_blobs)(void *self, const vault_id *after, vault_blob_row *rows, uint64_t max,
                             uint64_t *n, vault_err *err);
  /* Must provide (steps T3). Pass 1: LIVE blobs whose dead_ms <= dead_before_ms become
   * MARKED with dead_ms = now_ms. Up to max; *n says how many. */
  vault_status (*mark_blobs)(void *self, int64_t dead_before_ms, int64_t now_ms, uint64_t max,
                             uint64_t *n, vault_err *err);
  /* Must provide. Pass 2: MARKED blobs, still unreferenced, whose dead_ms <= dead_before_ms
   * become DELETING. Gives those and the ones that were DELETING before. An INLINE one can
   * have a file in the blob store, too (a spill that was cut off, or see commit). */
  vault_status (*take_blobs)(void *self, int64_t dead_before_ms, vault_blob_row *rows,
                             uint64_t max, uint64_t *n, vault_err *err);
  /* Must provide (step T5). Remove the row of a DELETING blob, with its bytes if they are
   * inline. OK if it is gone. */
  vault_status (*drop_blob)(void *self, const vault_id *blob, vault_err *err);

  /* ---- inline bodies ---- */

  /* Must provide. Give up to max fresh items (see commit) their rows, user by user, the oldest
   * of each first. *n: how many; less than max: none is left. */
  vault_status (*index_fresh)(void *self, uint64_t max, uint64_t *n, vault_err *err);
  /* Must provide. Inline blobs with a reference, made before born_before_ms, oldest first;
   * not those of fresh items. */
  vault_status (*list_inline)(void *self, int64_t born_before_ms, vault_blob_row *rows,
                              uint64_t max, uint64_t *n, vault_err *err);
  /* Must provide. The bytes of an inline blob: *n of them, copied when they fit in room.
   * NOT_FOUND: it is not inline (any more). */
  vault_status (*get_inline)(void *self, const vault_id *blob, void *body, uint64_t room,
                             uint64_t *n, vault_err *err);
  /* Must provide. What waits to be spilled, fresh items included. oldest_ms: when the oldest
   * of it was made, INT64_MAX: there is none. */
  vault_status (*inline_usage)(void *self, uint64_t *bytes, uint64_t *count, int64_t *oldest_ms,
                               vault_err *err);
  /* Must provide. The bytes of n blobs (1 to VAULT_SPILL_MAX) are durable in the blob store
   * now: where a blob is inline, LIVE and referred to, its loc becomes FILE, the inline bytes
   * go and done[i] is 1; else done[i] is 0, and what was made in the store is the caller's
   * to remove. CONFLICT: the job's lease has not this fence; nothing was changed. */
  vault_status (*finish_spill)(void *self, const vault_id *job, int64_t fence,
                               const vault_id *blobs, uint64_t n, uint8_t *done, vault_err *err);

  /* ---- usage ---- */

  /* Must provide. NOT_FOUND: no such user. */
  vault_status (*get_usage)(void *self, const vault_id *user, vault_usage_row *out,
                            vault_err *err);
  vault_status (*set_quota)(void *self, const vault_id *user, uint64_t quota_bytes,
                            vault_err *err);
  /* Must provide. Count a user's ledger anew from the rows; repair = 1 writes it. *out is
   * what was counted, *differs 1 if the stored ledger said otherwise. */
  vault_status (*recount)(void *self, const vault_id *user, uint32_t repair, vault_usage_row *out,
                          uint32_t *differs, vault_err *err);

  /* ---- housekeeping ---- */

  /* Must provide. Remove up to max remembered results of op keys older than before_ms. */
  vault_status (*sweep_ops)(void *self, int64_t before_ms, uint64_t max, uint64_t *n,
                            vault_err *err);

  /* May provide. Called once. */
  void (*destroy)(void *self);

  /* May provide. Housekeeping of the database between commits (an embedded one copies its
   * log to its place here). The committer calls it after each batch with idle = 0, and with
   * idle = 1 when there was no work for 50 ms. Never waits for others. 1: it did something,
   * 0: there was nothing to do. What fails shows in the next commit. */
  int32_t (*maintain)(void *self, uint32_t idle);
} vault_items_repo_ops;

#ifdef __cplusplus
}
#endif
#endif
