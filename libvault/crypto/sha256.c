/* The low-level SHA256_* calls are deprecated since OpenSSL 3.0, but EVP hides the state that
 * we must store, so this one file uses them and silences the warning. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sha256.h"

#include <openssl/sha.h>
#include <string.h>

#include "libvault/base/alloc.h"
#include "libvault/base/err.h"

#define SAVED_VERSION 1u
#define BLOCK 64u

_Static_assert(sizeof(SHA256_CTX) == sizeof(vault__sha256), "libcrypto's state has another size");

static SHA256_CTX *ctx(vault__sha256 *s) {
  return (SHA256_CTX *)(void *)s->opaque; /* built with -fno-strict-aliasing */
}

static const SHA256_CTX *cctx(const vault__sha256 *s) {
  return (const SHA256_CTX *)(const void *)s->opaque;
}

void vault__sha256_init(vault__sha256 *s) {
  memset(s, 0, sizeof *s);
  (void)SHA256_Init(ctx(s)); /* these calls cannot fail */
}

void vault__sha256_add(vault__sha256 *s, const void *p, uint64_t n) {
  if (n)
    (void)SHA256_Update(ctx(s), p, (size_t)n);
}

void vault__sha256_end(vault__sha256 *s, uint8_t out[VAULT__SHA256_BYTES]) {
  (void)SHA256_Final(out, ctx(s));
  vault__wipe(s, sizeof *s);
}

void vault__sha256_of(const void *p, uint64_t n, uint8_t out[VAULT__SHA256_BYTES]) {
  vault__sha256 s;
  vault__sha256_init(&s);
  vault__sha256_add(&s, p, n);
  vault__sha256_end(&s, out);
}

uint64_t vault__sha256_length(const vault__sha256 *s) {
  uint64_t bits = (uint64_t)cctx(s)->Nh << 32 | cctx(s)->Nl;
  return bits / 8;
}

void vault__sha256_save(const vault__sha256 *s, uint8_t out[VAULT__SHA256_SAVED]) {
  const SHA256_CTX *c = cctx(s);
  uint64_t length = vault__sha256_length(s);
  memset(out, 0, VAULT__SHA256_SAVED);
  *out++ = SAVED_VERSION;
  for (unsigned i = 0; i < 8; i++)
    for (unsigned shift = 32; shift; shift -= 8)
      *out++ = (uint8_t)(c->h[i] >> (shift - 8));
  for (unsigned shift = 64; shift; shift -= 8)
    *out++ = (uint8_t)(length >> (shift - 8));
  memcpy(out, c->data, c->num); /* bytes behind num are old ones: not stored */
}

void vault__sha256_chain(const vault__sha256 *s, uint8_t out[VAULT__SHA256_BYTES]) {
  const SHA256_CTX *c = cctx(s);
  for (unsigned i = 0; i < 8; i++)
    for (unsigned shift = 32; shift; shift -= 8)
      *out++ = (uint8_t)(c->h[i] >> (shift - 8));
}

static uint64_t big_endian(const uint8_t *p, unsigned n) {
  uint64_t v = 0;
  while (n--)
    v = v << 8 | *p++;
  return v;
}

static void set_state(SHA256_CTX *c, const uint8_t words[VAULT__SHA256_BYTES], uint64_t length) {
  for (unsigned i = 0; i < 8; i++)
    c->h[i] = (SHA_LONG)big_endian(words + 4 * i, 4);
  c->Nl = (SHA_LONG)(length * 8);
  c->Nh = (SHA_LONG)(length * 8 >> 32);
}

void vault__sha256_resume(vault__sha256 *s, const uint8_t chain[VAULT__SHA256_BYTES],
                          uint64_t length) {
  vault__sha256_init(s);
  set_state(ctx(s), chain, length);
}

vault_status vault__sha256_load(const void *p, uint64_t n, vault__sha256 *s, vault_err *err) {
  const uint8_t *in = p;
  uint64_t length;
  vault__sha256 fresh;
  SHA256_CTX *c = ctx(&fresh);
  if (n != VAULT__SHA256_SAVED || in[0] != SAVED_VERSION)
    goto fail;
  length = big_endian(in + 33, 8);
  if (length > UINT64_MAX / 8)
    goto fail;
  vault__sha256_init(&fresh);
  set_state(c, in + 1, length);
  c->num = (unsigned)(length % BLOCK);
  memcpy(c->data, in + 41, c->num);
  for (unsigned i = c->num; i < BLOCK; i++)
    if (in[41 + i])
      goto fail;
  *s = fresh;
  return VAULT_OK;
fail:
  return vault__fail(err, VAULT_E_CORRUPT, VAULT_ORIGIN_CRYPTO, 0,
                     "a stored SHA-256 state is damaged; hash the bytes again");
}
