#include "place.h"

#include <string.h>

#include "codec.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"
#include "multipart.h"

#define NS_PER_MS INT64_C(1000000)
#define NUMBER_TEXT 24u

const char *const vd_place_params[] = {"path", "space", "parent", "mtime_ns"};

static bool bad(vd_response *rs, const char *why) {
  (void)vd_bad_request(rs, "bad_metadata", why);
  return false;
}

/* A terminated copy; false when it is longer or holds a NUL. */
static bool copy(const vault_str *s, char *out, size_t room) {
  if (s->n >= room || memchr(s->p, '\0', (size_t)s->n) != NULL)
    return false;
  memcpy(out, s->p, (size_t)s->n);
  out[s->n] = '\0';
  return true;
}

/* ---- Upload-Metadata -------------------------------------------------------------------------- */

static const vault_str *either(const vd_metadata *m, const char *a, const char *b) {
  const vault_str *found = vd_metadata_find(m, a);
  return found != NULL ? found : vd_metadata_find(m, b);
}

/* A time that makes no sense never fails an upload when a program sent it by itself; mtime_ns is sent on
 * purpose. */
static bool meta_time(vd_response *rs, const vd_metadata *m, vault_upload_opts *opts) {
  const vault_str *ns = vd_metadata_find(m, "mtime_ns"), *ms = vd_metadata_find(m, "lastModified");
  char text[NUMBER_TEXT];
  int64_t value;

  if (ns != NULL) {
    if (!copy(ns, text, sizeof text) || !vd_int64_parse(text, &opts->mtime_ns))
      return bad(rs, "\"mtime_ns\" must be a whole number of nanoseconds since 1970.");
    opts->flags |= VAULT_UP_MTIME;
  } else if (ms != NULL && copy(ms, text, sizeof text) && vd_int64_parse(text, &value) &&
             value <= INT64_MAX / NS_PER_MS && value >= INT64_MIN / NS_PER_MS) {
    opts->mtime_ns = value * NS_PER_MS;
    opts->flags |= VAULT_UP_MTIME;
  }
  return true;
}

static bool meta_place(vd_response *rs, const vd_metadata *m, vault_upload_opts *opts) {
  const vault_str *space = vd_metadata_find(m, "space"), *parent = vd_metadata_find(m, "parent");
  char text[NUMBER_TEXT];

  if (space != NULL && (!copy(space, text, sizeof text) || !vd_space_parse(text, &opts->space)))
    return bad(rs, "\"space\" must be files, photos or notes.");
  if (parent != NULL && vault_id_parse(parent->p, parent->n, &opts->parent) != VAULT_OK)
    return bad(rs, "\"parent\" must be an id.");
  return true;
}

static bool from_metadata(vd_request *rq, vd_response *rs, const vd_metadata *m, vd_place *place,
                          vault_upload_opts *opts) {
  const vault_str *path = either(m, "relativePath", "path");
  const vault_str *type = either(m, "filetype", "type");

  if (path == NULL)
    path = either(m, "filename", "name");
  if (opts->path.n == 0 && path != NULL)
    opts->path = *path;
  if (opts->content_type.n == 0 && type != NULL && copy(type, place->type, sizeof place->type))
    opts->content_type = vd_upload_type(place->type);
  if ((opts->flags & VAULT_UP_MTIME) == 0 && !meta_time(rs, m, opts))
    return false;
  return vd_query(rq, "space") != NULL || vd_query(rq, "parent") != NULL || meta_place(rs, m, opts);
}

/* A file name only: a path in it is another machine's. */
static void from_disposition(vd_request *rq, vd_place *place, vault_upload_opts *opts) {
  const char *value = vd_header(rq, "Content-Disposition"), *name;

  if (value == NULL || strlen(value) >= sizeof place->name)
    return;
  memcpy(place->name, value, strlen(value) + 1);
  name = vd_mp_disposition_name(place->name);
  if (name == NULL)
    return;
  opts->path.p = name;
  opts->path.n = strlen(name);
}

/* ---- all of it -------------------------------------------------------------------------------- */

static bool query_time(vd_request *rq, vd_response *rs, vault_upload_opts *opts) {
  const char *ns = vd_query(rq, "mtime_ns");

  if (ns == NULL || (opts->flags & VAULT_UP_MTIME) != 0)
    return true;
  if (!vd_int64_parse(ns, &opts->mtime_ns)) {
    (void)vd_bad_request(rs, "bad_parameter",
                         "\"mtime_ns\" must be a whole number of nanoseconds since 1970.");
    return false;
  }
  opts->flags |= VAULT_UP_MTIME;
  return true;
}

bool vd_place_read(vd_request *rq, vd_response *rs, const vd_metadata *m, vd_place *place,
                   vault_upload_opts *opts) {
  const char *path = vd_query(rq, "path");

  if (!vd_query_space(rq, rs, &opts->space) || !vd_query_id(rq, rs, "parent", &opts->parent) ||
      !query_time(rq, rs, opts))
    return false;
  if (path != NULL) {
    opts->path.p = path;
    opts->path.n = strlen(path);
  }
  if (m != NULL && !from_metadata(rq, rs, m, place, opts))
    return false;
  if (opts->path.n == 0)
    from_disposition(rq, place, opts);
  if (opts->path.n > 0)
    return true;
  (void)vd_bad_request(rs, "name_missing",
                       "The file has no name: send the query parameter \"path\", \"filename\" in "
                       "Upload-Metadata, or Content-Disposition.");
  return false;
}
