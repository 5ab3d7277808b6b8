/* One member of a commit, the general way: a body whose bytes are durable, or come along,
 * becomes a version of an item.
 *
 * Happy path: nothing was done under this key or blob before -> the target is found by path
 * or by id -> the preconditions hold -> the bytes fit -> folders, item, version, part and
 * blob are written, the ledger moves, the upload row goes.
 *
 * Everything up to the first write only reads, so that a member that breaks a rule has
 * changed nothing and the batch goes on. From the first write on, any failure ends the
 * transaction of the batch (t->dead). */
#include <string.h>

#include "items_sql.h"

typedef struct plan {
  const vault_commit_item *m;
  vault__items_found old;  /* the file that gets a new version */
  vault_id parent;         /* the deepest folder of the path that exists */
  uint32_t n_found;        /* components of the path that exist as folders */
  vault__upload_held held; /* FINISH */
  vault_id item;           /* answer */
  vault_item_row made;     /* the new item */
} plan;

static int shared(const vault_commit_item *m) {
  return (m->flags & VAULT_COMMIT_SHARED) != 0;
}

static int is_inline(const vault_commit_item *m) {
  return (m->flags & VAULT_COMMIT_INLINE) != 0;
}

/* ---- what may be asked ----------------------------------------------------------------- */

static vault_status bad_member(vault_err *err, const char *what) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_ITEMS, 0, "%s", what);
}

static vault_status check_body(const vault_commit_item *m, vault_err *err) {
  if (!is_inline(m))
    return VAULT_OK;
  if (m->kind != VAULT_COMMIT_PUT || shared(m))
    return bad_member(err, "only a PUT with a blob of its own can be inline");
  if (m->size_bytes > VAULT_INLINE_MAX)
    return bad_member(err, "an inline body has at most 65536 bytes");
  if (m->body.n != m->size_bytes || (m->body.n && !m->body.p))
    return bad_member(err, "an inline commit needs size_bytes bytes of body");
  return VAULT_OK;
}

vault_status vault__items_check_member(const vault_commit_item *m, vault_err *err) {
  if (m->size < sizeof *m)
    return bad_member(err, "set vault_commit_item.size to its sizeof");
  if (m->kind != VAULT_COMMIT_PUT && m->kind != VAULT_COMMIT_FINISH)
    return bad_member(err, "a commit is a PUT or a FINISH");
  if (vault__id_is_zero(&m->item) == (m->n_path == 0))
    return bad_member(err, "a commit needs either a path or an item");
  if (m->n_path > VAULT_PATH_DEPTH_MAX)
    return vault__fail(err, VAULT_E_DEPTH, VAULT_ORIGIN_ITEMS, 0, NULL);
  if (vault__id_is_zero(&m->new_version) || vault__id_is_zero(&m->blob.blob))
    return bad_member(err, "a commit needs the id of its blob and an id for a new version");
  if (m->n_path && vault__id_is_zero(&m->new_item))
    return bad_member(err, "a commit by path needs an id for a new item");
  VAULT_TRY(check_body(m, err));
  if (m->content_type.n >= VAULT_CONTENT_TYPE_TEXT)
    return bad_member(err, "the content type is too long");
  if (m->size_bytes > VAULT__ITEMS_BYTES_MAX)
    return vault__fail(err, VAULT_E_QUOTA, VAULT_ORIGIN_ITEMS, 0, NULL);
  for (uint32_t i = 0; i < m->n_path; i++) {
    VAULT_TRY(vault__items_check_name(&m->path[i], err));
    if (i + 1 < m->n_path && vault__id_is_zero(&m->path[i].id))
      return bad_member(err, "a folder on the way needs an id in case it has to be made");
  }
  return vault__items_check_op_key(m->op_key, err);
}

/* ---- done before? ------------------------------------------------------------------------ */

/* The first column of a one-row result as an id; zero when there is no row. */
static vault_status one_id(vault__items_tx *t, vault__sql_id id, const vault_id *a,
                           const vault_id *b, vault_id *out) {
  vault__rows rows;
  memset(out, 0, sizeof *out);
  VAULT_TRY(vault__items_run(t, id, VAULT__P(vault__p_id(a), vault__p_id(b)), &rows));
  if (rows.n == 0)
    return VAULT_OK;
  vault__row r = vault__row_at(&rows, 0);
  vault__get_id(&r, out);
  return vault__items_row_ok(t, &r);
}

/* The version of a fresh item has no row of its own. */
static vault_status fresh_before(vault__items_tx *t, const vault_commit_item *m, vault_id *item) {
  vault__items_found f;
  memset(item, 0, sizeof *item);
  VAULT_TRY(vault__items_get(t, &m->blob.user, &m->new_item, &f));
  if (f.yes && f.fresh && vault__id_eq(&f.row.version, &m->new_version))
    *item = f.row.id;
  return VAULT_OK;
}

/* A commit that was not heard is asked again: by its key, or with the same blob (one that
 * is shared, or may have become so, says nothing; there the version does). */
static vault_status done_before(vault__items_tx *t, const vault_commit_item *m, int *done,
                                vault_id *item) {
  vault__items_found f;
  vault__items_op op;
  const vault_id *user = &m->blob.user;
  vault__items_op_of_commit(m, &op);
  VAULT_TRY(vault__items_replay(t, user, &op, 1, &f));
  if (f.yes) {
    *done = 1;
    *item = f.row.id;
    return VAULT_OK;
  }
  if (is_inline(m))
    VAULT_TRY(fresh_before(t, m, item));
  if (is_inline(m) && !vault__id_is_zero(item)) {
    *done = 1;
    return VAULT_OK;
  }
  if (shared(m) || is_inline(m))
    VAULT_TRY(one_id(t, VAULT__SQL_VERSION_ITEM, user, &m->new_version, item));
  else
    VAULT_TRY(one_id(t, VAULT__SQL_BLOB_ITEM, &m->blob.blob, user, item));
  *done = !vault__id_is_zero(item);
  return VAULT_OK;
}

/* ---- the target -------------------------------------------------------------------------- */

static vault_status blocked(vault__items_tx *t, vault_status s, const vault_id *by,
                            vault_id *in_the_way) {
  *in_the_way = *by;
  return vault__fail_item(t->err, s, VAULT_ORIGIN_ITEMS, by, NULL);
}

/* What stands at one component must be spelt the same, and be a folder unless it is the
 * last one. */
static vault_status check_component(vault__items_tx *t, const vault_name *name, int last,
                                    const vault__items_found *f, vault_id *in_the_way) {
  vault_str spelt = {f->row.name, strlen(f->row.name)};
  if (!vault__str_eq(spelt, name->text))
    return blocked(t, VAULT_E_NAME_TAKEN, &f->row.id, in_the_way);
  if (last && f->row.kind == VAULT_KIND_FOLDER)
    return blocked(t, VAULT_E_IS_A_FOLDER, &f->row.id, in_the_way);
  if (!last && f->row.kind != VAULT_KIND_FOLDER)
    return blocked(t, VAULT_E_NOT_A_FOLDER, &f->row.id, in_the_way);
  return VAULT_OK;
}

static vault_status find_by_path(vault__items_tx *t, plan *p, vault_id *in_the_way) {
  const vault_commit_item *m = p->m;
  uint32_t depth;
  VAULT_TRY(vault__items_parent(t, &m->blob.user, m->space, &m->parent, NULL, &depth, in_the_way));
  if (depth + m->n_path > VAULT_PATH_DEPTH_MAX)
    return vault__fail(t->err, VAULT_E_DEPTH, VAULT_ORIGIN_ITEMS, 0, NULL);
  p->parent = m->parent;
  for (p->n_found = 0; p->n_found < m->n_path; p->n_found++) {
    const vault_name *name = &m->path[p->n_found];
    int last = p->n_found + 1 == m->n_path;
    VAULT_TRY(vault__items_child(t, &m->blob.user, m->space, &p->parent, name->key, &p->old));
    if (!p->old.yes)
      return VAULT_OK;
    VAULT_TRY(check_component(t, name, last, &p->old, in_the_way));
    if (last)
      return VAULT_OK;
    p->parent = p->old.row.id;
  }
  return VAULT_OK;
}

static vault_status find_target(vault__items_tx *t, plan *p, vault_id *in_the_way) {
  const vault_commit_item *m = p->m;
  if (m->n_path)
    return find_by_path(t, p, in_the_way);
  VAULT_TRY(vault__items_need(t, &m->blob.user, &m->item, &p->old));
  if (p->old.row.trashed_ms)
    return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                       "the item is in the trash; restore it first");
  if (p->old.row.kind == VAULT_KIND_FOLDER)
    return blocked(t, VAULT_E_IS_A_FOLDER, &p->old.row.id, in_the_way);
  return VAULT_OK;
}

static vault_status check_preconditions(vault__items_tx *t, const plan *p, vault_id *in_the_way) {
  const vault_commit_item *m = p->m;
  int none = (m->flags & VAULT_COMMIT_IF_NONE_MATCH) && p->old.yes;
  int other = (m->flags & VAULT_COMMIT_IF_VERSION) &&
              (!p->old.yes || !vault__id_eq(&p->old.row.version, &m->if_version));
  if (!none && !other)
    return VAULT_OK;
  if (p->old.yes)
    return blocked(t, VAULT_E_PRECONDITION, &p->old.row.id, in_the_way);
  return vault__fail(t->err, VAULT_E_PRECONDITION, VAULT_ORIGIN_ITEMS, 0, NULL);
}

static int same_bytes(const plan *p) {
  const vault_commit_item *m = p->m;
  return !(m->flags & VAULT_COMMIT_ANEW) && p->old.yes && p->old.row.size_bytes == m->size_bytes &&
         memcmp(p->old.row.sha256, m->sha256, sizeof m->sha256) == 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* A new file with an inline body gets its rows of version, part and blob later; unless it
 * must not share a blob. */
static int stays_fresh(const plan *p) {
  return is_inline(p->m) && !p->old.yes && !(p->m->flags & VAULT_COMMIT_ANEW);
}

static vault_status write_body(vault__items_tx *t, const vault_commit_item *m) {
  return vault__items_run1(t, VAULT__SQL_INLINE_ADD,
                           VAULT__P(vault__p_id(&m->blob.blob), vault__p_cstr(m->blob.ext),
                                    vault__p_blob(m->body.p, m->body.n)));
}

static vault_status share_blob(vault__items_tx *t, const vault_commit_item *m) {
  vault__rows rows = {0};
  VAULT_TRY(vault__items_run(t, VAULT__SQL_BLOB_SHARE,
                             VAULT__P(vault__p_id(&m->blob.blob), vault__p_id(&m->blob.user)),
                             &rows));
  if (rows.affected == 1)
    return VAULT_OK;
  return vault__fail(t->err, VAULT_E_RETRY, VAULT_ORIGIN_ITEMS, 0,
                     "the stored copy of these bytes is being removed; send them again");
}

static vault_status write_blob(vault__items_tx *t, const plan *p) {
  const vault_commit_item *m = p->m;
  if (shared(m))
    return share_blob(t, m);
  t->dead = 1;
  if (is_inline(m))
    VAULT_TRY(write_body(t, m));
  if (stays_fresh(p))
    return VAULT_OK;
  return vault__items_run1(
    t, VAULT__SQL_BLOB_ADD,
    VAULT__P(vault__p_id(&m->blob.blob), vault__p_id(&m->blob.user), vault__p_int(m->blob.space),
             vault__p_cstr(m->blob.ext), vault__p_u64(m->size_bytes),
             vault__p_blob(m->sha256, sizeof m->sha256), vault__p_int(m->now_ms),
             vault__p_int(is_inline(m) ? VAULT_LOC_INLINE : VAULT_LOC_FILE)));
}

static vault_status write_folders(vault__items_tx *t, vault__items_user *u, plan *p) {
  const vault_commit_item *m = p->m;
  for (uint32_t i = p->n_found; i + 1 < m->n_path; i++) {
    vault_item_row row;
    vault__items_new_folder(m->blob.user, m->space, p->parent, &m->path[i], m->now_ms, &row);
    row.seq = ++u->seq;
    VAULT_TRY(vault__items_insert(t, &row, m->path[i].key, 0));
    p->parent = row.id;
  }
  return VAULT_OK;
}

static vault_status write_item(vault__items_tx *t, vault__items_user *u, plan *p) {
  const vault_commit_item *m = p->m;
  VAULT_TRY(write_folders(t, u, p));
  vault__items_new_file(m, &p->parent, ++u->seq, &p->made);
  p->item = m->new_item;
  u->fresh += stays_fresh(p);
  return vault__items_insert(t, &p->made, m->path[m->n_path - 1].key, stays_fresh(p));
}

static vault_status write_next(vault__items_tx *t, vault__items_user *u, plan *p) {
  const vault_commit_item *m = p->m;
  const vault_item_row *old = &p->old.row;
  p->item = old->id;
  VAULT_TRY(vault__items_run1(
    t, VAULT__SQL_ITEM_VERSION,
    VAULT__P(vault__p_id(&old->user), vault__p_id(&old->id), vault__p_id(&m->new_version),
             vault__p_id(&m->blob.blob), vault__p_u64(m->size_bytes),
             vault__p_blob(m->sha256, sizeof m->sha256),
             vault__p_int(m->has_mtime ? m->mtime_ns : 0), vault__p_int(m->has_mtime ? 1 : 0),
             vault__p_text(m->content_type), vault__p_id(&old->version))));
  return vault__items_touch(t, u, &old->id, m->now_ms);
}

static vault_status write_version(vault__items_tx *t, const vault__items_user *u, const plan *p) {
  const vault_commit_item *m = p->m;
  vault__val version = vault__p_id(&m->new_version), size = vault__p_u64(m->size_bytes),
             sha256 = vault__p_blob(m->sha256, sizeof m->sha256);
  VAULT_TRY(
    vault__items_run1(t, VAULT__SQL_VERSION_ADD,
                      VAULT__P(version, vault__p_id(&p->item), vault__p_id(&m->blob.user), size,
                               sha256, vault__p_int(m->has_mtime ? m->mtime_ns : 0),
                               vault__p_int(m->has_mtime ? 1 : 0), vault__p_text(m->content_type),
                               vault__p_int(m->now_ms), vault__p_int(u->seq))));
  return vault__items_run1(t, VAULT__SQL_PART_ADD,
                           VAULT__P(version, vault__p_id(&m->blob.blob), size, sha256));
}

/* The new bytes are live, the old current version is an older one, the upload's
 * reservation goes back; all in one move, so that exactly what is missing is asked of the
 * quota. */
static vault__items_delta new_version_delta(const plan *p) {
  int64_t size = (int64_t)p->m->size_bytes;
  vault__items_delta d = {.live = size, .partial = -p->held.reserved, .files = p->old.yes ? 0 : 1};
  if (p->old.yes) {
    d.live -= (int64_t)p->old.row.size_bytes;
    d.versions = (int64_t)p->old.row.size_bytes;
  }
  return d;
}

/* The rows of version, part and blob that this member builds on may not be made yet. */
static vault_status catch_up(vault__items_tx *t, vault__items_user *u, plan *p) {
  if (!p->old.fresh && !shared(p->m))
    return VAULT_OK;
  t->dead = 1; /* it writes */
  VAULT_TRY(vault__items_index(t, u));
  t->dead = 0;
  p->old.fresh = 0;
  return VAULT_OK;
}

static vault_status write_new(vault__items_tx *t, vault__items_user *u, plan *p) {
  vault__items_delta d = new_version_delta(p);
  VAULT_TRY(catch_up(t, u, p));
  /* The blob is first, and changes nothing when it says RETRY. */
  VAULT_TRY(write_blob(t, p));
  t->dead = 1;
  VAULT_TRY(vault__items_charge(u, &d, t->err));
  VAULT_TRY(p->old.yes ? write_next(t, u, p) : write_item(t, u, p));
  if (!stays_fresh(p))
    VAULT_TRY(write_version(t, u, p));
  if (p->m->chain.n && !shared(p->m))
    VAULT_TRY(vault__items_add_chain(t, &p->m->blob.blob, &p->m->chain));
  t->dead = 0;
  return VAULT_OK;
}

static vault_status write_same(vault__items_tx *t, vault__items_user *u, plan *p) {
  const vault_commit_item *m = p->m;
  const vault_item_row *old = &p->old.row;
  int redate = m->has_mtime && (!old->has_mtime || old->mtime_ns != m->mtime_ns);
  vault__items_delta d = {.partial = -p->held.reserved};
  p->item = old->id;
  if (redate)
    VAULT_TRY(catch_up(t, u, p));
  t->dead = 1;
  if (p->held.reserved)
    VAULT_TRY(vault__items_charge(u, &d, t->err));
  if (redate) {
    VAULT_TRY(vault__items_set_mtime(t, old, m->mtime_ns));
    VAULT_TRY(vault__items_touch(t, u, &old->id, m->now_ms));
  }
  t->dead = 0;
  return VAULT_OK;
}

/* The upload's row goes, or stays as DONE; and the chain of a blob that no row has. */
static vault_status end_upload(vault__items_tx *t, const plan *p, const vault_id *item) {
  const vault_commit_item *m = p->m;
  vault__val user = vault__p_id(&m->blob.user), upload = vault__p_id(&m->upload);
  if (m->flags & VAULT_COMMIT_REMEMBER)
    VAULT_TRY(
      vault__items_run1(t, VAULT__SQL_UPLOAD_DONE,
                        VAULT__P(user, upload, vault__p_id(item), vault__p_u64(m->size_bytes))));
  else
    VAULT_TRY(vault__items_run1(t, VAULT__SQL_UPLOAD_DROP, VAULT__P(user, upload)));
  return vault__items_drop_chain(t, &p->held.blob);
}

/* The upload row and the key, for any outcome but a replay; then the answer. */
static vault_status settle_member(vault__items_tx *t, const plan *p, vault_item_row *out) {
  const vault_commit_item *m = p->m;
  const vault_id *user = &m->blob.user;
  vault__items_found f;
  vault__items_op op;
  t->dead = 1;
  if (m->kind == VAULT_COMMIT_FINISH)
    VAULT_TRY(end_upload(t, p, &p->item));
  vault__items_op_of_commit(m, &op);
  VAULT_TRY(vault__items_remember(t, user, &op, &p->item, m->now_ms));
  if (!vault__id_is_zero(&p->made.id)) {
    *out = p->made;
  } else {
    VAULT_TRY(vault__items_need(t, user, &p->item, &f));
    *out = f.row;
  }
  t->dead = 0;
  return VAULT_OK;
}

/* The answer of the first time. An upload that was begun again for it ends here. */
static vault_status replay(vault__items_tx *t, vault__items_user *u, plan *p, const vault_id *item,
                           vault_commit_result *r) {
  const vault_commit_item *m = p->m;
  vault__items_found f;
  VAULT_TRY(vault__items_need(t, &m->blob.user, item, &f));
  if (p->held.yes && p->held.state != VAULT_UPLOAD_DONE) {
    vault__items_delta d = {.partial = -p->held.reserved};
    t->dead = 1;
    VAULT_TRY(end_upload(t, p, item));
    if (p->held.reserved)
      VAULT_TRY(vault__items_charge(u, &d, t->err));
    t->dead = 0;
  }
  r->outcome = VAULT_OUTCOME_REPLAY;
  r->item = f.row;
  return VAULT_OK;
}

vault_status vault__items_commit_member(vault__items_tx *t, vault__items_user *u,
                                        const vault_commit_item *m, vault_commit_result *r) {
  plan p = {.m = m};
  int done = 0;
  vault_id item;
  vault_item_row answer;
  if (m->kind == VAULT_COMMIT_FINISH)
    VAULT_TRY(vault__items_held(t, &m->blob.user, &m->upload, &p.held));
  if (p.held.yes)
    VAULT_TRY(vault__items_held_by(&p.held, m->fence, t->err));
  VAULT_TRY(done_before(t, m, &done, &item));
  if (done)
    return replay(t, u, &p, &item, r);
  if (p.held.yes && p.held.state == VAULT_UPLOAD_DONE)
    return replay(t, u, &p, &p.held.done_item, r);
  if (m->kind == VAULT_COMMIT_FINISH && !p.held.yes)
    return vault__fail(t->err, VAULT_E_NOT_FOUND, VAULT_ORIGIN_ITEMS, 0,
                       "the upload was aborted or has expired; start it again");
  VAULT_TRY(find_target(t, &p, &r->in_the_way));
  VAULT_TRY(check_preconditions(t, &p, &r->in_the_way));
  int same = same_bytes(&p);
  if (!same && !vault__items_fits(u, (int64_t)m->size_bytes - p.held.reserved))
    return vault__fail(t->err, VAULT_E_QUOTA, VAULT_ORIGIN_ITEMS, 0, NULL);
  VAULT_TRY(same ? write_same(t, u, &p) : write_new(t, u, &p));
  VAULT_TRY(settle_member(t, &p, &answer));
  if (same)
    r->outcome = VAULT_OUTCOME_SAME;
  else
    r->outcome = p.old.yes ? VAULT_OUTCOME_VERSION : VAULT_OUTCOME_CREATED;
  r->item = answer;
  return VAULT_OK;
}
