#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "problem.h"
#include "text.h"

#define ERR_BYTES 160u

/* Only application/json: what a form of another site can send without asking is refused. */
static bool is_json(const char *content_type) {
  static const char type[] = "application/json";
  size_t n = sizeof type - 1;
  if (content_type == NULL || strncasecmp(content_type, type, n) != 0)
    return false;
  return content_type[n] == '\0' || content_type[n] == ';' || content_type[n] == ' ';
}

bool vd_json_read(vd_request *rq, vd_response *rs, const vd_json_member *members, size_t n,
                  json_t **doc) {
  size_t len = 0;
  const uint8_t *body = vd_body(rq, &len);
  char err[ERR_BYTES];

  *doc = NULL;
  if (len == 0) {
    for (size_t i = 0; i < n; i++) {
      if (!members[i].required)
        continue;
      (void)snprintf(err, sizeof err, "The member \"%s\" is missing: send a JSON object.",
                     members[i].name);
      (void)vd_bad_request(rs, "bad_json", err);
      return false;
    }
    return true;
  }
  if (!is_json(vd_header(rq, "Content-Type"))) {
    vd_problem(rs, 415, "unsupported_media_type",
               "Send the body with Content-Type: application/json.");
    return false;
  }
  if (vd_json_parse((const char *)body, len, members, n, doc, err, sizeof err))
    return true;
  (void)vd_bad_request(rs, "bad_json", err);
  return false;
}

static vd_next no_memory(vd_response *rs) {
  vd_problem(rs, 500, vault_status_code(VAULT_E_NO_MEMORY),
             "The answer could not be made. Nothing is wrong with the request; try again.");
  return VD_DONE;
}

vd_next vd_json_send(vd_response *rs, int status, json_t *doc) {
  char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;

  json_decref(doc);
  if (text == NULL)
    return no_memory(rs);
  vd_status(rs, status);
  vd_send_owned(rs, "application/json", text, strlen(text), free);
  return VD_DONE;
}

vd_next vd_json_text_send(vd_response *rs, int status, vd_json_text *t) {
  if (t->failed) {
    free(t->p);
    return no_memory(rs);
  }
  vd_status(rs, status);
  vd_send_owned(rs, "application/json", t->p, t->n, free);
  return VD_DONE;
}

json_t *vd_json_str(vault_str s) {
  return s.p != NULL ? json_stringn(s.p, (size_t)s.n) : json_null();
}

json_t *vd_json_id(const vault_id *id) {
  char text[VAULT_ID_TEXT];
  vault_id_format(id, text);
  return json_string(text);
}

json_t *vd_json_time(int64_t unix_ms) {
  char text[VD_TIME_TEXT];
  vd_time_format(unix_ms, text);
  return json_string(text);
}
