/* Asking for a code.
 *
 * Order: phone -> limits -> one transaction {challenge or further code, job} -> answer. The
 * gateway is never called from here: the job does it, and the code becomes valid when the
 * gateway took it. No step looks for an account, so a known and an unknown number take the
 * same path to the same answer.
 *
 * What may go wrong: the limiter's count is durable before the transaction, so a failed
 * write costs the caller one of its codes, never the operator a message too many. */
#include <stdio.h>
#include <string.h>

#include "auth_shared.h"
#include "libvault/base/alloc.h"
#include "libvault/domain/otp.h"
#include "libvault/domain/phone.h"
#include "outbox.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS INT64_C(86400000)
#define DRAWS_MAX 64u /* of a code; one in 4,500 draws is thrown away */
#define ADD_TRIES 4u  /* another request may add its code between our look and ours */

/* What one request has found out and made. Wiped at the end. */
typedef struct request {
  char phone[VAULT_PHONE_TEXT];
  int64_t now_ms;
  vault__challenge_ref ref;
  vault_challenge_row challenge;
  vault_code_row code;
  vault_job_row job;
  vault__outbox outbox;
} request;

static vault_status read_phone(const vault *v, const char *p, uint64_t n,
                               char out[VAULT_PHONE_TEXT], vault_err *err) {
  char e164[VAULT__PHONE_TEXT];
  if (!p)
    return vault__fail(err, VAULT_E_PHONE, VAULT_ORIGIN_CORE, 0, NULL);
  VAULT_TRY(vault__phone_normalise(p, n, VAULT__HOME_DIAL_CODE, e164, err));
  if (!vault__phone_dial_code_allowed(e164, v->settings.dial_codes))
    return vault__fail(err, VAULT_E_PHONE_COUNTRY, VAULT_ORIGIN_CORE, 0, NULL);
  memset(out, 0, VAULT_PHONE_TEXT);
  memcpy(out, e164, strlen(e164));
  return VAULT_OK;
}

static vault_status take_limits(vault *v, const request *r, const vault_client *client,
                                vault_err *err) {
  const vault_settings *s = &v->settings;
  vault__limit_key gap, hour, day, all, address;
  uint8_t group[VAULT__ADDRESS_GROUP];
  vault_limit_verdict verdict;
  uint64_t n = 0, phone_n = strlen(r->phone);
  vault_limit_rule rules[5];
  memset(&verdict, 0, sizeof verdict);
  rules[n++] = (vault_limit_rule){vault__limit_key_make(v, "code/gap", r->phone, phone_n, &gap), 1,
                                  1, (int64_t)s->code_gap_ms};
  rules[n++] = (vault_limit_rule){vault__limit_key_make(v, "code/hour", r->phone, phone_n, &hour),
                                  s->codes_per_hour, 1, HOUR_MS};
  rules[n++] = (vault_limit_rule){vault__limit_key_make(v, "code/day", r->phone, phone_n, &day),
                                  s->codes_per_day, 1, DAY_MS};
  rules[n++] = (vault_limit_rule){vault__limit_key_make(v, "code/all", "", 0, &all),
                                  s->codes_per_hour_all, 1, HOUR_MS};
  uint32_t group_n = vault__address_group(client, group);
  if (group_n)
    rules[n++] =
      (vault_limit_rule){vault__limit_key_make(v, "code/address", group, group_n, &address),
                         s->codes_per_hour_address, 1, HOUR_MS};
  VAULT_TRY(
    vault__repeatable(v->limiter->take(v->limiter_self, rules, n, r->now_ms, &verdict, err), err));
  if (verdict.allowed)
    return VAULT_OK;
  if (verdict.rule == 3)
    vault__log(v, VAULT_LOG_WARN, "codes_limited_for_all", NULL, 0);
  return vault__limited(err, verdict.retry_after_ms, "codes were asked for");
}

static vault_status not_live(vault_err *err) {
  return vault__fail(err, VAULT_E_CODE, VAULT_ORIGIN_CORE, 0,
                     "this sign-in has ended: ask for a new code without naming it");
}

/* Read the challenge that a further code is asked for. */
static vault_status find_challenge(vault *v, request *r, vault_err *err) {
  uint8_t mac[VAULT__MAC_BYTES];
  vault_status s = VAULT_E_CODE;
  for (uint32_t i = 0; i < VAULT__CHALLENGE_KEYS && s == VAULT_E_CODE; i++) {
    if (!vault__challenge_mac(v, &r->ref, i, mac))
      break;
    s = v->identity->get_challenge(v->identity_self, &r->ref.id, mac, &r->challenge, err);
  }
  if (s == VAULT_E_CODE)
    return not_live(err);
  if (s != VAULT_OK)
    return vault__repeatable(s, err);
  const vault_challenge_row *c = &r->challenge;
  if (strcmp(c->phone, r->phone) != 0 || c->purpose != VAULT_PURPOSE_SIGN_IN ||
      c->consumed_ms != 0 || c->expires_ms <= r->now_ms || c->attempts >= v->settings.code_attempts)
    return not_live(err);
  return VAULT_OK;
}

static vault_status draw_code(vault *v, char out[VAULT__OTP_TEXT], vault_err *err) {
  for (unsigned i = 0; i < DRAWS_MAX; i++) {
    uint32_t bits = 0;
    VAULT_TRY(vault__random(v, &bits, sizeof bits, err));
    int good = vault__otp_code(bits, out);
    vault__wipe(&bits, sizeof bits);
    if (good)
      return VAULT_OK;
  }
  return vault__fail(err, VAULT_E_IO, VAULT_ORIGIN_SYS, 0,
                     "the generator of random numbers is stuck");
}

static vault_status new_challenge(vault *v, request *r, vault_err *err) {
  vault_challenge_row *c = &r->challenge;
  VAULT_TRY(vault__new_id(v, &r->ref.id, err));
  VAULT_TRY(vault__random(v, r->ref.secret, sizeof r->ref.secret, err));
  c->id = r->ref.id;
  if (!vault__challenge_mac(v, &r->ref, 0, c->secret_mac))
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_CRYPTO, 0, "there is no key for codes");
  memcpy(c->phone, r->phone, sizeof c->phone);
  c->purpose = VAULT_PURPOSE_SIGN_IN;
  c->created_ms = r->now_ms;
  return VAULT_OK;
}

/* Code number last_n + 1 of r->challenge, and the job that sends it. */
static vault_status new_code(vault *v, request *r, vault_err *err) {
  const char *kid = NULL;
  vault_code_row *code = &r->code;
  vault__outbox *box = &r->outbox;
  VAULT_TRY(vault__new_id(v, &r->job.id, err));
  VAULT_TRY(draw_code(v, box->code, err));
  code->challenge = r->ref.id;
  code->n = r->challenge.last_n + 1;
  code->created_ms = r->now_ms;
  code->expires_ms = r->now_ms + (int64_t)v->settings.code_ttl_ms;
  if (!vault__code_mac(v, NULL, &code->challenge, r->phone, box->code, code->mac, &kid))
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_CRYPTO, 0, "there is no key for codes");
  (void)snprintf(code->kid, sizeof code->kid, "%s", kid);
  box->challenge = code->challenge;
  box->n = code->n;
  box->expires_ms = code->expires_ms;
  memcpy(box->secret_mac, r->challenge.secret_mac, sizeof box->secret_mac);
  memcpy(box->phone, r->phone, sizeof box->phone);
  r->job.created_ms = r->job.run_ms = r->now_ms;
  return vault__outbox_seal(v, box, &r->job, err);
}

static vault_status store_first(vault *v, request *r, vault_err *err) {
  VAULT_TRY(new_challenge(v, r, err));
  VAULT_TRY(new_code(v, r, err));
  r->challenge.last_n = r->code.n;
  r->challenge.expires_ms = r->code.expires_ms;
  return vault__repeatable(v->identity->create_challenge(v->identity_self, &r->challenge, &r->code,
                                                         &r->job, err),
                           err);
}

static vault_status store_further(vault *v, request *r, vault_err *err) {
  for (unsigned i = 0; i < ADD_TRIES; i++) {
    if (i)
      VAULT_TRY(find_challenge(v, r, err));
    VAULT_TRY(new_code(v, r, err));
    vault_status s = v->identity->add_code(v->identity_self, &r->code, &r->job, err);
    if (s != VAULT_E_CONFLICT)
      return vault__repeatable(s, err);
  }
  return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_CORE, 0,
                     "another request for this sign-in came in between: try again");
}

static vault_status run_request(vault *v, request *r, int further, const vault_client *client,
                                vault_err *err) {
  if (further)
    VAULT_TRY(find_challenge(v, r, err));
  VAULT_TRY(take_limits(v, r, client, err));
  return further ? store_further(v, r, err) : store_first(v, r, err);
}

vault_status vault_auth_request_code(vault *v, const char *phone, uint64_t phone_len,
                                     const char *resend_of, uint64_t resend_of_len,
                                     const vault_client *client, vault_challenge *out,
                                     vault_err *err) {
  request r;
  if (!v || !vault__size_ok(out, sizeof *out) || (resend_of_len && !resend_of))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "asking for a code needs a vault and a result whose size is set");
  if (!v->sms)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "this vault sends no codes: configure a way to send SMS");
  memset(&r, 0, sizeof r);
  VAULT_TRY(read_phone(v, phone, phone_len, r.phone, err));
  if (resend_of_len && !vault__challenge_parse(resend_of, resend_of_len, &r.ref))
    return not_live(err);
  r.now_ms = vault__now_ms(v);
  vault_status s = run_request(v, &r, resend_of_len != 0, client, err);
  if (s == VAULT_OK) {
    out->expires_in_ms = (int64_t)v->settings.code_ttl_ms;
    out->resend_in_ms = (int64_t)v->settings.code_gap_ms;
    vault__challenge_format(&r.ref, out->token);
    vault__notify(v, VAULT_NOTICE_JOB_READY, NULL, NULL, 0);
  }
  vault__wipe(&r, sizeof r);
  return s;
}
