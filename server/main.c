/* vaultd: one binary, a table of commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vault/version.h>

#include "admin/commands.h"
#include "app.h"
#include "config.h"

extern char **environ;

#define ARGS_MAX 64u

static const char help_text[] =
  "usage: vaultd COMMAND [ARGUMENTS] [--KEY=VALUE ...]\n\n"
  "  serve                      serve until SIGTERM\n"
  "  user list|show|quota|disable|enable\n"
  "  session list|revoke\n"
  "  fsck --quick               compare the rows with the store\n"
  "  config show|check|help     the effective configuration; check it; list all keys\n"
  "  version\n"
  "  help [COMMAND]\n\n"
  "Every key of the configuration can be given as --KEY=VALUE, as VAULT_KEY in the environment, or\n"
  "in the INI file that --config or VAULT_CONFIG names. The most important ones:\n"
  "  --data=DIR                 database, files, keys and the admin socket (/var/lib/vaultd)\n"
  "  --listen=HOST:PORT         127.0.0.1:8080\n"
  "  --public-url=URL           how people reach the server: http(s)://HOST[:PORT]\n"
  "  --sms=console:|file:PATH   where the codes go\n";

static const char help_serve[] =
  "usage: vaultd serve [--KEY=VALUE ...]\n\n"
  "Serves until SIGTERM or SIGINT; then finishes what is in flight and leaves. A second signal\n"
  "ends at once. Exit code: 0 stopped as asked, 1 could not start, 2 wrong configuration.\n";

static const char help_config[] =
  "usage: vaultd config show     every effective value and where it came from\n"
  "       vaultd config check    say what is wrong, or nothing (exit code 0)\n"
  "       vaultd config help     every key with its range, default and meaning\n";

static int run_serve(const vd_config *cfg, const char *const *args, size_t n) {
  (void)args;
  if (n > 0) {
    (void)fputs(help_serve, stderr);
    return VD_EXIT_USAGE;
  }
  return vd_serve(cfg);
}

static int run_config(const vd_config *cfg, const char *const *args, size_t n) {
  if (n == 1 && strcmp(args[0], "show") == 0) {
    vd_config_show(cfg, stdout);
    return VD_EXIT_OK;
  }
  if (n == 1 && strcmp(args[0], "check") == 0)
    return VD_EXIT_OK; /* it was loaded: it is good */
  (void)fputs(help_config, stderr);
  return VD_EXIT_USAGE;
}

typedef struct command {
  const char *name;
  int (*run)(const vd_config *cfg, const char *const *args, size_t n);
  const char *help;
  const char *own_flags; /* those that are not keys of the configuration: " --a --b " */
} command;

static const command commands[] = {
  {"serve", run_serve, help_serve, ""},
  {"user", vd_command_user, vd_help_user, " --json "},
  {"session", vd_command_session, vd_help_session, " --json "},
  {"fsck", vd_command_fsck, vd_help_fsck, " --quick --repair --json "},
  {"config", run_config, help_config, ""},
};

static const command *find_command(const char *name) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  }
  return NULL;
}

static bool is_own_flag(const command *c, const char *arg) {
  char padded[40];
  int n = snprintf(padded, sizeof padded, " %s ", arg);
  return n > 0 && (size_t)n < sizeof padded && strstr(c->own_flags, padded) != NULL;
}

static int run(const command *c, const char *const *argv, size_t n) {
  const char *args[ARGS_MAX], *flags[ARGS_MAX];
  size_t n_args = 0, n_flags = 0;
  char err[VD_CONFIG_ERR] = "";
  vd_config *cfg;
  int rc;

  for (size_t i = 0; i < n; i++) {
    bool key = strncmp(argv[i], "--", 2) == 0 && !is_own_flag(c, argv[i]);
    if (key) {
      flags[n_flags++] = argv[i];
    } else {
      args[n_args++] = argv[i];
    }
  }
  if (c->run == run_config && n_args == 1 && strcmp(args[0], "help") == 0) {
    vd_config_help(stdout); /* must work when the configuration does not */
    return VD_EXIT_OK;
  }
  cfg = vd_config_new();
  if (cfg == NULL) {
    (void)fputs("vaultd: out of memory\n", stderr);
    return VD_EXIT_FAILED;
  }
  if (vd_config_load(cfg, flags, n_flags, (const char *const *)environ, err) != 0) {
    (void)fprintf(stderr, "vaultd: %s\n", err);
    rc = VD_EXIT_USAGE;
  } else {
    rc = c->run(cfg, args, n_args);
  }
  vd_config_free(cfg);
  return rc;
}

static bool is_word(const char *arg, const char *word) {
  return strcmp(arg, word) == 0 || (strncmp(arg, "--", 2) == 0 && strcmp(arg + 2, word) == 0);
}

static bool asks_for_help(const char *const *argv, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
      return true;
  }
  return false;
}

static int unknown_command(const char *name) {
  (void)fprintf(stderr, "vaultd: there is no command \"%.40s\"; `vaultd help` lists them\n", name);
  return VD_EXIT_USAGE;
}

int main(int argc, char **argv_in) {
  const char *const *argv = (const char *const *)argv_in;
  const command *c;

  if (argc < 2 || argc > (int)ARGS_MAX) {
    (void)fputs(help_text, stderr);
    return VD_EXIT_USAGE;
  }
  if (is_word(argv[1], "version")) {
    (void)printf("vaultd %s\n", vault_version());
    return VD_EXIT_OK;
  }
  if (is_word(argv[1], "help") || strcmp(argv[1], "-h") == 0) {
    c = argc > 2 ? find_command(argv[2]) : NULL;
    if (argc > 2 && c == NULL)
      return unknown_command(argv[2]);
    (void)fputs(c != NULL ? c->help : help_text, stdout);
    return VD_EXIT_OK;
  }
  c = find_command(argv[1]);
  if (c == NULL)
    return unknown_command(argv[1]);
  if (asks_for_help(argv + 2, (size_t)argc - 2)) {
    (void)fputs(c->help, stdout);
    return VD_EXIT_OK;
  }
  return run(c, argv + 2, (size_t)argc - 2);
}
