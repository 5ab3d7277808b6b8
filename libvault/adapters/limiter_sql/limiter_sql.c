/* Rate limits in the database. Every rule's row is made or found, and locked, in the order
 * of the keys, so that two callers never wait for each other; then the window rules decide;
 * then all rows are written, or none. */
#include <string.h>

#include "libvault/adapters/sql/repository.h"
#include "libvault/base/err.h"
#include "libvault/domain/window.h"

typedef struct take_call {
  const vault_limit_rule *rules;
  uint32_t n;
  uint32_t order[VAULT_LIMIT_RULES_MAX]; /* indices of the rules, by key */
  int64_t now_ms;
  vault_limit_verdict verdict;
} take_call;

static int compare(vault_str a, vault_str b) {
  uint64_t n = a.n < b.n ? a.n : b.n;
  int c = n ? memcmp(a.p, b.p, (size_t)n) : 0;
  if (c != 0 || a.n == b.n)
    return c;
  return a.n < b.n ? -1 : 1;
}

static vault_status wrong(vault_err *err, const char *why) {
  return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_LIMITER, 0, "%s", why);
}

/* Check the rules and sort them: at most 16, so by insertion. */
static vault_status prepare(take_call *c, uint64_t n_rules, vault_err *err) {
  if (n_rules == 0 || n_rules > VAULT_LIMIT_RULES_MAX)
    return wrong(err, "a call takes from 1 to 16 rules");
  c->n = (uint32_t)n_rules;
  for (uint32_t i = 0; i < c->n; i++) {
    vault_str key = c->rules[i].key;
    if (key.n == 0 || key.n > VAULT_LIMIT_KEY_MAX)
      return wrong(err, "a limit's key has 1 to 96 bytes");
    if (c->rules[i].window_ms <= 0)
      return wrong(err, "a limit's window must be longer than nothing");
    uint32_t at = i;
    for (; at > 0 && compare(key, c->rules[c->order[at - 1]].key) < 0; at--)
      c->order[at] = c->order[at - 1];
    c->order[at] = i;
    if (at > 0 && compare(key, c->rules[c->order[at - 1]].key) == 0)
      return wrong(err, "two rules of one call have the same key");
  }
  return VAULT_OK;
}

static vault_status decide(vault__tx *tx, const take_call *c, const vault_limit_rule *rule,
                           vault__window_result *out, vault_err *err) {
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_LIMITER_LOCK,
                       VAULT__P(vault__p_text(rule->key), vault__p_blob(NULL, 0)), &rows, err));
  vault__row r = vault__row_at(&rows, 0);
  vault_str state = vault__get_str(&r);
  VAULT_TRY(vault__row_check(&r, err));
  if (rule->cost == 0)
    return vault__window_peek(state.p, state.n, rule->limit, rule->window_ms, c->now_ms, 0, out,
                              err);
  return vault__window_take(state.p, state.n, rule->limit, rule->window_ms, c->now_ms, rule->cost,
                            out, err);
}

static void judge(vault_limit_verdict *v, uint32_t rule, const vault__window_result *w) {
  uint32_t remaining = w->remaining > UINT32_MAX ? UINT32_MAX : (uint32_t)w->remaining;
  if (w->allowed) {
    if (remaining < v->remaining)
      v->remaining = remaining;
    return;
  }
  if (v->allowed || w->retry_after_ms > v->retry_after_ms) {
    v->rule = rule;
    v->retry_after_ms = w->retry_after_ms;
  }
  v->allowed = 0;
}

/* Allowed: everything that was taken. Refused: nothing was taken, but what a clock that went
 * back changed in the states of the rules that refused has to stay. */
static vault_status store(vault__tx *tx, const take_call *c, const vault__window_result *w,
                          vault_err *err) {
  tx->discard = 1;
  for (uint32_t i = 0; i < c->n; i++) {
    if (!w[i].changed || w[i].allowed != (int)c->verdict.allowed)
      continue;
    tx->discard = 0;
    VAULT_TRY(
      vault__run(tx, VAULT__SQL_LIMITER_PUT,
                 VAULT__P(vault__p_text(c->rules[i].key), vault__p_blob(w[i].state, w[i].state_n),
                          vault__p_int(w[i].expires_ms)),
                 NULL, err));
  }
  return VAULT_OK;
}

static vault_status tx_take(vault__tx *tx, void *ctx, vault_err *err) {
  take_call *c = ctx;
  c->verdict = (vault_limit_verdict){.allowed = 1, .remaining = UINT32_MAX};
  vault__window_result *w = vault__arena_get(&tx->arena, c->n * sizeof *w);
  if (!w)
    return vault__no_memory(err);
  for (uint32_t i = 0; i < c->n; i++) {
    uint32_t at = c->order[i];
    VAULT_TRY(decide(tx, c, &c->rules[at], &w[at], err));
    judge(&c->verdict, at, &w[at]);
  }
  if (!c->verdict.allowed)
    c->verdict.remaining = 0;
  return store(tx, c, w, err);
}

static vault_status take(void *self, const vault_limit_rule *rules, uint64_t n_rules,
                         int64_t now_ms, vault_limit_verdict *out, vault_err *err) {
  take_call c = {.rules = rules, .now_ms = now_ms};
  VAULT_TRY(prepare(&c, n_rules, err));
  VAULT_TRY(vault__sql_write(self, tx_take, &c, err));
  *out = c.verdict;
  return VAULT_OK;
}

static vault_status tx_forget(vault__tx *tx, void *ctx, vault_err *err) {
  const vault_str *key = ctx;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_LIMITER_FORGET, VAULT__P(vault__p_text(*key)), &rows, err));
  tx->discard = rows.affected == 0;
  return VAULT_OK;
}

static vault_status forget(void *self, vault_str key, vault_err *err) {
  return vault__sql_write(self, tx_forget, &key, err);
}

typedef struct sweep_call {
  int64_t now_ms;
  uint64_t max, n;
} sweep_call;

static vault_status tx_sweep(vault__tx *tx, void *ctx, vault_err *err) {
  sweep_call *c = ctx;
  vault__rows rows;
  VAULT_TRY(vault__run(tx, VAULT__SQL_LIMITER_SWEEP,
                       VAULT__P(vault__p_int(c->now_ms), vault__p_limit(c->max)), &rows, err));
  c->n = (uint64_t)rows.affected;
  tx->discard = c->n == 0;
  return VAULT_OK;
}

static vault_status sweep(void *self, int64_t now_ms, uint64_t max, uint64_t *n, vault_err *err) {
  sweep_call c = {now_ms, max, 0};
  VAULT_TRY(vault__sql_write(self, tx_sweep, &c, err));
  *n = c.n;
  return VAULT_OK;
}

const vault_limiter_ops vault__sql_limiter_ops = {
  .size = sizeof(vault_limiter_ops),
  .version = VAULT_LIMITER_V1,
  .take = take,
  .forget = forget,
  .sweep = sweep,
};
