/* How values look outside: times, ids, entity tags, numbers. Pure. */
#ifndef VD_COMMON_TEXT_H
#define VD_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vault/item.h>

#define VD_TIME_TEXT 32u /* "2026-11-23T19:19:18.123Z" and NUL, and room for far years */
#define VD_ETAG_TEXT 48u
#define VD_HEX_SHA256 65u

/* RFC 3339, UTC, milliseconds. out: VD_TIME_TEXT bytes. */
void vd_time_format(int64_t unix_ms, char *out);

/* Strong entity tags with their quotes. The content's is made of the version, the item's of the
 * number of its last change. out: VD_ETAG_TEXT bytes. */
void vd_content_etag(const vault_id *version, char *out);
void vd_item_etag(int64_t seq, char *out);

/* One strong tag of ours, and nothing else, in a field value. false: "*", a list, weak, or not ours. */
bool vd_content_etag_parse(const char *value, vault_id *version);
bool vd_item_etag_parse(const char *value, int64_t *seq);

void vd_hex(const uint8_t *bytes, size_t n, char *out); /* out: 2 n + 1 */

/* Decimal, whole text, optional '-'. false: not a number, or not in 64 bits. */
bool vd_int64_parse(const char *text, int64_t *out);
/* Seconds since 1970, optional '-', at most nine digits behind a point (more are cut off). */
bool vd_seconds_parse(const char *text, int64_t *ns);

bool vd_space_parse(const char *text, uint32_t *space); /* "files", "photos", "notes" */
const char *vd_space_name(uint32_t space);

#endif
