/* Many requests append to one upload at one offset, at the same time: never do two of them win,
 * and what was acknowledged is what the file holds in the end. Threads of one vault on SQLite;
 * on PostgreSQL two vaults over one database and one folder, as two nodes are. A number of
 * rounds, never a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libvault/crypto/sha256.h"
#include "tests/contract/parallel.h"
#include "tests/support/vt_dir.h"
#include "tests/support/vt_files.h"

#define ROUNDS 300u
#define THREADS 4u
#define STEPS 3u
#define STEP_BYTES 700u /* not a multiple of a block of the hash */
#define PIECE (STEPS * STEP_BYTES)
#define NAME "race.bin"

typedef struct race {
  vault *v[2];
  uint32_t n_vaults;
  vault_principal who;
  vault_id upload;
  uint64_t offset; /* of this round */
  uint32_t round;
  vault_status status[THREADS]; /* of its last call */
  int won[THREADS];
  uint8_t owner[ROUNDS]; /* who won a round: 1 + thread */
  uint64_t at[ROUNDS];
} race;

static uint8_t byte_of(uint32_t round, uint32_t thread) {
  return (uint8_t)(round * THREADS + thread + 1);
}

static vault_status append_steps(vault_upload *u, const char *piece) {
  vault_status s = VAULT_OK;
  for (uint32_t i = 0; i < STEPS && s == VAULT_OK; i++)
    s = vault_upload_append(u, piece + i * STEP_BYTES, STEP_BYTES, NULL);
  return s == VAULT_OK ? vault_upload_flush(u, NULL) : s;
}

/* What a PATCH does: 409 unless the offset is the one it was told. */
static void patch(void *ctx, uint32_t i) {
  race *r = ctx;
  char piece[PIECE];
  vault_upload *u = NULL;
  memset(piece, byte_of(r->round, i), sizeof piece);
  vault *v = r->v[i % r->n_vaults];
  r->won[i] = 0;
  r->status[i] = vault_upload_resume(v, &r->who, &r->upload, &u, NULL);
  if (r->status[i] != VAULT_OK)
    return;
  if (vault_upload_get(u)->offset == r->offset) {
    r->status[i] = append_steps(u, piece);
    r->won[i] = r->status[i] == VAULT_OK;
  }
  vault_upload_suspend(u);
}

static uint64_t durable(race *r, vault *v) {
  vault_upload_info *info = NULL;
  vt_ok(vault_upload_stat(v, &r->who, &r->upload, &info, NULL));
  uint64_t offset = vault_upload_info_get(info)->durable_offset;
  vault_upload_info_free(info);
  return offset;
}

static void run_round(race *r, uint32_t round) {
  uint32_t winners = 0;
  r->round = round;
  r->offset = r->at[round] = durable(r, r->v[round % r->n_vaults]);
  vt_parallel(THREADS, patch, r);
  for (uint32_t i = 0; i < THREADS; i++) {
    vault_status s = r->status[i];
    ck_assert_msg(s == VAULT_OK || s == VAULT_E_PREEMPTED, "a request gave %s",
                  vault_status_code(s));
    winners += (uint32_t)r->won[i];
    if (r->won[i])
      r->owner[round] = (uint8_t)(i + 1);
  }
  ck_assert_msg(winners <= 1, "%u requests won at offset %llu", winners,
                (unsigned long long)r->offset);
  uint64_t now = durable(r, r->v[(round + 1) % r->n_vaults]);
  ck_assert_uint_ge(now, r->offset + winners * PIECE);
}

static void read_all(race *r, uint8_t *body, uint64_t size, const vault_item_view *item) {
  vault_reader *reader = NULL;
  uint8_t sha256[VAULT__SHA256_BYTES];
  uint64_t got = 1, n = 0;
  vt_ok(vault_read_open(r->v[0], &r->who, &item->id, NULL, 0, VAULT_TO_END, &reader, NULL));
  while (got) {
    vt_ok(vault_read_next(reader, body + n, size - n, &got, NULL));
    n += got;
  }
  vault_reader_free(reader);
  ck_assert_uint_eq(n, size);
  vault__sha256_of(body, n, sha256);
  ck_assert_int_eq(memcmp(sha256, item->sha256, sizeof sha256), 0);
}

static void check_winners(const race *r, const uint8_t *body) {
  uint32_t n = 0;
  for (uint32_t round = 0; round < ROUNDS; round++) {
    if (!r->owner[round])
      continue;
    n++;
    for (uint64_t i = 0; i < PIECE; i++)
      ck_assert_uint_eq(body[r->at[round] + i], byte_of(round, r->owner[round] - 1u));
  }
  ck_assert_uint_gt(n, 0);
  printf("# %u of %u rounds had a winner\n", n, ROUNDS);
}

static void run_race(race *r) {
  vault_upload *u = NULL;
  vault_upload_opts opts = vt_at(NAME, VAULT_LENGTH_UNKNOWN, VAULT_UP_RESUMABLE);
  vault_item_view item;
  vt_ok(vault_upload_begin(r->v[0], &r->who, &opts, &u, NULL));
  r->upload = vault_upload_get(u)->id;
  vault_upload_suspend(u);
  for (uint32_t round = 0; round < ROUNDS; round++)
    run_round(r, round);
  vt_ok(vault_upload_resume(r->v[0], &r->who, &r->upload, &u, NULL));
  uint64_t size = vault_upload_get(u)->offset;
  vt_ok(vault_upload_finish(u, NULL, NULL, NULL));
  vt_ok(vt_lookup(r->v[0], &r->who, NAME, &item));
  uint8_t *body = malloc(size + 1);
  ck_assert_ptr_nonnull(body);
  read_all(r, body, size, &item);
  check_winners(r, body);
  free(body);
}

START_TEST(never_two_winners) {
  static race r;
  char dir[VT_DIR_MAX];
  vt_dir_make(dir);
  vt_world *w = vt_vault_open_in(dir, NULL);
  memset(&r, 0, sizeof r);
  r.v[0] = r.v[1] = w->v;
  r.n_vaults = 1;
  r.who = vt_who(w, VT_PHONE);
  if (w->schema[0]) {
    vt_ok(vault_open(&w->config, &r.v[1], NULL));
    r.n_vaults = 2;
  }
  run_race(&r);
  vt_clean(w->v);
  ck_assert_uint_eq(vt_usage(w->v, &r.who).partial_bytes, 0);
  if (r.n_vaults == 2)
    vt_ok(vault_close(r.v[1], NULL));
  vt_vault_close(w);
  vt_dir_remove(dir);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {never_two_winners, NULL};
  return vt_suite("resume_race", tests);
}

VT_MAIN(suite)
