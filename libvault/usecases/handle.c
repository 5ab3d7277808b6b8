#include "handle.h"

#include <string.h>

/* The larger of what is there and value, which is there afterwards. */
static int64_t raise_to(_Atomic int64_t *at, int64_t value) {
  int64_t have = atomic_load_explicit(at, memory_order_relaxed);
  while (value > have)
    if (atomic_compare_exchange_weak_explicit(at, &have, value, memory_order_relaxed,
                                              memory_order_relaxed))
      return value;
  return have;
}

/* Clocks may say anything; far ends stop instead of wrapping. */
static int64_t difference(int64_t a, int64_t b) {
  int64_t out;
  return __builtin_sub_overflow(a, b, &out) ? (b < 0 ? INT64_MAX : INT64_MIN) : out;
}

static int64_t sum(int64_t a, int64_t b) {
  int64_t out;
  return __builtin_add_overflow(a, b, &out) ? (a < 0 ? INT64_MIN : INT64_MAX) : out;
}

void vault__raise_floor(vault *v, int64_t now_ms) {
  (void)raise_to(&v->lead_ms, difference(now_ms, v->clock->mono_ms(v->clock_self)));
  (void)raise_to(&v->floor_ms, now_ms);
}

int64_t vault__now_ms(vault *v) {
  int64_t mono_ms = v->clock->mono_ms(v->clock_self);
  int64_t lead_ms = raise_to(&v->lead_ms, difference(v->clock->now_ms(v->clock_self), mono_ms));
  /* The floor as well: a thread that read the other clock and then slept is late. */
  return raise_to(&v->floor_ms, sum(mono_ms, lead_ms));
}

vault_status vault__random(vault *v, void *p, uint64_t n, vault_err *err) {
  return v->random->bytes(v->random_self, p, n, err);
}

/* RFC 9562, 6.2 method 1: a counter in the 12 bits behind the time keeps ids of one
 * millisecond in order; when it overflows, the id's time runs ahead by a millisecond. */
#define ID_COUNT_MAX 0xfffu

/* Under the lock. Random bytes come for many ids at once: a call of the system for each of the four ids of a small
 * upload would cost more than its hash. */
static vault_status id_random(vault *v, uint8_t *out, vault_err *err) {
  if (v->id_random_left == 0) {
    VAULT_TRY(vault__random(v, v->id_random, sizeof v->id_random, err));
    v->id_random_left = VAULT__ID_RANDOM_IDS;
  }
  memcpy(out, v->id_random[--v->id_random_left], VAULT__ID_RANDOM_BYTES);
  return VAULT_OK;
}

vault_status vault__new_id(vault *v, vault_id *out, vault_err *err) {
  vault_id id;
  int64_t now = vault__now_ms(v);
  (void)pthread_mutex_lock(&v->id_lock);
  vault_status s = id_random(v, id.b + 8, err);
  if (s != VAULT_OK) {
    (void)pthread_mutex_unlock(&v->id_lock);
    return s;
  }
  if (now > v->id_ms) {
    v->id_ms = now;
    v->id_count = 0;
  } else if (v->id_count == ID_COUNT_MAX) {
    v->id_ms++;
    v->id_count = 0;
  } else {
    v->id_count++;
  }
  uint64_t ms = (uint64_t)v->id_ms;
  uint32_t count = v->id_count;
  (void)pthread_mutex_unlock(&v->id_lock);
  for (unsigned i = 0; i < 6; i++)
    id.b[i] = (uint8_t)(ms >> (40 - 8 * i));
  id.b[6] = (uint8_t)(0x70 | count >> 8);
  id.b[7] = (uint8_t)count;
  id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f));
  *out = id;
  return VAULT_OK;
}

void vault__scratch(vault *v, vault__arena *a) {
  vault__arena_init(a, &v->alloc, VAULT__SCRATCH_MAX);
}

void vault__log(vault *v, uint32_t level, const char *event, const vault_log_field *fields,
                uint64_t n_fields) {
  if (v->log)
    v->log->write(v->log_self, level, event, fields, n_fields);
}

void vault__notify(vault *v, uint32_t kind, const vault_id *user, const vault_id *subject,
                   uint64_t number) {
  if (!v->notifier)
    return;
  vault_notice notice = {.size = sizeof notice, .kind = kind, .number = number};
  if (user)
    notice.user = *user;
  if (subject)
    notice.subject = *subject;
  v->notifier->notify(v->notifier_self, &notice);
}

vault_status vault__check_who(const vault *v, const void *who, vault_err *err) {
  if (!v)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "no vault was given");
  const uint32_t *size = who;
  /* Every principal has size, flags and the user's id; later fields are read by auth only. */
  if (!who || *size < 2 * sizeof(uint32_t) + sizeof(vault_id))
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0,
                       "no principal was given, or its size is not set");
  return VAULT_OK;
}

uint32_t vault_caps(const vault *v) {
  return v ? v->caps : 0;
}

const vault_settings *vault_settings_get(const vault *v) {
  return v ? &v->settings : NULL;
}
