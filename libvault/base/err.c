#include "err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* An older caller's vault_err may be shorter than ours: never write past its size. */
#define FITS(err, member) ((err)->size >= offsetof(vault_err, member) + sizeof((err)->member))

static void __attribute__((format(printf, 5, 0)))
fill(vault_err *err, vault_status status, uint32_t origin, int32_t native, const char *fmt,
     va_list ap) {
  if (!err || !FITS(err, native))
    return;
  err->status = status;
  err->origin = origin;
  err->native = native;
  if (FITS(err, retry_after_ms))
    err->retry_after_ms = 0;
  if (FITS(err, item))
    memset(&err->item, 0, sizeof err->item);
  if (!FITS(err, msg))
    return;
  if (fmt)
    (void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
  else
    (void)snprintf(err->msg, sizeof err->msg, "%s", vault_status_text(status));
}

vault_status vault__fail(vault_err *err, vault_status status, uint32_t origin, int32_t native,
                         const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fill(err, status, origin, native, fmt, ap);
  va_end(ap);
  return status;
}

vault_status vault__fail_until(vault_err *err, vault_status status, uint32_t origin,
                               int64_t retry_after_ms, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fill(err, status, origin, 0, fmt, ap);
  va_end(ap);
  if (err && FITS(err, retry_after_ms))
    err->retry_after_ms = retry_after_ms;
  return status;
}

vault_status vault__fail_item(vault_err *err, vault_status status, uint32_t origin,
                              const vault_id *item, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fill(err, status, origin, 0, fmt, ap);
  va_end(ap);
  if (err && item && FITS(err, item))
    err->item = *item;
  return status;
}

vault_status vault__no_memory(vault_err *err) {
  return vault__fail(err, VAULT_E_NO_MEMORY, VAULT_ORIGIN_CORE, 0, NULL);
}
