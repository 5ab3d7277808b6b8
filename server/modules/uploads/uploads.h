/* Plain PUT: one request, one file; and uploads that can be resumed. */
#ifndef VD_UPLOADS_UPLOADS_H
#define VD_UPLOADS_UPLOADS_H

#include "http/http.h"

extern const vd_module vd_module_uploads;

#endif
