/* The ways in for bytes: each is a codec over begin, append, submit. */
#include "batch.h"
#include "check.h"
#include "form.h"
#include "put.h"
#include "resource.h"
#include "uploads.h"

static const vd_route routes[] = {
  {VD_OPTIONS, "/api/v1/files/content", VD_ON_LOOP, 0, vd_options_content, NULL},
  {VD_PUT, "/api/v1/files/content", VD_TRY_LOOP | VD_KEEP_PARTIAL, 0, NULL, &vd_put_by_path},
  {VD_OPTIONS, "/api/v1/files/{id}/content", VD_ON_LOOP, 0, vd_options_content, NULL},
  {VD_PUT, "/api/v1/files/{id}/content", VD_KEEP_PARTIAL, 0, NULL, &vd_put_by_id},
  {VD_OPTIONS, "/api/v1/uploads", VD_ON_LOOP, 0, vd_options_uploads, NULL},
  {VD_POST, "/api/v1/uploads", VD_TRAILERS | VD_KEEP_PARTIAL, 0, NULL, &vd_upload_create},
  {VD_OPTIONS, "/api/v1/uploads/{id}", VD_ON_LOOP, 0, vd_options_upload, NULL},
  {VD_GET, "/api/v1/uploads/{id}", 0, 0, vd_upload_get, NULL},
  {VD_PATCH, "/api/v1/uploads/{id}", VD_TRAILERS | VD_KEEP_PARTIAL | VD_OVERRIDE, 0, NULL,
   &vd_upload_append},
  {VD_DELETE, "/api/v1/uploads/{id}", VD_OVERRIDE, 0, vd_upload_delete, NULL},
  {VD_POST, "/api/v1/uploads/batch", 0, 0, NULL, &vd_batch_ops},
  {VD_POST, "/api/v1/uploads/check", 0, VD_CHECK_BODY_BYTES_MAX, vd_uploads_check, NULL},
  {VD_POST, "/api/v1/uploads/form", 0, 0, NULL, &vd_form_ops},
};

const vd_module vd_module_uploads = {"uploads", routes, sizeof routes / sizeof routes[0], NULL,
                                     NULL};
