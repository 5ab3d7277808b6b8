/* A code on its way to the gateway, as the payload of a job: sealed, so that the database
 * alone shows neither code nor number. Pure but for the nonce. Any thread. */
#ifndef VAULT__OUTBOX_H
#define VAULT__OUTBOX_H

#include "handle.h"
#include "libvault/crypto/mac.h"
#include "libvault/domain/otp.h"

typedef struct vault__outbox {
  vault_id challenge;
  uint32_t n;                           /* number of the code in its challenge */
  int64_t expires_ms;                   /* of the code */
  uint8_t secret_mac[VAULT__MAC_BYTES]; /* by which the challenge is read */
  char phone[VAULT_PHONE_TEXT];
  char code[VAULT__OTP_TEXT];
} vault__outbox;

#define VAULT__OUTBOX_KEY_TEXT 56u /* "send/UUID#n" */

/* Fill kind, key and payload of the job.
 * OK | what the generator says | INTERNAL (no key) */
vault_status vault__outbox_seal(vault *v, const vault__outbox *in, vault_job_row *job,
                                vault_err *err);

/* OK | CORRUPT (changed, or sealed with a key that is gone). out: wiped by the caller. */
vault_status vault__outbox_open(vault *v, const vault_job_row *job, vault__outbox *out,
                                vault_err *err);

/* "UUID#n": the same for every attempt to send this code. */
void vault__outbox_name(const vault_id *challenge, uint32_t n, char out[VAULT__OUTBOX_KEY_TEXT]);

#endif
