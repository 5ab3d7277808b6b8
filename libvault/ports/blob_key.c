/* The public face of domain/blob_path: a key is a struct here, four values there. */
#include <stdio.h>
#include <string.h>

#include "libvault/base/err.h"
#include "libvault/domain/blob_path.h"
#include "vault/ports/blob_store.h"

static vault_status bad_ext(vault_err *err) {
  return vault__fail(err, VAULT_E_INPUT, VAULT_ORIGIN_CORE, 0,
                     "the extension of a blob key must be \"\" or a dot and lower-case text");
}

vault_status vault_blob_key_path(const vault_blob_key *key, char *out, vault_err *err) {
  char path[VAULT__BLOB_PATH];
  if (!key || !out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "a blob key is missing");
  if (!memchr(key->ext, 0, sizeof key->ext))
    return bad_ext(err);
  const char *ext = key->ext;
  if (*ext && (*ext++ != '.' || !*ext))
    return bad_ext(err);
  VAULT_TRY(vault__blob_path(&key->user, key->space, &key->blob, ext, path, err));
  _Static_assert(VAULT__BLOB_PATH <= VAULT_BLOB_PATH_MAX, "a key's text fits its buffer");
  memcpy(out, path, strlen(path) + 1);
  return VAULT_OK;
}

vault_status vault_blob_key_parse(const char *path, uint64_t len, vault_blob_key *out,
                                  vault_err *err) {
  vault_blob_key key;
  const char *ext = NULL;
  if (!path || !out)
    return vault__fail(err, VAULT_E_USAGE, VAULT_ORIGIN_CORE, 0, "a blob path is missing");
  memset(&key, 0, sizeof key);
  VAULT_TRY(vault__blob_path_parse(path, len, &key.user, &key.space, &key.blob, &ext, err));
  if (ext && *ext)
    (void)snprintf(key.ext, sizeof key.ext, ".%s", ext);
  *out = key;
  return VAULT_OK;
}
