/* Many threads at one moment, for the concurrency tests of the suites. Tests only. */
#ifndef VT_PARALLEL_H
#define VT_PARALLEL_H

#include <stdint.h>

/* Run fn(ctx, i) for i in 0..n-1, each on its own thread, all let go at once; returns when
 * all have ended. fn must not use check: it reports through ctx. n at most 256. */
void vt_parallel(uint32_t n, void (*fn)(void *ctx, uint32_t i), void *ctx);

#endif
