-- Schema 1. Ids are 16 bytes, times are milliseconds since 1970 UTC and 0 means "not yet",
-- an id of 16 zero bytes means "none" or the root folder. One user's rows carry user_id.

CREATE TABLE vault_schema (
  one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
  version BIGINT NOT NULL,
  min_reader BIGINT NOT NULL,
  min_writer BIGINT NOT NULL,
  store BYTEA NOT NULL,
  incarnation BYTEA NOT NULL,
  attached BIGINT NOT NULL,
  last_seen_ms BIGINT NOT NULL
);

CREATE TABLE account (
  id BYTEA NOT NULL PRIMARY KEY,
  phone TEXT COLLATE "C" NOT NULL UNIQUE,
  created_ms BIGINT NOT NULL,
  disabled_ms BIGINT NOT NULL,
  epoch BIGINT NOT NULL
);

CREATE TABLE device (
  id BYTEA NOT NULL PRIMARY KEY,
  user_id BYTEA NOT NULL REFERENCES account (id),
  name TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  last_seen_ms BIGINT NOT NULL
);

CREATE INDEX device_account ON device (user_id, id);

CREATE TABLE session (
  id BYTEA NOT NULL PRIMARY KEY,
  user_id BYTEA NOT NULL REFERENCES account (id),
  device BYTEA NOT NULL REFERENCES device (id),
  agent TEXT COLLATE "C" NOT NULL,
  address TEXT COLLATE "C" NOT NULL,
  kid TEXT COLLATE "C" NOT NULL,
  revoke_reason BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  last_seen_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  revoked_ms BIGINT NOT NULL,
  counter_a BIGINT NOT NULL,
  counter_c BIGINT NOT NULL,
  prev_a BIGINT NOT NULL,
  moved_ms BIGINT NOT NULL,
  issued_ms BIGINT NOT NULL
);

CREATE INDEX session_account ON session (user_id, id);
CREATE INDEX session_device ON session (device);

CREATE TABLE challenge (
  id BYTEA NOT NULL PRIMARY KEY,
  secret_mac BYTEA NOT NULL,
  phone TEXT COLLATE "C" NOT NULL,
  purpose BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  last_n BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  consumed_ms BIGINT NOT NULL
);

CREATE INDEX challenge_phone ON challenge (phone);
CREATE INDEX challenge_end ON challenge (expires_ms);

CREATE TABLE challenge_code (
  challenge BYTEA NOT NULL REFERENCES challenge (id) ON DELETE CASCADE,
  n BIGINT NOT NULL,
  mac BYTEA NOT NULL,
  kid TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  live_ms BIGINT NOT NULL,
  PRIMARY KEY (challenge, n)
);

CREATE TABLE job (
  id BYTEA NOT NULL PRIMARY KEY,
  user_id BYTEA NOT NULL,
  kind BIGINT NOT NULL,
  state BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  payload BYTEA NOT NULL,
  created_ms BIGINT NOT NULL,
  run_ms BIGINT NOT NULL,
  lease_ms BIGINT NOT NULL,
  fence BIGINT NOT NULL,
  dedup_key TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL
);

CREATE UNIQUE INDEX job_key ON job (dedup_key) WHERE state = 0 AND dedup_key <> '';
CREATE INDEX job_due ON job (run_ms, id) WHERE state = 0;

CREATE TABLE limiter (
  limit_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  state BYTEA NOT NULL,
  expires_ms BIGINT NOT NULL
);

CREATE INDEX limiter_end ON limiter (expires_ms);

-- The number of a user's last change, and how many items are fresh. Whoever writes it holds
-- the user's usage row first.
CREATE TABLE user_seq (
  user_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id),
  seq BIGINT NOT NULL,
  fresh BIGINT NOT NULL CHECK (fresh >= 0)
);

-- Double entry: what a user holds is taken from outside_bytes, so that the sum is zero.
CREATE TABLE usage (
  user_id BYTEA NOT NULL PRIMARY KEY REFERENCES account (id),
  quota_bytes BIGINT NOT NULL,
  outside_bytes BIGINT NOT NULL,
  live_bytes BIGINT NOT NULL CHECK (live_bytes >= 0),
  versions_bytes BIGINT NOT NULL CHECK (versions_bytes >= 0),
  trash_bytes BIGINT NOT NULL CHECK (trash_bytes >= 0),
  partial_bytes BIGINT NOT NULL CHECK (partial_bytes >= 0),
  files BIGINT NOT NULL CHECK (files >= 0),
  CHECK (outside_bytes + live_bytes + versions_bytes + trash_bytes + partial_bytes = 0)
);

-- state: 0 in its folder, 1 in the trash (by itself when trash_root = id), 2 tombstone.
-- version, blob, size, digest and type repeat the current version, so that a listing reads
-- one table; zero, empty and 32 zero bytes for a folder.
-- fresh: 1 while the rows of version, part and blob of a new file with an inline body are not
-- made yet: all that they hold is here and in inline_body. Only a file that nothing changed
-- since it was made is fresh.
CREATE TABLE item (
  id BYTEA NOT NULL,
  user_id BYTEA NOT NULL,
  parent BYTEA NOT NULL,
  space BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  state BIGINT NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  version BYTEA NOT NULL,
  blob BYTEA NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  mtime_ns BIGINT NOT NULL,
  has_mtime BIGINT NOT NULL,
  content_type TEXT COLLATE "C" NOT NULL,
  n_versions BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  modified_ms BIGINT NOT NULL,
  trashed_ms BIGINT NOT NULL,
  trash_root BYTEA NOT NULL,
  deleted_ms BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  fresh BIGINT NOT NULL,
  PRIMARY KEY (user_id, id)
);

CREATE UNIQUE INDEX item_name ON item (user_id, space, parent, name_key) WHERE state = 0;
CREATE INDEX item_seq ON item (user_id, seq) WHERE fresh = 0;
CREATE INDEX item_fresh ON item (user_id, seq) WHERE fresh = 1;
CREATE INDEX item_trash_root ON item (user_id, trash_root) WHERE state = 1;
CREATE INDEX item_trash ON item (user_id, trashed_ms, id) WHERE state = 1 AND trash_root = id;

CREATE TABLE version (
  id BYTEA NOT NULL PRIMARY KEY,
  item BYTEA NOT NULL,
  user_id BYTEA NOT NULL,
  n BIGINT NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  mtime_ns BIGINT NOT NULL,
  has_mtime BIGINT NOT NULL,
  content_type TEXT COLLATE "C" NOT NULL,
  created_ms BIGINT NOT NULL,
  seq BIGINT NOT NULL
);

CREATE UNIQUE INDEX version_item ON version (item, n);

CREATE TABLE part (
  version BYTEA NOT NULL,
  n BIGINT NOT NULL,
  role BIGINT NOT NULL,
  blob BYTEA NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  PRIMARY KEY (version, n)
);

CREATE INDEX part_blob ON part (blob);

-- format: 0 plain bytes. loc: 0 a file of the blob store, 1 a row of inline_body.
-- state: 0 live, 1 marked, 2 deleting.
CREATE TABLE blob (
  id BYTEA NOT NULL PRIMARY KEY,
  user_id BYTEA NOT NULL,
  space BIGINT NOT NULL,
  ext TEXT COLLATE "C" NOT NULL,
  size_bytes BIGINT NOT NULL,
  sha256 BYTEA NOT NULL,
  format BIGINT NOT NULL,
  loc BIGINT NOT NULL,
  refs BIGINT NOT NULL CHECK (refs >= 0),
  dead_ms BIGINT NOT NULL,
  state BIGINT NOT NULL,
  created_ms BIGINT NOT NULL
);

CREATE INDEX blob_digest ON blob (user_id, sha256, size_bytes);
CREATE INDEX blob_dead ON blob (state, dead_ms, id) WHERE refs = 0;
CREATE INDEX blob_inline ON blob (created_ms, id, size_bytes) WHERE loc = 1 AND refs > 0;

-- The bytes of small bodies, until they are spilled to the blob store. ext is the blob's, for
-- as long as it has no row of its own.
CREATE TABLE inline_body (
  blob BYTEA NOT NULL PRIMARY KEY,
  ext TEXT COLLATE "C" NOT NULL,
  body BYTEA NOT NULL
);

-- Photos and archives do not get smaller; trying costs more than the row.
ALTER TABLE inline_body ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE inline_body SET (toast_tuple_target = 8160);

-- length_bytes: -1 while not known. path: names joined by a slash, empty with an item.
CREATE TABLE upload (
  id BYTEA NOT NULL PRIMARY KEY,
  user_id BYTEA NOT NULL,
  blob BYTEA NOT NULL,
  blob_space BIGINT NOT NULL,
  ext TEXT COLLATE "C" NOT NULL,
  parent BYTEA NOT NULL,
  item BYTEA NOT NULL,
  session BYTEA NOT NULL,
  space BIGINT NOT NULL,
  flags BIGINT NOT NULL,
  length_bytes BIGINT NOT NULL,
  reserved_bytes BIGINT NOT NULL CHECK (reserved_bytes >= 0),
  offset_bytes BIGINT NOT NULL,
  mtime_ns BIGINT NOT NULL,
  has_mtime BIGINT NOT NULL,
  sha_state BYTEA NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  owner BYTEA NOT NULL,
  if_version BYTEA NOT NULL,
  want_sha256 BYTEA NOT NULL,
  content_type TEXT COLLATE "C" NOT NULL,
  op_key TEXT COLLATE "C" NOT NULL,
  fence BIGINT NOT NULL,
  state BIGINT NOT NULL,
  done_item BYTEA NOT NULL,
  client_meta BYTEA NOT NULL,
  parts BYTEA NOT NULL,
  path TEXT COLLATE "C" NOT NULL
);

CREATE INDEX upload_user ON upload (user_id, id);
CREATE INDEX upload_key ON upload (user_id, op_key) WHERE op_key <> '';

-- SHA-256 chaining values at each MiB of a body: n of them, 32 bytes each, from the first-th.
CREATE TABLE blob_chain (
  blob BYTEA NOT NULL,
  first BIGINT NOT NULL,
  n BIGINT NOT NULL,
  states BYTEA NOT NULL,
  PRIMARY KEY (blob, first)
);

-- request: digest of what was asked, so that a key is not taken for another request.
CREATE TABLE op_result (
  user_id BYTEA NOT NULL,
  op_key TEXT COLLATE "C" NOT NULL,
  kind BIGINT NOT NULL,
  item BYTEA NOT NULL,
  request BYTEA NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (user_id, op_key)
);

CREATE INDEX op_result_age ON op_result (created_ms);
