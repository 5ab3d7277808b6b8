/* Sessions: refresh, log out, list, revoke.
 *
 * Refresh: token -> session row -> MAC with the session's own key -> rules R1 to R4
 * (domain/refresh.h) -> compare-and-set of the counters -> new tokens. Callers that come at
 * once with the same token: one moves the counters, the others lose the compare-and-set, look
 * again and are given the same answer (R2). A token made after a crash or a lost answer is the
 * same token again, so RETRY is always safe to follow. */
#include <string.h>

#include "auth_shared.h"
#include "libvault/base/alloc.h"
#include "libvault/base/id.h"
#include "token_cache.h"

#define CAS_TRIES 8u  /* each lost one means that another caller moved the session */
#define PAGE_ROWS 64u /* sessions read at once */

static vault_status bad_refresh(vault_err *err) {
  return vault__fail(err, VAULT_E_REFRESH, VAULT_ORIGIN_CORE, 0, NULL);
}

/* ---- refresh ---- */

static int mac_fits(const vault *v, const char *kid, const vault__refresh_token *token) {
  uint8_t key[VAULT__KEY_BYTES], in[VAULT__REFRESH_MAC_INPUT], mac[VAULT__MAC_BYTES];
  if (!vault__session_key(v, kid, &token->sid, key))
    return 0;
  vault__refresh_mac_input(&token->sid, token->counter, in);
  vault__mac(key, sizeof key, in, sizeof in, mac);
  int fits = vault__equal(mac, token->mac, sizeof mac);
  vault__wipe(key, sizeof key);
  vault__wipe(mac, sizeof mac);
  return fits;
}

static vault_status read_session(vault *v, const vault__refresh_token *token, int64_t now_ms,
                                 vault_session_row *row, vault_err *err) {
  vault_status s = v->identity->get_session(v->identity_self, &token->sid, row, err);
  if (s == VAULT_E_NOT_FOUND)
    return bad_refresh(err);
  if (s != VAULT_OK)
    return vault__repeatable(s, err);
  if (!mac_fits(v, row->kid, token))
    return bad_refresh(err);
  if (row->disabled_ms)
    return vault__fail(err, VAULT_E_ACCOUNT_DISABLED, VAULT_ORIGIN_CORE, 0, NULL);
  if (row->revoked_ms)
    return vault__fail(err, VAULT_E_SESSION_REVOKED, VAULT_ORIGIN_CORE, 0, NULL);
  if (row->expires_ms <= now_ms || row->last_seen_ms + v->settings.session_idle_ms <= now_ms)
    return bad_refresh(err);
  return VAULT_OK;
}

static vault_status theft(vault *v, const vault_session_row *row, int64_t now_ms, vault_err *err) {
  vault_status s = v->identity->revoke_session(v->identity_self, &row->user, &row->id,
                                               VAULT_REVOKE_THEFT, now_ms, err);
  if (s != VAULT_OK && s != VAULT_E_NOT_FOUND)
    return vault__repeatable(s, err);
  vault__token_cache_drop_session(v->tokens, &row->id);
  vault__log_id(v, VAULT_LOG_WARN, "refresh_theft", "session", &row->id);
  vault__notify(v, VAULT_NOTICE_REFRESH_THEFT, &row->user, &row->id, 0);
  return vault__fail(err, VAULT_E_SESSION_REVOKED, VAULT_ORIGIN_CORE, 0,
                     "a refresh token came back that was used before, so the session was ended: "
                     "sign in again");
}

/* One round. CONFLICT: someone else moved the session; look again. */
static vault_status advance(vault *v, const vault__refresh_token *token, int64_t now_ms,
                            vault_session_row *row, vault_err *err) {
  vault__refresh_row next;
  VAULT_TRY(read_session(v, token, now_ms, row, err));
  const vault__refresh_row have = {row->a, row->c, row->prev_a, row->moved_ms, row->issued_ms};
  int what = vault__refresh_decide(&have, token->counter, (int64_t)v->settings.refresh_grace_ms,
                                   now_ms, &next);
  if (what == VAULT__REFRESH_REPEAT)
    return VAULT_OK;
  if (what == VAULT__REFRESH_RACE)
    return vault__fail(err, VAULT_E_REFRESH_RACE, VAULT_ORIGIN_CORE, 0, NULL);
  if (what != VAULT__REFRESH_ROTATE && what != VAULT__REFRESH_FORK)
    return theft(v, row, now_ms, err);
  const vault_refresh_state expect = {row->a, row->c, row->prev_a, row->moved_ms, row->issued_ms};
  const vault_refresh_state want = {next.a, next.c, next.prev_a, next.moved_ms, next.issued_ms};
  vault_status s =
    v->identity->move_refresh(v->identity_self, &row->id, &expect, &want, now_ms, err);
  if (s != VAULT_OK)
    return vault__repeatable(s, err);
  row->a = next.a;
  row->c = next.c;
  return VAULT_OK;
}

vault_status vault_auth_refresh(vault *v, const char *refresh_token, uint64_t refresh_token_len,
                                const vault_client *client, vault_grant **out, vault_err *err) {
  vault__refresh_token token;
  vault_session_row row;
  vault_id jti;
  (void)client; /* what the session shows of its device is what signed in */
  if (!v || !out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "a refresh needs a vault and a place for the grant");
  if (!refresh_token)
    return bad_refresh(err);
  VAULT_TRY(vault__refresh_parse(refresh_token, refresh_token_len, &token, err));
  VAULT_TRY(vault__new_id(v, &jti, err));
  memset(&row, 0, sizeof row);
  int64_t now_ms = vault__now_ms(v);
  vault_grant *g = vault__grant_new(v);
  if (!g)
    return vault__no_memory(err);
  vault_status s = VAULT_E_CONFLICT;
  for (unsigned i = 0; i < CAS_TRIES && s == VAULT_E_CONFLICT; i++)
    s = advance(v, &token, now_ms, &row, err);
  if (s == VAULT_E_CONFLICT)
    s = vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_CORE, 0,
                    "the session is being refreshed by others at the same time: try again");
  if (s == VAULT_OK)
    s = vault__grant_fill(v, &row, row.c, &jti, now_ms, g, err);
  if (s == VAULT_OK)
    *out = g;
  else
    vault_grant_free(g);
  vault__wipe(&token, sizeof token);
  return s;
}

/* ---- ending ---- */

static vault_status revoke(vault *v, const vault_id *user, const vault_id *session, uint32_t reason,
                           vault_err *err) {
  vault_status s =
    v->identity->revoke_session(v->identity_self, user, session, reason, vault__now_ms(v), err);
  /* Also when nobody knows whether it was committed: a token too many is checked again. */
  if (s == VAULT_OK || s == VAULT_E_UNCERTAIN)
    vault__token_cache_drop_session(v->tokens, session);
  if (s != VAULT_OK)
    return vault__repeatable(s, err);
  vault__log_id(v, VAULT_LOG_INFO, "session_revoked", "session", session);
  vault__notify(v, VAULT_NOTICE_SESSION_REVOKED, user, session, 0);
  return VAULT_OK;
}

static vault_status check_full_who(const vault *v, const vault_principal *who, vault_err *err) {
  VAULT_TRY(vault__check_who(v, who, err));
  if (!vault__size_ok(who, sizeof *who) || vault__id_is_zero(&who->user))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "the principal has no user, or its size is not set");
  return VAULT_OK;
}

vault_status vault_auth_logout(vault *v, const vault_principal *who, vault_err *err) {
  VAULT_TRY(check_full_who(v, who, err));
  return revoke(v, &who->user, &who->session, VAULT_REVOKE_LOGOUT, err);
}

vault_status vault_auth_revoke(vault *v, const vault_principal *who, const vault_id *session,
                               vault_err *err) {
  VAULT_TRY(check_full_who(v, who, err));
  if (!session)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no session was named");
  return revoke(v, &who->user, session, VAULT_REVOKE_BY_USER, err);
}

/* ---- listing ---- */

typedef struct session_texts {
  char device_name[VAULT_DEVICE_NAME_TEXT];
  char agent[VAULT_AGENT_TEXT];
  char address[VAULT_ADDRESS_TEXT];
} session_texts;

struct vault_sessions {
  vault_alloc alloc; /* a copy: the list may outlive its vault */
  uint64_t n;
  vault_session_view rows[VAULT_SESSIONS_MAX];
  session_texts texts[VAULT_SESSIONS_MAX];
};

static vault_str keep(char *to, const char *from, uint64_t room) {
  memcpy(to, from, (size_t)room);
  to[room - 1] = 0;
  return (vault_str){to, strlen(to)};
}

static void add_session(vault_sessions *l, const vault_session_row *row, const vault_id *current) {
  vault_session_view *view = &l->rows[l->n];
  session_texts *texts = &l->texts[l->n];
  l->n++;
  view->size = sizeof *view;
  view->current = vault__id_eq(&row->id, current) ? 1 : 0;
  view->id = row->id;
  view->created_ms = row->created_ms;
  view->last_seen_ms = row->last_seen_ms;
  view->expires_ms = row->expires_ms;
  view->device_name = keep(texts->device_name, row->device_name, sizeof texts->device_name);
  view->agent = keep(texts->agent, row->agent, sizeof texts->agent);
  view->address = keep(texts->address, row->address, sizeof texts->address);
}

static vault_status list_sessions(vault *v, const vault_principal *who, vault_session_row *rows,
                                  vault_sessions *l, vault_err *err) {
  int64_t now_ms = vault__now_ms(v);
  vault_id after;
  uint64_t n = PAGE_ROWS;
  memset(&after, 0, sizeof after);
  while (n == PAGE_ROWS && l->n < VAULT_SESSIONS_MAX) {
    VAULT_TRY(v->identity->list_sessions(v->identity_self, &who->user, &after, now_ms, rows,
                                         PAGE_ROWS, &n, err));
    for (uint64_t i = 0; i < n && l->n < VAULT_SESSIONS_MAX; i++)
      if (rows[i].last_seen_ms + v->settings.session_idle_ms > now_ms)
        add_session(l, &rows[i], &who->session);
    if (n)
      after = rows[n - 1].id;
  }
  return VAULT_OK;
}

vault_status vault_auth_sessions(vault *v, const vault_principal *who, vault_sessions **out,
                                 vault_err *err) {
  vault__arena scratch;
  VAULT_TRY(check_full_who(v, who, err));
  if (!out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no place for the list was given");
  vault__scratch(v, &scratch);
  vault_sessions *l = vault__new(&v->alloc, sizeof *l);
  vault_session_row *rows = vault__arena_get(&scratch, PAGE_ROWS * sizeof *rows);
  vault_status s = l && rows ? VAULT_OK : vault__no_memory(err);
  if (s == VAULT_OK) {
    l->alloc = v->alloc;
    s = vault__repeatable(list_sessions(v, who, rows, l, err), err);
  }
  vault__arena_free(&scratch);
  if (s != VAULT_OK) {
    vault__delete(&v->alloc, l);
    return s;
  }
  *out = l;
  return VAULT_OK;
}

const vault_session_view *vault_sessions_rows(const vault_sessions *s, uint64_t *n,
                                              uint32_t *stride) {
  if (n)
    *n = s ? s->n : 0;
  if (stride)
    *stride = sizeof(vault_session_view);
  return s ? s->rows : NULL;
}

void vault_sessions_free(vault_sessions *s) {
  if (!s)
    return;
  vault_alloc alloc = s->alloc;
  vault__delete(&alloc, s);
}
