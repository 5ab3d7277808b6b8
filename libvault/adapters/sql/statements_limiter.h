/* Rate limits. */

/* Makes the row or finds it, and in both cases locks it until the transaction ends. */
S(LIMITER_LOCK, 2, 1,
  "INSERT INTO limiter (limit_key, state, expires_ms) VALUES ($1, $2, 0)"
  " ON CONFLICT (limit_key) DO UPDATE SET limit_key = excluded.limit_key RETURNING state")
S(LIMITER_PUT, 3, 0, "UPDATE limiter SET state = $2, expires_ms = $3 WHERE limit_key = $1")
S(LIMITER_FORGET, 1, 0, "DELETE FROM limiter WHERE limit_key = $1")
S(LIMITER_SWEEP, 2, 0,
  "DELETE FROM limiter WHERE limit_key IN"
  " (SELECT limit_key FROM limiter WHERE expires_ms <= $1 ORDER BY limit_key LIMIT $2)")
