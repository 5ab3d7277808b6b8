/* Signing in, sessions, the account, the public keys. */
#ifndef VD_AUTH_AUTH_H
#define VD_AUTH_AUTH_H

#include "http/http.h"

extern const vd_module vd_module_auth;

#endif
