/* What an upload is inside: shared by upload.c and upload_*.c (its life until it is handed
 * over) and committer.c (its commit). */
#ifndef VAULT__UPLOAD_H
#define VAULT__UPLOAD_H

#include <stddef.h>

#include "changes.h"
#include "claim.h"
#include "libvault/crypto/sha256.h"
#include "vault/upload.h"

/*   RECEIVING --close_body--> CLOSED --seal--> SEALED --publish--> PUBLISHED
 *   any of them --a failure--> BROKEN, from which only abort and suspend lead on (and settle)
 *   any of them --another request has it--> LOST
 *   DONE, WAITING: what the row said; there is no writer */
typedef enum vault__upload_state {
  VAULT__UPLOAD_RECEIVING,
  VAULT__UPLOAD_CLOSED,    /* length and digest are right; sha256 is set */
  VAULT__UPLOAD_SEALED,    /* bytes durable, or shared with a blob that is */
  VAULT__UPLOAD_PUBLISHED, /* name durable */
  VAULT__UPLOAD_BROKEN,
  VAULT__UPLOAD_LOST,
  VAULT__UPLOAD_DONE,
  VAULT__UPLOAD_WAITING,
} vault__upload_state;

/* Chaining values that no row has yet. */
typedef struct vault__upload_chain {
  uint64_t first, n, cap; /* states */
  uint8_t *states;
} vault__upload_chain;

struct vault_upload {
  vault *v;
  vault__claim claim;
  vault__arena arena; /* the path's texts and keys */
  vault_upload_row row;
  vault_name *path;
  uint32_t n_path;
  uint32_t flags; /* VAULT_UP_* */
  vault_id if_version;
  uint8_t expected[VAULT__SHA256_BYTES]; /* VAULT_UP_SHA256 */
  vault_id new_item, new_version;

  vault__upload_state state;
  vault_blob_writer *writer;
  vault__sha256 sha;
  uint8_t sha256[VAULT__SHA256_BYTES];
  uint64_t offset;
  uint64_t flushed;        /* of them, bytes that the store has flushed */
  int64_t flushed_mono_ms; /* when it was flushed, or its time was put off, last */
  vault_blob_row shared;   /* the user has these bytes already: refer to them */
  int is_shared;
  int anew; /* the stored copy of these bytes is damaged */
  vault__upload_chain chain;
  vault_str client_meta; /* in the arena */
  const vault_id *parts; /* row.n_parts of them, in the arena */
  int tell_sha256;       /* `expected` is not in the row yet */
  int holding;           /* since held_offset, nothing counts */
  uint64_t held_offset, held_chain;
  vault__sha256 held_sha;
  vault_upload_view view;

  int is_inline; /* the bytes go with the row: no upload row, no writer (upload_inline.c) */
  uint8_t *body; /* inline: row.length bytes, of which offset arrived */
  uint64_t body_room;

  /* The commit. The result has its place before anything is made durable. */
  vault_upload *next;
  vault_upload *turn_next, *turn_slot, *turn_last; /* commit_queue.c */
  uint32_t behind; /* of the first that came in one call: how many more came with it */
  vault_cq *queue; /* NULL: somebody waits in finish */
  uint64_t tag;
  int done;
  vault_commit_result result;
  vault_item_view result_view;
  vault_err result_err;
};

uint32_t vault__upload_row_flags(uint32_t up_flags);

/* An upload with nothing in it yet; NULL: no memory. */
vault_upload *vault__upload_new(vault *v);

/* Where o puts it: names, ids, extension, content type, times. No upload's row is read or
 * written. OK | as vault_upload_begin */
vault_status vault__upload_aim(vault_upload *u, const vault_principal *who,
                               const vault_upload_opts *o, vault_err *err);

/* The row and the claim; u->row has all but its path and texts. OK | as begin_upload */
vault_status vault__upload_add_row(vault_upload *u, vault_id *existing, vault_err *err);

vault_status vault__upload_check_opts(vault *v, const vault_principal *who,
                                      const vault_upload_opts *o, vault_err *err);

/* Take the lease and read the row, without a writer; the caller has the claim. The state is
 * RECEIVING, DONE or WAITING then. OK | NOT_FOUND | RETRY | IO | NO_MEMORY */
vault_status vault__upload_lease(vault_upload *u, const vault_id *user, const vault_id *upload,
                                 vault_err *err);

/* After the lease: continue the stored bytes at row.offset. A body that is published already
 * is committed; the state is DONE then. OK | NOT_FOUND | BUSY | RETRY | IO */
vault_status vault__upload_open_body(vault_upload *u, vault_err *err);

/* Have the claim of this upload for u, whoever of this process has it. The user's own, and
 * resumable. OK | NOT_FOUND | RETRY | IO */
vault_status vault__upload_seize(vault_upload *u, const vault_id *user, const vault_id *upload,
                                 vault_err *err);

/* A call of the owner's thread begins and ends. Each OK of enter has its leave, except where u
 * was freed or its claim dropped meanwhile. OK | PREEMPTED */
vault_status vault__upload_enter(vault_upload *u, vault_err *err);
/* Remembers what s means for u, and gives s. */
vault_status vault__upload_leave(vault_upload *u, vault_status s);

/* Resumable: flush what was taken, and remember how much it is unless it is held. */
vault_status vault__upload_flush(vault_upload *u, vault_err *err);
/* The same, and the row's state becomes `state`. */
vault_status vault__upload_save(vault_upload *u, uint32_t state, vault_err *err);

/* Room for the states of n more bytes. OK | NO_MEMORY */
vault_status vault__upload_chain_room(vault_upload *u, uint64_t n, vault_err *err);
/* n bytes at the offset, which moves: digest and chain. There is room. */
void vault__upload_hash(vault_upload *u, const void *p, uint64_t n);
/* Of a body of `size` bytes: only states that lie within it. */
vault_chain vault__upload_chain_view(const vault_upload *u, uint64_t size);
/* Continue at row.offset. OK | CORRUPT */
vault_status vault__upload_hash_from_row(vault_upload *u, vault_err *err);

/* The state is WAITING, u has the claim and the lease: make the body if all pieces are whole;
 * the state is RECEIVING then, with everything there. now: even when VAULT__BUILDS_MAX of
 * VAULT__BUILD_BYTES_LARGE or more are being made. OK | NOT_FOUND | TOO_LARGE | QUOTA | RETRY ... */
#define VAULT__BUILDS_MAX 2u
#define VAULT__BUILD_BYTES_LARGE (UINT64_C(16) << 20)
vault_status vault__upload_build(vault_upload *u, int now, vault_err *err);

/* Of all pieces together; VAULT_LENGTH_UNKNOWN as long as one is not known. */
uint64_t vault__upload_pieces_length(const vault_upload *u);
/* The same for the user's concatenations that a piece belongs to, and their commit. What does
 * not succeed now waits on. */
void vault__upload_piece_is_whole(vault *v, const vault_id *user, const vault_id *piece);
/* Build and commit if it can be. OK (also: it waits on) | as build and finish */
vault_status vault__upload_complete(vault *v, const vault_id *user, const vault_id *upload,
                                    vault_err *err);

/* job_uploads.c: finish or give up what was left, under the claim and the lease.
 * OK | RETRY | IO ... */
vault_status vault__upload_mend(vault *v, vault_upload *u, vault_err *err);

void vault__upload_view(vault_upload *u);

/* Check length and digest; no input or output. OK | BODY_SHORT | DIGEST | USAGE */
vault_status vault__upload_close_body(vault_upload *u, vault_err *err);

/* Look for the same bytes among the user's blobs. After OK the state is SEALED when nothing has
 * to become a file (shared, or inline), else CLOSED. OK | RETRY | IO */
vault_status vault__upload_choose(vault_upload *u, vault_err *err);

/* What travels with the bytes. */
void vault__upload_meta(const vault_upload *u, vault_blob_meta *out);

/* The same, and seal what is new. After OK the state is SEALED.
 * OK | NO_SPACE | READ_ONLY | RETRY | IO */
vault_status vault__upload_seal(vault_upload *u, vault_err *err);

/* Give up sharing: that blob went away meanwhile. The own bytes are sealed. */
vault_status vault__upload_unshare(vault_upload *u, vault_err *err);

/* OK | CONFLICT | NO_SPACE | IO. Nothing to do for a shared one. */
vault_status vault__upload_publish(vault_upload *u, vault_err *err);

/* With the lease, before bytes are removed: from here on no other process can commit them, whatever
 * lease it takes. OK | NOT_FOUND | PREEMPTED | RETRY | IO */
vault_status vault__upload_retire(vault_upload *u, vault_err *err);
/* Such a row: what is left of it is to be removed. */
int vault__upload_is_retired(const vault_upload_row *row);

/* Bytes, name and reservation go; what cannot go now is left to job_uploads.c. */
void vault__upload_undo(vault_upload *u);

/* Whether a failure to finish leaves it to be tried again: a resumable one, and nothing that will
 * fail again. */
int vault__upload_is_kept(const vault_upload *u, vault_status s);

void vault__upload_free(vault_upload *u); /* memory and writer only; takes NULL */

#endif
