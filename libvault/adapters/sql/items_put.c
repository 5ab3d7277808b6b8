/* The fast way of a commit: a small new file in a folder that exists. It is one row of item
 * and one of inline_body, and both are written for many members at once: first all items,
 * then the bodies of those that were inserted. Nothing is looked up for a member; a row that
 * is in the way (the name is taken, the commit was done before) makes its INSERT change
 * nothing, and then the general way finds out why (items_commit_member.c).
 *
 * Order within a user: what is gathered is independent of each other, or has the same name.
 * Of those with the same name the first is inserted and the others go the general way after
 * it, in their order. The bytes of all are taken from the quota while they are gathered, and
 * given back before that. Whatever does not fit, needs a folder to be made or has conditions
 * is not gathered, and all that came before it is written first. */
#include <string.h>

#include "items_sql.h"

#define ITEM_PARAMS 16
#define BODY_PARAMS 3
#define FOLDERS_MAX 64u /* remembered at a time */

/* Flags that need no look: IF_NONE_MATCH is what the INSERT does. */
#define PLAIN_FLAGS (VAULT_COMMIT_INLINE | VAULT_COMMIT_IF_NONE_MATCH)

typedef struct put {
  vault__items_user *u;
  const vault_commit_item *m;
  vault_commit_result *r; /* r->item is the row to write */
} put;

/* A folder of this batch's users that exists. With name == NULL: `id` itself can take items
 * and is `depth` deep, else: it is what stands at `name` in `parent`. */
typedef struct folder {
  const vault__items_user *u;
  const vault_name *name; /* the member's: borrowed for the batch */
  vault_id parent, id;
  uint32_t space, depth;
} folder;

struct vault__items_puts {
  vault__items_tx *t;
  uint64_t n, room;
  put *puts;
  vault__val *params;
  int64_t *affected;
  uint32_t n_folders;
  folder folders[FOLDERS_MAX];
};

vault__items_puts *vault__items_puts_new(vault__items_tx *t, uint64_t n) {
  vault__arena *arena = &t->tx->arena;
  vault__items_puts *p = vault__arena_get(arena, sizeof *p);
  put *puts = vault__arena_get(arena, n * sizeof *puts);
  vault__val *params = vault__arena_get(arena, n * ITEM_PARAMS * sizeof *params);
  int64_t *affected = vault__arena_get(arena, n * sizeof *affected);
  if (!p || !puts || !params || !affected)
    return NULL;
  p->t = t;
  p->n = 0;
  p->room = n;
  p->puts = puts;
  p->params = params;
  p->affected = affected;
  p->n_folders = 0;
  return p;
}

/* ---- folders ------------------------------------------------------------------------------- */

static int same_key(vault_str a, vault_str b) {
  return a.n == b.n && memcmp(a.p, b.p, (size_t)a.n) == 0;
}

static const folder *remembered(const vault__items_puts *p, const vault__items_user *u,
                                uint32_t space, const vault_id *parent, const vault_name *name) {
  uint32_t n = p->n_folders < FOLDERS_MAX ? p->n_folders : FOLDERS_MAX;
  for (uint32_t i = 0; i < n; i++) {
    const folder *f = &p->folders[i];
    if (f->u == u && f->space == space && !f->name == !name && vault__id_eq(&f->parent, parent) &&
        (!name || same_key(f->name->key, name->key)))
      return f;
  }
  return NULL;
}

/* The oldest goes when there are too many. */
static void remember(vault__items_puts *p, const folder *f) {
  p->folders[p->n_folders++ % FOLDERS_MAX] = *f;
}

/* Where the member's path starts. *depth says how deep; *ok = 0: the general way tells what
 * is wrong with it. */
static vault_status find_start(vault__items_puts *p, const vault__items_user *u,
                               const vault_commit_item *m, uint32_t *depth, int *ok) {
  vault_id in_the_way;
  *depth = 0;
  *ok = 1;
  if (vault__id_is_zero(&m->parent))
    return VAULT_OK;
  const folder *known = remembered(p, u, m->space, &m->parent, NULL);
  if (known) {
    *depth = known->depth;
    return VAULT_OK;
  }
  vault_status s =
    vault__items_parent(p->t, &u->id, m->space, &m->parent, NULL, depth, &in_the_way);
  *ok = s == VAULT_OK;
  if (s != VAULT_OK)
    return p->t->dead ? s : VAULT_OK;
  folder f = {.u = u, .parent = m->parent, .id = m->parent, .space = m->space, .depth = *depth};
  remember(p, &f);
  return VAULT_OK;
}

/* One folder further. *ok = 0: it does not exist, is a file or is spelt differently. */
static vault_status step_into(vault__items_puts *p, const vault__items_user *u, uint32_t space,
                              const vault_name *name, vault_id *at, int *ok) {
  const folder *known = remembered(p, u, space, at, name);
  if (known) {
    *ok = vault__str_eq(known->name->text, name->text);
    *at = known->id;
    return VAULT_OK;
  }
  vault__items_found f;
  VAULT_TRY(vault__items_child(p->t, &u->id, space, at, name->key, &f));
  *ok = f.yes && f.row.kind == VAULT_KIND_FOLDER &&
        vault__str_eq((vault_str){f.row.name, strlen(f.row.name)}, name->text);
  if (!*ok)
    return VAULT_OK;
  folder found = {.u = u, .name = name, .parent = *at, .id = f.row.id, .space = space};
  remember(p, &found);
  *at = f.row.id;
  return VAULT_OK;
}

static vault_status find_folder(vault__items_puts *p, const vault__items_user *u,
                                const vault_commit_item *m, vault_id *out, int *ok) {
  uint32_t depth;
  vault_id at = m->parent;
  VAULT_TRY(find_start(p, u, m, &depth, ok));
  if (*ok && depth + m->n_path > VAULT_PATH_DEPTH_MAX)
    *ok = 0;
  for (uint32_t i = 0; *ok && i + 1 < m->n_path; i++)
    VAULT_TRY(step_into(p, u, m->space, &m->path[i], &at, ok));
  *out = at;
  return VAULT_OK;
}

/* ---- gathering -------------------------------------------------------------------------------- */

static int is_plain(const vault_commit_item *m) {
  return m->kind == VAULT_COMMIT_PUT && (m->flags & VAULT_COMMIT_INLINE) &&
         !(m->flags & ~PLAIN_FLAGS) && m->n_path > 0 && m->op_key.n == 0 &&
         m->blob.space == m->space;
}

vault_status vault__items_puts_take(vault__items_puts *p, vault__items_user *u,
                                    const vault_commit_item *m, vault_commit_result *r,
                                    int *taken) {
  vault_id parent;
  int ok;
  vault__items_delta d = {.live = (int64_t)m->size_bytes, .files = 1};
  *taken = 0;
  if (!is_plain(m) || p->n == p->room)
    return VAULT_OK;
  VAULT_TRY(find_folder(p, u, m, &parent, &ok));
  if (!ok || vault__items_charge(u, &d, NULL) != VAULT_OK)
    return VAULT_OK;
  u->fresh++;
  vault__items_new_file(m, &parent, ++u->seq, &r->item);
  p->puts[p->n++] = (put){u, m, r};
  *taken = 1;
  return VAULT_OK;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void item_params(const put *w, vault__val out[ITEM_PARAMS]) {
  const vault_item_row *row = &w->r->item;
  const vault_name *name = &w->m->path[w->m->n_path - 1];
  out[0] = vault__p_id(&row->id);
  out[1] = vault__p_id(&row->user);
  out[2] = vault__p_id(&row->parent);
  out[3] = vault__p_int(row->space);
  out[4] = vault__p_text(name->text);
  out[5] = vault__p_text(name->key);
  out[6] = vault__p_id(&row->version);
  out[7] = vault__p_id(&row->blob);
  out[8] = vault__p_u64(row->size_bytes);
  out[9] = vault__p_blob(row->sha256, sizeof row->sha256);
  out[10] = vault__p_int(row->mtime_ns);
  out[11] = vault__p_int(row->has_mtime);
  out[12] = vault__p_text(w->m->content_type);
  out[13] = vault__p_int(row->created_ms);
  out[14] = vault__p_id(NULL);
  out[15] = vault__p_int(row->seq);
}

static vault_status write_items(vault__items_puts *p) {
  for (uint64_t i = 0; i < p->n; i++)
    item_params(&p->puts[i], p->params + i * ITEM_PARAMS);
  return vault__items_run_many(p->t, VAULT__SQL_ITEM_ADD_FRESH, p->params, p->n, p->affected);
}

static vault_status write_bodies(vault__items_puts *p) {
  uint64_t n = 0;
  for (uint64_t i = 0; i < p->n; i++) {
    const vault_commit_item *m = p->puts[i].m;
    if (p->affected[i] != 1)
      continue;
    vault__val *v = p->params + n++ * BODY_PARAMS;
    v[0] = vault__p_id(&m->blob.blob);
    v[1] = vault__p_cstr(m->blob.ext);
    v[2] = vault__p_blob(m->body.p, m->body.n);
    p->puts[i].r->outcome = VAULT_OUTCOME_CREATED;
  }
  return n ? vault__items_run_many(p->t, VAULT__SQL_INLINE_ADD, p->params, n, NULL) : VAULT_OK;
}

/* Give back what was taken for one that was not inserted; its number only if no later one
 * was used. Called from the last to the first. */
static void give_back(const put *w) {
  vault__items_delta d = {.live = -(int64_t)w->m->size_bytes, .files = -1};
  (void)vault__items_charge(w->u, &d, NULL);
  w->u->fresh--;
  if (w->u->seq == w->r->item.seq)
    w->u->seq--;
}

vault_status vault__items_puts_flush(vault__items_puts *p) {
  uint64_t n = p->n;
  if (n == 0)
    return VAULT_OK;
  p->t->dead = 1;
  VAULT_TRY(write_items(p));
  VAULT_TRY(write_bodies(p));
  p->t->dead = 0;
  p->n = 0;
  for (uint64_t i = n; i-- > 0;)
    if (p->affected[i] != 1)
      give_back(&p->puts[i]);
  for (uint64_t i = 0; i < n; i++) {
    const put *w = &p->puts[i];
    if (p->affected[i] == 1)
      continue;
    memset(&w->r->item, 0, sizeof w->r->item);
    w->r->status = vault__items_commit_member(p->t, w->u, w->m, w->r);
    if (p->t->dead)
      return w->r->status;
  }
  return VAULT_OK;
}
