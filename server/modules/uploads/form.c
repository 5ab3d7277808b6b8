/* Forms. Files are stored in the order in which they arrive, each as soon as it is complete; a file that cannot
 * be stored is read over and the others go on. The happy path of one: part() begins it, take() gathers or
 * streams its bytes, part_end() hands it to the committer, end() answers when all results are there. */
#include "form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "members.h"
#include "modules/common/bearer.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"
#include "multipart.h"

#define SEAL_FROM_BYTES (UINT64_C(1) << 20) /* as PUT: larger bodies are flushed by the worker */
#define TYPE_BYTES 128u

typedef enum doing {
  BETWEEN, /* parts */
  FIELD,
  NO_FILE, /* a file field in which nobody chose a file: no name, no bytes */
  FILE_PART,
  READ_OVER /* a file whose result is known already */
} doing;

typedef struct form {
  vd_members members; /* first: released through it */
  vault_principal who;
  vd_multipart parser;
  doing doing;
  /* fields: they count for the files behind them, and stand before the first */
  uint32_t space;
  vault_id parent;
  bool has_space, has_parent, has_mtime;
  int64_t mtime_ns; /* of the next file */
  char *folder;     /* NULL: the root, or parent */
  /* the part that is being received */
  char field[VD_MP_NAME_BYTES_MAX + 1];
  char type[TYPE_BYTES];
  char *path;
  vd_member *member;
  vault_upload *upload; /* NULL: its bytes are all in held */
  size_t held_n;
  char held[VD_FORM_SMALL_BYTES + 1];
} form;

static void release_form(vd_members *m) {
  form *f = (form *)m;
  free(f->folder);
  free(f->path);
  free(f);
}

static bool refuse(vd_response *rs, int status, const char *code, const char *detail) {
  vd_problem(rs, status, code, detail);
  return false;
}

static bool no_memory(form *f, vd_response *rs) {
  (void)vd_fail(f->members.rq, rs, VAULT_E_NO_MEMORY, NULL);
  return false;
}

/* ---- open -------------------------------------------------------------------------------------- */

static bool start(form *f, vd_request *rq, vd_response *rs) {
  switch (vd_multipart_init(&f->parser, vd_header(rq, "Content-Type"))) {
  case VD_MP_TYPE_OTHER:
    return refuse(rs, 415, "unsupported_media_type",
                  "Send the files as Content-Type: multipart/form-data.");
  case VD_MP_TYPE_BAD:
    return refuse(rs, 400, "bad_form",
                  "Content-Type needs one boundary of 1 to 70 characters (RFC 2046).");
  case VD_MP_TYPE_OK: break;
  }
  f->space = VAULT_SPACE_FILES;
  return vd_upload_plain(rq, rs) && vd_members_init(&f->members, rq, rs, release_form);
}

static vd_next form_open(vd_request *rq, vd_response *rs) {
  vault_principal who;
  form *f;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who))
    return VD_DONE;
  f = calloc(1, sizeof *f);
  if (f == NULL)
    return vd_fail(rq, rs, VAULT_E_NO_MEMORY, NULL);
  if (!start(f, rq, rs)) {
    free(f);
    return VD_DONE;
  }
  f->who = who;
  vd_set_data(rq, f, vd_members_release);
  return VD_CONTINUE;
}

/* ---- fields ------------------------------------------------------------------------------------ */

static bool set_parent(form *f, vd_response *rs) {
  if (f->has_parent || f->folder != NULL)
    return refuse(rs, 400, "bad_form", "Give one field \"parent\" or \"path\".");
  if (f->held_n > 0 && vault_id_parse(f->held, f->held_n, &f->parent) != VAULT_OK)
    return refuse(rs, 400, "bad_form",
                  "The field \"parent\" must be an id, or empty for the root.");
  f->has_parent = true;
  return true;
}

static bool set_folder(form *f, vd_response *rs) {
  if (f->has_parent || f->folder != NULL)
    return refuse(rs, 400, "bad_form", "Give one field \"parent\" or \"path\".");
  while (f->held_n > 0 && f->held[f->held_n - 1] == '/')
    f->held[--f->held_n] = '\0';
  f->folder = strdup(f->held);
  return f->folder != NULL || no_memory(f, rs);
}

static bool set_space(form *f, vd_response *rs) {
  if (f->has_space || !vd_space_parse(f->held, &f->space))
    return refuse(rs, 400, "bad_form", "One field \"space\" may be files, photos or notes.");
  f->has_space = true;
  return true;
}

static bool set_mtime(form *f, vd_response *rs) {
  if (f->has_mtime || !vd_int64_parse(f->held, &f->mtime_ns))
    return refuse(rs, 400, "bad_form",
                  "Before each file one field \"mtime_ns\" may be nanoseconds since 1970.");
  f->has_mtime = true;
  return true;
}

static bool field_end(form *f, vd_response *rs) {
  f->held[f->held_n] = '\0';
  if (strlen(f->held) != f->held_n)
    return refuse(rs, 400, "bad_form", "The value of a field holds a NUL.");
  if (strcmp(f->field, "mtime_ns") == 0)
    return set_mtime(f, rs);
  if (f->members.n > 0)
    return refuse(rs, 400, "bad_form",
                  "Only \"mtime_ns\" may stand behind a file: the others count for all files.");
  if (strcmp(f->field, "parent") == 0)
    return set_parent(f, rs);
  if (strcmp(f->field, "path") == 0)
    return set_folder(f, rs);
  if (strcmp(f->field, "space") == 0)
    return set_space(f, rs);
  return refuse(rs, 400, "bad_form",
                "The fields of this form are \"path\" or \"parent\", \"space\", \"mtime_ns\"; "
                "everything else must be a file, with a file name.");
}

/* ---- files ------------------------------------------------------------------------------------- */

static void fail_file(form *f, vault_status s, const vault_err *err) {
  vault_upload_abort(f->upload);
  f->upload = NULL;
  vd_member_failed(f->member, s, err);
  f->doing = READ_OVER;
}

static void fail_name(form *f, const char *why) {
  vault_err err = VAULT_ERR_INIT;
  (void)snprintf(err.msg, sizeof err.msg, "%s", why);
  err.status = VAULT_E_NAME;
  fail_file(f, VAULT_E_NAME, &err);
}

/* "a/b.txt" (a folder that was dropped into a page) is a path below the form's folder, and nothing leads out. */
static bool stays_inside(const char *name) {
  while (*name != '\0') {
    size_t n = strcspn(name, "/");
    if (n == 0 || (n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
      return false;
    name += n;
    if (*name == '/' && *++name == '\0')
      return false;
  }
  return true;
}

static bool file_begin(form *f, vd_response *rs) {
  const vd_mp_part *part = &f->parser.part;
  size_t folder_n = f->folder != NULL ? strlen(f->folder) : 0;
  size_t name_n = strlen(part->filename);

  if (f->members.n == VD_MEMBERS_MAX)
    return refuse(rs, 413, "too_many_files", "One request takes at most 256 files.");
  f->member = vd_members_add(&f->members, part->filename);
  f->path = f->member != NULL ? malloc(folder_n + 1 + name_n + 1) : NULL;
  if (f->path == NULL)
    return no_memory(f, rs);
  if (folder_n > 0)
    memcpy(f->path, f->folder, folder_n);
  f->path[folder_n] = '/';
  memcpy(f->path + folder_n + 1, part->filename, name_n + 1);
  f->type[0] = '\0';
  if (part->type != NULL)
    (void)snprintf(f->type, sizeof f->type, "%s",
                   strlen(part->type) < TYPE_BYTES ? part->type : "");
  f->doing = FILE_PART;
  if (name_n == 0)
    fail_name(f, "A file of the form has no file name.");
  else if (!stays_inside(part->filename))
    fail_name(f,
              "A file name of a form is a relative path, without empty parts, \".\" and \"..\".");
  return true;
}

static vault_status begin_upload(form *f, uint64_t length, vault_err *err) {
  char key[VAULT_OP_KEY_MAX + 1];
  const vault_upload_opts opts = {
    .size = sizeof opts,
    .flags = f->has_mtime ? VAULT_UP_MTIME : 0,
    .space = f->space,
    .parent = f->parent,
    .path = {f->path, strlen(f->path)},
    .length = length,
    .mtime_ns = f->mtime_ns,
    .content_type = vd_upload_type(f->type),
    .op_key = vd_members_key(&f->members, f->members.n - 1, key),
  };
  vault_status s = vault_upload_begin(f->members.app->vault, &f->who, &opts, &f->upload, err);
  if (s == VAULT_OK && f->held_n > 0)
    s = vault_upload_append(f->upload, f->held, f->held_n, err);
  return s;
}

static void take_file(form *f, const uint8_t *bytes, size_t n) {
  vault_err err = VAULT_ERR_INIT;
  vault_status s = VAULT_OK;

  if (f->upload == NULL && n <= VD_FORM_SMALL_BYTES - f->held_n) {
    memcpy(f->held + f->held_n, bytes, n);
    f->held_n += n;
    return;
  }
  if (f->upload == NULL)
    s = begin_upload(f, VAULT_LENGTH_UNKNOWN, &err);
  if (s == VAULT_OK)
    s = vault_upload_append(f->upload, bytes, n, &err);
  if (s != VAULT_OK)
    fail_file(f, s, &err);
}

static void file_end(form *f) {
  vault_err err = VAULT_ERR_INIT;
  vault_upload *u;
  vault_status s = VAULT_OK;

  if (f->upload == NULL)
    s = begin_upload(f, f->held_n, &err);
  else if (vault_upload_get(f->upload)->offset >= SEAL_FROM_BYTES)
    s = vault_upload_seal(f->upload, &err);
  if (s != VAULT_OK) {
    fail_file(f, s, &err);
    return;
  }
  u = f->upload;
  f->upload = NULL;
  vd_member_submit(f->member, u);
}

/* ---- parts ------------------------------------------------------------------------------------- */

static bool part_begin(form *f, vd_response *rs) {
  const vd_mp_part *part = &f->parser.part;
  f->held_n = 0;
  if (part->filename == NULL) {
    f->doing = FIELD;
    memcpy(f->field, part->name, strlen(part->name) + 1);
    return true;
  }
  if (part->filename[0] == '\0') {
    f->doing = NO_FILE;
    return true;
  }
  return file_begin(f, rs);
}

static bool part_data(form *f, vd_response *rs) {
  const uint8_t *bytes = f->parser.data;
  size_t n = f->parser.data_len;

  if (f->doing == NO_FILE && !file_begin(f, rs))
    return false;
  if (f->doing == FILE_PART) {
    take_file(f, bytes, n);
  } else if (f->doing == FIELD) {
    if (n > VD_FORM_FIELD_BYTES_MAX - f->held_n)
      return refuse(rs, 400, "bad_form", "The value of a field has more than 8192 bytes.");
    memcpy(f->held + f->held_n, bytes, n);
    f->held_n += n;
  }
  return true;
}

static bool part_end(form *f, vd_response *rs) {
  bool good = true;
  if (f->doing == FIELD) {
    good = field_end(f, rs);
  } else {
    if (f->doing == FILE_PART)
      file_end(f);
    f->has_mtime = false;
    f->mtime_ns = 0;
  }
  free(f->path);
  f->path = NULL;
  f->doing = BETWEEN;
  return good;
}

/* ---- the request ------------------------------------------------------------------------------- */

/* What was handed over is stored; the rest of the form is not. */
static vd_next give_up(form *f) {
  vault_upload_abort(f->upload);
  f->upload = NULL;
  return VD_DONE;
}

static vd_next form_data(vd_request *rq, vd_response *rs, const uint8_t *bytes, size_t len) {
  form *f = vd_data(rq);
  bool good = true;

  while (good) {
    switch (vd_multipart_next(&f->parser, &bytes, &len)) {
    case VD_MP_MORE: return VD_CONTINUE;
    case VD_MP_PART: good = part_begin(f, rs); break;
    case VD_MP_DATA: good = part_data(f, rs); break;
    case VD_MP_PART_END: good = part_end(f, rs); break;
    case VD_MP_BAD: good = refuse(rs, 400, "bad_form", f->parser.why); break;
    }
  }
  return give_up(f);
}

static vd_next form_end(vd_request *rq, vd_response *rs) {
  form *f = vd_data(rq);
  if (!vd_multipart_complete(&f->parser)) {
    (void)
      refuse(rs, 400, "bad_form",
             "The form ends before its last boundary; its files that were complete are stored.");
    return give_up(f);
  }
  if (f->members.n == 0) {
    (void)refuse(rs, 400, "bad_form", "There is no file in this form.");
    return VD_DONE;
  }
  return vd_members_answer(&f->members, rs, true);
}

static void form_cancel(vd_request *rq) {
  (void)give_up(vd_data(rq));
}

const vd_upload_ops vd_form_ops = {form_open, form_data, form_end, form_cancel};
