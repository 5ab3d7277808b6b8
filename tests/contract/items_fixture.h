/* What the files of the items suite share: a user, short names for calls, checks. Keys are
 * the names in lower-case ASCII. Confined to one thread, except vt_new_id. */
#ifndef VT_ITEMS_FIXTURE_H
#define VT_ITEMS_FIXTURE_H

#include <string.h>

#include "contract.h"
#include "vault/adapters/repositories.h"

#define VT_QUOTA_BYTES ((uint64_t)1 << 40)
#define VT_NOW_MS 1700000000000

typedef struct vt_items {
  const vt_adapter *adapter;
  vt_instance instance;
  const vault_items_repo_ops *ops;
  void *self;
  vault_id user;
  vault_err err;
} vt_items;

/* A name split from a path, with the memory that it points to. */
typedef struct vt_path {
  char text[2048], key[2048];
  vault_name names[VAULT_PATH_DEPTH_MAX + 1];
  uint32_t n;
} vt_path;

void vt_items_open(vt_items *f, int adapter); /* with one user of VT_QUOTA_BYTES */
void vt_items_close(vt_items *f);
vault_id vt_items_user(vt_items *f, uint64_t quota_bytes); /* a new account */
vault_id vt_new_id(void);                                  /* larger than all before; any thread */

void vt_path_set(vt_path *p, const char *text); /* components separated by slashes */

/* A PUT of size_bytes whose digest is made from `content`, with new ids, for f->user. */
void vt_commit_item(vt_items *f, vault_commit_item *m, const vt_path *path, uint64_t size_bytes,
                    unsigned content);
vault_commit_result vt_commit(vt_items *f, const vault_commit_item *m); /* its own status */
/* The same in one call, at a path from the root of the files space. */
vault_commit_result vt_put(vt_items *f, const char *path, uint64_t size_bytes, unsigned content);
/* The same with the bytes inline: size_bytes times the low byte of `content`. */
vault_commit_result vt_put_inline(vt_items *f, const char *path, uint64_t size_bytes,
                                  unsigned content);
void vt_inline_body(vault_commit_item *m, unsigned content); /* made; the next call overwrites */
/* A PUT with such a body that is not committed yet. */
vault_commit_item vt_inline_member(vt_items *f, vt_path *p, const char *path, uint64_t size,
                                   unsigned content);
/* The content of a version (vt_root: the current one) is `size` (at most 256) bytes of `byte`, inline. */
void vt_holds(vt_items *f, const vault_id *item, const vault_id *version, uint64_t size,
              unsigned byte);
vault_id vt_file(vt_items *f, const char *path, uint64_t size_bytes, unsigned content); /* OK */

vault_item_change vt_change(vt_items *f, const vault_id *item); /* of f->user, VT_NOW_MS */
vault_status vt_make(vt_items *f, const vault_id *parent, const char *name, vault_id *out);
vault_id vt_folder(vt_items *f, const vault_id *parent, const char *name); /* OK; NULL: root */
vault_status vt_move(vt_items *f, const vault_id *item, const vault_id *parent, const char *name);
vault_status vt_trash(vt_items *f, const vault_id *item);
vault_status vt_restore(vt_items *f, const vault_id *item);
vault_status vt_purge(vt_items *f, const vault_id *item);

vault_upload_row vt_upload_row(vt_items *f, uint64_t reserved_bytes);
vault_status vt_begin(vt_items *f, const vault_upload_row *row, const char *path);

vault_item_row vt_get(vt_items *f, const vault_id *item); /* OK */
vault_usage_row vt_usage(vt_items *f);
uint64_t vt_index(vt_items *f); /* fresh items get their rows; how many */
/* The ledger is what the rows say. */
void vt_balanced(vt_items *f);

extern const vault_id vt_root; /* zero */

static inline int vt_same_id(const vault_id *a, const vault_id *b) {
  return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* Add a NULL-ended list; and the tests of the other files. */
void vt_items_add(TCase *tcase, int adapter, const TTest *const *tests);
void vt_items_add_trash(TCase *tcase, int adapter);
void vt_items_add_commit(TCase *tcase, int adapter);
void vt_items_add_upload(TCase *tcase, int adapter);
void vt_items_add_inline(TCase *tcase, int adapter);
void vt_items_add_fresh(TCase *tcase, int adapter);
void vt_items_add_batch(TCase *tcase, int adapter);
void vt_items_add_random(TCase *tcase, int adapter);
void vt_items_add_digest(TCase *tcase, int adapter);
void vt_items_add_parallel(TCase *tcase, int adapter);

#endif
