/* Port: a store of immutable byte strings, one folder per user.
 * Threads: the store is any-thread; a writer or reader is confined (one thread at a time).
 * Everything may block.
 *
 * A body becomes a blob in this order, and a crash between any two steps leaves either
 * nothing or something that recovery finds:
 *   begin -> write ... -> seal (bytes durable) -> publish (name durable) -> [row committed]
 *   -> discard (always the last call on a writer). */
#ifndef VAULT_PORTS_BLOB_STORE_H
#define VAULT_PORTS_BLOB_STORE_H

#include "../base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_BLOB_STORE_V1 1u

#define VAULT_SPACE_FILES 1u
#define VAULT_SPACE_PHOTOS 2u
#define VAULT_SPACE_NOTES 3u

#define VAULT_BLOB_EXT_MAX 9u    /* bytes of an extension, the dot included, NUL not */
#define VAULT_BLOB_PATH_MAX 128u /* bytes of a key as text, the NUL included */

/* Names a blob. The path is a pure function of these four:
 * {user}/{files|photos|notes}/{yyyy}/{mm}/{blob}{ext}, the month in UTC from the id. */
typedef struct vault_blob_key {
  vault_id user;
  vault_id blob; /* UUIDv7 */
  uint32_t space; /* VAULT_SPACE_*, the space that it was born in */
  char ext[12];   /* ".jpg" or "", lower case, NUL-terminated */
} vault_blob_key;

/* The path of a key below the root. out: VAULT_BLOB_PATH_MAX bytes, NUL-terminated.
 * INPUT when the key is not valid. */
VAULT_API vault_status vault_blob_key_path(const vault_blob_key *key, char *out, vault_err *err);

/* The reverse; INPUT for anything that vault_blob_key_path does not make. */
VAULT_API vault_status vault_blob_key_parse(const char *path, uint64_t len, vault_blob_key *out,
                                            vault_err *err);

/* What travels with a blob so that it describes itself. */
typedef struct vault_blob_meta {
  uint32_t size; /* sizeof(vault_blob_meta) */
  uint32_t format; /* 0: plain bytes */
  vault_id item;
  uint8_t sha256[32];
} vault_blob_meta;

typedef struct vault_blob_writer vault_blob_writer; /* the adapter's own */
typedef struct vault_blob_reader vault_blob_reader;

#define VAULT_BLOB_CAP_FD 1u     /* readers have a file descriptor (sendfile) */
#define VAULT_BLOB_CAP_RESUME 2u /* resumable writers survive a restart */
#define VAULT_BLOB_CAP_META 4u   /* meta is kept and given back */
#define VAULT_BLOB_CAP_DURABLE 8u /* survives the process */

#define VAULT_BLOB_MANY_MAX 256u /* writers of one publish_many */

#define VAULT_BLOB_RESUMABLE 1u /* begin: keep the partial body under the blob's id */

typedef struct vault_blob_entry {
  vault_blob_key key;
  uint64_t size_bytes;
  int64_t modified_ms;
  uint32_t partial; /* 1: a resumable body that was never published */
  uint32_t reserved;
} vault_blob_entry;

typedef struct vault_blob_store_ops {
  uint32_t size;    /* sizeof(vault_blob_store_ops) */
  uint32_t version; /* VAULT_BLOB_STORE_V1 */

  /* Must provide. VAULT_BLOB_CAP_*. Constant over the store's life. */
  uint32_t (*caps)(void *self);

  /* Must provide; called once before anything else. The store carries the id of the vault
   * that owns it. create = 1: an empty or missing store is made and marked; create = 0:
   * STORE_MISSING when there is none. STORE_FOREIGN when another id is there. */
  vault_status (*attach)(void *self, const vault_id *store, uint32_t create, vault_err *err);

  /* Must provide. Start a body. Nothing is visible under the key. flags: VAULT_BLOB_RESUMABLE. */
  vault_status (*begin)(void *self, const vault_blob_key *key, uint32_t flags,
                        vault_blob_writer **out, vault_err *err);

  /* Must provide where CAP_RESUME. Continue a resumable body at offset; anything behind it
   * is cut off. fence: grows with each lease of the upload (begin has 0). A writer with a
   * smaller one, in any process, changes nothing from then on: its calls give PREEMPTED, and
   * its discard removes nothing. Waits for a running call of such a writer. BUSY: one is
   * open elsewhere, and this store cannot fence it off. PREEMPTED: a larger fence was here.
   * NOT_FOUND: no such body, or it is published. OFFSET: it is shorter than offset. */
  vault_status (*resume)(void *self, const vault_blob_key *key, uint64_t offset, int64_t fence,
                         vault_blob_writer **out, vault_err *err);

  /* Must provide. Append n bytes. NO_SPACE and IO leave the writer fit only for discard. */
  vault_status (*write)(void *self, vault_blob_writer *w, const void *p, uint64_t n,
                        vault_err *err);

  /* Must provide where CAP_RESUME. Make what was written durable; *offset says how much
   * is. A failed flush is never repeated on the same writer (the kernel may have dropped
   * the pages): IO, fit only for discard. */
  vault_status (*flush)(void *self, vault_blob_writer *w, uint64_t *offset, vault_err *err);

  /* Must provide. The body is whole: attach meta where supported and make the bytes
   * durable. May be called twice; the second does nothing. */
  vault_status (*seal)(void *self, vault_blob_writer *w, const vault_blob_meta *meta,
                       vault_err *err);

  /* Must provide, after seal. Make the blob visible under its key, durably, without ever
   * replacing anything. Where the key exists already: OK if it has the same size and
   * digest (an earlier try that was not heard), CONFLICT if not. */
  vault_status (*publish)(void *self, vault_blob_writer *w, vault_err *err);

  /* Must provide; takes NULL. Frees the writer; a body that was not published is removed,
   * except when keep = 1 and it is resumable. Never fails. */
  void (*discard)(void *self, vault_blob_writer *w, uint32_t keep);

  /* Must provide. Open a published blob. NOT_FOUND. */
  vault_status (*open)(void *self, const vault_blob_key *key, vault_blob_reader **out,
                       uint64_t *size_bytes, vault_err *err);
  /* Must provide. Read up to n bytes at offset; *got is 0 only at the end. */
  vault_status (*read)(void *self, vault_blob_reader *r, uint64_t offset, void *p, uint64_t n,
                       uint64_t *got, vault_err *err);
  /* May provide (CAP_FD). A descriptor that stays valid until close; -1 if there is none. */
  int32_t (*fd)(void *self, vault_blob_reader *r);
  /* Must provide; takes NULL. */
  void (*close)(void *self, vault_blob_reader *r);

  /* Must provide. Size of a published blob, and its meta where CAP_META (out may be NULL;
   * otherwise meta->format is UINT32_MAX when there is none). NOT_FOUND. */
  vault_status (*stat)(void *self, const vault_blob_key *key, uint64_t *size_bytes,
                       vault_blob_meta *meta, vault_err *err);

  /* Must provide. Remove a blob and its partial body, durably. OK when there is none. */
  vault_status (*remove)(void *self, const vault_blob_key *key, vault_err *err);

  /* Must provide. Up to `max` entries in a fixed order, published and partial, after the
   * position in `cursor` (VAULT_BLOB_PATH_MAX bytes, empty string = the start), which is
   * moved on. *n == 0: the end. Things that are not ours are left out. */
  vault_status (*list)(void *self, char *cursor, vault_blob_entry *entries, uint64_t max,
                       uint64_t *n, vault_err *err);

  /* May provide. Called once. */
  void (*destroy)(void *self);

  /* May provide; must where publishing has steps that a crash can come between. Make the
   * name of a published blob as durable as publish does: the process that published it may
   * have died before its flush. NOT_FOUND. */
  vault_status (*confirm)(void *self, const vault_blob_key *key, vault_err *err);

  /* May provide. Seal and publish n writers (1 to VAULT_BLOB_MANY_MAX, no two with one key)
   * with as few flushes as the store can do: all bytes are durable before the first name is
   * made, and all names before this returns. metas[i] is for w[i]; a writer that is sealed
   * already keeps its own. statuses[i] is what seal and publish of w[i] would have given; a
   * flush that was shared and failed fails every writer that needed it. err is about the
   * first that failed. Each writer still needs its discard. */
  void (*publish_many)(void *self, vault_blob_writer *const *w, const vault_blob_meta *metas,
                       uint64_t n, vault_status *statuses, vault_err *err);

  /* Must provide where CAP_RESUME. Open a resumable body that was not published, for `read`
   * and `close`. *size_bytes: what is there now. NOT_FOUND. */
  vault_status (*open_partial)(void *self, const vault_blob_key *key, vault_blob_reader **out,
                               uint64_t *size_bytes, vault_err *err);
  /* May provide. As read and write of n bytes at offset, without the bytes passing through
   * the caller (copy_file_range). CORRUPT: there are fewer. As write otherwise. */
  vault_status (*copy)(void *self, vault_blob_writer *w, vault_blob_reader *r, uint64_t offset,
                       uint64_t n, vault_err *err);
} vault_blob_store_ops;

#ifdef __cplusplus
}
#endif
#endif
