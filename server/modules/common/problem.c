#include "problem.h"

#include <string.h>

/* A value that is listed wins over its class. */
static const struct {
  vault_status status;
  int http;
} by_value[] = {
  {VAULT_E_RANGE, 416},        {VAULT_E_ACCOUNT_DISABLED, 403},
  {VAULT_E_PRECONDITION, 412}, {VAULT_E_IDEMPOTENCY_KEY, 422},
  {VAULT_E_QUOTA, 507},        {VAULT_E_TOO_LARGE, 413},
  {VAULT_E_NO_SPACE, 507},     {VAULT_E_READ_ONLY, 503},
  {VAULT_E_LOCKED, 503},       {VAULT_E_STORE_MISSING, 503},
  {VAULT_E_REENTRANT, 500},
};

static const int by_class[] = {
  [VAULT_CLASS_OK] = 500,        [VAULT_CLASS_USAGE] = 500,     [VAULT_CLASS_INPUT] = 400,
  [VAULT_CLASS_AUTH] = 401,      [VAULT_CLASS_NOT_FOUND] = 404, [VAULT_CLASS_CONFLICT] = 409,
  [VAULT_CLASS_LIMIT] = 429,     [VAULT_CLASS_RETRY] = 503,     [VAULT_CLASS_UNCERTAIN] = 503,
  [VAULT_CLASS_IO] = 500,        [VAULT_CLASS_INTERNAL] = 500,  [VAULT_CLASS_BUSY] = 503,
  [VAULT_CLASS_REENTRANT] = 500,
};

int vd_http_status_of(vault_status s) {
  int32_t class = vault_status_class(s);
  for (size_t i = 0; i < sizeof by_value / sizeof by_value[0]; i++) {
    if (by_value[i].status == s)
      return by_value[i].http;
  }
  if (class < 0 || (size_t) class >= sizeof by_class / sizeof by_class[0])
    return 500;
  return by_class[class];
}

static void log_failure(const vd_context *app, const char *id, vault_status s,
                        const vault_err *err) {
  const char *code = vault_status_code(s);
  const char *msg = err != NULL ? err->msg : "";
  vault_log_field f[] = {
    {"code", {code, strlen(code)}, 0},
    {"message", {msg, strlen(msg)}, 0},
    {"native", {NULL, 0}, err != NULL ? err->native : 0},
    {"request_id", {id, strlen(id)}, 0},
  };
  vd_log_event(app->log, VAULT_LOG_ERROR, "request_failed", f, sizeof f / sizeof f[0]);
}

/* Seconds after which the same request may work; 0: waiting does not help. */
static int64_t retry_after(vault_status s, const vault_err *err) {
  int32_t class = vault_status_class(s);
  int64_t wait_s = err != NULL ? (err->retry_after_ms + 999) / 1000 : 0;

  if (class != VAULT_CLASS_LIMIT && class != VAULT_CLASS_RETRY && class != VAULT_CLASS_UNCERTAIN &&
      class != VAULT_CLASS_BUSY)
    return 0;
  if (class == VAULT_CLASS_LIMIT && s != VAULT_E_LIMIT)
    return 0;
  return wait_s < 1 ? 1 : wait_s;
}

/* A failure whose sentence is for the operator. What the database says names tables, files and
 * settings, also where the client may simply try again. */
static bool is_inside(int http, vault_status s, const vault_err *err) {
  if (err != NULL && err->origin == VAULT_ORIGIN_DATABASE)
    return true;
  return http != 507 && vault_status_class(s) != VAULT_CLASS_RETRY;
}

void vd_failure_of(const vd_context *app, const char *request_id, vault_status s,
                   const vault_err *err, vd_failure *out) {
  static const vault_id none;

  out->http = vd_http_status_of(s);
  out->retry_after_s = retry_after(s, err);
  out->code = vault_status_code(s);
  out->detail = vault_status_text(s);
  out->item = NULL;
  if (out->http >= 500 && is_inside(out->http, s, err)) {
    /* the log gets the detail; the client a sentence without insides */
    log_failure(app, request_id, s, err);
  } else if (err != NULL && err->msg[0] != '\0') {
    out->detail = err->msg;
  }
  if (s == VAULT_E_NAME_TAKEN && err != NULL && memcmp(&err->item, &none, sizeof none) != 0)
    out->item = &err->item;
}

vd_next vd_fail(vd_request *rq, vd_response *rs, vault_status s, const vault_err *err) {
  char item[VAULT_ID_TEXT];
  vd_failure f;

  vd_failure_of(vd_request_app(rq), vd_request_id(rq), s, err, &f);
  if (f.http == 401) {
    bool sent = vd_header(rq, "Authorization") != NULL;
    vd_add_header(rs, "WWW-Authenticate",
                  sent ? "Bearer realm=\"vaultd\", error=\"invalid_token\""
                       : "Bearer realm=\"vaultd\"");
  }
  if (f.retry_after_s > 0)
    vd_add_headerf(rs, "Retry-After", "%lld", (long long)f.retry_after_s);
  if (f.item != NULL)
    vault_id_format(f.item, item);
  vd_problem_more(rs, f.http, f.code, f.detail, NULL, 0, f.item != NULL ? item : NULL);
  return VD_DONE;
}

vd_next vd_bad_request(vd_response *rs, const char *code, const char *detail) {
  vd_problem(rs, 400, code, detail);
  return VD_DONE;
}
