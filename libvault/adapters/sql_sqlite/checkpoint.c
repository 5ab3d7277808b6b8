/* When the log is copied into the database file. Only the writer's connection ever does,
 * between its own transactions (see connect.c for why). */
#include <time.h>

#include "driver.h"
#include "libvault/base/err.h"

int64_t vault__sqlite_now_ms(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* After each commit. */
static int count_frames(void *arg, sqlite3 *h, const char *name, int frames) {
  vault__conn *c = arg;
  uint64_t restarts = atomic_load(&c->db->wal.restarts);
  (void)h;
  (void)name;
  if (restarts != c->wal_restarts || frames < c->wal_frames)
    c->wal_written = 0; /* the log was started again from its beginning */
  c->wal_restarts = restarts;
  c->wal_frames = frames;
  return SQLITE_OK;
}

void vault__sqlite_watch_log(vault__conn *c) {
  (void)sqlite3_wal_hook(c->h, count_frames, c);
}

uint64_t vault__sqlite_outstanding(const vault__conn *c) {
  return (uint64_t)(c->wal_frames - c->wal_written) * VAULT__SQLITE_PAGE_BYTES;
}

/* A log that has passed what was written out for it has found a reader in its way each time
 * it could have begun anew: it waits a moment for them. */
static int mode_of(const vault__conn *c) {
  uint64_t all = (uint64_t)c->wal_frames * VAULT__SQLITE_PAGE_BYTES;
  return all >= c->db->wal.ahead_bytes ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
}

vault_status vault__sqlite_checkpoint(vault__conn *c, int *copied, vault_err *err) {
  int all = -1, done = -1, mode = mode_of(c);
  if (mode == SQLITE_CHECKPOINT_RESTART)
    (void)sqlite3_busy_timeout(c->h, VAULT__SQLITE_RESTART_WAIT_MS);
  int rc = sqlite3_wal_checkpoint_v2(c->h, NULL, mode, &all, &done);
  if (mode == SQLITE_CHECKPOINT_RESTART)
    (void)sqlite3_busy_timeout(c->h, (int)c->db->wait_ms);
  int did = done > c->wal_written;
  if (done >= 0)
    c->wal_written = done;
  if (did)
    atomic_fetch_add(&c->db->checkpoints, 1);
  if (copied)
    *copied = did;
  if (rc != SQLITE_OK || done < all)
    c->checkpoint_from_ms = vault__sqlite_now_ms() + c->db->checkpoint_pause_ms;
  if (rc == SQLITE_OK || rc == SQLITE_BUSY)
    return VAULT_OK;
  return vault__sqlite_fail(c, rc, 0, "a checkpoint", err);
}

int vault__sqlite_after_commit(vault__conn *c, int idle) {
  const vault__sqlite *db = c->db;
  int copied = 0;
  uint64_t outstanding = vault__sqlite_outstanding(c);
  uint64_t from = idle ? db->checkpoint_idle_bytes : db->checkpoint_bytes;
  if (outstanding < from || outstanding == 0 || vault__sqlite_now_ms() < c->checkpoint_from_ms)
    return 0;
  (void)vault__sqlite_checkpoint(c, &copied, NULL);
  return copied;
}

vault_status vault__sqlite_check_log(vault__conn *c, vault_err *err) {
  const vault__sqlite *db = c->db;
  if (vault__sqlite_outstanding(c) < db->outstanding_max_bytes)
    return VAULT_OK;
  if (vault__sqlite_now_ms() >= c->checkpoint_from_ms)
    VAULT_TRY(vault__sqlite_checkpoint(c, NULL, err));
  if (vault__sqlite_outstanding(c) < db->outstanding_max_bytes)
    return VAULT_OK;
  return vault__fail(err, VAULT_E_RETRY, VAULT_ORIGIN_DATABASE, 0,
                     "the log of the database is overloaded: %llu MiB wait to be copied; try again",
                     (unsigned long long)(vault__sqlite_outstanding(c) >> 20));
}

/* The file keeps its length (wal_vfs.c); the next opening has nothing to read in it. */
void vault__sqlite_empty_log(vault__conn *c) {
  (void)sqlite3_busy_timeout(c->h, 0);
  (void)sqlite3_wal_checkpoint_v2(c->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}
