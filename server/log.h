/* The log: one line per event on a descriptor, JSON for programs, text for people.
 *
 * Never a code, a token or a whole phone number: callers give ids.
 * Threads: any thread; a line is one write(2), so lines do not mix. After vd_log_start() the lines of requests that
 * succeeded are gathered and written by a thread, within 100 ms (log_bundle.h); a kill can lose that much of them,
 * and their order among other lines is that of "time", not that of the file. All others are written at once. */
#ifndef VD_LOG_H
#define VD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vault/ports/log.h>

#include "http/server.h"
#include "log_bundle.h"

#define VD_LOG_LINE_MAX 4096u /* fields that do not fit are left out */

typedef enum vd_log_requests {
  VD_LOG_REQUESTS_ON,
  VD_LOG_REQUESTS_ERRORS,
  VD_LOG_REQUESTS_OFF
} vd_log_requests;

typedef struct vd_log {
  int fd;
  bool json;
  uint32_t level; /* VAULT_LOG_*: less important lines are dropped */
  vd_log_requests requests;
  vd_log_bundle *bundle; /* NULL: every line at once */
} vd_log;

/* fd is borrowed. format: "auto", "json" or "text"; level and requests: as in the configuration. */
void vd_log_init(vd_log *log, int fd, const char *format, const char *level, const char *requests);

/* From here on requests are written in bundles; if there is no thread for it, at once as before. */
void vd_log_start(vd_log *log);
void vd_log_stop(vd_log *log); /* writes what is gathered */

void vd_log_event(const vd_log *log, uint32_t level, const char *event,
                  const vault_log_field *fields, size_t n_fields);
/* An event with one sentence ("message"). */
void vd_log_say(const vd_log *log, uint32_t level, const char *event, const char *sentence);

/* The port of the library; self: the vd_log, which must outlive the vault. */
extern const vault_log_ops vd_log_ops;
/* For vd_http_config.log; log_arg: the vd_log. */
void vd_log_request(void *log_arg, const vd_log_record *record);

#endif
