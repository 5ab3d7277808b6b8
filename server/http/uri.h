/* Request targets, percent-decoding, query strings, Host. Pure. */
#ifndef VD_HTTP_URI_H
#define VD_HTTP_URI_H

#include <stdbool.h>
#include <stddef.h>

/* Decodes %XX; plus_is_space for queries. dst may be src. false on a bad %XX or an encoded or raw
 * NUL; dst needs src_len + 1 bytes and is NUL-terminated. */
bool vd_percent_decode(const char *src, size_t src_len, bool plus_is_space, char *dst,
                       size_t *dst_len);
/* Encodes all but unreserved characters and '/'. false if it does not fit. */
bool vd_percent_encode_path(const char *src, size_t src_len, char *dst, size_t dst_size);

typedef struct vd_pair {
  const char *name;
  const char *value;
} vd_pair;

typedef enum vd_query_result {
  VD_QUERY_OK,
  VD_QUERY_BAD_ENCODING,
  VD_QUERY_DUPLICATE,
  VD_QUERY_TOO_MANY
} vd_query_result;
/* Splits "a=b&c" in place (query is changed and keeps the strings). An empty piece ("a=b&&c") is
 * skipped; "c" without "=" has the value "". */
vd_query_result vd_query_parse(char *query, vd_pair *out, size_t max, size_t *n);

typedef struct vd_target {
  bool asterisk;    /* "*" */
  const char *host; /* absolute form: the authority, not terminated; else NULL */
  size_t host_len;
  const char *path; /* begins with '/' */
  size_t path_len;
  const char *query; /* behind '?', or NULL */
  size_t query_len;
} vd_target;
/* Origin form, absolute form (http and https) and "*". false: none of them, or a fragment. Slices point
 * into target; an absolute form without path has path "/". */
bool vd_target_parse(const char *target, size_t len, vd_target *out);

/* host[:port] of RFC 9110 7.2: no userinfo, no comma, no space; port 1..65535 or empty; a literal in
 * brackets is IPv6. false: answer 400. An empty value is false too. */
bool vd_host_valid(const char *value, size_t len);

#endif
