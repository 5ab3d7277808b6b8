#include <time.h>

#include "vault/adapters/sys.h"

#define MS_PER_S 1000
#define NS_PER_MS 1000000

/* clock_gettime cannot fail for these two clocks on Linux; 0 would only be seen if it did. */
static int64_t read_ms(clockid_t which) {
  struct timespec t = {0, 0};
  (void)clock_gettime(which, &t);
  return (int64_t)t.tv_sec * MS_PER_S + t.tv_nsec / NS_PER_MS;
}

static int64_t now_ms(void *self) {
  (void)self;
  return read_ms(CLOCK_REALTIME);
}

static int64_t mono_ms(void *self) {
  (void)self;
  return read_ms(CLOCK_MONOTONIC);
}

const vault_clock_ops *vault_sys_clock(void) {
  static const vault_clock_ops ops = {sizeof ops, VAULT_CLOCK_V1, now_ms, mono_ms, NULL};
  return &ops;
}
