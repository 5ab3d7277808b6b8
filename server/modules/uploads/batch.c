/* Batches. Nothing is stored before the whole request is there and right in itself; then all files are handed
 * over together. A file that is refused (its name, its size, its digest, a condition, the quota) has its own
 * result and does not stop the others. */
#include "batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "manifest.h"
#include "members.h"
#include "modules/common/bearer.h"
#include "modules/common/params.h"
#include "modules/common/problem.h"
#include "modules/common/text.h"
#include "multipart.h"

#define MANIFEST "manifest"
#define TYPE_BYTES 128u

typedef struct batch_file {
  vd_member *member;
  vault_upload *upload; /* NULL: not there yet, or refused */
  bool seen;
} batch_file;

typedef struct batch {
  vd_members members; /* first: released through it */
  vault_principal who;
  vd_multipart parser;
  json_t *doc; /* the manifest; NULL until it is there */
  size_t n, n_seen;
  uint64_t bytes;   /* of all files */
  char *text;       /* the manifest while it arrives */
  size_t text_room; /* of text */
  size_t held_n;    /* of text, or of held */
  size_t now;       /* the file that arrives */
  bool refused;     /* its result is known */
  char type[TYPE_BYTES];
  vd_manifest_item items[VD_BATCH_ITEMS_MAX];
  batch_file files[VD_BATCH_ITEMS_MAX];
  char held[VD_BATCH_ITEM_BYTES_MAX];
} batch;

static void release_batch(vd_members *m) {
  batch *b = (batch *)m;
  json_decref(b->doc);
  free(b->text);
  free(b);
}

static bool refuse(vd_response *rs, int status, const char *code, const char *detail) {
  vd_problem(rs, status, code, detail);
  return false;
}

/* ---- open -------------------------------------------------------------------------------------- */

static bool start(batch *b, vd_request *rq, vd_response *rs) {
  switch (vd_multipart_init(&b->parser, vd_header(rq, "Content-Type"))) {
  case VD_MP_TYPE_OTHER:
    return refuse(rs, 415, "unsupported_media_type",
                  "Send the batch as Content-Type: multipart/form-data.");
  case VD_MP_TYPE_BAD:
    return refuse(rs, 400, "bad_form",
                  "Content-Type needs one boundary of 1 to 70 characters (RFC 2046).");
  case VD_MP_TYPE_OK: break;
  }
  return vd_upload_plain(rq, rs) && vd_members_init(&b->members, rq, rs, release_batch);
}

static vd_next batch_open(vd_request *rq, vd_response *rs) {
  vault_principal who;
  batch *b;

  if (!vd_only_params(rq, rs, NULL, 0) || !vd_authenticate(rq, rs, &who))
    return VD_DONE;
  b = calloc(1, sizeof *b);
  if (b == NULL)
    return vd_fail(rq, rs, VAULT_E_NO_MEMORY, NULL);
  if (!start(b, rq, rs)) {
    free(b);
    return VD_DONE;
  }
  b->who = who;
  vd_set_data(rq, b, vd_members_release);
  return VD_CONTINUE;
}

/* ---- the manifest ------------------------------------------------------------------------------ */

static bool manifest_data(batch *b, vd_response *rs) {
  size_t need = b->held_n + b->parser.data_len;
  if (need > VD_BATCH_MANIFEST_BYTES_MAX)
    return refuse(rs, 413, "body_too_large", "The manifest of a batch has at most 262144 bytes.");
  if (need > b->text_room) {
    size_t room = need > 2 * b->text_room ? need : 2 * b->text_room;
    char *more = realloc(b->text, room);
    if (more == NULL) {
      (void)vd_fail(b->members.rq, rs, VAULT_E_NO_MEMORY, NULL);
      return false;
    }
    b->text = more;
    b->text_room = room;
  }
  memcpy(b->text + b->held_n, b->parser.data, b->parser.data_len);
  b->held_n = need;
  return true;
}

static bool manifest_end(batch *b, vd_response *rs) {
  char err[240];
  bool too_many = false;

  if (!vd_manifest_read(b->held_n > 0 ? b->text : "", b->held_n, b->items, VD_BATCH_ITEMS_MAX,
                        &b->n, &b->doc, &too_many, err, sizeof err))
    return refuse(rs, too_many ? 413 : 400, too_many ? "too_many_files" : "bad_json", err);
  free(b->text);
  b->text = NULL;
  for (size_t i = 0; i < b->n; i++) {
    b->files[i].member = vd_members_add(&b->members, b->items[i].path.p);
    if (b->files[i].member == NULL) {
      (void)vd_fail(b->members.rq, rs, VAULT_E_NO_MEMORY, NULL);
      return false;
    }
  }
  return true;
}

/* ---- files ------------------------------------------------------------------------------------- */

/* The name of a part is the place of its item in the manifest: "0", "1", … */
static bool file_begin(batch *b, vd_response *rs) {
  const vd_mp_part *part = &b->parser.part;
  int64_t at = 0;

  if (!vd_int64_parse(part->name, &at) || at < 0 || at >= (int64_t)b->n ||
      (part->name[0] == '0' && at > 0) || part->name[0] == '-')
    return refuse(rs, 400, "bad_form",
                  "Each part behind the manifest is named by the place of its item: 0, 1, …");
  if (b->files[at].seen)
    return refuse(rs, 400, "bad_form", "Two parts have the same name.");
  b->now = (size_t)at;
  b->files[at].seen = true;
  b->n_seen++;
  b->refused = false;
  b->type[0] = '\0';
  if (part->type != NULL && strlen(part->type) < sizeof b->type)
    memcpy(b->type, part->type, strlen(part->type) + 1);
  return true;
}

static void refuse_file(batch *b, vault_status s, const vault_err *err) {
  batch_file *f = &b->files[b->now];
  vault_upload_abort(f->upload);
  f->upload = NULL;
  b->refused = true;
  vd_member_failed(f->member, s, err);
}

static bool file_data(batch *b, vd_response *rs) {
  size_t n = b->parser.data_len;
  b->bytes += n;
  if (b->bytes > VD_BATCH_BYTES_MAX)
    return refuse(rs, 413, "body_too_large",
                  "The files of a batch have at most 4194304 bytes together. Nothing was stored.");
  if (b->refused)
    return true;
  if (n > VD_BATCH_ITEM_BYTES_MAX - b->held_n) {
    vault_err err = VAULT_ERR_INIT;
    (void)snprintf(err.msg, sizeof err.msg,
                   "A file of a batch has at most %u bytes; send it with PUT.",
                   VD_BATCH_ITEM_BYTES_MAX);
    refuse_file(b, VAULT_E_TOO_LARGE, &err);
    return true;
  }
  memcpy(b->held + b->held_n, b->parser.data, n);
  b->held_n += n;
  return true;
}

static void file_end(batch *b) {
  const vd_manifest_item *item = &b->items[b->now];
  char key[VAULT_OP_KEY_MAX + 1];
  vault_err err = VAULT_ERR_INIT;
  vault_upload_opts opts = {
    .size = sizeof opts,
    .flags = (item->has_mtime ? VAULT_UP_MTIME : 0) | (item->has_sha256 ? VAULT_UP_SHA256 : 0) |
             (item->new_only ? VAULT_UP_NEW_ONLY : 0),
    .space = item->space,
    .path = item->path,
    .length = b->held_n,
    .mtime_ns = item->mtime_ns,
    .content_type = vd_upload_type(b->type),
    .op_key = item->key.n > 0 ? item->key : vd_members_key(&b->members, (uint32_t)b->now, key),
  };
  vault_upload **u = &b->files[b->now].upload;
  vault_status s;

  if (b->refused)
    return;
  memcpy(opts.sha256, item->sha256, sizeof opts.sha256);
  s = vault_upload_begin(b->members.app->vault, &b->who, &opts, u, &err);
  if (s == VAULT_OK && b->held_n > 0)
    s = vault_upload_append(*u, b->held, b->held_n, &err);
  if (s != VAULT_OK)
    refuse_file(b, s, &err);
}

/* ---- the request ------------------------------------------------------------------------------- */

static vd_next give_up(batch *b) {
  for (size_t i = 0; i < b->n; i++) {
    vault_upload_abort(b->files[i].upload);
    b->files[i].upload = NULL;
  }
  return VD_DONE;
}

static bool part_begin(batch *b, vd_response *rs) {
  b->held_n = 0;
  if (b->doc != NULL)
    return file_begin(b, rs);
  return strcmp(b->parser.part.name, MANIFEST) == 0 ||
         refuse(rs, 400, "bad_form", "The first part of a batch is the JSON \"manifest\".");
}

static bool part_end(batch *b, vd_response *rs) {
  if (b->doc == NULL)
    return manifest_end(b, rs);
  file_end(b);
  return true;
}

static vd_next batch_data(vd_request *rq, vd_response *rs, const uint8_t *bytes, size_t len) {
  batch *b = vd_data(rq);
  bool good = true;

  while (good) {
    switch (vd_multipart_next(&b->parser, &bytes, &len)) {
    case VD_MP_MORE: return VD_CONTINUE;
    case VD_MP_PART: good = part_begin(b, rs); break;
    case VD_MP_DATA: good = b->doc == NULL ? manifest_data(b, rs) : file_data(b, rs); break;
    case VD_MP_PART_END: good = part_end(b, rs); break;
    case VD_MP_BAD: good = refuse(rs, 400, "bad_form", b->parser.why); break;
    }
  }
  return give_up(b);
}

static void submit_all(batch *b) {
  vd_member *members[VD_BATCH_ITEMS_MAX];
  vault_upload *uploads[VD_BATCH_ITEMS_MAX];
  uint32_t n = 0;

  for (size_t i = 0; i < b->n; i++) {
    if (b->files[i].upload == NULL)
      continue;
    members[n] = b->files[i].member;
    uploads[n++] = b->files[i].upload;
    b->files[i].upload = NULL;
  }
  vd_members_submit_many(&b->members, members, uploads, n);
}

static vd_next batch_end(vd_request *rq, vd_response *rs) {
  batch *b = vd_data(rq);

  if (!vd_multipart_complete(&b->parser)) {
    (void)refuse(rs, 400, "bad_form",
                 "The batch ends before its last boundary. Nothing was stored.");
    return give_up(b);
  }
  if (b->doc == NULL || b->n_seen < b->n) {
    (void)refuse(rs, 400, "bad_form",
                 "The manifest names an item that has no part. Nothing was stored.");
    return give_up(b);
  }
  submit_all(b);
  return vd_members_answer(&b->members, rs, false);
}

static void batch_cancel(vd_request *rq) {
  (void)give_up(vd_data(rq));
}

const vd_upload_ops vd_batch_ops = {batch_open, batch_data, batch_end, batch_cancel};
