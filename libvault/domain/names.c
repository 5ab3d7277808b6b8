#include "names.h"

#include <string.h>
#include <utf8proc.h>

#include "libvault/base/err.h"
#include "libvault/base/utf8.h"

/* No code point of a name decomposes (or folds) into more code points than twice its bytes, so
 * this holds any name of 255 bytes. One more for the byte that utf8proc_reencode puts behind. */
#define CODE_POINTS (2 * VAULT__NAME_BYTES + 1)

#define NFC (UTF8PROC_STABLE | UTF8PROC_COMPOSE)
#define KEY (NFC | UTF8PROC_CASEFOLD)

static vault_status refuse(vault_err *err, const char *why) {
  return vault__fail(err, VAULT_E_NAME, VAULT_ORIGIN_CORE, 0, "%s", why);
}

static const char *forbidden(uint32_t cp) {
  if (cp == '/')
    return "a name cannot hold a slash; make a folder instead";
  if (cp == 0)
    return "a name cannot hold a NUL byte";
  if (cp < 0x20 || (cp >= 0x7f && cp <= 0x9f))
    return "a name cannot hold control characters, line ends included";
  if (cp == 0x061c || cp == 0x200e || cp == 0x200f || (cp >= 0x202a && cp <= 0x202e) ||
      (cp >= 0x2066 && cp <= 0x2069))
    return "a name cannot hold invisible marks that change the reading direction";
  return NULL;
}

/* Normalise in place, in buf. Returns the bytes, or a negative number. utf8proc_map would do the
 * same with malloc. */
static utf8proc_ssize_t normalise(const char *p, uint64_t n, utf8proc_option_t options,
                                  utf8proc_int32_t buf[CODE_POINTS]) {
  utf8proc_ssize_t points = utf8proc_decompose((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n,
                                               buf, CODE_POINTS - 1, options);
  if (points < 0 || points > CODE_POINTS - 1)
    return -1;
  return utf8proc_reencode(buf, points, options);
}

vault_status vault__name_check(const char *p, uint64_t n, vault_err *err) {
  utf8proc_int32_t buf[CODE_POINTS];
  if (!n)
    return refuse(err, "a name cannot be empty");
  if (n > VAULT__NAME_BYTES)
    return refuse(err, "a name can have at most 255 bytes; choose a shorter one");
  if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
    return refuse(err, "\".\" and \"..\" are not names");
  for (uint64_t at = 0; at < n;) {
    uint32_t cp, bytes = vault__utf8_next(p + at, n - at, &cp);
    if (!bytes)
      return refuse(err, "a name must be valid UTF-8");
    const char *why = forbidden(cp);
    if (why)
      return refuse(err, why);
    at += bytes;
  }
  utf8proc_ssize_t composed = normalise(p, n, (utf8proc_option_t)NFC, buf);
  if (composed < 0)
    return refuse(err, "a name must be valid UTF-8");
  if (composed > VAULT__NAME_BYTES)
    return refuse(err,
                  "a name can have at most 255 bytes in Unicode form NFC; choose a shorter one");
  return VAULT_OK;
}

vault_status vault__name_key(const char *p, uint64_t n, vault__arena *a, vault_str *out,
                             vault_err *err) {
  utf8proc_int32_t buf[CODE_POINTS];
  VAULT_TRY(vault__name_check(p, n, err));
  utf8proc_ssize_t bytes = normalise(p, n, (utf8proc_option_t)KEY, buf);
  if (bytes < 0)
    return refuse(err, "a name must be valid UTF-8");
  const char *key = vault__arena_dup(a, buf, (uint64_t)bytes);
  if (!key)
    return vault__no_memory(err);
  *out = (vault_str){key, (uint64_t)bytes};
  return VAULT_OK;
}

vault_status vault__path_split(const char *p, uint64_t n, vault__path *out, vault_err *err) {
  vault__path path = {0};
  uint64_t at = n && p[0] == '/' ? 1 : 0;
  while (at < n) {
    const char *slash = memchr(p + at, '/', (size_t)(n - at));
    uint64_t length = slash ? (uint64_t)(slash - (p + at)) : n - at;
    if (path.n == VAULT__PATH_DEPTH)
      return vault__fail(err, VAULT_E_DEPTH, VAULT_ORIGIN_CORE, 0,
                         "a path can have at most %d levels; choose a place nearer to the top",
                         VAULT__PATH_DEPTH);
    VAULT_TRY(vault__name_check(p + at, length, err));
    path.part[path.n++] = (vault_str){p + at, length};
    path.trailing_slash = slash != NULL;
    at += length + (slash != NULL);
  }
  *out = path;
  return VAULT_OK;
}

vault_status vault__path_split_file(const char *p, uint64_t n, vault__path *out, vault_err *err) {
  vault__path path;
  VAULT_TRY(vault__path_split(p, n, &path, err));
  if (!path.n)
    return refuse(err, "the path names no file");
  if (path.trailing_slash)
    return refuse(err, "the path of a file cannot end with a slash");
  *out = path;
  return VAULT_OK;
}
