#include "checksum.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "metadata.h"

static const struct {
  const char *name;
  uint32_t kind;
  size_t bytes;
} known[] = {
  {"sha1", VD_SUM_SHA1, 20},
  {"sha256", VD_SUM_SHA256, 32},
  {"crc32c", VD_SUM_CRC32C, 4},
};

#define N_KNOWN (sizeof known / sizeof known[0])

vd_checksum_result vd_checksum_parse(const char *field, vd_checksum *out) {
  const char *space = strchr(field, ' ');
  size_t name_len = space != NULL ? (size_t)(space - field) : 0;

  if (name_len == 0 || space[1] == '\0')
    return VD_CHECKSUM_BAD;
  for (size_t i = 0; i < N_KNOWN; i++) {
    if (strlen(known[i].name) != name_len || memcmp(known[i].name, field, name_len) != 0)
      continue;
    out->kind = known[i].kind;
    if (!vd_base64_decode(space + 1, strlen(space + 1), out->bytes, sizeof out->bytes, &out->n) ||
        out->n != known[i].bytes)
      return VD_CHECKSUM_BAD;
    return VD_CHECKSUM_OK;
  }
  return VD_CHECKSUM_UNKNOWN;
}

/* ---- CRC-32C ---------------------------------------------------------------------------------- */

#define CRC_POLYNOMIAL 0x82f63b78u
#define CRC_SLICES 8u

/* crc_table[k][b]: what byte b adds when k more bytes follow it in the same step. */
static uint32_t crc_table[CRC_SLICES][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void make_crc_table(void) {
  for (uint32_t b = 0; b < 256; b++) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; bit++)
      crc = crc & 1 ? crc >> 1 ^ CRC_POLYNOMIAL : crc >> 1;
    crc_table[0][b] = crc;
  }
  for (size_t k = 1; k < CRC_SLICES; k++) {
    for (uint32_t b = 0; b < 256; b++) {
      uint32_t before = crc_table[k - 1][b];
      crc_table[k][b] = before >> 8 ^ crc_table[0][before & 0xff];
    }
  }
}

uint32_t vd_crc32c(uint32_t crc, const uint8_t *bytes, size_t n) {
  (void)pthread_once(&crc_once, make_crc_table);
  crc = ~crc;
  for (; n >= CRC_SLICES; bytes += CRC_SLICES, n -= CRC_SLICES) {
    uint32_t next = 0;
    for (size_t k = 0; k < CRC_SLICES; k++) {
      uint8_t b = (uint8_t)(bytes[k] ^ (k < 4 ? (uint8_t)(crc >> (8 * k)) : 0));
      next ^= crc_table[CRC_SLICES - 1 - k][b];
    }
    crc = next;
  }
  for (; n > 0; bytes++, n--)
    crc = crc >> 8 ^ crc_table[0][(crc ^ *bytes) & 0xff];
  return ~crc;
}

/* ---- sums ------------------------------------------------------------------------------------- */

struct vd_sum {
  uint32_t kinds;
  bool failed;
  uint32_t crc;
  EVP_MD_CTX *sha1, *sha256;
};

static bool begin(EVP_MD_CTX **ctx, const EVP_MD *md) {
  *ctx = EVP_MD_CTX_new();
  return *ctx != NULL && EVP_DigestInit_ex(*ctx, md, NULL) == 1;
}

vd_sum *vd_sum_new(uint32_t kinds) {
  vd_sum *s = calloc(1, sizeof *s);

  if (s == NULL)
    return NULL;
  s->kinds = kinds;
  if (((kinds & VD_SUM_SHA1) != 0 && !begin(&s->sha1, EVP_sha1())) ||
      ((kinds & VD_SUM_SHA256) != 0 && !begin(&s->sha256, EVP_sha256()))) {
    vd_sum_free(s);
    return NULL;
  }
  return s;
}

bool vd_sum_update(vd_sum *s, const uint8_t *bytes, size_t n) {
  if ((s->sha1 != NULL && EVP_DigestUpdate(s->sha1, bytes, n) != 1) ||
      (s->sha256 != NULL && EVP_DigestUpdate(s->sha256, bytes, n) != 1))
    s->failed = true;
  if ((s->kinds & VD_SUM_CRC32C) != 0)
    s->crc = vd_crc32c(s->crc, bytes, n);
  return !s->failed;
}

bool vd_sum_equals(vd_sum *s, const vd_checksum *expected) {
  uint8_t got[EVP_MAX_MD_SIZE];
  EVP_MD_CTX *ctx = expected->kind == VD_SUM_SHA1 ? s->sha1 : s->sha256;

  if (s->failed || (s->kinds & expected->kind) == 0)
    return false;
  if (expected->kind == VD_SUM_CRC32C) {
    for (size_t k = 0; k < 4; k++)
      got[k] = (uint8_t)(s->crc >> (24 - 8 * k));
  } else if (EVP_DigestFinal_ex(ctx, got, NULL) != 1) {
    return false;
  }
  return memcmp(got, expected->bytes, expected->n) == 0;
}

void vd_sum_free(vd_sum *s) {
  if (s == NULL)
    return;
  EVP_MD_CTX_free(s->sha1);
  EVP_MD_CTX_free(s->sha256);
  free(s);
}
