/* Fresh items: a small upload writes its item and its body only (items_commit.c), and the
 * rows of version, part and blob, with their random-keyed indexes, are made later, many in
 * one transaction. Here is where they are made.
 *
 * A fresh item is a file, has one version, is not in the trash, and nothing refers to its
 * version or blob: whatever would change that locks the user, and the lock indexes first.
 * So all that the rows will hold is in item and inline_body, and readers find it there
 * (CONTENT_GET, FRESH_FIND). */
#include "items_sql.h"

typedef struct index_args {
  uint64_t max, n;
} index_args;

/* Whose fresh items, and up to which sequence number. */
#define SPAN VAULT__P(user, upto)

static vault_status count_bodies(vault__items_tx *t, vault__val user, vault__val upto, int64_t *n) {
  vault__rows rows;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_COUNT, SPAN, &rows));
  vault__row r = vault__row_at(&rows, 0);
  *n = vault__get_int(&r);
  return vault__items_row_ok(t, &r);
}

/* One blob per different body: one that the user has, or the first of the fresh ones. On
 * PostgreSQL a blob that was to be shared can go to DELETING between two statements; then
 * the counts do not add up, and the next try sees it gone. */
static vault_status make_blobs(vault__items_tx *t, vault__val user, vault__val upto) {
  vault__rows shared, made;
  int64_t bodies;
  VAULT_TRY(count_bodies(t, user, upto, &bodies));
  VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_SHARE, SPAN, &shared));
  if (shared.affected > 0) {
    VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_LEND, SPAN, NULL));
    VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_LENT, SPAN, NULL));
  }
  VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_BLOBS, SPAN, &made));
  if (shared.affected + made.affected != bodies) {
    t->dead = 1;
    return vault__fail(t->err, VAULT_E_RETRY, VAULT_ORIGIN_ITEMS, 0, NULL);
  }
  VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_DROP, SPAN, NULL));
  return vault__items_run(t, VAULT__SQL_FRESH_MOVE, SPAN, NULL);
}

/* The sequence number up to which `most` fresh items go; INT64_MAX: there are not so many. */
static vault_status bound(vault__items_tx *t, const vault__items_user *u, uint64_t most,
                          int64_t *upto) {
  vault__rows rows;
  *upto = INT64_MAX;
  if ((uint64_t)u->fresh <= most)
    return VAULT_OK;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_BOUND,
                             VAULT__P(vault__p_id(&u->id), vault__p_limit(most - 1)), &rows));
  if (rows.n == 0)
    return VAULT_OK;
  vault__row r = vault__row_at(&rows, 0);
  *upto = vault__get_int(&r);
  return vault__items_row_ok(t, &r);
}

vault_status vault__items_index_some(vault__items_tx *t, vault__items_user *u, uint64_t most) {
  vault__rows done;
  int64_t last = 0;
  if (u->fresh == 0 || most == 0)
    return VAULT_OK;
  VAULT_TRY(bound(t, u, most, &last));
  vault__val user = vault__p_id(&u->id), upto = vault__p_int(last);
  VAULT_TRY(make_blobs(t, user, upto));
  VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_VERSIONS, SPAN, NULL));
  VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_PARTS, SPAN, NULL));
  VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_DONE, SPAN, &done));
  u->fresh -= done.affected; /* the row may not know yet of what this batch has added */
  return vault__items_run1(t, VAULT__SQL_FRESH_LEFT, VAULT__P(user, vault__p_int(u->fresh)));
}

vault_status vault__items_index(vault__items_tx *t, vault__items_user *u) {
  return vault__items_index_some(t, u, UINT64_MAX);
}

/* By user id upwards, as commits lock users. */
static vault_status index_work(vault__items_tx *t, void *arg) {
  index_args *a = arg;
  vault_id user = {{0}};
  a->n = 0;
  while (a->n < a->max) {
    vault__rows rows;
    vault__items_user u;
    VAULT_TRY(vault__items_run(t, VAULT__SQL_FRESH_USER, VAULT__P(vault__p_id(&user)), &rows));
    if (rows.n == 0)
      break;
    vault__row r = vault__row_at(&rows, 0);
    vault__get_id(&r, &user);
    VAULT_TRY(vault__items_row_ok(t, &r));
    VAULT_TRY(vault__items_hold(t, &user, &u));
    int64_t before = u.fresh;
    VAULT_TRY(vault__items_index_some(t, &u, a->max - a->n));
    a->n += (uint64_t)(before - u.fresh);
  }
  t->tx->discard = a->n == 0;
  return VAULT_OK;
}

vault_status vault__items_index_fresh(void *self, uint64_t max, uint64_t *n, vault_err *err) {
  VAULT_TRY(vault__items_check_page(max, err));
  index_args a = {.max = max};
  VAULT_TRY(vault__items_write(self, index_work, &a, err));
  *n = a.n;
  return VAULT_OK;
}
