#include "ext.h"

#include <string.h>

static const struct {
  char ext[VAULT__EXT_TEXT];
  const char *type;
} table[] = {
  /* pictures */
  {"avif", "image/avif"},
  {"bmp", "image/bmp"},
  {"gif", "image/gif"},
  {"heic", "image/heic"},
  {"heif", "image/heif"},
  {"jpeg", "image/jpeg"},
  {"jpg", "image/jpeg"},
  {"jxl", "image/jxl"},
  {"png", "image/png"},
  {"tif", "image/tiff"},
  {"tiff", "image/tiff"},
  {"webp", "image/webp"},
  /* as they come from the camera */
  {"arw", "image/x-sony-arw"},
  {"cr2", "image/x-canon-cr2"},
  {"cr3", "image/x-canon-cr3"},
  {"dng", "image/x-adobe-dng"},
  {"nef", "image/x-nikon-nef"},
  {"orf", "image/x-olympus-orf"},
  {"raf", "image/x-fuji-raf"},
  {"rw2", "image/x-panasonic-rw2"},
  /* moving pictures */
  {"3gp", "video/3gpp"},
  {"avi", "video/x-msvideo"},
  {"m4v", "video/x-m4v"},
  {"mkv", "video/x-matroska"},
  {"mov", "video/quicktime"},
  {"mp4", "video/mp4"},
  {"mpg", "video/mpeg"},
  {"mts", "video/mp2t"},
  {"webm", "video/webm"},
  /* sound */
  {"aac", "audio/aac"},
  {"amr", "audio/amr"},
  {"flac", "audio/flac"},
  {"m4a", "audio/mp4"},
  {"mp3", "audio/mpeg"},
  {"oga", "audio/ogg"},
  {"ogg", "audio/ogg"},
  {"opus", "audio/opus"},
  {"wav", "audio/wav"},
  /* documents */
  {"csv", "text/csv"},
  {"doc", "application/msword"},
  {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
  {"epub", "application/epub+zip"},
  {"ics", "text/calendar"},
  {"json", "application/json"},
  {"jsonl", "application/jsonl"},
  {"key", "application/vnd.apple.keynote"},
  {"md", "text/markdown"},
  {"numbers", "application/vnd.apple.numbers"},
  {"odp", "application/vnd.oasis.opendocument.presentation"},
  {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
  {"odt", "application/vnd.oasis.opendocument.text"},
  {"pages", "application/vnd.apple.pages"},
  {"pdf", "application/pdf"},
  {"ppt", "application/vnd.ms-powerpoint"},
  {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
  {"rtf", "application/rtf"},
  {"txt", "text/plain"},
  {"vcf", "text/vcard"},
  {"xls", "application/vnd.ms-excel"},
  {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
  /* archives */
  {"7z", "application/x-7z-compressed"},
  {"gz", "application/gzip"},
  {"tar", "application/x-tar"},
  {"xz", "application/x-xz"},
  {"zip", "application/zip"},
  {"zst", "application/zstd"},
};

#define ROWS (sizeof table / sizeof *table)

/* The row, or ROWS. ASCII case only: the list is ASCII, and a lower-case form that depends on a
 * locale (Turkish I) has no place in a path. */
static size_t row_of(const char *p, uint64_t n, int any_case) {
  char lower[VAULT__EXT_TEXT] = {0};
  if (!n || n >= sizeof lower)
    return ROWS;
  for (uint64_t i = 0; i < n; i++)
    lower[i] = (char)(any_case && p[i] >= 'A' && p[i] <= 'Z' ? p[i] + ('a' - 'A') : p[i]);
  for (size_t i = 0; i < ROWS; i++)
    if (memcmp(table[i].ext, lower, sizeof lower) == 0)
      return i;
  return ROWS;
}

const char *vault__ext_of_name(const char *p, uint64_t n) {
  uint64_t start = n;
  while (start && p[start - 1] != '.')
    start--;
  if (start < 2) /* no dot, or only a leading one: ".txt" is a hidden file's name */
    return "";
  size_t row = row_of(p + start, n - start, 1);
  return row < ROWS ? table[row].ext : "";
}

const char *vault__ext_find(const char *p, uint64_t n) {
  size_t row = row_of(p, n, 0);
  return row < ROWS ? table[row].ext : NULL;
}

const char *vault__ext_content_type(const char *ext) {
  size_t row = ext ? row_of(ext, strlen(ext), 1) : ROWS;
  return row < ROWS ? table[row].type : "application/octet-stream";
}
