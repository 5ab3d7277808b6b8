/* The ways in for bytes: each is a codec over begin, append, submit. */
#include "form.h"
#include "put.h"
#include "uploads.h"

static const vd_route routes[] = {
  {VD_PUT, "/api/v1/files/content", 0, 0, NULL, &vd_put_by_path},
  {VD_PUT, "/api/v1/files/{id}/content", 0, 0, NULL, &vd_put_by_id},
  {VD_POST, "/api/v1/uploads/form", 0, 0, NULL, &vd_form_ops},
};

const vd_module vd_module_uploads = {"uploads", routes, sizeof routes / sizeof routes[0], NULL,
                                     NULL};
