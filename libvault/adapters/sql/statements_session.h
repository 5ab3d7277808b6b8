/* Sessions and devices. */

#define SESSION_COLUMNS \
  "s.id, s.user_id, s.device, d.name, s.agent, s.address, s.kid, s.revoke_reason, s.created_ms," \
  " s.last_seen_ms, s.expires_ms, s.revoked_ms, s.counter_a, s.counter_c, s.prev_a, s.moved_ms," \
  " s.issued_ms, a.epoch, a.disabled_ms, a.phone"
#define SESSION_JOIN \
  "FROM session s JOIN account a ON a.id = s.user_id JOIN device d ON d.id = s.device"

/* A device that comes back keeps its row; another user's device is not touched. */
S(DEVICE_PUT, 4, 0,
  "INSERT INTO device (id, user_id, name, created_ms, last_seen_ms) VALUES ($1, $2, $3, $4, $4)"
  " ON CONFLICT (id) DO UPDATE SET name = excluded.name, last_seen_ms = excluded.last_seen_ms"
  " WHERE device.user_id = excluded.user_id")
S(SESSION_ADD, 14, 0,
  "INSERT INTO session (id, user_id, device, agent, address, kid, revoke_reason, created_ms,"
  " last_seen_ms, expires_ms, revoked_ms, counter_a, counter_c, prev_a, moved_ms, issued_ms)"
  " VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, 0, $10, $11, $12, $13, $14)")
S(SESSION_GET, 1, 20, "SELECT " SESSION_COLUMNS " " SESSION_JOIN " WHERE s.id = $1")
S(SESSION_MOVE, 9, 0,
  "UPDATE session SET counter_a = $4, counter_c = $5, prev_a = $6, moved_ms = $7,"
  " issued_ms = $8, last_seen_ms = $9"
  " WHERE id = $1 AND revoked_ms = 0 AND counter_a = $2 AND counter_c = $3")
S(SESSION_REVOKE, 4, 0,
  "UPDATE session SET revoked_ms = CASE WHEN revoked_ms = 0 THEN $4 ELSE revoked_ms END,"
  " revoke_reason = CASE WHEN revoked_ms = 0 THEN $3 ELSE revoke_reason END"
  " WHERE id = $1 AND user_id = $2")
S(SESSION_REVOKE_ALL, 4, 0,
  "UPDATE session SET revoked_ms = $4, revoke_reason = $3"
  " WHERE user_id = $1 AND id <> $2 AND revoked_ms = 0")
S(SESSION_LIST, 4, 20,
  "SELECT " SESSION_COLUMNS " " SESSION_JOIN " WHERE s.user_id = $1 AND s.id > $2"
  " AND s.revoked_ms = 0 AND s.expires_ms > $3 ORDER BY s.id LIMIT $4")
S(SESSION_SWEEP, 2, 0,
  "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_ms < $1"
  " OR (revoked_ms > 0 AND revoked_ms < $1) ORDER BY id LIMIT $2)")

#undef SESSION_COLUMNS
#undef SESSION_JOIN
