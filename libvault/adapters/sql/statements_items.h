/* Every statement of the items repository. One text for both engines (style rules: typed
 * parameters named $1..$n, CAST around SUM, a total ORDER BY, no FOR UPDATE).
 * The macros hold what several of them share. */

#ifndef ITEM_COLS

/* The columns of an item, in the order that vault__items_decode() reads. */
#define ITEM_COLS                                                                         \
  "i.id, i.user_id, i.parent, i.version, i.blob, i.kind, i.space, i.size_bytes, i.mtime_ns, " \
  "i.has_mtime, i.n_versions, i.created_ms, i.modified_ms, i.trashed_ms, i.seq, "         \
  "i.trash_root, i.sha256, i.name, i.content_type, i.name_key "
#define ITEM_N_COLS 20

#define BLOB_COLS "id, user_id, space, ext, state, format, size_bytes, refs, dead_ms, sha256 "
#define BLOB_N_COLS 10

#define UPLOAD_COLS                                                                      \
  "id, user_id, blob, blob_space, ext, parent, item, session, space, flags, length_bytes, " \
  "reserved_bytes, offset_bytes, mtime_ns, has_mtime, sha_state, created_ms, expires_ms, " \
  "owner, if_version, want_sha256, content_type, op_key, path "
#define UPLOAD_N_COLS 24

#define USAGE_COLS \
  "quota_bytes, live_bytes, versions_bytes, trash_bytes, partial_bytes, files, outside_bytes "
#define USAGE_N_COLS 7

/* Item $2 of user $1 and all below it in space $3 that is not in the trash. */
#define TREE_BELOW                                                                     \
  "(WITH RECURSIVE t(id) AS (SELECT $2 UNION ALL SELECT c.id FROM item c JOIN t "      \
  "ON c.parent = t.id WHERE c.user_id = $1 AND c.space = $3 AND c.state = 0) "         \
  "SELECT id FROM t) "

/* The blobs of everything that went to the trash with item $2 of user $1. */
#define PARTS_OF_TRASH                                              \
  "FROM part p JOIN version v ON v.id = p.version "                 \
  "JOIN item i ON i.id = v.item "                                   \
  "WHERE i.user_id = $1 AND i.trash_root = $2 AND i.state = 1 "

#endif

/* one user's changes, one after the other */
S(LEDGER_LOCK, 1, USAGE_N_COLS, "UPDATE usage SET live_bytes = live_bytes WHERE user_id = $1 "
  "RETURNING " USAGE_COLS)
S(SEQ_GET, 1, 1, "SELECT seq FROM user_seq WHERE user_id = $1")
S(SEQ_SET, 3, 0, "UPDATE user_seq SET seq = $3 WHERE user_id = $1 AND seq = $2")
S(LEDGER_MOVE, 6, USAGE_N_COLS,
  "UPDATE usage SET live_bytes = live_bytes + $2, versions_bytes = versions_bytes + $3, "
  "trash_bytes = trash_bytes + $4, partial_bytes = partial_bytes + $5, "
  "outside_bytes = outside_bytes - (CAST($2 AS BIGINT) + $3 + $4 + $5), files = files + $6 "
  "WHERE user_id = $1 AND (CAST($2 AS BIGINT) + $3 + $4 + $5 <= 0 OR live_bytes + versions_bytes + "
  "trash_bytes + partial_bytes + $2 + $3 + $4 + $5 <= quota_bytes) "
  "RETURNING " USAGE_COLS)
S(LEDGER_WRITE, 6, 0,
  "UPDATE usage SET live_bytes = $2, versions_bytes = $3, trash_bytes = $4, "
  "partial_bytes = $5, outside_bytes = 0 - (CAST($2 AS BIGINT) + $3 + $4 + $5), files = $6 "
  "WHERE user_id = $1")
S(LEDGER_GET, 1, USAGE_N_COLS + 1, "SELECT " USAGE_COLS ", (SELECT s.seq FROM user_seq s "
  "WHERE s.user_id = u.user_id) FROM usage u WHERE user_id = $1")
S(QUOTA_SET, 2, 0, "UPDATE usage SET quota_bytes = $2 WHERE user_id = $1")
S(COUNT_ITEMS, 1, 4,
  "SELECT CAST(COALESCE(SUM(CASE WHEN i.state = 0 AND v.id = i.version "
  "THEN v.size_bytes ELSE 0 END), 0) AS bigint), "
  "CAST(COALESCE(SUM(CASE WHEN i.state = 0 AND v.id <> i.version "
  "THEN v.size_bytes ELSE 0 END), 0) AS bigint), "
  "CAST(COALESCE(SUM(CASE WHEN i.state = 1 THEN v.size_bytes ELSE 0 END), 0) AS bigint), "
  "CAST(COALESCE(SUM(CASE WHEN i.state = 0 AND v.id = i.version THEN 1 ELSE 0 END), 0) "
  "AS bigint) FROM item i JOIN version v ON v.item = i.id "
  "WHERE i.user_id = $1 AND i.state < 2")
S(COUNT_PARTIAL, 1, 1, "SELECT CAST(COALESCE(SUM(reserved_bytes), 0) AS bigint) "
  "FROM upload WHERE user_id = $1")
/* idempotency */
S(OP_FIND, 2, 3, "SELECT kind, item, request FROM op_result WHERE user_id = $1 AND op_key = $2")
S(OP_ADD, 6, 0, "INSERT INTO op_result (user_id, op_key, kind, item, request, created_ms) "
  "VALUES ($1, $2, $3, $4, $5, $6)")
S(OP_SWEEP, 2, 0, "DELETE FROM op_result WHERE created_ms < $1 AND (user_id, op_key) IN "
  "(SELECT o.user_id, o.op_key FROM op_result o WHERE o.created_ms < $1 "
  "ORDER BY o.created_ms, o.user_id, o.op_key LIMIT $2)")
/* uploads */
S(UPLOAD_ADD, 24, 0, "INSERT INTO upload (" UPLOAD_COLS ") VALUES ($1, $2, $3, $4, $5, $6, "
  "$7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)")
S(UPLOAD_GET, 2, UPLOAD_N_COLS, "SELECT " UPLOAD_COLS "FROM upload "
  "WHERE user_id = $1 AND id = $2")
S(UPLOAD_HELD, 2, 2, "SELECT reserved_bytes, blob FROM upload "
  "WHERE user_id = $1 AND id = $2")
S(UPLOAD_GROW, 3, 0, "UPDATE upload SET reserved_bytes = reserved_bytes + $3 "
  "WHERE user_id = $1 AND id = $2")
S(UPLOAD_OFFSET, 5, 0, "UPDATE upload SET offset_bytes = $3, sha_state = $4, "
  "expires_ms = $5 WHERE user_id = $1 AND id = $2")
S(UPLOAD_DROP, 2, 0, "DELETE FROM upload WHERE user_id = $1 AND id = $2")
S(UPLOAD_LIST, 4, UPLOAD_N_COLS, "SELECT " UPLOAD_COLS "FROM upload WHERE id > $1 AND "
  "(expires_ms < $2 OR owner <> $3) ORDER BY id LIMIT $4")
/* finding items; tombstones are never found */
S(ITEM_GET, 2, ITEM_N_COLS, "SELECT " ITEM_COLS "FROM item i "
  "WHERE i.user_id = $1 AND i.id = $2 AND i.state < 2")
S(ITEM_CHILD, 4, ITEM_N_COLS, "SELECT " ITEM_COLS "FROM item i WHERE i.user_id = $1 AND "
  "i.space = $2 AND i.parent = $3 AND i.name_key = $4 AND i.state = 0")
S(ITEM_CHILDREN, 5, ITEM_N_COLS, "SELECT " ITEM_COLS "FROM item i WHERE i.user_id = $1 AND "
  "i.space = $2 AND i.parent = $3 AND i.name_key > $4 AND i.state = 0 "
  "ORDER BY i.name_key LIMIT $5")
S(ITEM_TRASH, 4, ITEM_N_COLS, "SELECT " ITEM_COLS "FROM item i WHERE i.user_id = $1 AND "
  "i.state = 1 AND i.trash_root = i.id AND (i.trashed_ms, i.id) < ($2, $3) "
  "ORDER BY i.trashed_ms DESC, i.id DESC LIMIT $4")
S(ITEM_DEPTH, 4, 2,
  "WITH RECURSIVE up(id, parent, d) AS ("
  "SELECT i.id, i.parent, CAST(1 AS bigint) FROM item i WHERE i.user_id = $1 AND i.id = $2 "
  "UNION ALL SELECT i.id, i.parent, up.d + 1 FROM item i JOIN up ON i.id = up.parent "
  "WHERE i.user_id = $1 AND up.d < $4) "
  "SELECT COALESCE(MAX(d), 0), CAST(COALESCE(SUM(CASE WHEN id = $3 THEN 1 ELSE 0 END), 0) "
  "AS bigint) FROM up")
S(ITEM_HEIGHT, 4, 1,
  "WITH RECURSIVE t(id, d) AS (SELECT $2, CAST(1 AS bigint) UNION ALL "
  "SELECT c.id, t.d + 1 FROM item c JOIN t ON c.parent = t.id "
  "WHERE c.user_id = $1 AND c.space = $3 AND c.state = 0 AND t.d < $4) "
  "SELECT MAX(d) FROM t")
S(TRASH_HEIGHT, 3, 1,
  "WITH RECURSIVE t(id, d) AS (SELECT $2, CAST(1 AS bigint) UNION ALL "
  "SELECT c.id, t.d + 1 FROM item c JOIN t ON c.parent = t.id "
  "WHERE c.user_id = $1 AND c.trash_root = $2 AND c.state = 1 AND t.d < $3) "
  "SELECT MAX(d) FROM t")
S(VERSION_GET, 4, 13, "SELECT v.id, v.item, b.user_id, b.id, b.space, b.ext, b.format, "
  "v.size_bytes, v.mtime_ns, v.has_mtime, v.created_ms, v.content_type, v.sha256 "
  "FROM version v "
  "JOIN part p ON p.version = v.id AND p.n = 0 JOIN blob b ON b.id = p.blob "
  "WHERE v.user_id = $1 AND v.item = $2 AND v.id = CASE WHEN $3 = $4 THEN "
  "(SELECT i.version FROM item i WHERE i.user_id = $1 AND i.id = $2) ELSE $3 END")
S(VERSION_ITEM, 2, 1, "SELECT item FROM version WHERE user_id = $1 AND id = $2")
/* making and changing items */
S(ITEM_ADD, 18, 0, "INSERT INTO item (id, user_id, parent, space, kind, state, name, "
  "name_key, version, blob, size_bytes, sha256, mtime_ns, has_mtime, content_type, "
  "n_versions, created_ms, modified_ms, trashed_ms, trash_root, deleted_ms, seq) "
  "VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, "
  "0, $17, 0, $18)")
S(ITEM_VERSION, 10, 0, "UPDATE item SET version = $3, blob = $4, size_bytes = $5, "
  "sha256 = $6, mtime_ns = $7, has_mtime = $8, content_type = $9, "
  "n_versions = n_versions + 1 WHERE user_id = $1 AND id = $2 AND version = $10")
S(ITEM_TOUCH, 4, 0, "UPDATE item SET modified_ms = $3, seq = $4 "
  "WHERE user_id = $1 AND id = $2")
S(ITEM_MTIME, 3, 0, "UPDATE item SET mtime_ns = $3, has_mtime = 1 "
  "WHERE user_id = $1 AND id = $2")
S(ITEM_PLACE, 5, 0, "UPDATE item SET parent = $3, name = $4, name_key = $5 "
  "WHERE user_id = $1 AND id = $2")
S(VERSION_ADD, 10, 0, "INSERT INTO version (id, item, user_id, n, size_bytes, sha256, "
  "mtime_ns, has_mtime, content_type, created_ms, seq) SELECT $1, $2, $3, "
  "COALESCE(MAX(v.n), 0) + 1, $4, $5, $6, $7, $8, $9, $10 FROM version v "
  "WHERE v.item = $2")
S(VERSION_MTIME, 3, 0, "UPDATE version SET mtime_ns = $3, has_mtime = 1 "
  "WHERE user_id = $1 AND id = $2")
S(PART_ADD, 4, 0, "INSERT INTO part (version, n, role, blob, size_bytes, sha256) "
  "VALUES ($1, 0, 0, $2, $3, $4)")
/* the trash */
S(TRASH_MARK, 5, 0, "UPDATE item SET state = 1, trash_root = $2, trashed_ms = $4, "
  "seq = $5 WHERE user_id = $1 AND state = 0 AND id IN " TREE_BELOW)
S(TRASH_SUM, 2, 3,
  "SELECT CAST(COALESCE(SUM(CASE WHEN v.id = i.version THEN v.size_bytes ELSE 0 END), 0) "
  "AS bigint), "
  "CAST(COALESCE(SUM(CASE WHEN v.id = i.version THEN 0 ELSE v.size_bytes END), 0) "
  "AS bigint), "
  "CAST(COALESCE(SUM(CASE WHEN v.id = i.version THEN 1 ELSE 0 END), 0) AS bigint) "
  "FROM item i JOIN version v ON v.item = i.id "
  "WHERE i.user_id = $1 AND i.trash_root = $2 AND i.state = 1")
S(TRASH_RESTORE, 4, 0, "UPDATE item SET state = 0, trashed_ms = 0, trash_root = $3, "
  "seq = $4 WHERE user_id = $1 AND trash_root = $2 AND state = 1")
S(PURGE_UNREF, 2, 0, "UPDATE blob SET refs = refs - (SELECT COUNT(*) " PARTS_OF_TRASH
  "AND p.blob = blob.id) WHERE user_id = $1 AND id IN (SELECT p.blob " PARTS_OF_TRASH ")")
S(PURGE_DEAD, 3, 0, "UPDATE blob SET dead_ms = $3 WHERE user_id = $1 AND refs = 0 AND "
  "dead_ms = 0 AND id IN (SELECT p.blob " PARTS_OF_TRASH ")")
S(PURGE_PARTS, 2, 0, "DELETE FROM part WHERE version IN (SELECT v.id FROM version v "
  "JOIN item i ON i.id = v.item "
  "WHERE i.user_id = $1 AND i.trash_root = $2 AND i.state = 1)")
S(PURGE_VERSIONS, 2, 0, "DELETE FROM version WHERE item IN (SELECT i.id FROM item i "
  "WHERE i.user_id = $1 AND i.trash_root = $2 AND i.state = 1)")
S(PURGE_ITEMS, 6, 0, "UPDATE item SET state = 2, deleted_ms = $3, seq = $4, name = '', "
  "name_key = '', content_type = '', version = $5, blob = $5, size_bytes = 0, sha256 = $6, "
  "n_versions = 0 WHERE user_id = $1 AND trash_root = $2 AND state = 1")
/* blobs */
S(BLOB_GET, 1, BLOB_N_COLS, "SELECT " BLOB_COLS "FROM blob WHERE id = $1")
S(BLOB_FIND, 3, BLOB_N_COLS, "SELECT " BLOB_COLS "FROM blob WHERE user_id = $1 AND "
  "sha256 = $2 AND size_bytes = $3 AND state < 2 ORDER BY id LIMIT 1")
S(BLOB_LIST, 2, BLOB_N_COLS, "SELECT " BLOB_COLS "FROM blob WHERE id > $1 "
  "ORDER BY id LIMIT $2")
S(BLOB_ADD, 7, 0, "INSERT INTO blob (id, user_id, space, ext, size_bytes, sha256, format, "
  "loc, refs, dead_ms, state, created_ms) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 1, 0, 0, $7)")
S(BLOB_SHARE, 2, 0, "UPDATE blob SET refs = refs + 1, dead_ms = 0, state = 0 "
  "WHERE id = $1 AND user_id = $2 AND state < 2")
S(BLOB_ITEM, 2, 1, "SELECT v.item FROM part p JOIN version v ON v.id = p.version "
  "WHERE p.blob = $1 AND v.user_id = $2 ORDER BY v.id LIMIT 1")
S(BLOB_MARK, 3, 0, "UPDATE blob SET state = 1, dead_ms = $2 WHERE state = 0 AND refs = 0 "
  "AND id IN (SELECT b.id FROM blob b WHERE b.state = 0 AND b.refs = 0 AND "
  "b.dead_ms > 0 AND b.dead_ms <= $1 ORDER BY b.dead_ms, b.id LIMIT $3)")
S(BLOB_TAKE, 2, 0, "UPDATE blob SET state = 2 WHERE state = 1 AND refs = 0 "
  "AND id IN (SELECT b.id FROM blob b WHERE b.state = 1 AND b.refs = 0 AND "
  "b.dead_ms <= $1 ORDER BY b.dead_ms, b.id LIMIT $2)")
S(BLOB_TAKEN, 1, BLOB_N_COLS, "SELECT " BLOB_COLS "FROM blob WHERE refs = 0 AND state = 2 "
  "ORDER BY dead_ms, id LIMIT $1")
S(BLOB_DROP, 1, 0, "DELETE FROM blob WHERE id = $1 AND state = 2 AND refs = 0")
