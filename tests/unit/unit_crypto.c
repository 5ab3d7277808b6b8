#include <string.h>

#include "libvault/crypto/aead.h"
#include "libvault/crypto/crypto.h"
#include "libvault/crypto/mac.h"
#include "libvault/crypto/sha256.h"
#include "libvault/crypto/sign.h"
#include "tests/support/vt_main.h"

static void is_hex(const uint8_t *got, size_t n, const char *hex) {
  uint8_t want[256];
  ck_assert_uint_eq(vt_hex(hex, want, sizeof want), n);
  ck_assert_mem_eq(got, want, n);
}

START_TEST(starts_more_than_once) {
  vt_ok(vault__crypto_init(NULL));
  vt_ok(vault__crypto_init(NULL));
}
END_TEST

/* RFC 6234 §8.5 and FIPS 180. */
START_TEST(sha256_vectors) {
  uint8_t out[32];
  static char million[1000000];
  vault__sha256_of("", 0, out);
  is_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  vault__sha256_of("abc", 3, out);
  is_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  vault__sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, out);
  is_hex(out, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  memset(million, 'a', sizeof million);
  vault__sha256_of(million, sizeof million, out);
  is_hex(out, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

START_TEST(sha256_continues_from_every_offset) {
  uint8_t data[200], whole[32], out[32], saved[VAULT__SHA256_SAVED], again[VAULT__SHA256_SAVED];
  for (unsigned i = 0; i < sizeof data; i++)
    data[i] = (uint8_t)(i * 7 + 1);
  vault__sha256_of(data, sizeof data, whole);
  for (unsigned cut = 0; cut <= sizeof data; cut++) {
    vault__sha256 s, t;
    vault__sha256_init(&s);
    vault__sha256_add(&s, data, cut);
    ck_assert_uint_eq(vault__sha256_length(&s), cut);
    vault__sha256_save(&s, saved);
    vt_ok(vault__sha256_load(saved, sizeof saved, &t, NULL));
    vault__sha256_save(&t, again);
    ck_assert_mem_eq(saved, again, sizeof saved);
    vault__sha256_add(&t, data + cut, sizeof data - cut);
    vault__sha256_end(&t, out);
    ck_assert_mem_eq(out, whole, 32);
  }
}
END_TEST

/* From the chaining value of every whole block: the hash goes on as if nothing had been between. */
START_TEST(sha256_resumes_from_a_chaining_value) {
  uint8_t data[5 * 64 + 3], whole[32], out[32], chain[32], again[32];
  for (unsigned i = 0; i < sizeof data; i++)
    data[i] = (uint8_t)(i * 11 + 5);
  vault__sha256_of(data, sizeof data, whole);
  for (unsigned cut = 0; cut <= sizeof data; cut += 64) {
    vault__sha256 s, t;
    vault__sha256_init(&s);
    vault__sha256_add(&s, data, cut);
    vault__sha256_chain(&s, chain);
    vault__sha256_resume(&t, chain, cut);
    ck_assert_uint_eq(vault__sha256_length(&t), cut);
    vault__sha256_chain(&t, again);
    ck_assert_mem_eq(chain, again, 32);
    vault__sha256_add(&t, data + cut, sizeof data - cut);
    vault__sha256_end(&t, out);
    ck_assert_mem_eq(out, whole, 32);
  }
  vault__sha256 far;
  vault__sha256_resume(&far, chain, UINT64_C(1) << 32); /* bits that pass 32 */
  ck_assert_uint_eq(vault__sha256_length(&far), UINT64_C(1) << 32);
}
END_TEST

START_TEST(sha256_length_passes_4_gib) {
  /* A state whose length is near 2^32 bytes: the upper half of the bit count must survive. */
  uint8_t saved[VAULT__SHA256_SAVED] = {1};
  vault__sha256 s;
  saved[33 + 3] = 1; /* 2^32 */
  vt_ok(vault__sha256_load(saved, sizeof saved, &s, NULL));
  ck_assert_uint_eq(vault__sha256_length(&s), UINT64_C(1) << 32);
  vault__sha256_add(&s, "x", 1);
  ck_assert_uint_eq(vault__sha256_length(&s), (UINT64_C(1) << 32) + 1);
}
END_TEST

START_TEST(sha256_refuses_a_damaged_state) {
  uint8_t saved[VAULT__SHA256_SAVED];
  vault__sha256 s, t;
  vault_err err = VAULT_ERR_INIT;
  vault__sha256_init(&s);
  vault__sha256_add(&s, "abc", 3);
  vault__sha256_save(&s, saved);
  vt_status(vault__sha256_load(saved, sizeof saved - 1, &t, &err), VAULT_E_CORRUPT);
  saved[0] = 2;
  vt_status(vault__sha256_load(saved, sizeof saved, &t, &err), VAULT_E_CORRUPT);
  saved[0] = 1;
  saved[41 + 3] = 1; /* a byte behind the open block's end */
  vt_status(vault__sha256_load(saved, sizeof saved, &t, &err), VAULT_E_CORRUPT);
  saved[41 + 3] = 0;
  saved[33] = 0xff; /* longer than a SHA-256 can be */
  vt_status(vault__sha256_load(saved, sizeof saved, &t, &err), VAULT_E_CORRUPT);
}
END_TEST

/* RFC 4231: test cases 1, 2, 6. */
START_TEST(mac_vectors) {
  uint8_t key[131], out[32];
  memset(key, 0x0b, 20);
  vault__mac(key, 20, "Hi There", 8, out);
  is_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  vault__mac("Jefe", 4, "what do ya want for nothing?", 28, out);
  is_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  memset(key, 0xaa, sizeof key);
  vault__mac(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", 54, out);
  is_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
END_TEST

START_TEST(equal_compares_all_bytes) {
  ck_assert_int_eq(vault__equal("abcd", "abcd", 4), 1);
  ck_assert_int_eq(vault__equal("abcd", "abce", 4), 0);
  ck_assert_int_eq(vault__equal("abcd", "bbcd", 4), 0);
  ck_assert_int_eq(vault__equal("abcd", "abce", 3), 1);
}
END_TEST

START_TEST(kdf_separates_label_and_context) {
  uint8_t key[32] = {1}, a[32], b[32], other[32] = {2};
  vault__kdf(key, "ab", "c", 1, a);
  vault__kdf(key, "ab", "c", 1, b);
  ck_assert_mem_eq(a, b, 32);
  vault__kdf(key, "a", "bc", 2, b);
  ck_assert_mem_ne(a, b, 32);
  vault__kdf(key, "ab", "c\0", 2, b);
  ck_assert_mem_ne(a, b, 32);
  vault__kdf(key, "ab", NULL, 0, b);
  ck_assert_mem_ne(a, b, 32);
  vault__kdf(other, "ab", "c", 1, b);
  ck_assert_mem_ne(a, b, 32);
}
END_TEST

/* draft-irtf-cfrg-xchacha-03, A.3.1. */
START_TEST(aead_vector) {
  static const char text[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    "sunscreen would be it.";
  uint8_t key[32], nonce[24], ad[12], out[114 + VAULT__AEAD_OVERHEAD], back[114];
  for (unsigned i = 0; i < 32; i++)
    key[i] = (uint8_t)(0x80 + i);
  for (unsigned i = 0; i < 24; i++)
    nonce[i] = (uint8_t)(0x40 + i);
  vt_hex("50515253c0c1c2c3c4c5c6c7", ad, sizeof ad);
  vault__aead_seal(key, nonce, ad, sizeof ad, text, 114, out);
  is_hex(out + 24, 16, "bd6d179d3e83d43b9576579493c0e939");
  is_hex(out + 24 + 114, 16, "c0875924c1c7987947deafd8780acf49");
  vt_ok(vault__aead_open(key, ad, sizeof ad, out, sizeof out, back, NULL));
  ck_assert_mem_eq(back, text, 114);
}
END_TEST

START_TEST(aead_refuses_every_change) {
  uint8_t key[32] = {3}, nonce[24] = {4}, out[6 + VAULT__AEAD_OVERHEAD], back[6], zero[6] = {0};
  vault_err err = VAULT_ERR_INIT;
  vault__aead_seal(key, nonce, "ad", 2, "012345", 6, out);
  for (unsigned i = 0; i < sizeof out; i++) {
    out[i] ^= 1;
    memset(back, 1, sizeof back);
    vt_status(vault__aead_open(key, "ad", 2, out, sizeof out, back, &err), VAULT_E_CORRUPT);
    ck_assert_mem_eq(back, zero, 6);
    out[i] ^= 1;
  }
  vt_status(vault__aead_open(key, "ae", 2, out, sizeof out, back, &err), VAULT_E_CORRUPT);
  vt_status(vault__aead_open(key, "ad", 2, out, sizeof out - 1, back, &err), VAULT_E_CORRUPT);
  vt_status(vault__aead_open(key, "ad", 2, out, 39, back, &err), VAULT_E_CORRUPT);
  key[0] = 9;
  vt_status(vault__aead_open(key, "ad", 2, out, sizeof out, back, &err), VAULT_E_CORRUPT);
}
END_TEST

/* RFC 8032 §7.1: tests 1, 2, 3. */
START_TEST(sign_vectors) {
  static const struct {
    const char *seed, *pub, *text, *signature;
  } v[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
  };
  for (unsigned i = 0; i < sizeof v / sizeof *v; i++) {
    uint8_t seed[32], pub[32], secret[64], text[8], signature[64];
    size_t n = vt_hex(v[i].text, text, sizeof text);
    vt_hex(v[i].seed, seed, sizeof seed);
    vault__sign_keypair(seed, pub, secret);
    is_hex(pub, 32, v[i].pub);
    vault__sign(secret, text, n, signature);
    is_hex(signature, 64, v[i].signature);
    ck_assert_int_eq(vault__sign_verify(pub, text, n, signature), 1);
    ck_assert_int_eq(vault__sign_verify(pub, "other", 5, signature), 0);
    signature[5] ^= 1;
    ck_assert_int_eq(vault__sign_verify(pub, text, n, signature), 0);
  }
}
END_TEST

START_TEST(sign_refuses_a_zero_key) {
  uint8_t pub[32] = {1}, signature[64] = {1};
  ck_assert_int_eq(vault__sign_verify(pub, "x", 1, signature), 0);
}
END_TEST

static Suite *crypto(void) {
  const TTest *const all[] = {starts_more_than_once,
                              sha256_vectors,
                              sha256_continues_from_every_offset,
                              sha256_resumes_from_a_chaining_value,
                              sha256_length_passes_4_gib,
                              sha256_refuses_a_damaged_state,
                              mac_vectors,
                              equal_compares_all_bytes,
                              kdf_separates_label_and_context,
                              aead_vector,
                              aead_refuses_every_change,
                              sign_vectors,
                              sign_refuses_a_zero_key,
                              NULL};
  return vt_suite("crypto", all);
}

VT_MAIN(crypto)
