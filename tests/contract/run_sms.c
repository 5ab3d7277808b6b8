/* The SMS suite on the console (through a pipe) and on the file, and what only they have. */
#include "contract.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/vt_dir.h"
#include "tests/support/vt_main.h"
#include "vault/adapters/sms.h"

#define ROOM 16384

typedef struct ends {
  int fd[2];
  char dir[VT_DIR_MAX], file[VT_DIR_MAX + 16];
} ends;

static void make_console(const vt_adapter *a, vt_instance *out) {
  const vault_sms_ops *ops = NULL;
  (void)a;
  ends *e = calloc(1, sizeof *e);
  ck_assert_ptr_nonnull(e);
  ck_assert_int_eq(pipe2(e->fd, O_CLOEXEC | O_NONBLOCK), 0);
  vt_ok(vault_sms_console_new(e->fd[1], NULL, &ops, &out->self, NULL));
  out->ops = ops;
  out->ctx = e;
}

static uint64_t read_all(int fd, char *out, uint64_t room) {
  uint64_t n = 0;
  ssize_t got;
  while (n < room - 1 && (got = read(fd, out + n, (size_t)(room - 1 - n))) > 0)
    n += (uint64_t)got;
  out[n] = 0;
  return n;
}

static uint64_t received_pipe(const vt_adapter *a, vt_instance *i, char *out, uint64_t room) {
  (void)a;
  const ends *e = i->ctx;
  return read_all(e->fd[0], out, room);
}

static void destroy_console(const vt_adapter *a, vt_instance *i) {
  const vault_sms_ops *ops = i->ops;
  ends *e = i->ctx;
  (void)a;
  ops->destroy(i->self);
  (void)close(e->fd[0]);
  ck_assert_int_eq(close(e->fd[1]), 0); /* borrowed: still open */
  free(e);
}

static void make_file(const vt_adapter *a, vt_instance *out) {
  const vault_sms_ops *ops = NULL;
  (void)a;
  ends *e = calloc(1, sizeof *e);
  ck_assert_ptr_nonnull(e);
  vt_dir_make(e->dir);
  (void)snprintf(e->file, sizeof e->file, "%s/sms.jsonl", e->dir);
  vt_ok(vault_sms_file_new(e->file, strlen(e->file), NULL, &ops, &out->self, NULL));
  out->ops = ops;
  out->ctx = e;
}

static uint64_t received_file(const vt_adapter *a, vt_instance *i, char *out, uint64_t room) {
  (void)a;
  const ends *e = i->ctx;
  int fd = open(e->file, O_RDONLY | O_CLOEXEC);
  ck_assert_int_ge(fd, 0);
  uint64_t n = read_all(fd, out, room);
  (void)close(fd);
  return n;
}

static void destroy_file(const vt_adapter *a, vt_instance *i) {
  const vault_sms_ops *ops = i->ops;
  ends *e = i->ctx;
  (void)a;
  ops->destroy(i->self);
  vt_dir_remove(e->dir);
  free(e);
}

static const vt_adapter console = {.name = "console",
                                   .make = make_console,
                                   .destroy = destroy_console,
                                   .received = received_pipe};
static const vt_adapter file = {.name = "file",
                                .make = make_file,
                                .destroy = destroy_file,
                                .received = received_file};

static vault_sms message(const char *to, const char *text) {
  vault_sms m = {.size = sizeof m,
                 .to = {to, strlen(to)},
                 .text = {text, strlen(text)},
                 .key = {"k", 1},
                 .time_ms = INT64_C(1795449600123)};
  return m;
}

START_TEST(console_cannot_be_commanded) {
  static char got[ROOM];
  vt_instance in = {0};
  vault_sms m = message("+1", "\x1b[2Jcode 123456\r\x7f");
  make_console(&console, &in);
  const vault_sms_ops *ops = in.ops;
  vt_ok(ops->send(in.self, &m, NULL));
  (void)received_pipe(&console, &in, got, ROOM);
  ck_assert_ptr_nonnull(strstr(got, "?[2Jcode 123456??"));
  ck_assert_ptr_null(strchr(got, '\x1b'));
  destroy_console(&console, &in);
}
END_TEST

START_TEST(console_full_is_retry) {
  static char block[4096];
  vt_instance in = {0};
  vault_sms m = message("+1", "code");
  make_console(&console, &in);
  const vault_sms_ops *ops = in.ops;
  const ends *e = in.ctx;
  while (write(e->fd[1], block, sizeof block) > 0) {
  }
  ck_assert_int_eq(errno, EAGAIN);
  vt_status(ops->send(in.self, &m, NULL), VAULT_E_RETRY);
  destroy_console(&console, &in);
}
END_TEST

START_TEST(console_closed_is_io) {
  vt_instance in = {0};
  vault_err err = VAULT_ERR_INIT;
  vault_sms m = message("+1", "code 123456");
  (void)signal(SIGPIPE, SIG_IGN);
  make_console(&console, &in);
  const vault_sms_ops *ops = in.ops;
  ends *e = in.ctx;
  (void)close(e->fd[0]);
  e->fd[0] = -1;
  vt_status(ops->send(in.self, &m, &err), VAULT_E_IO);
  ck_assert_int_eq(err.native, EPIPE);
  ck_assert_ptr_null(strstr(err.msg, "123456"));
  destroy_console(&console, &in);
}
END_TEST

START_TEST(file_line_is_json) {
  static char got[ROOM];
  vt_instance in = {0};
  vault_sms m = message("+905321234567", "line \"one\"\n@host #123456");
  make_file(&file, &in);
  const vault_sms_ops *ops = in.ops;
  vt_ok(ops->send(in.self, &m, NULL));
  (void)received_file(&file, &in, got, ROOM);
  ck_assert_str_eq(got, "{\"to\":\"+905321234567\",\"text\":\"line \\\"one\\\"\\n@host #123456\","
                        "\"time\":\"2026-11-23T16:00:00.123Z\"}\n");
  destroy_file(&file, &in);
}
END_TEST

START_TEST(file_is_private_and_appended_to) {
  static char got[ROOM];
  struct stat info;
  vt_instance in = {0};
  vault_sms m = message("+1", "code");
  make_file(&file, &in);
  const vault_sms_ops *ops = in.ops;
  ends *e = in.ctx;
  vt_ok(ops->send(in.self, &m, NULL));
  ck_assert_int_eq(stat(e->file, &info), 0);
  ck_assert_uint_eq(info.st_mode & 0777, 0600);
  ops->destroy(in.self);
  vt_ok(vault_sms_file_new(e->file, strlen(e->file), NULL, &ops, &in.self, NULL));
  vt_ok(ops->send(in.self, &m, NULL));
  uint64_t n = received_file(&file, &in, got, ROOM);
  ck_assert_uint_eq(n % 2, 0);
  ck_assert_mem_eq(got, got + n / 2, n / 2);
  destroy_file(&file, &in);
}
END_TEST

START_TEST(constructors_refuse) {
  const vault_sms_ops *ops = NULL;
  void *self = NULL;
  vault_err err = VAULT_ERR_INIT;
  vt_status(vault_sms_console_new(-1, NULL, &ops, &self, NULL), VAULT_E_USAGE);
  vt_status(vault_sms_file_new("", 0, NULL, &ops, &self, NULL), VAULT_E_USAGE);
  vt_status(vault_sms_file_new("a\0b", 3, NULL, &ops, &self, NULL), VAULT_E_USAGE);
  vt_status(vault_sms_file_new("/nowhere/x", 10, NULL, &ops, &self, &err), VAULT_E_IO);
  ck_assert_int_eq(err.native, ENOENT);
  ck_assert(!ops && !self);
}
END_TEST

START_TEST(file_on_a_full_device_is_no_space) {
  const vault_sms_ops *ops = NULL;
  void *self = NULL;
  vault_sms m = message("+1", "code");
  vt_ok(vault_sms_file_new("/dev/full", 9, NULL, &ops, &self, NULL));
  vt_status(ops->send(self, &m, NULL), VAULT_E_NO_SPACE);
  ops->destroy(self);
}
END_TEST

static Suite *sms(void) {
  const TTest *const own[] = {console_cannot_be_commanded,
                              console_full_is_retry,
                              console_closed_is_io,
                              file_line_is_json,
                              file_is_private_and_appended_to,
                              constructors_refuse,
                              file_on_a_full_device_is_no_space,
                              NULL};
  Suite *s = suite_create("sms");
  TCase *tcase = tcase_create("sms");
  suite_add_tcase(s, vt_sms_contract(&console));
  suite_add_tcase(s, vt_sms_contract(&file));
  for (const TTest *const *t = own; *t; t++)
    tcase_add_test(tcase, *t);
  suite_add_tcase(s, tcase);
  return s;
}

VT_MAIN(sms)
