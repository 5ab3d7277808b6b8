/* One-time codes: their shape, their numbers, what is sent and what is authenticated.
 * A code is text, never an integer: leading zeros count. Pure functions, any thread. */
#ifndef VAULT__OTP_H
#define VAULT__OTP_H

#include "vault/base.h"

#define VAULT__OTP_DIGITS 6
#define VAULT__OTP_TEXT (VAULT__OTP_DIGITS + 1)
#define VAULT__OTP_TTL_MS INT64_C(120000)
#define VAULT__OTP_ATTEMPTS 5   /* compares per challenge, over all its codes */
#define VAULT__OTP_LIVE_CODES 2 /* codes of one challenge that may be valid together */

#define VAULT__OTP_SMS_MAX 120 /* longer ones may be cut, and the last line is lost first */
#define VAULT__OTP_SMS_TEXT (VAULT__OTP_SMS_MAX + 1)

#define VAULT__OTP_PURPOSE_MAX 32
/* "otp1", id, and three texts with a length byte each. */
#define VAULT__OTP_MAC_INPUT (4 + 16 + 1 + 16 + 1 + VAULT__OTP_PURPOSE_MAX + 1 + VAULT__OTP_DIGITS)

/* A code from 32 random bits. 1: out is set, each code equally likely. 0: these bits would
 * make some codes likelier; draw again (about 1 in 4,500). */
int vault__otp_code(uint32_t random, char out[VAULT__OTP_TEXT]);

/* Exactly six ASCII digits. */
int vault__otp_shape(const char *p, uint64_t n);

/* The message: ASCII, at most 120 characters, its last line "@host #code" (WICG origin-bound
 * one-time codes). lang: "tr", else English. host: of the public URL, without a port; NULL
 * or empty: no such line. out is untouched on failure.
 * OK | INPUT (the host has odd characters or is too long, or the code is not a code) */
vault_status vault__otp_sms(const char *lang, const char *host, const char *code,
                            char out[VAULT__OTP_SMS_TEXT], vault_err *err);

/* What the HMAC of a code is computed over: it binds the code to the challenge, the number and
 * the purpose ("login"). Each text is preceded by its length. Returns the bytes written;
 * 0 when phone, purpose or code is not of the right shape. */
uint64_t vault__otp_mac_input(const vault_id *challenge, const char *phone, const char *purpose,
                              const char *code, uint8_t out[VAULT__OTP_MAC_INPUT]);

#endif
