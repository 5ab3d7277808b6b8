#include "sql_ports.h"

#include <stdlib.h>

const vt_sql_port vt_sql_ports[4] = {VT_SQL_IDENTITY, VT_SQL_JOBS, VT_SQL_LIMITER, VT_SQL_ITEMS};

vt_sql_ctx *vt_sql_new(void) {
  vt_sql_ctx *ctx = calloc(1, sizeof *ctx);
  ck_assert_ptr_nonnull(ctx);
  ctx->r.size = sizeof ctx->r;
  return ctx;
}

void vt_sql_free(vt_sql_ctx *ctx) {
  vault_repositories_close(&ctx->r);
  free(ctx);
}

void vt_sql_fill(const vt_adapter *a, vt_sql_ctx *ctx, vt_instance *out) {
  const vault_repositories *r = &ctx->r;
  out->ctx = ctx;
  switch (*(const vt_sql_port *)a->user) {
  case VT_SQL_IDENTITY:
    out->ops = r->identity;
    out->self = r->identity_self;
    break;
  case VT_SQL_JOBS:
    out->ops = r->jobs;
    out->self = r->jobs_self;
    break;
  case VT_SQL_LIMITER:
    out->ops = r->limiter;
    out->self = r->limiter_self;
    break;
  case VT_SQL_ITEMS:
    out->ops = r;
    out->self = r->items_self;
    break;
  }
}
