#include "vt_fault.h"

#include <unistd.h>

#include "libvault/base/err.h"

void vt_fault_init(vt_fault *f) {
  *f = (vt_fault){.mode = VT_FAULT_NONE, .status = VAULT_E_IO};
  (void)pthread_mutex_init(&f->lock, NULL);
}

void vt_fault_free(vt_fault *f) {
  (void)pthread_mutex_destroy(&f->lock);
}

void vt_fault_arm(vt_fault *f, vt_fault_mode mode, uint64_t at, vault_status status) {
  (void)pthread_mutex_lock(&f->lock);
  f->n = f->hits = 0;
  f->mode = mode;
  f->at = at;
  f->status = status;
  (void)pthread_mutex_unlock(&f->lock);
}

uint64_t vt_fault_count(vt_fault *f) {
  (void)pthread_mutex_lock(&f->lock);
  uint64_t n = f->n;
  (void)pthread_mutex_unlock(&f->lock);
  return n;
}

uint64_t vt_fault_hits(vt_fault *f) {
  (void)pthread_mutex_lock(&f->lock);
  uint64_t n = f->hits;
  (void)pthread_mutex_unlock(&f->lock);
  return n;
}

/* What mode f->mode does with call n. */
static vt_fault_act decide(const vt_fault *f, uint64_t n, int can_fail) {
  if (f->mode == VT_FAULT_FROM)
    return can_fail && n >= f->at ? VT_ACT_FAIL : VT_ACT_DO;
  if (f->mode == VT_FAULT_NONE || n != f->at)
    return VT_ACT_DO;
  if (f->mode == VT_FAULT_EXIT_BEFORE)
    _exit(VT_FAULT_EXIT_CODE);
  if (f->mode == VT_FAULT_EXIT_AFTER)
    return VT_ACT_EXIT;
  if (!can_fail)
    return VT_ACT_DO;
  return f->mode == VT_FAULT_LOST ? VT_ACT_LOSE : VT_ACT_FAIL;
}

vt_fault_act vt_fault_enter(vt_fault *f, const char *call, int can_fail) {
  (void)pthread_mutex_lock(&f->lock);
  uint64_t n = ++f->n;
  (void)pthread_mutex_unlock(&f->lock);
  if (f->trace)
    f->trace(f->trace_user, n, call);
  vt_fault_act act = decide(f, n, can_fail);
  if (act == VT_ACT_FAIL || act == VT_ACT_LOSE) {
    (void)pthread_mutex_lock(&f->lock);
    f->hits++;
    (void)pthread_mutex_unlock(&f->lock);
  }
  return act;
}

vault_status vt_fault_fail(const vt_fault *f, const char *call, vault_err *err) {
  return vault__fail(err, f->status, VAULT_ORIGIN_CORE, 0, "injected failure of %s", call);
}

int vt_fault_leave(vt_fault_act act, vault_status st) {
  if (act == VT_ACT_EXIT)
    _exit(VT_FAULT_EXIT_CODE);
  return act == VT_ACT_LOSE && st == VAULT_OK;
}
