#include "codec.h"

#include <string.h>

#include "modules/common/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool vd_otp_read(vd_request *rq, vd_response *rs, vd_otp_request *out) {
  const vd_json_member members[] = {
    {"phone", VD_JSON_TEXT, true, &out->phone, NULL},
    {"challenge_id", VD_JSON_TEXT, false, &out->challenge_id, NULL},
  };
  memset(out, 0, sizeof *out);
  return vd_json_read(rq, rs, members, COUNT(members), &out->doc);
}

bool vd_verify_read(vd_request *rq, vd_response *rs, vd_verify_request *out) {
  const vd_json_member members[] = {
    {"challenge_id", VD_JSON_TEXT, true, &out->challenge_id, NULL},
    {"code", VD_JSON_TEXT, true, &out->code, NULL},
    {"device_name", VD_JSON_TEXT, false, &out->device_name, NULL},
  };
  memset(out, 0, sizeof *out);
  return vd_json_read(rq, rs, members, COUNT(members), &out->doc);
}

bool vd_refresh_read(vd_request *rq, vd_response *rs, vd_refresh_request *out) {
  const vd_json_member members[] = {
    {"refresh_token", VD_JSON_TEXT, false, &out->refresh_token, NULL},
  };
  memset(out, 0, sizeof *out);
  return vd_json_read(rq, rs, members, COUNT(members), &out->doc);
}

/* Whole seconds, rounded so that a client that waits them does not come too early … */
static json_int_t seconds_up(int64_t ms) {
  return ms > 0 ? (json_int_t)((ms + 999) / 1000) : 0;
}

/* … or does not rely on something that has just ended. */
static json_int_t seconds_down(int64_t ms) {
  return ms > 0 ? (json_int_t)(ms / 1000) : 0;
}

json_t *vd_challenge_json(const vault_challenge *c) {
  return json_pack("{s:s, s:I, s:I}", "challenge_id", c->token, "expires_in",
                   seconds_down(c->expires_in_ms), "resend_in", seconds_up(c->resend_in_ms));
}

json_t *vd_grant_json(const vault_grant_view *g, int64_t now_ms, bool with_refresh_token) {
  json_t *doc = json_pack("{s:o, s:s, s:I, s:o, s:o, s:{s:o, s:o}, s:b}", "access_token",
                          vd_json_str(g->access_token), "token_type", "Bearer", "expires_in",
                          seconds_down(g->access_expires_ms - now_ms), "refresh_expires_at",
                          vd_json_time(g->refresh_expires_ms), "session_id",
                          vd_json_id(&g->session), "user", "id", vd_json_id(&g->user), "phone",
                          vd_json_str(g->phone), "new_user", g->new_user != 0);
  if (doc != NULL && with_refresh_token &&
      json_object_set_new(doc, "refresh_token", vd_json_str(g->refresh_token)) != 0) {
    json_decref(doc);
    return NULL;
  }
  return doc;
}

static json_t *session_json(const vault_session_view *s) {
  return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "id", vd_json_id(&s->id), "current",
                   s->current != 0, "created_at", vd_json_time(s->created_ms), "last_seen_at",
                   vd_json_time(s->last_seen_ms), "expires_at", vd_json_time(s->expires_ms),
                   "device_name", vd_json_str(s->device_name), "user_agent", vd_json_str(s->agent),
                   "address", vd_json_str(s->address));
}

json_t *vd_sessions_json(const vault_sessions *sessions) {
  uint64_t n = 0;
  uint32_t stride = 0;
  const vault_session_view *first = vault_sessions_rows(sessions, &n, &stride);
  json_t *rows = json_array();

  for (uint64_t i = 0; i < n && rows != NULL; i++) {
    const void *row = (const char *)first + i * stride;
    if (json_array_append_new(rows, session_json(row)) != 0) {
      json_decref(rows);
      rows = NULL;
    }
  }
  return rows != NULL ? json_pack("{s:o}", "sessions", rows) : NULL;
}

json_t *vd_me_json(const vault_user_view *user, const vault_usage *usage) {
  return json_pack("{s:o, s:o, s:o, s:I, s:I}", "id", vd_json_id(&user->id), "phone",
                   vd_json_str(user->phone), "created_at", vd_json_time(user->created_ms),
                   "quota_bytes", (json_int_t)usage->quota_bytes, "used_bytes",
                   (json_int_t)usage->used_bytes);
}

json_t *vd_usage_json(const vault_usage *u) {
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "quota_bytes", (json_int_t)u->quota_bytes,
                   "used_bytes", (json_int_t)u->used_bytes, "live_bytes", (json_int_t)u->live_bytes,
                   "versions_bytes", (json_int_t)u->versions_bytes, "trash_bytes",
                   (json_int_t)u->trash_bytes, "partial_bytes", (json_int_t)u->partial_bytes,
                   "files", (json_int_t)u->files);
}
