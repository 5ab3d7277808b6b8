#include <string.h>

#include "health.h"
#include "modules/common/context.h"
#include "modules/common/problem.h"

static const char page[] =
  "<!doctype html>\n"
  "<html lang=\"en\">\n"
  "<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
  "<title>vaultd</title></head>\n"
  "<body>\n"
  "<h1>vaultd</h1>\n"
  "<p>This is the server of a personal cloud: it keeps files behind a sign-in with a phone number."
  " There is no sign-in page on this server yet; programs use the API under <code>/api/v1</code>.</p>\n"
  "<p lang=\"tr\">Bu, kişisel bir bulutun sunucusudur: dosyaları telefon numarasıyla girişin ardında"
  " saklar. Bu sunucuda henüz giriş sayfası yok; programlar <code>/api/v1</code> altındaki API'yi"
  " kullanır.</p>\n"
  "<p>Start: <code>POST /api/v1/auth/otp {\"phone\": \"+90 5…\"}</code>, then"
  " <code>POST /api/v1/auth/otp/verify</code>, then"
  " <code>PUT /api/v1/files/content?path=/name</code>."
  " State: <a href=\"/healthz\">/healthz</a>, <a href=\"/readyz\">/readyz</a>.</p>\n"
  "</body>\n"
  "</html>\n";

static vd_next get_page(vd_request *rq, vd_response *rs) {
  (void)rq;
  vd_add_header(rs, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
  vd_add_header(rs, "Cache-Control", "no-cache");
  vd_send_bytes(rs, "text/html; charset=utf-8", page, sizeof page - 1);
  return VD_DONE;
}

static vd_next get_healthz(vd_request *rq, vd_response *rs) {
  static const char body[] = "{\"status\":\"ok\"}";
  (void)rq;
  vd_send_bytes(rs, "application/json", body, sizeof body - 1);
  return VD_DONE;
}

static vd_next get_readyz(vd_request *rq, vd_response *rs) {
  static const char body[] = "{\"status\":\"ready\"}";
  const vd_context *app = vd_request_app(rq);
  vault_err err = VAULT_ERR_INIT;
  vault_status s = vault_ping(app->vault, &err);

  if (s != VAULT_OK) {
    /* Whatever is wrong, a balancer shall send requests elsewhere: always 503. */
    vd_add_header(rs, "Retry-After", "1");
    vd_problem(rs, 503, vault_status_code(s), "The server cannot work now.", vault_status_text(s));
    return VD_DONE;
  }
  vd_send_bytes(rs, "application/json", body, sizeof body - 1);
  return VD_DONE;
}

static const vd_route routes[] = {
  {VD_GET, "/", VD_ON_LOOP, 0, get_page, NULL},
  {VD_GET, "/healthz", VD_ON_LOOP, 0, get_healthz, NULL},
  {VD_GET, "/readyz", 0, 0, get_readyz, NULL},
};

const vd_module vd_module_health = {"health", routes, sizeof routes / sizeof routes[0], NULL, NULL};
