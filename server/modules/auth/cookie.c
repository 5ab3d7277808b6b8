#include "cookie.h"

#include <stdio.h>
#include <string.h>

vd_site vd_site_of(const char *sec_fetch_site, const char *origin, const char *public_url) {
  if (sec_fetch_site != NULL) {
    /* "none" is a person who typed the address; "same-site" is another origin of our domain. */
    bool own = strcmp(sec_fetch_site, "same-origin") == 0 || strcmp(sec_fetch_site, "none") == 0;
    return own ? VD_SITE_OWN : VD_SITE_OTHER;
  }
  if (origin == NULL)
    return VD_SITE_APP;
  return strcmp(origin, public_url) == 0 ? VD_SITE_OWN : VD_SITE_OTHER;
}

const char *vd_cookie_name(bool https) {
  return https ? "__Host-rt" : "vault_rt";
}

bool vd_cookie_format(bool https, vault_str token, int64_t max_age_s, char *out, size_t out_size) {
  int n;

  if (token.n > VD_REFRESH_TOKEN_MAX)
    return false;
  for (uint64_t i = 0; i < token.n; i++) {
    unsigned char c = (unsigned char)token.p[i];
    if (c <= 0x20 || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\')
      return false;
  }
  n = snprintf(out, out_size, "%s=%.*s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s",
               vd_cookie_name(https), (int)token.n, token.n > 0 ? token.p : "",
               (long long)(max_age_s > 0 ? max_age_s : 0), https ? "; Secure" : "");
  return n > 0 && (size_t)n < out_size;
}
