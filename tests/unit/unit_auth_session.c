/* Refresh by the rules R1 to R4, log-out, listing and revoking. */
#include <string.h>

#include "libvault/usecases/handle.h"
#include "tests/contract/parallel.h"
#include "tests/support/vt_vault.h"

#define TABS 32u
#define DAY_MS INT64_C(86400000)

static vt_world *w;

static void setup(void) {
  w = vt_vault_open(NULL);
}

static void teardown(void) {
  vt_vault_close(w);
}

typedef struct token {
  char text[128];
} token;

static token keep(const vault_grant *g) {
  token t;
  vault_str r = vault_grant_get(g)->refresh_token;
  ck_assert_uint_lt(r.n, sizeof t.text);
  memset(&t, 0, sizeof t);
  memcpy(t.text, r.p, (size_t)r.n);
  return t;
}

static token sign_in(void) {
  vault_grant *g = vt_sign_in(w, VT_PHONE);
  token t = keep(g);
  vault_grant_free(g);
  return t;
}

static vault_status refresh(const token *t, token *next) {
  vault_grant *g = NULL;
  vault_status s = vault_auth_refresh(w->v, t->text, strlen(t->text), NULL, &g, NULL);
  if (s != VAULT_OK) {
    ck_assert_ptr_null(g);
    return s;
  }
  *next = keep(g);
  vault_grant_free(g);
  return s;
}

static vault_principal principal(const vault_grant *g) {
  vault_principal who;
  vt_ok(vt_authenticate(w, vault_grant_get(g)->access_token, &who));
  return who;
}

START_TEST(r1_rotates) {
  token t = sign_in(), next = t;
  for (int i = 0; i < 20; i++) {
    vt_pass(w, 600000);
    vt_ok(refresh(&t, &next));
    ck_assert_str_ne(t.text, next.text);
    t = next;
  }
}
END_TEST

START_TEST(a_grant_of_a_refresh_is_whole) {
  vault_grant *g = vt_sign_in(w, VT_PHONE), *h = NULL;
  const vault_grant_view *a = vault_grant_get(g);
  vt_pass(w, 1000);
  vt_ok(vault_auth_refresh(w->v, a->refresh_token.p, a->refresh_token.n, NULL, &h, NULL));
  const vault_grant_view *b = vault_grant_get(h);
  vault_principal who;
  ck_assert_uint_eq(b->new_user, 0);
  ck_assert_int_eq(memcmp(&a->user, &b->user, sizeof a->user), 0);
  ck_assert_int_eq(memcmp(&a->session, &b->session, sizeof a->session), 0);
  ck_assert_uint_eq(b->phone.n, strlen(VT_PHONE));
  ck_assert_int_eq(b->access_expires_ms, VT_START_MS + 601000);
  ck_assert_int_eq(b->refresh_expires_ms, VT_START_MS + 1000 + 30 * DAY_MS);
  vt_ok(vt_authenticate(w, b->access_token, &who));
  vault_grant_free(g);
  vault_grant_free(h);
}
END_TEST

START_TEST(r2_repeats_for_30_seconds) {
  token t = sign_in(), first, again;
  vt_ok(refresh(&t, &first));
  vt_pass(w, 30000);
  vt_ok(refresh(&t, &again));
  ck_assert_str_eq(first.text, again.text);
}
END_TEST

START_TEST(r3_forks_after_30_seconds) {
  token t = sign_in(), lost, again, last;
  vt_ok(refresh(&t, &lost));
  vt_pass(w, 30001);
  vt_ok(refresh(&t, &again));
  ck_assert_str_ne(lost.text, again.text);
  vt_ok(refresh(&again, &last));
}
END_TEST

START_TEST(r3_then_the_lost_one_is_theft) {
  token t = sign_in(), lost, again, x;
  vt_ok(refresh(&t, &lost));
  vt_pass(w, 30001);
  vt_ok(refresh(&t, &again));
  vt_status(refresh(&lost, &x), VAULT_E_SESSION_REVOKED);
  vt_status(refresh(&again, &x), VAULT_E_SESSION_REVOKED);
}
END_TEST

START_TEST(a_late_tab_is_told_to_wait) {
  token t0 = sign_in(), t1, t2, x;
  vt_ok(refresh(&t0, &t1));
  vt_ok(refresh(&t1, &t2));
  vt_status(refresh(&t0, &x), VAULT_E_REFRESH_RACE);
  vt_ok(refresh(&t2, &x)); /* nothing was revoked */
}
END_TEST

START_TEST(r4_is_theft) {
  vault_grant *g = vt_sign_in(w, VT_PHONE);
  vault_principal who;
  token t0 = keep(g), t1, t2, x;
  vault_str access = vault_grant_get(g)->access_token;
  vt_ok(refresh(&t0, &t1));
  vt_pass(w, 40000);
  vt_ok(refresh(&t1, &t2));
  vt_pass(w, 30001);
  vt_ok(vt_authenticate(w, access, &who));
  vt_status(refresh(&t0, &x), VAULT_E_SESSION_REVOKED);
  vt_status(refresh(&t2, &x), VAULT_E_SESSION_REVOKED);
  vt_status(vt_authenticate(w, access, &who), VAULT_E_SESSION_REVOKED); /* at once */
  ck_assert_uint_eq(vt_logged(w, "refresh_theft"), 1);
  ck_assert_uint_eq(atomic_load(&w->notices.count[VAULT_NOTICE_REFRESH_THEFT]), 1);
  vt_never_logged(w, t0.text, strlen(t0.text));
  vault_grant_free(g);
}
END_TEST

START_TEST(the_grace_is_a_setting) {
  vault_settings s = {.size = sizeof s, .refresh_grace_ms = 1000};
  vt_vault_close(w);
  w = vt_vault_open(&s);
  token t = sign_in(), a, b;
  vt_ok(refresh(&t, &a));
  vt_pass(w, 1001);
  vt_ok(refresh(&t, &b));
  ck_assert_str_ne(a.text, b.text);
}
END_TEST

START_TEST(refuses_what_is_not_ours) {
  token t = sign_in(), x;
  size_t n = strlen(t.text);
  vault_grant *g = NULL;
  static const char *const bad[] = {"", "x", "not a token at all"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    vt_status(vault_auth_refresh(w->v, bad[i], strlen(bad[i]), NULL, &g, NULL), VAULT_E_REFRESH);
  for (size_t i = 0; i < n; i++)
    for (int bit = 0; bit < 8; bit++) {
      token f = t;
      f.text[i] = (char)(f.text[i] ^ 1 << bit);
      vt_status(vault_auth_refresh(w->v, f.text, n, NULL, &g, NULL), VAULT_E_REFRESH);
    }
  ck_assert_ptr_null(g);
  vt_ok(refresh(&t, &x)); /* and none of it did any harm */
  vt_status(vault_auth_refresh(w->v, NULL, 0, NULL, &g, NULL), VAULT_E_REFRESH);
  vt_status(vault_auth_refresh(w->v, t.text, n, NULL, NULL, NULL), VAULT_E_USAGE);
  vt_status(vault_auth_refresh(NULL, t.text, n, NULL, &g, NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(idle_sessions_end) {
  token t = sign_in(), x;
  vt_pass(w, 30 * DAY_MS - 1);
  vt_ok(refresh(&t, &x));
  t = x;
  vt_pass(w, 30 * DAY_MS);
  vt_status(refresh(&t, &x), VAULT_E_REFRESH);
  vt_pass(w, -DAY_MS); /* a clock that goes back gives no life back */
  vt_status(refresh(&t, &x), VAULT_E_REFRESH);
}
END_TEST

START_TEST(every_session_ends) {
  token t = sign_in(), x;
  for (int i = 0; i < 8; i++) {
    vt_pass(w, 20 * DAY_MS);
    vt_ok(refresh(&t, &x));
    t = x;
  }
  vt_pass(w, 20 * DAY_MS - 300000);
  vault_grant *g = NULL;
  vt_ok(vault_auth_refresh(w->v, t.text, strlen(t.text), NULL, &g, NULL));
  ck_assert_int_eq(vault_grant_get(g)->access_expires_ms, VT_START_MS + 180 * DAY_MS);
  ck_assert_int_eq(vault_grant_get(g)->refresh_expires_ms, VT_START_MS + 180 * DAY_MS);
  t = keep(g);
  vault_grant_free(g);
  vt_pass(w, 300000);
  vt_status(refresh(&t, &x), VAULT_E_REFRESH);
}
END_TEST

START_TEST(disabled) {
  vault_grant *g = vt_sign_in(w, VT_PHONE);
  vault_principal who = principal(g);
  token t = keep(g), x;
  vt_ok(vault_admin_set_disabled(w->v, &who.user, 1, NULL));
  vt_status(refresh(&t, &x), VAULT_E_ACCOUNT_DISABLED);
  vt_status(vt_authenticate(w, vault_grant_get(g)->access_token, &who), VAULT_E_ACCOUNT_DISABLED);
  vt_ok(vault_admin_set_disabled(w->v, &who.user, 0, NULL));
  vt_status(refresh(&t, &x), VAULT_E_SESSION_REVOKED);
  vt_status(vt_authenticate(w, vault_grant_get(g)->access_token, &who), VAULT_E_SESSION_REVOKED);
  vault_grant_free(g);
}
END_TEST

START_TEST(one_user_by_id) {
  vault_grant *g = vt_sign_in(w, VT_PHONE);
  vault_id user = vault_grant_get(g)->user, other = user, none;
  vault_users *users = NULL, *nobody = NULL;
  uint64_t n = 0;
  vault_grant_free(g);
  vault_grant_free(vt_sign_in(w, "+905321234568"));
  vt_ok(vault_admin_get_user(w->v, &user, &users, NULL));
  const vault_user_view *row = vault_users_rows(users, &n, NULL);
  ck_assert_uint_eq(n, 1);
  ck_assert_mem_eq(&row->id, &user, sizeof user);
  ck_assert_uint_eq(row->phone.n, strlen(VT_PHONE));
  ck_assert_mem_eq(row->phone.p, VT_PHONE, strlen(VT_PHONE));
  ck_assert_uint_eq(row->disabled, 0);
  vault_users_free(users);
  other.b[15] ^= 1;
  memset(&none, 0, sizeof none);
  vt_status(vault_admin_get_user(w->v, &other, &nobody, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_admin_get_user(w->v, &none, &nobody, NULL), VAULT_E_NOT_FOUND);
  vt_status(vault_admin_get_user(w->v, NULL, &nobody, NULL), VAULT_E_USAGE);
  vt_status(vault_admin_get_user(NULL, &user, &nobody, NULL), VAULT_E_USAGE);
  vt_status(vault_admin_get_user(w->v, &user, NULL, NULL), VAULT_E_USAGE);
  ck_assert_ptr_null(nobody);
}
END_TEST

/* ---- the database fails ---- */

static const vault_identity_repo_ops *good;
static vault_identity_repo_ops broken;
static vault_status answer;
static uint32_t moves;

/* It happened, and nobody knows. */
static vault_status lost_move(void *self, const vault_id *session,
                              const vault_refresh_state *expect, const vault_refresh_state *next,
                              int64_t now_ms, vault_err *err) {
  moves++;
  if (answer != VAULT_E_CONFLICT)
    (void)good->move_refresh(self, session, expect, next, now_ms, err);
  return answer;
}

static vault_status lost_disable(void *self, const vault_id *user, uint32_t off, int64_t now_ms,
                                 vault_err *err) {
  vt_ok(good->set_disabled(self, user, off, now_ms, err));
  return VAULT_E_UNCERTAIN;
}

static vault_status lost_revoke(void *self, const vault_id *user, const vault_id *keep_one,
                                uint32_t reason, int64_t now_ms, uint64_t *n, vault_err *err) {
  vt_ok(good->revoke_sessions(self, user, keep_one, reason, now_ms, n, err));
  return VAULT_E_UNCERTAIN;
}

/* Nobody knows whether it was committed: a token that is cached is not believed for that. */
START_TEST(a_lost_answer_to_the_operator_keeps_no_token_alive) {
  vault_grant *g = vt_sign_in(w, VT_PHONE);
  vault_principal who = principal(g);
  good = w->v->identity;
  broken = *good;
  broken.set_disabled = lost_disable;
  broken.revoke_sessions = lost_revoke;
  w->v->identity = &broken;
  vt_status(vault_admin_revoke_sessions(w->v, &who.user, NULL, NULL), VAULT_E_RETRY);
  vt_status(vt_authenticate(w, vault_grant_get(g)->access_token, &who), VAULT_E_SESSION_REVOKED);
  vault_grant_free(g);
  vt_pass(w, 60000);
  g = vt_sign_in(w, VT_PHONE);
  who = principal(g);
  vt_status(vault_admin_set_disabled(w->v, &who.user, 1, NULL), VAULT_E_RETRY);
  vt_status(vt_authenticate(w, vault_grant_get(g)->access_token, &who), VAULT_E_ACCOUNT_DISABLED);
  vault_grant_free(g);
  w->v->identity = good;
}
END_TEST

START_TEST(a_lost_answer_is_asked_for_again) {
  token t = sign_in(), x, y;
  good = w->v->identity;
  broken = *good;
  broken.move_refresh = lost_move;
  w->v->identity = &broken;
  answer = VAULT_E_UNCERTAIN;
  vt_status(refresh(&t, &x), VAULT_E_RETRY);
  w->v->identity = good;
  vt_ok(refresh(&t, &x));
  vt_ok(refresh(&t, &y));
  ck_assert_str_eq(x.text, y.text);
}
END_TEST

START_TEST(a_busy_session_ends_in_retry) {
  token t = sign_in(), x;
  good = w->v->identity;
  broken = *good;
  broken.move_refresh = lost_move;
  w->v->identity = &broken;
  answer = VAULT_E_CONFLICT;
  moves = 0;
  vt_status(refresh(&t, &x), VAULT_E_RETRY);
  ck_assert_uint_gt(moves, 1);
  ck_assert_uint_lt(moves, 100);
  w->v->identity = good;
  vt_ok(refresh(&t, &x));
}
END_TEST

/* ---- many at once ---- */

typedef struct tabs {
  token given, got[TABS];
  vault_status status[TABS];
} tabs;

static void refresh_one(void *ctx, uint32_t i) {
  tabs *t = ctx;
  vault_grant *g = NULL;
  t->status[i] = vault_auth_refresh(w->v, t->given.text, strlen(t->given.text), NULL, &g, NULL);
  if (g)
    memcpy(t->got[i].text, vault_grant_get(g)->refresh_token.p,
           (size_t)vault_grant_get(g)->refresh_token.n);
  vault_grant_free(g);
}

START_TEST(parallel_refreshes_all_get_the_same) {
  static tabs t;
  memset(&t, 0, sizeof t);
  t.given = sign_in();
  for (int round = 0; round < 5; round++) {
    memset(t.got, 0, sizeof t.got);
    vt_parallel(TABS, refresh_one, &t);
    for (uint32_t i = 0; i < TABS; i++) {
      vt_ok(t.status[i]);
      ck_assert_str_eq(t.got[i].text, t.got[0].text);
    }
    ck_assert_str_ne(t.got[0].text, t.given.text);
    t.given = t.got[0];
    vt_pass(w, 60000);
  }
}
END_TEST

/* ---- ending and listing ---- */

START_TEST(logout_ends_it_at_once) {
  vault_grant *g = vt_sign_in(w, VT_PHONE);
  vault_principal who = principal(g);
  token t = keep(g), x;
  vt_ok(vault_auth_logout(w->v, &who, NULL));
  vt_status(vt_authenticate(w, vault_grant_get(g)->access_token, &who), VAULT_E_SESSION_REVOKED);
  vt_status(refresh(&t, &x), VAULT_E_SESSION_REVOKED);
  vt_ok(vault_auth_logout(w->v, &who, NULL)); /* again */
  ck_assert_uint_ge(atomic_load(&w->notices.count[VAULT_NOTICE_SESSION_REVOKED]), 1);
  vault_grant_free(g);
}
END_TEST

START_TEST(logout_of_nobody) {
  vault_principal who = {.size = sizeof who};
  vt_status(vault_auth_logout(w->v, &who, NULL), VAULT_E_USAGE); /* no user */
  who.user.b[0] = 1;
  vt_status(vault_auth_logout(w->v, &who, NULL), VAULT_E_NOT_FOUND); /* no session */
  who.size = 4;
  vt_status(vault_auth_logout(w->v, &who, NULL), VAULT_E_USAGE);
  vt_status(vault_auth_logout(w->v, NULL, NULL), VAULT_E_USAGE);
  vt_status(vault_auth_logout(NULL, &who, NULL), VAULT_E_USAGE);
}
END_TEST

START_TEST(lists_sessions_and_revokes_one) {
  vault_grant *g[3];
  vault_sessions *l = NULL;
  uint64_t n = 0;
  uint32_t stride = 0;
  for (int i = 0; i < 3; i++) {
    g[i] = vt_sign_in(w, VT_PHONE);
    vt_pass(w, 60000);
  }
  vault_grant *stranger = vt_sign_in(w, "+905321234568");
  vault_principal who = principal(g[1]), other = principal(stranger);
  vt_ok(vault_auth_sessions(w->v, &who, &l, NULL));
  const char *row = (const char *)vault_sessions_rows(l, &n, &stride);
  ck_assert_uint_eq(n, 3);
  for (uint64_t i = 0; i < n; i++) {
    const vault_session_view *s = (const void *)(row + i * stride);
    ck_assert_int_eq(memcmp(&s->id, &vault_grant_get(g[i])->session, sizeof s->id), 0);
    ck_assert_int_eq(s->created_ms, VT_START_MS + (int64_t)i * 60000);
    ck_assert_int_eq(s->expires_ms, s->created_ms + 180 * DAY_MS);
    ck_assert_uint_eq(s->current, i == 1);
  }
  vault_sessions_free(l);
  vt_status(vault_auth_revoke(w->v, &other, &vault_grant_get(g[0])->session, NULL),
            VAULT_E_NOT_FOUND); /* not yours */
  vt_status(vault_auth_revoke(w->v, &who, NULL, NULL), VAULT_E_USAGE);
  vault_principal first = principal(g[0]);
  vt_ok(vault_auth_revoke(w->v, &who, &first.session, NULL));
  vt_ok(vault_auth_revoke(w->v, &who, &first.session, NULL));
  vt_status(vt_authenticate(w, vault_grant_get(g[0])->access_token, &first),
            VAULT_E_SESSION_REVOKED);
  vt_ok(vault_auth_sessions(w->v, &who, &l, NULL));
  (void)vault_sessions_rows(l, &n, NULL);
  ck_assert_uint_eq(n, 2);
  vault_sessions_free(l);
  vt_ok(vt_authenticate(w, vault_grant_get(g[2])->access_token, &first));
  for (int i = 0; i < 3; i++)
    vault_grant_free(g[i]);
  vault_grant_free(stranger);
}
END_TEST

START_TEST(idle_sessions_are_not_listed) {
  vault_sessions *l = NULL;
  uint64_t n = 9;
  vault_grant_free(vt_sign_in(w, VT_PHONE));
  vt_pass(w, 30 * DAY_MS);
  vault_grant *g = vt_sign_in(w, VT_PHONE);
  vault_principal who = principal(g);
  vt_ok(vault_auth_sessions(w->v, &who, &l, NULL));
  (void)vault_sessions_rows(l, &n, NULL);
  ck_assert_uint_eq(n, 1);
  vault_sessions_free(l);
  vault_sessions_free(NULL);
  vt_status(vault_auth_sessions(w->v, &who, NULL, NULL), VAULT_E_USAGE);
  vault_grant_free(g);
}
END_TEST

START_TEST(keeps_what_the_client_said) {
  vault_challenge c;
  vault_grant *g = NULL;
  vault_sessions *l = NULL;
  char code[7], name[300];
  memset(name, 'a', sizeof name);
  memcpy(name + 126, "\xc5\x9f", 2); /* would be cut in the middle */
  vault_client client = {.size = sizeof client,
                         .address = {"203.0.113.9", 11},
                         .agent = {"Test\n\xff 1.0", 10},
                         .device_name = {name, sizeof name}};
  vt_ok(vt_ask(w, VT_PHONE, &c));
  vt_code(w, VT_PHONE, code);
  vt_ok(vault_auth_verify_code(w->v, c.token, 43, code, 6, &client, &g, NULL));
  vault_principal who = principal(g);
  vt_ok(vault_auth_sessions(w->v, &who, &l, NULL));
  const vault_session_view *s = vault_sessions_rows(l, NULL, NULL);
  ck_assert_uint_eq(s->device_name.n, 126);
  ck_assert_str_eq(s->agent.p, "Test?? 1.0");
  ck_assert_str_eq(s->address.p, "203.0.113.9");
  vault_sessions_free(l);
  vault_grant_free(g);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {r1_rotates,
                                a_grant_of_a_refresh_is_whole,
                                r2_repeats_for_30_seconds,
                                r3_forks_after_30_seconds,
                                r3_then_the_lost_one_is_theft,
                                a_late_tab_is_told_to_wait,
                                r4_is_theft,
                                the_grace_is_a_setting,
                                refuses_what_is_not_ours,
                                idle_sessions_end,
                                every_session_ends,
                                disabled,
                                one_user_by_id,
                                a_lost_answer_to_the_operator_keeps_no_token_alive,
                                a_lost_answer_is_asked_for_again,
                                a_busy_session_ends_in_retry,
                                parallel_refreshes_all_get_the_same,
                                logout_ends_it_at_once,
                                logout_of_nobody,
                                lists_sessions_and_revokes_one,
                                idle_sessions_are_not_listed,
                                keeps_what_the_client_said,
                                NULL};
  return vt_suite_with("auth_session", tests, setup, teardown);
}

VT_MAIN(suite)
