#include <stddef.h>

#include "vt_fault.h"

static vault_status send_one(void *self, const vault_sms *m, vault_err *err) {
  vt_fault_sms *w = self;
  vt_fault_act act = vt_fault_enter(w->fault, "sms.send", 1);
  if (act == VT_ACT_FAIL)
    return vt_fault_fail(w->fault, "sms.send", err);
  vault_status st = w->ops->send(w->self, m, err);
  return vt_fault_leave(act, st) ? vt_fault_fail(w->fault, "sms.send", err) : st;
}

static void destroy(void *self) {
  vt_fault_sms *w = self;
  if (w->ops->destroy)
    w->ops->destroy(w->self);
}

const vault_sms_ops *vt_fault_sms_wrap(vt_fault_sms *w, vt_fault *f, const vault_sms_ops *ops,
                                       void *self) {
  static const vault_sms_ops table = {sizeof table, VAULT_SMS_V1, send_one, destroy};
  *w = (vt_fault_sms){f, ops, self};
  return &table;
}
