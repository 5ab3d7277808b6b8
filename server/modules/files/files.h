/* Files, folders, the trash, and downloads. */
#ifndef VD_FILES_FILES_H
#define VD_FILES_FILES_H

#include "http/http.h"

extern const vd_module vd_module_files;

#endif
