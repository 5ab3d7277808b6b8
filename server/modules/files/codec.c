#include "codec.h"

#include <string.h>

#include "modules/common/json.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SPACE_TEXT 8u

static bool space_of(vault_str text, uint32_t *space) {
  char copy[SPACE_TEXT];
  if (text.n >= sizeof copy)
    return false;
  memcpy(copy, text.p, (size_t)text.n);
  copy[text.n] = '\0';
  return vd_space_parse(copy, space);
}

bool vd_folder_read(vd_request *rq, vd_response *rs, vd_folder_request *out) {
  vault_str kind = {NULL, 0}, space = {NULL, 0};
  const vd_json_member members[] = {
    {"name", VD_JSON_TEXT, true, &out->name, NULL},
    {"parent_id", VD_JSON_PLACE, false, &out->parent, NULL},
    {"space", VD_JSON_TEXT, false, &space, NULL},
    {"kind", VD_JSON_TEXT, false, &kind, NULL},
  };
  const char *why = NULL;

  memset(out, 0, sizeof *out);
  out->space = VAULT_SPACE_FILES;
  if (!vd_json_read(rq, rs, members, COUNT(members), &out->doc))
    return false;
  if (kind.p != NULL && (kind.n != 6 || memcmp(kind.p, "folder", 6) != 0))
    why = "\"kind\" must be folder; files are made with PUT /api/v1/files/content.";
  if (space.p != NULL && !space_of(space, &out->space))
    why = "\"space\" must be files, photos or notes.";
  if (why == NULL)
    return true;
  json_decref(out->doc);
  (void)vd_bad_request(rs, "bad_json", why);
  return false;
}

bool vd_patch_read(vd_request *rq, vd_response *rs, bool with_mtime, vd_patch_request *out) {
  bool name = false, parent = false, mtime = false;
  const vd_json_member members[] = {
    {"name", VD_JSON_TEXT, false, &out->patch.name, &name},
    {"parent_id", VD_JSON_PLACE, false, &out->patch.parent, &parent},
    {"mtime_ns", VD_JSON_INT64, false, &out->patch.mtime_ns, &mtime},
  };

  memset(out, 0, sizeof *out);
  out->patch.size = sizeof out->patch;
  if (!vd_json_read(rq, rs, members, with_mtime ? COUNT(members) : COUNT(members) - 1, &out->doc))
    return false;
  if (name)
    out->patch.flags |= VAULT_UPDATE_NAME;
  if (parent)
    out->patch.flags |= VAULT_UPDATE_PARENT;
  if (mtime)
    out->patch.flags |= VAULT_UPDATE_MTIME;
  return true;
}
