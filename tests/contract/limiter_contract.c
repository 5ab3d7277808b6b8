/* The suite of the limiter: vault/ports/limiter.h. */
#include <string.h>

#include "contract.h"
#include "parallel.h"
#include "vault/ports/limiter.h"

#define T0 1700000000000
#define HOUR_MS 3600000

typedef struct fixture {
  const vt_adapter *a;
  vt_instance i;
  const vault_limiter_ops *ops;
  void *self;
} fixture;

static void set_up(fixture *f, int at) {
  f->a = vt_adapter_at(at);
  f->a->make(f->a, &f->i);
  f->ops = f->i.ops;
  f->self = f->i.self;
}

static void tear_down(fixture *f) {
  f->a->destroy(f->a, &f->i);
}

static vault_limit_rule rule(const char *key, uint32_t limit, uint32_t cost, int64_t window_ms) {
  return (vault_limit_rule){{key, strlen(key)}, limit, cost, window_ms};
}

static vault_limit_verdict take(fixture *f, const vault_limit_rule *rules, uint64_t n,
                                int64_t now_ms) {
  vault_limit_verdict v;
  memset(&v, 0xff, sizeof v);
  vt_is(f->ops->take(f->self, rules, n, now_ms, &v, NULL), VAULT_OK);
  return v;
}

START_TEST(never_more_than_the_limit) {
  fixture f;
  set_up(&f, _i);
  vault_limit_rule r = rule("code/h/1", 3, 1, HOUR_MS), other = rule("code/h/2", 3, 1, HOUR_MS);
  for (uint32_t k = 0; k < 3; k++) {
    vault_limit_verdict v = take(&f, &r, 1, T0 + k);
    ck_assert_uint_eq(v.allowed, 1);
    ck_assert_uint_eq(v.remaining, 2 - k);
  }
  vault_limit_verdict v = take(&f, &r, 1, T0 + 10);
  ck_assert_uint_eq(v.allowed, 0);
  ck_assert_uint_eq(v.rule, 0);
  ck_assert_int_eq(v.retry_after_ms, HOUR_MS - 10);
  ck_assert_uint_eq(take(&f, &other, 1, T0 + 10).allowed, 1);
  ck_assert_uint_eq(take(&f, &r, 1, T0 + HOUR_MS - 1).allowed, 0);
  ck_assert_uint_eq(take(&f, &r, 1, T0 + HOUR_MS).allowed, 1);
  ck_assert_uint_eq(take(&f, &r, 1, T0 + HOUR_MS).allowed, 0);
  tear_down(&f);
}
END_TEST

START_TEST(all_or_nothing) {
  fixture f;
  set_up(&f, _i);
  vault_limit_rule rules[] = {rule("z", 5, 1, HOUR_MS), rule("a", 1, 1, 2 * HOUR_MS)};
  ck_assert_uint_eq(take(&f, rules, 2, T0).allowed, 1);
  for (int k = 0; k < 9; k++) {
    vault_limit_verdict v = take(&f, rules, 2, T0 + 1);
    ck_assert_uint_eq(v.allowed, 0);
    ck_assert_uint_eq(v.rule, 1);
  }
  vault_limit_verdict v = take(&f, rules, 1, T0 + 2); /* only one of z was taken before */
  ck_assert_uint_eq(v.allowed, 1);
  ck_assert_uint_eq(v.remaining, 3);
  tear_down(&f);
}
END_TEST

START_TEST(looking_takes_nothing) {
  fixture f;
  set_up(&f, _i);
  vault_limit_rule look = rule("k", 2, 0, HOUR_MS), one = rule("k", 2, 1, HOUR_MS);
  for (int k = 0; k < 5; k++)
    ck_assert_uint_eq(take(&f, &look, 1, T0).remaining, 2);
  ck_assert_uint_eq(take(&f, &one, 1, T0).allowed, 1);
  ck_assert_uint_eq(take(&f, &look, 1, T0).remaining, 1);
  vault_limit_rule none = rule("nothing", 0, 1, HOUR_MS);
  ck_assert_uint_eq(take(&f, &none, 1, T0).allowed, 0);
  tear_down(&f);
}
END_TEST

START_TEST(clock_that_goes_back_frees_nothing) {
  fixture f;
  set_up(&f, _i);
  vault_limit_rule r = rule("k", 1, 1, HOUR_MS);
  ck_assert_uint_eq(take(&f, &r, 1, T0).allowed, 1);
  int64_t back_ms = T0 - 10 * HOUR_MS;
  ck_assert_uint_eq(take(&f, &r, 1, back_ms).allowed, 0);
  ck_assert_uint_eq(take(&f, &r, 1, back_ms + HOUR_MS - 1).allowed, 0);
  ck_assert_uint_eq(take(&f, &r, 1, back_ms + HOUR_MS).allowed, 1); /* and locks for one window */
  tear_down(&f);
}
END_TEST

START_TEST(forget_and_sweep) {
  fixture f;
  set_up(&f, _i);
  vault_limit_rule a = rule("a", 1, 1, HOUR_MS), b = rule("b", 1, 1, 3 * HOUR_MS);
  ck_assert_uint_eq(take(&f, &a, 1, T0).allowed, 1);
  vt_is(f.ops->forget(f.self, a.key, NULL), VAULT_OK);
  vt_is(f.ops->forget(f.self, a.key, NULL), VAULT_OK);
  ck_assert_uint_eq(take(&f, &a, 1, T0).allowed, 1);
  ck_assert_uint_eq(take(&f, &b, 1, T0).allowed, 1);
  uint64_t n = 9;
  vt_is(f.ops->sweep(f.self, T0 + HOUR_MS - 1, 10, &n, NULL), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vt_is(f.ops->sweep(f.self, T0 + HOUR_MS, 10, &n, NULL), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  ck_assert_uint_eq(take(&f, &b, 1, T0 + HOUR_MS).allowed, 0);
  tear_down(&f);
}
END_TEST

START_TEST(wrong_rules) {
  fixture f;
  set_up(&f, _i);
  static const char text[VAULT_LIMIT_KEY_MAX + 1] = {'x'};
  vault_limit_rule rules[VAULT_LIMIT_RULES_MAX + 1], bad = rule("k", 1, 1, 0);
  vault_limit_verdict v;
  memset(rules, 0, sizeof rules);
  vt_is(f.ops->take(f.self, rules, VAULT_LIMIT_RULES_MAX + 1, T0, &v, NULL), VAULT_E_USAGE);
  vt_is(f.ops->take(f.self, &bad, 1, T0, &v, NULL), VAULT_E_USAGE);
  bad = rule("", 1, 1, HOUR_MS);
  vt_is(f.ops->take(f.self, &bad, 1, T0, &v, NULL), VAULT_E_USAGE);
  bad.key = (vault_str){text, sizeof text};
  vt_is(f.ops->take(f.self, &bad, 1, T0, &v, NULL), VAULT_E_USAGE);
  tear_down(&f);
}
END_TEST

#define TAKERS 64
#define LIMIT 10

typedef struct race {
  fixture *f;
  vault_status got[TAKERS];
  uint32_t allowed[TAKERS];
} race;

static void take_one(void *ctx, uint32_t i) {
  race *r = ctx;
  /* The same two keys in both orders: a deadlock if the order of the caller counted. */
  vault_limit_rule rules[] = {rule("a", LIMIT, 1, HOUR_MS), rule("b", LIMIT + 5, 1, HOUR_MS)};
  if (i % 2) {
    vault_limit_rule first = rules[0];
    rules[0] = rules[1];
    rules[1] = first;
  }
  vault_limit_verdict v = {0};
  r->got[i] = r->f->ops->take(r->f->self, rules, 2, T0, &v, NULL);
  r->allowed[i] = v.allowed;
}

START_TEST(parallel_takes_never_exceed) {
  fixture f;
  set_up(&f, _i);
  race r = {.f = &f};
  vt_parallel(TAKERS, take_one, &r);
  uint32_t allowed = 0;
  for (uint32_t i = 0; i < TAKERS; i++) {
    vt_is(r.got[i], VAULT_OK);
    allowed += r.allowed[i];
  }
  ck_assert_uint_eq(allowed, LIMIT);
  vault_limit_rule b = rule("b", LIMIT + 5, 0, HOUR_MS);
  ck_assert_uint_eq(take(&f, &b, 1, T0).remaining, 5);
  tear_down(&f);
}
END_TEST

TCase *vt_limiter_contract(const vt_adapter *a) {
  static const TTest *tests[8];
  size_t n = 0;
  tests[n++] = never_more_than_the_limit;
  tests[n++] = all_or_nothing;
  tests[n++] = looking_takes_nothing;
  tests[n++] = clock_that_goes_back_frees_nothing;
  tests[n++] = forget_and_sweep;
  tests[n++] = wrong_rules;
  tests[n++] = parallel_takes_never_exceed;
  tests[n] = NULL;
  return vt_contract("limiter", a, tests);
}
