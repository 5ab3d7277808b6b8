/* Start: bind the port, open the vault (locks, checks, bounded), committer, jobs, admin socket,
 * serve. What a crash left behind is mended by jobs while requests are already answered.
 * Stop, in the reverse order: no new requests, what is in flight is answered, jobs end, close. */
#include "app.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/socket.h"
#include "commits.h"
#include "jobs.h"
#include "log.h"
#include "modules/auth/auth.h"
#include "modules/common/context.h"
#include "modules/files/files.h"
#include "modules/health/health.h"
#include "modules/uploads/uploads.h"
#include "store.h"

#define ERR_BYTES 512u
#define URL_BYTES 64u

typedef struct app {
  const vd_config *cfg;
  vd_log log;
  vd_server *server;
  vd_jobs *jobs;
  vd_admin *admin;
  char default_url[URL_BYTES];
  vd_context context;
} app;

static const vd_module *const modules[] = {
  &vd_module_health,
  &vd_module_auth,
  &vd_module_files,
  &vd_module_uploads,
};

/* ---- signals ---------------------------------------------------------------------------------- */

static vd_server *signalled; /* set before the handlers are, cleared after */

static void on_signal(int sig) {
  int saved = errno;
  (void)sig;
  if (signalled != NULL)
    vd_server_stop(signalled);
  errno = saved;
}

static void take_signals(vd_server *server) {
  struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
  (void)sigemptyset(&stop.sa_mask);
  (void)sigemptyset(&ignore.sa_mask);
  stop.sa_flags = SA_RESTART;
  signalled = server;
  (void)sigaction(SIGPIPE, &ignore, NULL);
  (void)sigaction(SIGTERM, &stop, NULL);
  (void)sigaction(SIGINT, &stop, NULL);
}

/* ---- start ------------------------------------------------------------------------------------ */

static int fail(const app *a, const char *event, const char *sentence) {
  vd_log_say(&a->log, VAULT_LOG_ERROR, event, sentence);
  return VD_EXIT_FAILED;
}

/* A connection needs a descriptor, and often one more for its file; a quarter is for everything else. Without
 * this, idle connections would take the descriptors with which requests are served. */
static void fit_descriptors(const app *a, vd_http_config *http) {
  struct rlimit limit;
  rlim_t want = (rlim_t)http->connections_max * 8 / 3 + 1;

  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
    return;
  limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    (void)getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= want)
    return;
  http->connections_max = limit.rlim_cur > 8 ? (uint32_t)(limit.rlim_cur * 3 / 8) : 1;
  vault_log_field f = {"connections_max", {NULL, 0}, http->connections_max};
  vd_log_event(&a->log, VAULT_LOG_WARN, "few_descriptors", &f, 1);
}

static int bind_port(app *a) {
  char err[ERR_BYTES] = "";
  vd_http_config http;

  vd_http_config_defaults(&http);
  vd_config_http(a->cfg, &http);
  fit_descriptors(a, &http);
  http.cors_origins = vd_config_text(a->cfg, VD_KEY_CORS_ORIGINS);
  http.app = &a->context;
  http.log = vd_log_request;
  http.log_arg = &a->log;
  a->server = vd_server_new(&http, modules, sizeof modules / sizeof modules[0], err, sizeof err);
  if (a->server == NULL)
    return fail(a, "start_failed", err);
  if (vd_server_listen(a->server, vd_config_text(a->cfg, VD_KEY_LISTEN), err, sizeof err) != 0)
    return fail(a, "listen_failed", err);
  return VD_EXIT_OK;
}

static void choose_public_url(app *a) {
  const char *url = vd_config_text(a->cfg, VD_KEY_PUBLIC_URL);
  if (*url == '\0') {
    (void)snprintf(a->default_url, sizeof a->default_url, "http://localhost:%u",
                   (unsigned)vd_server_port(a->server));
    url = a->default_url;
  }
  a->context.public_url = url;
  a->context.https = strncmp(url, "https://", 8) == 0;
  a->context.log = &a->log;
}

static int open_vault(app *a) {
  char err[ERR_BYTES] = "";
  vd_store_opts opts = {a->cfg, &a->log, a->context.public_url, &vd_jobs_notifier, NULL};

  a->jobs = vd_jobs_new(&a->log);
  if (a->jobs == NULL)
    return fail(a, "start_failed", "out of memory or file descriptors");
  opts.notifier_self = a->jobs;
  if (vd_store_open(&opts, &a->context.vault, err, sizeof err) != VAULT_OK)
    return fail(a, "open_failed", err);
  a->context.commits = vd_commits_start(a->context.vault, a->server, err, sizeof err);
  if (a->context.commits == NULL)
    return fail(a, "start_failed", err);
  a->admin = vd_admin_start(a->cfg, a->context.vault, &a->log, err, sizeof err);
  if (a->admin == NULL)
    return fail(a, "start_failed", err);
  if (vd_jobs_start(a->jobs, a->context.vault, err, sizeof err) != 0)
    return fail(a, "start_failed", err);
  return VD_EXIT_OK;
}

static void say_started(const app *a) {
  const char *url = a->context.public_url, *listen = vd_config_text(a->cfg, VD_KEY_LISTEN);
  const char *sms = vd_config_text(a->cfg, VD_KEY_SMS);
  const char *codes = strcmp(sms, "console:") == 0    ? "on the standard output of this process"
                      : strncmp(sms, "file:", 5) == 0 ? sms + 5
                                                      : "nowhere: sms is none:";
  vault_log_field f[] = {
    {"url", {url, strlen(url)}, 0},
    {"listen", {listen, strlen(listen)}, 0},
    {"port", {NULL, 0}, vd_server_port(a->server)},
    {"codes_appear", {codes, strlen(codes)}, 0},
    {"pid", {NULL, 0}, getpid()},
  };
  vd_log_event(&a->log, VAULT_LOG_INFO, "listening", f, sizeof f / sizeof f[0]);
}

/* ---- stop ------------------------------------------------------------------------------------- */

static int close_all(app *a) {
  vault_err err = VAULT_ERR_INIT;
  int rc = VD_EXIT_OK;

  vd_admin_stop(a->admin);
  vd_jobs_stop(a->jobs);
  vd_commits_stop(a->context.commits);
  signalled = NULL;
  vd_server_free(a->server); /* readers that were still held are given back here */
  if (vault_close(a->context.vault, &err) != VAULT_OK)
    rc = fail(a, "close_failed", err.msg);
  vd_jobs_free(a->jobs);
  return rc;
}

int vd_serve(const vd_config *cfg) {
  app a = {.cfg = cfg};
  int rc, close_rc;

  vd_log_init(&a.log, STDERR_FILENO, vd_config_text(cfg, VD_KEY_LOG_FORMAT),
              vd_config_text(cfg, VD_KEY_LOG_LEVEL), vd_config_text(cfg, VD_KEY_LOG_REQUESTS));
  vd_log_start(&a.log);
  rc = bind_port(&a);
  if (rc == VD_EXIT_OK) {
    choose_public_url(&a);
    rc = open_vault(&a);
  }
  if (rc == VD_EXIT_OK) {
    take_signals(a.server);
    say_started(&a);
    vd_server_run(a.server);
    vd_log_say(&a.log, VAULT_LOG_INFO, "stopped", "No request is left; closing.");
  }
  close_rc = close_all(&a);
  vd_log_stop(&a.log);
  return rc != VD_EXIT_OK ? rc : close_rc;
}
