/* Port: what an operator may want to know. The library writes nothing itself.
 * Threads: any thread, several at once. Must not call the library. */
#ifndef VAULT_PORTS_LOG_H
#define VAULT_PORTS_LOG_H

#include "../base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_LOG_V1 1u

#define VAULT_LOG_DEBUG 0u
#define VAULT_LOG_INFO 1u
#define VAULT_LOG_WARN 2u
#define VAULT_LOG_ERROR 3u

/* One fact beside an event. Text is UTF-8 and never holds a code, a token or a whole
 * phone number. */
typedef struct vault_log_field {
  const char *key;  /* static, NUL-terminated */
  vault_str text;   /* p == NULL: the value is `number` */
  int64_t number;
} vault_log_field;

typedef struct vault_log_ops {
  uint32_t size;    /* sizeof(vault_log_ops) */
  uint32_t version; /* VAULT_LOG_V1 */
  /* Must provide. event: static, NUL-terminated, lower_snake ("refresh_theft").
   * Everything is borrowed for the call. */
  void (*write)(void *self, uint32_t level, const char *event, const vault_log_field *fields,
                uint64_t n_fields);
  /* May provide. Called once. */
  void (*destroy)(void *self);
} vault_log_ops;

#ifdef __cplusplus
}
#endif
#endif
