-- Schema 1. Ids are 16 bytes, times are milliseconds since 1970 UTC and 0 means "not yet",
-- an id of 16 zero bytes means "none" or the root folder. One user's rows carry user_id.

CREATE TABLE vault_schema (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  version INTEGER NOT NULL,
  min_reader INTEGER NOT NULL,
  min_writer INTEGER NOT NULL,
  store BLOB NOT NULL,
  incarnation BLOB NOT NULL,
  attached INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
  id BLOB NOT NULL PRIMARY KEY,
  phone TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL,
  disabled_ms INTEGER NOT NULL,
  epoch INTEGER NOT NULL
) STRICT;

CREATE TABLE device (
  id BLOB NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES account (id),
  name TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX device_account ON device (user_id, id);

CREATE TABLE session (
  id BLOB NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL REFERENCES account (id),
  device BLOB NOT NULL REFERENCES device (id),
  agent TEXT NOT NULL,
  address TEXT NOT NULL,
  kid TEXT NOT NULL,
  revoke_reason INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  revoked_ms INTEGER NOT NULL,
  counter_a INTEGER NOT NULL,
  counter_c INTEGER NOT NULL,
  prev_a INTEGER NOT NULL,
  moved_ms INTEGER NOT NULL,
  issued_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX session_account ON session (user_id, id);
CREATE INDEX session_device ON session (device);

CREATE TABLE challenge (
  id BLOB NOT NULL PRIMARY KEY,
  secret_mac BLOB NOT NULL,
  phone TEXT NOT NULL,
  purpose INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  last_n INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  consumed_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX challenge_phone ON challenge (phone);
CREATE INDEX challenge_end ON challenge (expires_ms);

CREATE TABLE challenge_code (
  challenge BLOB NOT NULL REFERENCES challenge (id) ON DELETE CASCADE,
  n INTEGER NOT NULL,
  mac BLOB NOT NULL,
  kid TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  live_ms INTEGER NOT NULL,
  PRIMARY KEY (challenge, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
  id BLOB NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL,
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  payload BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  run_ms INTEGER NOT NULL,
  lease_ms INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  dedup_key TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX job_key ON job (dedup_key) WHERE state = 0 AND dedup_key <> '';
CREATE INDEX job_due ON job (run_ms, id) WHERE state = 0;

CREATE TABLE limiter (
  limit_key TEXT NOT NULL PRIMARY KEY,
  state BLOB NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX limiter_end ON limiter (expires_ms);

-- The number of a user's last change, and how many items are fresh. Whoever writes it holds
-- the user's usage row first.
CREATE TABLE user_seq (
  user_id BLOB NOT NULL PRIMARY KEY REFERENCES account (id),
  seq INTEGER NOT NULL,
  fresh INTEGER NOT NULL CHECK (fresh >= 0)
) STRICT, WITHOUT ROWID;

-- Double entry: what a user holds is taken from outside_bytes, so that the sum is zero.
CREATE TABLE usage (
  user_id BLOB NOT NULL PRIMARY KEY REFERENCES account (id),
  quota_bytes INTEGER NOT NULL,
  outside_bytes INTEGER NOT NULL,
  live_bytes INTEGER NOT NULL CHECK (live_bytes >= 0),
  versions_bytes INTEGER NOT NULL CHECK (versions_bytes >= 0),
  trash_bytes INTEGER NOT NULL CHECK (trash_bytes >= 0),
  partial_bytes INTEGER NOT NULL CHECK (partial_bytes >= 0),
  files INTEGER NOT NULL CHECK (files >= 0),
  CHECK (outside_bytes + live_bytes + versions_bytes + trash_bytes + partial_bytes = 0)
) STRICT, WITHOUT ROWID;

-- state: 0 in its folder, 1 in the trash (by itself when trash_root = id), 2 tombstone.
-- version, blob, size, digest and type repeat the current version, so that a listing reads
-- one table; zero, empty and 32 zero bytes for a folder.
-- fresh: 1 while the rows of version, part and blob of a new file with an inline body are not
-- made yet: all that they hold is here and in inline_body. Only a file that nothing changed
-- since it was made is fresh.
CREATE TABLE item (
  id BLOB NOT NULL,
  user_id BLOB NOT NULL,
  parent BLOB NOT NULL,
  space INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  version BLOB NOT NULL,
  blob BLOB NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  mtime_ns INTEGER NOT NULL,
  has_mtime INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  n_versions INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  modified_ms INTEGER NOT NULL,
  trashed_ms INTEGER NOT NULL,
  trash_root BLOB NOT NULL,
  deleted_ms INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  fresh INTEGER NOT NULL,
  PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX item_name ON item (user_id, space, parent, name_key) WHERE state = 0;
CREATE INDEX item_seq ON item (user_id, seq) WHERE fresh = 0;
CREATE INDEX item_fresh ON item (user_id, seq) WHERE fresh = 1;
CREATE INDEX item_trash_root ON item (user_id, trash_root) WHERE state = 1;
CREATE INDEX item_trash ON item (user_id, trashed_ms, id) WHERE state = 1 AND trash_root = id;

CREATE TABLE version (
  id BLOB NOT NULL PRIMARY KEY,
  item BLOB NOT NULL,
  user_id BLOB NOT NULL,
  n INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  mtime_ns INTEGER NOT NULL,
  has_mtime INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  seq INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX version_item ON version (item, n);

CREATE TABLE part (
  version BLOB NOT NULL,
  n INTEGER NOT NULL,
  role INTEGER NOT NULL,
  blob BLOB NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  PRIMARY KEY (version, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX part_blob ON part (blob);

-- format: 0 plain bytes. loc: 0 a file of the blob store, 1 a row of inline_body.
-- state: 0 live, 1 marked, 2 deleting.
CREATE TABLE blob (
  id BLOB NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL,
  space INTEGER NOT NULL,
  ext TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  format INTEGER NOT NULL,
  loc INTEGER NOT NULL,
  refs INTEGER NOT NULL CHECK (refs >= 0),
  dead_ms INTEGER NOT NULL,
  state INTEGER NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX blob_digest ON blob (user_id, sha256, size_bytes);
CREATE INDEX blob_dead ON blob (state, dead_ms, id) WHERE refs = 0;
CREATE INDEX blob_inline ON blob (created_ms, id, size_bytes) WHERE loc = 1 AND refs > 0;

-- The bytes of small bodies, until they are spilled to the blob store. ext is the blob's, for
-- as long as it has no row of its own. Not WITHOUT ROWID: comparing two keys would read the
-- whole row, which is larger than a page.
CREATE TABLE inline_body (
  blob BLOB NOT NULL PRIMARY KEY,
  ext TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;

-- length_bytes: -1 while not known. path: names joined by a slash, empty with an item.
CREATE TABLE upload (
  id BLOB NOT NULL PRIMARY KEY,
  user_id BLOB NOT NULL,
  blob BLOB NOT NULL,
  blob_space INTEGER NOT NULL,
  ext TEXT NOT NULL,
  parent BLOB NOT NULL,
  item BLOB NOT NULL,
  session BLOB NOT NULL,
  space INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  length_bytes INTEGER NOT NULL,
  reserved_bytes INTEGER NOT NULL CHECK (reserved_bytes >= 0),
  offset_bytes INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  has_mtime INTEGER NOT NULL,
  sha_state BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  owner BLOB NOT NULL,
  if_version BLOB NOT NULL,
  want_sha256 BLOB NOT NULL,
  content_type TEXT NOT NULL,
  op_key TEXT NOT NULL,
  fence INTEGER NOT NULL,
  state INTEGER NOT NULL,
  done_item BLOB NOT NULL,
  client_meta BLOB NOT NULL,
  parts BLOB NOT NULL,
  path TEXT NOT NULL
) STRICT;

CREATE INDEX upload_user ON upload (user_id, id);
CREATE INDEX upload_key ON upload (user_id, op_key) WHERE op_key <> '';

-- SHA-256 chaining values at each MiB of a body: n of them, 32 bytes each, from the first-th.
CREATE TABLE blob_chain (
  blob BLOB NOT NULL,
  first INTEGER NOT NULL,
  n INTEGER NOT NULL,
  states BLOB NOT NULL,
  PRIMARY KEY (blob, first)
) STRICT, WITHOUT ROWID;

-- request: digest of what was asked, so that a key is not taken for another request.
CREATE TABLE op_result (
  user_id BLOB NOT NULL,
  op_key TEXT NOT NULL,
  kind INTEGER NOT NULL,
  item BLOB NOT NULL,
  request BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (user_id, op_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX op_result_age ON op_result (created_ms);

-- What the planner should take a grown vault for: without it a search by user alone looks as
-- good to it as any other, and that user may have a million files.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('item', 'item', '100000000 10000 1'),
  ('item', 'item_name', '100000000 10000 9000 20 1'),
  ('item', 'item_seq', '100000000 10000 1'),
  ('item', 'item_fresh', '1000 100 1'),
  ('item', 'item_trash_root', '10000 100 20'),
  ('item', 'item_trash', '1000 50 2 1'),
  ('blob', 'sqlite_autoindex_blob_1', '100000000 1'),
  ('blob', 'blob_digest', '100000000 10000 2 2'),
  ('blob', 'blob_dead', '10000 5000 2 1'),
  ('blob', 'blob_inline', '10000 1 1 1');
ANALYZE sqlite_schema;
