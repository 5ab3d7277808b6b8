/* Pages of other origins (Fetch, "CORS protocol"): none may read an answer unless it is allowed. No cookie is ever
 * accepted from them: Access-Control-Allow-Credentials is never sent.
 * Threads: loop thread; the first two functions are pure. */
#ifndef VD_HTTP_CORS_H
#define VD_HTTP_CORS_H

#include <stdbool.h>

#include "http.h"

/* A list of origins ("https://a.example http://localhost:3000"), separated by spaces or commas; "*": any; "" or NULL:
 * none. false: it has something else in it. */
bool vd_cors_valid(const char *origins);

/* Whether origin, as a browser sends it, is in the list. "null" never is, except with "*". */
bool vd_cors_allows(const char *origins, const char *origin);

/* Adds what the answer of rq needs, preflights included (OPTIONS with Access-Control-Request-Method). */
void vd_cors_apply(vd_request *rq);

#endif
