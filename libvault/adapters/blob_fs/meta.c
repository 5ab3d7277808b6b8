/* The attribute: 1 byte version, 4 bytes format (big-endian), 16 bytes item, 32 bytes SHA-256.
 * 53 bytes, which ext4 keeps in the inode itself. */
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "fs.h"

#define VERSION 1
#define AT_FORMAT 1
#define AT_ITEM 5
#define AT_SHA256 21
#define BYTES 53

void vault__fs_put_meta(int fd, const vault_blob_meta *meta) {
  uint8_t x[BYTES];
  x[0] = VERSION;
  for (unsigned i = 0; i < 4; i++)
    x[AT_FORMAT + i] = (uint8_t)(meta->format >> (24 - 8 * i));
  memcpy(x + AT_ITEM, meta->item.b, sizeof meta->item.b);
  memcpy(x + AT_SHA256, meta->sha256, sizeof meta->sha256);
  (void)fsetxattr(fd, VAULT__FS_XATTR, x, sizeof x, 0);
}

void vault__fs_get_meta(int fd, vault_blob_meta *meta) {
  uint8_t x[BYTES];
  vault_blob_meta out;
  memset(&out, 0, sizeof out);
  out.size = sizeof out;
  out.format = UINT32_MAX;
  if (fgetxattr(fd, VAULT__FS_XATTR, x, sizeof x) == BYTES && x[0] == VERSION) {
    out.format = 0;
    for (unsigned i = 0; i < 4; i++)
      out.format = out.format << 8 | x[AT_FORMAT + i];
    memcpy(out.item.b, x + AT_ITEM, sizeof out.item.b);
    memcpy(out.sha256, x + AT_SHA256, sizeof out.sha256);
  }
  *meta = out;
}

int vault__fs_has_meta(int fd) {
  return fgetxattr(fd, VAULT__FS_XATTR, NULL, 0) >= 0 || errno == ENODATA;
}
