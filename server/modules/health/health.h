/* Whether the server lives and can work, and the page at "/". */
#ifndef VD_HEALTH_HEALTH_H
#define VD_HEALTH_HEALTH_H

#include "http/http.h"

extern const vd_module vd_module_health;

#endif
