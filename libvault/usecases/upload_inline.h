/* Uploads whose bytes go with their row: a body of known, small length that is sent in one go.
 * Until its commit it is nowhere but in memory, so there is nothing to reserve, to mend or to
 * sweep, and an upload costs one transaction in all. */
#ifndef VAULT__UPLOAD_INLINE_H
#define VAULT__UPLOAD_INLINE_H

#include "upload.h"

int vault__inline_fits(const vault *v, const vault_upload_opts *o);

/* Bytes of all such bodies of a vault together that wait for the rest of them or for their commit:
 * clients that begin many and end none cannot have all memory. */
#define VAULT__INLINE_HELD_MAX (UINT64_C(256) << 20)

/* Memory for the whole body, at most VAULT_INLINE_MAX bytes.
 * RETRY (VAULT__INLINE_HELD_MAX would be passed) | NO_MEMORY */
vault_status vault__inline_begin(vault_upload *u, vault_err *err);

/* Gives it back. Does nothing for an upload without it. */
void vault__inline_end(vault_upload *u);

/* n bytes that the declared length allows. */
void vault__inline_take(vault_upload *u, const void *p, uint64_t n);

/* What differs in the member of a commit. */
void vault__inline_describe(const vault_upload *u, vault_commit_item *item);

/* After its commit: whether these bytes were taken for stored because of a copy that is not
 * whole. 1: u is marked so that the next commit stores its own. */
int vault__inline_is_unsafe(vault_upload *u);

#endif
