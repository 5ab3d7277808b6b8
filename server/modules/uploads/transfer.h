/* One request that brings bytes of an upload: creation or append, in the manner of tus, of the IETF draft, or
 * plain. tus.c and ietf.c open it and say how it is answered; receiving is the same for all of them.
 *
 * Threads: handlers run on a worker, one at a time; the answer after a commit is made on the thread that hands
 * results back. */
#ifndef VD_UPLOADS_TRANSFER_H
#define VD_UPLOADS_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include <vault/upload.h>

#include "checksum.h"
#include "commits.h"
#include "http/http.h"

#define VD_UPLOADS_PATH "/api/v1/uploads"

typedef struct vd_transfer vd_transfer;

/* How a request is answered. Each fills in the response; all but failed run with the upload still open. */
typedef struct vd_manner {
  /* The bytes are durable, and it is not the end. */
  void (*stored)(vd_transfer *t, vd_response *rs, const vault_upload_view *view);
  /* The upload is complete. item is NULL for a piece of a concatenation. Must not block. */
  void (*completed)(vd_transfer *t, vd_response *rs, const vault_item_view *item, uint32_t outcome);
  /* It failed. The upload is let go of already. s is what the library said. */
  void (*failed)(vd_transfer *t, vd_response *rs, vault_status s, const vault_err *err);
  /* The checksum does not hold: the bytes of this request are dropped. */
  void (*mismatched)(vd_transfer *t, vd_response *rs);
  /* All bytes are there. true: commit it. false: there is more to come, or the answer is in rs (*answered). */
  bool (*whole)(vd_transfer *t, vd_response *rs, bool *answered);
  /* More bytes became durable (NULL: nobody is told). */
  void (*progress)(vd_transfer *t, uint64_t durable);
  /* A trailer's checksum; false: there is none or it is bad (the answer is in rs). NULL: no trailers. */
  bool (*trailer)(vd_transfer *t, vd_response *rs);
} vd_manner;

struct vd_transfer {
  vd_commit_waiter waiter; /* first: the event comes back to it */
  const vd_manner *manner;
  vd_request *rq;
  vault_principal who;
  vault_upload *upload; /* NULL once it was handed over or let go of */
  vault_id id;
  uint64_t from;   /* offset of the first byte of this request */
  uint64_t length; /* of the upload as far as it is known */
  uint64_t told;   /* durable bytes of which the client heard */
  int64_t expires_ms;
  bool creating;
  bool last;      /* IETF: the client says that this request is the end */
  bool resumable; /* what arrives is kept */
  bool findable;  /* the client can come back to it: it knows the URL, or has a key that finds it */
  bool held;      /* the bytes count only if their checksum holds */
  bool from_trailer; /* which is told behind them */
  uint32_t interop;  /* IETF: the version that was asked for and is ours; 0: none */
  vd_checksum expected;
  vd_sum *sum;
  char key[VAULT_UPLOAD_KEY_TEXT];
};

/* A transfer for this request, owned by it. NULL: no memory, the answer is filled in. */
vd_transfer *vd_transfer_new(vd_request *rq, vd_response *rs, const vd_manner *manner,
                             const vault_principal *who);

/* Whether the request has a transfer: for a route that has other handlers too. */
bool vd_transfer_on(const vd_request *rq);

/* After the upload was opened: remembers what its view says, and makes its key. */
vault_status vd_transfer_opened(vd_transfer *t, vault_upload *u, vault_err *err);

/* From here on, what arrives counts only if it has the checksum: expected, or a trailer's (kinds: any of them).
 * false: the answer is filled in and the upload let go of. */
bool vd_transfer_hold(vd_transfer *t, vd_response *rs, uint32_t kinds);

/* Lets go of the upload and fills in the failure. Always VD_DONE. */
vd_next vd_transfer_fail(vd_transfer *t, vd_response *rs, vault_status s, const vault_err *err);
/* Lets go of it and keeps what is durable; gives up what nobody could come back to. */
void vd_transfer_let_go(vd_transfer *t);

/* The handlers of a route with a body: data, end and cancel. */
vd_next vd_transfer_data(vd_request *rq, vd_response *rs, const uint8_t *bytes, size_t n);
vd_next vd_transfer_end(vd_request *rq, vd_response *rs);
void vd_transfer_cancel(vd_request *rq);

/* ---- what several answers have ---- */

#define VD_UPLOAD_URL_MAX 2048u

/* URL of the upload, with its key. false: VAULT_PUBLIC_URL is too long for out. */
bool vd_upload_url(vd_request *rq, const char *key, char out[VD_UPLOAD_URL_MAX]);
void vd_add_location(vd_transfer *t, vd_response *rs);

/* {id} of the path: a key, or an id with a Bearer token. false: the answer is filled in. */
bool vd_upload_authenticate(vd_request *rq, vd_response *rs, vault_principal *who, vault_id *id);

/* A new item or version as JSON, with ETag, Location and Repr-Digest. Always VD_DONE. */
vd_next vd_upload_send_item(vd_request *rq, vd_response *rs, const vault_item_view *item,
                            uint32_t outcome);

#endif
