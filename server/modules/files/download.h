/* GET and HEAD of the content of files. Handlers for the route table. */
#ifndef VD_FILES_DOWNLOAD_H
#define VD_FILES_DOWNLOAD_H

#include "http/http.h"

vd_simple_fn vd_download_by_path; /* ?path=&space= */
vd_simple_fn vd_download_by_id;   /* {id}, ?version= */

#endif
