/* Lines that are written in bundles by a thread of their own: whoever adds one waits neither for the descriptor nor
 * for a system call. What was added is written within VD_LOG_BUNDLE_MS, and by vd_log_bundle_stop(). */
#ifndef VD_LOG_BUNDLE_H
#define VD_LOG_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#define VD_LOG_BUNDLE_MS 100u
/* Lines that wait for a descriptor that takes none; further ones are lost, and their number is told. */
#define VD_LOG_BUNDLE_BYTES 262144u

typedef struct vd_log_bundle vd_log_bundle;

/* lost is called on the thread, after n lines had to be dropped; it must not add lines. NULL: no memory or thread. */
vd_log_bundle *vd_log_bundle_start(int fd, void (*lost)(void *arg, uint64_t n), void *arg);
/* Any thread. */
void vd_log_bundle_add(vd_log_bundle *b, const char *line, size_t n);
/* Writes what is there and ends the thread. NULL is legal. */
void vd_log_bundle_stop(vd_log_bundle *b);

/* All n bytes, or as many as the descriptor takes before it fails: there is nowhere to say it. */
void vd_log_write(int fd, const char *p, size_t n);

#endif
