/* Conditional requests in the order of RFC 9110 section 13.2.2. Pure. */
#ifndef VD_HTTP_CONDITIONAL_H
#define VD_HTTP_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vd_preconditions {
  const char *if_match; /* field values or NULL */
  const char *if_none_match;
  const char *if_modified_since;
  const char *if_unmodified_since;
  const char *if_range;
  const char *range;
} vd_preconditions;

typedef struct vd_resource_state {
  bool exists;
  const char *etag; /* with its quotes, "W/" in front when weak; NULL when there is none */
  bool has_modified;
  int64_t modified_s; /* Unix seconds, as Last-Modified would say */
} vd_resource_state;

typedef enum vd_precondition {
  VD_PROCEED,
  VD_NOT_MODIFIED,       /* 304 (GET and HEAD) */
  VD_PRECONDITION_FAILED /* 412 */
} vd_precondition;

/* read: GET or HEAD. An If-Match or If-None-Match that cannot be parsed counts as matching nothing. */
vd_precondition vd_precondition_check(const vd_preconditions *pre, const vd_resource_state *state,
                                      bool read);

/* Whether Range may be honoured: no If-Range, or one that is the strong ETag of the current state. A date never
 * holds: people set the times of their files, so two versions may share one, and a date is then no strong
 * validator (RFC 9110 8.8.2.2). To be asked after vd_precondition_check() said VD_PROCEED, for GET only. */
bool vd_if_range_holds(const vd_preconditions *pre, const vd_resource_state *state);

#endif
