#include "parallel.h"

#include <check.h>
#include <pthread.h>

#define THREADS_MAX 256
#define STACK_BYTES (512u << 10)

typedef struct worker {
  pthread_t thread;
  pthread_barrier_t *start;
  void (*fn)(void *ctx, uint32_t i);
  void *ctx;
  uint32_t i;
} worker;

static void *work(void *arg) {
  worker *w = arg;
  (void)pthread_barrier_wait(w->start);
  w->fn(w->ctx, w->i);
  return NULL;
}

void vt_parallel(uint32_t n, void (*fn)(void *ctx, uint32_t i), void *ctx) {
  static worker workers[THREADS_MAX];
  pthread_barrier_t start;
  pthread_attr_t attr;
  ck_assert_uint_le(n, THREADS_MAX);
  ck_assert_int_eq(pthread_barrier_init(&start, NULL, n), 0);
  ck_assert_int_eq(pthread_attr_init(&attr), 0);
  ck_assert_int_eq(pthread_attr_setstacksize(&attr, STACK_BYTES), 0);
  for (uint32_t i = 0; i < n; i++) {
    workers[i] = (worker){.start = &start, .fn = fn, .ctx = ctx, .i = i};
    ck_assert_int_eq(pthread_create(&workers[i].thread, &attr, work, &workers[i]), 0);
  }
  for (uint32_t i = 0; i < n; i++)
    ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
  (void)pthread_attr_destroy(&attr);
  (void)pthread_barrier_destroy(&start);
}
