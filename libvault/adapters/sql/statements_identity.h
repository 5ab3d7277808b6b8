/* Challenges, codes and accounts. */

#define CODE_IS_LIVE "live_ms > 0 AND expires_ms > "
#define ACCOUNT_COLUMNS "id, phone, created_ms, disabled_ms, epoch"

S(CHALLENGE_ADD, 7, 0,
  "INSERT INTO challenge (id, secret_mac, phone, purpose, attempts, last_n, created_ms,"
  " expires_ms, consumed_ms) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, 0)")
S(CHALLENGE_GET, 2, 9,
  "SELECT id, secret_mac, phone, purpose, attempts, last_n, created_ms, expires_ms, consumed_ms"
  " FROM challenge WHERE id = $1 AND secret_mac = $2")
/* A compare and set: of two callers with the same number one finds no row. */
S(CHALLENGE_NEXT_CODE, 3, 0,
  "UPDATE challenge SET last_n = $2, expires_ms = $3"
  " WHERE id = $1 AND last_n = $2 - 1 AND consumed_ms = 0")
/* Takes the row lock, so that changes of one challenge's codes happen one after the other. */
S(CHALLENGE_LOCK, 1, 0, "UPDATE challenge SET last_n = last_n WHERE id = $1")
S(CHALLENGE_ATTEMPT, 4, 3,
  "UPDATE challenge SET attempts = attempts + 1 WHERE id = $1 AND secret_mac = $2"
  " AND consumed_ms = 0 AND attempts < $3 AND EXISTS"
  " (SELECT 1 FROM challenge_code WHERE challenge = $1 AND " CODE_IS_LIVE "$4)"
  " RETURNING phone, purpose, attempts")
S(CHALLENGE_PHONE, 1, 1, "SELECT phone FROM challenge WHERE id = $1")
/* The guard of "one code, one session": exactly one caller changes the row. */
S(CHALLENGE_CONSUME, 2, 0,
  "UPDATE challenge SET consumed_ms = $2 WHERE id = $1 AND consumed_ms = 0")
S(CHALLENGE_DROP_OTHERS, 2, 0, "DELETE FROM challenge WHERE phone = $1 AND id <> $2")
S(CHALLENGE_SWEEP, 2, 0,
  "DELETE FROM challenge WHERE id IN (SELECT id FROM challenge WHERE expires_ms < $1"
  " ORDER BY id LIMIT $2)")

S(CODE_ADD, 6, 0,
  "INSERT INTO challenge_code (challenge, n, mac, kid, created_ms, expires_ms, live_ms)"
  " VALUES ($1, $2, $3, $4, $5, $6, 0)")
S(CODE_LIVE, 3, 0,
  "UPDATE challenge_code SET live_ms = CASE WHEN live_ms = 0 THEN $3 ELSE live_ms END"
  " WHERE challenge = $1 AND n = $2")
S(CODE_KEEP_NEWEST, 2, 0,
  "DELETE FROM challenge_code WHERE challenge = $1 AND live_ms > 0 AND n NOT IN"
  " (SELECT n FROM challenge_code WHERE challenge = $1 AND live_ms > 0"
  " ORDER BY n DESC LIMIT $2)")
S(CODE_LIST_LIVE, 3, 6,
  "SELECT n, mac, kid, created_ms, expires_ms, live_ms FROM challenge_code"
  " WHERE challenge = $1 AND " CODE_IS_LIVE "$2 ORDER BY n DESC LIMIT $3")

/* Makes the account or finds it, and in both cases locks it until the transaction ends. */
S(ACCOUNT_CLAIM, 3, 5,
  "INSERT INTO account (id, phone, created_ms, disabled_ms, epoch) VALUES ($1, $2, $3, 0, 0)"
  " ON CONFLICT (phone) DO UPDATE SET phone = excluded.phone RETURNING " ACCOUNT_COLUMNS)
S(ACCOUNT_GET, 1, 5, "SELECT " ACCOUNT_COLUMNS " FROM account WHERE id = $1")
S(ACCOUNT_FIND, 1, 5, "SELECT " ACCOUNT_COLUMNS " FROM account WHERE phone = $1")
S(ACCOUNT_LIST, 2, 5,
  "SELECT " ACCOUNT_COLUMNS " FROM account WHERE id > $1 ORDER BY id LIMIT $2")
S(ACCOUNT_EPOCH, 1, 0, "UPDATE account SET epoch = epoch + 1 WHERE id = $1")
S(ACCOUNT_DISABLE, 2, 0,
  "UPDATE account SET disabled_ms = CASE WHEN disabled_ms = 0 THEN $2 ELSE disabled_ms END,"
  " epoch = epoch + 1 WHERE id = $1")
S(ACCOUNT_ENABLE, 1, 0, "UPDATE account SET disabled_ms = 0 WHERE id = $1")
S(USAGE_ADD, 2, 0,
  "INSERT INTO usage (user_id, quota_bytes, outside_bytes, live_bytes, versions_bytes,"
  " trash_bytes, partial_bytes, files) VALUES ($1, $2, 0, 0, 0, 0, 0, 0)")
S(SEQ_ADD, 1, 0, "INSERT INTO user_seq (user_id, seq, fresh) VALUES ($1, 0, 0)")

#undef CODE_IS_LIVE
#undef ACCOUNT_COLUMNS
