#include "refresh.h"

#include <string.h>

#include "libvault/base/encode.h"
#include "libvault/base/err.h"
#include "libvault/base/slice.h"

#define RAW (16 + 8 + VAULT__REFRESH_MAC)

vault__refresh_row vault__refresh_first(int64_t now_ms) {
  return (vault__refresh_row){.a = 0, .c = 1, .prev_a = 0, .moved_ms = now_ms, .issued_ms = now_ms};
}

/* At most grace_ms apart, in either direction: the clocks of two nodes differ a little. A clock that was
 * set back by more must not hold the window open. Unsigned, because any two values may meet. */
static int recent(int64_t then_ms, int64_t now_ms, int64_t grace_ms) {
  uint64_t apart =
    now_ms > then_ms ? (uint64_t)now_ms - (uint64_t)then_ms : (uint64_t)then_ms - (uint64_t)now_ms;
  return apart <= (uint64_t)grace_ms;
}

int vault__refresh_decide(const vault__refresh_row *row, int64_t x, int64_t grace_ms,
                          int64_t now_ms, vault__refresh_row *next) {
  vault__refresh_row out = *row;
  int action = VAULT__REFRESH_THEFT;
  /* Counter 0 was never given out; after 2^63 refreshes a session may end. */
  if (x < 1 || row->c == INT64_MAX)
    goto done;
  if (x == row->c) {
    out.prev_a = row->a;
    out.a = row->c;
    out.c = row->c + 1;
    out.moved_ms = out.issued_ms = now_ms;
    action = VAULT__REFRESH_ROTATE;
  } else if (x == row->a && recent(row->issued_ms, now_ms, grace_ms)) {
    action = VAULT__REFRESH_REPEAT;
  } else if (x == row->a) {
    out.c = row->c + 1;
    out.issued_ms = now_ms;
    action = VAULT__REFRESH_FORK;
  } else if (x == row->prev_a && recent(row->moved_ms, now_ms, grace_ms)) {
    action = VAULT__REFRESH_RACE;
  }
done:
  *next = out;
  return action;
}

static void put_be64(uint8_t *to, uint64_t v) {
  for (unsigned i = 8; i-- > 0; v >>= 8)
    to[i] = (uint8_t)v;
}

void vault__refresh_mac_input(const vault_id *sid, int64_t counter,
                              uint8_t out[VAULT__REFRESH_MAC_INPUT]) {
  memcpy(out, "rt1", 3);
  memcpy(out + 3, sid->b, sizeof sid->b);
  put_be64(out + 19, (uint64_t)counter);
}

void vault__refresh_format(const vault__refresh_token *token, char out[VAULT__REFRESH_TEXT]) {
  uint8_t raw[RAW];
  memcpy(raw, token->sid.b, 16);
  put_be64(raw + 16, (uint64_t)token->counter);
  memcpy(raw + 24, token->mac, VAULT__REFRESH_MAC);
  vault__b64url(raw, sizeof raw, out);
}

vault_status vault__refresh_parse(const char *p, uint64_t n, vault__refresh_token *out,
                                  vault_err *err) {
  uint8_t raw[RAW];
  uint64_t bytes = 0, counter = 0;
  if (n != VAULT__REFRESH_TEXT - 1 ||
      vault__b64url_decode(p, n, raw, sizeof raw, &bytes) != VAULT_OK)
    goto fail;
  for (unsigned i = 16; i < 24; i++)
    counter = counter << 8 | raw[i];
  if (!counter || counter > INT64_MAX)
    goto fail;
  memcpy(out->sid.b, raw, 16);
  out->counter = (int64_t)counter;
  memcpy(out->mac, raw + 24, VAULT__REFRESH_MAC);
  return VAULT_OK;
fail:
  return vault__fail(err, VAULT_E_REFRESH, VAULT_ORIGIN_CORE, 0, NULL);
}
