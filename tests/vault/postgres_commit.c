/* The connection to PostgreSQL is cut in the middle of COMMIT, for real: a proxy stands before
 * the server's socket, knows the message when it comes by, and drops the connection before the
 * server has it, at the same moment, or when the server has answered. Also: the server's
 * process is ended while many write. Nothing that is lost is ever reported OK, and nothing
 * that is there is reported as not done. */
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libvault/adapters/sql/repository.h"
#include "libvault/base/err.h"
#include "tests/contract/parallel.h"
#include "tests/support/vt_dir.h"
#include "tests/support/vt_files.h"

/* ---- the proxy ---- */

typedef enum cut {
  PASS,
  BEFORE,    /* the server never sees the COMMIT: it did not happen */
  AT_ONCE,   /* the server has it and nobody listens any more: it happens */
  AFTERWARDS /* the server has answered: it happened */
} cut;

static char proxy_dir[VT_DIR_MAX];
static struct sockaddr_un real_server;
static _Atomic int cut_mode, cut_at; /* cut_at: the COMMIT that is meant, counted down */
static _Atomic int cuts;             /* how many were made */

static const char commit_message[] = "Q\0\0\0\013COMMIT"; /* with the NUL that ends it */

static void name_socket(struct sockaddr_un *at, const char *folder) {
  static const char name[] = "/.s.PGSQL.5432";
  size_t n = strlen(folder);
  ck_assert_uint_le(n + sizeof name, sizeof at->sun_path);
  memset(at, 0, sizeof *at);
  at->sun_family = AF_UNIX;
  memcpy(at->sun_path, folder, n);
  memcpy(at->sun_path + n, name, sizeof name);
}

static int connect_real(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&real_server, sizeof real_server) == 0)
    return fd;
  (void)close(fd);
  return -1;
}

static int send_all(int fd, const char *p, ssize_t n) {
  while (n > 0) {
    ssize_t sent = send(fd, p, (size_t)n, MSG_NOSIGNAL);
    if (sent <= 0)
      return 0;
    p += sent;
    n -= sent;
  }
  return 1;
}

/* PASS, or what shall become of this COMMIT. */
static int next_cut(const char *p, ssize_t n) {
  if (!memmem(p, (size_t)n, commit_message, sizeof commit_message))
    return PASS;
  int mode = atomic_load(&cut_mode);
  if (mode == PASS || atomic_fetch_sub(&cut_at, 1) != 1)
    return PASS;
  atomic_store(&cut_mode, PASS);
  atomic_fetch_add(&cuts, 1);
  return mode;
}

static void *relay(void *arg) {
  int client = (int)(intptr_t)arg, server = connect_real(), dropping = server < 0;
  static _Thread_local char buf[65536];
  while (!dropping) {
    struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    if (poll(fds, 2, -1) < 0)
      break;
    if (fds[0].revents) {
      ssize_t n = recv(client, buf, sizeof buf, 0);
      int mode = n > 0 ? next_cut(buf, n) : BEFORE;
      dropping = mode == BEFORE || !send_all(server, buf, n) || mode != PASS;
      if (mode == AFTERWARDS)
        (void)recv(server, buf, sizeof buf, 0);
    } else if (fds[1].revents) {
      ssize_t n = recv(server, buf, sizeof buf, 0);
      dropping = n <= 0 || !send_all(client, buf, n);
    }
  }
  (void)close(client);
  (void)close(server);
  return NULL;
}

static void *accept_all(void *arg) {
  int listening = (int)(intptr_t)arg;
  for (;;) {
    pthread_t thread;
    int client = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
      return NULL;
    if (pthread_create(&thread, NULL, relay, (void *)(intptr_t)client) == 0)
      (void)pthread_detach(thread);
    else
      (void)close(client);
  }
}

static char *part(const char *conninfo, const char *keyword) {
  PQconninfoOption *all = PQconninfoParse(conninfo, NULL);
  char *value = NULL;
  for (PQconninfoOption *o = all; o && o->keyword; o++)
    if (strcmp(o->keyword, keyword) == 0 && o->val)
      value = strdup(o->val);
  PQconninfoFree(all);
  return value;
}

/* From here on VT_PG_CONNINFO leads through the proxy. */
static void start_proxy(void) {
  const char *conninfo = getenv("VT_PG_CONNINFO");
  char text[2 * VT_DIR_MAX], *host = part(conninfo, "host"), *user = part(conninfo, "user");
  char *dbname = part(conninfo, "dbname");
  struct sockaddr_un at;
  pthread_t thread;
  vt_dir_make(proxy_dir);
  name_socket(&real_server, host);
  name_socket(&at, proxy_dir);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
  ck_assert_int_eq(listen(fd, 64), 0);
  ck_assert_int_eq(pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)fd), 0);
  (void)pthread_detach(thread);
  (void)snprintf(text, sizeof text, "host=%s user=%s dbname=%s application_name=vault-test",
                 proxy_dir, user, dbname);
  ck_assert_int_eq(setenv("VT_PG_CONNINFO", text, 1), 0);
  free(host);
  free(user);
  free(dbname);
}

static void arm(cut mode, int at) {
  atomic_store(&cut_at, at);
  atomic_store(&cut_mode, mode);
}

/* 1: it was cut since arm. */
static int disarm(void) {
  static int seen;
  atomic_store(&cut_mode, PASS);
  int now = atomic_load(&cuts), was_cut = now != seen;
  seen = now;
  return was_cut;
}

/* ---- one transaction ---- */

static const vault__sql insert = {
  .name = "TEST_INSERT",
  .text = "INSERT INTO limiter (limit_key, state, expires_ms) VALUES ($1, '', 0)",
  .n_params = 1,
};
static const vault__sql find = {
  .name = "TEST_FIND",
  .text = "SELECT count(*) FROM limiter WHERE limit_key = $1",
  .n_params = 1,
  .n_cols = 1,
};

static vault_status put_work(vault__tx *tx, void *ctx, vault_err *err) {
  const char *key = ctx;
  vault__val p = vault__p_cstr(key);
  return tx->db->ops->run(tx->conn, &insert, &p, &tx->arena, NULL, err);
}

static vault_status find_work(vault__tx *tx, void *ctx, vault_err *err) {
  const char *key = ctx;
  vault__rows rows;
  vault__val p = vault__p_cstr(key);
  VAULT_TRY(tx->db->ops->run(tx->conn, &find, &p, &tx->arena, &rows, err));
  return rows.vals[0].i ? VAULT_OK : VAULT_E_NOT_FOUND;
}

static int is_there(vault__repo *repo, char *key) {
  vault_status s = vault__sql_read(repo, find_work, key, NULL);
  ck_assert_msg(s == VAULT_OK || s == VAULT_E_NOT_FOUND, "%s", vault_status_code(s));
  return s == VAULT_OK;
}

#define ROUNDS 30

START_TEST(a_transaction_that_was_cut_is_uncertain) {
  start_proxy();
  vt_world *w = vt_vault_open(NULL);
  vault__repo *repo = vault__repositories_repo(&w->repositories);
  for (int i = 0; i < ROUNDS; i++) {
    char key[32];
    cut mode = (cut)(1 + i % 3);
    (void)snprintf(key, sizeof key, "k%d", i);
    arm(mode, 1);
    vault_status s = vault__sql_write(repo, put_work, key, NULL);
    ck_assert_int_eq(disarm(), 1);
    vt_status(s, VAULT_E_UNCERTAIN); /* not tried again either: that would be a second one */
    for (int tries = 0; mode == AT_ONCE && !is_there(repo, key) && tries < 1000; tries++)
      (void)usleep(10000); /* the server works on alone */
    ck_assert_int_eq(is_there(repo, key), mode != BEFORE);
    vt_status(vault__sql_write(repo, put_work, key, NULL),
              mode == BEFORE ? VAULT_OK : VAULT_E_CONFLICT);
  }
  vt_vault_close(w);
  vt_dir_remove(proxy_dir);
}
END_TEST

/* A file is put while one of its COMMITs is cut. The library looks up what it can: what it says
 * for sure has to be so. */
START_TEST(a_put_that_was_cut_tells_the_truth) {
  start_proxy();
  vt_world *w = vt_vault_open(NULL);
  vault_principal me = vt_who(w, VT_PHONE);
  int n_ok = 0, n_cut = 0;
  for (int i = 0; i < ROUNDS; i++) {
    char path[32], body[32];
    (void)snprintf(path, sizeof path, "f%d", i);
    (void)snprintf(body, sizeof body, "body %d", i);
    arm((cut)(1 + i % 3), 1 + i / 3 % 4); /* a put has fewer COMMITs: then none is cut */
    vault_status s = vt_put(w->v, &me, path, body, NULL);
    int was_cut = disarm();
    n_cut += was_cut;
    n_ok += was_cut && s == VAULT_OK;
    if (!was_cut)
      vt_ok(s);
    if (s == VAULT_OK)
      vt_content(w->v, &me, path, body);
    else if (s != VAULT_E_UNCERTAIN)
      vt_status(vt_lookup(w->v, &me, path, NULL), VAULT_E_NOT_FOUND);
    vt_ok(vt_put(w->v, &me, path, body, NULL)); /* and again: one item, one version */
    vt_content(w->v, &me, path, body);
    vt_ok(vt_put(w->v, &me, path, body, NULL));
  }
  ck_assert_int_ge(n_cut, ROUNDS / 4);
  ck_assert_int_ge(n_ok, 1); /* it was there, and the library found it */
  ck_assert_uint_eq(vt_usage(w->v, &me).files, ROUNDS);
  vt_pass(w, 2 * VAULT_DEFAULT_UPLOAD_TTL_MS); /* what a cut left behind is given up in time */
  vt_run_jobs(w);
  ck_assert_uint_eq(vt_usage(w->v, &me).partial_bytes, 0);
  vt_vault_close(w);
  vt_dir_remove(proxy_dir);
}
END_TEST

/* ---- the server's process is ended, whenever it happens to be ---- */

#define WRITERS 8
#define WRITES 150

typedef struct campaign {
  vault__repo *repo;
  vault_status got[WRITERS][WRITES];
  _Atomic int writing;
} campaign;

static void terminate_all(PGconn *pg) {
  PQclear(PQexec(pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                     " AND random() < 0.4 AND query IN ('COMMIT', '') OR state = 'active'"
                     " AND pid <> pg_backend_pid() AND datname = current_database()"));
}

static void take_part(void *ctx, uint32_t i) {
  campaign *c = ctx;
  if (i == WRITERS) { /* who ends them */
    PGconn *pg = PQconnectdb(getenv("VT_PG_CONNINFO"));
    while (atomic_load(&c->writing)) {
      terminate_all(pg);
      (void)usleep(3000);
    }
    PQfinish(pg);
    return;
  }
  for (int k = 0; k < WRITES; k++) {
    char key[32];
    (void)snprintf(key, sizeof key, "t%u.%d", i, k);
    c->got[i][k] = vault__sql_write(c->repo, put_work, key, NULL);
  }
  atomic_fetch_sub(&c->writing, 1);
}

START_TEST(terminated_while_writing) {
  static campaign c;
  vt_world *w = vt_vault_open(NULL);
  c.repo = vault__repositories_repo(&w->repositories);
  atomic_store(&c.writing, WRITERS);
  vt_parallel(WRITERS + 1, take_part, &c);
  int n[3] = {0};
  for (int i = 0; i < WRITERS; i++)
    for (int k = 0; k < WRITES; k++) {
      char key[32];
      (void)snprintf(key, sizeof key, "t%d.%d", i, k);
      int there = is_there(c.repo, key);
      vault_status s = c.got[i][k];
      ck_assert_msg(s == VAULT_OK || s == VAULT_E_RETRY || s == VAULT_E_UNCERTAIN, "%s: %s", key,
                    vault_status_code(s));
      if (s != VAULT_E_UNCERTAIN)
        ck_assert_int_eq(there, s == VAULT_OK);
      n[s == VAULT_OK ? 0 : s == VAULT_E_RETRY ? 1 : 2]++;
    }
  ck_assert_int_gt(n[0], 0);
  printf("# %d done, %d to be tried again, %d uncertain\n", n[0], n[1], n[2]);
  vt_vault_close(w);
}
END_TEST

static Suite *suite(void) {
  const TTest *const all[] = {a_transaction_that_was_cut_is_uncertain,
                              a_put_that_was_cut_tells_the_truth, terminated_while_writing, NULL};
  return vt_suite("postgres_commit", all);
}

int main(void) {
  static const vt_suite_fn all[] = {suite};
  const char *database = getenv("VT_VAULT_DATABASE"), *conninfo = getenv("VT_PG_CONNINFO");
  if (!conninfo || !database || strcmp(database, "postgres") != 0)
    return vt_skip("there is no PostgreSQL server");
  char *host = part(conninfo, "host");
  int is_socket = host && host[0] == '/';
  free(host);
  if (!is_socket)
    return vt_skip("the PostgreSQL server is not behind a socket in the file system");
  return vt_run(all, 1);
}
