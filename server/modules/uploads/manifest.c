#include "manifest.h"

#include <stdio.h>
#include <string.h>

#include "modules/common/json.h"
#include "modules/common/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SPACE_TEXT 8u

static int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool vd_sha256_parse(vault_str text, uint8_t out[32]) {
  uint8_t bytes[32];
  if (text.n != 2 * sizeof bytes)
    return false;
  for (size_t i = 0; i < sizeof bytes; i++) {
    int high = hex_value(text.p[2 * i]), low = hex_value(text.p[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    bytes[i] = (uint8_t)(high * 16 + low);
  }
  memcpy(out, bytes, sizeof bytes);
  return true;
}

static bool space_of(vault_str text, uint32_t *space) {
  char copy[SPACE_TEXT];
  if (text.n >= sizeof copy)
    return false;
  memcpy(copy, text.p, (size_t)text.n);
  copy[text.n] = '\0';
  return vd_space_parse(copy, space);
}

static bool key_valid(vault_str key) {
  for (uint64_t i = 0; i < key.n; i++) {
    if (key.p[i] <= 0x20 || key.p[i] >= 0x7f)
      return false;
  }
  return key.n >= 1;
}

/* NULL, or what is wrong. */
static const char *judge(vd_manifest_item *item, vault_str space, vault_str sha256,
                         vault_str none_match) {
  item->space = VAULT_SPACE_FILES;
  item->has_sha256 = sha256.p != NULL;
  item->new_only = none_match.p != NULL;
  if (space.p != NULL && !space_of(space, &item->space))
    return "\"space\" must be files, photos or notes";
  if (item->has_sha256 && !vd_sha256_parse(sha256, item->sha256))
    return "\"sha256\" must be 64 hexadecimal digits";
  if (item->new_only && (none_match.n != 1 || none_match.p[0] != '*'))
    return "\"if_none_match\" must be \"*\"";
  if (item->key.p != NULL && !key_valid(item->key))
    return "\"idempotency_key\" must be visible ASCII characters";
  return NULL;
}

static bool read_item(json_t *row, vd_manifest_item *item, char *err, size_t err_size) {
  vault_str space = {NULL, 0}, sha256 = {NULL, 0}, none_match = {NULL, 0};
  const vd_json_member members[] = {
    {"path", VD_JSON_TEXT, true, &item->path, NULL},
    {"space", VD_JSON_TEXT, false, &space, NULL},
    {"mtime_ns", VD_JSON_INT64, false, &item->mtime_ns, &item->has_mtime},
    {"sha256", VD_JSON_TEXT, false, &sha256, NULL},
    {"if_none_match", VD_JSON_TEXT, false, &none_match, NULL},
    {"idempotency_key", VD_JSON_TEXT, false, &item->key, NULL},
  };
  const char *why;

  memset(item, 0, sizeof *item);
  if (!vd_json_members(row, members, COUNT(members), err, err_size))
    return false;
  why = judge(item, space, sha256, none_match);
  if (why != NULL)
    (void)snprintf(err, err_size, "%s.", why);
  return why == NULL;
}

static bool read_rows(json_t *rows, vd_manifest_item *items, char *err, size_t err_size) {
  char why[160];
  json_t *row;
  size_t i;

  json_array_foreach(rows, i, row) {
    if (read_item(row, &items[i], why, sizeof why))
      continue;
    (void)snprintf(err, err_size, "Item %zu of the manifest: %s", i, why);
    return false;
  }
  return true;
}

bool vd_manifest_read(const char *text, size_t len, vd_manifest_item *items, size_t max, size_t *n,
                      json_t **doc, bool *too_many, char *err, size_t err_size) {
  json_t *rows = NULL;
  size_t n_rows;
  const vd_json_member members[] = {{"items", VD_JSON_ARRAY, true, &rows, NULL}};

  *too_many = false;
  if (!vd_json_parse(text, len, members, COUNT(members), doc, err, err_size))
    return false;
  n_rows = json_array_size(rows);
  *too_many = n_rows > max;
  if (n_rows == 0 || *too_many) {
    (void)snprintf(err, err_size, "A batch has 1 to %zu items.", max);
  } else if (read_rows(rows, items, err, err_size)) {
    *n = n_rows;
    return true;
  }
  json_decref(*doc);
  *doc = NULL;
  return false;
}
