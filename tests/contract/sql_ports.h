/* What run_sqlite and run_postgres share: one database, and one port of it for a suite. */
#ifndef VT_SQL_PORTS_H
#define VT_SQL_PORTS_H

#include "contract.h"
#include "tests/support/vt_dir.h"
#include "vault/adapters/repositories.h"

/* ctx of an instance of a suite over a database; `where` is the runner's own. */
typedef struct vt_sql_ctx {
  vault_repositories r;
  char where[VT_DIR_MAX];
} vt_sql_ctx;

/* vt_adapter.user: which port the suite is for. The items suite gets the whole
 * vault_repositories as `ops`, because it needs accounts. */
typedef enum vt_sql_port { VT_SQL_IDENTITY, VT_SQL_JOBS, VT_SQL_LIMITER, VT_SQL_ITEMS } vt_sql_port;
extern const vt_sql_port vt_sql_ports[4]; /* [p] == p: something to point at */

vt_sql_ctx *vt_sql_new(void);
void vt_sql_free(vt_sql_ctx *ctx); /* closes the repositories */
void vt_sql_fill(const vt_adapter *a, vt_sql_ctx *ctx, vt_instance *out);

#endif
