/* The suite of the items port: two vaults, the same random operations. One gives fresh items
 * their rows after every operation, the other never by itself. Every answer must be the same
 * but for what says where bytes are: which blob, and whether it is inline by now. */
#include "items_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 2
#define STEPS 150
#define BATCH 5
#define KNOWN 256
#define CHECK_EVERY 10

typedef struct pair {
  vt_items f[2]; /* [0] indexes at once */
  uint64_t state;
  vault_id items[KNOWN];
  vault_id versions[KNOWN][2]; /* item, version */
  unsigned n_items, n_versions;
  vault_commit_item last; /* to ask again */
  vt_path last_path;
  int asked;
} pair;

static unsigned pick(pair *p, unsigned n) {
  p->state = p->state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(p->state >> 33) % n;
}

static vault_id any_item(pair *p) {
  return p->n_items ? p->items[pick(p, p->n_items)] : vt_new_id();
}

static void learn(pair *p, const vault_item_row *row) {
  unsigned i = 0;
  while (i < p->n_items && !vt_same_id(&p->items[i], &row->id))
    i++;
  if (i == p->n_items && i < KNOWN)
    p->items[p->n_items++] = row->id;
  if (row->kind != VAULT_KIND_FILE || p->n_versions == KNOWN)
    return;
  p->versions[p->n_versions][0] = row->id;
  p->versions[p->n_versions++][1] = row->version;
}

static void same_row(vault_item_row a, vault_item_row b) {
  memset(&a.user, 0, sizeof a.user);
  memset(&b.user, 0, sizeof b.user);
  memset(&a.blob, 0, sizeof a.blob);
  memset(&b.blob, 0, sizeof b.blob);
  ck_assert_msg(memcmp(&a, &b, sizeof a) == 0, "%s and %s differ", a.name, b.name);
}

/* ---- commits ------------------------------------------------------------------------------ */

static char bodies[BATCH][256];

/* Where it goes: by path, from a folder or not, or a version of a known item. */
static void aim(pair *p, vault_commit_item *m) {
  if (pick(p, 10) == 0) {
    m->item = any_item(p);
    m->n_path = 0;
    m->path = NULL;
  } else if (pick(p, 8) == 0) {
    m->parent = any_item(p);
  }
}

static void set_conditions(pair *p, vault_commit_item *m) {
  static char key[16];
  if (pick(p, 10) == 0)
    m->flags |= VAULT_COMMIT_IF_NONE_MATCH;
  if (pick(p, 20) == 0 && p->n_versions) {
    m->flags |= VAULT_COMMIT_IF_VERSION;
    m->if_version = p->versions[pick(p, p->n_versions)][1];
  }
  if (pick(p, 30) == 0)
    m->flags |= VAULT_COMMIT_ANEW;
  if (pick(p, 5) == 0) {
    m->has_mtime = 1;
    m->mtime_ns = (int64_t)pick(p, 3);
  }
  if (pick(p, 20) == 0) {
    (void)snprintf(key, sizeof key, "k%u", pick(p, 4));
    m->op_key = (vault_str){key, strlen(key)};
  }
}

static void make_member(pair *p, vault_commit_item *m, vt_path *path, char *body) {
  static const char *const paths[] = {"a", "b", "A", "d/a", "d/b", "e/a", "e/x/a", "d", "c", "e/c"};
  unsigned content = 1 + pick(p, 6);
  vt_path_set(path, paths[pick(p, sizeof paths / sizeof *paths)]);
  if (pick(p, 10) == 0) { /* in the blob store, with bytes that no inline one has */
    vt_commit_item(&p->f[0], m, path, 1000, 100 + content);
  } else {
    vt_commit_item(&p->f[0], m, path, content * 10, content);
    vt_inline_body(m, content);
    memcpy(body, m->body.p, m->body.n);
    m->body.p = body;
  }
  aim(p, m);
  set_conditions(p, m);
}

static void commit_some(pair *p) {
  static vt_path paths[BATCH];
  static vault_commit_result r[2][BATCH];
  vault_commit_item m[BATCH];
  unsigned n = 1 + pick(p, BATCH);
  for (unsigned i = 0; i < n; i++)
    make_member(p, &m[i], &paths[i], bodies[i]);
  if (p->asked && pick(p, 10) == 0)
    m[0] = p->last;
  for (unsigned k = 0; k < 2; k++) {
    for (unsigned i = 0; i < n; i++)
      m[i].blob.user = p->f[k].user;
    vt_is(p->f[k].ops->commit(p->f[k].self, m, n, r[k], &p->f[k].err), VAULT_OK);
  }
  for (unsigned i = 0; i < n; i++) {
    vt_is(r[1][i].status, r[0][i].status);
    ck_assert_uint_eq(r[0][i].outcome, r[1][i].outcome);
    ck_assert(vt_same_id(&r[0][i].in_the_way, &r[1][i].in_the_way));
    same_row(r[0][i].item, r[1][i].item);
    if (r[0][i].status == VAULT_OK)
      learn(p, &r[0][i].item);
  }
  if (m[0].n_path && m[0].path == paths[0].names && m[0].flags == VAULT_COMMIT_INLINE &&
      m[0].op_key.n == 0) { /* remembered with memory of its own */
    static char body[256];
    p->last = m[0];
    p->last_path = paths[0];
    for (unsigned i = 0; i < p->last_path.n; i++) {
      vault_name *name = &p->last_path.names[i];
      name->text.p = p->last_path.text + (name->text.p - paths[0].text);
      name->key.p = p->last_path.key + (name->key.p - paths[0].key);
    }
    p->last.path = p->last_path.names;
    memcpy(body, m[0].body.p, m[0].body.n);
    p->last.body.p = body;
    p->asked = 1;
  }
}

/* ---- other changes ------------------------------------------------------------------------- */

typedef vault_status (*change_fn)(void *self, const vault_item_change *change, vault_item_row *out,
                                  vault_err *err);

static vault_status purge(const vt_items *f, const vault_item_change *c, vault_item_row *out) {
  memset(out, 0, sizeof *out);
  return f->ops->purge_item(f->self, c, NULL);
}

static void change_one(pair *p, unsigned what) {
  static const char *const names[] = {"a", "b", "z", "d", "e"};
  vault_item_row rows[2] = {{.kind = 0}, {.kind = 0}};
  vault_status s[2];
  vt_path name;
  vt_path_set(&name, names[pick(p, 5)]);
  vault_item_change c = vt_change(&p->f[0], NULL);
  if (what != 0)
    c.item = any_item(p);
  c.name = name.names[0];
  c.mtime_ns = (int64_t)pick(p, 3);
  if (what == 1)
    c.flags = 1 + pick(p, 7);
  if ((what == 0 || (c.flags & VAULT_CHANGE_SET_PARENT)) && pick(p, 2))
    c.parent = any_item(p);
  for (unsigned k = 0; k < 2; k++) {
    const vt_items *f = &p->f[k];
    const change_fn fns[] = {f->ops->make_folder, f->ops->change_item, f->ops->trash_item,
                             f->ops->restore_item};
    c.user = f->user;
    s[k] = what < 4 ? fns[what](f->self, &c, &rows[k], NULL) : purge(f, &c, &rows[k]);
  }
  vt_is(s[1], s[0]);
  same_row(rows[0], rows[1]);
  if (s[0] == VAULT_OK && what == 0)
    learn(p, &rows[0]);
}

/* Share what find_blob gives. */
static void share_one(pair *p) {
  vt_path path;
  vault_commit_item m;
  vault_commit_result r[2];
  unsigned content = 1 + pick(p, 6);
  vt_path_set(&path, pick(p, 2) ? "shared" : "d/shared");
  vt_commit_item(&p->f[0], &m, &path, content * 10, content);
  m.flags = VAULT_COMMIT_SHARED;
  vault_status s[2];
  for (unsigned k = 0; k < 2; k++) {
    vt_items *f = &p->f[k];
    vault_blob_row blob;
    s[k] = f->ops->find_blob(f->self, &f->user, m.sha256, m.size_bytes, &blob, NULL);
    if (s[k] != VAULT_OK)
      continue;
    ck_assert_uint_eq(blob.size_bytes, m.size_bytes);
    m.blob = blob.key;
    r[k] = vt_commit(f, &m);
  }
  vt_is(s[1], s[0]);
  if (s[0] != VAULT_OK)
    return;
  vt_is(r[1].status, r[0].status);
  same_row(r[0].item, r[1].item);
  if (r[0].status == VAULT_OK)
    learn(p, &r[0].item);
}

/* What the housekeeping of a vault does; its counts may differ. */
static void spill_all(vt_items *f) {
  vault_blob_row rows[64];
  vault_id blobs[64];
  uint8_t done[64];
  uint64_t n;
  const vault_repositories *r = f->instance.ops;
  vault_job_row job = {.id = vt_new_id(), .kind = 7, .created_ms = VT_NOW_MS, .run_ms = VT_NOW_MS};
  vt_is(r->jobs->enqueue(r->jobs_self, &job, &f->err), VAULT_OK);
  vt_is(r->jobs->lease(r->jobs_self, 1u << 7, VT_NOW_MS, 1000, &job, &f->err), VAULT_OK);
  (void)vt_index(f);
  vt_is(f->ops->list_inline(f->self, INT64_MAX, rows, 64, &n, &f->err), VAULT_OK);
  for (uint64_t i = 0; i < n; i++)
    blobs[i] = rows[i].key.blob;
  if (n)
    vt_is(f->ops->finish_spill(f->self, &job.id, job.fence, blobs, n, done, &f->err), VAULT_OK);
  vt_is(r->jobs->done(r->jobs_self, &job.id, job.fence, &f->err), VAULT_OK);
}

static void collect(vt_items *f) {
  vault_blob_row rows[64];
  uint64_t n;
  vt_is(f->ops->mark_blobs(f->self, INT64_MAX, VT_NOW_MS, 64, &n, &f->err), VAULT_OK);
  vt_is(f->ops->take_blobs(f->self, INT64_MAX, rows, 64, &n, &f->err), VAULT_OK);
  for (uint64_t i = 0; i < n; i++)
    vt_is(f->ops->drop_blob(f->self, &rows[i].key.blob, &f->err), VAULT_OK);
}

/* ---- comparing ---------------------------------------------------------------------------------- */

static void same_usage(pair *p) {
  vault_usage_row a = vt_usage(&p->f[0]), b = vt_usage(&p->f[1]);
  memset(&a.user, 0, sizeof a.user);
  memset(&b.user, 0, sizeof b.user);
  ck_assert_mem_eq(&a, &b, sizeof a);
}

static void same_content(pair *p, const vault_id *item, const vault_id *version) {
  vault_item_row row;
  vault_version_row v[2];
  vault_status s[2];
  uint8_t body[256];
  uint64_t n[2];
  memset(v, 0, sizeof v);
  for (unsigned k = 0; k < 2; k++) {
    const vt_items *f = &p->f[k];
    s[k] = f->ops->get_content(f->self, &f->user, item, version, &row, &v[k], body, sizeof body,
                               &n[k], NULL);
    if (s[k] == VAULT_OK && v[k].loc == VAULT_LOC_INLINE) {
      ck_assert_uint_eq(n[k], v[k].size_bytes);
      ck_assert_uint_eq(body[0], v[k].sha256[0]);
      ck_assert_uint_eq(body[n[k] - 1], v[k].sha256[0]);
    }
    memset(&v[k].blob, 0, sizeof v[k].blob);
    v[k].loc = 0;
  }
  vt_is(s[1], s[0]);
  ck_assert_mem_eq(&v[0], &v[1], sizeof v[0]);
}

static void same_lists(pair *p, const vault_id *parent) {
  static vault_item_row rows[2][64];
  uint64_t n[2];
  for (unsigned trash = 0; trash < 2; trash++) {
    for (unsigned k = 0; k < 2; k++) {
      const vt_items *f = &p->f[k];
      if (trash)
        vt_is(f->ops->list_trash(f->self, &f->user, INT64_MAX, &vt_root, rows[k], 64, &n[k], NULL),
              VAULT_OK);
      else
        vt_is(f->ops->list_children(f->self, &f->user, VAULT_SPACE_FILES, parent,
                                    (vault_str){"", 0}, rows[k], NULL, 64, &n[k], NULL),
              VAULT_OK);
    }
    ck_assert_uint_eq(n[0], n[1]);
    for (uint64_t i = 0; i < n[0]; i++)
      same_row(rows[0][i], rows[1][i]);
  }
}

static void same_all(pair *p) {
  same_lists(p, &vt_root);
  for (unsigned i = 0; i < p->n_items; i++) {
    vault_item_row a, b;
    const vt_items *f = p->f;
    vault_status s = f[0].ops->get_item(f[0].self, &f[0].user, &p->items[i], &a, NULL);
    vt_is(f[1].ops->get_item(f[1].self, &f[1].user, &p->items[i], &b, NULL), s);
    if (s != VAULT_OK)
      continue;
    same_row(a, b);
    if (a.kind == VAULT_KIND_FOLDER)
      same_lists(p, &a.id);
    else
      same_content(p, &a.id, &vt_root);
  }
  for (unsigned i = 0; i < p->n_versions; i++)
    same_content(p, &p->versions[i][0], &p->versions[i][1]);
}

static void step(pair *p) {
  unsigned what = pick(p, 100);
  if (what < 45) {
    commit_some(p);
  } else if (what < 87) {
    static const unsigned kinds[] = {0, 1, 1, 1, 2, 2, 3, 4};
    change_one(p, kinds[pick(p, 8)]);
  } else if (what < 94) {
    share_one(p);
  } else {
    for (unsigned k = 0; k < 2; k++)
      (what < 97 ? spill_all : collect)(&p->f[k]);
  }
  (void)vt_index(&p->f[0]);
  same_usage(p);
}

START_TEST(lazy_is_the_same) {
  pair *p = calloc(1, sizeof *p);
  for (unsigned round = 0; round < ROUNDS; round++) {
    memset(p, 0, sizeof *p);
    p->state = 1000u * (unsigned)_i + round + 7;
    vt_items_open(&p->f[0], _i);
    vt_items_open(&p->f[1], _i);
    for (unsigned i = 1; i <= STEPS; i++) {
      step(p);
      if (i % CHECK_EVERY == 0)
        same_all(p);
    }
    ck_assert_uint_gt(vt_index(&p->f[1]) + p->n_versions, 10); /* it did something */
    same_all(p);
    vt_items_close(&p->f[0]);
    vt_items_close(&p->f[1]);
  }
  free(p);
}
END_TEST

void vt_items_add_random(TCase *tcase, int adapter) {
  const TTest *const tests[] = {lazy_is_the_same, NULL};
  vt_items_add(tcase, adapter, tests);
}
