/* Where an upload goes: the query, Upload-Metadata, Content-Disposition, in this order. */
#ifndef VD_UPLOADS_PLACE_H
#define VD_UPLOADS_PLACE_H

#include <stdbool.h>

#include <vault/upload.h>

#include "http/http.h"
#include "metadata.h"

#define VD_PLACE_TYPE_MAX 128u
#define VD_PLACE_NAME_MAX 2048u /* value of Content-Disposition; a longer one is not read */

/* Memory for what opts borrows beside the request and the metadata. */
typedef struct vd_place {
  char type[VD_PLACE_TYPE_MAX];
  char name[VD_PLACE_NAME_MAX]; /* Content-Disposition, taken apart in place */
} vd_place;

/* path, parent, space, time and content type (where opts has none) into opts. m may be NULL. Everything that is
 * borrowed must live until the upload has begun. false: the answer is filled in. */
bool vd_place_read(vd_request *rq, vd_response *rs, const vd_metadata *m, vd_place *place,
                   vault_upload_opts *opts);

/* The parameters of the query that vd_place_read knows. */
extern const char *const vd_place_params[];
#define VD_PLACE_PARAMS 4u

#endif
