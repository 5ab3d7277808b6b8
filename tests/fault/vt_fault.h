/* Failure on demand. One vt_fault is the counter of any number of wrappers, so that "call 17"
 * means the same call in every run, whichever port it goes to. Wrappers are any-thread; arm only
 * while nothing runs. Tests only. */
#ifndef VT_FAULT_H
#define VT_FAULT_H

#include <pthread.h>
#include <stdint.h>

#include "libvault/adapters/sql/db.h"
#include "vault/ports/blob_store.h"
#include "vault/ports/sms.h"

typedef enum vt_fault_mode {
  VT_FAULT_NONE,        /* only count */
  VT_FAULT_ONCE,        /* call `at` fails and does nothing */
  VT_FAULT_FROM,        /* call `at` and all later ones fail and do nothing */
  VT_FAULT_LOST,        /* call `at` is performed, and its answer replaced by a failure */
  VT_FAULT_EXIT_BEFORE, /* the process ends instead of call `at` */
  VT_FAULT_EXIT_AFTER,  /* the process ends when call `at` has been performed */
} vt_fault_mode;

#define VT_FAULT_EXIT_CODE 86 /* of a process that a wrapper ended */

typedef struct vt_fault {
  pthread_mutex_t lock;
  uint64_t n;    /* calls so far */
  uint64_t hits; /* of them, how many were made to fail */
  vt_fault_mode mode;
  uint64_t at; /* from 1 */
  vault_status status;
  /* May be set: told before each call, under no lock. call: "blob.write". */
  void (*trace)(void *user, uint64_t n, const char *call);
  void *trace_user;
} vt_fault;

void vt_fault_init(vt_fault *f);
void vt_fault_free(vt_fault *f);
/* Start counting from 0 again. status: what a failing call returns. */
void vt_fault_arm(vt_fault *f, vt_fault_mode mode, uint64_t at, vault_status status);
uint64_t vt_fault_count(vt_fault *f);
uint64_t vt_fault_hits(vt_fault *f);

/* ---- for wrappers ---- */

typedef enum vt_fault_act { VT_ACT_DO, VT_ACT_FAIL, VT_ACT_LOSE, VT_ACT_EXIT } vt_fault_act;

/* Count a call and say what to do with it. can_fail = 0: a call without a status, which is
 * a step but never fails. */
vt_fault_act vt_fault_enter(vt_fault *f, const char *call, int can_fail);
/* The failure that was asked for. */
vault_status vt_fault_fail(const vt_fault *f, const char *call, vault_err *err);
/* After a call was performed: end the process if that was asked for. 1: lose the answer. */
int vt_fault_leave(vt_fault_act act, vault_status st);

/* ---- wrappers: each borrows the fault; self of the wrapped table is the struct ---- */

typedef struct vt_fault_blob {
  vt_fault *fault;
  const vault_blob_store_ops *ops;
  void *self;
} vt_fault_blob;
/* The table to register, with w as its self. Its destroy destroys the real one. */
const vault_blob_store_ops *vt_fault_blob_wrap(vt_fault_blob *w, vt_fault *f,
                                               const vault_blob_store_ops *ops, void *self);

typedef struct vt_fault_sms {
  vt_fault *fault;
  const vault_sms_ops *ops;
  void *self;
} vt_fault_sms;
const vault_sms_ops *vt_fault_sms_wrap(vt_fault_sms *w, vt_fault *f, const vault_sms_ops *ops,
                                       void *self);

/* A failed statement kills its transaction, as the driver table demands: until rollback
 * the wrapper answers INTERNAL. */
typedef struct vt_fault_db {
  vt_fault *fault;
  vault__db real;
} vt_fault_db;
vault__db vt_fault_db_wrap(vt_fault_db *w, vt_fault *f, vault__db real);

/* An allocator. LOST and the EXIT modes have no meaning here. */
typedef struct vt_fault_alloc {
  vault_alloc alloc; /* give this one out */
  vt_fault *fault;
  pthread_mutex_t lock;
  uint64_t live; /* blocks that are not freed */
  uint64_t live_bytes;
} vt_fault_alloc;
void vt_fault_alloc_init(vt_fault_alloc *a, vt_fault *f);
void vt_fault_alloc_free(vt_fault_alloc *a);
uint64_t vt_fault_alloc_live(vt_fault_alloc *a);

#endif
