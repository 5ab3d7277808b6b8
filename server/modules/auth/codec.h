/* JSON of the auth module. */
#ifndef VD_AUTH_CODEC_H
#define VD_AUTH_CODEC_H

#include <jansson.h>
#include <stdbool.h>

#include <vault/vault.h>

#include "http/http.h"

typedef struct vd_otp_request {
  json_t *doc; /* the texts are borrowed from it */
  vault_str phone;
  vault_str challenge_id; /* n = 0: not a resend */
} vd_otp_request;

typedef struct vd_verify_request {
  json_t *doc;
  vault_str challenge_id;
  vault_str code;
  vault_str device_name;
} vd_verify_request;

typedef struct vd_refresh_request {
  json_t *doc;
  vault_str refresh_token; /* n = 0: absent */
} vd_refresh_request;

/* false: the problem is filled in. On success json_decref(out->doc). */
bool vd_otp_read(vd_request *rq, vd_response *rs, vd_otp_request *out);
bool vd_verify_read(vd_request *rq, vd_response *rs, vd_verify_request *out);
bool vd_refresh_read(vd_request *rq, vd_response *rs, vd_refresh_request *out);

/* NULL: no memory. */
json_t *vd_challenge_json(const vault_challenge *c);
json_t *vd_grant_json(const vault_grant_view *g, int64_t now_ms, bool with_refresh_token);
json_t *vd_sessions_json(const vault_sessions *sessions);
json_t *vd_me_json(const vault_user_view *user, const vault_usage *usage);
json_t *vd_usage_json(const vault_usage *usage);

#endif
