#include "otp.h"

#include <stdio.h>
#include <string.h>

#include "libvault/base/alloc.h"
#include "libvault/base/err.h"

#define CODES 1000000u /* 10 to the power of VAULT__OTP_DIGITS */

int vault__otp_code(uint32_t random, char out[VAULT__OTP_TEXT]) {
  if (random >= UINT32_MAX / CODES * CODES)
    return 0;
  random %= CODES;
  for (unsigned i = VAULT__OTP_DIGITS; i-- > 0; random /= 10)
    out[i] = (char)('0' + random % 10);
  out[VAULT__OTP_DIGITS] = 0;
  return 1;
}

int vault__otp_shape(const char *p, uint64_t n) {
  if (n != VAULT__OTP_DIGITS)
    return 0;
  for (uint64_t i = 0; i < n; i++)
    if (p[i] < '0' || p[i] > '9')
      return 0;
  return 1;
}

/* ASCII only: one Turkish letter turns the SMS to UCS-2, and then it has room for 70 characters.
 * The second text of a language is for hosts that leave no room for the first. */
static const struct {
  const char *lang, *text[2];
} texts[] = {
  {"tr", {"Giris kodunuz %s, 2 dakika gecerli. Kimseyle paylasmayin.", "Kodunuz %s"}},
  {"en", {"Your sign-in code is %s, valid for 2 minutes. Never share it.", "Your code: %s"}},
};

static int is_host(const char *host) {
  for (; *host; host++)
    if (!((*host >= 'a' && *host <= 'z') || (*host >= 'A' && *host <= 'Z') ||
          (*host >= '0' && *host <= '9') || *host == '-' || *host == '.'))
      return 0;
  return 1;
}

vault_status vault__otp_sms(const char *lang, const char *host, const char *code,
                            char out[VAULT__OTP_SMS_TEXT], vault_err *err) {
  unsigned row = lang && strcmp(lang, texts[0].lang) == 0 ? 0 : 1;
  if (!vault__otp_shape(code, strlen(code)))
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0, "this is not a six-digit code");
  if (!host)
    host = "";
  if (!is_host(host))
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                       "the host of the public URL has characters that an SMS line cannot carry");
  for (unsigned i = 0; i < 2; i++) {
    char text[VAULT__OTP_SMS_TEXT], line[VAULT__OTP_SMS_TEXT] = "";
    const char *before = strstr(texts[row].text[i], "%s");
    int text_n = snprintf(text, sizeof text, "%.*s%s%s", (int)(before - texts[row].text[i]),
                          texts[row].text[i], code, before + 2);
    int line_n = *host ? snprintf(line, sizeof line, "\n@%s #%s", host, code) : 0;
    if (text_n < 0 || line_n < 0 || line_n > VAULT__OTP_SMS_MAX - text_n)
      continue;
    memcpy(out, text, (size_t)text_n);
    memcpy(out + text_n, line, (size_t)line_n + 1);
    vault__wipe(text, sizeof text); /* both hold the code */
    vault__wipe(line, sizeof line);
    return VAULT_OK;
  }
  return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                     "the host of the public URL is too long for an SMS line; use a shorter one");
}

static uint8_t *put(uint8_t *to, const char *text, uint64_t n) {
  *to++ = (uint8_t)n;
  memcpy(to, text, n);
  return to + n;
}

uint64_t vault__otp_mac_input(const vault_id *challenge, const char *phone, const char *purpose,
                              const char *code, uint8_t out[VAULT__OTP_MAC_INPUT]) {
  uint64_t phone_n = strlen(phone), purpose_n = strlen(purpose), code_n = strlen(code);
  if (phone_n < 2 || phone_n > 16 || !purpose_n || purpose_n > VAULT__OTP_PURPOSE_MAX ||
      !vault__otp_shape(code, code_n))
    return 0;
  memcpy(out, "otp1", 4);
  memcpy(out + 4, challenge->b, sizeof challenge->b);
  uint8_t *at = put(out + 20, phone, phone_n);
  at = put(at, purpose, purpose_n);
  at = put(at, code, code_n);
  return (uint64_t)(at - out);
}
