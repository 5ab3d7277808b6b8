#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "manifest.h"
#include "modules/common/bearer.h"
#include "modules/common/context.h"
#include "modules/common/json.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"

#define SHA256_BYTES 32u

/* The digests of an array, all or none. */
static bool read_digests(vd_response *rs, const json_t *rows, uint8_t *out) {
  char detail[80];
  for (size_t i = 0; i < json_array_size(rows); i++) {
    const json_t *row = json_array_get(rows, i);
    vault_str text = {json_string_value(row), json_string_length(row)};
    if (vd_sha256_parse(text, out + i * SHA256_BYTES))
      continue;
    (void)snprintf(detail, sizeof detail, "Digest %zu is not 64 hexadecimal digits.", i);
    (void)vd_bad_request(rs, "bad_json", detail);
    return false;
  }
  return true;
}

static json_t *results_of(const uint8_t *digests, const uint8_t *have, size_t n) {
  json_t *rows = json_array();
  char sha256[VD_HEX_SHA256];
  bool complete = rows != NULL;

  for (size_t i = 0; i < n && complete; i++) {
    vd_hex(digests + i * SHA256_BYTES, SHA256_BYTES, sha256);
    complete =
      json_array_append_new(rows, json_pack("{s:s, s:b}", "sha256", sha256, "have", have[i])) == 0;
  }
  if (complete)
    return json_pack("{s:o}", "results", rows);
  json_decref(rows);
  return NULL;
}

static vd_next answer(vd_request *rq, vd_response *rs, const vault_principal *who,
                      const json_t *rows) {
  const vd_context *app = vd_request_app(rq);
  size_t n = json_array_size(rows);
  uint8_t *digests = calloc(n + 1, SHA256_BYTES + 1), *have;
  vault_err err = VAULT_ERR_INIT;
  vault_status s;

  if (digests == NULL)
    return vd_fail(rq, rs, VAULT_E_NO_MEMORY, NULL);
  have = digests + n * SHA256_BYTES;
  vd_allow_gzip(rs);
  if (read_digests(rs, rows, digests)) {
    s = vault_upload_check(app->vault, who, digests, n, have, &err);
    if (s == VAULT_OK)
      (void)vd_json_send(rs, 200, results_of(digests, have, n));
    else
      (void)vd_fail(rq, rs, s, &err);
  }
  free(digests);
  return VD_DONE;
}

vd_next vd_uploads_check(vd_request *rq, vd_response *rs) {
  json_t *doc = NULL, *rows = NULL;
  const vd_json_member members[] = {{"digests", VD_JSON_ARRAY, true, &rows, NULL}};
  vault_principal who;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who) ||
      !vd_json_read(rq, rs, members, 1, &doc))
    return VD_DONE;
  (void)answer(rq, rs, &who, rows);
  json_decref(doc);
  return VD_DONE;
}
