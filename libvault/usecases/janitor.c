#include "janitor.h"

#include "job_kinds.h"

/* Rows of fresh items are soon made when it is quiet, and now and then when it is not. */
#define INDEX_IDLE_MS 1000
#define INDEX_AFTER_MS 10000

typedef struct wish {
  uint32_t kind;
  int64_t idle_ms, after_ms; /* due when it was quiet for so long; at the latest after that */
  uint64_t bytes;            /* or when so much waits */
  _Atomic int64_t *since;
} wish;

#define WISHES 2

static void fill(vault *v, wish out[WISHES]) {
  out[0] =
    (wish){VAULT__JOB_INDEX, INDEX_IDLE_MS, INDEX_AFTER_MS, UINT64_MAX, &v->fresh_since_ms};
  out[1] = (wish){VAULT__JOB_SPILL, v->settings.spill_idle_ms, v->settings.spill_after_ms,
                  v->settings.spill_bytes, &v->inline_since_ms};
}

static int64_t mono_ms(vault *v) {
  return v->clock->mono_ms(v->clock_self);
}

void vault__janitor_start(vault *v) {
  atomic_store(&v->commit_mono_ms, mono_ms(v));
}

int64_t vault__janitor_quiet_ms(vault *v) {
  return mono_ms(v) - atomic_load(&v->commit_mono_ms);
}

void vault__janitor_saw(vault *v, uint64_t inline_bytes) {
  int64_t now = mono_ms(v);
  int first = 0;
  wish all[WISHES];
  atomic_store(&v->commit_mono_ms, now);
  if (!inline_bytes)
    return;
  (void)atomic_fetch_add(&v->inline_bytes, inline_bytes);
  fill(v, all);
  for (int i = 0; i < WISHES; i++) {
    int64_t none = 0;
    first |= atomic_compare_exchange_strong(all[i].since, &none, now ? now : 1);
  }
  if (first)
    vault__notify(v, VAULT_NOTICE_JOB_READY, NULL, NULL, 0);
}

/* INT64_MAX: nothing waits; 0: now. */
static int64_t wait_of(vault *v, const wish *w) {
  int64_t since = atomic_load(w->since);
  if (!since)
    return INT64_MAX;
  int64_t idle = w->idle_ms - vault__janitor_quiet_ms(v);
  int64_t after = w->after_ms - (mono_ms(v) - since);
  int64_t wait = idle < after ? idle : after;
  return wait <= 0 || atomic_load(&v->inline_bytes) >= w->bytes ? 0 : wait;
}

int64_t vault__janitor_wait(vault *v) {
  wish all[WISHES];
  int64_t wait = INT64_MAX;
  fill(v, all);
  for (int i = 0; i < WISHES; i++) {
    int64_t one = wait_of(v, &all[i]);
    wait = one < wait ? one : wait;
  }
  return wait;
}

/* Forgotten before it is asked for: what is committed in between is remembered anew, and may
 * then be looked for once in vain. */
static vault_status grant(vault *v, const wish *w, vault_err *err) {
  int64_t since = atomic_exchange(w->since, 0);
  if (w->kind == VAULT__JOB_SPILL)
    atomic_store(&v->inline_bytes, 0);
  vault_status s = vault__job_now(v, w->kind, err);
  if (s != VAULT_OK)
    atomic_store(w->since, since);
  return s;
}

vault_status vault__janitor_wake(vault *v, vault_err *err) {
  wish all[WISHES];
  fill(v, all);
  for (int i = 0; i < WISHES; i++)
    if (wait_of(v, &all[i]) == 0)
      VAULT_TRY(grant(v, &all[i], err));
  return VAULT_OK;
}
