/* A vault whose every call of the driver table, the blob store and the SMS sender can be
 * made to fail, whose memory is counted, and whose clock stands still. Tests only. */
#ifndef VT_WORLD_H
#define VT_WORLD_H

#include "vault/adapters/repositories.h"
#include "vault/vault.h"
#include "vt_fault.h"

#define VT_WORLD_PHONE "+905321234567"
#define VT_WORLD_START_MS INT64_C(1764000000000)

typedef struct vt_world {
  vt_fault fault;       /* calls of ports */
  vt_fault alloc_fault; /* allocations */
  vt_fault_alloc alloc;
  vt_fault_db db;
  vt_fault_blob blob;
  vt_fault_sms sms;
  vault_repositories repos;
  const vault_blob_store_ops *blob_ops;
  const vault_sms_ops *sms_ops;
  vault_config config; /* what vt_world_start opens; its tables are never destroyed by it */
  vault *v;            /* NULL until vt_world_start */
  vault_principal who; /* the user that vt_world_sign_in made */
  char code[8];        /* of the last message */
  int64_t now_ms;
  char database[600], storage[600], keys[600];
} vt_world;

/* dir NULL: everything in memory; otherwise files below dir. Fails the test on trouble. */
void vt_world_make(vt_world *w, const char *dir);
/* Open the vault. */
vault_status vt_world_start(vt_world *w, vault_err *err);
/* Ask for a code, send it, verify it; sets w->who. */
vault_status vt_world_sign_in(vt_world *w, vault_err *err);
/* Close everything; fails the test if memory is left. */
void vt_world_free(vt_world *w);
/* Nothing fails from now on. */
void vt_world_calm(vt_world *w);
/* Ledgers agree with rows, every row has its blob, every blob its row. */
void vt_world_check(vt_world *w);
/* Let time pass and run all jobs. */
void vt_world_later(vt_world *w, int64_t ms);

#endif
