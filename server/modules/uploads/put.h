/* PUT of a whole body: at a path, or as a new version of an item. */
#ifndef VD_UPLOADS_PUT_H
#define VD_UPLOADS_PUT_H

#include "http/http.h"

extern const vd_upload_ops vd_put_by_path; /* /files/content?path= */
extern const vd_upload_ops vd_put_by_id;   /* /files/{id}/content */

#endif
