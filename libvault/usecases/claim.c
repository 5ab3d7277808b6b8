#include "claim.h"

#include <time.h>

#include "libvault/base/id.h"
#include "vault/upload.h"

#define LOOK_AGAIN_MS 20

/* Under the lock. */
static vault__claim *find(const vault *v, const vault_id *upload) {
  vault__claim *at = v->claims;
  while (at && !vault__id_eq(&at->upload, upload))
    at = at->next;
  return at;
}

/* Under the lock. */
static void insert(vault *v, vault__claim *c, const vault_id *upload, vault_upload *u) {
  *c = (vault__claim){.upload = *upload, .next = v->claims, .u = u, .held = 1, .busy = 1};
  v->claims = c;
}

int vault__claim_take(vault *v, vault__claim *c, const vault_id *upload, vault_upload *u) {
  (void)pthread_mutex_lock(&v->claim_lock);
  int taken = find(v, upload) != NULL;
  if (!taken)
    insert(v, c, upload, u);
  (void)pthread_mutex_unlock(&v->claim_lock);
  return !taken;
}

/* A commit is waited for by helping with it: the thread that should drive may be this one. */
static void wait_for(vault *v, const vault__claim *c) {
  struct timespec until;
  if (c->submitted) {
    (void)pthread_mutex_unlock(&v->claim_lock);
    (void)vault_commit_drive(v, 0, NULL, NULL);
    (void)pthread_mutex_lock(&v->claim_lock);
  }
  (void)clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += LOOK_AGAIN_MS * 1000000L;
  if (until.tv_nsec >= 1000000000L) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000L;
  }
  (void)pthread_cond_timedwait(&v->claim_changed, &v->claim_lock, &until);
}

vault_upload *vault__claim_catch(vault *v, vault__claim *c, const vault_id *upload, vault_upload *u,
                                 int *slow) {
  vault_upload *caught = NULL;
  *slow = 0;
  (void)pthread_mutex_lock(&v->claim_lock);
  for (;;) {
    vault__claim *other = find(v, upload);
    if (!other) {
      insert(v, c, upload, u);
      break;
    }
    if (!other->busy) {
      other->busy = 1;
      caught = other->u;
      break;
    }
    *slow = other->slow;
    if (*slow)
      break;
    wait_for(v, other);
  }
  (void)pthread_mutex_unlock(&v->claim_lock);
  return caught;
}

int vault__claim_enter(vault *v, vault__claim *c) {
  (void)pthread_mutex_lock(&v->claim_lock);
  while (c->held && c->busy)
    (void)pthread_cond_wait(&v->claim_changed, &v->claim_lock);
  int held = c->held;
  c->busy = held;
  (void)pthread_mutex_unlock(&v->claim_lock);
  return held;
}

void vault__claim_leave(vault *v, vault__claim *c) {
  (void)pthread_mutex_lock(&v->claim_lock);
  c->busy = c->submitted = 0;
  (void)pthread_cond_broadcast(&v->claim_changed);
  (void)pthread_mutex_unlock(&v->claim_lock);
}

void vault__claim_submit(vault *v, vault__claim *c, int submitted) {
  (void)pthread_mutex_lock(&v->claim_lock);
  c->submitted = submitted;
  (void)pthread_mutex_unlock(&v->claim_lock);
}

void vault__claim_slow(vault *v, vault__claim *c, int slow) {
  (void)pthread_mutex_lock(&v->claim_lock);
  c->slow = slow;
  (void)pthread_cond_broadcast(&v->claim_changed); /* who waits already looks again */
  (void)pthread_mutex_unlock(&v->claim_lock);
}

void vault__claim_drop(vault *v, vault__claim *c) {
  if (!c->held)
    return;
  (void)pthread_mutex_lock(&v->claim_lock);
  for (vault__claim **at = &v->claims; c->held && *at; at = &(*at)->next)
    if (*at == c) {
      *at = c->next;
      break;
    }
  c->held = 0;
  (void)pthread_cond_broadcast(&v->claim_changed);
  (void)pthread_mutex_unlock(&v->claim_lock);
}
