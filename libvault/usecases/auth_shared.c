#include "auth_shared.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "libvault/base/alloc.h"
#include "libvault/base/encode.h"
#include "libvault/base/utf8.h"
#include "libvault/crypto/sha256.h"
#include "libvault/domain/otp.h"

#define REF_BYTES (sizeof(vault_id) + VAULT__CHALLENGE_SECRET)
#define LIMIT_HASH 16u /* bytes of the keyed hash in a limiter key */
#define IPV4_GROUP 3u  /* bytes of a /24 */
#define IPV6_GROUP 7u  /* bytes of a /56 */
#define ADDRESS_MAX 64u

_Static_assert(VAULT__B64URL_LEN(REF_BYTES) + 1 == VAULT_CHALLENGE_TEXT, "size of a challenge");

void vault__challenge_format(const vault__challenge_ref *ref, char out[VAULT_CHALLENGE_TEXT]) {
  uint8_t bytes[REF_BYTES];
  memcpy(bytes, ref->id.b, sizeof ref->id.b);
  memcpy(bytes + sizeof ref->id.b, ref->secret, sizeof ref->secret);
  vault__b64url(bytes, sizeof bytes, out);
  vault__wipe(bytes, sizeof bytes);
}

int vault__challenge_parse(const char *p, uint64_t n, vault__challenge_ref *out) {
  uint8_t bytes[REF_BYTES];
  uint64_t got = 0;
  if (!p || n != VAULT_CHALLENGE_TEXT - 1 ||
      vault__b64url_decode(p, n, bytes, sizeof bytes, &got) != VAULT_OK || got != sizeof bytes)
    return 0;
  memcpy(out->id.b, bytes, sizeof out->id.b);
  memcpy(out->secret, bytes + sizeof out->id.b, sizeof out->secret);
  vault__wipe(bytes, sizeof bytes);
  return 1;
}

/* The ring is sorted by name, then age: walk back from the newest. */
static const vault__key *older_key(const vault *v, const char *name, uint32_t i) {
  const vault__key *key = vault__keyring_newest(&v->keyring, name);
  for (; key && i; i--)
    key = key > v->keyring.keys && strcmp(key[-1].name, name) == 0 ? key - 1 : NULL;
  return key;
}

int vault__challenge_mac(const vault *v, const vault__challenge_ref *ref, uint32_t i,
                         uint8_t out[VAULT__MAC_BYTES]) {
  static const char tag[4] = {'c', 's', 'c', '1'};
  const vault__key *key = older_key(v, VAULT__KEY_OTP, i);
  uint8_t in[sizeof tag + REF_BYTES];
  if (!key)
    return 0;
  memcpy(in, tag, sizeof tag);
  memcpy(in + sizeof tag, ref->id.b, sizeof ref->id.b);
  memcpy(in + sizeof tag + sizeof ref->id.b, ref->secret, sizeof ref->secret);
  vault__mac(key->bytes, sizeof key->bytes, in, sizeof in, out);
  vault__wipe(in, sizeof in);
  return 1;
}

int vault__code_mac(const vault *v, const char *kid, const vault_id *challenge, const char *phone,
                    const char *code, uint8_t out[VAULT__MAC_BYTES], const char **used) {
  const vault__key *key = kid ? vault__keyring_find(&v->keyring, VAULT__KEY_OTP, kid, strlen(kid))
                              : vault__keyring_newest(&v->keyring, VAULT__KEY_OTP);
  uint8_t in[VAULT__OTP_MAC_INPUT];
  uint64_t n = key ? vault__otp_mac_input(challenge, phone, VAULT__PURPOSE_LOGIN, code, in) : 0;
  if (!n)
    return 0;
  vault__mac(key->bytes, sizeof key->bytes, in, n, out);
  vault__wipe(in, sizeof in);
  if (used)
    *used = key->kid;
  return 1;
}

vault_str vault__limit_key_make(const vault *v, const char *kind, const void *p, uint64_t n,
                                vault__limit_key *out) {
  const vault__key *key = vault__keyring_newest(&v->keyring, VAULT__KEY_LIMIT);
  uint8_t own[VAULT__KEY_BYTES], mac[VAULT__MAC_BYTES];
  char hex[VAULT__HEX_LEN(LIMIT_HASH) + 1];
  vault__kdf(key->bytes, kind, NULL, 0, own);
  vault__mac(own, sizeof own, p, n, mac);
  vault__hex(mac, LIMIT_HASH, hex);
  int length = snprintf(out->text, sizeof out->text, "%s/%s", kind, hex);
  vault__wipe(own, sizeof own);
  return (vault_str){out->text, (uint64_t)length};
}

static uint32_t group(uint8_t kind, const uint8_t *p, uint32_t n,
                      uint8_t out[VAULT__ADDRESS_GROUP]) {
  out[0] = kind;
  memcpy(out + 1, p, n);
  return n + 1;
}

uint32_t vault__address_group(const vault_client *client, uint8_t out[VAULT__ADDRESS_GROUP]) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  char text[ADDRESS_MAX];
  uint8_t ip[16], hash[VAULT__SHA256_BYTES];
  if (!client || !client->address.p || client->address.n == 0)
    return 0;
  vault_str a = client->address;
  if (a.n < sizeof text && !memchr(a.p, 0, (size_t)a.n)) {
    memcpy(text, a.p, (size_t)a.n);
    text[a.n] = 0;
    if (inet_pton(AF_INET, text, ip) == 1)
      return group(4, ip, IPV4_GROUP, out);
    if (inet_pton(AF_INET6, text, ip) == 1)
      return memcmp(ip, mapped, sizeof mapped) == 0 ? group(4, ip + sizeof mapped, IPV4_GROUP, out)
                                                    : group(6, ip, IPV6_GROUP, out);
  }
  vault__sha256_of(a.p, a.n, hash);
  return group(0, hash, VAULT__ADDRESS_GROUP - 1, out);
}

vault_status vault__limited(vault_err *err, int64_t retry_after_ms, const char *what) {
  int64_t wait_ms = retry_after_ms > 0 ? retry_after_ms : 1000;
  return vault__fail_until(err, VAULT_E_LIMIT, VAULT_ORIGIN_LIMITER, wait_ms,
                           "too many %s: try again in %lld s", what,
                           (long long)((wait_ms + 999) / 1000));
}

void vault__keep_text(vault_str text, char *out, uint64_t room) {
  uint64_t used = 0;
  for (uint64_t i = 0; text.p && i < text.n;) {
    uint32_t cp = 0, n = vault__utf8_next(text.p + i, text.n - i, &cp);
    int good = n && cp >= 0x20 && (cp < 0x7f || cp > 0x9f);
    uint32_t take = good ? n : 1;
    if (used + take >= room)
      break;
    if (good)
      memcpy(out + used, text.p + i, n);
    else
      out[used] = '?';
    used += take;
    i += n ? n : 1;
  }
  memset(out + used, 0, (size_t)(room - used));
}

vault_status vault__repeatable(vault_status s, vault_err *err) {
  if (s != VAULT_E_UNCERTAIN)
    return s;
  return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_CORE, 0,
                     "the database did not say whether it was done: do the same again");
}

int vault__session_key(const vault *v, const char *kid, const vault_id *session,
                       uint8_t out[VAULT__KEY_BYTES]) {
  const vault__key *key = vault__keyring_find(&v->keyring, VAULT__KEY_REFRESH, kid, strlen(kid));
  if (!key)
    return 0;
  vault__kdf(key->bytes, "session", session->b, sizeof session->b, out);
  return 1;
}

void vault__log_id(vault *v, uint32_t level, const char *event, const char *key,
                   const vault_id *id) {
  char text[VAULT_ID_TEXT];
  vault_id_format(id, text);
  vault_log_field field = {key, {text, VAULT_ID_TEXT - 1}, 0};
  vault__log(v, level, event, &field, 1);
}

int vault__size_ok(const void *sized, uint64_t need) {
  uint32_t size = 0;
  if (!sized)
    return 0;
  memcpy(&size, sized, sizeof size);
  return size >= need;
}
