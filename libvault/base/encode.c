#include "encode.h"

#include <string.h>

static const char url_alphabet[] =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_alphabet[] =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_alphabet[] = "0123456789abcdef";

/* Without padding; returns the end. */
static char *encode(const char *alphabet, const void *p, uint64_t n, char *out) {
  const uint8_t *in = p;
  uint32_t bits = 0;
  unsigned held = 0;
  for (uint64_t i = 0; i < n; i++) {
    bits = (bits << 8 | in[i]) & 0xffff;
    held += 8;
    while (held >= 6) {
      held -= 6;
      *out++ = alphabet[bits >> held & 63];
    }
  }
  if (held)
    *out++ = alphabet[bits << (6 - held) & 63];
  *out = 0;
  return out;
}

void vault__b64url(const void *p, uint64_t n, char *out) {
  (void)encode(url_alphabet, p, n, out);
}

void vault__b64(const void *p, uint64_t n, char *out) {
  char *end = encode(std_alphabet, p, n, out);
  while ((end - out) % 4)
    *end++ = '=';
  *end = 0;
}

void vault__hex(const void *p, uint64_t n, char *out) {
  const uint8_t *in = p;
  for (uint64_t i = 0; i < n; i++) {
    *out++ = hex_alphabet[in[i] >> 4];
    *out++ = hex_alphabet[in[i] & 15];
  }
  *out = 0;
}

static int value(const char *alphabet, char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  if (c == alphabet[62])
    return 62;
  return c == alphabet[63] ? 63 : -1;
}

static vault_status decode(const char *alphabet, const char *p, uint64_t n, void *out,
                           uint64_t room, uint64_t *out_n) {
  uint8_t *to = out;
  uint64_t bytes = n / 4 * 3 + n % 4 * 6 / 8;
  uint32_t bits = 0;
  unsigned held = 0;
  if (n % 4 == 1) /* six bits are not a byte */
    return VAULT_E_INPUT;
  if (bytes > room)
    return VAULT_E_TOO_LARGE;
  for (uint64_t i = 0; i < n; i++) {
    int v = value(alphabet, p[i]);
    if (v < 0)
      return VAULT_E_INPUT;
    bits = (bits << 6 | (uint32_t)v) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      *to++ = (uint8_t)(bits >> held);
    }
  }
  if (bits & ((1u << held) - 1)) /* unused bits are 0, or one value would have several texts */
    return VAULT_E_INPUT;
  *out_n = bytes;
  return VAULT_OK;
}

vault_status vault__b64url_decode(const char *p, uint64_t n, void *out, uint64_t room,
                                  uint64_t *out_n) {
  return decode(url_alphabet, p, n, out, room, out_n);
}

vault_status vault__b64_decode(const char *p, uint64_t n, void *out, uint64_t room,
                               uint64_t *out_n) {
  if (n % 4)
    return VAULT_E_INPUT;
  if (n && p[n - 1] == '=')
    n -= p[n - 2] == '=' ? 2 : 1;
  return decode(std_alphabet, p, n, out, room, out_n);
}

static int nibble(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

vault_status vault__hex_decode(const char *p, uint64_t n, void *out, uint64_t room,
                               uint64_t *out_n) {
  uint8_t *to = out;
  if (n % 2)
    return VAULT_E_INPUT;
  if (n / 2 > room)
    return VAULT_E_TOO_LARGE;
  for (uint64_t i = 0; i < n; i += 2) {
    int high = nibble(p[i]), low = nibble(p[i + 1]);
    if (high < 0 || low < 0)
      return VAULT_E_INPUT;
    *to++ = (uint8_t)(high << 4 | low);
  }
  *out_n = n / 2;
  return VAULT_OK;
}
