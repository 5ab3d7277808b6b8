/* Group commit of small writes: one flush for many, and to each his own status. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libvault/adapters/sql/group.h"
#include "libvault/adapters/sql_sqlite/driver.h"
#include "libvault/base/err.h"
#include "tests/contract/parallel.h"
#include "tests/support/vt_dir.h"
#include "vt_sql.h"

static char dir[VT_DIR_MAX], path[VT_DIR_MAX + 16];
static vt_sql t;
static vault__repo *repo;
static vault__sqlite *db;

static void open_again(void) {
  memset(&t, 0, sizeof t);
  t.r.size = sizeof t.r;
  vt_ok(vault_sqlite_open(path, strlen(path), NULL, &t.r, NULL));
  repo = vault__repositories_repo(&t.r);
  t.db = repo->db;
  db = t.db.self;
}

static void set_up(void) {
  vt_dir_make(dir);
  (void)snprintf(path, sizeof path, "%s/vault.db", dir);
  open_again();
}

static void tear_down(void) {
  vault__wal_set_hook(NULL, NULL);
  vault_repositories_close(&t.r);
  vt_dir_remove(dir);
}

/* ---- what is written ---- */

typedef enum deed {
  PUT,     /* a row of its own */
  REFUSED, /* writes, then finds a rule broken */
  TAKEN,   /* a key that is there: a statement fails */
  DISCARD, /* writes, and wants nothing kept */
  DOWN,    /* the disk is full in the middle of a statement: the transaction goes with it */
  N_DEEDS
} deed;

static const vault_status wanted[N_DEEDS] = {VAULT_OK, VAULT_E_QUOTA, VAULT_E_CONFLICT, VAULT_OK,
                                             VAULT_E_NO_SPACE};

typedef struct write_one {
  deed deed;
  char key[32];
  int runs;
} write_one;

static const vault__sql insert = {
  .name = "TEST_INSERT",
  .text = "INSERT INTO limiter (limit_key, state, expires_ms) VALUES ($1, $2, 0)",
  .n_params = 2,
};
static const vault__sql find = {
  .name = "TEST_FIND",
  .text = "SELECT count(*) FROM limiter WHERE limit_key = $1",
  .n_params = 1,
  .n_cols = 1,
};

static _Atomic int disk_is_full;

static vault_status add_row(vault__tx *tx, const char *key, uint64_t bytes, vault_err *err) {
  static const char body[16 << 20]; /* twice the cache of the writer */
  vault__val p[] = {vault__p_cstr(key), vault__p_blob(body, bytes)};
  return tx->db->ops->run(tx->conn, &insert, p, &tx->arena, NULL, err);
}

static vault_status work(vault__tx *tx, void *ctx, vault_err *err) {
  write_one *w = ctx;
  w->runs++;
  if (w->deed == DOWN) {
    atomic_store(&disk_is_full, 1);
    vault_status s = add_row(tx, w->key, 16u << 20, err);
    atomic_store(&disk_is_full, 0);
    return s;
  }
  VAULT_TRY(add_row(tx, w->key, 10, err));
  if (w->deed == REFUSED)
    return VAULT_E_QUOTA;
  if (w->deed == TAKEN)
    return add_row(tx, "first", 10, err);
  tx->discard = w->deed == DISCARD;
  return VAULT_OK;
}

static vault_status write_it(write_one *w) {
  vault_err err = VAULT_ERR_INIT;
  return vault__sql_write(repo, work, w, &err);
}

static vault_status find_work(vault__tx *tx, void *ctx, vault_err *err) {
  const char *key = ctx;
  vault__rows rows;
  vault__val p = vault__p_cstr(key);
  VAULT_TRY(tx->db->ops->run(tx->conn, &find, &p, &tx->arena, &rows, err));
  return rows.vals[0].i ? VAULT_OK : VAULT_E_NOT_FOUND;
}

static int is_there(char *key) {
  vault_status s = vault__sql_read(repo, find_work, key, NULL);
  ck_assert(s == VAULT_OK || s == VAULT_E_NOT_FOUND);
  return s == VAULT_OK;
}

static void put_first(void) {
  write_one first = {.deed = PUT, .key = "first"};
  vt_ok(write_it(&first));
}

/* ---- the disk ---- */

static _Atomic int flush_fails_at; /* counts down; the flush at 1 fails, with all later ones */
static _Atomic int slow_us;

static int disk(void *user, vault__wal_step step, uint64_t at, uint64_t n) {
  (void)user;
  (void)at;
  (void)n;
  if (step == VAULT__WAL_EXTEND || step == VAULT__WAL_WRITE)
    return atomic_load(&disk_is_full) ? ENOSPC : 0;
  if (step != VAULT__WAL_FLUSH)
    return 0;
  if (atomic_load(&slow_us))
    (void)usleep((useconds_t)atomic_load(&slow_us));
  int left = atomic_load(&flush_fails_at);
  if (left > 1)
    atomic_store(&flush_fails_at, left - 1);
  return left == 1 ? EIO : 0;
}

static void hook_disk(int slow, int fails_at) {
  atomic_store(&slow_us, slow);
  atomic_store(&flush_fails_at, fails_at);
  atomic_store(&disk_is_full, 0);
  vault__wal_set_hook(disk, NULL);
}

/* ---- many at once ---- */

#define THREADS 32
#define EACH 60

typedef struct crowd {
  write_one writes[THREADS][EACH];
  vault_status got[THREADS][EACH];
} crowd;

static void one_of_the_crowd(void *ctx, uint32_t i) {
  crowd *c = ctx;
  for (int k = 0; k < EACH; k++)
    c->got[i][k] = write_it(&c->writes[i][k]);
}

/* with_down: some take the transaction of all down. */
static crowd *crowd_of(int with_down) {
  crowd *c = calloc(1, sizeof *c);
  ck_assert_ptr_nonnull(c);
  for (int i = 0; i < THREADS; i++)
    for (int k = 0; k < EACH; k++) {
      write_one *w = &c->writes[i][k];
      (void)snprintf(w->key, sizeof w->key, "%d.%d", i, k);
      w->deed = (i + k) % 3 ? PUT : (deed)((i + k) / 3 % 4);
      if (with_down && k == 20 && i % 8 == 0)
        w->deed = DOWN;
    }
  return c;
}

static void check_crowd(crowd *c) {
  for (int i = 0; i < THREADS; i++)
    for (int k = 0; k < EACH; k++) {
      write_one *w = &c->writes[i][k];
      vt_status(c->got[i][k], wanted[w->deed]);
      ck_assert_int_eq(is_there(w->key), w->deed == PUT);
      ck_assert_int_ge(w->runs, 1);
    }
}

START_TEST(many_share_a_flush_and_each_has_its_status) {
  set_up();
  put_first();
  hook_disk(500, 0); /* long enough for the others to come */
  crowd *c = crowd_of(0);
  uint64_t before = atomic_load(&db->wal.flushes);
  vt_parallel(THREADS, one_of_the_crowd, c);
  uint64_t flushes = atomic_load(&db->wal.flushes) - before;
  ck_assert_uint_lt(flushes, THREADS * EACH / 4);
  ck_assert_uint_gt(atomic_load(&repo->group.commits), 0);
  check_crowd(c);
  free(c);
  tear_down();
}
END_TEST

START_TEST(one_takes_the_transaction_down_and_the_others_go_on) {
  set_up();
  put_first();
  hook_disk(200, 0);
  crowd *c = crowd_of(1);
  vt_parallel(THREADS, one_of_the_crowd, c);
  check_crowd(c);
  free(c);
  tear_down();
}
END_TEST

/* Whoever got OK is there, who got an error for sure is not; nobody who wrote in the group of
 * the failed flush is told anything but UNCERTAIN. */
START_TEST(a_failed_flush_is_everybodys) {
  for (int at = 1; at <= 9; at += 4) {
    set_up();
    put_first();
    hook_disk(500, at);
    crowd *c = crowd_of(0);
    vt_parallel(THREADS, one_of_the_crowd, c);
    int uncertain = 0, refused = 0;
    vault__wal_set_hook(NULL, NULL);
    vault_repositories_close(&t.r);
    open_again();
    for (int i = 0; i < THREADS; i++)
      for (int k = 0; k < EACH; k++) {
        write_one *w = &c->writes[i][k];
        vault_status s = c->got[i][k];
        uncertain += s == VAULT_E_UNCERTAIN;
        refused += s == VAULT_E_READ_ONLY;
        if (s == VAULT_E_UNCERTAIN)
          continue;
        ck_assert(s == VAULT_E_READ_ONLY || s == wanted[w->deed]);
        ck_assert_int_eq(is_there(w->key), s == VAULT_OK && w->deed == PUT);
      }
    ck_assert_int_gt(uncertain, 0);
    ck_assert_int_le(uncertain, VAULT__GROUP_MAX);
    ck_assert_int_gt(refused, 0);
    free(c);
    tear_down();
  }
}
END_TEST

START_TEST(a_full_disk_is_everybodys_and_passes) {
  set_up();
  put_first();
  hook_disk(500, 0);
  crowd *c = crowd_of(0);
  atomic_store(&disk_is_full, 1);
  vt_parallel(THREADS, one_of_the_crowd, c);
  for (int i = 0; i < THREADS; i++)
    for (int k = 0; k < EACH; k++) {
      deed d = c->writes[i][k].deed;
      if (d == PUT)
        vt_status(c->got[i][k], VAULT_E_NO_SPACE);
      else
        ck_assert(c->got[i][k] == wanted[d] || c->got[i][k] == VAULT_E_NO_SPACE);
      ck_assert_int_eq(is_there(c->writes[i][k].key), 0);
    }
  atomic_store(&disk_is_full, 0);
  vt_parallel(THREADS, one_of_the_crowd, c);
  check_crowd(c);
  free(c);
  tear_down();
}
END_TEST

START_TEST(alone_nothing_is_shared) {
  set_up();
  put_first();
  uint64_t before = atomic_load(&db->wal.flushes);
  for (int k = 0; k < 40; k++) {
    write_one w = {.deed = (deed)(k % 4)};
    (void)snprintf(w.key, sizeof w.key, "%d", k);
    vt_status(write_it(&w), wanted[w.deed]);
    ck_assert_int_eq(w.runs, 1);
    ck_assert_int_eq(is_there(w.key), w.deed == PUT);
  }
  ck_assert_uint_eq(atomic_load(&db->wal.flushes) - before, 10);
  ck_assert_uint_eq(atomic_load(&repo->group.commits), 0);
  tear_down();
}
END_TEST

/* ---- with a batch ---- */

#define WAITERS 100

typedef struct waiters {
  pthread_t threads[WAITERS];
  write_one writes[WAITERS];
  vault_status got[WAITERS];
  uint32_t n;
} waiters;

typedef struct waiter {
  waiters *all;
  uint32_t i;
} waiter;

static void *wait_there(void *arg) {
  waiter *w = arg;
  w->all->got[w->i] = write_it(&w->all->writes[w->i]);
  free(w);
  return NULL;
}

static uint64_t n_waiting(void) {
  (void)pthread_mutex_lock(&repo->group.lock);
  uint64_t n = repo->group.n_members;
  (void)pthread_mutex_unlock(&repo->group.lock);
  return n;
}

/* Start n writers while the turn is ours, and see them all in the queue, in this order. */
static waiters *start_waiters(uint32_t n, deed odd) {
  waiters *all = calloc(1, sizeof *all);
  ck_assert_ptr_nonnull(all);
  all->n = n;
  for (uint32_t i = 0; i < n; i++) {
    waiter *w = calloc(1, sizeof *w);
    ck_assert_ptr_nonnull(w);
    *w = (waiter){all, i};
    all->writes[i].deed = i % 2 ? odd : PUT;
    (void)snprintf(all->writes[i].key, sizeof all->writes[i].key, "w%u", i);
    ck_assert_int_eq(pthread_create(&all->threads[i], NULL, wait_there, w), 0);
    while (n_waiting() != i + 1)
      (void)usleep(200);
  }
  return all;
}

static void join_waiters(waiters *all) {
  for (uint32_t i = 0; i < all->n; i++)
    ck_assert_int_eq(pthread_join(all->threads[i], NULL), 0);
}

static void check_waiters(waiters *all) {
  for (uint32_t i = 0; i < all->n; i++) {
    vt_status(all->got[i], wanted[all->writes[i].deed]);
    ck_assert_int_eq(is_there(all->writes[i].key), all->writes[i].deed == PUT);
  }
}

typedef struct batch {
  vault__tx tx;
  vault__riders riders;
} batch;

static vault_status begin_batch(batch *b, const char *key) {
  memset(b, 0, sizeof *b);
  b->tx.db = &repo->db;
  vault__arena_init(&b->tx.arena, repo->alloc, 1u << 20);
  vt_ok(t.db.ops->acquire(t.db.self, VAULT__DB_WRITE, &b->tx.conn, NULL));
  vt_ok(t.db.ops->begin(b->tx.conn, NULL));
  vt_ok(add_row(&b->tx, key, 10, NULL));
  return vault__group_board(repo, &b->tx, &b->riders, NULL);
}

static void end_batch(batch *b) {
  t.db.ops->release(t.db.self, b->tx.conn);
  vault__arena_free(&b->tx.arena);
  vault__group_leave(repo);
}

START_TEST(a_batch_takes_along_who_waits) {
  batch b;
  set_up();
  put_first();
  uint64_t before = atomic_load(&db->wal.flushes);
  vt_ok(vault__group_enter(repo, NULL));
  waiters *all = start_waiters(VAULT__GROUP_MAX, TAKEN);
  vt_ok(begin_batch(&b, "batch"));
  ck_assert_uint_eq(n_waiting(), 0);
  vault_status s = t.db.ops->commit(b.tx.conn, NULL);
  vault__group_settle(repo, &b.riders, s, NULL);
  end_batch(&b);
  join_waiters(all);
  ck_assert_uint_eq(atomic_load(&db->wal.flushes) - before, 1);
  check_waiters(all);
  free(all);
  tear_down();
}
END_TEST

START_TEST(at_most_so_many_in_one_transaction) {
  set_up();
  put_first();
  uint64_t before = atomic_load(&db->wal.flushes);
  vt_ok(vault__group_enter(repo, NULL));
  waiters *all = start_waiters(VAULT__GROUP_MAX + 1, PUT);
  vault__group_leave(repo);
  join_waiters(all);
  ck_assert_uint_eq(atomic_load(&db->wal.flushes) - before, 2);
  check_waiters(all);
  free(all);
  tear_down();
}
END_TEST

START_TEST(riders_share_the_fate_of_the_batch) {
  set_up();
  put_first();
  for (int k = 0; k < 2; k++) {
    batch b;
    vault_err err = VAULT_ERR_INIT;
    vt_ok(vault__group_enter(repo, NULL));
    waiters *all = start_waiters(10, REFUSED);
    vt_ok(begin_batch(&b, "batch"));
    hook_disk(0, k ? 1 : 0);
    atomic_store(&disk_is_full, !k);
    vault_status s = t.db.ops->commit(b.tx.conn, &err);
    vt_status(s, k ? VAULT_E_UNCERTAIN : VAULT_E_NO_SPACE);
    vault__wal_set_hook(NULL, NULL);
    vault__group_settle(repo, &b.riders, s, &err);
    end_batch(&b);
    join_waiters(all);
    for (uint32_t i = 0; i < all->n; i++) {
      vt_status(all->got[i], s);
      if (!k)
        ck_assert_int_eq(is_there(all->writes[i].key), 0);
    }
    free(all);
  }
  tear_down();
}
END_TEST

/* The batch has to do its work anew; who was to blame has its answer, the others get theirs. */
START_TEST(a_rider_takes_the_batch_down) {
  batch b;
  set_up();
  put_first();
  hook_disk(0, 0);
  vt_ok(vault__group_enter(repo, NULL));
  waiters *all = start_waiters(10, PUT);
  all->writes[6].deed = DOWN;
  vt_status(begin_batch(&b, "batch"), VAULT_E_RETRY);
  ck_assert_ptr_null(b.riders.first);
  end_batch(&b);
  vt_ok(vault__group_enter(repo, NULL));
  vt_ok(begin_batch(&b, "batch"));
  vt_ok(t.db.ops->commit(b.tx.conn, NULL));
  vault__group_settle(repo, &b.riders, VAULT_OK, NULL);
  end_batch(&b);
  join_waiters(all);
  check_waiters(all);
  ck_assert_int_eq(is_there((char[]){"batch"}), 1);
  free(all);
  tear_down();
}
END_TEST

START_TEST(nobody_waits_for_ever) {
  set_up();
  put_first();
  repo->group.wait_ms = 30;
  vt_ok(vault__group_enter(repo, NULL));
  write_one w = {.deed = PUT, .key = "late"};
  vt_status(write_it(&w), VAULT_E_RETRY);
  ck_assert_int_eq(w.runs, 0);
  ck_assert_uint_eq(n_waiting(), 0);
  vt_status(vault__group_enter(repo, NULL), VAULT_E_RETRY);
  vault__group_leave(repo);
  vt_ok(write_it(&w));
  vt_ok(vault__group_enter(repo, NULL));
  vault__group_leave(repo);
  tear_down();
}
END_TEST

static Suite *group(void) {
  const TTest *const tests[] = {many_share_a_flush_and_each_has_its_status,
                                one_takes_the_transaction_down_and_the_others_go_on,
                                a_failed_flush_is_everybodys,
                                a_full_disk_is_everybodys_and_passes,
                                alone_nothing_is_shared,
                                a_batch_takes_along_who_waits,
                                at_most_so_many_in_one_transaction,
                                riders_share_the_fate_of_the_batch,
                                a_rider_takes_the_batch_down,
                                nobody_waits_for_ever,
                                NULL};
  return vt_suite("sql_group", tests);
}

VT_MAIN(group)
