/* Port: something that sends a text message.
 * Threads: called from whichever thread runs vault_jobs_run, several at once. May block. */
#ifndef VAULT_PORTS_SMS_H
#define VAULT_PORTS_SMS_H

#include "../base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_SMS_V1 1u

typedef struct vault_sms {
  uint32_t size;  /* sizeof(vault_sms) */
  uint32_t flags; /* 0 */
  vault_str to;   /* E.164, "+905321234567" */
  vault_str text; /* ASCII; the last line is "@host #code" (WebOTP) */
  vault_str key;  /* idempotency key: the same message has the same key, always */
  int64_t time_ms;
} vault_sms;

typedef struct vault_sms_ops {
  uint32_t size;    /* sizeof(vault_sms_ops) */
  uint32_t version; /* VAULT_SMS_V1 */
  /* Must provide. Hand one message over. The message is borrowed for the call and holds a
   * secret: do not log it.
   * OK: accepted, it will not be sent again. RETRY: surely not accepted, try later.
   * UNCERTAIN: perhaps accepted; a one-time code is then not sent again by itself.
   * INPUT: this number or text will never be accepted. IO: as RETRY. */
  vault_status (*send)(void *self, const vault_sms *message, vault_err *err);
  /* May provide. Called once. */
  void (*destroy)(void *self);
} vault_sms_ops;

#ifdef __cplusplus
}
#endif
#endif
