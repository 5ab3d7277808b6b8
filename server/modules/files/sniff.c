#include "sniff.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char JPEG[] = "image/jpeg", PNG[] = "image/png", WEBP[] = "image/webp",
                  GIF[] = "image/gif", AVIF[] = "image/avif", MP4[] = "video/mp4",
                  WEBM[] = "video/webm";

static bool at(const uint8_t *bytes, size_t n, size_t offset, const char *what, size_t len) {
  return n >= offset + len && memcmp(bytes + offset, what, len) == 0;
}

#define AT(offset, text) at(bytes, n, offset, text, sizeof(text) - 1)

/* ISO base media: the major brand of the file type box. */
static const char *by_brand(const uint8_t *bytes, size_t n) {
  static const char brands[][5] = {"isom", "iso2", "iso3", "iso4", "iso5", "iso6",
                                   "mp41", "mp42", "avc1", "M4V ", "dash", "mmp4"};
  if (!AT(4, "ftyp"))
    return NULL;
  if (AT(8, "avif") || AT(8, "avis"))
    return AVIF;
  for (size_t i = 0; i < COUNT(brands); i++) {
    if (at(bytes, n, 8, brands[i], 4))
      return MP4;
  }
  return NULL;
}

/* EBML, whose first element names the kind: Matroska is not WebM. */
static bool is_webm(const uint8_t *bytes, size_t n) {
  if (!AT(0, "\x1a\x45\xdf\xa3"))
    return false;
  for (size_t i = 4; i + 7 <= n; i++) {
    if (AT(i, "\x42\x82\x84webm"))
      return true;
  }
  return false;
}

const char *vd_sniff(const uint8_t *bytes, size_t n) {
  n = n < VD_SNIFF_BYTES ? n : VD_SNIFF_BYTES;
  if (AT(0, "\xff\xd8\xff"))
    return JPEG;
  if (AT(0, "\x89PNG\r\n\x1a\n"))
    return PNG;
  if (AT(0, "GIF87a") || AT(0, "GIF89a"))
    return GIF;
  if (AT(0, "RIFF") && AT(8, "WEBP"))
    return WEBP;
  if (is_webm(bytes, n))
    return WEBM;
  return by_brand(bytes, n);
}

bool vd_sniff_knows(const char *type) {
  static const char *const known[] = {JPEG, PNG, WEBP, GIF, AVIF, MP4, WEBM};
  for (size_t i = 0; i < COUNT(known); i++) {
    if (strcmp(type, known[i]) == 0)
      return true;
  }
  return false;
}
