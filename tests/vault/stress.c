/* Many threads on one vault on a disk: put, submit, read, trash, restore, purge, jobs, each
 * thread with a model of its own files. At the end everything that was acknowledged is there,
 * and rows, store and ledgers agree. A number of operations, never a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/contract/parallel.h"
#include "tests/support/vt_dir.h"
#include "tests/support/vt_files.h"

#define THREADS 8u
#define OPS 60u
#define FILES 4u  /* of each thread alone */
#define SHARED 3u /* names that all threads fight for */
#define BODIES 5u /* few, so that blobs are shared, die, and are born again */
#define NAME_BYTES 32
#define HOUR_MS INT64_C(3600000)

static const char *const bodies[BODIES] = {"", "a", "bb", "a longer body", "the last one"};

typedef struct own_file {
  int body;    /* -1: there is none */
  int trashed; /* id is in the trash */
  vault_id id;
} own_file;

typedef struct thread {
  uint64_t seed;
  own_file files[FILES];
} thread;

typedef struct stress {
  vt_world *w;
  vault_principal who[2];
  thread threads[THREADS];
  pthread_mutex_t lock;
  char failed[200]; /* the first that went wrong; under lock */
  _Atomic uint32_t acknowledged;
} stress;

static uint32_t pick(thread *t, uint32_t n) {
  t->seed = t->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(t->seed >> 33) % n;
}

/* Only the first is kept. Checks of libcheck must not run on these threads. */
static void expect(stress *s, const char *what, vault_status got, vault_status a, vault_status b) {
  if (got == a || got == b)
    return;
  (void)pthread_mutex_lock(&s->lock);
  if (!s->failed[0])
    (void)snprintf(s->failed, sizeof s->failed, "%s gave %s", what, vault_status_code(got));
  (void)pthread_mutex_unlock(&s->lock);
}

static vault_status put(stress *s, const vault_principal *who, const char *path, uint32_t body,
                        vault_id *id) {
  vault_items *items = NULL;
  vault_upload_opts opts = vt_at(path, 0, 0);
  vault_status st =
    vault_put(s->w->v, who, &opts, bodies[body], strlen(bodies[body]), &items, NULL, NULL);
  if (st == VAULT_OK) {
    *id = vault_items_rows(items, NULL, NULL)->id;
    (void)atomic_fetch_add(&s->acknowledged, 1);
  }
  vault_items_free(items);
  return st;
}

/* The same through the queue, in pieces, driven by whoever comes first. */
static vault_status put_queued(stress *s, const vault_principal *who, const char *path,
                               uint32_t body, vault_id *id) {
  vault *v = s->w->v;
  vault_cq *q = NULL;
  vault_upload *u = NULL;
  vault_event ev = {.size = sizeof ev};
  vault_upload_opts opts = vt_at(path, strlen(bodies[body]), body % 2 ? VAULT_UP_RESUMABLE : 0);
  vault_status st = vault_cq_open(v, &q, NULL);
  if (st == VAULT_OK)
    st = vault_upload_begin(v, who, &opts, &u, NULL);
  for (const char *p = bodies[body]; st == VAULT_OK && *p; p++)
    st = vault_upload_append(u, p, 1, NULL);
  if (st == VAULT_OK)
    st = vault_upload_submit(u, q, 1, NULL);
  if (st == VAULT_OK) {
    while (vault_cq_next(q, &ev, NULL) != VAULT_OK)
      (void)vault_commit_drive(v, 5, NULL, NULL);
    st = ev.status;
    if (st == VAULT_OK)
      *id = ev.item->id;
    (void)atomic_fetch_add(&s->acknowledged, st == VAULT_OK);
  } else {
    vault_upload_abort(u);
  }
  expect(s, "closing a queue", vault_cq_close(q, NULL), VAULT_OK, VAULT_OK);
  return st;
}

/* The whole content is one of the bodies: `body`, or any when that is negative. */
static void read_back(stress *s, const vault_principal *who, const vault_id *id, int body) {
  vault_reader *r = NULL;
  char buf[64];
  uint64_t got = 0, n = 0;
  vault_status any = body < 0 ? VAULT_E_NOT_FOUND : VAULT_OK;
  vault_status st = vault_read_open(s->w->v, who, id, NULL, 0, VAULT_TO_END, &r, NULL);
  expect(s, "opening a file", st, VAULT_OK, any);
  while (st == VAULT_OK) {
    st = vault_read_next(r, buf + n, sizeof buf - n, &got, NULL);
    expect(s, "reading a file", st, VAULT_OK, any);
    if (st != VAULT_OK || got == 0)
      break;
    n += got;
  }
  int found = st != VAULT_OK;
  for (uint32_t i = 0; !found && i < BODIES; i++)
    found = (body < 0 || (uint32_t)body == i) && n == strlen(bodies[i]) &&
            memcmp(buf, bodies[i], (size_t)n) == 0;
  if (!found)
    expect(s, "the content of a file", VAULT_E_CORRUPT, VAULT_OK, VAULT_OK);
  vault_reader_free(r);
}

static vault_status trash(stress *s, const vault_principal *who, const vault_id *id) {
  vault_items *items = NULL;
  vault_status st = vault_trash_move(s->w->v, who, id, NULL, &items, NULL);
  vault_items_free(items);
  return st;
}

static void own(stress *s, uint32_t no, thread *t, const vault_principal *who) {
  char path[NAME_BYTES];
  vault_items *items = NULL;
  uint32_t k = pick(t, FILES), body = pick(t, BODIES);
  own_file *f = &t->files[k];
  vault_status st;
  (void)snprintf(path, sizeof path, "t%u/%u", no, k);
  if (f->trashed && pick(t, 2)) {
    st = vault_trash_restore(s->w->v, who, &f->id, NULL, NULL, &items, NULL);
    vault_items_free(items);
    expect(s, "restoring", st, VAULT_OK, VAULT_OK);
    f->trashed = 0;
  } else if (f->trashed) {
    st = vault_trash_purge(s->w->v, who, &f->id, NULL, NULL);
    expect(s, "purging", st, VAULT_OK, VAULT_OK);
    *f = (own_file){.body = -1};
  } else if (f->body >= 0 && pick(t, 3) == 0) {
    expect(s, "trashing", trash(s, who, &f->id), VAULT_OK, VAULT_OK);
    f->trashed = 1;
  } else {
    st = pick(t, 2) ? put(s, who, path, body, &f->id) : put_queued(s, who, path, body, &f->id);
    expect(s, "putting", st, VAULT_OK, VAULT_OK);
    f->body = (int)body;
  }
  if (f->body >= 0 && !f->trashed)
    read_back(s, who, &f->id, f->body);
}

static void together(stress *s, thread *t, const vault_principal *who) {
  char path[NAME_BYTES];
  vault_id id;
  (void)snprintf(path, sizeof path, "s/%u", pick(t, SHARED));
  vault_status st = put(s, who, path, pick(t, BODIES), &id);
  expect(s, "putting together", st, VAULT_OK, VAULT_OK);
  if (st != VAULT_OK)
    return;
  read_back(s, who, &id, -1);
  if (pick(t, 3))
    return;
  expect(s, "trashing together", trash(s, who, &id), VAULT_OK, VAULT_E_NOT_FOUND);
  st = vault_trash_purge(s->w->v, who, &id, NULL, NULL);
  expect(s, "purging together", st, VAULT_OK, VAULT_E_NOT_FOUND);
}

/* Time leaps, so that leases, uploads and graces run out while others are at work. */
static void housekeeping(stress *s, thread *t) {
  vault_check_report r = {.size = sizeof r};
  vt_pass(s->w, HOUR_MS * (pick(t, 4) ? 1 : 30));
  expect(s, "running jobs", vault_jobs_run(s->w->v, 1000, NULL, NULL), VAULT_OK, VAULT_OK);
  if (pick(t, 4) == 0)
    expect(s, "checking", vault_admin_check(s->w->v, 0, &r, NULL), VAULT_OK, VAULT_OK);
}

static void work(void *ctx, uint32_t i) {
  stress *s = ctx;
  thread *t = &s->threads[i];
  const vault_principal *who = &s->who[i % 2];
  for (uint32_t op = 0; op < OPS; op++) {
    uint32_t kind = pick(t, 8);
    if (kind < 5)
      own(s, i, t, who);
    else if (kind < 7)
      together(s, t, who);
    else
      housekeeping(s, t);
  }
}

static void verify(stress *s) {
  char path[NAME_BYTES];
  for (uint32_t i = 0; i < THREADS; i++)
    for (uint32_t k = 0; k < FILES; k++) {
      const own_file *f = &s->threads[i].files[k];
      (void)snprintf(path, sizeof path, "t%u/%u", i, k);
      if (f->body >= 0 && !f->trashed)
        vt_content(s->w->v, &s->who[i % 2], path, bodies[f->body]);
      else
        vt_status(vt_lookup(s->w->v, &s->who[i % 2], path, NULL), VAULT_E_NOT_FOUND);
    }
  for (int i = 0; i < 2; i++)
    ck_assert_uint_eq(vt_usage(s->w->v, &s->who[i]).partial_bytes, 0);
  vt_clean(s->w->v);
}

START_TEST(nothing_acknowledged_is_lost) {
  static stress s;
  char dir[VT_DIR_MAX];
  vault_settings settings = {.size = sizeof settings, .blob_grace_ms = HOUR_MS};
  memset(&s, 0, sizeof s);
  vt_dir_make(dir);
  s.w = vt_vault_open_in(dir, &settings);
  s.who[0] = vt_who(s.w, VT_PHONE);
  s.who[1] = vt_who(s.w, "+905321234568");
  ck_assert_int_eq(pthread_mutex_init(&s.lock, NULL), 0);
  for (uint32_t i = 0; i < THREADS; i++) {
    s.threads[i].seed = 20261123 + i;
    for (uint32_t k = 0; k < FILES; k++)
      s.threads[i].files[k].body = -1;
  }
  vt_parallel(THREADS, work, &s);
  ck_assert_msg(!s.failed[0], "%s", s.failed);
  ck_assert_uint_gt(atomic_load(&s.acknowledged), THREADS);
  verify(&s);
  vt_vault_stop(s.w);
  vt_ok(vt_vault_start(s.w, NULL)); /* and after a new start */
  for (int pass = 0; pass < 3; pass++) {
    vt_pass(s.w, 30 * HOUR_MS);
    vt_run_jobs(s.w);
  }
  verify(&s);
  (void)pthread_mutex_destroy(&s.lock);
  vt_vault_close(s.w);
  vt_dir_remove(dir);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {nothing_acknowledged_is_lost, NULL};
  return vt_suite("stress", tests);
}

VT_MAIN(suite)
