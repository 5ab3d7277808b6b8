/* The version of these headers, and of the library that is linked. */
#ifndef VAULT_VERSION_H
#define VAULT_VERSION_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VAULT_VERSION "0.1.0"
#define VAULT_VERSION_NUMBER 0x000100u /* 0xMMmmpp */

VAULT_API const char *vault_version(void);         /* static, "0.1.0" */
VAULT_API uint32_t vault_version_number(void);     /* 0xMMmmpp */

#ifdef __cplusplus
}
#endif
#endif
