#include <string.h>

#include "http/router.h"
#include "tests/support/vt_main.h"

static vd_next never(vd_request *rq, vd_response *rs) {
  (void)rq;
  (void)rs;
  return VD_DONE;
}

#define ROUTE(m, p) \
  { .method = m, .pattern = p, .simple = never }

static const vd_route A[] = {
  ROUTE(VD_GET, "/files/{id}"),
  ROUTE(VD_PATCH, "/files/{id}"),
  ROUTE(VD_GET, "/files/content"),
  ROUTE(VD_PUT, "/files/content"),
  ROUTE(VD_GET, "/files/{id}/content"),
  ROUTE(VD_POST, "/files:batch"),
  ROUTE(VD_GET, "/files"),
  ROUTE(VD_PUT, "/files/{file}/content"),
};
static const vd_route B[] = {ROUTE(VD_PROPFIND, "/dav/{path*}"), ROUTE(VD_GET, "/"),
                             ROUTE(VD_GET, "/{page}")};
static const vd_module MODULE_A = {"a", A, sizeof A / sizeof A[0], NULL, NULL};
static const vd_module MODULE_B = {"b", B, sizeof B / sizeof B[0], NULL, NULL};
static const vd_module *const MODULES[] = {&MODULE_A, &MODULE_B};

static char scratch[512];
static vd_match found;

static vd_route_result find(vd_router *r, vd_method m, const char *path) {
  return vd_router_find(r, m, path, strlen(path), scratch, &found);
}

static vd_router *make(void) {
  char err[200];
  vd_router *r = vd_router_new(MODULES, 2, err, sizeof err);
  ck_assert_msg(r != NULL, "%s", err);
  return r;
}

START_TEST(literal_wins) {
  vd_router *r = make();
  ck_assert_int_eq(find(r, VD_GET, "/files/content"), VD_ROUTE_FOUND);
  ck_assert_str_eq(found.route->pattern, "/files/content");
  ck_assert_int_eq(find(r, VD_GET, "/files/contenu"), VD_ROUTE_FOUND);
  ck_assert_str_eq(found.route->pattern, "/files/{id}");
  ck_assert_str_eq(found.params[0].value, "contenu");
  ck_assert_int_eq(find(r, VD_PUT, "/files/x%20y/content"), VD_ROUTE_FOUND);
  ck_assert_str_eq(found.route->pattern, "/files/{file}/content");
  ck_assert_str_eq(found.params[0].value, "x y");
  ck_assert_int_eq(find(r, VD_GET, "/%66iles"), VD_ROUTE_FOUND);
  ck_assert_str_eq(found.route->pattern, "/files");
  ck_assert_uint_eq(found.module, 0);
  ck_assert_int_eq(find(r, VD_GET, "/"), VD_ROUTE_FOUND);
  ck_assert_str_eq(found.route->pattern, "/");
  vd_router_free(r);
}
END_TEST

START_TEST(misses) {
  vd_router *r = make();
  ck_assert_int_eq(find(r, VD_GET, "/files/"), VD_ROUTE_NOT_FOUND);
  ck_assert_int_eq(find(r, VD_GET, "/files//content"), VD_ROUTE_NOT_FOUND);
  ck_assert_int_eq(find(r, VD_GET, "/a/b/c/d"), VD_ROUTE_NOT_FOUND);
  ck_assert_int_eq(find(r, VD_GET, "/files/%"), VD_ROUTE_BAD_PATH);
  ck_assert_int_eq(find(r, VD_GET, "/files/%00"), VD_ROUTE_BAD_PATH);
  char deep[300];
  memset(deep, '/', sizeof deep - 1);
  deep[sizeof deep - 1] = 0;
  ck_assert_int_eq(find(r, VD_GET, deep), VD_ROUTE_NOT_FOUND);
  vd_router_free(r);
}
END_TEST

START_TEST(methods) {
  char allow[200];
  vd_router *r = make();
  ck_assert_int_eq(find(r, VD_DELETE, "/files/x"), VD_ROUTE_NOT_ALLOWED);
  vd_allow_format(found.allowed, allow, sizeof allow);
  ck_assert_str_eq(allow, "GET, HEAD, PATCH, OPTIONS");
  ck_assert_int_eq(find(r, VD_HEAD, "/files/x"), VD_ROUTE_FOUND);
  ck_assert_int_eq(find(r, VD_GET, "/files:batch"),
                   VD_ROUTE_NOT_ALLOWED); /* not the page of that name */
  ck_assert_int_eq(find(r, VD_OPTIONS, "/files"), VD_ROUTE_NOT_ALLOWED);
  vd_allow_format(found.allowed, allow, sizeof allow);
  ck_assert_str_eq(allow, "GET, HEAD, OPTIONS");
  vd_router_free(r);
}
END_TEST

START_TEST(rest_of_path) {
  vd_router *r = make();
  ck_assert_int_eq(find(r, VD_PROPFIND, "/dav/a%20b/c"), VD_ROUTE_FOUND);
  ck_assert_str_eq(found.params[0].value, "a b/c");
  ck_assert_int_eq(find(r, VD_PROPFIND, "/dav/"), VD_ROUTE_FOUND);
  ck_assert_str_eq(found.params[0].value, "");
  ck_assert_int_eq(find(r, VD_PROPFIND, "/dav"), VD_ROUTE_NOT_ALLOWED); /* the page "dav" */
  vd_router_free(r);
}
END_TEST

static void refused(const vd_route *routes, size_t n) {
  char err[200] = "";
  vd_module m = {"m", routes, n, NULL, NULL};
  const vd_module *const all[] = {&m};
  ck_assert_ptr_null(vd_router_new(all, 1, err, sizeof err));
  ck_assert_uint_gt(strlen(err), 10);
}

START_TEST(bad_tables) {
  static const vd_route twice[] = {ROUTE(VD_GET, "/a/{x}"), ROUTE(VD_GET, "/a/{y}")};
  refused(twice, 2);
  static const char *const patterns[] = {"",      "a",       "/{",   "/{}", "/{x",
                                         "/a{x}", "/{x*}/b", "/{*}", "/%41"};
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
    vd_route one = ROUTE(VD_GET, patterns[i]);
    refused(&one, 1);
  }
  vd_route none = {.method = VD_GET, .pattern = "/a"};
  refused(&none, 1);
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {literal_wins, misses, methods, rest_of_path, bad_tables, NULL};
  return vt_suite("router", all);
}

VT_MAIN(suite)
