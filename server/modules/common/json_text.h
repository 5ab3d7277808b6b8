/* JSON as text, written straight into one buffer: for answers that are made often. A tenth of the cost of a tree.
 * Threads: one at a time. */
#ifndef VD_COMMON_JSON_TEXT_H
#define VD_COMMON_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vault/base.h>

/* All zero at the start. What is put after the memory ran out is dropped, and failed is set. */
typedef struct vd_json_text {
  char *p;
  size_t n, room;
  bool failed;
} vd_json_text;

void vd_json_put(vd_json_text *t, const char *bytes, size_t n); /* as it is */
/* The rest of a document between values: braces, commas, names with their colon. */
#define VD_JSON_PUT(t, literal) vd_json_put(t, literal, sizeof(literal) - 1)
/* In quotes and escaped; bytes that are not UTF-8 become U+FFFD. null when s.p is NULL. */
void vd_json_put_str(vd_json_text *t, vault_str s);
void vd_json_put_int(vd_json_text *t, int64_t value);
void vd_json_put_id(vd_json_text *t, const vault_id *id); /* null for the zero id */
void vd_json_put_time(vd_json_text *t, int64_t unix_ms);  /* in quotes */

#endif
