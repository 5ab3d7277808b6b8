/* JSON bodies: strict reading through a table of members, and sending.
 * Strict: an unknown, repeated, missing or wrongly typed member is a 400 that names it, so that a
 * slip is seen at once and not ignored.
 * Threads: inside the handler of the request. */
#ifndef VD_COMMON_JSON_H
#define VD_COMMON_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include <vault/base.h>

#include "http/http.h"
#include "json_text.h"

typedef enum vd_json_type {
  VD_JSON_TEXT,  /* out: vault_str, borrowed from the document */
  VD_JSON_ID,    /* out: vault_id */
  VD_JSON_PLACE, /* as ID, or null for the root: out: vault_id, then zero */
  VD_JSON_INT64, /* out: int64_t; a number, or a string of one for those that cannot hold 64 bits */
  VD_JSON_ARRAY  /* out: json_t *, borrowed from the document */
} vd_json_type;

typedef struct vd_json_member {
  const char *name;
  vd_json_type type;
  bool required;
  void *out;     /* untouched when the member is absent */
  bool *present; /* may be NULL */
} vd_json_member;

/* Read the body. *doc: the document that texts are borrowed from, json_decref() it; NULL when there
 * is no body, which is the same as {} . false: the problem is filled in. */
bool vd_json_read(vd_request *rq, vd_response *rs, const vd_json_member *members, size_t n,
                  json_t **doc);

/* The same for a text, without HTTP; false with a sentence in err. For tests and the admin socket. */
bool vd_json_parse(const char *text, size_t len, const vd_json_member *members, size_t n,
                   json_t **doc, char *err, size_t err_size);

/* The same for an object inside of a document; also for what is none. */
bool vd_json_members(json_t *object, const vd_json_member *members, size_t n, char *err,
                     size_t err_size);

/* Send a document and release it. NULL (no memory while it was made) becomes a 500. Always VD_DONE. */
vd_next vd_json_send(vd_response *rs, int status, json_t *doc);

/* The same for a text; takes its memory. */
vd_next vd_json_text_send(vd_response *rs, int status, vd_json_text *t);

/* A JSON string of a slice; null when p is NULL. */
json_t *vd_json_str(vault_str s);
json_t *vd_json_id(const vault_id *id);
json_t *vd_json_time(int64_t unix_ms);

#endif
