/* What a module of vaultd sees of HTTP: requests, responses, route tables.
 *
 * A module is a const table of routes. The core parses, limits, routes, buffers or streams
 * the body, runs the handler on a worker thread, and writes the answer. A handler never sees
 * a socket. All strings that the accessors return are NUL-terminated, belong to the request
 * and live until it is over (for a pending request: until vd_request_complete() is called).
 *
 * Threads: the handlers of one request never run at the same time; different requests run in
 * parallel. Every function here may be called from inside a handler of that request; between
 * VD_PENDING and vd_request_complete() also from the one thread that completes it. */
#ifndef VD_HTTP_HTTP_H
#define VD_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vd_request vd_request;
typedef struct vd_response vd_response;

/* Methods that a route can name; anything else is answered 501. */
typedef enum vd_method {
  VD_METHOD_OTHER = 0,
  VD_GET, /* serves HEAD too, unless a HEAD route exists for the same pattern */
  VD_HEAD,
  VD_POST,
  VD_PUT,
  VD_PATCH,
  VD_DELETE,
  VD_OPTIONS, /* answered by the core (204 + Allow) where no route is given */
  VD_PROPFIND,
  VD_PROPPATCH,
  VD_MKCOL,
  VD_COPY,
  VD_MOVE,
  VD_LOCK,
  VD_UNLOCK,
  VD_REPORT,
  VD_METHOD_COUNT
} vd_method;

/* What a handler did. */
typedef enum vd_next {
  VD_DONE,     /* the response is filled in: send it */
  VD_CONTINUE, /* open and data of an upload: go on receiving */
  VD_PENDING,  /* simple handlers and end of an upload: vd_request_complete() will follow */
  VD_WORKER /* VD_TRY_LOOP, only while vd_on_loop(): call again on a worker; the response is emptied */
} vd_next;

/* The body, if any, is in memory: vd_body(). */
typedef vd_next vd_simple_fn(vd_request *rq, vd_response *rs);

/* A body that is streamed. All on worker threads (VD_TRY_LOOP: see there), in this order, one at a time:
 *   open                   headers are in, no byte of the body was asked for yet ("100 Continue"
 *                          is sent only after VD_CONTINUE). VD_DONE refuses: the response is sent,
 *                          what the client still sends is drained within limits, then closed.
 *   data (any number)      1..VD_UPLOAD_BUFFER_BYTES bytes, borrowed for the call. VD_DONE as above.
 *   end                    the body is complete and its framing was valid. VD_DONE or VD_PENDING.
 *   cancel (may be NULL)   instead of data/end when the client went away, was too slow, broke the
 *                          framing, or the server stops. Called exactly once, and only if open
 *                          answered VD_CONTINUE and neither data nor end has answered since.
 *                          There is nobody left to answer; release or keep what arrived. What data
 *                          has not had by then is dropped, but see VD_KEEP_PARTIAL. */
typedef struct vd_upload_ops {
  vd_next (*open)(vd_request *rq, vd_response *rs);
  vd_next (*data)(vd_request *rq, vd_response *rs, const uint8_t *bytes, size_t bytes_len);
  vd_next (*end)(vd_request *rq, vd_response *rs);
  void (*cancel)(vd_request *rq);
} vd_upload_ops;

/* Flags of a route. */
#define VD_ON_LOOP \
  0x1u /* run the simple handler on the loop thread: it must not block nor take long */
/* The simple handler, or open of an upload, is called on the loop thread first, where it must neither block
 * nor take long, and may answer VD_WORKER. Of an upload whose open answered VD_CONTINUE there, and whose
 * declared length is at most VD_LOOP_BODY_BYTES_MAX, data, end and cancel run on the loop thread too, and data
 * gets the bytes where they were received; with a longer or unknown length they run on workers. */
#define VD_TRY_LOOP 0x2u
#define VD_TRAILERS 0x4u /* uploads: end may read vd_trailer() */
/* A POST with X-HTTP-Method-Override: PUT, PATCH or DELETE is taken for that method if the route of
 * that method at the same path has this flag; otherwise the field is ignored. */
#define VD_OVERRIDE 0x8u
/* Uploads: what was received before the connection broke, stalled or was cut is given to data before cancel. */
#define VD_KEEP_PARTIAL 0x10u

/* One row. Exactly one of simple and upload is set.
 * pattern: literal segments, "{name}" (one segment, not empty) and, last only, "{name*}" (the rest
 * of the path, may be empty). A literal segment wins over a parameter, so "/files/content" and
 * "/files/{id}" live together. The same pattern and method twice is refused at start. */
typedef struct vd_route {
  vd_method method;
  const char *pattern;
  uint32_t flags;
  uint32_t body_max_bytes; /* simple: 0 = VD_BODY_BYTES_DEFAULT; a longer body is answered 413 */
  vd_simple_fn *simple;
  const vd_upload_ops *upload;
} vd_route;

/* A delivery module. start (may be NULL) runs before the first request on the starting thread:
 * 0, or -1 with a sentence in err; stop (may be NULL) after the last request is over. */
typedef struct vd_module {
  const char *name;
  const vd_route *routes;
  size_t n_routes;
  int (*start)(void *app, void **state, char *err, size_t err_size);
  void (*stop)(void *app, void *state);
} vd_module;

/* ---- the request ------------------------------------------------------------------------- */

vd_method vd_request_method(const vd_request *rq); /* VD_HEAD also where a GET route serves it */
const char *vd_method_name(vd_method m);
const char *vd_request_path(const vd_request *rq);  /* as sent, percent-encoded, without query */
const char *vd_request_query(const vd_request *rq); /* as sent, "" when there is none */
const char *vd_request_id(const vd_request *rq);    /* also sent as X-Request-Id */
void *vd_request_app(const vd_request *rq);         /* vd_http_config.app */
void *vd_request_state(const vd_request *rq);       /* what the module's start() made */

/* Decoded "{name}" of the pattern, or NULL. Never holds a NUL; may hold any other byte. */
const char *vd_param(const vd_request *rq, const char *name);
/* Decoded query parameter, or NULL. "+" is a space (as browsers send it). A parameter that was sent
 * twice, a bad %XX or a NUL was already answered 400. */
const char *vd_query(const vd_request *rq, const char *name);
size_t vd_query_count(const vd_request *rq);
const char *vd_query_name(const vd_request *rq, size_t i); /* to refuse unknown ones */

/* A header field, name in any case; NULL when absent. Several fields of one name: vd_header_nth
 * gives each, vd_header the first. Trailers are apart: vd_trailer. */
const char *vd_header(const vd_request *rq, const char *name);
const char *vd_header_nth(const vd_request *rq, const char *name, size_t nth);
/* Value of one cookie, or NULL; the first when it is sent twice. out is cut off never: false if
 * it is absent or does not fit. */
bool vd_cookie(const vd_request *rq, const char *name, char *out, size_t out_size);

/* A field of the trailer section of a chunked body, name in any case; NULL when absent. Only in end, on
 * routes with VD_TRAILERS. Of several with one name the first. */
const char *vd_trailer(const vd_request *rq, const char *name);

/* Body of a simple handler; NULL and 0 when there is none. */
const uint8_t *vd_body(const vd_request *rq, size_t *len);
/* Declared length: true and *len, or false for chunked (unknown) and for no body at all (*len = 0). */
bool vd_content_length(const vd_request *rq, uint64_t *len);
bool vd_has_body(const vd_request *rq);

/* Address of the peer, for rate limits: "192.0.2.1" or "2001:db8::1", without port. */
const char *vd_peer(const vd_request *rq);

/* One pointer for the handlers of this request. release (may be NULL) is called once, on the loop
 * thread, when the request is over: it frees memory and must not block. */
void vd_set_data(vd_request *rq, void *data, void (*release)(void *data));
void *vd_data(const vd_request *rq);

/* The handler that runs now was called on the loop thread: it must not block. */
bool vd_on_loop(const vd_request *rq);

/* An interim answer (RFC 9110 15.2) before the final one: status 102..199, fields "Name: value\r\n" ... or "".
 * In order with others and with 100 Continue; sent when the handler returns. From open, data and end only.
 * false: not sent, because the client speaks HTTP/1.0, status or fields are malformed, or more than
 * VD_INTERIM_BYTES_MAX wait for a client that does not read. */
bool vd_interim(vd_request *rq, int status, const char *fields);

/* Any thread: the client has gone, so the answer will reach nobody. A hint for long waits. */
bool vd_request_gone(const vd_request *rq);
/* Answers a request whose handler returned (or is about to return) VD_PENDING. Any thread, exactly
 * once; fill the response first. rq and rs must not be touched afterwards. */
void vd_request_complete(vd_request *rq);
vd_response *vd_request_response(vd_request *rq);

/* ---- the response ------------------------------------------------------------------------ */

#define VD_LENGTH_UNKNOWN UINT64_MAX

/* Default 200. */
void vd_status(vd_response *rs, int status);
int vd_get_status(const vd_response *rs);
/* Adds a field. The core itself writes Date, X-Request-Id, Content-Length, Transfer-Encoding,
 * Connection, X-Content-Type-Options, and "Cache-Control: no-store" where none is added here.
 * A control byte in the value, or more than VD_RESPONSE_HEADER_BYTES in all, turns the whole answer
 * into 500: values from outside must be checked or encoded first. */
void vd_add_header(vd_response *rs, const char *name, const char *value);
void vd_add_headerf(vd_response *rs, const char *name, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

/* The body: the last of these calls wins, and releases what an earlier one took. For HEAD they are
 * called just as for GET: the core sends the headers only. content_type may be NULL. */
void vd_send_bytes(vd_response *rs, const char *content_type, const void *bytes,
                   size_t len); /* copied */
void vd_send_owned(vd_response *rs, const char *content_type, void *bytes, size_t len,
                   void (*release)(void *bytes));
/* Of what arg holds; release (may be NULL) is called once with arg, on the loop thread, when they are sent. */
void vd_send_borrowed(vd_response *rs, const char *content_type, const void *bytes, size_t len,
                      void (*release)(void *arg), void *arg);
/* len bytes of a regular file from offset. release (may be NULL) is called once with arg, on the loop
 * thread, when the core is done with fd (closing it there is right). A file that turns out
 * shorter ends the connection before the promised length, so the client sees a broken transfer. */
void vd_send_file(vd_response *rs, const char *content_type, int fd, uint64_t offset, uint64_t len,
                  void (*release)(void *arg), void *arg);
/* Bytes made on a worker: fill at most cap bytes at buf, return how many, 0 = end, -1 = failed (the
 * connection is cut). len VD_LENGTH_UNKNOWN is sent chunked. release as above. */
typedef int64_t vd_pull_fn(void *arg, uint8_t *buf, size_t cap);
void vd_send_pull(vd_response *rs, const char *content_type, uint64_t len, vd_pull_fn *pull,
                  void (*release)(void *arg), void *arg);
/* The body is text of ours that holds no secret, so it may be sent with gzip: if the route is served by a worker at
 * once, there is no ETag, and the client takes it. */
void vd_allow_gzip(vd_response *rs);
/* No body: 204, 304, and the like. */
void vd_send_none(vd_response *rs, int status);

/* RFC 9457 application/problem+json: {type, title, status, detail, code, reason_codes, request_id}.
 * type is "about:blank" and title the phrase of the status; what tells problems apart is code, a stable
 * snake_case word for programs. detail: a sentence for people, never a secret; bytes that are not UTF-8
 * become U+FFFD. Keeps header fields that were added before. */
void vd_problem(vd_response *rs, int status, const char *code, const char *detail);
/* The same with reason codes (n may be 0) and the id of an item that is in the way (or NULL). */
void vd_problem_more(vd_response *rs, int status, const char *code, const char *detail,
                     const char *const *reasons, size_t n_reasons, const char *item_id);

/* Close the connection after this answer. */
void vd_close_after(vd_response *rs);

#endif
