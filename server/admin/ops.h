/* What an operator can ask for, as JSON in and JSON out. The same code answers over the socket of a
 * running server and inside of a command that opened the store itself.
 *
 *   {"op":"user.list","after":ID?}            -> {"ok":true,"users":[…],"next":ID|null}
 *   {"op":"user.show","user":PHONE|ID}        -> {"ok":true,"user":{…}}
 *   {"op":"user.quota","user":…,"bytes":N}    -> {"ok":true,"user":{…}}
 *   {"op":"user.disable"|"user.enable","user":…}
 *   {"op":"session.list","user":…}            -> {"ok":true,"sessions":[…]}
 *   {"op":"session.revoke","user":…,"session":ID?} -> {"ok":true,"revoked":N}
 *   {"op":"fsck","repair":BOOL}               -> {"ok":true,"report":{…}}
 *   anything that fails                       -> {"ok":false,"code":…,"message":…}
 *
 * Threads: any. May block. */
#ifndef VD_ADMIN_OPS_H
#define VD_ADMIN_OPS_H

#include <jansson.h>

#include <vault/vault.h>

/* request is borrowed; the answer is the caller's, NULL only without memory. */
json_t *vd_admin_run(vault *v, const json_t *request);

#endif
