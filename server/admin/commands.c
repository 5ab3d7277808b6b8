#include "commands.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "config_table.h"
#include "target.h"

#define ERR_BYTES 512u

const char vd_help_user[] =
  "usage: vaultd user list [--json]\n"
  "       vaultd user show PHONE|ID [--json]\n"
  "       vaultd user quota PHONE|ID BYTES [--json]     as 20GiB\n"
  "       vaultd user disable PHONE|ID [--json]         signs the user out everywhere\n"
  "       vaultd user enable PHONE|ID [--json]\n\n"
  "Talks to the running server, or opens the store itself when none runs.\n";

const char vd_help_session[] =
  "usage: vaultd session list PHONE|ID [--json]\n"
  "       vaultd session revoke PHONE|ID [SESSION] [--json]   without SESSION: all of them\n\n"
  "Talks to the running server, or opens the store itself when none runs.\n";

const char vd_help_fsck[] =
  "usage: vaultd fsck --quick [--repair] [--json]\n\n"
  "Compares the rows with what is in the store: presence, sizes, ledgers. Reads no content.\n"
  "  --repair   write recounted ledgers; user data is never touched\n"
  "  --json     the report as one JSON object\n"
  "Exit code: 0 clean, 1 repaired, 2 damage, 3 could not check.\n";

static int complain(const char *sentence, int code) {
  (void)fprintf(stderr, "vaultd: %s\n", sentence);
  return code;
}

static int usage(const char *help) {
  (void)fputs(help, stderr);
  return VD_EXIT_USAGE;
}

/* Removes --json from args; true if it was there. */
static bool take_json_flag(const char **args, size_t *n) {
  bool found = false;
  size_t kept = 0;
  for (size_t i = 0; i < *n; i++) {
    if (strcmp(args[i], "--json") == 0) {
      found = true;
    } else {
      args[kept++] = args[i];
    }
  }
  *n = kept;
  return found;
}

static void print_json(const json_t *doc) {
  (void)json_dumpf(doc, stdout, JSON_COMPACT);
  (void)fputc('\n', stdout);
}

static const char *text_of(const json_t *doc, const char *name) {
  const char *text = json_string_value(json_object_get(doc, name));
  return text != NULL ? text : "";
}

static void print_user(const json_t *u) {
  const json_t *usage_of = json_object_get(u, "usage");
  (void)printf("%s  %s  %s  since %s", text_of(u, "id"), text_of(u, "phone"),
               json_is_true(json_object_get(u, "disabled")) ? "disabled" : "enabled",
               text_of(u, "created_at"));
  if (usage_of != NULL) {
    (void)printf("  %lld of %lld bytes, %lld files",
                 (long long)json_integer_value(json_object_get(usage_of, "used_bytes")),
                 (long long)json_integer_value(json_object_get(usage_of, "quota_bytes")),
                 (long long)json_integer_value(json_object_get(usage_of, "files")));
  }
  (void)fputc('\n', stdout);
}

static void print_answer(const json_t *answer) {
  const json_t *row;
  size_t i;

  json_array_foreach(json_object_get(answer, "users"), i, row) print_user(row);
  if (json_object_get(answer, "user") != NULL)
    print_user(json_object_get(answer, "user"));
  json_array_foreach(json_object_get(answer, "sessions"), i, row) {
    (void)printf("%s  last seen %s  until %s  %s  %s\n", text_of(row, "id"),
                 text_of(row, "last_seen_at"), text_of(row, "expires_at"),
                 text_of(row, "device_name"), text_of(row, "user_agent"));
  }
  if (json_object_get(answer, "revoked") != NULL) {
    (void)printf("%lld session(s) ended\n",
                 (long long)json_integer_value(json_object_get(answer, "revoked")));
  }
}

/* Ask and print; a long list takes several questions. Takes request. */
static int ask_and_print(const vd_config *cfg, json_t *request, bool json) {
  char err[ERR_BYTES] = "";
  const char *next = NULL;
  json_t *answer = NULL, *copy = json_copy(request);
  vd_target t;
  int rc = VD_EXIT_OK;

  json_decref(request);
  if (vd_target_open(&t, cfg, err, sizeof err) != 0) {
    json_decref(copy);
    return complain(err, VD_EXIT_FAILED);
  }
  do {
    json_t *again = json_copy(copy);
    if (next != NULL)
      (void)json_object_set_new(again, "after", json_string(next));
    json_decref(answer);
    answer = vd_target_ask(&t, again, err, sizeof err);
    if (answer == NULL) {
      rc = complain(err, VD_EXIT_FAILED);
    } else if (json) {
      print_json(answer);
    } else {
      print_answer(answer);
    }
    next = json_string_value(json_object_get(answer, "next"));
  } while (next != NULL);
  json_decref(answer);
  json_decref(copy);
  vd_target_close(&t);
  return rc;
}

static int user_quota(const vd_config *cfg, const char *const *args, bool json) {
  uint64_t bytes;
  if (!vd_config_parse_number(VD_TYPE_BYTES, args[2], &bytes) || bytes > INT64_MAX)
    return complain("BYTES must be a number, or with KiB, MiB, GiB, TiB", VD_EXIT_USAGE);
  return ask_and_print(cfg,
                       json_pack("{s:s, s:s, s:I}", "op", "user.quota", "user", args[1], "bytes",
                                 (json_int_t)bytes),
                       json);
}

int vd_command_user(const vd_config *cfg, const char *const *all, size_t n) {
  static const char *const plain[][2] = {{"show", "user.show"},
                                         {"disable", "user.disable"},
                                         {"enable", "user.enable"}};
  const char *args[4];
  bool json;

  if (n == 0 || n > 4)
    return usage(vd_help_user);
  memcpy(args, all, n * sizeof args[0]);
  json = take_json_flag(args, &n);
  if (n == 1 && strcmp(args[0], "list") == 0)
    return ask_and_print(cfg, json_pack("{s:s}", "op", "user.list"), json);
  if (n == 3 && strcmp(args[0], "quota") == 0)
    return user_quota(cfg, args, json);
  for (size_t i = 0; n == 2 && i < sizeof plain / sizeof plain[0]; i++) {
    if (strcmp(args[0], plain[i][0]) == 0)
      return ask_and_print(cfg, json_pack("{s:s, s:s}", "op", plain[i][1], "user", args[1]), json);
  }
  return usage(vd_help_user);
}

int vd_command_session(const vd_config *cfg, const char *const *all, size_t n) {
  const char *args[4];
  bool json;

  if (n == 0 || n > 4)
    return usage(vd_help_session);
  memcpy(args, all, n * sizeof args[0]);
  json = take_json_flag(args, &n);
  if (n == 2 && strcmp(args[0], "list") == 0)
    return ask_and_print(cfg, json_pack("{s:s, s:s}", "op", "session.list", "user", args[1]), json);
  if ((n == 2 || n == 3) && strcmp(args[0], "revoke") == 0) {
    json_t *request = json_pack("{s:s, s:s}", "op", "session.revoke", "user", args[1]);
    if (n == 3)
      (void)json_object_set_new(request, "session", json_string(args[2]));
    return ask_and_print(cfg, request, json);
  }
  return usage(vd_help_session);
}

/* ---- fsck --------------------------------------------------------------------------------------- */

static long long count_of(const json_t *report, const char *name) {
  return (long long)json_integer_value(json_object_get(report, name));
}

static int fsck_code(const json_t *r) {
  if (count_of(r, "missing") > 0 || count_of(r, "wrong_size") > 0)
    return VD_FSCK_DAMAGE;
  if (count_of(r, "ledgers") > count_of(r, "ledgers_mended"))
    return VD_FSCK_DAMAGE;
  return count_of(r, "ledgers_mended") > 0 ? VD_FSCK_REPAIRED : VD_FSCK_CLEAN;
}

static void print_report(const json_t *r, int code) {
  static const char *const verdicts[] = {"clean", "repaired", "damage"};
  (void)printf("%s: %lld users, %lld blobs looked at, %lld of them still in the database (%lld "
               "half moved); %lld missing, %lld of the wrong size, %lld without a row, %lld "
               "ledgers wrong, %lld mended\n",
               verdicts[code], count_of(r, "users"), count_of(r, "blobs"), count_of(r, "inline"),
               count_of(r, "half_spilled"), count_of(r, "missing"),
               count_of(r, "wrong_size"), count_of(r, "orphans"), count_of(r, "ledgers"),
               count_of(r, "ledgers_mended"));
}

int vd_command_fsck(const vd_config *cfg, const char *const *args, size_t n) {
  bool quick = false, repair = false, json = false;
  char err[ERR_BYTES] = "";
  json_t *answer;
  vd_target t;
  int code;

  for (size_t i = 0; i < n; i++) {
    quick = quick || strcmp(args[i], "--quick") == 0;
    repair = repair || strcmp(args[i], "--repair") == 0;
    json = json || strcmp(args[i], "--json") == 0;
  }
  if (!quick || n != (size_t)quick + (size_t)repair + (size_t)json) {
    (void)fputs(vd_help_fsck, stderr);
    return VD_FSCK_NOT_CHECKED;
  }
  if (vd_target_open(&t, cfg, err, sizeof err) != 0)
    return complain(err, VD_FSCK_NOT_CHECKED);
  answer =
    vd_target_ask(&t, json_pack("{s:s, s:b}", "op", "fsck", "repair", repair), err, sizeof err);
  vd_target_close(&t);
  if (answer == NULL)
    return complain(err, VD_FSCK_NOT_CHECKED);
  code = fsck_code(json_object_get(answer, "report"));
  if (json) {
    print_json(json_object_get(answer, "report"));
  } else {
    print_report(json_object_get(answer, "report"), code);
  }
  json_decref(answer);
  return code;
}
