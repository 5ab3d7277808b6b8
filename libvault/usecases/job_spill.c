/* Small bodies leave the database and become files. For each group:
 *
 *   (1) read the bodies, (2) write them to files without a name, (3) flush, (4) link,
 *   (5) flush the folders, (6) one transaction: loc says file, the inline bytes go.
 *
 * Up to (6) the row says inline and the bytes are there, whatever a crash leaves: nothing, or
 * a file that has its name already. The next run does the group again, and finds at (4)
 * that the same bytes stand there, which are ours. (3) to (5) are one call of the store.
 *
 * One worker at a time has the job; (6) checks its lease, and a worker who has lost it turns
 * nothing any more: his successor may rely on the same files. So a file is removed here only
 * when its blob was purged meanwhile: it has no row, or one that is being deleted. Where a row
 * is there, but unreferred to, whoever collects that blob removes both (job_blobs.c).
 *
 * Something else under a blob's name, or a body that is not what its row says: it is left as it
 * is, in the database, and somebody is told. */
#include <string.h>

#include "committer.h"
#include "janitor.h"
#include "job_kinds.h"
#include "libvault/base/alloc.h"
#include "libvault/base/id.h"
#include "libvault/crypto/sha256.h"
#include "libvault/ports/validate.h"

#define GROUP 64u    /* bodies that are open, flushed and turned together: at most 4 MiB */
#define LEFT_MAX 64u /* bodies of one run that are left as they are */
#define INDEX_ROWS 500u
#define RUN_MS 250    /* then other jobs have their turn */
#define PACE_MS 100   /* commits wait: they go first */
#define FULL_MS 60000 /* the store is full or read-only: look again after this */

typedef enum mode {
  MODE_WAIT, /* it is not time yet */
  MODE_IDLE, /* nobody uploads: as long as that holds */
  MODE_AGED, /* some wait for long: between the commits */
  MODE_FULL, /* too much waits: at once */
} mode;

typedef struct spill {
  vault *v;
  const vault_job_row *job;
  vault__job_end *end;
  vault_err *err;
  mode mode;
  int64_t until_mono_ms;
  int64_t commit_mono_ms; /* of the last commit when this run began */
  uint64_t moved;
  uint8_t *body; /* VAULT_INLINE_MAX bytes */
  uint64_t n_left;
  vault_id left[LEFT_MAX];
  uint64_t n; /* the group */
  vault_blob_row rows[GROUP + LEFT_MAX];
  vault_blob_key keys[GROUP];
  vault_blob_writer *writers[GROUP];
  vault_blob_meta metas[GROUP];
  vault_status statuses[GROUP];
  vault_id ids[GROUP];
  uint8_t done[GROUP];
} spill;

/* ---- what is left as it is -------------------------------------------------------------- */

static int is_left(const spill *p, const vault_id *blob) {
  for (uint64_t i = 0; i < p->n_left; i++)
    if (vault__id_eq(&p->left[i], blob))
      return 1;
  return 0;
}

static void leave(spill *p, const vault_blob_key *key, const char *why) {
  char path[VAULT_BLOB_PATH_MAX] = "";
  (void)vault_blob_key_path(key, path, NULL);
  const vault_log_field fields[] = {{"blob", {path, strlen(path)}, 0},
                                    {"why", {why, strlen(why)}, 0}};
  vault__log(p->v, VAULT_LOG_ERROR, "spill_refused", fields, 2);
  (void)atomic_fetch_add(&p->v->spill_refused, 1);
  p->left[p->n_left++] = key->blob;
}

/* ---- steps 1 and 2 ---------------------------------------------------------------------- */

/* OK | NOT_FOUND (purged, or shared with another blob) | CORRUPT | ... */
static vault_status read_body(spill *p, const vault_blob_row *row) {
  vault *v = p->v;
  uint8_t digest[VAULT__SHA256_BYTES];
  vault__sha256 sha;
  uint64_t n = 0;
  VAULT_TRY(
    v->items->get_inline(v->items_self, &row->key.blob, p->body, VAULT_INLINE_MAX, &n, p->err));
  if (n != row->size_bytes)
    return VAULT_E_CORRUPT;
  vault__sha256_init(&sha);
  vault__sha256_add(&sha, p->body, n);
  vault__sha256_end(&sha, digest);
  return memcmp(digest, row->sha256, sizeof digest) == 0 ? VAULT_OK : VAULT_E_CORRUPT;
}

static vault_status write_body(spill *p, const vault_blob_row *row) {
  vault *v = p->v;
  vault_blob_writer *w = NULL;
  VAULT_TRY(v->blobs->begin(v->blobs_self, &row->key, 0, &w, p->err));
  p->keys[p->n] = row->key;
  p->ids[p->n] = row->key.blob;
  p->metas[p->n] = (vault_blob_meta){.size = sizeof p->metas[p->n], .item = row->item};
  memcpy(p->metas[p->n].sha256, row->sha256, sizeof row->sha256);
  p->writers[p->n++] = w;
  return v->blobs->write(v->blobs_self, w, p->body, row->size_bytes, p->err);
}

static vault_status gather_one(spill *p, const vault_blob_row *row) {
  vault_status s = read_body(p, row);
  if (s == VAULT_E_NOT_FOUND)
    return VAULT_OK;
  if (s == VAULT_E_CORRUPT) {
    leave(p, &row->key, "the stored bytes are not those of the row");
    return VAULT_OK;
  }
  return s == VAULT_OK ? write_body(p, row) : s;
}

/* *more = 0: there was nothing (else) to take. */
static vault_status gather(spill *p, int *more) {
  vault *v = p->v;
  uint64_t found = 0, taken = 0;
  VAULT_TRY(
    v->items->list_inline(v->items_self, INT64_MAX, p->rows, GROUP + p->n_left, &found, p->err));
  *more = 0;
  for (uint64_t i = 0; i < found && taken < GROUP; i++) {
    if (is_left(p, &p->rows[i].key.blob))
      continue;
    if (p->n_left == LEFT_MAX)
      return vault__fail(p->err, VAULT_E_CORRUPT, VAULT_ORIGIN_JOBS, 0,
                         "%u bodies cannot be moved to the store: see spill_refused in the log",
                         LEFT_MAX);
    taken++;
    *more = 1;
    VAULT_TRY(gather_one(p, &p->rows[i]));
  }
  return VAULT_OK;
}

/* ---- steps 3 to 5 ----------------------------------------------------------------------- */

static void publish_group(spill *p) {
  vault *v = p->v;
  if (VAULT__OPS_HAS(v->blobs, publish_many)) {
    v->blobs->publish_many(v->blobs_self, p->writers, p->metas, p->n, p->statuses, p->err);
    return;
  }
  for (uint64_t i = 0; i < p->n; i++) {
    p->statuses[i] = v->blobs->seal(v->blobs_self, p->writers[i], &p->metas[i], p->err);
    if (p->statuses[i] == VAULT_OK)
      p->statuses[i] = v->blobs->publish(v->blobs_self, p->writers[i], p->err);
  }
}

/* Keep those that are published. What failed otherwise than by what has its name fails the
 * run, after the others were turned. */
static vault_status sort_out(spill *p) {
  vault_status first = VAULT_OK;
  uint64_t kept = 0;
  for (uint64_t i = 0; i < p->n; i++) {
    vault_status s = p->statuses[i];
    if (s == VAULT_OK) {
      p->keys[kept] = p->keys[i];
      p->ids[kept++] = p->ids[i];
    } else if (s == VAULT_E_CONFLICT && p->n_left < LEFT_MAX) {
      leave(p, &p->keys[i], "other bytes have its name in the store");
    } else if (first == VAULT_OK) {
      first = s;
    }
  }
  p->n = kept;
  return first;
}

/* ---- step 6 ----------------------------------------------------------------------------- */

/* It was not turned. A blob that has no row is nobody's any more, and one that is being
 * deleted may have lost its file (T4) before this one was linked. */
static vault_status clear_up(spill *p, uint64_t i) {
  vault *v = p->v;
  vault_blob_row row;
  vault_status s = v->items->get_blob(v->items_self, &p->ids[i], &row, p->err);
  if (s == VAULT_E_NOT_FOUND || (s == VAULT_OK && row.state == VAULT_BLOB_DELETING))
    return v->blobs->remove(v->blobs_self, &p->keys[i], p->err);
  return s;
}

static vault_status turn(spill *p) {
  vault *v = p->v;
  if (!p->n)
    return VAULT_OK;
  vault_status s = v->items->finish_spill(v->items_self, &p->job->id, p->job->fence, p->ids, p->n,
                                          p->done, p->err);
  if (s != VAULT_OK && s != VAULT_E_CONFLICT)
    return s;
  for (uint64_t i = 0; i < p->n; i++) {
    int done = s == VAULT_OK && p->done[i];
    p->moved += (uint64_t)done;
    if (!done)
      VAULT_TRY(clear_up(p, i));
  }
  return s;
}

static vault_status move_group(spill *p, int *more) {
  vault *v = p->v;
  vault_status first = VAULT_OK;
  p->n = 0;
  vault_status s = gather(p, more); /* (1), (2) */
  uint64_t begun = p->n;
  if (s == VAULT_OK && begun) {
    publish_group(p); /* (3), (4), (5) */
    first = sort_out(p);
  }
  for (uint64_t i = 0; i < begun; i++)
    v->blobs->discard(v->blobs_self, p->writers[i], 0);
  if (s == VAULT_OK)
    s = turn(p); /* (6) */
  return s != VAULT_OK ? s : first;
}

/* ---- when ------------------------------------------------------------------------------- */

static vault_status choose_mode(spill *p) {
  vault *v = p->v;
  uint64_t bytes = 0, count = 0;
  int64_t oldest_ms = 0, now_ms = vault__now_ms(v);
  int64_t quiet_ms = vault__janitor_quiet_ms(v);
  VAULT_TRY(v->items->inline_usage(v->items_self, &bytes, &count, &oldest_ms, p->err));
  p->mode = MODE_WAIT;
  p->end->again_ms = now_ms + v->settings.spill_after_ms;
  if (!count)
    return VAULT_OK;
  if (bytes >= v->settings.spill_bytes)
    p->mode = MODE_FULL;
  else if (quiet_ms >= v->settings.spill_idle_ms)
    p->mode = MODE_IDLE;
  else if (now_ms - oldest_ms >= v->settings.spill_after_ms)
    p->mode = MODE_AGED;
  else
    p->end->again_ms = now_ms + v->settings.spill_idle_ms - quiet_ms;
  return VAULT_OK;
}

/* 0: stop here, and go on at end->again_ms. */
static int may_go_on(spill *p) {
  vault *v = p->v;
  int64_t now_ms = vault__now_ms(v);
  if (v->clock->mono_ms(v->clock_self) >= p->until_mono_ms) {
    p->end->again_ms = now_ms;
    return 0;
  }
  if (p->mode == MODE_IDLE && atomic_load(&v->commit_mono_ms) != p->commit_mono_ms) {
    p->end->again_ms = now_ms + v->settings.spill_idle_ms;
    return 0;
  }
  if (p->mode != MODE_FULL && vault__commits_waiting(v)) {
    p->end->again_ms = now_ms + PACE_MS;
    return 0;
  }
  return 1;
}

/* Only bodies that have their rows are listed. */
static vault_status index_some(spill *p) {
  uint64_t n = 0;
  do {
    VAULT_TRY(p->v->items->index_fresh(p->v->items_self, INDEX_ROWS, &n, p->err));
  } while (n >= INDEX_ROWS && may_go_on(p));
  return VAULT_OK;
}

static vault_status run(spill *p) {
  int more = 1;
  VAULT_TRY(choose_mode(p));
  if (p->mode == MODE_WAIT)
    return VAULT_OK;
  VAULT_TRY(index_some(p));
  do { /* one group in any case: giving way must not become waiting for ever */
    VAULT_TRY(move_group(p, &more));
  } while (more && may_go_on(p));
  if (!more)
    p->end->again_ms = vault__now_ms(p->v) + p->v->settings.spill_after_ms;
  return VAULT_OK;
}

/* A store that takes nothing is no failure of the job: reading goes on, and the bodies are as
 * safe as the database. */
static void say_stopped(spill *p, vault_status s) {
  const char *code = vault_status_code(s);
  const vault_log_field fields[] = {{"code", {code, strlen(code)}, 0},
                                    {"moved", {NULL, 0}, (int64_t)p->moved}};
  vault__log(p->v, VAULT_LOG_ERROR, "spill_stopped", fields, 2);
  (void)atomic_fetch_add(&p->v->spill_stops, 1);
  p->end->again_ms = vault__now_ms(p->v) + FULL_MS;
}

void vault__job_spill(vault *v, const vault_job_row *job, vault__job_end *end, vault_err *err) {
  spill *p = vault__new(&v->alloc, sizeof *p);
  uint8_t *body = vault__resize(&v->alloc, NULL, VAULT_INLINE_MAX);
  if (!p || !body) {
    end->failed = vault__no_memory(err);
  } else {
    *p = (spill){.v = v, .job = job, .end = end, .err = err, .body = body};
    p->until_mono_ms = v->clock->mono_ms(v->clock_self) + RUN_MS;
    p->commit_mono_ms = atomic_load(&v->commit_mono_ms);
    vault_status s = run(p);
    (void)atomic_fetch_add(&v->spilled, p->moved);
    if (s == VAULT_E_NO_SPACE || s == VAULT_E_READ_ONLY)
      say_stopped(p, s);
    else
      end->failed = s;
  }
  vault__delete(&v->alloc, body);
  vault__delete(&v->alloc, p);
}
