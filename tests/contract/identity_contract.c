/* The suite of the identity repository: vault/ports/repository/identity.h. */
#include <stdio.h>
#include <string.h>

#include "contract.h"
#include "parallel.h"
#include "vault/ports/repository/identity.h"

#define T0 1700000000000 /* the tests' first moment */
#define MINUTE_MS 60000
#define GUESSES 5u
#define PHONE "+905321234567"

typedef struct fixture {
  const vt_adapter *a;
  vt_instance i;
  const vault_identity_repo_ops *ops;
  void *self;
} fixture;

static void bind_ops(fixture *f) {
  f->ops = f->i.ops;
  f->self = f->i.self;
}

static void set_up(fixture *f, int at) {
  f->a = vt_adapter_at(at);
  f->a->make(f->a, &f->i);
  bind_ops(f);
}

static void tear_down(fixture *f) {
  f->a->destroy(f->a, &f->i);
}

static vault_id id_of(uint32_t kind, uint32_t n) {
  vault_id id = {{0}};
  id.b[0] = 1;
  id.b[6] = 0x70;
  id.b[8] = 0x80;
  id.b[9] = (uint8_t)kind;
  id.b[14] = (uint8_t)(n >> 8);
  id.b[15] = (uint8_t)n;
  return id;
}

enum { CHALLENGE = 1, JOB, USER, DEVICE, SESSION };

static vault_challenge_row challenge_of(uint32_t n, const char *phone) {
  vault_challenge_row c = {.id = id_of(CHALLENGE, n),
                           .purpose = VAULT_PURPOSE_SIGN_IN,
                           .last_n = 1};
  memset(c.secret_mac, (int)(n & 0xff), sizeof c.secret_mac);
  (void)snprintf(c.phone, sizeof c.phone, "%s", phone);
  c.created_ms = T0;
  c.expires_ms = T0 + 2 * MINUTE_MS;
  return c;
}

static vault_code_row code_of(uint32_t challenge, uint32_t n) {
  vault_code_row c = {.challenge = id_of(CHALLENGE, challenge), .n = n, .created_ms = T0};
  memset(c.mac, (int)(0x40 + n), sizeof c.mac);
  (void)snprintf(c.kid, sizeof c.kid, "key-%u", n);
  c.expires_ms = T0 + (int64_t)(n + 1) * MINUTE_MS;
  return c;
}

static vault_job_row job_of(uint32_t challenge, uint32_t n) {
  vault_job_row j = {.id = id_of(JOB, challenge * 16 + n),
                     .kind = 1,
                     .created_ms = T0,
                     .run_ms = T0};
  j.payload_n = 3;
  memcpy(j.payload, "abc", 3);
  return j;
}

static void add_challenge(fixture *f, uint32_t n, const char *phone, int live) {
  vault_challenge_row ch = challenge_of(n, phone);
  vault_code_row code = code_of(n, 1);
  vault_job_row job = job_of(n, 1);
  vt_is(f->ops->create_challenge(f->self, &ch, &code, &job, NULL), VAULT_OK);
  if (live)
    vt_is(f->ops->code_accepted(f->self, &ch.id, 1, T0 + 1, NULL), VAULT_OK);
}

static vault_redeem redeem_of(uint32_t challenge, uint32_t user) {
  vault_redeem in = {.challenge = id_of(CHALLENGE, challenge), .new_user = id_of(USER, user)};
  in.quota_bytes = 1000;
  in.now_ms = T0 + 10;
  vault_session_row *s = &in.session;
  s->id = id_of(SESSION, challenge);
  s->device = id_of(DEVICE, challenge);
  (void)snprintf(s->device_name, sizeof s->device_name, "Telefon %u ğ", challenge);
  (void)snprintf(s->agent, sizeof s->agent, "agent");
  (void)snprintf(s->address, sizeof s->address, "192.0.2.1");
  (void)snprintf(s->kid, sizeof s->kid, "k1");
  s->created_ms = s->last_seen_ms = s->issued_ms = T0 + 10;
  s->expires_ms = T0 + 100 * MINUTE_MS;
  s->c = 1;
  return in;
}

/* A signed-in session number n of `phone`. */
static vault_account_row sign_in(fixture *f, uint32_t n, const char *phone, uint32_t *new_user) {
  add_challenge(f, n, phone, 1);
  vault_redeem in = redeem_of(n, n);
  vault_account_row account;
  vt_is(f->ops->redeem(f->self, &in, &account, new_user, NULL), VAULT_OK);
  return account;
}

static vault_status attempt(fixture *f, uint32_t n, int64_t now_ms, vault_attempt_row *out) {
  vault_challenge_row ch = challenge_of(n, PHONE);
  return f->ops->count_attempt(f->self, &ch.id, ch.secret_mac, GUESSES, now_ms, out, NULL);
}

/* ---- codes ---- */

START_TEST(challenge_is_read_with_its_secret) {
  fixture f;
  set_up(&f, _i);
  add_challenge(&f, 1, PHONE, 0);
  vault_challenge_row want = challenge_of(1, PHONE), got;
  vt_is(f.ops->get_challenge(f.self, &want.id, want.secret_mac, &got, NULL), VAULT_OK);
  ck_assert_str_eq(got.phone, PHONE);
  ck_assert_uint_eq(got.last_n, 1);
  ck_assert_uint_eq(got.attempts, 0);
  ck_assert_int_eq(got.expires_ms, want.expires_ms);
  ck_assert_int_eq(got.consumed_ms, 0);
  ck_assert_mem_eq(got.secret_mac, want.secret_mac, sizeof want.secret_mac);
  vault_challenge_row other = challenge_of(2, PHONE);
  vt_is(f.ops->get_challenge(f.self, &want.id, other.secret_mac, &got, NULL), VAULT_E_CODE);
  vt_is(f.ops->get_challenge(f.self, &other.id, other.secret_mac, &got, NULL), VAULT_E_CODE);
  vault_code_row code = code_of(1, 1);
  vault_job_row job = job_of(7, 7);
  vt_is(f.ops->create_challenge(f.self, &want, &code, &job, NULL), VAULT_E_CONFLICT);
  tear_down(&f);
}
END_TEST

START_TEST(code_counts_only_when_live) {
  fixture f;
  set_up(&f, _i);
  add_challenge(&f, 1, PHONE, 0);
  vault_attempt_row row;
  vt_is(attempt(&f, 1, T0 + 2, &row), VAULT_E_CODE);
  vault_id id = id_of(CHALLENGE, 1), unknown = id_of(CHALLENGE, 9);
  vt_is(f.ops->code_accepted(f.self, &id, 2, T0, NULL), VAULT_E_NOT_FOUND);
  vt_is(f.ops->code_accepted(f.self, &unknown, 1, T0, NULL), VAULT_E_NOT_FOUND);
  vt_is(f.ops->code_accepted(f.self, &id, 1, T0 + 3, NULL), VAULT_OK);
  vt_is(f.ops->code_accepted(f.self, &id, 1, T0 + 4, NULL), VAULT_OK);
  vt_is(attempt(&f, 1, T0 + 5, &row), VAULT_OK);
  ck_assert_uint_eq(row.attempts, 1);
  ck_assert_uint_eq(row.purpose, VAULT_PURPOSE_SIGN_IN);
  ck_assert_uint_eq(row.n_codes, 1);
  ck_assert_str_eq(row.phone, PHONE);
  ck_assert_str_eq(row.codes[0].kid, "key-1");
  ck_assert_int_eq(row.codes[0].live_ms, T0 + 3);
  vt_is(attempt(&f, 1, code_of(1, 1).expires_ms, &row), VAULT_E_CODE);
  tear_down(&f);
}
END_TEST

START_TEST(attempts_end) {
  fixture f;
  set_up(&f, _i);
  add_challenge(&f, 1, PHONE, 1);
  vault_challenge_row other = challenge_of(2, PHONE);
  vault_id id = id_of(CHALLENGE, 1);
  vault_attempt_row row;
  vt_is(f.ops->count_attempt(f.self, &id, other.secret_mac, GUESSES, T0 + 2, &row, NULL),
        VAULT_E_CODE);
  for (uint32_t k = 1; k <= GUESSES; k++) {
    vt_is(attempt(&f, 1, T0 + 2, &row), VAULT_OK);
    ck_assert_uint_eq(row.attempts, k);
  }
  row.attempts = 77;
  vt_is(attempt(&f, 1, T0 + 2, &row), VAULT_E_CODE);
  ck_assert_uint_eq(row.attempts, 77);
  tear_down(&f);
}
END_TEST

START_TEST(newest_codes_stay) {
  fixture f;
  set_up(&f, _i);
  add_challenge(&f, 1, PHONE, 1);
  vault_id id = id_of(CHALLENGE, 1);
  for (uint32_t n = 2; n <= 3; n++) {
    vault_code_row code = code_of(1, n);
    vault_job_row job = job_of(1, n);
    vt_is(f.ops->add_code(f.self, &code, &job, NULL), VAULT_OK);
    vt_is(f.ops->add_code(f.self, &code, &job, NULL), VAULT_E_CONFLICT);
  }
  vault_attempt_row row;
  vt_is(attempt(&f, 1, T0 + 2, &row), VAULT_OK);
  ck_assert_uint_eq(row.n_codes, 1);
  vt_is(f.ops->code_accepted(f.self, &id, 2, T0 + 2, NULL), VAULT_OK);
  vt_is(f.ops->code_accepted(f.self, &id, 3, T0 + 3, NULL), VAULT_OK);
  vt_is(attempt(&f, 1, T0 + 4, &row), VAULT_OK);
  ck_assert_uint_eq(row.n_codes, VAULT_LIVE_CODES);
  ck_assert_uint_eq(row.codes[0].n, 3);
  ck_assert_uint_eq(row.codes[1].n, 2);
  vault_challenge_row ch = challenge_of(1, PHONE);
  vt_is(f.ops->get_challenge(f.self, &ch.id, ch.secret_mac, &ch, NULL), VAULT_OK);
  ck_assert_uint_eq(ch.last_n, 3);
  ck_assert_int_eq(ch.expires_ms, code_of(1, 3).expires_ms);
  tear_down(&f);
}
END_TEST

/* ---- redeem ---- */

START_TEST(redeem_once) {
  fixture f;
  set_up(&f, _i);
  add_challenge(&f, 2, PHONE, 1);
  add_challenge(&f, 3, "+905320000000", 1);
  uint32_t new_user = 9;
  vault_account_row account = sign_in(&f, 1, PHONE, &new_user), again;
  ck_assert_uint_eq(new_user, 1);
  ck_assert_str_eq(account.phone, PHONE);
  vault_redeem in = redeem_of(1, 5);
  in.session.id = id_of(SESSION, 50);
  vt_is(f.ops->redeem(f.self, &in, &again, &new_user, NULL), VAULT_E_CODE);
  vt_is(f.ops->get_session(f.self, &in.session.id, &in.session, NULL), VAULT_E_NOT_FOUND);
  vault_attempt_row row;
  vt_is(attempt(&f, 1, T0 + 20, &row), VAULT_E_CODE);
  vt_is(attempt(&f, 2, T0 + 20, &row), VAULT_E_CODE); /* the phone's other challenge is gone */
  vt_is(attempt(&f, 3, T0 + 20, &row), VAULT_OK);
  account = sign_in(&f, 4, PHONE, &new_user);
  ck_assert_uint_eq(new_user, 0);
  vault_id first = id_of(USER, 1);
  ck_assert_mem_eq(account.id.b, first.b, sizeof first.b);
  tear_down(&f);
}
END_TEST

START_TEST(disabled_account_keeps_out) {
  fixture f;
  set_up(&f, _i);
  uint32_t new_user;
  vault_account_row account = sign_in(&f, 1, PHONE, &new_user), got;
  vt_is(f.ops->set_disabled(f.self, &account.id, 1, T0 + 20, NULL), VAULT_OK);
  vt_is(f.ops->get_account(f.self, &account.id, &got, NULL), VAULT_OK);
  ck_assert_int_eq(got.disabled_ms, T0 + 20);
  ck_assert_int_gt(got.epoch, account.epoch);
  vault_session_row s;
  vault_id sid = id_of(SESSION, 1), nobody = id_of(USER, 9);
  vt_is(f.ops->get_session(f.self, &sid, &s, NULL), VAULT_OK);
  ck_assert_int_ne(s.revoked_ms, 0);
  ck_assert_uint_eq(s.revoke_reason, VAULT_REVOKE_BY_ADMIN);
  ck_assert_int_eq(s.disabled_ms, T0 + 20);
  add_challenge(&f, 2, PHONE, 1);
  vault_redeem in = redeem_of(2, 2);
  vt_is(f.ops->redeem(f.self, &in, &got, &new_user, NULL), VAULT_E_ACCOUNT_DISABLED);
  vt_is(f.ops->set_disabled(f.self, &account.id, 0, T0 + 30, NULL), VAULT_OK);
  vt_is(f.ops->redeem(f.self, &in, &got, &new_user, NULL), VAULT_OK); /* nothing was used up */
  vt_is(f.ops->set_disabled(f.self, &nobody, 1, T0, NULL), VAULT_E_NOT_FOUND);
  tear_down(&f);
}
END_TEST

START_TEST(device_of_another_account) {
  fixture f;
  set_up(&f, _i);
  uint32_t new_user;
  (void)sign_in(&f, 1, PHONE, &new_user);
  add_challenge(&f, 2, "+905320000000", 1);
  vault_redeem in = redeem_of(2, 2);
  in.session.device = id_of(DEVICE, 1);
  vault_account_row got;
  vt_is(f.ops->redeem(f.self, &in, &got, &new_user, NULL), VAULT_E_CONFLICT);
  vault_str phone = {"+905320000000", 13};
  vt_is(f.ops->find_account(f.self, phone, &got, NULL), VAULT_E_NOT_FOUND);
  tear_down(&f);
}
END_TEST

/* ---- sessions ---- */

START_TEST(session_moves_by_compare_and_set) {
  fixture f;
  set_up(&f, _i);
  uint32_t new_user;
  vault_account_row account = sign_in(&f, 1, PHONE, &new_user);
  vault_id sid = id_of(SESSION, 1), unknown = id_of(SESSION, 9);
  vault_session_row s;
  vt_is(f.ops->get_session(f.self, &sid, &s, NULL), VAULT_OK);
  ck_assert_str_eq(s.device_name, "Telefon 1 ğ");
  ck_assert_str_eq(s.phone, PHONE);
  ck_assert_str_eq(s.kid, "k1");
  ck_assert_int_eq(s.c, 1);
  ck_assert_int_eq(s.a, 0);
  vt_is(f.ops->get_session(f.self, &unknown, &s, NULL), VAULT_E_NOT_FOUND);
  vault_refresh_state was = {.a = 0, .c = 1}, next = {1, 2, 0, T0 + 50, T0 + 51};
  vt_is(f.ops->move_refresh(f.self, &sid, &was, &next, T0 + 50, NULL), VAULT_OK);
  vt_is(f.ops->move_refresh(f.self, &sid, &was, &next, T0 + 50, NULL), VAULT_E_CONFLICT);
  vt_is(f.ops->get_session(f.self, &sid, &s, NULL), VAULT_OK);
  ck_assert_int_eq(s.a, 1);
  ck_assert_int_eq(s.c, 2);
  ck_assert_int_eq(s.moved_ms, T0 + 50);
  ck_assert_int_eq(s.issued_ms, T0 + 51);
  ck_assert_int_eq(s.last_seen_ms, T0 + 50);
  vt_is(f.ops->revoke_session(f.self, &account.id, &sid, VAULT_REVOKE_LOGOUT, T0 + 60, NULL),
        VAULT_OK);
  vt_is(f.ops->revoke_session(f.self, &account.id, &sid, VAULT_REVOKE_THEFT, T0 + 70, NULL),
        VAULT_OK);
  vt_is(f.ops->get_session(f.self, &sid, &s, NULL), VAULT_OK);
  ck_assert_int_eq(s.revoked_ms, T0 + 60);
  ck_assert_uint_eq(s.revoke_reason, VAULT_REVOKE_LOGOUT);
  vt_is(f.ops->move_refresh(f.self, &sid, &next, &was, T0 + 80, NULL), VAULT_E_CONFLICT);
  vt_is(f.ops->revoke_session(f.self, &unknown, &sid, VAULT_REVOKE_LOGOUT, T0, NULL),
        VAULT_E_NOT_FOUND);
  tear_down(&f);
}
END_TEST

START_TEST(sessions_are_listed_and_revoked) {
  fixture f;
  set_up(&f, _i);
  uint32_t new_user;
  vault_account_row account = {0};
  for (uint32_t n = 1; n <= 5; n++)
    account = sign_in(&f, n, PHONE, &new_user);
  (void)sign_in(&f, 6, "+905320000000", &new_user);
  vault_id after = {{0}}, keep = id_of(SESSION, 2);
  vault_session_row rows[8];
  uint64_t n = 0, seen = 0;
  do {
    vt_is(f.ops->list_sessions(f.self, &account.id, &after, T0 + 20, rows, 2, &n, NULL), VAULT_OK);
    for (uint64_t k = 0; k < n; k++)
      ck_assert_int_gt(memcmp(rows[k].id.b, k ? rows[k - 1].id.b : after.b, 16), 0);
    if (n)
      after = rows[n - 1].id;
    seen += n;
  } while (n);
  ck_assert_uint_eq(seen, 5);
  vt_is(f.ops->revoke_sessions(f.self, &account.id, &keep, VAULT_REVOKE_BY_USER, T0 + 30, &n, NULL),
        VAULT_OK);
  ck_assert_uint_eq(n, 4);
  memset(&after, 0, sizeof after);
  vt_is(f.ops->list_sessions(f.self, &account.id, &after, T0 + 40, rows, 8, &n, NULL), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  ck_assert_mem_eq(rows[0].id.b, keep.b, sizeof keep.b);
  ck_assert_int_eq(rows[0].epoch, account.epoch);
  vt_is(f.ops->list_sessions(f.self, &account.id, &after, rows[0].expires_ms, rows, 8, &n, NULL),
        VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vt_is(f.ops->revoke_sessions(f.self, &account.id, NULL, VAULT_REVOKE_BY_USER, T0 + 50, &n, NULL),
        VAULT_OK);
  ck_assert_uint_eq(n, 1);
  vault_account_row later;
  vt_is(f.ops->get_account(f.self, &account.id, &later, NULL), VAULT_OK);
  ck_assert_int_eq(later.epoch, account.epoch + 1);
  tear_down(&f);
}
END_TEST

/* ---- accounts and housekeeping ---- */

START_TEST(accounts_are_found) {
  fixture f;
  set_up(&f, _i);
  uint32_t new_user;
  (void)sign_in(&f, 1, PHONE, &new_user);
  (void)sign_in(&f, 2, "+905320000000", &new_user);
  vault_account_row rows[4];
  vault_str phone = {PHONE, sizeof PHONE - 1}, none = {"+90", 3};
  vt_is(f.ops->find_account(f.self, phone, &rows[0], NULL), VAULT_OK);
  vault_id first = id_of(USER, 1), nobody = id_of(USER, 9), after = {{0}};
  ck_assert_mem_eq(rows[0].id.b, first.b, sizeof first.b);
  vt_is(f.ops->find_account(f.self, none, &rows[0], NULL), VAULT_E_NOT_FOUND);
  vt_is(f.ops->get_account(f.self, &nobody, &rows[0], NULL), VAULT_E_NOT_FOUND);
  uint64_t n;
  vt_is(f.ops->list_accounts(f.self, &after, rows, 4, &n, NULL), VAULT_OK);
  ck_assert_uint_eq(n, 2);
  vt_is(f.ops->list_accounts(f.self, &first, rows, 4, &n, NULL), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  ck_assert_str_eq(rows[0].phone, "+905320000000");
  tear_down(&f);
}
END_TEST

START_TEST(clock_never_goes_back) {
  fixture f;
  set_up(&f, _i);
  int64_t floor_ms = 0;
  vt_is(f.ops->clock_floor(f.self, T0, &floor_ms, NULL), VAULT_OK);
  ck_assert_int_eq(floor_ms, T0);
  vt_is(f.ops->clock_floor(f.self, T0 - 5000, &floor_ms, NULL), VAULT_OK);
  ck_assert_int_eq(floor_ms, T0);
  if (f.a->caps & VT_CAP_REOPEN) {
    f.a->reopen(f.a, &f.i);
    bind_ops(&f);
  }
  vt_is(f.ops->clock_floor(f.self, T0 - 5000, &floor_ms, NULL), VAULT_OK);
  ck_assert_int_eq(floor_ms, T0);
  vt_is(f.ops->clock_floor(f.self, T0 + 1, &floor_ms, NULL), VAULT_OK);
  ck_assert_int_eq(floor_ms, T0 + 1);
  tear_down(&f);
}
END_TEST

START_TEST(sweep_takes_what_ended) {
  fixture f;
  set_up(&f, _i);
  uint32_t new_user;
  vault_account_row account = sign_in(&f, 1, PHONE, &new_user);
  add_challenge(&f, 2, PHONE, 1);
  add_challenge(&f, 3, PHONE, 0);
  uint64_t n;
  vt_is(f.ops->sweep(f.self, T0 + MINUTE_MS, 100, &n, NULL), VAULT_OK);
  ck_assert_uint_eq(n, 0);
  vt_is(f.ops->sweep(f.self, T0 + 3 * MINUTE_MS, 2, &n, NULL), VAULT_OK);
  ck_assert_uint_eq(n, 2);
  vt_is(f.ops->sweep(f.self, T0 + 3 * MINUTE_MS, 100, &n, NULL), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  vault_session_row s;
  vault_id sid = id_of(SESSION, 1);
  vt_is(f.ops->get_session(f.self, &sid, &s, NULL), VAULT_OK);
  vt_is(f.ops->revoke_session(f.self, &account.id, &sid, VAULT_REVOKE_LOGOUT, T0 + 60, NULL),
        VAULT_OK);
  vt_is(f.ops->sweep(f.self, T0 + 61, 100, &n, NULL), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  vt_is(f.ops->get_session(f.self, &sid, &s, NULL), VAULT_E_NOT_FOUND);
  tear_down(&f);
}
END_TEST

START_TEST(data_survive_reopen) {
  fixture f;
  set_up(&f, _i);
  if (f.a->caps & VT_CAP_REOPEN) {
    uint32_t new_user;
    (void)sign_in(&f, 1, PHONE, &new_user);
    f.a->reopen(f.a, &f.i);
    bind_ops(&f);
    vault_session_row s;
    vault_id sid = id_of(SESSION, 1);
    vt_is(f.ops->get_session(f.self, &sid, &s, NULL), VAULT_OK);
    ck_assert_str_eq(s.phone, PHONE);
  }
  tear_down(&f);
}
END_TEST

/* ---- at the same time ---- */

#define VERIFIES 64
#define GUESSERS 200

typedef struct race {
  fixture *f;
  vault_status got[256];
  uint32_t new_user[256];
} race;

static uint32_t count_of(const race *r, uint32_t n, vault_status s) {
  uint32_t k = 0;
  for (uint32_t i = 0; i < n; i++)
    k += r->got[i] == s;
  return k;
}

static void redeem_same(void *ctx, uint32_t i) {
  race *r = ctx;
  vault_redeem in = redeem_of(1, 100 + i);
  in.session.id = id_of(SESSION, 100 + i);
  in.session.device = id_of(DEVICE, 100 + i);
  vault_account_row account;
  r->got[i] = r->f->ops->redeem(r->f->self, &in, &account, &r->new_user[i], NULL);
}

START_TEST(parallel_redeems_give_one_session) {
  fixture f;
  set_up(&f, _i);
  add_challenge(&f, 1, PHONE, 1);
  race r = {.f = &f};
  vt_parallel(VERIFIES, redeem_same, &r);
  ck_assert_uint_eq(count_of(&r, VERIFIES, VAULT_OK), 1);
  ck_assert_uint_eq(count_of(&r, VERIFIES, VAULT_E_CODE), VERIFIES - 1);
  vault_account_row rows[4];
  vault_id none = {{0}};
  uint64_t n;
  vt_is(f.ops->list_accounts(f.self, &none, rows, 4, &n, NULL), VAULT_OK);
  ck_assert_uint_eq(n, 1);
  tear_down(&f);
}
END_TEST

static void redeem_own(void *ctx, uint32_t i) {
  race *r = ctx;
  vault_redeem in = redeem_of(i + 1, i + 1);
  vault_account_row account;
  r->got[i] = r->f->ops->redeem(r->f->self, &in, &account, &r->new_user[i], NULL);
}

START_TEST(parallel_challenges_of_one_phone) {
  fixture f;
  set_up(&f, _i);
  for (uint32_t n = 1; n <= 8; n++)
    add_challenge(&f, n, PHONE, 1);
  race r = {.f = &f};
  vt_parallel(8, redeem_own, &r); /* the first one deletes the others */
  ck_assert_uint_eq(count_of(&r, 8, VAULT_OK), 1);
  ck_assert_uint_eq(count_of(&r, 8, VAULT_E_CODE), 7);
  tear_down(&f);
}
END_TEST

static void guess(void *ctx, uint32_t i) {
  race *r = ctx;
  vault_attempt_row row;
  r->got[i] = attempt(r->f, 1, T0 + 2, &row);
}

START_TEST(parallel_guesses_give_five_compares) {
  fixture f;
  set_up(&f, _i);
  add_challenge(&f, 1, PHONE, 1);
  race r = {.f = &f};
  vt_parallel(GUESSERS, guess, &r);
  ck_assert_uint_eq(count_of(&r, GUESSERS, VAULT_OK), GUESSES);
  ck_assert_uint_eq(count_of(&r, GUESSERS, VAULT_E_CODE), GUESSERS - GUESSES);
  tear_down(&f);
}
END_TEST

static void refresh(void *ctx, uint32_t i) {
  race *r = ctx;
  vault_id sid = id_of(SESSION, 1);
  vault_refresh_state was = {.a = 0, .c = 1}, next = {.a = 1, .c = 2 + i};
  r->got[i] = r->f->ops->move_refresh(r->f->self, &sid, &was, &next, T0 + 50, NULL);
}

START_TEST(parallel_refreshes_move_once) {
  fixture f;
  set_up(&f, _i);
  uint32_t new_user;
  (void)sign_in(&f, 1, PHONE, &new_user);
  race r = {.f = &f};
  vt_parallel(32, refresh, &r);
  ck_assert_uint_eq(count_of(&r, 32, VAULT_OK), 1);
  ck_assert_uint_eq(count_of(&r, 32, VAULT_E_CONFLICT), 31);
  tear_down(&f);
}
END_TEST

TCase *vt_identity_contract(const vt_adapter *a) {
  static const TTest *tests[18];
  size_t n = 0;
  tests[n++] = challenge_is_read_with_its_secret;
  tests[n++] = code_counts_only_when_live;
  tests[n++] = attempts_end;
  tests[n++] = newest_codes_stay;
  tests[n++] = redeem_once;
  tests[n++] = disabled_account_keeps_out;
  tests[n++] = device_of_another_account;
  tests[n++] = session_moves_by_compare_and_set;
  tests[n++] = sessions_are_listed_and_revoked;
  tests[n++] = accounts_are_found;
  tests[n++] = clock_never_goes_back;
  tests[n++] = sweep_takes_what_ended;
  tests[n++] = data_survive_reopen;
  tests[n++] = parallel_redeems_give_one_session;
  tests[n++] = parallel_challenges_of_one_phone;
  tests[n++] = parallel_guesses_give_five_compares;
  tests[n++] = parallel_refreshes_move_once;
  tests[n] = NULL;
  return vt_contract("identity", a, tests);
}
