/* Phone numbers: one text per number (E.164), so that one person is one account.
 * Not an oracle of validity: only the shape is checked, and for Turkey whether the range is
 * one of mobiles that take SMS. Pure functions, any thread. */
#ifndef VAULT__PHONE_H
#define VAULT__PHONE_H

#include "vault/base.h"

#define VAULT__PHONE_DIGITS 15    /* E.164: country code and number */
#define VAULT__PHONE_DIGITS_MIN 7 /* shorter ones are service numbers */
#define VAULT__PHONE_TEXT 17      /* '+', 15 digits, NUL */
#define VAULT__PHONE_INPUT 128    /* longest input looked at, in bytes */

/* Normalise what a person typed to E.164. home_dial_code is the country of numbers written
 * without one; only "90" is known, with any other every number needs + or 00. Spaces, dashes, dots, slashes,
 * parentheses, bidi and zero-width marks are dropped; digits of any script that NFKC or
 * Unicode knows as decimal digits count. Zeros are never dropped but for the Turkish trunk 0.
 * out is untouched on failure.
 * OK | PHONE (not a number) | PHONE_COUNTRY (Turkish, but no mobile that takes SMS) */
vault_status vault__phone_normalise(const char *p, uint64_t n, const char *home_dial_code,
                                    char out[VAULT__PHONE_TEXT], vault_err *err);

/* Whether codes go to this number. allowed: "90", "90,49" or "*". */
int vault__phone_dial_code_allowed(const char *e164, vault_str allowed);

/* For logs and errors: "+90********67". Takes anything; what is not E.164 becomes "+?". */
void vault__phone_mask(const char *e164, char out[VAULT__PHONE_TEXT]);

/* The number without its last four digits: neighbours share it, so it is the key of the
 * limit against made-up adjacent numbers. */
void vault__phone_prefix(const char *e164, char out[VAULT__PHONE_TEXT]);

#endif
