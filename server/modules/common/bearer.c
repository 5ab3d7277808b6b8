#include "bearer.h"

#include <string.h>
#include <strings.h>

#include "context.h"
#include "problem.h"

#define SCHEME "Bearer "

static vault_str str_of(const char *s) {
  vault_str out = {s, s != NULL ? strlen(s) : 0};
  return out;
}

void vd_client_of(const vd_request *rq, vault_client *out) {
  memset(out, 0, sizeof *out);
  out->size = sizeof *out;
  out->address = str_of(vd_peer(rq));
  out->agent = str_of(vd_header(rq, "User-Agent"));
}

static vd_next refuse(vd_request *rq, vd_response *rs, vault_status s, const char *detail) {
  vault_err err = VAULT_ERR_INIT;
  size_t n = strlen(detail);
  err.status = s;
  memcpy(err.msg, detail, n < sizeof err.msg ? n : sizeof err.msg - 1);
  return vd_fail(rq, rs, s, &err);
}

/* Fields about a limit, which is per address, so that it tells nothing about a phone number. */
static void add_limit(vd_response *rs, const vault_settings *limits, const vault_err *err) {
  long long wait_s = (long long)((err->retry_after_ms + 999) / 1000);
  vd_add_headerf(rs, "RateLimit-Policy", "\"bad-tokens\";q=%u;w=60",
                 (unsigned)limits->bad_tokens_per_minute_address);
  vd_add_headerf(rs, "RateLimit", "\"bad-tokens\";r=0;t=%lld", wait_s < 1 ? 1 : wait_s);
}

vd_next vd_identify(vd_request *rq, vd_response *rs, vault_principal *who) {
  const vd_context *app = vd_request_app(rq);
  const char *field = vd_header(rq, "Authorization");
  vault_err err = VAULT_ERR_INIT;
  vault_client client;
  vault_status s;

  if (field == NULL)
    return refuse(rq, rs, VAULT_E_AUTH, "Send the access token as Authorization: Bearer TOKEN.");
  if (vd_header_nth(rq, "Authorization", 1) != NULL)
    return refuse(rq, rs, VAULT_E_TOKEN, "There are several Authorization fields.");
  if (strncasecmp(field, SCHEME, sizeof SCHEME - 1) != 0)
    return refuse(rq, rs, VAULT_E_TOKEN, "The only known scheme of Authorization is Bearer.");
  field += sizeof SCHEME - 1;
  while (*field == ' ')
    field++;
  vd_client_of(rq, &client);
  memset(who, 0, sizeof *who);
  who->size = sizeof *who;
  s = vault_auth_authenticate(app->vault, field, strlen(field), &client,
                              vd_on_loop(rq) ? VAULT_AUTH_CACHED : 0, who, &err);
  if (s == VAULT_OK)
    return VD_CONTINUE;
  if (s == VAULT_E_RETRY && vd_on_loop(rq))
    return VD_WORKER;
  if (s == VAULT_E_LIMIT)
    add_limit(rs, vault_settings_get(app->vault), &err);
  return vd_fail(rq, rs, s, &err);
}

bool vd_authenticate(vd_request *rq, vd_response *rs, vault_principal *who) {
  return vd_identify(rq, rs, who) == VD_CONTINUE;
}
