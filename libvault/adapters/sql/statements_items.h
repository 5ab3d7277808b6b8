/* Every statement of the items repository. One text for both engines (style rules: typed
 * parameters named $1..$n, CAST around SUM, a total ORDER BY, no FOR UPDATE).
 * The macros hold what several of them share. */

#ifndef ITEM_COLS

/* The columns of an item, in the order that vault__items_decode() reads. */
#define ITEM_COLS                                                                         \
  "i.id, i.user_id, i.parent, i.version, i.blob, i.kind, i.space, i.size_bytes, i.mtime_ns, " \
  "i.has_mtime, i.n_versions, i.created_ms, i.modified_ms, i.trashed_ms, i.seq, "         \
  "i.trash_root, i.sha256, i.name, i.content_type, i.name_key, i.fresh "
#define ITEM_N_COLS 21

#define BLOB_COLS "id, user_id, space, ext, state, format, size_bytes, refs, dead_ms, sha256, loc "
#define BLOB_N_COLS 11

/* A version i.version or v.id, as vault__items_decode_version() reads it. A fresh item has
 * no rows of v, p and b: what they will hold is in i and y. */
#define CONTENT_COLS                                                                      \
  "COALESCE(v.id, i.version), i.id, i.user_id, COALESCE(b.id, i.blob), "                  \
  "COALESCE(b.space, i.space), COALESCE(b.ext, y.ext, ''), COALESCE(b.format, 0), "       \
  "COALESCE(b.loc, 1), COALESCE(v.size_bytes, i.size_bytes), "                            \
  "COALESCE(v.mtime_ns, i.mtime_ns), COALESCE(v.has_mtime, i.has_mtime), "                \
  "COALESCE(v.created_ms, i.created_ms), COALESCE(v.content_type, i.content_type), "      \
  "COALESCE(v.sha256, i.sha256) "
#define CONTENT_N_COLS 14

/* The blob that a user's new bytes are shared with; the one that BLOB_FIND gives. */
#define BLOB_OF(user, sha256, size_bytes)                                                 \
  "SELECT e.id FROM blob e WHERE e.user_id = " user " AND e.sha256 = " sha256             \
  " AND e.size_bytes = " size_bytes " AND e.state < 2 ORDER BY e.id LIMIT 1"

/* As many as items_digest.c asks for at once. */
#define DIGESTS \
  "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, " \
  "$19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33"

#define UPLOAD_COLS                                                                      \
  "id, user_id, blob, blob_space, ext, parent, item, session, space, flags, length_bytes, " \
  "reserved_bytes, offset_bytes, mtime_ns, has_mtime, sha_state, created_ms, expires_ms, " \
  "owner, if_version, want_sha256, content_type, op_key, fence, state, done_item, "      \
  "client_meta, parts, path "
#define UPLOAD_N_COLS 29

#define USAGE_COLS \
  "quota_bytes, live_bytes, versions_bytes, trash_bytes, partial_bytes, files, outside_bytes "
#define USAGE_N_COLS 7

#define LOCK_MANY                                                                         \
  "SELECT " USAGE_COLS ", seq, fresh, user_id FROM usage JOIN user_seq USING (user_id) "  \
  "WHERE user_id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "  \
  "$16) ORDER BY user_id "

/* Item $2 of user $1 and all below it in space $3 that is not in the trash. */
#define TREE_BELOW                                                                     \
  "(WITH RECURSIVE t(id) AS (SELECT $2 UNION ALL SELECT c.id FROM item c JOIN t "      \
  "ON c.parent = t.id WHERE c.user_id = $1 AND c.space = $3 AND c.state = 0) "         \
  "SELECT id FROM t) "

/* The different bodies of the fresh items of user $1: how many items have each, and the first
 * of them by its seq. */
#define FRESH_BODIES                                                                      \
  "SELECT sha256, size_bytes, COUNT(*) AS n, MIN(seq) AS first FROM item "               \
  "WHERE user_id = $1 AND fresh = 1 AND seq <= $2 GROUP BY sha256, size_bytes"

/* The blobs of everything that went to the trash with item $2 of user $1. */
#define PARTS_OF_TRASH                                              \
  "FROM part p JOIN version v ON v.id = p.version "                 \
  "JOIN item i ON i.id = v.item "                                   \
  "WHERE i.user_id = $1 AND i.trash_root = $2 AND i.state = 1 "

#endif

/* one user's changes, one after the other */
/* PostgreSQL: the others wait for this row. Both rows are locked, because one that is only
 * read would be as it was before the wait. SQLite has one writer. */
D(LEDGER_LOCK, 1, USAGE_N_COLS + 2, "",
  "SELECT " USAGE_COLS ", seq, fresh FROM usage JOIN user_seq USING (user_id) "
  "WHERE user_id = $1",
  "SELECT " USAGE_COLS ", seq, fresh FROM usage JOIN user_seq USING (user_id) "
  "WHERE user_id = $1 FOR UPDATE OF usage, user_seq")
/* Up to 16 of them, in the order of their ids, in which every batch takes its users. */
D(LEDGER_LOCK_MANY, 16, USAGE_N_COLS + 3, "", LOCK_MANY, LOCK_MANY "FOR UPDATE OF usage, user_seq")
S(SEQ_SET, 4, 0, "UPDATE user_seq SET seq = $3, fresh = $4 WHERE user_id = $1 AND seq = $2")
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
S(UPLOAD_ADD, 27, 0, "INSERT INTO upload (" UPLOAD_COLS ") VALUES ($1, $2, $3, $4, $5, $6, "
  "$7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, 0, $24, "
  "$7, $25, $26, $27)")
S(UPLOAD_BY_KEY, 2, 1, "SELECT id FROM upload WHERE user_id = $1 AND op_key = $2 AND op_key <> '' "
  "AND (flags & 1) = 1 ORDER BY id LIMIT 1")
S(UPLOAD_LEASE, 4, UPLOAD_N_COLS, "UPDATE upload SET fence = fence + 1, owner = $4 "
  "WHERE user_id = $1 AND id = $2 AND (fence = $3 OR $3 < 0) RETURNING " UPLOAD_COLS)
S(UPLOAD_GET, 2, UPLOAD_N_COLS, "SELECT " UPLOAD_COLS "FROM upload "
  "WHERE user_id = $1 AND id = $2")
S(UPLOAD_HELD, 2, 5, "SELECT reserved_bytes, blob, fence, state, done_item FROM upload "
  "WHERE user_id = $1 AND id = $2")
S(UPLOAD_GROW, 3, 0, "UPDATE upload SET reserved_bytes = reserved_bytes + $3 "
  "WHERE user_id = $1 AND id = $2")
S(UPLOAD_LENGTH, 3, 0, "UPDATE upload SET reserved_bytes = $3, length_bytes = $3 "
  "WHERE user_id = $1 AND id = $2")
S(UPLOAD_OFFSET, 9, 0, "UPDATE upload SET offset_bytes = $4, sha_state = $5, expires_ms = $6, "
  "state = $7, flags = flags | $8, want_sha256 = CASE WHEN $8 = 0 THEN want_sha256 ELSE $9 END "
  "WHERE user_id = $1 AND id = $2 AND fence = $3 AND state = 0")
S(UPLOAD_DONE, 4, 0, "UPDATE upload SET state = 1, reserved_bytes = 0, done_item = $3, "
  "offset_bytes = $4, length_bytes = $4 "
  "WHERE user_id = $1 AND id = $2")
S(UPLOAD_DROP, 2, 0, "DELETE FROM upload WHERE user_id = $1 AND id = $2")
S(UPLOAD_LIST, 4, UPLOAD_N_COLS, "SELECT " UPLOAD_COLS "FROM upload WHERE id > $1 AND "
  "(expires_ms < $2 OR (owner <> $3 AND state <> 1)) ORDER BY id LIMIT $4")
S(UPLOAD_WAITING, 3, 1, "SELECT id FROM upload WHERE user_id = $1 AND id > $2 AND state = 2 "
  "ORDER BY id LIMIT $3")
/* chains */
S(CHAIN_ADD, 4, 0, "INSERT INTO blob_chain (blob, first, n, states) VALUES ($1, $2, $3, $4)")
S(CHAIN_GET, 3, 2, "SELECT first, states FROM blob_chain WHERE blob = $1 AND first > $2 AND "
  "first < $3 ORDER BY first")
S(CHAIN_DROP, 1, 0, "DELETE FROM blob_chain WHERE blob = $1 AND "
  "NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = $1)")
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
/* Bytes of at most $5 come along; the last but one column tells whether there are any. */
S(CONTENT_GET, 5, CONTENT_N_COLS + ITEM_N_COLS + 2, "SELECT " CONTENT_COLS ", " ITEM_COLS ", "
  "CASE WHEN y.blob IS NULL THEN 0 ELSE 1 END, "
  "CASE WHEN COALESCE(v.size_bytes, i.size_bytes) <= $5 THEN y.body END FROM item i "
  "LEFT JOIN version v ON v.id = CASE WHEN $3 = $4 THEN i.version ELSE $3 END "
  "AND v.item = i.id AND v.user_id = $1 "
  "LEFT JOIN part p ON p.version = v.id AND p.n = 0 LEFT JOIN blob b ON b.id = p.blob "
  "LEFT JOIN inline_body y ON y.blob = "
  "CASE WHEN i.fresh = 1 THEN i.blob WHEN b.loc = 1 THEN b.id END "
  "WHERE i.user_id = $1 AND i.id = $2 AND i.state < 2 AND i.kind = 2 AND "
  "(b.id IS NOT NULL OR (i.fresh = 1 AND ($3 = $4 OR $3 = i.version)))")
S(VERSION_ITEM, 2, 1, "SELECT item FROM version WHERE user_id = $1 AND id = $2")
/* making and changing items */
S(ITEM_ADD, 19, 0, "INSERT INTO item (id, user_id, parent, space, kind, state, name, "
  "name_key, version, blob, size_bytes, sha256, mtime_ns, has_mtime, content_type, "
  "n_versions, created_ms, modified_ms, trashed_ms, trash_root, deleted_ms, seq, fresh) "
  "VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, "
  "0, $17, 0, $18, $19)")
/* A version id that is known belongs to a commit that was done before: then the item's id is
 * that of the item that has it, and the row is refused as one with a used name is. (With
 * INSERT ... SELECT ... WHERE NOT EXISTS SQLite would keep an undo log for the statement.) */
S(ITEM_ADD_FRESH, 16, 0, "INSERT INTO item (id, user_id, parent, space, kind, state, name, "
  "name_key, version, blob, size_bytes, sha256, mtime_ns, has_mtime, content_type, "
  "n_versions, created_ms, modified_ms, trashed_ms, trash_root, deleted_ms, seq, fresh) "
  "VALUES (COALESCE((SELECT v.item FROM version v WHERE v.id = $7 AND v.user_id = $2), $1), "
  "$2, $3, $4, 2, 0, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $14, 0, $15, 0, $16, 1) "
  "ON CONFLICT DO NOTHING")
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
/* Current versions of items in their folders; fresh ones have no rows but their own. */
S(ITEM_DIGESTS, 33, 1, "SELECT b.sha256 FROM blob b JOIN part p ON p.blob = b.id JOIN version v ON "
  "v.id = p.version JOIN item i ON i.user_id = b.user_id AND i.id = v.item AND "
  "i.version = v.id WHERE b.user_id = $1 AND b.sha256 IN (" DIGESTS ") AND "
  "v.sha256 = b.sha256 AND i.state = 0 AND i.fresh = 0 UNION SELECT f.sha256 FROM item f WHERE "
  "f.user_id = $1 AND f.fresh = 1 AND f.state = 0 AND f.sha256 IN (" DIGESTS ") ORDER BY 1")
S(BLOB_LIST, 2, BLOB_N_COLS, "SELECT " BLOB_COLS "FROM blob WHERE id > $1 "
  "ORDER BY id LIMIT $2")
S(BLOB_ADD, 8, 0, "INSERT INTO blob (id, user_id, space, ext, size_bytes, sha256, format, "
  "loc, refs, dead_ms, state, created_ms) VALUES ($1, $2, $3, $4, $5, $6, 0, $8, 1, 0, 0, $7)")
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
/* inline bodies */
S(INLINE_ADD, 3, 0, "INSERT INTO inline_body (blob, ext, body) VALUES ($1, $2, $3)")
S(INLINE_DROP, 1, 0, "DELETE FROM inline_body WHERE blob = $1")
S(INLINE_GET, 2, 2, "SELECT b.size_bytes, CASE WHEN b.size_bytes <= $2 THEN y.body END "
  "FROM blob b JOIN inline_body y ON y.blob = b.id WHERE b.id = $1 AND b.loc = 1")
S(INLINE_LIST, 2, BLOB_N_COLS + 1, "SELECT " BLOB_COLS ", (SELECT v.item FROM part p "
  "JOIN version v ON v.id = p.version WHERE p.blob = blob.id LIMIT 1) "
  "FROM blob WHERE loc = 1 AND refs > 0 AND "
  "created_ms < $1 ORDER BY created_ms, id LIMIT $2")
S(INLINE_SUM, 0, 3, "SELECT CAST(COALESCE(SUM(w.size_bytes), 0) AS bigint), COUNT(*), "
  "COALESCE(MIN(w.created_ms), 9223372036854775807) FROM "
  "(SELECT b.size_bytes, b.created_ms FROM blob b WHERE b.loc = 1 AND b.refs > 0 UNION ALL "
  "SELECT i.size_bytes, i.created_ms FROM item i WHERE i.fresh = 1) w")
S(SPILL_HOLD, 2, 0, "UPDATE job SET fence = fence WHERE id = $1 AND fence = $2 AND state = 0")
S(SPILL_BLOB, 1, 0, "UPDATE blob SET loc = 0 WHERE id = $1 AND loc = 1 AND refs > 0 "
  "AND state = 0")
/* fresh items get their rows: all of a user at once, in this order (items_fresh.c) */
S(FRESH_USER, 1, 1, "SELECT i.user_id FROM item i WHERE i.fresh = 1 AND i.user_id > $1 "
  "ORDER BY i.user_id LIMIT 1")
S(FRESH_FIND, 3, BLOB_N_COLS, "SELECT i.blob, i.user_id, i.space, y.ext, 0, 0, i.size_bytes, 1, "
  "0, i.sha256, 1 FROM item i JOIN inline_body y ON y.blob = i.blob WHERE i.user_id = $1 AND "
  "i.fresh = 1 AND i.sha256 = $2 AND i.size_bytes = $3 ORDER BY i.seq LIMIT 1")
/* the last of the oldest $2 + 1; no row: there are fewer */
S(FRESH_BOUND, 2, 1, "SELECT i.seq FROM item i WHERE i.user_id = $1 AND i.fresh = 1 "
  "ORDER BY i.seq LIMIT 1 OFFSET $2")
S(FRESH_COUNT, 2, 1, "SELECT COUNT(*) FROM (SELECT DISTINCT sha256, size_bytes FROM item "
  "WHERE user_id = $1 AND fresh = 1 AND seq <= $2) w")
S(FRESH_SHARE, 2, 0, "UPDATE blob SET refs = refs + w.n, dead_ms = 0, state = 0 FROM "
  "(" FRESH_BODIES ") w WHERE blob.state < 2 AND blob.id = "
  "(" BLOB_OF("$1", "w.sha256", "w.size_bytes") ")")
/* A shared blob that is a file gets the first fresh body: should the file be damaged, the new
 * upload does not depend on it, and spilling puts it right. */
S(FRESH_LEND, 2, 0, "UPDATE inline_body SET blob = o.id FROM (SELECT f.blob, "
  "(" BLOB_OF("$1", "w.sha256", "w.size_bytes") ") AS target FROM (" FRESH_BODIES ") w "
  "JOIN item f ON f.user_id = $1 AND f.fresh = 1 AND f.seq = w.first) q "
  "JOIN blob o ON o.id = q.target AND o.loc = 0 WHERE inline_body.blob = q.blob")
S(FRESH_LENT, 2, 0, "UPDATE blob SET loc = 1 FROM (" FRESH_BODIES ") w WHERE blob.loc = 0 AND "
  "blob.id = (" BLOB_OF("$1", "w.sha256", "w.size_bytes") ")")
S(FRESH_BLOBS, 2, 0, "INSERT INTO blob (id, user_id, space, ext, size_bytes, sha256, format, "
  "loc, refs, dead_ms, state, created_ms) SELECT f.blob, f.user_id, f.space, y.ext, "
  "w.size_bytes, w.sha256, 0, 1, w.n, 0, 0, f.created_ms FROM (" FRESH_BODIES ") w "
  "JOIN item f ON f.user_id = $1 AND f.fresh = 1 AND f.seq = w.first "
  "JOIN inline_body y ON y.blob = f.blob WHERE NOT EXISTS "
  "(" BLOB_OF("$1", "w.sha256", "w.size_bytes") ")")
S(FRESH_DROP, 2, 0, "DELETE FROM inline_body WHERE blob IN (SELECT i.blob FROM item i "
  "WHERE i.user_id = $1 AND i.fresh = 1 AND i.seq <= $2 AND NOT EXISTS "
  "(SELECT 1 FROM blob b WHERE b.id = i.blob))")
S(FRESH_MOVE, 2, 0, "UPDATE item SET blob = (" BLOB_OF("item.user_id", "item.sha256",
  "item.size_bytes") ") WHERE user_id = $1 AND fresh = 1 AND seq <= $2 AND NOT EXISTS "
  "(SELECT 1 FROM blob b WHERE b.id = item.blob)")
S(FRESH_VERSIONS, 2, 0, "INSERT INTO version (id, item, user_id, n, size_bytes, sha256, "
  "mtime_ns, has_mtime, content_type, created_ms, seq) SELECT i.version, i.id, i.user_id, 1, "
  "i.size_bytes, i.sha256, i.mtime_ns, i.has_mtime, i.content_type, i.created_ms, i.seq "
  "FROM item i WHERE i.user_id = $1 AND i.fresh = 1 AND i.seq <= $2")
S(FRESH_PARTS, 2, 0, "INSERT INTO part (version, n, role, blob, size_bytes, sha256) "
  "SELECT i.version, 0, 0, i.blob, i.size_bytes, i.sha256 FROM item i "
  "WHERE i.user_id = $1 AND i.fresh = 1 AND i.seq <= $2")
S(FRESH_DONE, 2, 0, "UPDATE item SET fresh = 0 WHERE user_id = $1 AND fresh = 1 AND seq <= $2")
S(FRESH_LEFT, 2, 0, "UPDATE user_seq SET fresh = $2 WHERE user_id = $1")
