#include "outbox.h"

#include <stdio.h>
#include <string.h>

#include "job_kinds.h"
#include "libvault/base/alloc.h"
#include "libvault/crypto/aead.h"

/* Payload: version, challenge, n, expiry, length of the key id, key id | nonce, sealed text.
 * All before the bar is authenticated with it. Numbers are big-endian. */
#define VERSION 1u
#define AT_CHALLENGE 1u
#define AT_N 17u
#define AT_EXPIRES 21u
#define AT_KID 29u
#define HEAD_MAX (AT_KID + 1u + VAULT__KEY_ID_TEXT)
#define PLAIN (VAULT__MAC_BYTES + VAULT_PHONE_TEXT + VAULT__OTP_TEXT)

_Static_assert(HEAD_MAX + PLAIN + VAULT__AEAD_OVERHEAD <= VAULT_JOB_PAYLOAD_MAX, "fits a job");

static void put(uint8_t *p, uint64_t value, unsigned n) {
  for (unsigned i = 0; i < n; i++)
    p[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
}

static uint64_t get(const uint8_t *p, unsigned n) {
  uint64_t value = 0;
  for (unsigned i = 0; i < n; i++)
    value = value << 8 | p[i];
  return value;
}

void vault__outbox_name(const vault_id *challenge, uint32_t n, char out[VAULT__OUTBOX_KEY_TEXT]) {
  char id[VAULT_ID_TEXT];
  vault_id_format(challenge, id);
  (void)snprintf(out, VAULT__OUTBOX_KEY_TEXT, "%s#%u", id, (unsigned)n);
}

vault_status vault__outbox_seal(vault *v, const vault__outbox *in, vault_job_row *job,
                                vault_err *err) {
  const vault__key *key = vault__keyring_newest(&v->keyring, VAULT__KEY_OUTBOX);
  uint8_t plain[PLAIN], nonce[VAULT__AEAD_NONCE], p[HEAD_MAX + PLAIN + VAULT__AEAD_OVERHEAD] = {0};
  char name[VAULT__OUTBOX_KEY_TEXT];
  if (!key)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_CRYPTO, 0, "there is no outbox key");
  VAULT_TRY(vault__random(v, nonce, sizeof nonce, err));
  uint64_t kid_n = strlen(key->kid), head_n = AT_KID + 1 + kid_n;
  p[0] = VERSION;
  memcpy(p + AT_CHALLENGE, in->challenge.b, sizeof in->challenge.b);
  put(p + AT_N, in->n, 4);
  put(p + AT_EXPIRES, (uint64_t)in->expires_ms, 8);
  p[AT_KID] = (uint8_t)kid_n;
  memcpy(p + AT_KID + 1, key->kid, (size_t)kid_n);
  memcpy(plain, in->secret_mac, VAULT__MAC_BYTES);
  memcpy(plain + VAULT__MAC_BYTES, in->phone, VAULT_PHONE_TEXT);
  memcpy(plain + VAULT__MAC_BYTES + VAULT_PHONE_TEXT, in->code, VAULT__OTP_TEXT);
  vault__aead_seal(key->bytes, nonce, p, head_n, plain, sizeof plain, p + head_n);
  vault__wipe(plain, sizeof plain);
  job->payload_n = (uint32_t)(head_n + PLAIN + VAULT__AEAD_OVERHEAD);
  memcpy(job->payload, p, job->payload_n);
  job->kind = VAULT__JOB_SEND_CODE;
  vault__outbox_name(&in->challenge, in->n, name);
  (void)snprintf(job->key, sizeof job->key, "send/%s", name);
  return VAULT_OK;
}

static vault_status damaged(vault_err *err) {
  return vault__fail(
    err, VAULT_E_CORRUPT, VAULT_ORIGIN_CRYPTO, 0,
    "a code that waits to be sent cannot be opened: its key is gone, or it changed");
}

vault_status vault__outbox_open(vault *v, const vault_job_row *job, vault__outbox *out,
                                vault_err *err) {
  const uint8_t *p = job->payload;
  uint8_t plain[PLAIN];
  vault__outbox o;
  if (job->payload_n <= AT_KID || p[0] != VERSION)
    return damaged(err);
  uint64_t head_n = (uint64_t)AT_KID + 1 + p[AT_KID];
  if (job->payload_n != head_n + PLAIN + VAULT__AEAD_OVERHEAD)
    return damaged(err);
  const vault__key *key =
    vault__keyring_find(&v->keyring, VAULT__KEY_OUTBOX, (const char *)p + AT_KID + 1, p[AT_KID]);
  if (!key || vault__aead_open(key->bytes, p, head_n, p + head_n, job->payload_n - head_n, plain,
                               NULL) != VAULT_OK)
    return damaged(err);
  memset(&o, 0, sizeof o);
  memcpy(o.challenge.b, p + AT_CHALLENGE, sizeof o.challenge.b);
  o.n = (uint32_t)get(p + AT_N, 4);
  o.expires_ms = (int64_t)get(p + AT_EXPIRES, 8);
  memcpy(o.secret_mac, plain, VAULT__MAC_BYTES);
  memcpy(o.phone, plain + VAULT__MAC_BYTES, VAULT_PHONE_TEXT);
  memcpy(o.code, plain + VAULT__MAC_BYTES + VAULT_PHONE_TEXT, VAULT__OTP_TEXT);
  vault__wipe(plain, sizeof plain);
  if (o.phone[VAULT_PHONE_TEXT - 1] != 0 || o.code[VAULT__OTP_TEXT - 1] != 0) {
    vault__wipe(&o, sizeof o);
    return damaged(err);
  }
  *out = o;
  vault__wipe(&o, sizeof o);
  return VAULT_OK;
}
