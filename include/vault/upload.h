/* The one way in for bytes.
 *
 *   begin -> append ... -> finish           blocking, one thread or many
 *   begin -> append ... -> submit -> event  for event loops: submit never waits for the disk
 *
 * Threads: the calls on `vault *` are any-thread; a vault_upload is confined to one thread
 * at a time, as is a vault_cq for taking events (any thread may submit to it).
 * When finish returns OK, or the event says OK, the bytes, their name and their row are
 * durable: they survive a kill and a power cut. Not before. */
#ifndef VAULT_UPLOAD_H
#define VAULT_UPLOAD_H

#include "item.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_LENGTH_UNKNOWN UINT64_MAX
#define VAULT_UPLOAD_STEP_BYTES (UINT64_C(8) << 20) /* unknown length: reserved in such steps */
#define VAULT_FLUSH_STEP_BYTES (UINT64_C(8) << 20)  /* resumable: flushed at least this often */
#define VAULT_CLIENT_META_MAX VAULT_UPLOAD_CLIENT_META_MAX /* bytes of vault_upload_opts.client_meta */
#define VAULT_CONCAT_PARTS_MAX VAULT_UPLOAD_PARTS_MAX      /* pieces of one concatenation */

typedef struct vault_upload vault_upload;

typedef struct vault_upload_opts {
  uint32_t size;  /* sizeof(vault_upload_opts) */
  uint32_t flags; /* VAULT_UP_* */
  uint32_t space; /* VAULT_SPACE_* */
  uint32_t reserved;
  vault_id parent;   /* where path starts; zero: the root of the space */
  vault_str path;    /* "a/b/c.txt": missing folders are made with the file */
  vault_id item;     /* not zero: a new version of this item; path is then empty */
  uint64_t length;   /* bytes, or VAULT_LENGTH_UNKNOWN */
  int64_t mtime_ns;  /* VAULT_UP_MTIME */
  vault_id if_version; /* VAULT_UP_IF_VERSION */
  uint8_t sha256[32];  /* VAULT_UP_SHA256: DIGEST unless the bytes are these */
  vault_str content_type; /* n = 0: from the name */
  vault_str op_key;       /* idempotency key; n = 0: none */
  vault_str client_meta;  /* resumable: the codec's own bytes, given back by the view; n = 0: none */
} vault_upload_opts;

#define VAULT_UP_MTIME 1u
#define VAULT_UP_SHA256 2u
#define VAULT_UP_NEW_ONLY 4u    /* PRECONDITION if the name exists (If-None-Match: *) */
#define VAULT_UP_IF_VERSION 8u  /* PRECONDITION unless this is the current version (If-Match) */
#define VAULT_UP_RESUMABLE 16u  /* keep what arrived; continue with vault_upload_resume */
#define VAULT_UP_PARTIAL 32u    /* a piece for vault_upload_concat: resumable, no path, no item */

/* Start an upload: the names are checked, the quota is reserved, the intention is durable.
 * A body of known length up to vault_settings.inline_max_bytes that is not resumable is kept
 * in memory until its commit (of exactly that length): for a path nothing is read or written
 * here, so it never waits, and quota and conditions are checked at the commit; for an item
 * its row is read. Such bodies have 256 MiB together; RETRY when there is no room for one more.
 * *out: the caller's, until finish, submit or abort takes it.
 * Resumable, with an op_key that began an upload before: that upload, as vault_upload_resume
 * gives it (look at the view's offset and state; expires with that upload). IDEMPOTENCY_KEY
 * when the key was used for another target or length.
 * OK | NAME | DEPTH | TOO_LARGE | QUOTA | NOT_FOUND (item) | INPUT (client_meta) |
 * IDEMPOTENCY_KEY | USAGE | NO_SPACE | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_upload_begin(vault *v, const vault_principal *who,
                                          const vault_upload_opts *opts, vault_upload **out,
                                          vault_err *err);

/* Continue a resumable upload, in this process or a later one, at its durable offset. Takes
 * it over: whoever has it open elsewhere gets PREEMPTED from the next call (and then lets go
 * with suspend or abort, which touch nothing any more). What a handle of this process had
 * taken is flushed and kept. Waits for one running call of that handle at most, never for
 * its client.
 * A finished one is given too: the view says DONE, append says COMPLETED, finish gives its
 * item again.
 * OK | NOT_FOUND (also: expired, aborted) | BUSY (another process writes it, and the store
 * cannot fence it off) | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_upload_resume(vault *v, const vault_principal *who,
                                           const vault_id *upload, vault_upload **out,
                                           vault_err *err);

typedef struct vault_upload_view {
  uint32_t size; /* sizeof(vault_upload_view) of the library */
  uint32_t state; /* VAULT_UPLOAD_* */
  vault_id id;
  uint64_t offset;         /* bytes taken so far */
  uint64_t durable_offset; /* of these, bytes that survive a power cut */
  uint64_t length;         /* or VAULT_LENGTH_UNKNOWN */
  int64_t created_ms;
  int64_t expires_ms; /* resumable: forgotten then, unless something arrives */
  vault_id item;      /* DONE: what it became; zero for a piece */
  uint32_t flags;     /* VAULT_UP_* of its options */
  uint32_t n_parts;   /* a concatenation: of so many pieces */
  vault_str client_meta;
  const vault_id *parts; /* n_parts ids, in order */
} vault_upload_view;

/* Borrowed until the next call on u. */
VAULT_API const vault_upload_view *vault_upload_get(vault_upload *u);

/* How far a resumable upload is: ends a running append (as vault_upload_resume does), so that
 * the offset stands until the next one. Works on finished ones, and finishes a concatenation
 * that waited for pieces and has them now; the length of one that still waits is that of its
 * pieces, where all are known. *out: free with vault_upload_info_free.
 * OK | NOT_FOUND | RETRY | IO | NO_MEMORY */
typedef struct vault_upload_info vault_upload_info;
VAULT_API vault_status vault_upload_stat(vault *v, const vault_principal *who,
                                         const vault_id *upload, vault_upload_info **out,
                                         vault_err *err);
/* Borrowed until vault_upload_info_free. */
VAULT_API const vault_upload_view *vault_upload_info_get(const vault_upload_info *info);
VAULT_API void vault_upload_info_free(vault_upload_info *info); /* takes NULL */

/* Tell the length of an upload that began without one; it never changes after that.
 * OK (also: the same again) | LENGTH (another is known, or more has arrived) | TOO_LARGE |
 * QUOTA | PREEMPTED | USAGE (it failed before) | RETRY | IO */
VAULT_API vault_status vault_upload_set_length(vault_upload *u, uint64_t length, vault_err *err);

/* Tell the digest that the whole body must have, as VAULT_UP_SHA256 does at the start: 32
 * bytes. Remembered with the upload at the next flush.
 * OK (also: the same again) | DIGEST (another one was told before) | USAGE | PREEMPTED */
VAULT_API vault_status vault_upload_expect_sha256(vault_upload *u, const uint8_t *sha256,
                                                  vault_err *err);

/* Resumable: from here on, what is appended counts only once settle(keep = 1) said OK. With
 * keep = 0, or when the process dies or another request takes over, the upload is back where
 * hold was called. (tus: a chunk with a checksum.) settle(keep = 0) works also after an append
 * has failed, and mends that.
 * OK | USAGE (not resumable, held already, not held) | PREEMPTED | RETRY | IO */
VAULT_API vault_status vault_upload_hold(vault_upload *u, vault_err *err);
VAULT_API vault_status vault_upload_settle(vault_upload *u, uint32_t keep, vault_err *err);

/* Make one upload of pieces (VAULT_UP_PARTIAL), in this order; a piece may come twice, and be
 * used by several. opts: as for begin; it is resumable in any case, and length is ignored. When all
 * pieces are whole, their bytes are copied and hashed now, and *out is ready for finish or submit;
 * of 16 MiB or more two are made at a time, and RETRY is the answer for another and, to any other
 * call, for an upload that is being made.
 * Otherwise the view says WAITING: suspend it, and it is finished by whoever finishes the last
 * piece, or by vault_upload_stat. The pieces stay until they expire or are cancelled.
 * OK | NOT_FOUND (a piece) | INPUT (not a piece; none, or more than VAULT_CONCAT_PARTS_MAX) |
 * as begin */
VAULT_API vault_status vault_upload_concat(vault *v, const vault_principal *who,
                                           const vault_upload_opts *opts, const vault_id *parts,
                                           uint64_t n, vault_upload **out, vault_err *err);

/* Give up an upload that need not be open: ends a running append, then bytes, reservation and
 * the memory of it go. What it became stays.
 * OK | NOT_FOUND | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_upload_cancel(vault *v, const vault_principal *who,
                                           const vault_id *upload, vault_err *err);

#define VAULT_UPLOAD_KEY_TEXT 97u /* 96 characters of base64url, and a NUL */

/* A text for the upload's URL that allows this upload only, for as long as the principal's
 * session lives, whatever becomes of its access token. out: VAULT_UPLOAD_KEY_TEXT bytes.
 * The same principal gets the same text. Does not block.
 * OK | USAGE | INTERNAL (no key) */
VAULT_API vault_status vault_upload_key(vault *v, const vault_principal *who,
                                        const vault_id *upload, char *out, vault_err *err);

/* Who a key was made for, and which upload it is about. NOT_FOUND never says why: not ours,
 * the session ended (no older than revoke_lag_ms), the account is disabled. Whether the upload
 * still exists is said by the call that follows. who: set size.
 * OK | NOT_FOUND | USAGE | RETRY (the database did not say) | NO_MEMORY */
VAULT_API vault_status vault_upload_authenticate(vault *v, const char *key, uint64_t key_len,
                                                 vault_principal *who, vault_id *upload,
                                                 vault_err *err);

/* Take n bytes. After a failure the upload is fit only for abort (or, resumable, suspend).
 * OK | BODY_LONG (more than declared) | TOO_LARGE | QUOTA (unknown length) | PREEMPTED |
 * COMPLETED (it is done) | NO_SPACE | READ_ONLY | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_upload_append(vault_upload *u, const void *p, uint64_t n,
                                           vault_err *err);

/* Resumable: make all that was taken durable, and remember it (durable_offset; held bytes are
 * not counted). Lets it live on for another upload_ttl_ms.
 * OK | USAGE (not resumable) | NOT_FOUND (aborted meanwhile) | PREEMPTED | RETRY | IO */
VAULT_API vault_status vault_upload_flush(vault_upload *u, vault_err *err);

/* Check length and digest and make the bytes durable, so that submit and finish only have
 * to name them. Optional: for hosts that have a thread to spare for a large flush.
 * OK | BODY_SHORT | DIGEST | NO_SPACE | READ_ONLY | IO */
VAULT_API vault_status vault_upload_seal(vault_upload *u, vault_err *err);

/* Finish: seal, publish, commit, and wait for it. Takes u in any case: on failure it is
 * aborted; a resumable one only where a repetition could not help, otherwise (BODY_SHORT,
 * PREEMPTED, QUOTA, NO_SPACE, RETRY, UNCERTAIN, IO ...) it is suspended. A finished resumable
 * upload is remembered until it expires. A piece (VAULT_UP_PARTIAL) becomes whole, and *out is
 * an empty page. out (may be NULL): the item, free with vault_items_free. outcome (may be
 * NULL): VAULT_OUTCOME_*, 0 for a piece.
 * OK | BODY_SHORT | DIGEST | PREEMPTED | CONFLICT (WAITING) | NAME_TAKEN (err.item) |
 * PRECONDITION (err.item) | IS_A_FOLDER | NOT_A_FOLDER | PARENT_NOT_FOUND | NOT_FOUND | DEPTH | QUOTA | IDEMPOTENCY_KEY | NO_SPACE |
 * READ_ONLY | RETRY | UNCERTAIN | IO | NO_MEMORY */
VAULT_API vault_status vault_upload_finish(vault_upload *u, vault_items **out, uint32_t *outcome,
                                           vault_err *err);

/* Give it up: bytes and reservation go; a finished one is only let go of. Takes u; NULL is
 * allowed. Never fails: what cannot be given back now is given back by a job. */
VAULT_API void vault_upload_abort(vault_upload *u);

/* Resumable: let go of it and keep what is durable. Takes u. */
VAULT_API void vault_upload_suspend(vault_upload *u);

/* One call: begin, append, finish. opts->length is ignored; n is the length.
 * Statuses as of the three. */
VAULT_API vault_status vault_put(vault *v, const vault_principal *who,
                                 const vault_upload_opts *opts, const void *p, uint64_t n,
                                 vault_items **out, uint32_t *outcome, vault_err *err);

/* Which of n contents the user has already, so that a backup sends only what is missing. sha256:
 * 32 bytes each, one after the other. have: n bytes in the same order, 1 for what is the
 * content of a file now; older versions and the trash do not count, since they go by themselves.
 * OK | TOO_LARGE (n) | USAGE | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_upload_check(vault *v, const vault_principal *who,
                                          const uint8_t *sha256, uint64_t n, uint8_t *have,
                                          vault_err *err);

#define VAULT_CHECK_MAX 1000u /* digests of one call */

/* ---- completion queue ------------------------------------------------------------- */

typedef struct vault_cq vault_cq;

typedef struct vault_event {
  uint32_t size;       /* in: sizeof(vault_event) */
  vault_status status; /* as vault_upload_finish */
  uint64_t tag;
  uint32_t outcome;    /* VAULT_OUTCOME_* when OK */
  uint32_t reserved;
  const vault_item_view *item; /* when OK; until the next vault_cq_next on this queue */
  const vault_err *err;        /* when not OK; as long */
} vault_event;

/* OK | IO (no descriptor) | NO_MEMORY */
VAULT_API vault_status vault_cq_open(vault *v, vault_cq **out, vault_err *err);
/* BUSY: submitted uploads have not had their event taken. Takes NULL. */
VAULT_API vault_status vault_cq_close(vault_cq *q, vault_err *err);
/* Readable while events wait (an eventfd: read 8 bytes, then take events until there are
 * none). Borrowed until vault_cq_close. */
VAULT_API int32_t vault_cq_fd(const vault_cq *q);
/* The next event, without waiting. OK | NOT_FOUND (none now) */
VAULT_API vault_status vault_cq_next(vault_cq *q, vault_event *ev, vault_err *err);

/* Hand the upload over for its commit; never waits for the disk. On OK the library owns u,
 * and q gets exactly one event with tag. On any error u is still yours. A piece (USAGE)
 * and what is finished already (COMPLETED) are not submitted: finish them.
 * OK | BODY_SHORT | DIGEST | PREEMPTED | COMPLETED | CONFLICT (WAITING) | USAGE |
 * RETRY (too many wait) | NO_MEMORY */
VAULT_API vault_status vault_upload_submit(vault_upload *u, vault_cq *q, uint64_t tag,
                                           vault_err *err);

/* The same for n uploads of one user, none of them resumable, 1 to VAULT_COMMIT_MANY_MAX: they are committed together, in
 * this order, in one transaction, as long as what is not written to the blob store (bodies of at
 * most inline_max_bytes) is at most VAULT_COMMIT_MANY_BYTES. Each gets an event of its own, tags[i]: one that fails a rule
 * does not stop the others, nor does one whose length or digest is wrong. On any error all
 * are still yours.
 * OK | USAGE | RETRY (too many wait) */
VAULT_API vault_status vault_upload_submit_many(vault_upload **u, const uint64_t *tags, uint64_t n,
                                                vault_cq *q, vault_err *err);

#define VAULT_COMMIT_MANY_MAX 256u
#define VAULT_COMMIT_MANY_BYTES (UINT64_C(4) << 20)
#define VAULT_COMMIT_WAITING_MAX 4096u /* submitted and not yet committed */

/* Run one batch of commits on this thread: at most VAULT_COMMIT_MAX uploads. Waits up to
 * timeout_ms for work. *n (may be NULL): how many events were posted. Any number of threads may drive.
 * OK, also when there was nothing */
VAULT_API vault_status vault_commit_drive(vault *v, uint32_t timeout_ms, uint64_t *n,
                                          vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
