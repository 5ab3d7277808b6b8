/* One block per message, made in memory and handed over in one write, so that lines of two
 * messages or of a log do not mix. Not buffered: the reader waits for it. The host keeps
 * SIGPIPE ignored if the descriptor is a pipe. */
#include <errno.h>
#include <unistd.h>

#include "libvault/base/alloc.h"
#include "libvault/base/buf.h"
#include "libvault/base/err.h"
#include "vault/adapters/sms.h"

#define TO_MAX 32u                                 /* bytes of a number */
#define TEXT_MAX 2048u                             /* bytes of a text */
#define BLOCK_MAX (8 * (TO_MAX + TEXT_MAX) + 256u) /* a new line grows by its bar */
#define RULE "----------------------------------------\n"
#define BAR "  | "

typedef struct console {
  const vault_alloc *alloc;
  int fd;
} console;

/* Each line with a bar before it. A message must not be able to command a terminal. */
static void add_text(vault__buf *b, vault_str s) {
  vault__buf_text(b, BAR);
  for (uint64_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    char shown = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    if (c == '\n')
      vault__buf_text(b, "\n" BAR);
    else
      vault__buf_add(b, &shown, 1);
  }
  vault__buf_text(b, "\n");
}

/* What was written cannot be taken back, so a failure after the first byte is UNCERTAIN. */
static vault_status write_all(int fd, const char *p, uint64_t n, vault_err *err) {
  uint64_t done = 0;
  while (done < n) {
    ssize_t put = write(fd, p + done, (size_t)(n - done));
    if (put > 0) {
      done += (uint64_t)put;
      continue;
    }
    int error = put < 0 ? errno : EIO;
    if (error == EINTR)
      continue;
    if (done)
      return vault__fail(err, VAULT_E_UNCERTAIN, VAULT_ORIGIN_SMS, error,
                         "the message was shown only in part");
    return vault__fail(err, error == EAGAIN ? VAULT_E_RETRY : VAULT_E_IO, VAULT_ORIGIN_SMS, error,
                       "the message could not be shown: the console takes no output");
  }
  return VAULT_OK;
}

static vault_status send_one(void *self, const vault_sms *m, vault_err *err) {
  const console *c = self;
  vault__buf b;
  if (m->to.n == 0 || m->to.n > TO_MAX || m->text.n == 0 || m->text.n > TEXT_MAX)
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_SMS, 0,
                       "a message needs a number of 1 to %u bytes and a text of 1 to %u bytes",
                       TO_MAX, TEXT_MAX);
  vault__buf_init(&b, c->alloc, BLOCK_MAX);
  vault__buf_text(&b, "\n" RULE "  Text message to\n");
  add_text(&b, m->to);
  vault__buf_text(&b, "\n");
  add_text(&b, m->text);
  vault__buf_text(&b, RULE "\n");
  vault_status st = vault__buf_check(&b, err);
  if (st == VAULT_OK)
    st = write_all(c->fd, b.p, b.n, err);
  vault__buf_free(&b);
  return st;
}

static void destroy(void *self) {
  console *c = self;
  if (c)
    vault__delete(c->alloc, c);
}

static const vault_sms_ops table = {sizeof table, VAULT_SMS_V1, send_one, destroy};

vault_status vault_sms_console_new(int32_t fd, const vault_alloc *alloc, const vault_sms_ops **ops,
                                   void **self, vault_err *err) {
  if (fd < 0 || !ops || !self)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_SMS, 0,
                       "the console needs an open descriptor");
  const vault_alloc *a = alloc ? alloc : vault__alloc_default();
  console *c = vault__new(a, sizeof *c);
  if (!c)
    return vault__no_memory(err);
  c->alloc = a;
  c->fd = fd;
  *ops = &table;
  *self = c;
  return VAULT_OK;
}
