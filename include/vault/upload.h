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
} vault_upload_opts;

#define VAULT_UP_MTIME 1u
#define VAULT_UP_SHA256 2u
#define VAULT_UP_NEW_ONLY 4u    /* PRECONDITION if the name exists (If-None-Match: *) */
#define VAULT_UP_IF_VERSION 8u  /* PRECONDITION unless this is the current version (If-Match) */
#define VAULT_UP_RESUMABLE 16u  /* keep what arrived; continue with vault_upload_resume */

/* Start an upload: the names are checked, the quota is reserved, the intention is durable.
 * *out: the caller's, until finish, submit or abort takes it.
 * OK | NAME | DEPTH | TOO_LARGE | QUOTA | NOT_FOUND (item) | USAGE | NO_SPACE | RETRY | IO |
 * NO_MEMORY */
VAULT_API vault_status vault_upload_begin(vault *v, const vault_principal *who,
                                          const vault_upload_opts *opts, vault_upload **out,
                                          vault_err *err);

/* Continue a resumable upload, in this process or a later one, at its durable offset.
 * OK | NOT_FOUND | BUSY (it is open) | RETRY | IO | NO_MEMORY */
VAULT_API vault_status vault_upload_resume(vault *v, const vault_principal *who,
                                           const vault_id *upload, vault_upload **out,
                                           vault_err *err);

typedef struct vault_upload_view {
  uint32_t size; /* sizeof(vault_upload_view) of the library */
  uint32_t reserved;
  vault_id id;
  uint64_t offset;         /* bytes taken so far */
  uint64_t durable_offset; /* of these, bytes that survive a power cut */
  uint64_t length;         /* or VAULT_LENGTH_UNKNOWN */
} vault_upload_view;

VAULT_API const vault_upload_view *vault_upload_get(vault_upload *u); /* until the next call on u */

/* Take n bytes. After a failure the upload is fit only for abort (or, resumable, suspend).
 * OK | BODY_LONG (more than declared) | TOO_LARGE | QUOTA (unknown length) | NO_SPACE |
 * READ_ONLY | IO | NO_MEMORY */
VAULT_API vault_status vault_upload_append(vault_upload *u, const void *p, uint64_t n,
                                           vault_err *err);

/* Resumable: make all that was taken durable, and remember it (durable_offset).
 * OK | USAGE (not resumable) | NOT_FOUND (aborted meanwhile) | RETRY | IO */
VAULT_API vault_status vault_upload_flush(vault_upload *u, vault_err *err);

/* Check length and digest and make the bytes durable, so that submit and finish only have
 * to name them. Optional: for hosts that have a thread to spare for a large flush.
 * OK | BODY_SHORT | DIGEST | NO_SPACE | READ_ONLY | IO */
VAULT_API vault_status vault_upload_seal(vault_upload *u, vault_err *err);

/* Finish: seal, publish, commit, and wait for it. Takes u in any case: on failure it is
 * aborted. out (may be NULL): the item, free with vault_items_free. outcome (may be NULL):
 * VAULT_OUTCOME_*.
 * OK | BODY_SHORT | DIGEST | NAME_TAKEN (err.item) | PRECONDITION | IS_A_FOLDER |
 * NOT_A_FOLDER | PARENT_NOT_FOUND | NOT_FOUND | DEPTH | QUOTA | IDEMPOTENCY_KEY | NO_SPACE |
 * READ_ONLY | RETRY | UNCERTAIN | IO | NO_MEMORY */
VAULT_API vault_status vault_upload_finish(vault_upload *u, vault_items **out, uint32_t *outcome,
                                           vault_err *err);

/* Give it up: bytes and reservation go. Takes u; NULL is allowed. Never fails: what cannot
 * be given back now is given back by a job. */
VAULT_API void vault_upload_abort(vault_upload *u);

/* Resumable: let go of it and keep what is durable. Takes u. */
VAULT_API void vault_upload_suspend(vault_upload *u);

/* One call: begin, append, finish. opts->length is ignored; n is the length.
 * Statuses as of the three. */
VAULT_API vault_status vault_put(vault *v, const vault_principal *who,
                                 const vault_upload_opts *opts, const void *p, uint64_t n,
                                 vault_items **out, uint32_t *outcome, vault_err *err);

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
 * and q gets exactly one event with tag. On any error u is still yours.
 * OK | BODY_SHORT | DIGEST | USAGE | RETRY (too many wait) | NO_MEMORY */
VAULT_API vault_status vault_upload_submit(vault_upload *u, vault_cq *q, uint64_t tag,
                                           vault_err *err);

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
