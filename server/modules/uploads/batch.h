/* POST /uploads/batch: many small files in one request and one commit. */
#ifndef VD_UPLOADS_BATCH_H
#define VD_UPLOADS_BATCH_H

#include "http/http.h"

#define VD_BATCH_ITEMS_MAX 256u             /* more: 413 */
#define VD_BATCH_ITEM_BYTES_MAX 65536u      /* a longer one is refused by itself: PUT it */
#define VD_BATCH_BYTES_MAX 4194304u         /* of all files, refused ones too; more: 413 */
#define VD_BATCH_MANIFEST_BYTES_MAX 262144u /* JSON; longer: 413 */

extern const vd_upload_ops vd_batch_ops;

#endif
