/* A key in an upload's URL: who, which session, which upload, and a MAC over the three. It lives
 * as long as the session, and says nothing else than that this upload may go on. */
#include <string.h>

#include "auth_shared.h"
#include "libvault/base/alloc.h"
#include "libvault/base/encode.h"
#include "libvault/base/id.h"
#include "libvault/crypto/mac.h"
#include "libvault/crypto/sha256.h"
#include "token_cache.h"
#include "vault/upload.h"

#define MAC_KEPT 24u /* bytes: 192 bits */
#define CLAIM_BYTES 48u
#define RAW_BYTES (CLAIM_BYTES + MAC_KEPT)
#define KEY_LABEL "upload key"

_Static_assert(VAULT__B64URL_LEN(RAW_BYTES) + 1 == VAULT_UPLOAD_KEY_TEXT, "a key's text");

typedef struct key_claim {
  vault_id user, session, upload;
} key_claim;

_Static_assert(sizeof(key_claim) == CLAIM_BYTES, "three ids and nothing between them");

static void key_mac(const vault__key *key, const key_claim *c, uint8_t out[VAULT__MAC_BYTES]) {
  uint8_t derived[VAULT__KEY_BYTES];
  vault__kdf(key->bytes, KEY_LABEL, NULL, 0, derived);
  vault__mac(derived, sizeof derived, c, sizeof *c, out);
  vault__wipe(derived, sizeof derived);
}

vault_status vault_upload_key(vault *v, const vault_principal *who, const vault_id *upload,
                              char *out, vault_err *err) {
  uint8_t raw[RAW_BYTES], mac[VAULT__MAC_BYTES];
  VAULT_TRY(vault__check_who(v, who, err));
  if (!upload || !out || who->size < sizeof *who)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "a key needs a whole principal, an upload, and a place for its text");
  const vault__key *key = vault__keyring_newest(&v->keyring, VAULT__KEY_REFRESH);
  if (!key)
    return vault__fail(err, VAULT_E_INTERNAL, VAULT_ORIGIN_CRYPTO, 0,
                       "there is no key for sessions");
  key_claim c = {who->user, who->session, *upload};
  key_mac(key, &c, mac);
  memcpy(raw, &c, sizeof c);
  memcpy(raw + CLAIM_BYTES, mac, MAC_KEPT);
  vault__b64url(raw, sizeof raw, out);
  out[VAULT_UPLOAD_KEY_TEXT - 1] = 0;
  return VAULT_OK;
}

static vault_status unknown_key(vault_err *err) {
  return vault__fail(err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_CORE, 0, NULL);
}

/* Every key of ours is tried, whichever fits. */
static int is_ours(const vault *v, const uint8_t raw[RAW_BYTES], const key_claim *c) {
  int ours = 0;
  for (uint32_t i = 0; i < v->keyring.n; i++) {
    uint8_t mac[VAULT__MAC_BYTES];
    if (strcmp(v->keyring.keys[i].name, VAULT__KEY_REFRESH) != 0)
      continue;
    key_mac(&v->keyring.keys[i], c, mac);
    ours |= vault__equal(mac, raw + CLAIM_BYTES, MAC_KEPT);
    vault__wipe(mac, sizeof mac);
  }
  return ours;
}

static vault_status ask_session(vault *v, const key_claim *c, int64_t now_ms, vault__token_entry *e,
                                vault_err *err) {
  vault_session_row row;
  memset(&row, 0, sizeof row);
  vault_status s = v->identity->get_session(v->identity_self, &c->session, &row, err);
  if (s == VAULT_E_NO_MEMORY)
    return s;
  if (s != VAULT_OK && s != VAULT_E_NOT_FOUND)
    return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_IDENTITY, err ? err->native : 0,
                       "the database did not say whether the session still lives: try again");
  if (s != VAULT_OK || !vault__id_eq(&row.user, &c->user) || row.disabled_ms || row.revoked_ms ||
      row.expires_ms <= now_ms)
    return unknown_key(err);
  *e = (vault__token_entry){.user = c->user,
                            .session = c->session,
                            .epoch = row.epoch,
                            .expires_ms = row.expires_ms};
  return VAULT_OK;
}

/* Where a key stands among the tokens. Those stand at the hash of what was sent as one: were a key at
 * the hash of its bytes, whoever sends these bytes as a token would be signed in. */
static void place_in_cache(const uint8_t raw[RAW_BYTES], uint8_t hash[VAULT__SHA256_BYTES]) {
  vault__sha256_of(raw, RAW_BYTES, hash);
  for (uint32_t i = 0; i < VAULT__SHA256_BYTES; i++)
    hash[i] = (uint8_t)~hash[i];
}

/* The session was seen alive a moment ago, or is asked for now; remembered with the tokens, so
 * that signing out forgets both. */
static vault_status check_session(vault *v, const uint8_t hash[VAULT__SHA256_BYTES],
                                  const key_claim *c, vault__token_entry *e, vault_err *err) {
  int64_t now_ms = vault__now_ms(v), mono_ms = v->clock->mono_ms(v->clock_self);
  if (vault__token_cache_get(v->tokens, hash, e) && e->expires_ms > now_ms &&
      mono_ms - e->checked_ms <= (int64_t)v->settings.revoke_lag_ms)
    return VAULT_OK;
  uint64_t mark = vault__token_cache_mark(v->tokens);
  vault_status s = ask_session(v, c, now_ms, e, err);
  if (s == VAULT_E_NOT_FOUND)
    vault__token_cache_drop_session(v->tokens, &c->session);
  if (s != VAULT_OK)
    return s;
  e->checked_ms = mono_ms;
  vault__token_cache_put(v->tokens, hash, e, mark);
  return VAULT_OK;
}

/* A principal of the host's own has no session: it is what the host says it is. */
vault_status vault_upload_authenticate(vault *v, const char *key, uint64_t key_len,
                                       vault_principal *who, vault_id *upload, vault_err *err) {
  uint8_t raw[RAW_BYTES], hash[VAULT__SHA256_BYTES];
  uint64_t n = 0;
  key_claim c;
  vault__token_entry e = {.expires_ms = INT64_MAX};
  if (!v || !upload || !who || who->size < sizeof *who || (!key && key_len))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "checking a key needs a vault, a principal whose size is set, and a "
                       "place for the upload's id");
  if (key_len != VAULT_UPLOAD_KEY_TEXT - 1 ||
      vault__b64url_decode(key, key_len, raw, sizeof raw, &n) != VAULT_OK || n != sizeof raw)
    return unknown_key(err);
  memcpy(&c, raw, sizeof c);
  if (!is_ours(v, raw, &c))
    return unknown_key(err);
  place_in_cache(raw, hash);
  if (!vault__id_is_zero(&c.session))
    VAULT_TRY(check_session(v, hash, &c, &e, err));
  who->flags = 0;
  who->user = c.user;
  who->session = c.session;
  who->epoch = e.epoch;
  who->expires_ms = e.expires_ms;
  *upload = c.upload;
  return VAULT_OK;
}
