/* A PostgreSQL database of one test: a schema of its own on the server that VT_PG_CONNINFO
 * names (with_postgres makes one). Tests only. */
#ifndef VT_PG_H
#define VT_PG_H

#include "vault/adapters/repositories.h"

#define VT_SCHEMA_TEXT 32u

/* In the environment: a schema that a process that is gone has made, to be opened again. */
#define VT_PG_SCHEMA_THERE "VT_PG_SCHEMA_THERE"

/* Make a schema and open the repositories in it. Fails the test if anything does. */
void vt_pg_open(vault_repositories *out, char schema[VT_SCHEMA_TEXT]);

/* Close them and drop the schema. */
void vt_pg_close(vault_repositories *r, const char *schema);

#endif
