#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth.h"
#include "codec.h"
#include "cookie.h"
#include "modules/common/bearer.h"
#include "modules/common/context.h"
#include "modules/common/json.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"

#define JWKS_MAX_BYTES 65536u
#define COOKIE_FIELD_BYTES (VD_REFRESH_TOKEN_MAX + 128u)
#define AUTH_BODY_BYTES 8192u

static int64_t now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static vd_site site_of(vd_request *rq) {
  const vd_context *app = vd_request_app(rq);
  return vd_site_of(vd_header(rq, "Sec-Fetch-Site"), vd_header(rq, "Origin"), app->public_url);
}

static vd_next refuse_site(vd_response *rs) {
  vd_problem(rs, 403, "cross_site",
             "Signing in and out from a browser works from this server's own pages only.");
  return VD_DONE;
}

static void set_cookie(vd_request *rq, vd_response *rs, vault_str token, int64_t max_age_s) {
  const vd_context *app = vd_request_app(rq);
  char field[COOKIE_FIELD_BYTES];
  if (vd_cookie_format(app->https, token, max_age_s, field, sizeof field))
    vd_add_header(rs, "Set-Cookie", field);
}

static void clear_cookie(vd_request *rq, vd_response *rs) {
  vault_str none = {NULL, 0};
  set_cookie(rq, rs, none, 0);
}

/* The tokens of a grant: to an app in the body, to a browser the refresh token as a cookie only. */
static vd_next send_grant(vd_request *rq, vd_response *rs, vault_grant *grant, bool browser) {
  const vault_grant_view *g = vault_grant_get(grant);
  int64_t now = now_ms();
  json_t *doc = vd_grant_json(g, now, !browser);

  if (browser)
    set_cookie(rq, rs, g->refresh_token, (g->refresh_expires_ms - now) / 1000);
  vault_grant_free(grant);
  return vd_json_send(rs, 200, doc);
}

static vd_next post_otp(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_challenge challenge = {.size = sizeof challenge};
  vault_err err = VAULT_ERR_INIT;
  vault_client client;
  vd_otp_request in;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_otp_read(rq, rs, &in))
    return VD_DONE;
  vd_client_of(rq, &client);
  s = vault_auth_request_code(app->vault, in.phone.p, in.phone.n, in.challenge_id.p,
                              in.challenge_id.n, &client, &challenge, &err);
  json_decref(in.doc);
  if (s == VAULT_E_USAGE) { /* the operator's choice, not a fault of ours to log */
    vd_problem(
      rs, 501, "codes_off",
      "This server is configured to send no SMS (sms is none:), so nobody can sign in with a code.");
    return VD_DONE;
  }
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  return vd_json_send(rs, 202, vd_challenge_json(&challenge));
}

static vd_next post_verify(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vd_site site = site_of(rq);
  vault_grant *grant = NULL;
  vault_client client;
  vd_verify_request in;
  vault_status s;

  if (site == VD_SITE_OTHER)
    return refuse_site(rs);
  if (!vd_only_params(rq, rs, NULL, 0) || !vd_verify_read(rq, rs, &in))
    return VD_DONE;
  vd_client_of(rq, &client);
  client.device_name = in.device_name;
  s = vault_auth_verify_code(app->vault, in.challenge_id.p, in.challenge_id.n, in.code.p, in.code.n,
                             &client, &grant, &err);
  json_decref(in.doc);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  return send_grant(rq, rs, grant, site == VD_SITE_OWN);
}

static vd_next refresh_with(vd_request *rq, vd_response *rs, vault_str token, bool browser) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_grant *grant = NULL;
  vault_client client;
  vault_status s;

  vd_client_of(rq, &client);
  s = vault_auth_refresh(app->vault, token.p, token.n, &client, &grant, &err);
  if (s == VAULT_OK)
    return send_grant(rq, rs, grant, browser);
  if (browser && vault_status_class(s) == VAULT_CLASS_AUTH)
    clear_cookie(rq, rs);
  return vd_fail(rq, rs, s, &err);
}

/* The cookie's token in buf; n = 0 when there is none. */
static vault_str cookie_token(vd_request *rq, char *buf, size_t buf_size) {
  const vd_context *app = vd_request_app(rq);
  vault_str token = {NULL, 0};
  if (vd_cookie(rq, vd_cookie_name(app->https), buf, buf_size)) {
    token.p = buf;
    token.n = strlen(buf);
  }
  return token;
}

static vd_next post_refresh(vd_request *rq, vd_response *rs) {
  char buf[VD_REFRESH_TOKEN_MAX + 1];
  vd_site site = site_of(rq);
  vd_refresh_request in;
  vault_str token;
  vd_next next;

  if (site == VD_SITE_OTHER)
    return refuse_site(rs);
  if (!vd_only_params(rq, rs, NULL, 0) || !vd_refresh_read(rq, rs, &in))
    return VD_DONE;
  if (site == VD_SITE_OWN && in.refresh_token.n > 0) {
    next = vd_bad_request(rs, "bad_json", "A browser sends its refresh token as the cookie only.");
  } else if (site == VD_SITE_OWN) {
    token = cookie_token(rq, buf, sizeof buf);
    next = token.n > 0 ? refresh_with(rq, rs, token, true) : vd_fail(rq, rs, VAULT_E_REFRESH, NULL);
  } else if (in.refresh_token.n == 0) {
    next = vd_bad_request(rs, "bad_json", "The member \"refresh_token\" is missing.");
  } else {
    next = refresh_with(rq, rs, in.refresh_token, false);
  }
  json_decref(in.doc);
  return next;
}

/* A browser may have lost its access token: the cookie says which session is meant. */
static vd_next logout_by_cookie(vd_request *rq, vd_response *rs, vault_str token) {
  const vd_context *app = vd_request_app(rq);
  vault_principal who = {.size = sizeof who};
  vault_err err = VAULT_ERR_INIT;
  vault_grant *grant = NULL;
  vault_client client;
  vault_status s;

  vd_client_of(rq, &client);
  s = vault_auth_refresh(app->vault, token.p, token.n, &client, &grant, &err);
  if (s == VAULT_OK) {
    who.user = vault_grant_get(grant)->user;
    who.session = vault_grant_get(grant)->session;
    vault_grant_free(grant);
    s = vault_auth_logout(app->vault, &who, &err);
  } else if (vault_status_class(s) == VAULT_CLASS_AUTH) {
    s = VAULT_OK; /* the session has ended already */
  }
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  clear_cookie(rq, rs);
  vd_send_none(rs, 204);
  return VD_DONE;
}

static vd_next post_logout(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  char buf[VD_REFRESH_TOKEN_MAX + 1];
  vault_err err = VAULT_ERR_INIT;
  vd_site site = site_of(rq);
  vault_principal who;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0))
    return VD_DONE;
  if (site == VD_SITE_OTHER)
    return refuse_site(rs);
  if (site == VD_SITE_OWN && vd_header(rq, "Authorization") == NULL) {
    vault_str token = cookie_token(rq, buf, sizeof buf);
    if (token.n > 0)
      return logout_by_cookie(rq, rs, token);
  }
  if (!vd_authenticate(rq, rs, &who))
    return VD_DONE;
  s = vault_auth_logout(app->vault, &who, &err);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  if (site == VD_SITE_OWN)
    clear_cookie(rq, rs);
  vd_send_none(rs, 204);
  return VD_DONE;
}

static vd_next get_sessions(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_sessions *sessions = NULL;
  vault_principal who;
  json_t *doc;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who))
    return VD_DONE;
  s = vault_auth_sessions(app->vault, &who, &sessions, &err);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  doc = vd_sessions_json(sessions);
  vault_sessions_free(sessions);
  return vd_json_send(rs, 200, doc);
}

static vd_next delete_session(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_principal who;
  vault_id session;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who) ||
      !vd_path_id(rq, rs, &session))
    return VD_DONE;
  s = vault_auth_revoke(app->vault, &who, &session, &err);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  vd_send_none(rs, 204);
  return VD_DONE;
}

static vd_next get_me(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_usage usage = {.size = sizeof usage};
  vault_err err = VAULT_ERR_INIT;
  vault_users *users = NULL;
  vault_principal who;
  uint64_t n;
  uint32_t stride;
  json_t *doc;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who))
    return VD_DONE;
  s = vault_usage_get(app->vault, &who, &usage, &err);
  if (s == VAULT_OK)
    s = vault_admin_get_user(app->vault, &who.user, &users, &err);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  doc = vd_me_json(vault_users_rows(users, &n, &stride), &usage);
  vault_users_free(users);
  return vd_json_send(rs, 200, doc);
}

static vd_next get_usage(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_usage usage = {.size = sizeof usage};
  vault_err err = VAULT_ERR_INIT;
  vault_principal who;
  vault_status s;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who))
    return VD_DONE;
  s = vault_usage_get(app->vault, &who, &usage, &err);
  if (s != VAULT_OK)
    return vd_fail(rq, rs, s, &err);
  return vd_json_send(rs, 200, vd_usage_json(&usage));
}

static vd_next get_jwks(vd_request *rq, vd_response *rs) {
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  uint64_t len = 0;
  vault_status s = vault_auth_jwks(app->vault, NULL, 0, &len, &err);
  char *text = NULL;

  if (s == VAULT_E_TOO_LARGE && len <= JWKS_MAX_BYTES) {
    text = malloc((size_t)len);
    s = text != NULL ? vault_auth_jwks(app->vault, text, len, &len, &err) : VAULT_E_NO_MEMORY;
  }
  if (s != VAULT_OK) {
    free(text);
    return vd_fail(rq, rs, s == VAULT_E_TOO_LARGE ? VAULT_E_INTERNAL : s, &err);
  }
  vd_add_header(rs, "Cache-Control", "public, max-age=300");
  vd_send_owned(rs, "application/jwk-set+json", text, (size_t)len, free);
  return VD_DONE;
}

static const vd_route routes[] = {
  {VD_POST, "/api/v1/auth/otp", 0, AUTH_BODY_BYTES, post_otp, NULL},
  {VD_POST, "/api/v1/auth/otp/verify", 0, AUTH_BODY_BYTES, post_verify, NULL},
  {VD_POST, "/api/v1/auth/refresh", 0, AUTH_BODY_BYTES, post_refresh, NULL},
  {VD_POST, "/api/v1/auth/logout", 0, AUTH_BODY_BYTES, post_logout, NULL},
  {VD_GET, "/api/v1/auth/sessions", 0, 0, get_sessions, NULL},
  {VD_DELETE, "/api/v1/auth/sessions/{id}", 0, 0, delete_session, NULL},
  {VD_GET, "/api/v1/me", 0, 0, get_me, NULL},
  {VD_GET, "/api/v1/me/usage", 0, 0, get_usage, NULL},
  {VD_GET, "/.well-known/jwks.json", VD_ON_LOOP, 0, get_jwks, NULL},
};

const vd_module vd_module_auth = {"auth", routes, sizeof routes / sizeof routes[0], NULL, NULL};
