#include "claim.h"

#include "libvault/base/id.h"

int vault__claim_take(vault *v, vault__claim *c, const vault_id *upload) {
  int taken = 0;
  (void)pthread_mutex_lock(&v->claim_lock);
  for (const vault__claim *at = v->claims; at && !taken; at = at->next)
    taken = vault__id_eq(&at->upload, upload);
  if (!taken) {
    *c = (vault__claim){*upload, v->claims, 1};
    v->claims = c;
  }
  (void)pthread_mutex_unlock(&v->claim_lock);
  return !taken;
}

void vault__claim_drop(vault *v, vault__claim *c) {
  if (!c->held)
    return;
  (void)pthread_mutex_lock(&v->claim_lock);
  for (vault__claim **at = &v->claims; *at; at = &(*at)->next)
    if (*at == c) {
      *at = c->next;
      break;
    }
  (void)pthread_mutex_unlock(&v->claim_lock);
  c->held = 0;
}
