/* A new pair of tokens, as its caller holds it. */
#include <string.h>

#include "auth_shared.h"
#include "libvault/base/alloc.h"
#include "libvault/domain/claims.h"

struct vault_grant {
  vault_grant_view view;
  vault_alloc alloc; /* a copy: a grant may outlive its vault */
  vault__buf access;
  char refresh[VAULT__REFRESH_TEXT];
  char phone[VAULT_PHONE_TEXT];
};

vault_grant *vault__grant_new(vault *v) {
  vault_grant *g = vault__new(&v->alloc, sizeof *g);
  if (!g)
    return NULL;
  g->alloc = v->alloc;
  g->view.size = sizeof g->view;
  vault__buf_init(&g->access, &g->alloc, VAULT__TOKEN_MAX);
  return g;
}

static vault_status fill_refresh(vault *v, const vault_session_row *session, int64_t counter,
                                 vault_grant *g, vault_err *err) {
  vault__refresh_token token;
  uint8_t key[VAULT__KEY_BYTES], in[VAULT__REFRESH_MAC_INPUT];
  if (!vault__session_key(v, session->kid, &session->id, key))
    return vault__fail(err, VAULT_E_REFRESH, VAULT_ORIGIN_CRYPTO, 0, NULL);
  token.sid = session->id;
  token.counter = counter;
  vault__refresh_mac_input(&token.sid, counter, in);
  vault__mac(key, sizeof key, in, sizeof in, token.mac);
  vault__refresh_format(&token, g->refresh);
  vault__wipe(key, sizeof key);
  vault__wipe(&token, sizeof token);
  return VAULT_OK;
}

vault_status vault__grant_fill(vault *v, const vault_session_row *session, int64_t counter,
                               const vault_id *jti, int64_t now_ms, vault_grant *g,
                               vault_err *err) {
  vault_grant_view *view = &g->view;
  int64_t access_ms = now_ms + (int64_t)v->settings.access_ttl_ms;
  int64_t refresh_ms = now_ms + v->settings.session_idle_ms;
  if (access_ms > session->expires_ms)
    access_ms = session->expires_ms;
  if (refresh_ms > session->expires_ms)
    refresh_ms = session->expires_ms;
  vault__buf_free(&g->access);
  vault__buf_init(&g->access, &g->alloc, VAULT__TOKEN_MAX);
  VAULT_TRY(fill_refresh(v, session, counter, g, err));
  VAULT_TRY(vault__token_make(v, session, jti, now_ms, access_ms, &g->access, err));
  memcpy(g->phone, session->phone, sizeof g->phone);
  view->user = session->user;
  view->session = session->id;
  view->access_expires_ms = access_ms / 1000 * 1000;
  view->refresh_expires_ms = refresh_ms;
  view->access_token = (vault_str){g->access.p, g->access.n};
  view->refresh_token = (vault_str){g->refresh, strlen(g->refresh)};
  view->phone = (vault_str){g->phone, strlen(g->phone)};
  return VAULT_OK;
}

void vault__grant_set_new_user(vault_grant *g, uint32_t new_user) {
  g->view.new_user = new_user;
}

const vault_grant_view *vault_grant_get(const vault_grant *g) {
  return g ? &g->view : NULL;
}

void vault_grant_free(vault_grant *g) {
  if (!g)
    return;
  vault_alloc alloc = g->alloc;
  vault__buf_free(&g->access);
  vault__wipe(g, sizeof *g);
  vault__delete(&alloc, g);
}
