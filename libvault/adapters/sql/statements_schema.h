/* The vault's own row, and how the schema is found and made. */

/* Engine catalogues differ, and only one of them is shared by several processes. */
D(SCHEMA_LOCK, 0, 1, "SELECT 0",
  NULL, "SELECT length(CAST(pg_advisory_xact_lock(7167203141) AS TEXT))")
D(SCHEMA_EXISTS, 0, 1, "",
  "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'vault_schema'",
  /* Not to_regclass(): it would answer from a cache filled before we waited for the lock. */
  "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'vault_schema' AND relkind = 'r'"
  " AND pg_catalog.pg_table_is_visible(oid)")
S(SCHEMA_GET, 0, 3, "SELECT version, min_reader, min_writer FROM vault_schema WHERE one = 1")
S(SCHEMA_INSERT, 5, 0,
  "INSERT INTO vault_schema (one, version, min_reader, min_writer, store, incarnation,"
  " attached, last_seen_ms) VALUES (1, $1, $2, $3, $4, $5, 0, 0)")
S(SCHEMA_MOVE, 3, 0,
  "UPDATE vault_schema SET version = $1, min_reader = $2, min_writer = $3 WHERE one = 1")
S(STORE_GET, 0, 4,
  "SELECT store, incarnation, attached, version FROM vault_schema WHERE one = 1")
S(STORE_ATTACHED, 0, 0, "UPDATE vault_schema SET attached = 1 WHERE one = 1")
S(CLOCK_GET, 0, 1, "SELECT last_seen_ms FROM vault_schema WHERE one = 1")
S(CLOCK_MOVE, 1, 0, "UPDATE vault_schema SET last_seen_ms = $1"
  " WHERE one = 1 AND last_seen_ms < $1")
