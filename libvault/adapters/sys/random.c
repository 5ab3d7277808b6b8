#include <errno.h>
#include <stddef.h>
#include <sys/random.h>

#include "libvault/base/err.h"
#include "vault/adapters/sys.h"

/* One call gives at most 32 MiB - 1; smaller pieces also stay interruptible. */
#define PIECE_BYTES (1u << 20)

static vault_status bytes(void *self, void *p, uint64_t n, vault_err *err) {
  unsigned char *to = p;
  (void)self;
  if (!p && n)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_SYS, 0, "random bytes need a buffer");
  while (n) {
    ssize_t got = getrandom(to, n < PIECE_BYTES ? (size_t)n : PIECE_BYTES, 0);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return vault__fail(err, VAULT_E_IO, VAULT_ORIGIN_SYS, got < 0 ? errno : 0,
                         "the system gave no random bytes: getrandom failed");
    to += got;
    n -= (uint64_t)got;
  }
  return VAULT_OK;
}

const vault_random_ops *vault_sys_random(void) {
  static const vault_random_ops ops = {sizeof ops, VAULT_RANDOM_V1, bytes, NULL};
  return &ops;
}
