/* `verify_reads`: no byte of a stored content is given out before the MiB it lies in was
 * compared with what was uploaded. Used by read.c only.
 * Threads: a verifier is confined to its reader. */
#ifndef VAULT__READ_VERIFY_H
#define VAULT__READ_VERIFY_H

#include "handle.h"

#define VAULT__VERIFY_STATES 64u /* chaining values that are asked for at once */

/* Zeroed at first. */
typedef struct vault__verifier {
  uint8_t *buf;    /* one piece: at most VAULT_CHAIN_STEP bytes */
  uint64_t piece;  /* which one, where n > 0 */
  uint64_t n;      /* verified bytes in buf; 0: none */
  uint8_t *states; /* chaining values first, first + 1 ... */
  uint64_t first, n_states;
} vault__verifier;

/* The bytes from offset (below the content's size) to the end of their piece, verified. They
 * are borrowed until the next call. blob: the open content of this version.
 * OK | CORRUPT (not what was uploaded: logged and counted; nothing was given) | RETRY | IO |
 * NO_MEMORY */
vault_status vault__verify_piece(vault *v, vault__verifier *f, const vault_version_row *version,
                                 vault_blob_reader *blob, uint64_t offset, vault_str *bytes,
                                 vault_err *err);

/* A whole content in memory. OK | CORRUPT (as above) */
vault_status vault__verify_body(vault *v, const vault_version_row *version, const uint8_t *body,
                                vault_err *err);

void vault__verify_end(vault *v, vault__verifier *f);

#endif
