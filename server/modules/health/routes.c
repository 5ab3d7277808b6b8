#include <string.h>

#include "health.h"
#include "modules/common/context.h"
#include "modules/common/problem.h"

/* The hash of STYLE: the page may use this one and nothing else. A test compares them. */
#define STYLE_SHA256 "qzDS92m8vz91r/5RNcxVwgBnXQP3j+JPZaUCPAlMIEk="
#define STYLE                                                                                     \
  ":root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--paper:#fff;"       \
  "--ground:#f4f6f8;--mark:#1f6f5c}\n"                                                            \
  "@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b4;--line:#2c3541;"          \
  "--paper:#171d25;--ground:#0f141a;--mark:#6fcdb4}}\n"                                           \
  "*{box-sizing:border-box}\n"                                                                    \
  "body{margin:0;padding:clamp(1rem,4vw,2.5rem) 1rem;background:var(--ground);color:var(--ink);"  \
  "font:1rem/1.6 system-ui,sans-serif}\n"                                                         \
  "main{max-width:40rem;margin:auto;padding:clamp(1.25rem,5vw,2.5rem);background:var(--paper);"   \
  "border:1px solid var(--line);border-radius:12px}\n"                                            \
  "h1{margin:0 0 1rem;font-size:1.75rem;line-height:1.2}\n"                                       \
  "h1::before{content:\"\";display:inline-block;width:.6em;height:.6em;margin-right:.4em;"        \
  "border:.16em solid var(--mark);border-radius:50%}\n"                                           \
  "h2{margin:2rem 0 .5rem;font-size:1rem;color:var(--soft);font-weight:600}\n"                    \
  "p{margin:0 0 .75rem}\n"                                                                        \
  "ol{margin:0;padding:0;list-style:none;border-top:1px solid var(--line)}\n"                     \
  "li{padding:.6rem 0;border-bottom:1px solid var(--line);color:var(--soft);font-size:.875rem}\n" \
  "code{display:block;color:var(--ink);font:.9375rem/1.5 ui-monospace,monospace;"                 \
  "overflow-wrap:anywhere}\n"                                                                     \
  "p:last-child{margin:1.5rem 0 0;font-size:.875rem;color:var(--soft)}\n"                         \
  "a{color:var(--mark)}\n"

static const char page[] =
  "<!doctype html>\n"
  "<html lang=\"en\">\n"
  "<head>\n"
  "<meta charset=\"utf-8\">\n"
  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
  "<title>vaultd</title>\n"
  "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' "
  "viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='5.5' fill='none' stroke='%231f6f5c' "
  "stroke-width='3'/%3E%3C/svg%3E\">\n"
  "<style>" STYLE "</style>\n"
  "</head>\n"
  "<body>\n"
  "<main>\n"
  "<h1>vaultd</h1>\n"
  "<p lang=\"tr\">Burada kişisel bir bulut çalışıyor. Dosyaları saklar; onlara ulaşmak için "
  "telefona gelen kodla giriş yapılır. Bu sunucuda henüz bir web uygulaması yok: programlar "
  "HTTP arayüzünü kullanır.</p>\n"
  "<p>A personal cloud runs here. It keeps files; to reach them one signs in with a code sent "
  "to a phone. This server has no web app yet: programs use the HTTP API.</p>\n"
  "<h2><span lang=\"tr\">Başlangıç</span> · To start</h2>\n"
  "<ol>\n"
  "<li><code>POST /api/v1/auth/otp</code><span lang=\"tr\">kod iste</span> · ask for a code</li>\n"
  "<li><code>POST /api/v1/auth/otp/verify</code><span lang=\"tr\">giriş yap</span> · sign in</li>\n"
  "<li><code>PUT /api/v1/files/content?path=/a/b.jpg</code><span lang=\"tr\">dosya "
  "yedekle</span> · back up a file</li>\n"
  "<li><code>GET /api/v1/files</code><span lang=\"tr\">listele</span> · list</li>\n"
  "<li><code>GET /api/v1/files/content?path=/a/b.jpg</code><span lang=\"tr\">geri al</span> · "
  "get it back</li>\n"
  "</ol>\n"
  "<p><span lang=\"tr\">Durum</span> · State: <a href=\"/healthz\">/healthz</a>, <a "
  "href=\"/readyz\">/readyz</a></p>\n"
  "</main>\n"
  "</body>\n"
  "</html>\n";

static vd_next get_page(vd_request *rq, vd_response *rs) {
  (void)rq;
  vd_add_header(rs, "Content-Security-Policy",
                "default-src 'none'; style-src 'sha256-" STYLE_SHA256 "'; img-src data:;"
                " frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
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
    vd_problem(rs, 503, vault_status_code(s), vault_status_text(s));
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
