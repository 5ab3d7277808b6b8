/* Several uploads in one request: their results as they come, and the one answer that is made of them.
 *
 * Commits go on when the request is over, whatever ended it, so this is freed by whoever is last: the request
 * or the last commit. Threads: what is said of each function. */
#ifndef VD_UPLOADS_MEMBERS_H
#define VD_UPLOADS_MEMBERS_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <vault/ports/repository/items.h>
#include <vault/upload.h>

#include "commits.h"
#include "http/http.h"
#include "http/limits.h"
#include "modules/common/context.h"

#define VD_MEMBERS_MAX \
  VAULT_COMMIT_MANY_MAX /* files of one request: one batch of commits holds them all */
#define VD_MEMBER_KEY_MAX (VAULT_OP_KEY_MAX - 4u) /* "#255" is added to the key of the request */

typedef struct vd_members vd_members;

typedef struct vd_member {
  vd_commit_waiter waiter; /* first: the event comes back to it */
  vd_members *all;
  json_t *result;
  int http; /* 0 until the result is known */
} vd_member;

struct vd_members {
  vd_request *rq;
  const vd_context *app;
  char request_id[VD_REQUEST_ID_BYTES + 1];
  char key[VD_MEMBER_KEY_MAX + 1]; /* Idempotency-Key of the request, "" when absent */
  bool alone;                      /* vd_members_answer() */
  atomic_uint pending, holds;
  uint32_t n;
  vd_member *rows[VD_MEMBERS_MAX];
  void (*release)(vd_members *m); /* frees what m stands in; the rows are freed before */
};

/* On OPEN. Reads Idempotency-Key; false: answered, and release is not called. Then hand m over to the request
 * with vd_set_data(rq, m, vd_members_release). */
bool vd_members_init(vd_members *m, vd_request *rq, vd_response *rs,
                     void (*release)(vd_members *m));
void vd_members_release(void *m);

/* In a handler. NULL: no memory, or VD_MEMBERS_MAX are there. name is UTF-8 and copied. */
vd_member *vd_members_add(vd_members *m, const char *name);
/* In a handler: the key of member i, made from that of the request; n = 0 when there is none. */
vault_str vd_members_key(const vd_members *m, uint32_t i, char out[VAULT_OP_KEY_MAX + 1]);

/* In a handler: this is how it ended. */
void vd_member_failed(vd_member *w, vault_status s, const vault_err *err);
/* In a handler: hand an upload over, or abort it and note why. */
void vd_member_submit(vd_member *w, vault_upload *u);
/* In a handler: the same for several, whose commit is one. */
void vd_members_submit_many(vd_members *m, vd_member *const *w, vault_upload **u, uint32_t n);

/* In END, last: the answer {"results": […]} when all results are there: VD_DONE, or VD_PENDING. alone: if the
 * only member failed, the answer is its problem. 200: all are stored, 207: some are not. */
vd_next vd_members_answer(vd_members *m, vd_response *rs, bool alone);

#endif
