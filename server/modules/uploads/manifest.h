/* The manifest of a batch: {"items": [{"path": …}, …]}. Pure. */
#ifndef VD_UPLOADS_MANIFEST_H
#define VD_UPLOADS_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include <vault/item.h>

typedef struct vd_manifest_item {
  vault_str path, key; /* borrowed from the document; key.n = 0: none */
  uint32_t space;
  bool has_mtime, has_sha256, new_only;
  int64_t mtime_ns;
  uint8_t sha256[32];
} vd_manifest_item;

/* Reads up to max items. *doc: json_decref() it. false with a sentence in err; *too_many says whether it was
 * the number of items. */
bool vd_manifest_read(const char *text, size_t len, vd_manifest_item *items, size_t max, size_t *n,
                      json_t **doc, bool *too_many, char *err, size_t err_size);

/* 64 hexadecimal digits, in any case. */
bool vd_sha256_parse(vault_str text, uint8_t out[32]);

#endif
