/* Port: rate limits over sliding windows.
 * Threads: any thread, several at once. May block. */
#ifndef VAULT_PORTS_LIMITER_H
#define VAULT_PORTS_LIMITER_H

#include "../base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_LIMITER_V1 1u

#define VAULT_LIMIT_RULES_MAX 16u   /* rules in one call */
#define VAULT_LIMIT_KEY_MAX 96u     /* bytes of a key */

/* "At most `limit` in any `window_ms`, for this key." Keys are made by the library and
 * hold no whole phone number or address: "code/h/<keyed hash>". */
typedef struct vault_limit_rule {
  vault_str key;
  uint32_t limit;    /* 0: nothing is allowed */
  uint32_t cost;     /* how many this call takes; 0: only look */
  int64_t window_ms; /* > 0 */
} vault_limit_rule;

typedef struct vault_limit_verdict {
  uint32_t allowed;       /* 1: taken from every rule; 0: taken from none */
  uint32_t rule;          /* refused: index of the rule that takes longest to free up */
  uint32_t remaining;     /* allowed: the least that is left in any rule */
  uint32_t reserved;
  int64_t retry_after_ms; /* refused: when that rule would allow it */
} vault_limit_verdict;

typedef struct vault_limiter_ops {
  uint32_t size;    /* sizeof(vault_limiter_ops) */
  uint32_t version; /* VAULT_LIMITER_V1 */
  /* Must provide. Take from all rules or from none, atomically, also between processes
   * that share the store; durable before it returns. Never allows more than `limit` in a
   * window; limits up to 64 are exact, above that it may refuse up to 1/60 of a window
   * longer than needed. A clock that jumps back frees nothing.
   * A refusal is OK with allowed = 0, not an error. */
  vault_status (*take)(void *self, const vault_limit_rule *rules, uint64_t n_rules, int64_t now_ms,
                       vault_limit_verdict *out, vault_err *err);
  /* Must provide. Forget one key (a success clears the count of failures). */
  vault_status (*forget)(void *self, vault_str key, vault_err *err);
  /* Must provide. Drop up to `max` keys whose windows have passed; *n says how many went. */
  vault_status (*sweep)(void *self, int64_t now_ms, uint64_t max, uint64_t *n, vault_err *err);
  /* May provide. Called once. */
  void (*destroy)(void *self);
} vault_limiter_ops;

#ifdef __cplusplus
}
#endif
#endif
