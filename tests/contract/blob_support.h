/* What the two files of the blob store's suite share. */
#ifndef VT_BLOB_SUPPORT_H
#define VT_BLOB_SUPPORT_H

#include "contract.h"

#include "vault/ports/blob_store.h"

typedef struct vt_blob {
  const vt_adapter *a;
  vt_instance in;
  const vault_blob_store_ops *ops;
  void *self;
  uint32_t caps;
} vt_blob;

/* A new store, attached with vt_blob_owner(0). */
void vt_blob_open(vt_blob *b, int i);
void vt_blob_reopen(vt_blob *b); /* and attach again */
void vt_blob_close(vt_blob *b);
vault_id vt_blob_owner(unsigned n);

/* A key: ids are made of the numbers, the month follows from time_ms. */
vault_blob_key vt_blob_key(unsigned user, unsigned blob, uint32_t space, int64_t time_ms,
                           const char *ext);
vault_blob_meta vt_blob_meta(const uint8_t sha256[32]);

/* begin, write, seal, publish, discard. The digest is only right where a test needs it. */
void vt_blob_put(vt_blob *b, const vault_blob_key *key, const void *p, uint64_t n,
                 const uint8_t sha256[32]);
/* The blob is there with exactly these bytes. */
void vt_blob_expect(vt_blob *b, const vault_blob_key *key, const void *p, uint64_t n);
void vt_blob_expect_none(vt_blob *b, const vault_blob_key *key);
/* All entries of the store; returns how many, pages of `page`. */
uint64_t vt_blob_list(vt_blob *b, vault_blob_entry *out, uint64_t room, uint64_t page);

extern const uint8_t vt_sha_hello[32], vt_sha_jello[32]; /* of "hello" and "jello" */

/* The tests about resumable bodies, for adapter i. */
void vt_blob_add_resume(TCase *tcase, int i);
/* The tests about publish_many. */
void vt_blob_add_many(TCase *tcase, int i);

#define VT_NOV_2026_MS INT64_C(1795449600000)

#endif
