#include "guard.h"

#include <string.h>

#include "http/conditional.h"
#include "modules/common/context.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"

#define NO_SEQ (-1) /* no item has it */

/* "*", lists, weak and foreign tags: compare with what is there now, then hold the change to it. With a key a
 * condition that fails may do so because the request was served before: held to NO_SEQ, it is answered as
 * then, or refused. */
static bool guard_by_state(vd_request *rq, vd_response *rs, const vault_principal *who,
                           const vault_id *item, vault_guard *out) {
  const vd_context *app = vd_request_app(rq);
  vd_preconditions pre = {
    vd_header(rq, "If-Match"), vd_header(rq, "If-None-Match"), NULL, NULL, NULL, NULL};
  vd_resource_state state = {true, NULL, false, 0};
  vault_err err = VAULT_ERR_INIT;
  vault_items *items = NULL;
  char etag[VD_ETAG_TEXT];
  uint64_t n;
  uint32_t stride;
  int64_t seq = NO_SEQ;
  bool keyed = out->op_key.n > 0, holds;
  vault_status s = vault_item_get(app->vault, who, item, &items, &err);

  if (s != VAULT_OK && !(keyed && s == VAULT_E_NOT_FOUND)) {
    (void)vd_fail(rq, rs, s, &err);
    return false;
  }
  if (s == VAULT_OK)
    seq = vault_items_rows(items, &n, &stride)->seq;
  vault_items_free(items);
  vd_item_etag(seq, etag);
  state.etag = etag;
  holds = s == VAULT_OK && vd_precondition_check(&pre, &state, false) == VD_PROCEED;
  if (!holds && !keyed) {
    (void)vd_fail(rq, rs, VAULT_E_PRECONDITION, NULL);
    return false;
  }
  if (!holds)
    seq = NO_SEQ;
  if (!holds || (pre.if_match != NULL && strcmp(pre.if_match, "*") != 0)) {
    out->flags |= VAULT_GUARD_SEQ;
    out->seq = seq;
  }
  return true;
}

bool vd_guard_read(vd_request *rq, vd_response *rs, const vault_principal *who,
                   const vault_id *item, vault_guard *out) {
  const char *if_match = vd_header(rq, "If-Match");

  memset(out, 0, sizeof *out);
  out->size = sizeof *out;
  if (!vd_op_key(rq, rs, &out->op_key))
    return false;
  if (vd_header(rq, "If-None-Match") != NULL)
    return guard_by_state(rq, rs, who, item, out);
  if (if_match == NULL)
    return true;
  if (vd_header_nth(rq, "If-Match", 1) == NULL && vd_item_etag_parse(if_match, &out->seq)) {
    out->flags |= VAULT_GUARD_SEQ;
    return true;
  }
  return guard_by_state(rq, rs, who, item, out);
}
