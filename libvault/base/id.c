#include "id.h"

#include "err.h"

static const char hex[] = "0123456789abcdef";

static int is_dash(unsigned i) {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

void vault_id_format(const vault_id *id, char *out) {
  unsigned byte = 0;
  for (unsigned i = 0; i < VAULT_ID_TEXT - 1;) {
    if (is_dash(i)) {
      out[i++] = '-';
      continue;
    }
    out[i++] = hex[id->b[byte] >> 4];
    out[i++] = hex[id->b[byte++] & 15];
  }
  out[VAULT_ID_TEXT - 1] = 0;
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

vault_status vault_id_parse(const char *text, uint64_t len, vault_id *out) {
  vault_id id;
  unsigned byte = 0;
  if (!text || !out)
    return VAULT_E_USAGE;
  if (len != VAULT_ID_TEXT - 1)
    return VAULT_E_INPUT;
  for (unsigned i = 0; i < VAULT_ID_TEXT - 1;) {
    if (is_dash(i)) {
      if (text[i++] != '-')
        return VAULT_E_INPUT;
      continue;
    }
    int high = nibble(text[i]), low = nibble(text[i + 1]);
    if (high < 0 || low < 0)
      return VAULT_E_INPUT;
    id.b[byte++] = (uint8_t)(high << 4 | low);
    i += 2;
  }
  *out = id;
  return VAULT_OK;
}

int64_t vault__id_time_ms(const vault_id *id) {
  uint64_t t = 0;
  for (unsigned i = 0; i < 6; i++)
    t = t << 8 | id->b[i];
  return (int64_t)t;
}

int vault__id_is_zero(const vault_id *id) {
  unsigned any = 0;
  for (unsigned i = 0; i < sizeof id->b; i++)
    any |= id->b[i];
  return any == 0;
}
