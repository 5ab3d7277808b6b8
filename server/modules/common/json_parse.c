/* The part without HTTP: from text to the members of a table. */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text.h"

#define SHOWN_BYTES_MAX 60u

static const vd_json_member *find_member(const vd_json_member *members, size_t n,
                                         const char *name) {
  for (size_t i = 0; i < n; i++) {
    if (strcmp(members[i].name, name) == 0)
      return &members[i];
  }
  return NULL;
}

static bool read_id(const json_t *value, vault_id *out) {
  return json_is_string(value) &&
         vault_id_parse(json_string_value(value), json_string_length(value), out) == VAULT_OK;
}

static bool read_value(const vd_json_member *m, const json_t *value, char *err, size_t err_size) {
  const char *wanted = "a string";

  switch (m->type) {
  case VD_JSON_TEXT:
    if (json_is_string(value)) {
      vault_str s = {json_string_value(value), json_string_length(value)};
      *(vault_str *)m->out = s;
      return true;
    }
    break;
  case VD_JSON_PLACE:
    if (json_is_null(value)) {
      memset(m->out, 0, sizeof(vault_id));
      return true;
    }
    if (read_id(value, m->out))
      return true;
    wanted = "an id, or null for the root";
    break;
  case VD_JSON_ID:
    if (read_id(value, m->out))
      return true;
    wanted = "an id";
    break;
  case VD_JSON_INT64:
    if (json_is_integer(value)) {
      *(int64_t *)m->out = json_integer_value(value);
      return true;
    }
    if (json_is_string(value) && vd_int64_parse(json_string_value(value), m->out))
      return true;
    wanted = "a whole number of 64 bits, or a string of one";
    break;
  case VD_JSON_ARRAY:
    if (json_is_array(value)) {
      *(const json_t **)m->out = value;
      return true;
    }
    wanted = "an array";
    break;
  }
  (void)snprintf(err, err_size, "\"%s\" must be %s.", m->name, wanted);
  return false;
}

/* How much of a name is quoted; a character is not cut, or the answer would not be UTF-8. */
static int shown_bytes(const char *name) {
  size_t n = strlen(name);
  if (n <= SHOWN_BYTES_MAX)
    return (int)n;
  n = SHOWN_BYTES_MAX;
  while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
    n--;
  return (int)n;
}

bool vd_json_members(json_t *object, const vd_json_member *members, size_t n, char *err,
                     size_t err_size) {
  const char *name;
  json_t *value;

  if (!json_is_object(object)) {
    (void)snprintf(err, err_size, "This must be a JSON object.");
    return false;
  }
  json_object_foreach(object, name, value) {
    const vd_json_member *m = find_member(members, n, name);
    if (m == NULL) {
      (void)snprintf(err, err_size, "There is no member \"%.*s\" here.", shown_bytes(name), name);
      return false;
    }
    if (!read_value(m, value, err, err_size))
      return false;
    if (m->present != NULL)
      *m->present = true;
  }
  for (size_t i = 0; i < n; i++) {
    if (members[i].required && json_object_get(object, members[i].name) == NULL) {
      (void)snprintf(err, err_size, "The member \"%s\" is missing.", members[i].name);
      return false;
    }
  }
  return true;
}

bool vd_json_parse(const char *text, size_t len, const vd_json_member *members, size_t n,
                   json_t **doc, char *err, size_t err_size) {
  json_error_t where;
  json_t *parsed = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);

  if (parsed == NULL) {
    /* Not where.text: it quotes the body, which may hold a code or a token. */
    (void)snprintf(err, err_size, "The body is not valid JSON: line %d, column %d.", where.line,
                   where.column);
    return false;
  }
  if (!json_is_object(parsed)) {
    (void)snprintf(err, err_size, "The body must be a JSON object.");
    json_decref(parsed);
    return false;
  }
  if (!vd_json_members(parsed, members, n, err, err_size)) {
    json_decref(parsed);
    return false;
  }
  *doc = parsed;
  return true;
}
