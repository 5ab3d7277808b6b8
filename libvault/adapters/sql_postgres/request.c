/* One request and its answer. libpq's blocking calls could wait for ever on a server that is
 * stopped but not gone; these wait with poll() and a deadline. */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "driver.h"

static int64_t now_ms(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t vault__pg_deadline_ms(void) {
  return now_ms() + VAULT__PG_ANSWER_TIMEOUT_MS;
}

/* 1: the socket is ready; 0: the deadline has passed, or the socket is bad. */
static int wait_socket(PGconn *pg, short events, int64_t until_ms) {
  for (;;) {
    int64_t left = until_ms - now_ms();
    struct pollfd fd = {.fd = PQsocket(pg), .events = events};
    if (left <= 0 || fd.fd < 0)
      return 0;
    int n = poll(&fd, 1, (int)left);
    if (n > 0)
      return 1;
    if (n == 0 || errno != EINTR)
      return 0;
  }
}

int vault__pg_send_out(PGconn *pg, int64_t until_ms) {
  int more;
  while ((more = PQflush(pg)) == 1) {
    if (!wait_socket(pg, POLLIN | POLLOUT, until_ms) || !PQconsumeInput(pg))
      return 0;
  }
  return more == 0;
}

PGresult *vault__pg_next(PGconn *pg, int64_t until_ms, int *lost) {
  while (PQisBusy(pg)) {
    if (!wait_socket(pg, POLLIN, until_ms) || !PQconsumeInput(pg)) {
      *lost = 1;
      return NULL;
    }
  }
  return PQgetResult(pg);
}

int vault__pg_is_good(const PGresult *r) {
  ExecStatusType s = PQresultStatus(r);
  return s == PGRES_TUPLES_OK || s == PGRES_COMMAND_OK || s == PGRES_EMPTY_QUERY;
}

vault_status vault__pg_finish(vault__conn *c, int sent, int in_commit, const char *what,
                              PGresult **out, vault_err *err) {
  *out = NULL;
  int64_t until_ms = vault__pg_deadline_ms();
  int lost = !sent || !vault__pg_send_out(c->pg, until_ms);
  PGresult *kept = NULL, *r;
  while (!lost && (r = vault__pg_next(c->pg, until_ms, &lost)) != NULL) {
    if (kept && !vault__pg_is_good(kept)) { /* the first failure is the reason */
      PQclear(r);
      continue;
    }
    PQclear(kept);
    kept = r;
  }
  if (!lost && kept && vault__pg_is_good(kept)) {
    *out = kept;
    return VAULT_OK;
  }
  vault_status s =
    vault__pg_fail(c, kept && !vault__pg_is_good(kept) ? kept : NULL, in_commit, what, err);
  PQclear(kept);
  return s;
}

vault_status vault__pg_command(vault__conn *c, const char *text, int in_commit, vault_err *err) {
  PGresult *r = NULL;
  vault_status s = vault__pg_finish(c, PQsendQuery(c->pg, text), in_commit,
                                    in_commit ? "the commit" : text, &r, err);
  PQclear(r);
  return s;
}
