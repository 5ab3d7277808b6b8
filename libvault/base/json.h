/* A small strict JSON reader (RFC 8259 minus what two parsers could read differently) and a
 * writer. For token claims and policy documents, not for the HTTP API.
 *
 * Refused: duplicate keys in one object (compared after unescaping), invalid UTF-8, lone
 * surrogates, NUL in a string, raw control characters, leading zeros, anything after the
 * value, nesting or size above the limit. Confined to one thread. */
#ifndef VAULT__JSON_H
#define VAULT__JSON_H

#include "libvault/base/arena.h"
#include "libvault/base/buf.h"
#include "vault/base.h"

#define VAULT__JSON_DEPTH 8
#define VAULT__JSON_BYTES 4096  /* the default for max_bytes */
#define VAULT__JSON_MEMBERS 256 /* of one object or array */

enum {
  VAULT__JSON_NULL,
  VAULT__JSON_FALSE,
  VAULT__JSON_TRUE,
  VAULT__JSON_INT,    /* fits an int64: see i */
  VAULT__JSON_NUMBER, /* any other number: only its text is known */
  VAULT__JSON_STRING,
  VAULT__JSON_ARRAY,
  VAULT__JSON_OBJECT,
};

/* One value. Strings point into the input where they have no escape, else into the arena. */
typedef struct vault__json {
  int type;       /* VAULT__JSON_* */
  uint32_t n;     /* members of an object or array */
  vault_str key;  /* unescaped, when the parent is an object */
  vault_str text; /* the unescaped string, or the number as written */
  int64_t i;
  const struct vault__json *child, *next; /* first member; next of the same parent */
} vault__json;

/* Parse exactly one value. Text and arena must outlive the result.
 * OK | INPUT (says where) | TOO_LARGE | NO_MEMORY */
vault_status vault__json_parse(const char *p, uint64_t n, uint64_t max_bytes, vault__arena *a,
                               const vault__json **out, vault_err *err);

/* The member of an object; NULL when there is none or `object` is not an object (or NULL). */
const vault__json *vault__json_get(const vault__json *object, const char *key);

/* Typed reads of a member: 1 and *out set when it is there with this type, else 0. */
int vault__json_get_text(const vault__json *object, const char *key, vault_str *out);
int vault__json_get_int(const vault__json *object, const char *key, int64_t *out);

/* Writer: puts commas itself. Bytes must be UTF-8. Look at out->failed once at the end. */
typedef struct vault__json_out {
  vault__buf *out;
  int comma; /* the next member needs a comma before it */
} vault__json_out;

void vault__json_start(vault__json_out *w, vault__buf *out);
/* key NULL: a member of an array, or the top value. */
void vault__json_open(vault__json_out *w, const char *key, char bracket); /* '{' or '[' */
void vault__json_close(vault__json_out *w, char bracket);                 /* '}' or ']' */
void vault__json_text(vault__json_out *w, const char *key, vault_str value);
void vault__json_int(vault__json_out *w, const char *key, int64_t value);
void vault__json_bool(vault__json_out *w, const char *key, int value);
void vault__json_null(vault__json_out *w, const char *key);

#endif
