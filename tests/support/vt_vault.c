#include "vt_vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the fakes ---- */

static int64_t now_ms(void *self) {
  return atomic_load(&((vt_clock *)self)->now_ms);
}

static int64_t mono_ms(void *self) {
  return atomic_load(&((vt_clock *)self)->mono_ms);
}

/* splitmix64 over a shared counter. */
static vault_status bytes(void *self, void *p, uint64_t n, vault_err *err) {
  vt_random *r = self;
  (void)err;
  if (atomic_load(&r->fail))
    return VAULT_E_IO;
  for (unsigned char *to = p; n;) {
    uint64_t z = atomic_fetch_add(&r->state, UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    size_t take = n < sizeof z ? (size_t)n : sizeof z;
    memcpy(to, &z, take);
    to += take;
    n -= take;
  }
  return VAULT_OK;
}

static void keep(char *to, size_t room, vault_str from) {
  (void)snprintf(to, room, "%.*s", (int)from.n, from.p);
}

static vault_status send_sms(void *self, const vault_sms *m, vault_err *err) {
  vt_sms *s = self;
  (void)err;
  (void)pthread_mutex_lock(&s->lock);
  if (s->n < VT_SMS_MAX) {
    keep(s->sent[s->n].to, sizeof s->sent[s->n].to, m->to);
    keep(s->sent[s->n].text, sizeof s->sent[s->n].text, m->text);
    keep(s->sent[s->n].key, sizeof s->sent[s->n].key, m->key);
    s->n++;
  }
  vault_status answer = s->answer;
  (void)pthread_mutex_unlock(&s->lock);
  return answer;
}

static void append(vt_log *l, const char *text, size_t n) {
  if (l->n + n >= VT_LOG_BYTES) {
    l->lost = 1;
    return;
  }
  memcpy(l->text + l->n, text, n);
  l->n += (uint32_t)n;
  l->text[l->n] = 0;
}

static void write_log(void *self, uint32_t level, const char *event, const vault_log_field *fields,
                      uint64_t n) {
  vt_log *l = self;
  char number[32];
  (void)level;
  (void)pthread_mutex_lock(&l->lock);
  append(l, "\n", 1);
  append(l, event, strlen(event));
  for (uint64_t i = 0; i < n; i++) {
    append(l, " ", 1);
    append(l, fields[i].key, strlen(fields[i].key));
    append(l, "=", 1);
    if (fields[i].text.p) {
      append(l, fields[i].text.p, (size_t)fields[i].text.n);
      continue;
    }
    (void)snprintf(number, sizeof number, "%lld", (long long)fields[i].number);
    append(l, number, strlen(number));
  }
  append(l, " ", 1);
  (void)pthread_mutex_unlock(&l->lock);
}

static void notify(void *self, const vault_notice *notice) {
  vt_notices *n = self;
  if (notice->kind < VT_NOTICE_KINDS)
    (void)atomic_fetch_add(&n->count[notice->kind], 1);
}

static const vault_clock_ops clock_ops = {sizeof clock_ops, VAULT_CLOCK_V1, now_ms, mono_ms, NULL};
static const vault_random_ops random_ops = {sizeof random_ops, VAULT_RANDOM_V1, bytes, NULL};
static const vault_sms_ops sms_ops = {sizeof sms_ops, VAULT_SMS_V1, send_sms, NULL};
static const vault_log_ops log_ops = {sizeof log_ops, VAULT_LOG_V1, write_log, NULL};
static const vault_notifier_ops notifier_ops = {sizeof notifier_ops, VAULT_NOTIFIER_V1, notify,
                                                NULL};

/* ---- the world ---- */

static vault_str text(const char *p) {
  return (vault_str){p, strlen(p)};
}

static void choose_database(vt_world *w, vault_config *config) {
  const char *wanted = getenv("VT_VAULT_DATABASE");
  if (!wanted || strcmp(wanted, "postgres") != 0)
    return;
#if VT_WITH_POSTGRES
  vt_pg_open(&w->repositories, w->schema);
#else
  (void)w;
  ck_abort_msg("built without PostgreSQL");
#endif
  config->identity = w->repositories.identity;
  config->identity_self = w->repositories.identity_self;
  config->items = w->repositories.items;
  config->items_self = w->repositories.items_self;
  config->jobs = w->repositories.jobs;
  config->jobs_self = w->repositories.jobs_self;
  config->limiter = w->repositories.limiter;
  config->limiter_self = w->repositories.limiter_self;
}

static void choose_dir(vt_world *w, const char *dir) {
  vault_config *c = &w->config;
  if (!dir)
    return;
  (void)snprintf(w->database, sizeof w->database, "sqlite:%s/vault.db", dir);
  (void)snprintf(w->storage, sizeof w->storage, "file:%s/storage", dir);
  (void)snprintf(w->keys, sizeof w->keys, "dir:%s/keys", dir);
  c->database = text(w->database);
  c->storage = text(w->storage);
  c->keys = text(w->keys);
}

vt_world *vt_vault_open(const vault_settings *settings) {
  return vt_vault_open_in(NULL, settings);
}

vault_status vt_vault_start(vt_world *w, vault_err *err) {
  return vault_open(&w->config, &w->v, err);
}

void vt_vault_stop(vt_world *w) {
  vt_ok(vault_close(w->v, NULL));
  w->v = NULL;
}

vt_world *vt_vault_open_in(const char *dir, const vault_settings *settings) {
  vt_world *w = calloc(1, sizeof *w);
  vault_err err = VAULT_ERR_INIT;
  ck_assert_ptr_nonnull(w);
  atomic_store(&w->clock.now_ms, VT_START_MS);
  atomic_store(&w->clock.mono_ms, 1000);
  atomic_store(&w->random.state, 20261123);
  ck_assert_int_eq(pthread_mutex_init(&w->sms.lock, NULL), 0);
  ck_assert_int_eq(pthread_mutex_init(&w->log.lock, NULL), 0);
  w->config = (vault_config){.size = sizeof w->config,
                             .database = text("sqlite::memory:"),
                             .storage = text("memory:"),
                             .keys = text("memory:"),
                             .public_url = text(VT_URL),
                             .settings = settings,
                             .clock = &clock_ops,
                             .clock_self = &w->clock,
                             .random = &random_ops,
                             .random_self = &w->random,
                             .log = &log_ops,
                             .log_self = &w->log,
                             .notifier = &notifier_ops,
                             .notifier_self = &w->notices,
                             .sms_ops = &sms_ops,
                             .sms_self = &w->sms};
  choose_dir(w, dir);
  choose_database(w, &w->config);
  vault_status s = vt_vault_start(w, &err);
  ck_assert_msg(s == VAULT_OK, "vault_open: %s", err.msg);
  return w;
}

void vt_vault_close(vt_world *w) {
  if (!w)
    return;
  vt_ok(vault_close(w->v, NULL));
#if VT_WITH_POSTGRES
  if (w->schema[0])
    vt_pg_close(&w->repositories, w->schema);
#endif
  (void)pthread_mutex_destroy(&w->sms.lock);
  (void)pthread_mutex_destroy(&w->log.lock);
  free(w);
}

void vt_pass(vt_world *w, int64_t ms) {
  (void)atomic_fetch_add(&w->clock.now_ms, ms);
  if (ms > 0)
    (void)atomic_fetch_add(&w->clock.mono_ms, ms);
}

void vt_run_jobs(vt_world *w) {
  vault_err err = VAULT_ERR_INIT;
  vault_status s = vault_jobs_run(w->v, 60000, NULL, &err);
  ck_assert_msg(s == VAULT_OK, "vault_jobs_run: %s", err.msg);
}

/* ---- signing in ---- */

void vt_code(vt_world *w, const char *phone, char out[7]) {
  const char *at = NULL;
  for (uint32_t i = 0; i < w->sms.n; i++)
    if (strcmp(w->sms.sent[i].to, phone) == 0)
      at = strrchr(w->sms.sent[i].text, '#');
  ck_assert_msg(at && strlen(at) == 7, "no code was sent to %s", phone);
  memcpy(out, at + 1, 7);
}

void vt_other_code(const char *code, char out[7]) {
  memcpy(out, code, 7);
  out[0] = (char)('0' + (out[0] - '0' + 1) % 10);
}

vault_status vt_ask(vt_world *w, const char *phone, vault_challenge *out) {
  out->size = sizeof *out;
  vault_status s = vault_auth_request_code(w->v, phone, strlen(phone), NULL, 0, NULL, out, NULL);
  if (s == VAULT_OK)
    vt_run_jobs(w);
  return s;
}

vault_status vt_verify(vt_world *w, const char *challenge, const char *code, vault_grant **out) {
  return vault_auth_verify_code(w->v, challenge, strlen(challenge), code, strlen(code), NULL, out,
                                NULL);
}

vault_grant *vt_sign_in(vt_world *w, const char *phone) {
  vault_challenge challenge;
  vault_grant *g = NULL;
  char code[7];
  vt_ok(vt_ask(w, phone, &challenge));
  vt_code(w, phone, code);
  vt_ok(vt_verify(w, challenge.token, code, &g));
  return g;
}

vault_status vt_authenticate(vt_world *w, vault_str token, vault_principal *out) {
  out->size = sizeof *out;
  return vault_auth_authenticate(w->v, token.p, token.n, NULL, 0, out, NULL);
}

/* ---- the log ---- */

uint32_t vt_logged(vt_world *w, const char *event) {
  char line[64];
  uint32_t n = 0;
  (void)snprintf(line, sizeof line, "\n%s ", event);
  for (const char *at = w->log.text; (at = strstr(at, line)) != NULL; at++)
    n++;
  return n;
}

void vt_never_logged(vt_world *w, const char *p, uint64_t n) {
  char *needle = strndup(p, (size_t)n);
  ck_assert_ptr_nonnull(needle);
  ck_assert_msg(!w->log.lost, "the log of the test is too small");
  ck_assert_msg(strstr(w->log.text, needle) == NULL, "a secret was logged");
  free(needle);
}
