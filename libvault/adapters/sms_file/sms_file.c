/* A line is one write to a descriptor opened for appending, so several processes may share a
 * file and a reader never sees half a line of two messages. The file is not flushed to the
 * disk: a code that a power cut loses is asked for again. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libvault/base/alloc.h"
#include "libvault/base/buf.h"
#include "libvault/base/err.h"
#include "libvault/base/json.h"
#include "libvault/domain/blob_path.h"
#include "vault/adapters/sms.h"

#define TO_MAX 32u
#define TEXT_MAX 2048u
#define PATH_BYTES_MAX 4096u
#define LINE_BYTES_MAX (6 * (TO_MAX + TEXT_MAX) + 256u) /* an escaped byte takes up to six */
#define TIME_BYTES_MAX 64u
#define FILE_MODE 0600
#define MS_PER_DAY INT64_C(86400000)

typedef struct sink {
  const vault_alloc *alloc;
  int fd;
} sink;

/* RFC 3339, UTC, milliseconds. */
static void format_time(vault__buf *b, int64_t ms) {
  vault__date d = vault__date_of_ms(ms);
  int64_t of_day = ms % MS_PER_DAY;
  if (of_day < 0)
    of_day += MS_PER_DAY;
  vault__buf_printf(b, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", (int)d.year, d.month, d.day,
                    (int)(of_day / 3600000), (int)(of_day / 60000 % 60), (int)(of_day / 1000 % 60),
                    (int)(of_day % 1000));
}

static void make_line(const sink *s, const vault_sms *m, vault__buf *line) {
  vault__json_out w;
  vault__buf time;
  vault__buf_init(&time, s->alloc, TIME_BYTES_MAX);
  format_time(&time, m->time_ms);
  vault__json_start(&w, line);
  vault__json_open(&w, NULL, '{');
  vault__json_text(&w, "to", m->to);
  vault__json_text(&w, "text", m->text);
  vault__json_text(&w, "time", (vault_str){time.p, time.n});
  vault__json_close(&w, '}');
  line->failed |= time.failed;
  vault__buf_free(&time);
  vault__buf_text(line, "\n");
}

/* A line that a full disk cut off is taken back; another writer's line behind it is not: the
 * file is cut only if our part is its end. */
static void take_back(int fd, uint64_t n) {
  struct stat info;
  off_t end = lseek(fd, 0, SEEK_CUR); /* behind our own last write */
  if (end >= (off_t)n && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == end)
    (void)!ftruncate(fd, end - (off_t)n);
}

static vault_status append(int fd, const char *p, uint64_t n, vault_err *err) {
  ssize_t put;
  do
    put = write(fd, p, (size_t)n);
  while (put < 0 && errno == EINTR);
  if (put >= 0 && (uint64_t)put == n)
    return VAULT_OK;
  int error = put < 0 ? errno : ENOSPC;
  int full = error == ENOSPC || error == EDQUOT;
  if (put > 0)
    take_back(fd, (uint64_t)put);
  return vault__fail(err, full ? VAULT_E_NO_SPACE : VAULT_E_IO, VAULT_ORIGIN_SMS, error,
                     "the message could not be appended to its file: %s",
                     full ? "the disk is full" : "check the file and its disk");
}

static vault_status send_one(void *self, const vault_sms *m, vault_err *err) {
  const sink *s = self;
  vault__buf line;
  if (m->to.n == 0 || m->to.n > TO_MAX || m->text.n == 0 || m->text.n > TEXT_MAX)
    return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_SMS, 0,
                       "a message needs a number of 1 to %u bytes and a text of 1 to %u bytes",
                       TO_MAX, TEXT_MAX);
  vault__buf_init(&line, s->alloc, LINE_BYTES_MAX);
  make_line(s, m, &line);
  vault_status st = vault__buf_check(&line, err);
  if (st == VAULT_OK)
    st = append(s->fd, line.p, line.n, err);
  vault__buf_free(&line);
  return st;
}

static void destroy(void *self) {
  sink *s = self;
  if (!s)
    return;
  (void)close(s->fd);
  vault__delete(s->alloc, s);
}

static const vault_sms_ops table = {sizeof table, VAULT_SMS_V1, send_one, destroy};

static vault_status open_file(const char *path, uint64_t path_len, int *fd, vault_err *err) {
  char text[PATH_BYTES_MAX];
  memcpy(text, path, (size_t)path_len);
  text[path_len] = 0;
  int got = open(text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, FILE_MODE);
  if (got < 0)
    return vault__fail(err, VAULT_E_IO, VAULT_ORIGIN_SMS, errno,
                       "the file for messages cannot be opened; its directory must exist and be "
                       "writable");
  *fd = got;
  return VAULT_OK;
}

vault_status vault_sms_file_new(const char *path, uint64_t path_len, const vault_alloc *alloc,
                                const vault_sms_ops **ops, void **self, vault_err *err) {
  int fd = -1;
  if (!path || !path_len || path_len >= PATH_BYTES_MAX || memchr(path, 0, (size_t)path_len) ||
      !ops || !self)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_SMS, 0,
                       "the file for messages needs a path of 1 to %u bytes", PATH_BYTES_MAX - 1);
  const vault_alloc *a = alloc ? alloc : vault__alloc_default();
  VAULT_TRY(open_file(path, path_len, &fd, err));
  sink *s = vault__new(a, sizeof *s);
  if (!s) {
    (void)close(fd);
    return vault__no_memory(err);
  }
  s->alloc = a;
  s->fd = fd;
  *ops = &table;
  *self = s;
  return VAULT_OK;
}
