#include "vt_files.h"

#include <string.h>

vault_principal vt_who(vt_world *w, const char *phone) {
  vault_principal who = {.size = sizeof who};
  vault_grant *g = vt_sign_in(w, phone);
  vt_ok(vt_authenticate(w, vault_grant_get(g)->access_token, &who));
  vault_grant_free(g);
  return who;
}

vault_upload_opts vt_at(const char *path, uint64_t length, uint32_t flags) {
  return (vault_upload_opts){.size = sizeof(vault_upload_opts),
                             .flags = flags,
                             .space = VAULT_SPACE_FILES,
                             .path = {path, strlen(path)},
                             .length = length};
}

static void keep_id(vault_items *items, vault_id *item) {
  uint64_t n = 0;
  const vault_item_view *row = vault_items_rows(items, &n, NULL);
  ck_assert_uint_eq(n, 1);
  if (item)
    *item = row->id;
  vault_items_free(items);
}

vault_status vt_put(vault *v, const vault_principal *who, const char *path, const char *body,
                    vault_id *item) {
  vault_items *items = NULL;
  vault_upload_opts opts = vt_at(path, 0, 0);
  vault_status s = vault_put(v, who, &opts, body, strlen(body), &items, NULL, NULL);
  ck_assert((s == VAULT_OK) == (items != NULL));
  if (s == VAULT_OK)
    keep_id(items, item);
  return s;
}

vault_status vt_folder(vault *v, const vault_principal *who, const vault_id *parent,
                       const char *name, vault_id *item) {
  vault_items *items = NULL;
  vault_status s =
    vault_folder_create(v, who, VAULT_SPACE_FILES, parent, name, strlen(name), NULL, &items, NULL);
  ck_assert((s == VAULT_OK) == (items != NULL));
  if (s == VAULT_OK)
    keep_id(items, item);
  return s;
}

vault_status vt_lookup(vault *v, const vault_principal *who, const char *path,
                       vault_item_view *out) {
  vault_items *items = NULL;
  vault_status s = vault_item_lookup(v, who, VAULT_SPACE_FILES, path, strlen(path), &items, NULL);
  if (s == VAULT_OK && out) {
    *out = *vault_items_rows(items, NULL, NULL);
    out->name = out->content_type = (vault_str){NULL, 0}; /* they go with the result */
  }
  vault_items_free(items);
  return s;
}

void vt_content(vault *v, const vault_principal *who, const char *path, const char *body) {
  vault_item_view item;
  vault_reader *r = NULL;
  char buf[4096];
  uint64_t got = 0, n = 0;
  vt_ok(vt_lookup(v, who, path, &item));
  vt_ok(vault_read_open(v, who, &item.id, NULL, 0, VAULT_TO_END, &r, NULL));
  do {
    vt_ok(vault_read_next(r, buf + n, sizeof buf - n, &got, NULL));
    n += got;
  } while (got);
  vault_reader_free(r);
  ck_assert_uint_eq(n, strlen(body));
  ck_assert_mem_eq(buf, body, (size_t)n);
}

vault_usage vt_usage(vault *v, const vault_principal *who) {
  vault_usage usage = {.size = sizeof usage};
  vt_ok(vault_usage_get(v, who, &usage, NULL));
  return usage;
}

void vt_clean(vault *v) {
  vault_check_report r = {.size = sizeof r};
  vt_ok(vault_admin_check(v, 0, &r, NULL));
  ck_assert_msg(!r.missing && !r.wrong_size && !r.orphans && !r.ledgers,
                "%llu missing, %llu of a wrong size, %llu orphans, %llu ledgers wrong",
                (unsigned long long)r.missing, (unsigned long long)r.wrong_size,
                (unsigned long long)r.orphans, (unsigned long long)r.ledgers);
}

uint64_t vt_count(vault_items *items) {
  uint64_t n = 0;
  (void)vault_items_rows(items, &n, NULL);
  return n;
}
