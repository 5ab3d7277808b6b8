/* POST /uploads/form: files as an HTML form sends them. */
#ifndef VD_UPLOADS_FORM_H
#define VD_UPLOADS_FORM_H

#include "http/http.h"

/* Up to here a file is gathered in memory and its length is known when it is begun, so that it is stored with its
 * row (vault/open.h inline_max_bytes); longer ones are streamed. */
#define VD_FORM_SMALL_BYTES 65536u
#define VD_FORM_FIELD_BYTES_MAX 8192u /* value of a field; longer: 400 */

extern const vd_upload_ops vd_form_ops;

#endif
