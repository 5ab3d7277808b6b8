/* Every limit and time-out of the HTTP core. The first group is fixed; the second are the
 * defaults of vd_http_config, which tests and the configuration may change. */
#ifndef VD_HTTP_LIMITS_H
#define VD_HTTP_LIMITS_H

/* ---- fixed: sizes of what one request may bring ---- */
#define VD_URI_BYTES_MAX 8192u             /* request target; longer: 414 */
#define VD_HEADER_BYTES_MAX 16384u         /* request line and header section; longer: 431 */
#define VD_HEADER_COUNT_MAX 64u            /* fields; more: 431 */
#define VD_INPUT_BUFFER_BYTES 32768u       /* header section, then bytes that arrived with it */
#define VD_CHUNK_EXTENSION_BYTES_MAX 4096u /* in all chunks of one body; more: 400 */
#define VD_TRAILER_BYTES_MAX 8192u         /* trailer section; more: 431 */
#define VD_QUERY_COUNT_MAX 32u             /* parameters; more: 400 */
#define VD_PARAM_COUNT_MAX 8u              /* {name} in one pattern */
#define VD_PATH_SEGMENTS_MAX 64u           /* more: 404 */
#define VD_BODY_BYTES_DEFAULT 65536u       /* body of a simple handler; longer: 413 */
#define VD_RESPONSE_HEADER_BYTES 16384u    /* fields that handlers add; more: 500 */
#define VD_INTERIM_BYTES_MAX 4096u         /* interim answers that the client has not taken yet */
#define VD_REQUEST_ID_BYTES 26u            /* length of a request id, without NUL */

/* ---- fixed: buffers and steps ---- */
#define VD_UPLOAD_BUFFER_BYTES 262144u  /* one piece handed to a worker; two per upload */
#define VD_LOOP_BODY_BYTES_MAX 65536u   /* a longer body of an upload is never taken on the loop */
#define VD_PULL_BUFFER_BYTES 65536u     /* one piece of a generated answer */
#define VD_SENDFILE_STEP_BYTES 1048576u /* one step of a worker, so that downloads take turns */
#define VD_READ_ROUNDS_MAX 4u           /* reads of one connection before the others get a turn */
#define VD_STEPS_MAX \
  64u /* steps of one connection (pipelined requests) before the others get a turn */
#define VD_REFUSED_CONNECTIONS_MAX \
  64u /* beyond connections_max (an eighth at most), to hear a 503; still more are cut */
#define VD_ACCEPT_ROUNDS_MAX 64u
#define VD_INPUT_BUFFERS_CACHED 32u /* freed input buffers that a loop keeps */

/* ---- defaults of vd_http_config ---- */
#define VD_CONNECTIONS_MAX 10000u
#define VD_WORKERS 4u
#define VD_WORK_QUEUE_MAX 1024u     /* requests that wait for a worker; more: 503 */
#define VD_UPLOAD_BUFFERS_MAX 64u   /* 16 MiB in all; an upload that finds none waits */
#define VD_HEADER_TIMEOUT_MS 10000u /* from the first byte; dripping does not extend it */
#define VD_BODY_IDLE_TIMEOUT_MS 30000u
#define VD_BODY_RATE_MIN_BYTES_PER_S 512u
#define VD_BODY_RATE_WINDOW_MS 30000u /* the rate is the mean over this much receiving time */
#define VD_KEEPALIVE_TIMEOUT_MS 75000u
#define VD_WRITE_STALL_TIMEOUT_MS 30000u
#define VD_STOP_TIMEOUT_MS 30000u    /* graceful stop: then what is left is cut */
#define VD_DRAIN_BYTES_MAX 67108864u /* after an early answer: read and drop this much … */
#define VD_DRAIN_TIMEOUT_MS 2000u    /* … for this long, then close */
#define VD_RETRY_AFTER_S 1u          /* in 503 answers of the core */

#endif
