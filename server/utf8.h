/* UTF-8 as RFC 3629 has it: overlong forms, surrogates and values above U+10FFFF are bad.
 * Pure, any thread. */
#ifndef VD_UTF8_H
#define VD_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of a sequence by its first byte, 0 if no sequence starts so. */
static inline size_t vd_utf8_announced(uint8_t c) {
  if (c < 0x80)
    return 1;
  if (c < 0xc2)
    return 0;
  if (c < 0xe0)
    return 2;
  if (c < 0xf0)
    return 3;
  return c < 0xf5 ? 4 : 0;
}

/* Length of the well-formed sequence at p, of which n > 0 bytes are there; 0 if there is none. */
static inline size_t vd_utf8_len(const uint8_t *p, size_t n) {
  size_t len = vd_utf8_announced(p[0]);
  if (len < 2 || len > n)
    return len > n ? 0 : len;
  uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
  uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
  if (p[1] < low || p[1] > high)
    return 0;
  for (size_t i = 2; i < len; i++)
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  return len;
}

#endif
