/* How fast the items repository commits small inline bodies, without HTTP and use cases.
 *
 * usage: commit sqlite:DIR | CONNINFO [-u USERS] [-f FILES] [-b BATCH] [-s SIZE] [-i]
 *
 * FILES (default 20000) files of SIZE bytes (4096) are put into a folder of each of USERS (1)
 * users, in turn, BATCH to a commit (without -b: 1, 8, 32 and 128, one after the other). -i:
 * then the fresh items are indexed, which is timed, too. The database must be empty; a
 * directory for SQLite must exist. CPU is this process's: PostgreSQL's server is not in it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vault/adapters/postgres.h"
#include "vault/adapters/repositories.h"
#include "vault/adapters/sqlite.h"

#define USERS_MAX 256u
#define NOW_MS 1700000000000

typedef struct args {
  const char *where;
  unsigned users, batch, index;
  uint64_t files, size;
} args;

typedef struct bench {
  vault_repositories r;
  args a;
  vault_id users[USERS_MAX];
  char body[VAULT_INLINE_MAX];
  uint64_t made;
} bench;

typedef struct member {
  char text[64];
  vault_name path[2];
} member;

static void check(vault_status s, const vault_err *err, const char *what) {
  if (s == VAULT_OK)
    return;
  (void)fprintf(stderr, "commit: %s: %s %s\n", what, vault_status_code(s), err ? err->msg : "");
  exit(1);
}

static double seconds(clockid_t clock) {
  struct timespec t;
  (void)clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Grows, as ids of version 7 do, and never repeats. */
static vault_id new_id(void) {
  static uint64_t last;
  uint64_t n = ++last;
  vault_id id = {{0x01, 0x8b, 0, 0, 0, 0, 0x70, 0, 0x80}};
  for (int i = 0; i < 6; i++)
    id.b[15 - i] = (uint8_t)(n >> (8 * i));
  return id;
}

static void make_user(bench *b, unsigned i) {
  vault_err err = VAULT_ERR_INIT;
  vault_account_row account;
  uint32_t is_new;
  vault_challenge_row row = {.id = new_id(),
                             .purpose = VAULT_PURPOSE_SIGN_IN,
                             .last_n = 1,
                             .created_ms = NOW_MS,
                             .expires_ms = NOW_MS + 1000};
  vault_code_row code = {
    .challenge = row.id, .n = 1, .kid = "k", .created_ms = NOW_MS, .expires_ms = NOW_MS + 1000};
  vault_job_row job = {.id = new_id(), .kind = 1, .created_ms = NOW_MS, .run_ms = NOW_MS};
  vault_redeem redeem = {.challenge = row.id,
                         .new_user = new_id(),
                         .quota_bytes = (uint64_t)1 << 50,
                         .now_ms = NOW_MS};
  redeem.session.id = new_id();
  redeem.session.device = new_id();
  redeem.session.expires_ms = NOW_MS + 1000;
  (void)snprintf(row.phone, sizeof row.phone, "+9053%08u", i);
  const vault_identity_repo_ops *ops = b->r.identity;
  void *self = b->r.identity_self;
  check(ops->create_challenge(self, &row, &code, &job, &err), &err, "a challenge");
  check(ops->code_accepted(self, &row.id, 1, NOW_MS, &err), &err, "a code");
  check(ops->redeem(self, &redeem, &account, &is_new, &err), &err, "an account");
  b->users[i] = account.id;
}

static void make_folder(bench *b, unsigned i) {
  vault_err err = VAULT_ERR_INIT;
  vault_item_row row;
  vault_item_change c = {.size = sizeof c,
                         .user = b->users[i],
                         .item = new_id(),
                         .now_ms = NOW_MS,
                         .space = VAULT_SPACE_FILES};
  c.name.text = c.name.key = (vault_str){"camera", 6};
  check(b->r.items->make_folder(b->r.items_self, &c, &row, &err), &err, "a folder");
}

static void open_all(bench *b) {
  vault_err err = VAULT_ERR_INIT;
  b->r.size = sizeof b->r;
  if (strncmp(b->a.where, "sqlite:", 7) == 0) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/vault.db", b->a.where + 7);
    check(vault_sqlite_open(path, strlen(path), NULL, &b->r, &err), &err, path);
  } else {
    check(vault_postgres_open(b->a.where, strlen(b->a.where), NULL, &b->r, &err), &err, "opening");
  }
  for (unsigned i = 0; i < b->a.users; i++) {
    make_user(b, i);
    make_folder(b, i);
  }
}

/* Names are spread over the index, as those of many cameras and programs are. */
static void fill(bench *b, vault_commit_item *m, member *to) {
  uint64_t n = ++b->made, spread = n * 0x9e3779b97f4a7c15u;
  (void)snprintf(to->text, sizeof to->text, "img_%016llx.jpg", (unsigned long long)spread);
  to->path[0].text = to->path[0].key = (vault_str){"camera", 6};
  to->path[0].id = new_id();
  to->path[1].text = to->path[1].key = (vault_str){to->text, strlen(to->text)};
  memset(m, 0, sizeof *m);
  m->size = sizeof *m;
  m->kind = VAULT_COMMIT_PUT;
  m->flags = VAULT_COMMIT_INLINE;
  m->path = to->path;
  m->n_path = 2;
  m->new_item = new_id();
  m->new_version = new_id();
  m->blob.user = b->users[n % b->a.users];
  m->blob.blob = new_id();
  m->blob.space = m->space = VAULT_SPACE_FILES;
  memcpy(m->blob.ext, ".jpg", 5);
  m->size_bytes = b->a.size;
  m->now_ms = NOW_MS;
  for (unsigned i = 0; i < sizeof m->sha256; i += 8)
    memcpy(m->sha256 + i, &spread, 8);
  m->content_type = (vault_str){"image/jpeg", 10};
  m->body = (vault_str){b->body, b->a.size};
}

static void one_commit(bench *b, unsigned batch) {
  static vault_commit_item items[VAULT_COMMIT_MAX];
  static vault_commit_result results[VAULT_COMMIT_MAX];
  static member members[VAULT_COMMIT_MAX];
  vault_err err = VAULT_ERR_INIT;
  for (unsigned i = 0; i < batch; i++)
    fill(b, &items[i], &members[i]);
  check(b->r.items->commit(b->r.items_self, items, batch, results, &err), &err, "a commit");
  for (unsigned i = 0; i < batch; i++)
    check(results[i].status, NULL, "a member");
  if (b->r.items->maintain)
    (void)b->r.items->maintain(b->r.items_self, 0);
}

static void index_all(bench *b) {
  vault_err err = VAULT_ERR_INIT;
  uint64_t n = 0, all = 0;
  double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  do {
    check(b->r.items->index_fresh(b->r.items_self, 1000, &n, &err), &err, "indexing");
    all += n;
  } while (n);
  wall = seconds(CLOCK_MONOTONIC) - wall;
  cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  if (all)
    (void)printf("index     %8llu rows %7.1f us wall %7.1f us CPU a row\n", (unsigned long long)all,
                 wall * 1e6 / (double)all, cpu * 1e6 / (double)all);
}

static void run(bench *b, unsigned batch) {
  uint64_t commits = b->a.files / batch, rows = commits * batch;
  double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (uint64_t i = 0; i < commits; i++)
    one_commit(b, batch);
  wall = seconds(CLOCK_MONOTONIC) - wall;
  cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  (void)printf("batch %3u %8.0f rows/s %7.1f us wall %7.1f us CPU a row\n", batch,
               (double)rows / wall, wall * 1e6 / (double)rows, cpu * 1e6 / (double)rows);
  if (b->a.index)
    index_all(b);
  (void)fflush(stdout);
}

static void usage(void) {
  (void)fprintf(stderr, "usage: commit sqlite:DIR | CONNINFO [-u USERS] [-f FILES] [-b BATCH] "
                        "[-s SIZE] [-i]\n");
  exit(2);
}

static args parse(int argc, char **argv) {
  args a = {.users = 1, .files = 20000, .size = 4096};
  if (argc < 2)
    usage();
  a.where = argv[1];
  for (int c; (c = getopt(argc - 1, argv + 1, "u:f:b:s:i")) != -1;) {
    switch (c) {
    case 'u': a.users = (unsigned)strtoul(optarg, NULL, 10); break;
    case 'f': a.files = strtoull(optarg, NULL, 10); break;
    case 'b': a.batch = (unsigned)strtoul(optarg, NULL, 10); break;
    case 's': a.size = strtoull(optarg, NULL, 10); break;
    case 'i': a.index = 1; break;
    default: usage();
    }
  }
  if (a.users < 1 || a.users > USERS_MAX || a.batch > VAULT_COMMIT_MAX || a.size > VAULT_INLINE_MAX)
    usage();
  return a;
}

int main(int argc, char **argv) {
  static const unsigned sizes[] = {1, 8, 32, 128};
  bench *b = calloc(1, sizeof *b);
  if (!b)
    return 1;
  b->a = parse(argc, argv);
  memset(b->body, 'x', sizeof b->body);
  open_all(b);
  for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0] && !b->a.batch; i++)
    run(b, sizes[i]);
  if (b->a.batch)
    run(b, b->a.batch);
  vault_repositories_close(&b->r);
  free(b);
  return 0;
}
