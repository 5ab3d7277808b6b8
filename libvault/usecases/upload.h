/* What an upload is inside: shared by upload.c and upload_end.c (its life until it is handed
 * over) and committer.c (its commit). */
#ifndef VAULT__UPLOAD_H
#define VAULT__UPLOAD_H

#include "changes.h"
#include "claim.h"
#include "libvault/crypto/sha256.h"
#include "vault/upload.h"

/*   RECEIVING --close_body--> CLOSED --seal--> SEALED --publish--> PUBLISHED
 *   any of them --a failure--> BROKEN, from which only abort and suspend lead on */
typedef enum vault__upload_state {
  VAULT__UPLOAD_RECEIVING,
  VAULT__UPLOAD_CLOSED,    /* length and digest are right; sha256 is set */
  VAULT__UPLOAD_SEALED,    /* bytes durable, or shared with a blob that is */
  VAULT__UPLOAD_PUBLISHED, /* name durable */
  VAULT__UPLOAD_BROKEN,
} vault__upload_state;

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
  int64_t flushed_mono_ms; /* when it was flushed, or its time was put off, last */
  vault_blob_row shared;   /* the user has these bytes already: refer to them */
  int is_shared;
  int anew; /* the stored copy of these bytes is damaged */
  vault_upload_view view;

  /* The commit. The result has its place before anything is made durable. */
  vault_upload *next;
  vault_cq *queue; /* NULL: somebody waits in finish */
  uint64_t tag;
  int done;
  vault_commit_result result;
  vault_item_view result_view;
  vault_err result_err;
};

/* An upload with nothing in it yet; NULL: no memory. */
vault_upload *vault__upload_new(vault *v);

/* Read an upload's row again, without a writer; the caller has the claim. OK | NOT_FOUND | RETRY | IO | NO_MEMORY */
vault_status vault__upload_load(vault *v, const vault_id *user, const vault_id *upload,
                                vault_upload **out, vault_err *err);

/* Resumable: flush what was taken and remember how much it is. */
vault_status vault__upload_flush(vault_upload *u, vault_err *err);

/* Check length and digest; no input or output. OK | BODY_SHORT | DIGEST | USAGE */
vault_status vault__upload_close_body(vault_upload *u, vault_err *err);

/* Look for the same bytes among the user's blobs; seal what is new. After OK the state is
 * SEALED. OK | NO_SPACE | READ_ONLY | RETRY | IO */
vault_status vault__upload_seal(vault_upload *u, vault_err *err);

/* Give up sharing: that blob went away meanwhile. The own bytes are sealed. */
vault_status vault__upload_unshare(vault_upload *u, vault_err *err);

/* OK | CONFLICT | NO_SPACE | IO. Nothing to do for a shared one. */
vault_status vault__upload_publish(vault_upload *u, vault_err *err);

/* Bytes, name and reservation go; what cannot go now is left to job_uploads.c. */
void vault__upload_undo(vault_upload *u);

void vault__upload_free(vault_upload *u); /* memory and writer only; takes NULL */

#endif
