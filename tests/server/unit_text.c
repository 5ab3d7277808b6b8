#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "modules/auth/cookie.h"
#include "modules/common/json.h"
#include "modules/common/json_text.h"
#include "modules/common/text.h"
#include "tests/support/vt_main.h"

START_TEST(times) {
  char t[VD_TIME_TEXT];
  vd_time_format(0, t);
  ck_assert_str_eq(t, "1970-01-01T00:00:00.000Z");
  vd_time_format(1700000000123, t);
  ck_assert_str_eq(t, "2023-11-14T22:13:20.123Z");
  vd_time_format(-1, t);
  ck_assert_str_eq(t, "1969-12-31T23:59:59.999Z");
  vd_time_format(-62167219200000, t);
  ck_assert_str_eq(t, "0000-01-01T00:00:00.000Z");
  vd_time_format(253402300799999, t);
  ck_assert_str_eq(t, "9999-12-31T23:59:59.999Z");
  vd_time_format(253402300800000, t);
  ck_assert_str_eq(t, "10000-01-01T00:00:00.000Z");
}
END_TEST

/* Days of all four-digit years, against the C library; the step shares no factor with a year or a cycle. */
START_TEST(days_of_all_years) {
  for (int64_t day = -719528; day <= 2932896; day += 11) {
    char have[VD_TIME_TEXT], want[64];
    time_t s = (time_t)(day * 86400 + (day & 0xffff));
    struct tm tm;
    size_t n;
    (void)gmtime_r(&s, &tm);
    n = (size_t)snprintf(want, sizeof want, "%04d", tm.tm_year + 1900);
    (void)strftime(want + n, sizeof want - n, "-%m-%dT%H:%M:%S.001Z", &tm);
    vd_time_format((int64_t)s * 1000 + 1, have);
    if (strcmp(have, want) != 0)
      ck_abort_msg("%s, not %s", have, want);
  }
}
END_TEST

static void json_is(const vd_json_text *t, const char *want) {
  ck_assert(!t->failed);
  ck_assert_msg(t->n == strlen(want) && memcmp(t->p, want, t->n) == 0, "%.*s", (int)t->n, t->p);
}

START_TEST(json_texts) {
  static const char odd[] = "a\"b\\c\nd\x7f\xc3\xa7\xf0\x9f\x98\x80\xc3\x00\xff.";
  vd_json_text t = {NULL, 0, 0, false};
  vault_id id = {{0}};
  VD_JSON_PUT(&t, "[");
  vd_json_put_str(&t, (vault_str){odd, sizeof odd - 1});
  VD_JSON_PUT(&t, ",");
  vd_json_put_str(&t, (vault_str){NULL, 0});
  VD_JSON_PUT(&t, ",");
  vd_json_put_str(&t, (vault_str){"", 0});
  VD_JSON_PUT(&t, ",");
  vd_json_put_int(&t, INT64_MIN);
  VD_JSON_PUT(&t, ",");
  vd_json_put_int(&t, INT64_MAX);
  VD_JSON_PUT(&t, ",");
  vd_json_put_int(&t, 0);
  VD_JSON_PUT(&t, ",");
  vd_json_put_id(&t, &id);
  VD_JSON_PUT(&t, ",");
  vd_json_put_time(&t, 0);
  VD_JSON_PUT(&t, "]");
  json_is(&t,
          "[\"a\\\"b\\\\c\\u000ad\\u007f\xc3\xa7\xf0\x9f\x98\x80\\ufffd\\u0000\\ufffd.\",null,\"\","
          "-9223372036854775808,9223372036854775807,0,null,\"1970-01-01T00:00:00.000Z\"]");
  free(t.p);
}
END_TEST

START_TEST(json_texts_grow) {
  vd_json_text t = {NULL, 0, 0, false};
  char part[1000];
  memset(part, 'x', sizeof part);
  for (int i = 0; i < 3000; i++)
    vd_json_put(&t, part, (size_t)i % sizeof part);
  ck_assert(!t.failed);
  ck_assert_uint_eq(t.n, 3 * (999 * 1000 / 2));
  for (size_t i = 0; i < t.n; i++)
    if (t.p[i] != 'x')
      ck_abort_msg("byte %zu is not what was put there", i);
  free(t.p);
}
END_TEST

START_TEST(etags) {
  vault_id id, back;
  char tag[VD_ETAG_TEXT];
  int64_t seq = 0;
  memset(&id, 0xab, sizeof id);
  vd_content_etag(&id, tag);
  ck_assert_str_eq(tag, "\"vabababab-abab-abab-abab-abababababab\"");
  ck_assert(vd_content_etag_parse(tag, &back));
  ck_assert_mem_eq(&id, &back, sizeof id);
  vd_item_etag(42, tag);
  ck_assert_str_eq(tag, "\"s42\"");
  ck_assert(vd_item_etag_parse(" \"s42\" ", &seq));
  ck_assert_int_eq(seq, 42);
  ck_assert(!vd_item_etag_parse("\"s042\"", &seq));
  ck_assert(!vd_item_etag_parse("W/\"s42\"", &seq));
  ck_assert(!vd_item_etag_parse("\"s42\", \"s43\"", &seq));
  ck_assert(!vd_item_etag_parse("*", &seq));
  ck_assert(!vd_item_etag_parse("", &seq));
  ck_assert(!vd_item_etag_parse("\"\"", &seq));
  ck_assert(!vd_content_etag_parse("\"vABABABAB-abab-abab-abab-abababababab\"", &back));
}
END_TEST

START_TEST(numbers) {
  int64_t n = 7;
  ck_assert(vd_int64_parse("-9223372036854775808", &n) && n == INT64_MIN);
  ck_assert(vd_int64_parse("9223372036854775807", &n) && n == INT64_MAX);
  ck_assert(!vd_int64_parse("9223372036854775808", &n));
  ck_assert(!vd_int64_parse("", &n));
  ck_assert(!vd_int64_parse("-", &n));
  ck_assert(!vd_int64_parse("1 ", &n));
  ck_assert(!vd_int64_parse("+1", &n));
  ck_assert_int_eq(n, INT64_MAX);
  ck_assert(vd_seconds_parse("1700000000.123456789", &n) && n == 1700000000123456789);
  ck_assert(vd_seconds_parse("1700000000.5", &n) && n == 1700000000500000000);
  ck_assert(vd_seconds_parse("-1.25", &n) && n == -1250000000);
  ck_assert(vd_seconds_parse("-0.5", &n) && n == -500000000);
  ck_assert(vd_seconds_parse("1.1234567899", &n) && n == 1123456789);
  ck_assert(!vd_seconds_parse("1.", &n));
  ck_assert(!vd_seconds_parse(".5", &n));
  ck_assert(!vd_seconds_parse("9223372037", &n));
  ck_assert(!vd_seconds_parse("1e9", &n));
}
END_TEST

START_TEST(sites) {
  const char *url = "https://vault.example";
  ck_assert_int_eq(vd_site_of(NULL, NULL, url), VD_SITE_APP);
  ck_assert_int_eq(vd_site_of("same-origin", NULL, url), VD_SITE_OWN);
  ck_assert_int_eq(vd_site_of("none", NULL, url), VD_SITE_OWN);
  ck_assert_int_eq(vd_site_of("cross-site", url, url), VD_SITE_OTHER);
  ck_assert_int_eq(vd_site_of("same-site", url, url), VD_SITE_OTHER);
  ck_assert_int_eq(vd_site_of(NULL, "https://vault.example", url), VD_SITE_OWN);
  ck_assert_int_eq(vd_site_of(NULL, "https://vault.example.evil", url), VD_SITE_OTHER);
  ck_assert_int_eq(vd_site_of(NULL, "null", url), VD_SITE_OTHER);
}
END_TEST

START_TEST(cookies) {
  char field[256];
  vault_str token = {"abc.def", 7}, none = {NULL, 0}, bad = {"a;b", 3};
  ck_assert(vd_cookie_format(true, token, 60, field, sizeof field));
  ck_assert_str_eq(field,
                   "__Host-rt=abc.def; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
  ck_assert(vd_cookie_format(false, none, 0, field, sizeof field));
  ck_assert_str_eq(field, "vault_rt=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
  ck_assert(!vd_cookie_format(true, bad, 60, field, sizeof field));
  ck_assert(!vd_cookie_format(true, token, 60, field, 20));
}
END_TEST

typedef struct parsed {
  vault_str name;
  vault_id parent;
  int64_t mtime;
  bool has_parent;
} parsed;

static bool parse(const char *text, parsed *out, char *err) {
  const vd_json_member members[] = {
    {"name", VD_JSON_TEXT, true, &out->name, NULL},
    {"parent_id", VD_JSON_PLACE, false, &out->parent, &out->has_parent},
    {"mtime_ns", VD_JSON_INT64, false, &out->mtime, NULL},
  };
  json_t *doc = NULL;
  bool good;
  memset(out, 0, sizeof *out);
  good = vd_json_parse(text, strlen(text), members, 3, &doc, err, 160);
  if (good)
    ck_assert_uint_eq(out->name.n, 1);
  json_decref(doc);
  return good;
}

START_TEST(json_members) {
  char err[160];
  parsed p;
  ck_assert(parse("{\"name\":\"a\"}", &p, err));
  ck_assert(!p.has_parent);
  ck_assert(parse("{\"name\":\"a\",\"parent_id\":null,\"mtime_ns\":\"-5\"}", &p, err));
  ck_assert(p.has_parent);
  ck_assert_int_eq(p.mtime, -5);
  ck_assert(parse("{\"name\":\"a\",\"mtime_ns\":1700000000123456789}", &p, err));
  ck_assert_int_eq(p.mtime, 1700000000123456789);
}
END_TEST

START_TEST(json_refused) {
  static const struct {
    const char *text, *part;
  } rows[] = {
    {"", "not valid JSON"},
    {"[]", "object"},
    {"{\"name\":\"a\"", "not valid JSON"},
    {"{}", "\"name\" is missing"},
    {"{\"name\":1}", "\"name\" must be a string"},
    {"{\"name\":\"a\",\"nmae\":\"a\"}", "no member \"nmae\""},
    {"{\"name\":\"a\",\"name\":\"b\"}", "not valid JSON"},
    {"{\"name\":\"a\\u0000b\"}", "not valid JSON"},
    {"{\"name\":\"\xff\"}", "not valid JSON"},
    {"{\"name\":\"a\",\"parent_id\":\"x\"}", "an id, or null"},
    {"{\"name\":\"a\",\"mtime_ns\":1.5}", "whole number"},
    {"{\"name\":\"a\",\"mtime_ns\":\"5 \"}", "whole number"},
  };
  char err[160];
  parsed p;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    ck_assert_msg(!parse(rows[i].text, &p, err), "row %zu", i);
    ck_assert_msg(strstr(err, rows[i].part) != NULL, "row %zu: %s", i, err);
  }
}
END_TEST

static void log_line(bool json, char *out, size_t out_size) {
  vd_log log = {.json = json, .level = VAULT_LOG_INFO};
  vault_log_field f[] = {{"text", {"a \"b\"\n\xff\x1b", 8}, 0}, {"n", {NULL, 0}, -3}};
  int ends[2];
  ssize_t n;
  ck_assert_int_eq(pipe(ends), 0);
  log.fd = ends[1];
  vd_log_event(&log, VAULT_LOG_DEBUG, "hidden", f, 2);
  vd_log_event(&log, VAULT_LOG_WARN, "shown", f, 2);
  n = read(ends[0], out, out_size - 1);
  ck_assert_int_gt(n, 0);
  out[n] = '\0';
  (void)close(ends[0]);
  (void)close(ends[1]);
}

START_TEST(log_lines) {
  char text[512];
  json_t *doc;
  log_line(true, text, sizeof text);
  ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
  doc = json_loads(text, 0, NULL);
  ck_assert_ptr_nonnull(doc);
  ck_assert_str_eq(json_string_value(json_object_get(doc, "event")), "shown");
  ck_assert_str_eq(json_string_value(json_object_get(doc, "level")), "warn");
  ck_assert_str_eq(json_string_value(json_object_get(doc, "text")), "a \"b\"\n\xef\xbf\xbd\x1b");
  ck_assert_int_eq(json_integer_value(json_object_get(doc, "n")), -3);
  json_decref(doc);
  log_line(false, text, sizeof text);
  ck_assert_ptr_nonnull(
    strstr(text, "warn shown text=\"a \\\"b\\\"\\u000a\\ufffd\\u001b\" n=-3\n"));
}
END_TEST

static vd_log_record record_of(const char *path, int status) {
  return (vd_log_record){
    .request_id = "ID", .method = "GET", .path = path, .peer = "::1", .status = status};
}

/* Everything that comes out of fd until it ends; freed by the caller. */
static char *read_all(int fd, size_t *n) {
  size_t room = 1 << 20;
  char *all = malloc(room);
  ssize_t got;
  ck_assert_ptr_nonnull(all);
  *n = 0;
  while (*n < room - 1 && (got = read(fd, all + *n, room - 1 - *n)) > 0)
    *n += (size_t)got;
  all[*n] = '\0';
  return all;
}

/* The path of a request as the log has it. */
static char *logged_path(const char *path) {
  int ends[2];
  vd_log log;
  size_t n;
  ck_assert_int_eq(pipe(ends), 0);
  vd_log_init(&log, ends[1], "text", "info", "on");
  vd_log_record r = record_of(path, 200);
  vd_log_request(&log, &r);
  (void)close(ends[1]);
  char *all = read_all(ends[0], &n);
  (void)close(ends[0]);
  ck_assert(n > 0);
  return all;
}

START_TEST(keys_are_not_logged) {
  char path[128] = "/api/v1/uploads/";
  size_t at = strlen(path);
  for (size_t n = 63; n <= 64; n++) {
    memset(path + at, 'k', n);
    memcpy(path + at + n, "/x", 3);
    char *line = logged_path(path);
    ck_assert_msg((strstr(line, "kkkk") == NULL) == (n == 64), "%s", line);
    ck_assert_msg((strstr(line, "/api/v1/uploads/*/x") != NULL) == (n == 64), "%s", line);
    free(line);
  }
  char *line = logged_path("/api/v1/files/");
  ck_assert_ptr_nonnull(strstr(line, "/api/v1/files/"));
  free(line);
}
END_TEST

START_TEST(request_lines_in_bundles) {
  vd_log log;
  int ends[2];
  size_t n;
  ck_assert_int_eq(pipe(ends), 0);
  vd_log_init(&log, ends[1], "text", "info", "on");
  vd_log_start(&log);
  vd_log_record ok = record_of("/one", 200), bad = record_of("/two", 503);
  vd_log_request(&log, &ok);
  vd_log_request(&log, &ok);
  vd_log_request(&log, &bad); /* at once, so perhaps first */
  vd_log_stop(&log);
  (void)close(ends[1]);
  char *all = read_all(ends[0], &n);
  const char *first = strstr(all, "path=/one");
  ck_assert_ptr_nonnull(first);
  ck_assert_ptr_nonnull(strstr(first + 1, "path=/one"));
  ck_assert_ptr_nonnull(strstr(all, "warn request method=GET path=/two status=503"));
  free(all);
  (void)close(ends[0]);
}
END_TEST

typedef struct drain {
  int fd;
  char *all;
  size_t n;
} drain;

static void *drain_all(void *arg) {
  drain *d = arg;
  d->all = read_all(d->fd, &d->n);
  return NULL;
}

/* Nobody reads: whoever logs goes on, memory is bounded, and what was lost is told. */
START_TEST(a_log_that_nobody_reads) {
  enum { LINES = 20000 };
  vd_log log;
  int ends[2];
  pthread_t reader;
  unsigned long lines = 0, lost = 0;
  ck_assert_int_eq(pipe(ends), 0);
  vd_log_init(&log, ends[1], "text", "info", "on");
  vd_log_start(&log);
  vd_log_record ok = record_of("/path/that/makes/the/line/longer", 200);
  for (int i = 0; i < LINES; i++)
    vd_log_request(&log, &ok);
  drain d = {ends[0], NULL, 0}; /* somebody reads again */
  ck_assert_int_eq(pthread_create(&reader, NULL, drain_all, &d), 0);
  vd_log_stop(&log);
  (void)close(ends[1]);
  (void)pthread_join(reader, NULL);
  char *all = d.all;
  for (char *at = all; (at = strstr(at, " request ")) != NULL; at++)
    lines++;
  for (char *at = all; (at = strstr(at, "log_too_slow lines=")) != NULL; at++)
    lost += strtoul(at + strlen("log_too_slow lines="), NULL, 10);
  ck_assert_uint_gt(lost, 0);
  ck_assert_uint_eq(lines + lost, LINES);
  free(all);
  (void)close(ends[0]);
}
END_TEST

static Suite *suite(void) {
  const TTest *const tests[] = {times,
                                etags,
                                numbers,
                                sites,
                                cookies,
                                json_members,
                                json_refused,
                                log_lines,
                                days_of_all_years,
                                json_texts,
                                json_texts_grow,
                                request_lines_in_bundles,
                                a_log_that_nobody_reads,
                                keys_are_not_logged,
                                NULL};
  return vt_suite("text", tests);
}

VT_MAIN(suite)
