/* Everything. For users of the library; nothing in the library includes it. */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include "admin.h"
#include "auth.h"
#include "base.h"
#include "item.h"
#include "jobs.h"
#include "open.h"
#include "trash.h"
#include "upload.h"
#include "usage.h"
#include "version.h"

#endif
