#include <string.h>

#include "scenarios.h"
#include "tests/support/vt_main.h"

static vault_str kept_refresh(vt_world *w, vault_grant **grant) {
  (void)w;
  return vault_grant_get(*grant)->refresh_token;
}

static vault_status sign_in(vt_world *w, vault_grant **grant) {
  vault_challenge challenge = {.size = sizeof challenge};
  vault_client client = {.size = sizeof client, .address = {"203.0.113.9", 11}};
  vault_err err = VAULT_ERR_INIT;
  w->now_ms += 3600000; /* the limits of an earlier try have passed */
  vault_status s =
    vault_auth_request_code(w->v, "0532 123 45 67", 14, NULL, 0, &client, &challenge, &err);
  if (s != VAULT_OK) {
    ck_assert_int_eq(challenge.token[0], 0);
    return s;
  }
  s = vault_jobs_run(w->v, 1000, NULL, &err);
  if (s == VAULT_OK)
    s = vault_auth_verify_code(w->v, challenge.token, strlen(challenge.token), w->code,
                               strlen(w->code), &client, grant, &err);
  ck_assert(s == VAULT_OK || *grant == NULL);
  return s;
}

static vault_status act_sign_in(vt_world *w) {
  vault_grant *grant = NULL;
  vault_principal who = {.size = sizeof who};
  vault_status s = sign_in(w, &grant);
  if (s != VAULT_OK)
    return s;
  vault_str token = vault_grant_get(grant)->access_token;
  s = vault_auth_authenticate(w->v, token.p, token.n, NULL, 0, &who, NULL);
  if (s == VAULT_OK)
    s = vault_auth_authenticate(w->v, token.p, token.n, NULL, VAULT_AUTH_CACHED, &who, NULL);
  if (s == VAULT_OK)
    w->who = who;
  vault_grant_free(grant);
  return s;
}

static vault_status act_resend(vt_world *w) {
  vault_challenge first = {.size = sizeof first}, second = {.size = sizeof second};
  w->now_ms += 3600000;
  vault_status s = vault_auth_request_code(w->v, VT_WORLD_PHONE, strlen(VT_WORLD_PHONE), NULL, 0,
                                           NULL, &first, NULL);
  w->now_ms += 60000;
  if (s == VAULT_OK)
    s = vault_auth_request_code(w->v, VT_WORLD_PHONE, strlen(VT_WORLD_PHONE), first.token,
                                strlen(first.token), NULL, &second, NULL);
  return s == VAULT_OK ? vault_jobs_run(w->v, 1000, NULL, NULL) : s;
}

static vault_status act_refresh(vt_world *w) {
  vault_grant *grant = NULL, *fresh = NULL;
  vault_status s = sign_in(w, &grant);
  if (s != VAULT_OK)
    return s;
  vault_str token = kept_refresh(w, &grant);
  s = vault_auth_refresh(w->v, token.p, token.n, NULL, &fresh, NULL);
  ck_assert(s == VAULT_OK || fresh == NULL);
  vault_grant_free(fresh);
  vault_grant_free(grant);
  return s;
}

static vault_status act_sessions(vt_world *w) {
  vault_sessions *sessions = NULL;
  uint64_t n = 0;
  uint32_t stride = 0;
  vault_status s = vault_auth_sessions(w->v, &w->who, &sessions, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(sessions);
    return s;
  }
  const vault_session_view *row = vault_sessions_rows(sessions, &n, &stride);
  ck_assert_uint_ge(n, 1);
  ck_assert_uint_ge(stride, sizeof *row);
  vault_id session = row->id;
  vault_sessions_free(sessions);
  return vault_auth_revoke(w->v, &w->who, &session, NULL);
}

/* Sign-in makes the session that is ended again, so that a second run finds one. */
static vault_status act_sessions_again(vt_world *w) {
  vault_status s = act_sign_in(w);
  return s == VAULT_OK ? act_sessions(w) : s;
}

static vault_status act_logout(vt_world *w) {
  return vault_auth_logout(w->v, &w->who, NULL);
}

static vault_status act_jwks(vt_world *w) {
  char buf[4096];
  uint64_t n = 0;
  vault_status s = vault_auth_jwks(w->v, buf, sizeof buf, &n, NULL);
  if (s == VAULT_OK)
    ck_assert(n > 2 && buf[0] == '{' && buf[n - 1] == '}');
  return s;
}

const vt_scenario vt_auth_scenarios[] = {
  {"sign in", NULL, act_sign_in, NULL, 0},
  {"ask twice", NULL, act_resend, NULL, 0},
  {"refresh", NULL, act_refresh, NULL, 0},
  {"list and revoke sessions", NULL, act_sessions_again, NULL, 0},
  {"log out", NULL, act_logout, NULL, 0},
  {"key set", NULL, act_jwks, NULL, 0},
};
const int vt_n_auth_scenarios = sizeof vt_auth_scenarios / sizeof *vt_auth_scenarios;
