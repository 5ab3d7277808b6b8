#include "params.h"

#include <stdio.h>
#include <string.h>

#include "problem.h"
#include "text.h"

bool vd_only_params(vd_request *rq, vd_response *rs, const char *const *known, size_t n) {
  char detail[160];

  for (size_t i = 0; i < vd_query_count(rq); i++) {
    const char *name = vd_query_name(rq, i);
    bool found = false;
    for (size_t k = 0; k < n && !found; k++)
      found = strcmp(name, known[k]) == 0;
    if (found)
      continue;
    (void)snprintf(detail, sizeof detail, "There is no query parameter of this name here; known: ");
    for (size_t k = 0; k < n; k++) {
      size_t at = strlen(detail);
      (void)snprintf(detail + at, sizeof detail - at, "%s%s", k > 0 ? ", " : "", known[k]);
    }
    if (n == 0)
      (void)snprintf(detail, sizeof detail, "There are no query parameters here.");
    (void)vd_bad_request(rs, "bad_parameter", detail);
    return false;
  }
  return true;
}

bool vd_path_id(vd_request *rq, vd_response *rs, vault_id *out) {
  const char *text = vd_param(rq, "id");
  if (text != NULL && vault_id_parse(text, strlen(text), out) == VAULT_OK)
    return true;
  (void)vd_fail(rq, rs, VAULT_E_NOT_FOUND, NULL);
  return false;
}

bool vd_query_space(vd_request *rq, vd_response *rs, uint32_t *space) {
  const char *text = vd_query(rq, "space");
  *space = VAULT_SPACE_FILES;
  if (text == NULL || vd_space_parse(text, space))
    return true;
  (void)vd_bad_request(rs, "bad_parameter", "\"space\" must be files, photos or notes.");
  return false;
}

bool vd_query_id(vd_request *rq, vd_response *rs, const char *name, vault_id *out) {
  const char *text = vd_query(rq, name);
  char detail[80];

  memset(out, 0, sizeof *out);
  if (text == NULL || vault_id_parse(text, strlen(text), out) == VAULT_OK)
    return true;
  (void)snprintf(detail, sizeof detail, "\"%s\" must be an id.", name);
  (void)vd_bad_request(rs, "bad_parameter", detail);
  return false;
}

bool vd_query_limit(vd_request *rq, vd_response *rs, uint32_t *limit) {
  const char *text = vd_query(rq, "limit");
  int64_t n = 0;
  char detail[80];

  *limit = 0;
  if (text == NULL)
    return true;
  if (vd_int64_parse(text, &n) && n >= 1 && n <= (int64_t)VAULT_LIST_MAX) {
    *limit = (uint32_t)n;
    return true;
  }
  (void)snprintf(detail, sizeof detail, "\"limit\" must be 1 to %u.", VAULT_LIST_MAX);
  (void)vd_bad_request(rs, "bad_parameter", detail);
  return false;
}

bool vd_op_key(vd_request *rq, vd_response *rs, vault_str *out) {
  const char *key = vd_header(rq, "Idempotency-Key");
  size_t n = key != NULL ? strlen(key) : 0;
  char detail[120];
  bool good = n >= 1 && n <= VAULT_OP_KEY_MAX && vd_header_nth(rq, "Idempotency-Key", 1) == NULL;

  out->p = key;
  out->n = n;
  if (key == NULL)
    return true;
  for (size_t i = 0; i < n && good; i++)
    good = key[i] > 0x20 && key[i] < 0x7f;
  if (good)
    return true;
  (void)snprintf(detail, sizeof detail,
                 "Idempotency-Key must be one field of 1 to %u visible ASCII characters.",
                 VAULT_OP_KEY_MAX);
  (void)vd_bad_request(rs, "bad_idempotency_key", detail);
  return false;
}
