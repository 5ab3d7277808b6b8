/* Idempotency: what a key was used for, and what came of it. With the key goes a digest of
 * what was asked: the same key with another request is refused, never answered with the
 * first one's result, because that would take bytes for stored that nobody kept. */
#include <string.h>

#include "items_sql.h"
#include "libvault/crypto/sha256.h"

static void add_number(vault__sha256 *s, uint64_t n) {
  uint8_t raw[8];
  for (unsigned i = 0; i < sizeof raw; i++)
    raw[i] = (uint8_t)(n >> (56 - 8 * i));
  vault__sha256_add(s, raw, sizeof raw);
}

static void add_id(vault__sha256 *s, const vault_id *id) {
  vault__sha256_add(s, id->b, sizeof id->b);
}

/* The length first, so that two texts never run into each other. */
static void add_text(vault__sha256 *s, vault_str text) {
  add_number(s, text.n);
  if (text.n)
    vault__sha256_add(s, text.p, text.n);
}

void vault__items_op_of_change(const vault_item_change *c, int64_t kind, vault__items_op *out) {
  const uint32_t what = VAULT_CHANGE_SET_PARENT | VAULT_CHANGE_SET_NAME | VAULT_CHANGE_SET_MTIME;
  vault__sha256 s;
  vault__sha256_init(&s);
  add_number(&s, c->flags & what);
  if (kind == VAULT__OP_FOLDER)
    add_number(&s, c->space); /* its id is made anew by each try */
  else
    add_id(&s, &c->item);
  if (kind == VAULT__OP_FOLDER || (c->flags & VAULT_CHANGE_SET_PARENT))
    add_id(&s, &c->parent);
  if (kind == VAULT__OP_FOLDER || (c->flags & VAULT_CHANGE_SET_NAME))
    add_text(&s, c->name.text);
  if (c->flags & VAULT_CHANGE_SET_MTIME)
    add_number(&s, (uint64_t)c->mtime_ns);
  out->key = c->op_key;
  out->kind = kind;
  vault__sha256_end(&s, out->request);
}

void vault__items_op_of_commit(const vault_commit_item *m, vault__items_op *out) {
  vault__sha256 s;
  vault__sha256_init(&s);
  add_number(&s, m->space);
  add_id(&s, &m->parent);
  add_id(&s, &m->item);
  for (uint32_t i = 0; i < m->n_path; i++)
    add_text(&s, m->path[i].text);
  add_number(&s, m->size_bytes);
  vault__sha256_add(&s, m->sha256, sizeof m->sha256);
  add_number(&s, m->has_mtime);
  add_number(&s, m->has_mtime ? (uint64_t)m->mtime_ns : 0);
  out->key = m->op_key;
  out->kind = VAULT__OP_COMMIT;
  vault__sha256_end(&s, out->request);
}

vault_status vault__items_replay(vault__items_tx *t, const vault_id *user,
                                 const vault__items_op *op, int want_item,
                                 vault__items_found *out) {
  vault__rows rows;
  vault_id done;
  out->yes = 0;
  if (op->key.n == 0)
    return VAULT_OK;
  VAULT_TRY(vault__items_run(t, VAULT__SQL_OP_FIND,
                             VAULT__P(vault__p_id(user), vault__p_text(op->key)), &rows));
  if (rows.n == 0)
    return VAULT_OK;
  uint8_t request[VAULT__SHA256_BYTES];
  vault__row r = vault__row_at(&rows, 0);
  int64_t kind = vault__get_int(&r);
  vault__get_id(&r, &done);
  vault__get_fixed(&r, request, sizeof request);
  VAULT_TRY(vault__items_row_ok(t, &r));
  if (kind != op->kind || memcmp(request, op->request, sizeof request) != 0)
    return vault__fail(t->err, VAULT_E_IDEMPOTENCY_KEY, VAULT_ORIGIN_ITEMS, 0, NULL);
  if (want_item)
    return vault__items_need(t, user, &done, out);
  out->yes = 1;
  return VAULT_OK;
}

vault_status vault__items_remember(vault__items_tx *t, const vault_id *user,
                                   const vault__items_op *op, const vault_id *item,
                                   int64_t now_ms) {
  if (op->key.n == 0)
    return VAULT_OK;
  return vault__items_run1(t, VAULT__SQL_OP_ADD,
                           VAULT__P(vault__p_id(user), vault__p_text(op->key),
                                    vault__p_int(op->kind), vault__p_id(item),
                                    vault__p_blob(op->request, sizeof op->request),
                                    vault__p_int(now_ms)));
}
