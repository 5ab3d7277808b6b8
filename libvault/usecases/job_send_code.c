/* Handing one code to the gateway.
 *
 * The code becomes valid when the gateway took it, so a message that was never sent leaves the
 * code before it valid. A crash between sending and code_accepted: the job runs again and sends
 * the same code under the same idempotency key, at most one message too many, never a dead code.
 * UNCERTAIN is not sent again: the code may be on its way, so it becomes valid. */
#include <stdio.h>
#include <string.h>

#include "auth_shared.h"
#include "job_kinds.h"
#include "libvault/base/alloc.h"
#include "libvault/domain/phone.h"
#include "outbox.h"

#define HOST_TEXT 256u
#define LANGUAGE_TEXT 8u

static void copy(vault_str from, char *to, uint64_t room) {
  uint64_t n = from.n < room ? from.n : 0; /* too long is as none */
  if (n)
    memcpy(to, from.p, (size_t)n);
  to[n] = 0;
}

static void log_code(vault *v, uint32_t level, const char *event, const vault__outbox *box) {
  char id[VAULT_ID_TEXT], phone[VAULT__PHONE_TEXT];
  vault_id_format(&box->challenge, id);
  vault__phone_mask(box->phone, phone);
  const vault_log_field fields[] = {
    {"challenge", {id, VAULT_ID_TEXT - 1}, 0},
    {"n", {NULL, 0}, (int64_t)box->n},
    {"phone", {phone, strlen(phone)}, 0},
  };
  vault__log(v, level, event, fields, sizeof fields / sizeof *fields);
}

/* Without the last line the browser does not fill the code in, but the person still can. */
static vault_status make_text(const vault *v, const char *code, char out[VAULT__OTP_SMS_TEXT],
                              vault_err *err) {
  char host[HOST_TEXT], language[LANGUAGE_TEXT];
  copy(v->host, host, sizeof host);
  copy(v->settings.sms_language, language, sizeof language);
  if (vault__otp_sms(language, host, code, out, NULL) == VAULT_OK)
    return VAULT_OK;
  return vault__otp_sms(language, NULL, code, out, err);
}

/* 1: there is somebody who can still use it. */
static int is_wanted(vault *v, const vault__outbox *box, vault__job_end *end, vault_err *err) {
  vault_challenge_row row;
  memset(&row, 0, sizeof row);
  if (box->expires_ms <= vault__now_ms(v))
    return 0;
  vault_status s =
    v->identity->get_challenge(v->identity_self, &box->challenge, box->secret_mac, &row, err);
  if (s != VAULT_OK && s != VAULT_E_CODE)
    end->failed = s;
  return s == VAULT_OK && row.consumed_ms == 0;
}

static vault_status hand_over(vault *v, const vault__outbox *box, vault_err *err) {
  char text[VAULT__OTP_SMS_TEXT], name[VAULT__OUTBOX_KEY_TEXT];
  VAULT_TRY(make_text(v, box->code, text, err));
  vault__outbox_name(&box->challenge, box->n, name);
  vault_sms message = {
    .size = sizeof message,
    .to = {box->phone, strlen(box->phone)},
    .text = {text, strlen(text)},
    .key = {name, strlen(name)},
    .time_ms = vault__now_ms(v),
  };
  vault_status s = v->sms->send(v->sms_self, &message, err);
  vault__wipe(text, sizeof text);
  return s;
}

static void deliver(vault *v, const vault__outbox *box, vault__job_end *end, vault_err *err) {
  vault_status s = hand_over(v, box, err);
  int32_t kind = vault_status_class(s);
  if (kind == VAULT_CLASS_OK || kind == VAULT_CLASS_UNCERTAIN) {
    if (kind == VAULT_CLASS_UNCERTAIN)
      log_code(v, VAULT_LOG_WARN, "code_perhaps_sent", box);
    end->failed =
      v->identity->code_accepted(v->identity_self, &box->challenge, box->n, vault__now_ms(v), err);
    if (end->failed == VAULT_OK)
      log_code(v, VAULT_LOG_INFO, "code_sent", box);
    return;
  }
  end->failed = s;
  end->bury = kind == VAULT_CLASS_INPUT;
}

void vault__job_send_code(vault *v, const vault_job_row *job, vault__job_end *end, vault_err *err) {
  vault__outbox box;
  vault_status s = vault__outbox_open(v, job, &box, err);
  if (s != VAULT_OK || !v->sms) {
    end->failed = s != VAULT_OK ? s
                                : vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_SMS, 0,
                                              "this vault sends no codes");
    end->bury = 1;
  } else if (is_wanted(v, &box, end, err)) {
    deliver(v, &box, end, err);
  }
  vault__wipe(&box, sizeof box);
}
