/* Adapters: messages to a terminal, and to a file. Both are for development and for hosts
 * whose owner reads the codes; neither sends anything over a network.
 * Threads: any thread. */
#ifndef VAULT_ADAPTERS_SMS_H
#define VAULT_ADAPTERS_SMS_H

#include "../ports/sms.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes each message to fd (borrowed, never closed) in one write. Feature `sms_console`.
 * ops and self: owned by the caller, who calls ops->destroy(self) once. */
VAULT_API vault_status vault_sms_console_new(int32_t fd, const vault_alloc *alloc,
                                             const vault_sms_ops **ops, void **self,
                                             vault_err *err);

/* Appends one JSON object per line to a file (made with mode 0600): {"to","text","time"},
 * time in RFC 3339. Feature `sms_file`. Ownership as above. */
VAULT_API vault_status vault_sms_file_new(const char *path, uint64_t path_len,
                                          const vault_alloc *alloc, const vault_sms_ops **ops,
                                          void **self, vault_err *err);

#ifdef __cplusplus
}
#endif
#endif
