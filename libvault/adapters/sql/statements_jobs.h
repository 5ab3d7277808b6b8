/* Durable jobs. state 0 is VAULT_JOB_READY, 2 is VAULT_JOB_DEAD. */

#define JOB_COLUMNS "id, user_id, kind, state, attempts, payload, created_ms, run_ms, lease_ms," \
  " fence, dedup_key, reason"
#define JOB_IS_DUE "state = 0 AND lease_ms <= $2 AND run_ms <= $2" \
  " AND (($1 >> CAST(kind AS INTEGER)) & 1) = 1"

S(JOB_ADD, 7, 0,
  "INSERT INTO job (" JOB_COLUMNS ") VALUES ($1, $2, $3, 0, 0, $4, $5, $6, 0, 0, $7, '')"
  " ON CONFLICT (dedup_key) WHERE state = 0 AND dedup_key <> '' DO UPDATE SET run_ms ="
  " CASE WHEN excluded.run_ms < job.run_ms THEN excluded.run_ms ELSE job.run_ms END")
/* PostgreSQL: callers at the same time must not wait for, or be given, the same row. */
D(JOB_LEASE, 3, 12, "",
  "UPDATE job SET lease_ms = $3, fence = fence + 1, attempts = attempts + 1 WHERE id ="
  " (SELECT id FROM job WHERE " JOB_IS_DUE " ORDER BY run_ms, id LIMIT 1)"
  " RETURNING " JOB_COLUMNS,
  "UPDATE job SET lease_ms = $3, fence = fence + 1, attempts = attempts + 1 WHERE id ="
  " (SELECT id FROM job WHERE " JOB_IS_DUE " ORDER BY run_ms, id LIMIT 1"
  " FOR UPDATE SKIP LOCKED) RETURNING " JOB_COLUMNS)
S(JOB_DONE, 2, 0, "DELETE FROM job WHERE id = $1 AND fence = $2 AND state = 0")
S(JOB_RETRY, 4, 0,
  "UPDATE job SET run_ms = $3, reason = $4, lease_ms = 0"
  " WHERE id = $1 AND fence = $2 AND state = 0")
/* The payload goes: it may be sealed, but what nobody will open any more is not kept. */
S(JOB_BURY, 4, 0,
  "UPDATE job SET state = 2, reason = $3, lease_ms = 0, payload = $4"
  " WHERE id = $1 AND fence = $2 AND state = 0")
S(JOB_NEXT, 1, 1,
  "SELECT min(CASE WHEN lease_ms > run_ms THEN lease_ms ELSE run_ms END) FROM job"
  " WHERE state = 0 AND (($1 >> CAST(kind AS INTEGER)) & 1) = 1")

#undef JOB_COLUMNS
#undef JOB_IS_DUE
