#include "ops.h"

#include <stdbool.h>
#include <string.h>

#include "modules/auth/codec.h"
#include "modules/common/json.h"

static json_t *refuse(vault_status s, const vault_err *err) {
  const char *msg = err != NULL && err->msg[0] != '\0' ? err->msg : vault_status_text(s);
  return json_pack("{s:b, s:s, s:s}", "ok", 0, "code", vault_status_code(s), "message", msg);
}

static json_t *refuse_text(const char *message) {
  return json_pack("{s:b, s:s, s:s}", "ok", 0, "code", "input_invalid", "message", message);
}

/* "user" of the request: an id or a phone number. *users: free it. */
static vault_status find_user(vault *v, const json_t *rq, vault_users **users, vault_err *err) {
  const char *text = json_string_value(json_object_get(rq, "user"));
  vault_id id;

  if (text == NULL)
    return VAULT_E_INPUT;
  if (vault_id_parse(text, strlen(text), &id) == VAULT_OK)
    return vault_admin_get_user(v, &id, users, err);
  return vault_admin_find_user(v, text, strlen(text), users, err);
}

static const vault_user_view *first_user(const vault_users *users) {
  uint64_t n;
  uint32_t stride;
  return vault_users_rows(users, &n, &stride);
}

static json_t *user_json(const vault_user_view *u) {
  return json_pack("{s:o, s:o, s:b, s:o}", "id", vd_json_id(&u->id), "phone", vd_json_str(u->phone),
                   "disabled", u->disabled != 0, "created_at", vd_json_time(u->created_ms));
}

static json_t *op_user_list(vault *v, const json_t *rq) {
  const char *after = json_string_value(json_object_get(rq, "after"));
  vault_err err = VAULT_ERR_INIT;
  vault_id from = {{0}}, last = {{0}};
  vault_users *users = NULL;
  uint64_t n = 0;
  uint32_t stride = 0;
  json_t *rows;
  vault_status s;

  if (after != NULL && vault_id_parse(after, strlen(after), &from) != VAULT_OK)
    return refuse_text("\"after\" must be an id.");
  s = vault_admin_users(v, &from, VAULT_USERS_MAX, &users, &err);
  if (s != VAULT_OK)
    return refuse(s, &err);
  rows = json_array();
  const char *row = (const char *)vault_users_rows(users, &n, &stride);
  for (uint64_t i = 0; i < n; i++, row += stride) {
    const void *u = row;
    last = ((const vault_user_view *)u)->id;
    (void)json_array_append_new(rows, user_json(u));
  }
  vault_users_free(users);
  return json_pack("{s:b, s:o, s:o}", "ok", 1, "users", rows, "next",
                   n == VAULT_USERS_MAX ? vd_json_id(&last) : json_null());
}

/* The user as it is now, after whatever was done to it. */
static json_t *show_user(vault *v, const vault_id *id) {
  vault_principal who = {.size = sizeof who, .user = *id};
  vault_usage usage = {.size = sizeof usage};
  vault_err err = VAULT_ERR_INIT;
  vault_users *users = NULL;
  json_t *user;
  vault_status s = vault_admin_get_user(v, id, &users, &err);

  if (s != VAULT_OK)
    return refuse(s, &err);
  user = user_json(first_user(users));
  vault_users_free(users);
  s = vault_usage_get(v, &who, &usage, &err);
  if (s != VAULT_OK) {
    json_decref(user);
    return refuse(s, &err);
  }
  (void)json_object_set_new(user, "usage", vd_usage_json(&usage));
  return json_pack("{s:b, s:o}", "ok", 1, "user", user);
}

static json_t *op_user_show(vault *v, const json_t *rq, const vault_id *user) {
  (void)rq;
  return show_user(v, user);
}

static json_t *op_user_quota(vault *v, const json_t *rq, const vault_id *user) {
  const json_t *bytes = json_object_get(rq, "bytes");
  vault_err err = VAULT_ERR_INIT;
  vault_status s;

  if (!json_is_integer(bytes) || json_integer_value(bytes) < 0)
    return refuse_text("\"bytes\" must be a number.");
  s = vault_admin_set_quota(v, user, (uint64_t)json_integer_value(bytes), &err);
  return s == VAULT_OK ? show_user(v, user) : refuse(s, &err);
}

static json_t *op_user_disable(vault *v, const json_t *rq, const vault_id *user) {
  vault_err err = VAULT_ERR_INIT;
  vault_status s = vault_admin_set_disabled(v, user, 1, &err);
  (void)rq;
  return s == VAULT_OK ? show_user(v, user) : refuse(s, &err);
}

static json_t *op_user_enable(vault *v, const json_t *rq, const vault_id *user) {
  vault_err err = VAULT_ERR_INIT;
  vault_status s = vault_admin_set_disabled(v, user, 0, &err);
  (void)rq;
  return s == VAULT_OK ? show_user(v, user) : refuse(s, &err);
}

static json_t *op_session_list(vault *v, const json_t *rq, const vault_id *user) {
  vault_principal who = {.size = sizeof who, .user = *user};
  vault_err err = VAULT_ERR_INIT;
  vault_sessions *sessions = NULL;
  json_t *doc;
  vault_status s = vault_auth_sessions(v, &who, &sessions, &err);

  (void)rq;
  if (s != VAULT_OK)
    return refuse(s, &err);
  doc = vd_sessions_json(sessions);
  vault_sessions_free(sessions);
  if (doc != NULL)
    (void)json_object_set_new(doc, "ok", json_true());
  return doc;
}

static json_t *op_session_revoke(vault *v, const json_t *rq, const vault_id *user) {
  const char *text = json_string_value(json_object_get(rq, "session"));
  vault_principal who = {.size = sizeof who, .user = *user};
  vault_err err = VAULT_ERR_INIT;
  vault_id session;
  uint64_t n = 1;
  vault_status s;

  if (text == NULL) {
    s = vault_admin_revoke_sessions(v, user, &n, &err);
  } else if (vault_id_parse(text, strlen(text), &session) != VAULT_OK) {
    return refuse_text("\"session\" must be an id.");
  } else {
    s = vault_auth_revoke(v, &who, &session, &err);
  }
  return s == VAULT_OK ? json_pack("{s:b, s:I}", "ok", 1, "revoked", (json_int_t)n)
                       : refuse(s, &err);
}

static json_t *op_fsck(vault *v, const json_t *rq) {
  bool repair = json_is_true(json_object_get(rq, "repair"));
  vault_check_report r = {.size = sizeof r};
  vault_err err = VAULT_ERR_INIT;
  vault_status s = vault_admin_check(v, repair ? VAULT_CHECK_REPAIR : 0, &r, &err);
  json_t *report;

  if (s != VAULT_OK)
    return refuse(s, &err);
  report = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "users",
                     (json_int_t)r.users, "blobs", (json_int_t)r.blobs, "missing",
                     (json_int_t)r.missing, "wrong_size", (json_int_t)r.wrong_size, "orphans",
                     (json_int_t)r.orphans, "ledgers", (json_int_t)r.ledgers, "ledgers_mended",
                     (json_int_t)r.ledgers_mended, "inline", (json_int_t)r.inline_blobs,
                     "half_spilled", (json_int_t)r.half_spilled);
  return json_pack("{s:b, s:o}", "ok", 1, "report", report);
}

static const struct {
  const char *name;
  json_t *(*run)(vault *v, const json_t *rq);
  json_t *(*run_for_user)(vault *v, const json_t *rq, const vault_id *user);
} ops[] = {
  {"user.list", op_user_list, NULL},           {"user.show", NULL, op_user_show},
  {"user.quota", NULL, op_user_quota},         {"user.disable", NULL, op_user_disable},
  {"user.enable", NULL, op_user_enable},       {"session.list", NULL, op_session_list},
  {"session.revoke", NULL, op_session_revoke}, {"fsck", op_fsck, NULL},
};

json_t *vd_admin_run(vault *v, const json_t *request) {
  const char *name = json_string_value(json_object_get(request, "op"));
  vault_err err = VAULT_ERR_INIT;
  vault_users *users = NULL;
  vault_id user;
  vault_status s;

  for (size_t i = 0; name != NULL && i < sizeof ops / sizeof ops[0]; i++) {
    if (strcmp(name, ops[i].name) != 0)
      continue;
    if (ops[i].run != NULL)
      return ops[i].run(v, request);
    s = find_user(v, request, &users, &err);
    if (s != VAULT_OK)
      return refuse(s, &err);
    user = first_user(users)->id;
    vault_users_free(users);
    return ops[i].run_for_user(v, request, &user);
  }
  return refuse_text("There is no such operation in this version of vaultd.");
}
