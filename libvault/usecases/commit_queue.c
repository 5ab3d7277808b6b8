#include "commit_queue.h"

#include <string.h>

#include "libvault/base/id.h"

/* The end of an id is random (UUIDv7). */
static vault_upload **slot_of(vault__commit_queue *q, const vault_upload *u) {
  return &q->slot[u->row.blob.user.b[15] % VAULT__COMMIT_SLOTS];
}

/* The upload that stands for u's user, or the place where it would be. */
static vault_upload **find_turn(vault__commit_queue *q, const vault_upload *u) {
  vault_upload **at = slot_of(q, u);
  while (*at && !vault__id_eq(&(*at)->row.blob.user, &u->row.blob.user))
    at = &(*at)->turn_slot;
  return at;
}

static void append_turn(vault__commit_queue *q, vault_upload *u) {
  u->turn_next = NULL;
  if (q->tail)
    q->tail->turn_next = u;
  else
    q->head = u;
  q->tail = u;
}

void vault__commit_queue_push(vault__commit_queue *q, vault_upload *u) {
  vault_upload **turn = find_turn(q, u);
  u->next = NULL;
  q->n++;
  if (*turn) {
    (*turn)->turn_last->next = u;
    (*turn)->turn_last = u;
    return;
  }
  u->turn_last = u;
  u->turn_slot = NULL;
  *turn = u;
  append_turn(q, u);
}

/* The first user's oldest, with what came together with it; the user's next one waits for the next turn. */
static vault_upload *take(vault__commit_queue *q) {
  vault_upload *u = q->head, *last = u;
  for (uint32_t i = 0; i < u->behind; i++)
    last = last->next;
  vault_upload *after = last->next;
  vault_upload **turn = find_turn(q, u);
  q->head = u->turn_next;
  if (!q->head)
    q->tail = NULL;
  *turn = u->turn_slot;
  if (after) {
    after->turn_last = u->turn_last;
    after->turn_slot = *turn;
    *turn = after;
    append_turn(q, after);
  }
  last->next = NULL;
  q->n -= u->behind + 1;
  return u;
}

static uint64_t inline_bytes(const vault_upload *u) {
  uint64_t bytes = 0;
  for (uint32_t i = u->behind + 1; i > 0; i--, u = u->next)
    bytes += u->is_inline ? u->offset : 0;
  return bytes;
}

vault_upload *vault__commit_queue_pull(vault__commit_queue *q, uint64_t *n) {
  vault_upload *list = NULL, **end = &list;
  uint64_t bytes = 0;
  for (*n = 0; q->head;) {
    bytes += inline_bytes(q->head);
    if (list && (*n + q->head->behind >= VAULT_COMMIT_MAX || bytes > VAULT__COMMIT_BYTES_MAX))
      break;
    *n += q->head->behind + 1;
    *end = take(q);
    while (*end)
      end = &(*end)->next;
  }
  return list;
}
