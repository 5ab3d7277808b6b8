/* The refresh token of browsers: it is kept where no script can read it.
 *
 * A browser is whoever sends Sec-Fetch-Site (settled for this API), or a fitting Origin together
 * with the cookie. It gets the token only as a cookie: "__Host-rt" where the public URL is https,
 * "vault_rt" on plain http, where browsers do not take the prefix. The cookie alone is never
 * enough: the request must come from our own origin.
 * Pure, but for the response that is written to. */
#ifndef VD_AUTH_COOKIE_H
#define VD_AUTH_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vault/base.h>

#include "http/http.h"

#define VD_REFRESH_TOKEN_MAX 1024u

/* What the fields of a request say about where it comes from. NULL: absent. */
typedef enum vd_site {
  VD_SITE_APP,  /* not a browser */
  VD_SITE_OWN,  /* a browser, on our own origin (or the address bar) */
  VD_SITE_OTHER /* a browser on another site: it must not use the cookie */
} vd_site;
vd_site vd_site_of(const char *sec_fetch_site, const char *origin, const char *public_url);

const char *vd_cookie_name(bool https);
/* Set-Cookie value; max_age_s 0 removes the cookie. false: it does not fit. */
bool vd_cookie_format(bool https, vault_str token, int64_t max_age_s, char *out, size_t out_size);

#endif
